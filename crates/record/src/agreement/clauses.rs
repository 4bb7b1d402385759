//! Typed clauses: what two parties agreed, in a form that rules can apply. Changing a clause is an amendment, that is, a new
//! agreement that names the old one; a signed agreement's clauses never change.

use kernel::{Currency, Decimal, Error, Money, Quantity, Result, Unit, id::MeterId};
use rust_decimal::RoundingStrategy;
use serde::{Deserialize, Serialize};

use crate::machine::words;

words! {
    /// What a price counts.
    pub enum Basis {
        /// Time in which the machine ran.
        MachineTime "machine_time";
        /// A share of the value of what was made.
        Value "value";
        /// Good pieces.
        GoodPieces "good_pieces";
    }
}

/// One clause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "clause", rename_all = "snake_case")]
pub enum Clause {
    /// What is paid per metered unit.
    Price(Price),
    /// How much more than promised is still accepted and paid.
    Tolerance(Tolerance),
    /// How much is set aside before work begins.
    Escrow(Escrow),
    /// When a delivery counts as accepted.
    Acceptance(Acceptance),
    /// How much of a window must be covered by data before its reading counts (I19).
    Coverage(Coverage),
    /// How long a reading or invoice may be disputed, and what happens when nobody decides.
    Dispute(Dispute),
    /// What may be done with the data of this agreement.
    DataUse(DataUse),
}

/// What is paid per metered unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = PriceClause)]
pub struct Price {
    /// What is counted.
    pub basis: Basis,
    /// Unit of the price and of the invoice line, UN/ECE Rec 20.
    #[schema(value_type = String)]
    pub unit: Unit,
    /// Decimal places of the quantity on the line, 0–6; a reading in another unit is converted and rounded to them.
    pub quantity_decimals: u32,
    /// Net price per unit; may be finer than the currency's minor unit. For `value`, the declared value of one unit.
    #[schema(value_type = String)]
    pub unit_price: Decimal,
    /// For `value` only: per cent of the value that is paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub share_percent: Option<Decimal>,
    /// The currency.
    #[schema(value_type = String)]
    pub currency: Currency,
    /// Least net amount per reading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<crate::wire::MoneySchema>)]
    pub minimum: Option<Money>,
    /// Greatest net amount of the whole agreement under this clause. Zero means zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<crate::wire::MoneySchema>)]
    pub cap: Option<Money>,
    /// Tax on top, per cent.
    #[schema(value_type = String)]
    pub tax_percent: Decimal,
    /// The meter that counts; none when a person will name it later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub meter: Option<MeterId>,
}

/// How much more than promised is still accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = ToleranceClause)]
pub struct Tolerance {
    /// Share of the promised quantity, 0–1.
    #[schema(value_type = String)]
    pub share: Decimal,
}

/// How much is set aside before work begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = EscrowClause)]
pub struct Escrow {
    /// The amount.
    #[schema(value_type = crate::wire::MoneySchema)]
    pub amount: Money,
}

/// When a delivery counts as accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = AcceptanceClause)]
pub struct Acceptance {
    /// Accepted by silence after so many hours; 0 waits for the receiver's word.
    pub after_hours: u32,
}

/// How much of a window must be covered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = CoverageClause)]
pub struct Coverage {
    /// Share of the window, 0–1.
    #[schema(value_type = String)]
    pub minimum: Decimal,
}

/// How long one may dispute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = DisputeClause)]
pub struct Dispute {
    /// Hours after sealing or issuing.
    pub window_hours: u32,
    /// Hours to decide, after which the record stands.
    pub decide_hours: u32,
}

/// What may be done with the data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = DataUseClause)]
pub struct DataUse {
    /// What for.
    pub purpose: String,
    /// Which properties; empty for those of the evidence only.
    pub properties: Vec<String>,
    /// Days after the end of the agreement.
    pub days_after: u32,
}

/// The exact amount that a price gives for a quantity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// Quantity on the line.
    pub quantity: Quantity,
    /// Net price of one unit on the line.
    pub unit_price: Decimal,
    /// Line net: rounded quantity × price, plus the adjustment.
    pub net: Money,
    /// What a minimum added or a cap took away.
    pub adjustment: Money,
}

impl Price {
    /// The charge for a metered quantity when `charged` was charged before under this clause.
    ///
    /// # Errors
    /// When the units measure different things or the amount is too large.
    pub fn charge(&self, quantity: Quantity, charged: Money) -> Result<Charge> {
        let mut quantity = quantity.to(self.unit)?;
        quantity.value = quantity
            .value
            .round_dp_with_strategy(self.quantity_decimals, RoundingStrategy::MidpointAwayFromZero)
            .normalize();
        let unit_price = self.line_price();
        let product = unit_price.checked_mul(quantity.value).ok_or_else(|| {
            Error::unprocessable("record.claim.too-large", "the charge is too large for exact arithmetic")
        })?;
        let plain = Money::rounded(product, self.currency)?;
        let mut net = plain;
        if let Some(minimum) = self.minimum
            && net.minor() < minimum.minor()
        {
            net = minimum;
        }
        if let Some(cap) = self.cap {
            let left = cap.minus(charged)?.minor().max(0);
            net = Money::from_minor(net.minor().min(left), self.currency);
        }
        Ok(Charge { quantity, unit_price, net, adjustment: net.minus(plain)? })
    }

    /// Net price of one unit on the line.
    pub fn line_price(&self) -> Decimal {
        let share = self.share_percent.map_or(Decimal::ONE, |percent| percent / Decimal::ONE_HUNDRED);
        (self.unit_price * share).normalize()
    }
}

/// Checks clauses together; every broken one is named.
///
/// # Errors
/// `record.agreement.clause` with a field error per problem.
pub fn clauses_check(clauses: &[Clause]) -> Result<()> {
    let mut error =
        Error::unprocessable("record.agreement.clause", "a clause cannot be applied").hint("correct the named clauses");
    let mut currency: Option<Currency> = None;
    for (index, clause) in clauses.iter().enumerate() {
        let mut refuse = |broken: bool, field: &str, rule: &str| {
            if broken {
                let pointer = format!("/clauses/{index}/{field}");
                error.fields.push(kernel::FieldError { pointer, message: rule.into() });
            }
        };
        let mut same_currency = |money: Option<Money>| {
            money
                .is_some_and(|money| *currency.get_or_insert(money.currency()) != money.currency() || money.minor() < 0)
        };
        let share = |value: Decimal| value >= Decimal::ZERO && value <= Decimal::ONE;
        match clause {
            Clause::Price(price) => {
                let percent =
                    |value: Decimal| value > Decimal::ZERO && value <= Decimal::ONE_HUNDRED && value.scale() <= 4;
                refuse(
                    price.unit_price < Decimal::ZERO || price.unit_price.scale() > 8,
                    "unit_price",
                    "must be 0 or more with at most 8 decimals",
                );
                refuse(price.unit_price > Decimal::from(10i64.pow(12)), "unit_price", "must be at most 10¹²");
                refuse(price.quantity_decimals > 6, "quantity_decimals", "must be 0–6");
                let share_ok = match price.basis {
                    Basis::Value => price.share_percent.is_some_and(percent),
                    _ => price.share_percent.is_none(),
                };
                refuse(!share_ok, "share_percent", "value needs a share above 0 up to 100; other bases have none");
                let tax_ok = price.tax_percent >= Decimal::ZERO
                    && price.tax_percent < Decimal::ONE_HUNDRED
                    && price.tax_percent.scale() <= 4;
                refuse(!tax_ok, "tax_percent", "must be 0–100");
                refuse(
                    same_currency(Some(Money::zero(price.currency))),
                    "currency",
                    "must be the agreement's one currency",
                );
                refuse(same_currency(price.minimum), "minimum", "must be 0 or more in the agreement's one currency");
                refuse(same_currency(price.cap), "cap", "must be 0 or more in the agreement's one currency");
            }
            Clause::Tolerance(tolerance) => refuse(!share(tolerance.share), "share", "must be 0–1"),
            Clause::Escrow(escrow) => refuse(
                same_currency(Some(escrow.amount)),
                "amount",
                "must be 0 or more in the agreement's one currency",
            ),
            Clause::Acceptance(acceptance) => {
                refuse(acceptance.after_hours > 8_760, "after_hours", "must be at most a year")
            }
            Clause::Coverage(coverage) => refuse(!share(coverage.minimum), "minimum", "must be 0–1"),
            Clause::Dispute(dispute) => {
                refuse(
                    dispute.window_hours > 8_760 || dispute.decide_hours > 8_760,
                    "window_hours",
                    "must be at most a year",
                );
            }
            Clause::DataUse(data) => refuse(
                data.purpose.trim().is_empty() || data.purpose.len() > 200,
                "purpose",
                "must have 1–200 characters",
            ),
        }
    }
    if error.fields.is_empty() { Ok(()) } else { Err(error) }
}
