use appkit::Tx;
use kernel::{
    Error, Money, Quantity, Result, Timestamp,
    id::{AgreementId, CaseId, ClaimId, EventId, InvoiceId, ReadingId},
};

use super::{
    CauseKind, Claim, ClaimState, Invoice, InvoiceKind, InvoiceState, Line, Totals,
    store::{self, claim_get, claim_list_by_cause, claim_list_by_invoice, invoice_get},
};
use crate::{
    agreement::{Basis, Price, agreement_get},
    case::{CaseState, Outcome, case_get},
    event::{EventState, event_get},
    events,
    ledger::{
        Movement, NewTransfer, PayFrom, Purpose, Reason, account_ensure, escrow_balance, payment_post_in_tx,
        transfers_post_in_tx,
    },
    meter::{self, Reading, ReadingState, reading_get},
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
            description: description(price.basis, &reading),
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

fn no_price() -> Error {
    Error::unprocessable("record.claim.no-price", "no price clause counts by this meter or unit")
        .hint("name the meter in a price clause, or use a price in the meter's kind of unit")
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

fn description(basis: Basis, reading: &Reading) -> String {
    let what = match basis {
        Basis::MachineTime => "Machine time",
        Basis::Value => "Share of value",
        Basis::GoodPieces => "Good pieces",
    };
    let window = reading.statement.window;
    format!("{what}, {} to {}", window.from, window.to)
}

/// Puts claims of one agreement on paper and books it on both sides. A negative sum makes a credit note over the
/// difference; amounts on it are positive.
///
/// # Errors
/// `record.invoice.claims` when they are of several agreements, invoiced already or disputed.
pub async fn invoice_issue(
    tx: &mut Tx,
    agreement: AgreementId,
    claims: &[ClaimId],
    due_at: Timestamp,
) -> Result<Invoice> {
    let agreement = agreement_get(tx, agreement).await?;
    let mut loaded = Vec::with_capacity(claims.len());
    for id in claims {
        let claim = claim_get(tx, *id).await?;
        let usable = claim.agreement == agreement.id
            && claim.state == ClaimState::Accrued
            && !loaded.iter().any(|c: &Claim| c.id == *id);
        if !usable {
            return Err(Error::conflict(
                "record.invoice.claims",
                format!("the claim {id} is {} or of another agreement", claim.state),
            )
            .hint("an invoice takes accrued claims of one agreement, each once"));
        }
        loaded.push(claim);
    }
    let Some(first) = loaded.first() else {
        return Err(Error::unprocessable("record.invoice.claims", "an invoice without claims")
            .field("/claims", "name at least one"));
    };
    let (currency, seller, buyer) = (first.net.currency(), first.creditor, first.debtor);
    let mut corrects = None;
    let mut lines = Vec::with_capacity(loaded.len());
    for claim in &loaded {
        lines.push(line_of(claim));
        if let Some(original) = claim.corrects {
            corrects = claim_get(tx, original).await?.invoice.or(corrects);
        }
    }
    let zero = Money::zero(currency);
    let mut totals = Totals::of(&lines, currency, zero)?;
    let kind = if totals.gross.minor() < 0 { InvoiceKind::CreditNote } else { InvoiceKind::Invoice };
    if kind == InvoiceKind::CreditNote {
        lines.iter_mut().for_each(negate);
        totals = Totals::of(&lines, currency, zero)?;
    }
    let invoice = Invoice {
        id: tx.new_id(),
        number: store::number_next(tx, seller, kind).await?,
        kind,
        agreement: agreement.id,
        seller,
        buyer,
        corrects,
        lines,
        state: if totals.payable.minor() == 0 { InvoiceState::Settled } else { InvoiceState::Issued },
        totals,
        settled: zero,
        issued_at: tx.now(),
        due_at,
    };
    store::invoice_insert(tx, &invoice).await?;
    for mut claim in loaded {
        claim.state = claim.state.to(ClaimState::Invoiced)?;
        claim.invoice = Some(invoice.id);
        if invoice.state == InvoiceState::Settled {
            claim.state = claim.state.to(ClaimState::Settled)?;
        }
        store::claim_save(tx, &claim).await?;
        if claim.cause_kind == CauseKind::Reading {
            let mut reading = reading_get(tx, claim.cause.parse()?).await?;
            if reading.state == ReadingState::Sealed {
                reading.state = reading.state.to(ReadingState::Billed)?;
                meter::store::reading_save(tx, &reading).await?;
            }
        }
    }
    book(tx, &invoice).await?;
    tx.publish(
        events::INVOICE_ISSUED,
        1,
        invoice.id.to_string(),
        invoice.seller,
        &events::InvoiceChanged::of(&invoice),
    )?;
    Ok(invoice)
}

fn line_of(claim: &Claim) -> Line {
    Line {
        claim: claim.id,
        cause: claim.cause.clone(),
        statement: claim.statement,
        description: claim.description.clone(),
        quantity: claim.quantity,
        unit_price: claim.unit_price,
        adjustment: claim.adjustment,
        net: claim.net,
        tax_percent: claim.tax_percent,
    }
}

fn negate(line: &mut Line) {
    let minus = |money: Money| Money::from_minor(-money.minor(), money.currency());
    line.quantity.value = -line.quantity.value;
    line.adjustment = minus(line.adjustment);
    line.net = minus(line.net);
}

/// Books an invoice in both books: receivable against revenue and tax, cost and tax against payable; a credit note the other
/// way round. Legs of zero are left out.
async fn book(tx: &mut Tx, invoice: &Invoice) -> Result<()> {
    let currency = invoice.totals.net.currency();
    let receivable = account_ensure(tx, invoice.seller, currency, Purpose::Receivable, "").await?.id;
    let revenue = account_ensure(tx, invoice.seller, currency, Purpose::Revenue, "").await?.id;
    let tax_sold = account_ensure(tx, invoice.seller, currency, Purpose::Tax, "").await?.id;
    let payable = account_ensure(tx, invoice.buyer, currency, Purpose::Payable, "").await?.id;
    let cost = account_ensure(tx, invoice.buyer, currency, Purpose::Cost, "").await?.id;
    let tax_bought = account_ensure(tx, invoice.buyer, currency, Purpose::Tax, "").await?.id;
    let reason = match invoice.kind {
        InvoiceKind::Invoice => Reason::Invoice,
        InvoiceKind::CreditNote => Reason::CreditNote,
    };
    let legs = [
        (receivable, revenue, invoice.totals.net, reason),
        (receivable, tax_sold, invoice.totals.tax, Reason::Tax),
        (cost, payable, invoice.totals.net, reason),
        (tax_bought, payable, invoice.totals.tax, Reason::Tax),
    ];
    let mut group = Vec::new();
    for (debit, credit, amount, reason) in legs {
        let reverse = (invoice.kind == InvoiceKind::CreditNote) != (amount.minor() < 0);
        let amount = Money::from_minor(amount.minor().abs(), currency);
        if amount.minor() == 0 {
            continue;
        }
        let movement =
            if reverse { Movement::new(credit, debit, amount) } else { Movement::new(debit, credit, amount) };
        group.push(NewTransfer::moving(tx.new_id(), movement, reason, invoice.id));
    }
    if !group.is_empty() {
        transfers_post_in_tx(tx, &group).await?;
    }
    Ok(())
}

/// Pays an invoice, or a credit note back, from escrow or cash; `amount` none pays what is open, at most what escrow holds.
///
/// # Errors
/// `record.invoice.overpaid`, `record.invoice.disputed`, `record.account.would-overdraw`, `record.account.frozen`,
/// `record.invoice.escrow-empty`.
pub async fn invoice_settle(tx: &mut Tx, id: InvoiceId, from: PayFrom, amount: Option<Money>) -> Result<Invoice> {
    let invoice = invoice_get(tx, id).await?;
    let open = invoice.open()?;
    let (payer, payee) = match invoice.kind {
        InvoiceKind::Invoice => (invoice.buyer, invoice.seller),
        InvoiceKind::CreditNote => (invoice.seller, invoice.buyer),
    };
    let mut amount = amount.unwrap_or(open);
    if let PayFrom::Escrow(agreement) = from {
        if agreement != invoice.agreement || invoice.kind == InvoiceKind::CreditNote {
            return Err(Error::unprocessable("record.invoice.escrow", "this escrow is not for this paper")
                .hint("an escrow pays invoices of its own agreement"));
        }
        let held = escrow_balance(tx, agreement, payer, open.currency()).await?;
        if held.minor() < amount.minor() {
            amount = held;
        }
        if amount.minor() == 0 && open.minor() > 0 {
            return Err(
                Error::conflict("record.invoice.escrow-empty", "the escrow holds nothing").hint("pay from cash")
            );
        }
    }
    let settled = invoice.clone().settle(amount)?;
    match invoice.kind {
        InvoiceKind::Invoice => payment_post_in_tx(tx, payer, payee, from, amount, &id.to_string()).await?,
        InvoiceKind::CreditNote => repay(tx, &invoice, amount).await?,
    };
    store::invoice_save(tx, &settled).await?;
    for mut claim in claim_list_by_invoice(tx, id).await? {
        let next = if settled.state == InvoiceState::Settled { ClaimState::Settled } else { ClaimState::PartSettled };
        if claim.state != next {
            claim.state = claim.state.to(next)?;
            store::claim_save(tx, &claim).await?;
        }
    }
    tx.publish(events::INVOICE_SETTLED, 1, id.to_string(), settled.seller, &events::InvoiceChanged::of(&settled))?;
    Ok(settled)
}

/// A credit note gives money back: the seller's receivable and cash, the buyer's cash and payable.
async fn repay(tx: &mut Tx, note: &Invoice, amount: Money) -> Result<crate::ledger::Posted> {
    let currency = amount.currency();
    let receivable = account_ensure(tx, note.seller, currency, Purpose::Receivable, "").await?.id;
    let paid_out = account_ensure(tx, note.seller, currency, Purpose::Cash, "").await?.id;
    let got_back = account_ensure(tx, note.buyer, currency, Purpose::Cash, "").await?.id;
    let payable = account_ensure(tx, note.buyer, currency, Purpose::Payable, "").await?.id;
    let group = [
        NewTransfer::moving(tx.new_id(), Movement::new(receivable, paid_out, amount), Reason::Repayment, note.id),
        NewTransfer::moving(tx.new_id(), Movement::new(got_back, payable, amount), Reason::Repayment, note.id),
    ];
    transfers_post_in_tx(tx, &group).await
}
