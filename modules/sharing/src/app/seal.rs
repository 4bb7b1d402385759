//! From a finished job to its invoice: readings sealed with their evidence, counted towards the promises, claimed and invoiced.

use appkit::{Tx, jobs::job_schedule};
use contracts::telemetry::TelemetryStore;
use kernel::{Decimal, Duration, Error, ErrorKind, Quantity, Result, Window, id::JobId};
use record::{
    claim::{claims_accrue, invoice_issue},
    commitment::commitment_get,
    event::{Fulfilment, event_record_reading},
    meter::{Reading, ReadingState, reading_correct, readings_seal},
};

use super::settle::{escrow_return, promises_close};
use crate::{
    config::{RESEAL_FIRST, UNPROVEN_AFTER},
    domain::{
        booking::{Booking, State, share_out},
        job::Job,
        price::Basis,
    },
    events,
    schedule::{BOOKING_SETTLE, BookingJob, JOB_SEAL, SealJob},
    store::{
        booking::{booking_get_in_tx, booking_move},
        job::{job_get_in_tx, job_save},
        meters::{Meters, meters_get_in_tx},
    },
};

/// Seals the readings of a finished job and bills the one that its basis counts by; `tried` is how often that failed before.
///
/// A reading that is covered too little is provisional: nothing is billed, the job says why, and it is tried again with what
/// telemetry learnt meanwhile. When it cannot be proved in a week, nothing is billed and the escrow returns. Nothing happens
/// to a job that is not finished or is billed already.
pub async fn job_seal(tx: &mut Tx, id: JobId, tried: u32) -> Result<()> {
    let mut job = job_get_in_tx(tx, id).await?;
    let mut booking = booking_get_in_tx(tx, job.booking).await?;
    let (State::Finished, Some(window)) = (booking.state, job.window()) else { return Ok(()) };
    let readings = match read(tx, &booking, &job, window).await {
        Ok(readings) => readings,
        // The rule refused the data as they are: said on the job, tried again after a person or the machine put it right.
        Err(error) if matches!(error.kind, ErrorKind::Unprocessable | ErrorKind::Conflict) => {
            job.note = Some(format!("{}: {}", error.code, error.message));
            return unproven(tx, job, booking, tried).await;
        }
        Err(error) => return Err(error),
    };
    job.reading_time = Some(readings.time.id());
    job.reading_pieces = readings.pieces.as_ref().map(Reading::id);
    let counted = readings.of(booking.price.basis)?;
    if counted.state == ReadingState::Provisional {
        let (has, needs) = (counted.statement.coverage, counted.coverage_minimum);
        job.note = Some(format!("sharing.job.coverage: {has} of the job is covered by data, {needs} is needed"));
        return unproven(tx, job, booking, tried).await;
    }
    fulfil(tx, &booking, &readings).await?;
    let claims: Vec<_> = claims_accrue(tx, counted.id()).await?.iter().map(|claim| claim.id).collect();
    let due_at = tx.now() + booking.dispute_window;
    job.invoice = Some(invoice_issue(tx, booking.agreement, &claims, due_at).await?.id);
    job.note = None;
    job_save(tx, &job).await?;
    booking_move(tx, &booking, State::Invoiced).await?;
    job_schedule(tx, BOOKING_SETTLE, due_at, &BookingJob { booking: booking.id }).await?;
    booking.state = State::Invoiced;
    events::booking_changed(tx, events::BOOKING_INVOICED, &booking, State::Invoiced)
}

/// The readings of a job: the same two, whatever is billed.
struct Readings {
    time: Reading,
    pieces: Option<Reading>,
}

impl Readings {
    fn of(&self, basis: Basis) -> Result<&Reading> {
        match basis {
            Basis::Time => Ok(&self.time),
            Basis::Value | Basis::Pieces => self.pieces.as_ref().ok_or_else(unread),
        }
    }
}

fn unread() -> Error {
    Error::internal("sharing.job.unread", "a job was not read by the meter that its basis counts by")
}

/// Seals both readings from one piece of evidence; provisional ones are computed again with what came late.
async fn read(tx: &mut Tx, booking: &Booking, job: &Job, window: Window) -> Result<Readings> {
    let Meters { time, pieces } = meters_get_in_tx(tx, job.asset).await?.ok_or_else(unread)?;
    let telemetry = tx.host().port::<dyn TelemetryStore>();
    let meters: Vec<_> = [Some(time), pieces].into_iter().flatten().collect();
    let mut sealed = Vec::with_capacity(2);
    for reading in readings_seal(tx, telemetry.clone(), &meters, Some(booking.agreement), window).await? {
        sealed.push(match reading.state {
            ReadingState::Provisional => match reading_correct(tx, telemetry.clone(), reading.id()).await {
                Ok(correction) => correction.reading,
                Err(error) if error.code == "record.reading.nothing-new" => reading,
                Err(error) => return Err(error),
            },
            _ => reading,
        });
    }
    let mut sealed = sealed.into_iter();
    Ok(Readings { time: sealed.next().ok_or_else(unread)?, pieces: sealed.next() })
}

/// Notes why nothing can be billed, and tries again later or gives up.
async fn unproven(tx: &mut Tx, mut job: Job, mut booking: Booking, tried: u32) -> Result<()> {
    let now = tx.now();
    let given_up = job.finished_at.is_some_and(|at| now >= at + UNPROVEN_AFTER);
    job_save(tx, &job).await?;
    if !given_up {
        let pause = Duration::from_micros(RESEAL_FIRST.micros() << tried.min(10));
        job_schedule(tx, JOB_SEAL, now + pause, &SealJob { job: job.id, tried: tried + 1 }).await?;
        return if tried == 0 {
            events::booking_changed(tx, events::JOB_UNPROVEN, &booking, booking.state)
        } else {
            Ok(())
        };
    }
    job.note = Some(format!("{}; nothing is billed", job.note.unwrap_or_default()));
    job_save(tx, &job).await?;
    escrow_return(tx, &mut booking, "what was done could not be proved").await
}

/// Counts the readings towards the promises: running time towards the slots in their order, good pieces towards the order.
/// What remains open is closed short, what exceeds stays on the reading (I7).
async fn fulfil(tx: &mut Tx, booking: &Booking, readings: &Readings) -> Result<()> {
    record_use(tx, &readings.time, &booking.reserved).await?;
    if let Some(pieces) = &readings.pieces {
        record_use(tx, pieces, &[booking.promised]).await?;
    }
    promises_close(tx, booking, "the job ended with less").await
}

async fn record_use(tx: &mut Tx, reading: &Reading, promises: &[kernel::id::CommitmentId]) -> Result<()> {
    if reading.require_billable().is_err() {
        return Ok(());
    }
    let statement = &reading.statement;
    let mut promised = Vec::with_capacity(promises.len());
    for id in promises {
        promised.push(commitment_get(tx, *id).await?.measure().map_or(Decimal::ZERO, |measure| measure.value));
    }
    let shares = share_out(statement.quantity, &promised);
    let fulfilments = promises
        .iter()
        .zip(shares)
        .filter(|(_, share)| !share.is_zero())
        .map(|(id, share)| Fulfilment { commitment: *id, quantity: Quantity::new(share, statement.unit) })
        .collect();
    event_record_reading(tx, reading, fulfilments).await?;
    Ok(())
}
