//! The paper over claims. Arithmetic after EN 16931: lines are rounded first, then summed; tax is computed per rate on the sum
//! of its lines (BR-CO-10, -13 to -17).

use kernel::{
    Currency, Decimal, Error, Money, NiUri, Quantity, Result, Timestamp,
    id::{AgreementId, ClaimId, InvoiceId, PartyId},
};
use serde::{Deserialize, Serialize};

use crate::machine::{machine, words};

machine! {
    /// Where an invoice or credit note stands.
    pub enum InvoiceState refuses "record.invoice.step" {
        /// Sent.
        Issued "issued" => [PartSettled, Settled, Disputed];
        /// Paid in part.
        PartSettled "part_settled" => [Settled, Disputed];
        /// Paid.
        Settled "settled" => [Disputed];
        /// Under dispute.
        Disputed "disputed" => [Issued, PartSettled, Settled];
    }
}

words! {
    /// What paper it is.
    pub enum InvoiceKind {
        /// The buyer owes.
        Invoice "invoice";
        /// The seller owes back: a correction by difference.
        CreditNote "credit_note";
    }
}

/// One line of an invoice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = InvoiceLine)]
pub struct Line {
    /// The claim.
    #[schema(value_type = String)]
    pub claim: ClaimId,
    /// The reading, event or clause behind the claim.
    pub cause: String,
    /// Digest of the sealed statement behind it: what an evidence bundle proves.
    #[schema(value_type = Option<String>)]
    pub statement: Option<NiUri>,
    /// What for.
    pub description: String,
    /// How much of it.
    #[schema(value_type = crate::wire::QuantitySchema)]
    pub quantity: Quantity,
    /// Net price of one unit.
    #[schema(value_type = String)]
    pub unit_price: Decimal,
    /// Allowance (negative) or charge on the line: a cap or a minimum.
    #[schema(value_type = crate::wire::MoneySchema)]
    pub adjustment: Money,
    /// Line net, rounded.
    #[schema(value_type = crate::wire::MoneySchema)]
    pub net: Money,
    /// Tax rate, per cent.
    #[schema(value_type = String)]
    pub tax_percent: Decimal,
}

/// Tax of all lines with one rate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TaxPart {
    /// Rate, per cent.
    #[schema(value_type = String)]
    pub percent: Decimal,
    /// Sum of the lines' nets.
    #[schema(value_type = crate::wire::MoneySchema)]
    pub taxable: Money,
    /// Tax on that sum, rounded once.
    #[schema(value_type = crate::wire::MoneySchema)]
    pub tax: Money,
}

/// The sums of an invoice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Totals {
    /// Sum of the rounded lines.
    #[schema(value_type = crate::wire::MoneySchema)]
    pub net: Money,
    /// Tax by rate, lowest first.
    pub taxes: Vec<TaxPart>,
    /// Sum of the taxes.
    #[schema(value_type = crate::wire::MoneySchema)]
    pub tax: Money,
    /// Net + tax.
    #[schema(value_type = crate::wire::MoneySchema)]
    pub gross: Money,
    /// Paid before.
    #[schema(value_type = crate::wire::MoneySchema)]
    pub prepaid: Money,
    /// Rounding of the payable amount.
    #[schema(value_type = crate::wire::MoneySchema)]
    pub rounding: Money,
    /// Gross − prepaid + rounding.
    #[schema(value_type = crate::wire::MoneySchema)]
    pub payable: Money,
}

impl Totals {
    /// Computes the sums of rounded lines.
    ///
    /// # Errors
    /// When lines are of two currencies or the sums are too large.
    pub fn of(lines: &[Line], currency: Currency, prepaid: Money) -> Result<Self> {
        let zero = Money::zero(currency);
        let mut rates: Vec<Decimal> = lines.iter().map(|line| line.tax_percent.normalize()).collect();
        rates.sort_unstable();
        rates.dedup();
        let (mut net, mut tax, mut taxes) = (zero, zero, Vec::new());
        for percent in rates {
            let mut taxable = zero;
            for line in lines.iter().filter(|line| line.tax_percent.normalize() == percent) {
                taxable = taxable.plus(line.net)?;
            }
            let part = TaxPart { percent, taxable, tax: taxable.times(percent / Decimal::ONE_HUNDRED)? };
            net = net.plus(part.taxable)?;
            tax = tax.plus(part.tax)?;
            taxes.push(part);
        }
        let gross = net.plus(tax)?;
        let payable = gross.minus(prepaid)?.plus(zero)?;
        Ok(Self { net, taxes, tax, gross, prepaid, rounding: zero, payable })
    }

    /// What does not hold between lines and sums (I25), in words.
    pub fn problems(&self, lines: &[Line]) -> Vec<String> {
        let mut found = Vec::new();
        for (index, line) in lines.iter().enumerate() {
            let plain = line
                .unit_price
                .checked_mul(line.quantity.value)
                .map(|product| Money::rounded(product, line.net.currency()));
            let expected = plain.and_then(|plain| plain.ok()).and_then(|plain| plain.plus(line.adjustment).ok());
            if expected != Some(line.net) {
                found.push(format!("line {} says {} and is {expected:?}", index + 1, line.net));
            }
        }
        match Self::of(lines, self.net.currency(), self.prepaid) {
            Err(error) => found.push(error.message.to_string()),
            Ok(expected) => {
                let rounded = expected.payable.plus(self.rounding).unwrap_or(expected.payable);
                let pairs = [
                    ("net", self.net, expected.net),
                    ("tax", self.tax, expected.tax),
                    ("gross", self.gross, expected.gross),
                    ("payable", self.payable, rounded),
                ];
                found.extend(
                    pairs
                        .iter()
                        .filter(|(_, said, is)| said != is)
                        .map(|(name, said, is)| format!("{name} says {said} and is {is}")),
                );
                if self.taxes != expected.taxes {
                    found.push("the tax of a rate is not its sum × its per cent".into());
                }
            }
        }
        found
    }
}

/// An invoice or credit note.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Invoice {
    /// Its id.
    #[schema(value_type = String)]
    pub id: InvoiceId,
    /// Number in the seller's series.
    pub number: String,
    /// What paper it is.
    pub kind: InvoiceKind,
    /// The agreement.
    #[schema(value_type = String)]
    pub agreement: AgreementId,
    /// Who is owed (on an invoice).
    #[schema(value_type = String)]
    pub seller: PartyId,
    /// Who owes (on an invoice).
    #[schema(value_type = String)]
    pub buyer: PartyId,
    /// The invoice that a credit note corrects.
    #[schema(value_type = Option<String>)]
    pub corrects: Option<InvoiceId>,
    /// The lines; on a credit note with positive amounts.
    pub lines: Vec<Line>,
    /// The sums.
    pub totals: Totals,
    /// What has been paid.
    #[schema(value_type = crate::wire::MoneySchema)]
    pub settled: Money,
    /// When it was issued.
    #[schema(value_type = String, format = DateTime)]
    pub issued_at: Timestamp,
    /// When it is due.
    #[schema(value_type = String, format = DateTime)]
    pub due_at: Timestamp,
    /// Where it stands.
    pub state: InvoiceState,
}

impl Invoice {
    /// What is still to be paid.
    pub fn open(&self) -> Result<Money> {
        self.totals.payable.minus(self.settled)
    }

    /// Counts a payment; more than what is open is refused.
    ///
    /// # Errors
    /// `record.invoice.overpaid`, `record.invoice.disputed`.
    pub fn settle(mut self, amount: Money) -> Result<Self> {
        if self.state == InvoiceState::Disputed {
            return Err(Error::conflict("record.invoice.disputed", format!("{} is under dispute", self.number))
                .hint("it is paid when the case is closed"));
        }
        let open = self.open()?;
        let rest = open.minus(amount)?;
        if amount.minor() <= 0 || rest.minor() < 0 {
            return Err(Error::conflict("record.invoice.overpaid", format!("{amount} cannot be paid on {open} open"))
                .hint("pay at most what is open"));
        }
        let next = if rest.minor() == 0 { InvoiceState::Settled } else { InvoiceState::PartSettled };
        if self.state != next || next != InvoiceState::PartSettled {
            self.state = self.state.to(next)?;
        }
        self.settled = self.settled.plus(amount)?;
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::Id;
    use proptest::prelude::*;

    fn line(net_text: &str, percent: &str) -> Line {
        let unit_price: Decimal = net_text.parse().unwrap();
        Line {
            claim: Id::from_uuid(uuid::Uuid::from_bytes([1; 16])),
            cause: "rdg".into(),
            statement: None,
            description: "machine time".into(),
            quantity: Quantity::parse("1", "HUR").unwrap(),
            unit_price,
            adjustment: Money::zero(Currency::CNY),
            net: Money::rounded(unit_price, Currency::CNY).unwrap(),
            tax_percent: percent.parse().unwrap(),
        }
    }

    fn totals(lines: &[Line]) -> Totals {
        Totals::of(lines, Currency::CNY, Money::zero(Currency::CNY)).unwrap()
    }

    #[test]
    fn three_lines_of_33_335_make_100_02() {
        let lines = [line("33.335", "0"), line("33.335", "0"), line("33.335", "0")];
        let sums = totals(&lines);
        assert_eq!(sums.net.to_string(), "100.02 CNY");
        assert!(sums.problems(&lines).is_empty());
        // 100.01, the sum rounded last, must fail.
        let wrong = Totals { net: Money::from_minor(10_001, Currency::CNY), ..sums };
        assert_eq!(wrong.problems(&lines).len(), 1);
    }

    #[test]
    fn tax_is_computed_once_per_rate() {
        // 3 × 10.05 at 13 %: 30.15 × 0.13 = 3.9195 → 3.92; per line it would be 3 × 1.31 = 3.93.
        let lines = [line("10.05", "13"), line("10.05", "13.0"), line("10.05", "13"), line("5", "6")];
        let sums = totals(&lines);
        assert_eq!(sums.taxes.len(), 2);
        assert_eq!((sums.tax.minor(), sums.gross.minor(), sums.payable.minor()), (392 + 30, 3_515 + 422, 3_937));
        assert!(sums.problems(&lines).is_empty());
    }

    #[test]
    fn a_changed_line_is_found() {
        let mut lines = [line("10.05", "13")];
        let sums = totals(&lines);
        lines[0].net = Money::from_minor(1_006, Currency::CNY);
        let found = sums.problems(&lines);
        assert!(found[0].contains("line 1") && found.iter().any(|text| text.starts_with("net says")), "{found:?}");
    }

    proptest! {
        #[test]
        fn sums_always_hold(prices in proptest::collection::vec((0i64..1_000_000, 0usize..3), 1..20)) {
            let lines: Vec<Line> = prices.iter().map(|(mills, rate)| line(&Decimal::new(*mills, 3).to_string(), ["0", "6", "13"][*rate])).collect();
            let sums = totals(&lines);
            prop_assert!(sums.problems(&lines).is_empty());
            prop_assert_eq!(sums.net.minor() + sums.tax.minor(), sums.gross.minor());
            prop_assert_eq!(sums.net.minor(), lines.iter().map(|line| line.net.minor()).sum::<i64>());
        }
    }
}
