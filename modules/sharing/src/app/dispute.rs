//! A buyer disagrees before the escrow is empty: it is frozen until the buyer withdraws, the provider concedes, or the deadline
//! passes and what was metered stands.

use appkit::{Tx, jobs::job_schedule};
use kernel::{
    Duration, Error, Money, Result,
    id::{BookingId, CaseId, PartyId},
};
use record::{
    case::{CaseKind, CaseState, NewCase, Outcome, case_close, case_decide, case_get, case_open},
    claim::{Claim, claim_adjust, claim_list_by_invoice, invoice_issue, invoice_settle},
    ledger::PayFrom,
};

use super::{
    job::{buyer_only, provider_only},
    settle::{escrow_return, settle},
};
use crate::{
    config::DECIDE_HOURS,
    domain::{
        booking::{Booking, State},
        dispute::dues,
        job::Job,
    },
    events,
    schedule::{DISPUTE_EXPIRE, DisputeJob, JOB_SEAL, SealJob},
    store::{
        booking::{booking_get_in_tx, booking_move},
        job::{job_of_booking_in_tx, job_of_dispute_in_tx, job_save},
    },
};

/// The buyer objects: a case is opened and the escrow frozen.
///
/// # Errors
/// `sharing.booking.unknown`, `sharing.booking.side`, `sharing.dispute.reason`, `sharing.booking.state` before the job is
/// finished and after it is settled.
pub async fn booking_dispute(tx: &mut Tx, buyer: PartyId, id: BookingId, reason: &str) -> Result<Booking> {
    let mut booking = booking_get_in_tx(tx, id).await?;
    buyer_only(&booking, buyer)?;
    if !(1..=2000).contains(&reason.trim().chars().count()) {
        return Err(Error::invalid("sharing.dispute.reason", "a dispute needs a reason of 1 to 2000 characters")
            .hint("say what is wrong, so that the provider can answer")
            .field("/reason", "must be 1 to 2000 characters"));
    }
    let mut job = job_of_booking_in_tx(tx, id).await?;
    booking_move(tx, &booking, State::Disputed).await?;
    let deadline = tx.now() + Duration::from_hours(i64::from(DECIDE_HOURS));
    let new = NewCase {
        kind: CaseKind::Dispute,
        title: format!("Dispute over {}", booking.part),
        subjects: job.invoice.iter().map(ToString::to_string).collect(),
        agreement: Some(booking.agreement),
        opened_by: buyer,
        parties: Vec::new(),
        text: reason.trim().to_owned(),
        deadline_at: Some(deadline),
        default_outcome: Outcome::Upheld,
    };
    let case = case_open(tx, new).await?.id;
    job_schedule(tx, DISPUTE_EXPIRE, deadline, &DisputeJob { case }).await?;
    job.dispute = Some(case);
    job_save(tx, &job).await?;
    booking.state = State::Disputed;
    events::booking_changed(tx, events::BOOKING_DISPUTED, &booking, State::Disputed)?;
    Ok(booking)
}

/// The buyer no longer objects: what was metered stands and is paid; what is not billed yet goes on being proved.
///
/// # Errors
/// `sharing.booking.unknown`, `sharing.booking.side`, `sharing.dispute.none`.
pub async fn dispute_withdraw(tx: &mut Tx, buyer: PartyId, id: BookingId) -> Result<Booking> {
    let mut booking = booking_get_in_tx(tx, id).await?;
    buyer_only(&booking, buyer)?;
    let (job, case) = disputed(tx, &booking).await?;
    conclude(tx, case, buyer, Outcome::Upheld, "withdrawn by the buyer").await?;
    if job.invoice.is_some() {
        stand(tx, &mut booking, &job).await?;
    } else {
        booking_move(tx, &booking, State::Finished).await?;
        let now = tx.now();
        job_schedule(tx, JOB_SEAL, now, &SealJob { job: job.id, tried: 1 }).await?;
        booking.state = State::Finished;
    }
    Ok(booking)
}

/// The provider gives a net amount back, or everything: the invoice stands and is paid, a credit note over the difference is
/// issued and paid back in the same commit.
///
/// # Errors
/// `sharing.booking.unknown`, `sharing.booking.side`, `sharing.dispute.none`, `sharing.dispute.amount`,
/// `sharing.dispute.nothing-billed`.
pub async fn dispute_concede(
    tx: &mut Tx,
    provider: PartyId,
    id: BookingId,
    refund_net: Option<Money>,
) -> Result<Booking> {
    let mut booking = booking_get_in_tx(tx, id).await?;
    provider_only(&booking, provider)?;
    let (job, case) = disputed(tx, &booking).await?;
    let outcome = if refund_net.is_some() { Outcome::Corrected } else { Outcome::Rejected };
    conclude(tx, case, provider, outcome, "conceded by the provider").await?;
    give_back(tx, &mut booking, &job, case, refund_net).await?;
    Ok(booking)
}

/// Nobody ended the dispute before its deadline: its default outcome comes about.
pub async fn dispute_expire(tx: &mut Tx, case: CaseId) -> Result<()> {
    let found = case_get(tx, case).await?;
    let over = found.deadline_at.is_some_and(|deadline| deadline <= tx.now());
    if !over {
        return Ok(());
    }
    if undecided(found.state) {
        let why = "nobody decided before the deadline".to_owned();
        case_decide(tx, case, found.opened_by, found.default_outcome, why).await?;
    }
    end(tx, case, true).await
}

/// A case was decided, here or elsewhere: when it is a dispute of this room that still freezes an escrow, the decision is
/// carried out. A decision that leaves an amount open waits for the provider to name it.
pub async fn dispute_end(tx: &mut Tx, case: CaseId) -> Result<()> {
    end(tx, case, false).await
}

async fn end(tx: &mut Tx, case: CaseId, at_deadline: bool) -> Result<()> {
    let Some(job) = job_of_dispute_in_tx(tx, case).await? else { return Ok(()) };
    let mut booking = booking_get_in_tx(tx, job.booking).await?;
    let found = case_get(tx, case).await?;
    let (State::Disputed, false, Some(outcome)) = (booking.state, undecided(found.state), found.outcome) else {
        return Ok(());
    };
    if matches!(outcome, Outcome::Corrected | Outcome::Settled) && !at_deadline {
        return Ok(());
    }
    if found.state != CaseState::Closed {
        case_close(tx, case).await?;
    }
    match outcome {
        Outcome::Rejected => give_back(tx, &mut booking, &job, case, None).await,
        _ => stand(tx, &mut booking, &job).await,
    }
}

/// Decides and closes a case, as far as that has not happened yet.
async fn conclude(tx: &mut Tx, case: CaseId, party: PartyId, outcome: Outcome, why: &str) -> Result<()> {
    let mut state = case_get(tx, case).await?.state;
    if undecided(state) {
        state = case_decide(tx, case, party, outcome, why.to_owned()).await?.state;
    }
    if state != CaseState::Closed {
        case_close(tx, case).await?;
    }
    Ok(())
}

fn undecided(state: CaseState) -> bool {
    matches!(state, CaseState::Open | CaseState::Evidence | CaseState::Appeal)
}

/// What was billed is paid; when nothing was, everything returns.
async fn stand(tx: &mut Tx, booking: &mut Booking, job: &Job) -> Result<()> {
    match job.invoice {
        Some(_) => settle(tx, booking, None).await,
        None => escrow_return(tx, booking, "disputed before anything was proved").await,
    }
}

/// Pays the invoice and pays a part of it back by a credit note; the whole escrow returns when nothing was billed.
async fn give_back(tx: &mut Tx, booking: &mut Booking, job: &Job, case: CaseId, refund: Option<Money>) -> Result<()> {
    let mut claims: Vec<Claim> = match job.invoice {
        Some(invoice) => claim_list_by_invoice(tx, invoice).await?,
        None => Vec::new(),
    };
    // In the order of the clauses: what was metered gives way before the set-up charge.
    claims.sort_by_key(|claim| claim.clause);
    let claimed: Vec<Money> = claims.iter().map(|claim| claim.net).collect();
    let mut corrections = Vec::new();
    for (claim, due) in claims.iter().zip(dues(&claimed, refund)?).filter(|(claim, due)| claim.net != *due) {
        corrections.push(claim_adjust(tx, claim.id, due, case).await?.id);
    }
    if corrections.is_empty() {
        return stand(tx, booking, job).await;
    }
    let now = tx.now();
    let note = invoice_issue(tx, booking.agreement, &corrections, now).await?;
    settle(tx, booking, Some(note.totals.gross)).await?;
    invoice_settle(tx, note.id, PayFrom::Cash, None).await?;
    Ok(())
}

async fn disputed(tx: &mut Tx, booking: &Booking) -> Result<(Job, CaseId)> {
    let job = job_of_booking_in_tx(tx, booking.id).await?;
    match job.dispute {
        Some(case) if booking.state == State::Disputed => Ok((job, case)),
        _ => Err(Error::conflict("sharing.dispute.none", "there is no open dispute over this booking")
            .hint("read the booking again")),
    }
}
