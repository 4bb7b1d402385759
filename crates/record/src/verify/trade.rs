//! I20 and I25: claims, invoices, and what the ledger was told about them.

use std::collections::BTreeMap;

use appkit::Host;
use kernel::{Decimal, Money, Quantity, Result};

use super::{PAGE, Report, Said, readable};
use crate::{
    agreement::{Clause, agreement_get},
    claim::{
        CauseKind, Claim, Invoice, InvoiceKind, claim_list_by_cause, claim_list_by_invoice,
        store::{claim_all, invoice_all},
    },
    events,
    ledger::{Purpose, Reason, account_find, transfer_list_by_cause},
    meter::reading_get,
};

pub(super) async fn check(host: &Host, report: &mut Report, said: &Said) -> Result<()> {
    let mut after = String::new();
    loop {
        let Some(page) = readable(claim_all(&mut host.db(), &after, PAGE).await, "record_claim", &after, report) else {
            break;
        };
        let Some(last) = page.last() else { break };
        after = last.id.to_string();
        for claim in &page {
            if let Err(error) = claim_check(host, claim, report, said).await {
                report.breach("I20", claim.id, format!("what it rests on cannot be read: {}", error.message));
            }
        }
    }
    after.clear();
    loop {
        let page = invoice_all(&mut host.db(), &after, PAGE).await;
        let Some(page) = readable(page, "record_invoice", &after, report) else { return Ok(()) };
        let Some(last) = page.last() else { return Ok(()) };
        after = last.id.to_string();
        for invoice in &page {
            if let Err(error) = invoice_check(host, invoice, report, said).await {
                report.breach("I25", invoice.id, format!("what it rests on cannot be read: {}", error.message));
            }
        }
    }
}

/// I20: a claim is what its cause is worth under its clause, less what was claimed for the readings it replaces.
async fn claim_check(host: &Host, claim: &Claim, report: &mut Report, said: &Said) -> Result<()> {
    let recorded = said
        .get(events::CLAIM_ACCRUED, claim.id)
        .and_then(|payload| serde_json::from_value(payload["net"].clone()).ok());
    report.check("I14", recorded == Some(claim.net), claim.id, || {
        format!("it says {} and the journal recorded {recorded:?}", claim.net)
    });
    if claim.cause_kind != CauseKind::Reading {
        return Ok(());
    }
    let reading = reading_get(&mut host.db(), claim.cause.parse()?).await?;
    report.check("I16", claim.statement == Some(reading.digest), claim.id, || {
        "it cites another statement than its reading's".into()
    });
    let agreement = agreement_get(&mut host.db(), claim.agreement).await?;
    let Some(Clause::Price(price)) = agreement.clauses.get(claim.clause as usize) else {
        report.breach("I20", claim.id, "its clause is not a price");
        return Ok(());
    };
    if price.cap.is_some() {
        // A cap depends on the order of claims: the sum is checked instead.
        return Ok(());
    }
    let zero = Money::zero(price.currency);
    let worth = price.charge(Quantity::new(reading.statement.quantity, reading.statement.unit), zero)?.net;
    let (mut before, mut next) = (zero, reading.statement.supersedes);
    while let Some(id) = next {
        for earlier in claim_list_by_cause(&mut host.db(), CauseKind::Reading, &id.to_string()).await? {
            if earlier.clause == claim.clause {
                before = before.plus(earlier.net)?;
            }
        }
        next = reading_get(&mut host.db(), id).await?.statement.supersedes;
    }
    let expected = worth.minus(before)?;
    report.check("I20", claim.net == expected, claim.id, || {
        format!("it says {} and its reading is worth {expected}", claim.net)
    });
    Ok(())
}

/// I25: sums hold, lines are the claims, the ledger was told the totals, and payments add up to what is settled.
async fn invoice_check(host: &Host, invoice: &Invoice, report: &mut Report, said: &Said) -> Result<()> {
    let id = invoice.id;
    let problems = invoice.totals.problems(&invoice.lines);
    report.check("I25", problems.is_empty(), id, || problems.join("; "));
    let claims: BTreeMap<_, _> =
        claim_list_by_invoice(&mut host.db(), id).await?.into_iter().map(|claim| (claim.id, claim)).collect();
    let sign = if invoice.kind == InvoiceKind::CreditNote { -Decimal::ONE } else { Decimal::ONE };
    let lines_hold = claims.len() == invoice.lines.len()
        && invoice.lines.iter().all(|line| {
            claims.get(&line.claim).is_some_and(|claim| {
                line.net.decimal() == claim.net.decimal() * sign
                    && line.tax_percent == claim.tax_percent
                    && line.statement == claim.statement
            })
        });
    report.check("I20", lines_hold, id, || "its lines are not its claims".into());
    let recorded: Option<Money> = said
        .get(events::INVOICE_ISSUED, id)
        .and_then(|payload| serde_json::from_value(payload["payable"].clone()).ok());
    report.check("I14", recorded == Some(invoice.totals.payable), id, || {
        format!("it says {} and the journal recorded {recorded:?}", invoice.totals.payable)
    });
    let (mut owed, mut paid) = (0i64, 0i64);
    for chained in transfer_list_by_cause(&mut host.db(), &id.to_string()).await? {
        let transfer = chained.transfer;
        let mut change = 0;
        for (account, amount) in [(transfer.debit, transfer.amount_minor), (transfer.credit, -transfer.amount_minor)] {
            let purpose = account_find(&mut host.db(), account).await?.map(|account| account.purpose);
            if purpose == Some(Purpose::Receivable) {
                change += amount;
            }
        }
        match transfer.reason {
            Reason::Invoice | Reason::CreditNote | Reason::Tax => owed += change,
            _ => paid -= change,
        }
    }
    let sign = if invoice.kind == InvoiceKind::CreditNote { -1 } else { 1 };
    report.check("I25", owed * sign == invoice.totals.gross.minor(), id, || {
        format!("the ledger was told {owed} minor units and its gross is {}", invoice.totals.gross)
    });
    report.check("I25", paid * sign == invoice.settled.minor(), id, || {
        format!("{paid} minor units were paid and it says {}", invoice.settled)
    });
    Ok(())
}
