//! Work that this room promises itself for later: what runs, with which words. Each promise is part of the transaction that
//! made it necessary, and does nothing when the world moved on meanwhile.

use appkit::Module;
use kernel::{
    Error, Result,
    id::{BookingId, CapabilityId, CaseId, HoldId, JobId},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::app;

/// Measured quality expires.
pub const CAPABILITY_LAPSE: &str = "sharing.capability.lapse";
/// A hold's time is over.
pub const HOLD_EXPIRE: &str = "sharing.hold.expire";
/// A booking's slots are long over: it never began, or never ended.
pub const BOOKING_OVERDUE: &str = "sharing.booking.overdue";
/// A job's readings are to be sealed, for the first time or with what came late.
pub const JOB_SEAL: &str = "sharing.job.seal";
/// Nobody objected to the invoice in time.
pub const BOOKING_SETTLE: &str = "sharing.booking.settle";
/// Nobody ended the dispute in time.
pub const DISPUTE_EXPIRE: &str = "sharing.dispute.expire";

/// Payload of [`CAPABILITY_LAPSE`].
#[derive(Serialize, Deserialize)]
pub struct CapabilityJob {
    /// Which one.
    pub capability: CapabilityId,
}

/// Payload of [`HOLD_EXPIRE`].
#[derive(Serialize, Deserialize)]
pub struct HoldJob {
    /// Which one.
    pub hold: HoldId,
}

/// Payload of [`BOOKING_OVERDUE`] and [`BOOKING_SETTLE`].
#[derive(Serialize, Deserialize)]
pub struct BookingJob {
    /// Which one.
    pub booking: BookingId,
}

/// Payload of [`JOB_SEAL`].
#[derive(Serialize, Deserialize)]
pub struct SealJob {
    /// Which one.
    pub job: JobId,
    /// How often it was tried before.
    pub tried: u32,
}

/// Payload of [`DISPUTE_EXPIRE`].
#[derive(Serialize, Deserialize)]
pub struct DisputeJob {
    /// Which one.
    pub case: CaseId,
}

/// Adds the runners.
pub fn register(module: Module) -> Module {
    module
        .job(CAPABILITY_LAPSE, |_, payload, tx| {
            Box::pin(async move { app::capability_lapse(tx, read::<CapabilityJob>(&payload)?.capability).await })
        })
        .job(HOLD_EXPIRE, |_, payload, tx| {
            Box::pin(async move { app::hold_expire(tx, read::<HoldJob>(&payload)?.hold).await })
        })
        .job(BOOKING_OVERDUE, |_, payload, tx| {
            Box::pin(async move { app::booking_overdue(tx, read::<BookingJob>(&payload)?.booking).await })
        })
        .job(JOB_SEAL, |_, payload, tx| {
            Box::pin(async move {
                let SealJob { job, tried } = read(&payload)?;
                app::job_seal(tx, job, tried).await
            })
        })
        .job(BOOKING_SETTLE, |_, payload, tx| {
            Box::pin(async move { app::booking_settle(tx, read::<BookingJob>(&payload)?.booking).await })
        })
        .job(DISPUTE_EXPIRE, |_, payload, tx| {
            Box::pin(async move { app::dispute_expire(tx, read::<DisputeJob>(&payload)?.case).await })
        })
}

fn read<T: DeserializeOwned>(payload: &str) -> Result<T> {
    serde_json::from_str(payload)
        .map_err(|error| Error::corrupt("sharing.schedule.malformed", "promised work cannot be read").because(error))
}
