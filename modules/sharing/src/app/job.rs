use appkit::{Tx, jobs::job_schedule};
use kernel::{
    Error, Result,
    id::{JobId, PartyId},
};
use record::commitment::{CommitmentState, commitment_step};

use crate::{
    config::SEAL_AFTER,
    domain::{
        booking::{Booking, State},
        job::Job,
    },
    events,
    schedule::{JOB_SEAL, SealJob},
    store::{
        booking::{self, booking_get_in_tx, booking_move},
        job::{self, job_get_in_tx, job_of_booking_in_tx, job_running_on_in_tx, job_save},
        slot::slot_release,
    },
};

/// The provider begins the work: from now on the machine's meters count for the buyer.
///
/// # Errors
/// `sharing.job.unknown`, `sharing.booking.side`, `sharing.booking.state`, `sharing.job.outside-slots`,
/// `sharing.job.machine-busy`.
pub async fn job_start(tx: &mut Tx, provider: PartyId, id: JobId) -> Result<Job> {
    let (mut job, mut booking) = own_in_tx(tx, provider, id).await?;
    let now = tx.now();
    booking_move(tx, &booking, State::Running).await?;
    let begins_at = booking.slots.first().map_or(now, |slot| slot.from);
    if now < begins_at || now >= booking.ends_at() {
        return Err(Error::conflict(
            "sharing.job.outside-slots",
            format!("the slots are from {begins_at} to {}", booking.ends_at()),
        )
        .hint("begin within the booked slots"));
    }
    if let Some(other) = job_running_on_in_tx(tx, job.asset).await? {
        return Err(Error::conflict("sharing.job.machine-busy", format!("the machine still runs {}", other.id))
            .hint("finish that job first: two jobs cannot be metered on one machine"));
    }
    job.started_at = Some(now);
    job_save(tx, &job).await?;
    booking.state = State::Running;
    events::booking_changed(tx, events::JOB_STARTED, &booking, State::Running)?;
    Ok(job)
}

/// The provider ends the work. Its readings are sealed a moment later, when the last samples are in.
///
/// # Errors
/// `sharing.job.unknown`, `sharing.booking.side`, `sharing.booking.state`, `sharing.job.too-short`.
pub async fn job_finish(tx: &mut Tx, provider: PartyId, id: JobId) -> Result<Job> {
    let (job, booking) = own_in_tx(tx, provider, id).await?;
    booking.state.to(State::Finished)?;
    if job.started_at.is_none_or(|at| at >= tx.now()) {
        return Err(Error::conflict("sharing.job.too-short", "the job began this very moment")
            .hint("a job needs some time that can be metered"));
    }
    job_end(tx, booking).await?;
    job_get_in_tx(tx, id).await
}

/// Ends a running job, whoever asked for it.
pub(super) async fn job_end(tx: &mut Tx, mut booking: Booking) -> Result<()> {
    let (mut job, now) = (job_of_booking_in_tx(tx, booking.id).await?, tx.now());
    booking_move(tx, &booking, State::Finished).await?;
    job.finished_at = Some(now);
    job_save(tx, &job).await?;
    // What is left of the slots is free for others; the promises stay open until the readings count towards them.
    slot_release(tx, &booking.id.to_string(), now).await?;
    for id in &booking.reserved {
        commitment_step(tx, *id, CommitmentState::Accepted, "").await?;
    }
    job_schedule(tx, JOB_SEAL, now + SEAL_AFTER, &SealJob { job: job.id, tried: 0 }).await?;
    booking.state = State::Finished;
    events::booking_changed(tx, events::JOB_FINISHED, &booking, State::Finished)
}

/// A job with its booking, for its provider.
async fn own_in_tx(tx: &mut Tx, provider: PartyId, id: JobId) -> Result<(Job, Booking)> {
    let job = job_get_in_tx(tx, id).await?;
    let booking = booking_get_in_tx(tx, job.booking).await?;
    participant(&booking, provider).map_err(|_| job::unknown())?;
    side(booking.provider == provider, "provider")?;
    Ok((job, booking))
}

/// Refuses whoever takes no part in a booking, as if it did not exist.
pub(super) fn participant(booking: &Booking, party: PartyId) -> Result<()> {
    if booking.provider == party || booking.buyer == party { Ok(()) } else { Err(booking::unknown()) }
}

/// A booking, for its buyer.
pub(super) fn buyer_only(booking: &Booking, party: PartyId) -> Result<()> {
    participant(booking, party)?;
    side(booking.buyer == party, "buyer")
}

/// A booking, for its provider.
pub(super) fn provider_only(booking: &Booking, party: PartyId) -> Result<()> {
    participant(booking, party)?;
    side(booking.provider == party, "provider")
}

fn side(right: bool, who: &str) -> Result<()> {
    if right {
        return Ok(());
    }
    Err(Error::denied("sharing.booking.side", format!("this is the {who}'s to do"))
        .hint("ask the other side of the booking"))
}
