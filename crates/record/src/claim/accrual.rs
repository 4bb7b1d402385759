//! From a fact to what it is worth.

use appkit::Tx;
use kernel::{
    Duration, Error, Money, Quantity, Result, Window,
    id::{CaseId, ClaimId, EventId, ReadingId},
};

use super::{
    CauseKind, Claim, ClaimState,
    store::{self, claim_get, claim_list_by_cause},
};
use crate::{
    agreement::{Basis, Price, agreement_get},
    case::{CaseState, Outcome, case_get},
    event::{EventState, event_get},
    events,
    meter::{Reading, reading_get},
};

/// Derives the claims that follow from a sealed reading: one per price clause that its meter counts for. Asking again gives
/// the same claims. A correction reading gives claims over the difference (I20).
///
/// # Errors
/// `record.reading.not-sealed` (I19), `record.claim.no-agreement`, `record.claim.no-price`.
pub async fn claims_accrue(tx: &mut Tx, reading: ReadingId) -> Result<Vec<Claim>> {
    let reading = reading_get(tx, reading).await?;
    let known = claim_list_by_cause(tx, CauseKind::Reading, &reading.id().to_string()).await?;
    if !known.is_empty() {
        return Ok(known);
    }
    reading.require_billable()?;
    let statement = &reading.statement;
    let Some(agreement) = statement.agreement else {
        return Err(Error::unprocessable("record.claim.no-agreement", "the reading is not under an agreement"));
    };
    let agreement = agreement_get(tx, agreement).await?;
    let applies = |price: &Price| match price.meter {
        Some(meter) => meter == statement.meter,
        None => price.unit.dimension() == statement.unit.dimension(),
    };
    let prices: Vec<(usize, Price)> =
        agreement.prices().filter(|(_, price)| applies(price)).map(|(index, price)| (index, price.clone())).collect();
    if prices.is_empty() {
        return Err(no_price());
    }
    let mut claims = Vec::with_capacity(prices.len());
    for (index, price) in prices {
        let clause = index as u32;
        let earlier = earlier_claims(tx, &reading, clause).await?;
        let mut billed_before = Money::zero(price.currency);
        let mut counted_before = Quantity::new(kernel::Decimal::ZERO, price.unit);
        for claim in &earlier {
            billed_before = billed_before.plus(claim.net)?;
            counted_before = counted_before.plus(claim.quantity)?;
        }
        let charged = store::charged(tx, agreement.id, clause, price.currency).await?.minus(billed_before)?;
        let charge = price.charge(Quantity::new(statement.quantity, statement.unit), charged)?;
        // By difference: what the reading is worth now less what was claimed for it before.
        let net = charge.net.minus(billed_before)?;
        let quantity = charge.quantity.minus(counted_before)?;
        let plain = Money::rounded(charge.unit_price * quantity.value, price.currency)?;
        let claim = Claim {
            id: tx.new_id(),
            agreement: agreement.id,
            clause,
            cause_kind: CauseKind::Reading,
            cause: reading.id().to_string(),
            corrects: earlier.last().map(|claim| claim.id),
            debtor: agreement.receiver,
            creditor: agreement.provider,
            description: description(&price, &reading),
            quantity,
            unit_price: charge.unit_price,
            adjustment: net.minus(plain)?,
            net,
            tax_percent: price.tax_percent,
            statement: Some(reading.digest),
            state: ClaimState::Accrued,
            invoice: None,
            accrued_at: tx.now(),
        };
        keep(tx, &claim).await?;
        claims.push(claim);
    }
    Ok(claims)
}

/// Derives the claims that follow from a fact other than a reading, such as delivered pieces: one per price clause without a
/// meter that counts in the event's kind of unit. Asking again gives the same claims.
///
/// # Errors
/// `record.claim.not-attested` when rights moved on one side's word only (I15); `record.claim.no-agreement`,
/// `record.claim.no-price`.
pub async fn claims_accrue_event(tx: &mut Tx, event: EventId) -> Result<Vec<Claim>> {
    let event = event_get(tx, event).await?;
    let known = claim_list_by_cause(tx, CauseKind::Event, &event.id.to_string()).await?;
    if !known.is_empty() {
        return Ok(known);
    }
    if event.state == EventState::Corrected
        || (event.state != EventState::Attested && event.content.action.moves_rights())
    {
        return Err(Error::conflict("record.claim.not-attested", format!("the event is {}", event.state))
            .hint("both sides confirm the event, or it cites evidence"));
    }
    let (Some(agreement), Some(quantity)) = (event.content.agreement, event.content.measure()) else {
        return Err(Error::unprocessable(
            "record.claim.no-agreement",
            "the event is not under an agreement, or has no quantity",
        ));
    };
    if event.content.reading.is_some() {
        return Err(Error::unprocessable("record.claim.no-price", "what a reading says is claimed for by the reading"));
    }
    let agreement = agreement_get(tx, agreement).await?;
    let prices: Vec<(usize, Price)> = agreement
        .prices()
        .filter(|(_, price)| price.meter.is_none() && price.unit.dimension() == quantity.unit.dimension())
        .map(|(index, price)| (index, price.clone()))
        .collect();
    if prices.is_empty() {
        return Err(no_price());
    }
    let mut claims = Vec::with_capacity(prices.len());
    for (index, price) in prices {
        let charged = store::charged(tx, agreement.id, index as u32, price.currency).await?;
        let charge = price.charge(quantity, charged)?;
        let claim = Claim {
            id: tx.new_id(),
            agreement: agreement.id,
            clause: index as u32,
            cause_kind: CauseKind::Event,
            cause: event.id.to_string(),
            corrects: None,
            debtor: agreement.receiver,
            creditor: agreement.provider,
            description: format!("{}, {}", event.content.action, event.content.occurred_at),
            quantity: charge.quantity,
            unit_price: charge.unit_price,
            adjustment: charge.adjustment,
            net: charge.net,
            tax_percent: price.tax_percent,
            statement: None,
            state: ClaimState::Accrued,
            invoice: None,
            accrued_at: tx.now(),
        };
        keep(tx, &claim).await?;
        claims.push(claim);
    }
    Ok(claims)
}

/// A claim by a decision: the difference between what was claimed and what a case found to be due.
///
/// # Errors
/// `record.claim.same-amount` when nothing changes; `record.claim.no-decision` unless the case is about the same agreement and
/// was decided so; `record.claim.adjusted` the second time.
pub async fn claim_adjust(tx: &mut Tx, original: ClaimId, due: Money, case: CaseId) -> Result<Claim> {
    let original = claim_get(tx, original).await?;
    let decided = case_get(tx, case).await?;
    let corrects = matches!(decided.outcome, Some(Outcome::Corrected | Outcome::Rejected | Outcome::Settled));
    if decided.agreement != Some(original.agreement)
        || !matches!(decided.state, CaseState::Decided | CaseState::Closed)
        || !corrects
    {
        return Err(Error::conflict("record.claim.no-decision", "no decision calls for a correction of this claim")
            .hint("a case about the same agreement must be decided as corrected, rejected or settled"));
    }
    if claim_list_by_cause(tx, CauseKind::Case, &case.to_string())
        .await?
        .iter()
        .any(|claim| claim.clause == original.clause)
    {
        return Err(Error::conflict(
            "record.claim.adjusted",
            "this case has corrected a claim under this clause already",
        ));
    }
    let net = due.minus(original.net)?;
    if net.minor() == 0 {
        return Err(Error::conflict("record.claim.same-amount", "the claim is over this amount already"));
    }
    let claim = Claim {
        id: tx.new_id(),
        cause_kind: CauseKind::Case,
        cause: case.to_string(),
        corrects: Some(original.id),
        description: format!("Correction by {case}: {}", original.description),
        quantity: Quantity::new(kernel::Decimal::ZERO, original.quantity.unit),
        adjustment: net,
        net,
        statement: None,
        state: ClaimState::Accrued,
        invoice: None,
        accrued_at: tx.now(),
        ..original
    };
    keep(tx, &claim).await?;
    Ok(claim)
}

async fn keep(tx: &mut Tx, claim: &Claim) -> Result<()> {
    store::claim_insert(tx, claim).await?;
    tx.publish(events::CLAIM_ACCRUED, 1, claim.id.to_string(), claim.creditor, &events::ClaimAccrued::of(claim))
}

/// The claims of one clause for the readings that this one supersedes, oldest first.
async fn earlier_claims(tx: &mut Tx, reading: &Reading, clause: u32) -> Result<Vec<Claim>> {
    let (mut found, mut next) = (Vec::new(), reading.statement.supersedes);
    while let Some(id) = next {
        let claims = claim_list_by_cause(tx, CauseKind::Reading, &id.to_string()).await?;
        found.extend(claims.into_iter().filter(|claim| claim.clause == clause));
        next = reading_get(tx, id).await?.statement.supersedes;
    }
    found.reverse();
    Ok(found)
}

/// What a line is for, in both languages of the paper, and its ISO 8601 interval.
fn description(price: &Price, reading: &Reading) -> String {
    let what = match price.basis {
        // A price of nothing that only has a least amount is due once, whatever is read.
        _ if price.unit_price.is_zero() && price.minimum.is_some() => "一次性费用 · Fixed charge",
        Basis::MachineTime => "机时 · Machine time",
        Basis::Value => "产值分成 · Share of value",
        Basis::GoodPieces => "合格件 · Good pieces",
    };
    let Window { from, to } = reading.statement.window;
    let second = Duration::from_secs(1);
    format!("{what}, {}/{}", from.floor_to(second), to.floor_to(second))
}

fn no_price() -> Error {
    Error::unprocessable("record.claim.no-price", "no price clause counts by this meter or unit")
        .hint("name the meter in a price clause, or use a price in the meter's kind of unit")
}
