//! What a dispute does to the records it is about, and what its end undoes.

use appkit::Tx;
use kernel::{Error, Result};

use super::{Case, store::still_disputed};
use crate::{
    claim::{
        self, CauseKind, Claim, ClaimState, Invoice, InvoiceState, claim_get, claim_list_by_cause,
        claim_list_by_invoice, invoice_get,
    },
    meter::{self, ReadingState, reading_get},
};

pub(super) async fn subject_dispute(tx: &mut Tx, case: &Case, subject: &str) -> Result<()> {
    let foreign =
        || Error::unprocessable("record.case.foreign-subject", format!("{subject} is not of the disputed agreement"));
    if subject.starts_with("rdg_") {
        let mut reading = reading_get(tx, subject.parse()?).await?;
        if reading.statement.agreement != case.agreement {
            return Err(foreign());
        }
        if reading.state != ReadingState::Disputed {
            reading.state = reading.state.to(ReadingState::Disputed)?;
            meter::store::reading_save(tx, &reading).await?;
        }
        for claim in claim_list_by_cause(tx, CauseKind::Reading, subject).await? {
            claim_dispute(tx, claim).await?;
        }
    } else if subject.starts_with("clm_") {
        let claim = claim_get(tx, subject.parse()?).await?;
        if Some(claim.agreement) != case.agreement {
            return Err(foreign());
        }
        claim_dispute(tx, claim).await?;
    } else if subject.starts_with("inv_") {
        let invoice = invoice_get(tx, subject.parse()?).await?;
        if Some(invoice.agreement) != case.agreement {
            return Err(foreign());
        }
        for claim in claim_list_by_invoice(tx, invoice.id).await? {
            claim_dispute(tx, claim).await?;
        }
        invoice_dispute(tx, invoice).await?;
    }
    Ok(())
}

async fn claim_dispute(tx: &mut Tx, mut claim: Claim) -> Result<()> {
    if claim.state == ClaimState::Disputed {
        return Ok(());
    }
    claim.state = claim.state.to(ClaimState::Disputed)?;
    claim::store::claim_save(tx, &claim).await?;
    if let Some(invoice) = claim.invoice {
        let invoice = invoice_get(tx, invoice).await?;
        invoice_dispute(tx, invoice).await?;
    }
    Ok(())
}

async fn invoice_dispute(tx: &mut Tx, mut invoice: Invoice) -> Result<()> {
    if invoice.state != InvoiceState::Disputed {
        invoice.state = invoice.state.to(InvoiceState::Disputed)?;
        claim::store::invoice_save(tx, &invoice).await?;
    }
    Ok(())
}

pub(super) async fn subject_restore(tx: &mut Tx, case: &Case, subject: &str) -> Result<()> {
    if still_disputed(tx, case, subject).await? {
        return Ok(());
    }
    let mut claims = Vec::new();
    if subject.starts_with("rdg_") {
        claims = claim_list_by_cause(tx, CauseKind::Reading, subject).await?;
        let mut reading = reading_get(tx, subject.parse()?).await?;
        if reading.state == ReadingState::Disputed {
            let billed = claims.iter().any(|claim| claim.invoice.is_some());
            reading.state = reading.state.to(if billed { ReadingState::Billed } else { ReadingState::Sealed })?;
            meter::store::reading_save(tx, &reading).await?;
        }
    } else if subject.starts_with("clm_") {
        claims.push(claim_get(tx, subject.parse()?).await?);
    } else if subject.starts_with("inv_") {
        let id = subject.parse()?;
        claims = claim_list_by_invoice(tx, id).await?;
        let invoice = invoice_get(tx, id).await?;
        invoice_restore(tx, invoice).await?;
    }
    for mut claim in claims.into_iter().filter(|claim| claim.state == ClaimState::Disputed) {
        let mut next = ClaimState::Accrued;
        if let Some(id) = claim.invoice {
            let invoice = invoice_get(tx, id).await?;
            next = match paid_state(&invoice)? {
                InvoiceState::Settled => ClaimState::Settled,
                InvoiceState::PartSettled => ClaimState::PartSettled,
                _ => ClaimState::Invoiced,
            };
            invoice_restore(tx, invoice).await?;
        }
        claim.state = claim.state.to(next)?;
        claim::store::claim_save(tx, &claim).await?;
    }
    Ok(())
}

fn paid_state(invoice: &Invoice) -> Result<InvoiceState> {
    Ok(match (invoice.open()?.minor(), invoice.settled.minor()) {
        (0, _) => InvoiceState::Settled,
        (_, 0) => InvoiceState::Issued,
        _ => InvoiceState::PartSettled,
    })
}

async fn invoice_restore(tx: &mut Tx, mut invoice: Invoice) -> Result<()> {
    if invoice.state == InvoiceState::Disputed {
        invoice.state = invoice.state.to(paid_state(&invoice)?)?;
        claim::store::invoice_save(tx, &invoice).await?;
    }
    Ok(())
}
