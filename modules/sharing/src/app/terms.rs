//! From the terms of a capability to the typed clauses of the record: what is offered to everybody, and what one buyer signs.

use kernel::{Decimal, Duration, Money, Result};
use record::agreement::{self, Acceptance, Clause, Coverage, DataUse, Dispute, Escrow, Price, Tolerance};

use crate::{
    config::{COVERAGE_LEAST, DATA_KEPT_DAYS, DECIDE_HOURS, PIECES, RUN_STATE},
    domain::{
        booking::Cost,
        capability::Terms,
        price::{Basis, PriceRule, line_decimals},
    },
    store::meters::Meters,
};

/// The clauses of an offer: one price per basis, nothing capped yet.
pub(super) fn clauses_offered(terms: &Terms, meters: Meters) -> Result<Vec<Clause>> {
    let mut clauses = Vec::new();
    for rule in &terms.prices {
        clauses.push(price(terms, rule, meters, None)?);
    }
    clauses.extend(conditions(terms));
    Ok(clauses)
}

/// The clauses of a booking: the chosen basis, at most what the slots or pieces cost, all of it in escrow.
pub(super) fn clauses_agreed(terms: &Terms, basis: Basis, most: &Cost, meters: Meters) -> Result<Vec<Clause>> {
    let cap = most.net.minus(terms.setup)?;
    let mut clauses = vec![price(terms, terms.price(basis)?, meters, Some(cap))?];
    if terms.setup.minor() > 0 {
        clauses.push(setup(terms, basis, meters)?);
    }
    clauses.push(Clause::Escrow(Escrow { amount: most.gross }));
    clauses.extend(conditions(terms));
    Ok(clauses)
}

/// Never more is billed than was booked: the cap is what the whole of the slots, or every piece, costs. The excess stays
/// visible on the reading.
fn price(terms: &Terms, rule: &PriceRule, meters: Meters, cap: Option<Money>) -> Result<Clause> {
    Ok(Clause::Price(Price {
        basis: basis_of(rule.basis),
        unit: rule.basis.unit(),
        quantity_decimals: line_decimals(rule.basis),
        unit_price: rule.unit_price.decimal(),
        share_percent: rule.percent,
        currency: rule.unit_price.currency(),
        minimum: Some(rule.minimum),
        cap,
        tax_percent: terms.tax_percent,
        meter: Some(meters.of(rule.basis)?),
    }))
}

/// The set-up charge is a price of nothing per unit with a least amount, capped at the same amount: due once, with the first
/// reading.
fn setup(terms: &Terms, basis: Basis, meters: Meters) -> Result<Clause> {
    // A share of value would need a percentage; the meter is the same.
    let counted = if basis == Basis::Value { Basis::Pieces } else { basis };
    Ok(Clause::Price(Price {
        basis: basis_of(counted),
        unit: basis.unit(),
        quantity_decimals: line_decimals(basis),
        unit_price: Decimal::ZERO,
        share_percent: None,
        currency: terms.setup.currency(),
        minimum: Some(terms.setup),
        cap: Some(terms.setup),
        tax_percent: terms.tax_percent,
        meter: Some(meters.of(basis)?),
    }))
}

fn conditions(terms: &Terms) -> [Clause; 5] {
    let hours = (terms.dispute_window.micros() / Duration::from_hours(1).micros()) as u32;
    [
        Clause::Tolerance(Tolerance { share: Decimal::ZERO }),
        Clause::Coverage(Coverage { minimum: COVERAGE_LEAST }),
        Clause::Acceptance(Acceptance { after_hours: hours }),
        Clause::Dispute(Dispute { window_hours: hours, decide_hours: DECIDE_HOURS }),
        Clause::DataUse(DataUse {
            purpose: "metering and billing of this booking".into(),
            properties: std::iter::once(RUN_STATE).chain(PIECES).map(str::to_owned).collect(),
            days_after: DATA_KEPT_DAYS,
        }),
    ]
}

fn basis_of(basis: Basis) -> agreement::Basis {
    match basis {
        Basis::Time => agreement::Basis::MachineTime,
        Basis::Value => agreement::Basis::Value,
        Basis::Pieces => agreement::Basis::GoodPieces,
    }
}
