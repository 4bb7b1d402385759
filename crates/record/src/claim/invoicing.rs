//! From claims to paper, and from paper to payment.

use appkit::Tx;
use kernel::{
    Error, Money, Result, Timestamp,
    id::{AgreementId, ClaimId, InvoiceId},
};

use super::{
    CauseKind, Claim, ClaimState, Invoice, InvoiceKind, InvoiceState, Line, Totals,
    store::{self, claim_get, claim_list_by_invoice, invoice_get},
};
use crate::{
    agreement::agreement_get,
    events,
    ledger::{
        Movement, NewTransfer, PayFrom, Posted, Purpose, Reason, account_ensure, escrow_balance, payment_post_in_tx,
        transfers_post_in_tx,
    },
    meter::{self, ReadingState, reading_get},
};

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
async fn repay(tx: &mut Tx, note: &Invoice, amount: Money) -> Result<Posted> {
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
