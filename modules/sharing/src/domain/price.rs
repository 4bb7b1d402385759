//! The three billing bases of shared manufacturing: machine time, value, good pieces. One rule each, exact.

use kernel::{Decimal, Error, Money, Quantity, Result, Unit};
use rust_decimal::RoundingStrategy;

/// Largest amount in a price: keeps every product far inside exact arithmetic.
pub const AMOUNT_MAX_MINOR: i64 = 100_000_000_000;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Basis {
    /// Hours in which the machine was running.
    Time,
    /// A share of the value of the good pieces.
    Value,
    /// Good pieces.
    Pieces,
}

impl Basis {
    /// Stored name.
    pub fn name(self) -> &'static str {
        match self {
            Basis::Time => "time",
            Basis::Value => "value",
            Basis::Pieces => "pieces",
        }
    }

    /// The unit in which the meter's reading becomes an invoice line.
    pub fn unit(self) -> Unit {
        let code = match self {
            Basis::Time => "HUR",
            Basis::Value | Basis::Pieces => "H87",
        };
        Unit::of(code).unwrap_or(Unit::one())
    }
}

impl std::str::FromStr for Basis {
    type Err = Error;
    fn from_str(name: &str) -> Result<Self> {
        [Basis::Time, Basis::Value, Basis::Pieces].into_iter().find(|basis| basis.name() == name).ok_or_else(|| {
            Error::invalid("sharing.basis.unknown", format!("{name:?} is not a billing basis"))
                .hint("the bases are time, value and pieces")
        })
    }
}

/// A price for one basis.
///
/// Guarantees: `charge` is `max(minimum, rate × quantity)`, rounded once, half away from zero, to the minor unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceRule {
    /// What is counted.
    pub basis: Basis,
    /// Net price per hour or per good piece; for `Value` the declared value of one good piece.
    pub unit_price: Money,
    /// For `Value` only: per cent of the value that is charged, above 0 up to 100.
    pub percent: Option<Decimal>,
    /// Least net charge of a job.
    pub minimum: Money,
}

impl PriceRule {
    /// Refuses a rule that could not be billed.
    pub fn check(&self) -> Result<()> {
        let refuse = |pointer: &str, message: &str| {
            Err(Error::invalid("sharing.price.malformed", "the price rule cannot be billed").field(pointer, message))
        };
        if !(1..=AMOUNT_MAX_MINOR).contains(&self.unit_price.minor()) {
            return refuse("/unit_price", "must be above zero, up to 10¹¹ minor units");
        }
        if !(0..=AMOUNT_MAX_MINOR).contains(&self.minimum.minor())
            || self.minimum.currency() != self.unit_price.currency()
        {
            return refuse("/minimum", "must be 0 to 10¹¹ minor units in the currency of the price");
        }
        match (self.basis, self.percent) {
            (Basis::Value, Some(p)) if p > Decimal::ZERO && p <= Decimal::ONE_HUNDRED && p.scale() <= 4 => Ok(()),
            (Basis::Value, _) => {
                refuse("/percent", "billing by value needs a percentage above 0 up to 100, at most 4 decimals")
            }
            (_, None) => Ok(()),
            (_, Some(_)) => refuse("/percent", "only billing by value has a percentage"),
        }
    }

    /// The net price of one unit on the invoice line, exact.
    pub fn line_price(&self) -> Decimal {
        let share = self.percent.map_or(Decimal::ONE, |percent| percent / Decimal::ONE_HUNDRED);
        (self.unit_price.decimal() * share).normalize()
    }

    /// The net charge for a metered quantity.
    pub fn charge(&self, quantity: Quantity) -> Result<Money> {
        let quantity = quantity.to(self.basis.unit())?.value;
        let amount = self
            .line_price()
            .checked_mul(quantity)
            .ok_or_else(|| Error::invalid("kernel.money.overflow", "the charge is too large"))?;
        let charge = Money::rounded(amount, self.unit_price.currency())?;
        Ok(if charge.minor() < self.minimum.minor() { self.minimum } else { charge })
    }
}

/// Decimal places of a line's quantity: hours with four (0.36 s), whole pieces. Stated here, once.
pub fn line_decimals(basis: Basis) -> u32 {
    match basis {
        Basis::Time => 4,
        Basis::Value | Basis::Pieces => 0,
    }
}

/// A quantity as it stands on a line, rounded half away from zero.
pub fn line_quantity(basis: Basis, quantity: Quantity) -> Result<Quantity> {
    let quantity = quantity.to(basis.unit())?;
    let value = quantity.value.round_dp_with_strategy(line_decimals(basis), RoundingStrategy::MidpointAwayFromZero);
    Ok(Quantity::new(value, quantity.unit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::Currency;

    fn rule(basis: Basis, minor: i64, percent: Option<&str>, minimum: i64) -> PriceRule {
        PriceRule {
            basis,
            unit_price: Money::from_minor(minor, Currency::CNY),
            percent: percent.map(|text| text.parse().unwrap()),
            minimum: Money::from_minor(minimum, Currency::CNY),
        }
    }

    #[test]
    fn one_job_three_ways() {
        let minutes = Quantity::parse("247", "MIN").unwrap();
        let pieces = Quantity::parse("118", "H87").unwrap();
        let hours = line_quantity(Basis::Time, minutes).unwrap();
        assert_eq!(hours.to_string(), "4.1167 HUR");
        assert_eq!(rule(Basis::Time, 28_000, None, 0).charge(hours).unwrap().minor(), 115_268);
        assert_eq!(rule(Basis::Pieces, 950, None, 0).charge(pieces).unwrap().minor(), 112_100);
        assert_eq!(rule(Basis::Value, 4_600, Some("20.5"), 0).charge(pieces).unwrap().minor(), 111_274);
    }

    #[test]
    fn a_minimum_is_charged_and_units_must_fit() {
        let none = Quantity::parse("0", "H87").unwrap();
        assert_eq!(rule(Basis::Pieces, 950, None, 5_000).charge(none).unwrap().minor(), 5_000);
        assert_eq!(rule(Basis::Time, 950, None, 0).charge(none).unwrap_err().code, "kernel.unit.dimension-mixed");
    }

    #[test]
    fn only_value_has_a_percentage() {
        assert!(rule(Basis::Value, 100, None, 0).check().is_err());
        assert!(rule(Basis::Time, 100, Some("5"), 0).check().is_err());
        assert!(rule(Basis::Value, 100, Some("100"), 0).check().is_ok());
        assert!(rule(Basis::Value, 100, Some("100.01"), 0).check().is_err());
    }
}
