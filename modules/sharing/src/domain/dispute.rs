//! What a provider concedes in a dispute, spread over what was claimed.

use kernel::{Error, Money, Result};

/// What is still due on each claim after a net refund; none returns everything. Claims are reduced in their order, the metered
/// one first, and never below zero.
pub fn dues(claimed: &[Money], refund: Option<Money>) -> Result<Vec<Money>> {
    let Some(first) = claimed.first() else {
        return match refund {
            None => Ok(Vec::new()),
            Some(_) => Err(Error::conflict(
                "sharing.dispute.nothing-billed",
                "nothing is billed yet: there is no part of it to concede",
            )
            .hint("leave the amount out to return the whole escrow")),
        };
    };
    let mut total = Money::zero(first.currency());
    for net in claimed {
        total = total.plus(*net)?;
    }
    let mut left = refund.unwrap_or(total);
    if refund.is_some_and(|refund| refund.minor() <= 0) || total.minus(left)?.minor() < 0 {
        return Err(Error::unprocessable(
            "sharing.dispute.amount",
            format!("{left} cannot be conceded of {total} net"),
        )
        .hint("concede more than nothing and at most what was billed")
        .field("/refund_net", "must be above zero and at most the net amount of the invoice"));
    }
    claimed
        .iter()
        .map(|net| {
            let taken = Money::from_minor(left.minor().min(net.minor()).max(0), net.currency());
            left = left.minus(taken)?;
            net.minus(taken)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::Currency;

    fn yuan(minor: &[i64]) -> Vec<Money> {
        minor.iter().map(|minor| Money::from_minor(*minor, Currency::CNY)).collect()
    }

    #[test]
    fn a_refund_reduces_the_claims_in_order() {
        let claimed = yuan(&[100, 30]);
        let refund = |minor| Some(Money::from_minor(minor, Currency::CNY));
        assert_eq!(dues(&claimed, refund(40)).unwrap(), yuan(&[60, 30]));
        assert_eq!(dues(&claimed, refund(110)).unwrap(), yuan(&[0, 20]));
        assert_eq!(dues(&claimed, None).unwrap(), yuan(&[0, 0]));
        for bad in [0, -1, 131] {
            assert_eq!(dues(&claimed, refund(bad)).unwrap_err().code, "sharing.dispute.amount");
        }
    }

    #[test]
    fn before_anything_is_billed_only_everything_can_be_conceded() {
        assert_eq!(dues(&[], None).unwrap(), []);
        let some = Some(Money::from_minor(1, Currency::CNY));
        assert_eq!(dues(&[], some).unwrap_err().code, "sharing.dispute.nothing-billed");
    }
}
