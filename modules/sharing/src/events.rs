//! What this room states and what it reacts to.
//!
//! Facts are the provider's (they stand in its journal); the buyer sees the same on the live topic `booking/<id>`.

use appkit::{Host, JournalEntry, Object, Tx};
use kernel::{
    Result,
    id::{AgreementId, AssetId, BookingId, CapabilityId, PartyId},
};
use serde::{Deserialize, Serialize};

use crate::{
    app,
    domain::{
        booking::{Booking, State},
        capability::Capability,
    },
};

/// A capability is offered.
pub const CAPABILITY_PUBLISHED: &str = "sharing.capability.published";
/// Its quality was measured and holds.
pub const CAPABILITY_ASSURED: &str = "sharing.capability.assured";
/// Its measured quality expired.
pub const CAPABILITY_LAPSED: &str = "sharing.capability.lapsed";
/// It is no longer offered.
pub const CAPABILITY_WITHDRAWN: &str = "sharing.capability.withdrawn";
/// A machine was booked: agreed, reserved, paid into escrow.
pub const BOOKING_MADE: &str = "sharing.booking.made";
/// A booking was given up before it ran, or never ran.
pub const BOOKING_CANCELLED: &str = "sharing.booking.cancelled";
/// Its readings are sealed and its invoice is issued.
pub const BOOKING_INVOICED: &str = "sharing.booking.invoiced";
/// Its escrow is empty: paid out and returned.
pub const BOOKING_SETTLED: &str = "sharing.booking.settled";
/// The buyer disagrees; its escrow is frozen.
pub const BOOKING_DISPUTED: &str = "sharing.booking.disputed";
/// The work began.
pub const JOB_STARTED: &str = "sharing.job.started";
/// The work ended.
pub const JOB_FINISHED: &str = "sharing.job.finished";
/// Its readings cannot be billed yet, or never: the booking's job says why.
pub const JOB_UNPROVEN: &str = "sharing.job.unproven";

/// Payload of the `sharing.capability.*` facts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CapabilityChanged {
    /// The capability.
    pub capability: CapabilityId,
    /// Its machine.
    pub asset: AssetId,
    /// Its state now.
    pub state: String,
}

/// Payload of the `sharing.booking.*` and `sharing.job.*` facts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BookingChanged {
    /// The booking.
    pub booking: BookingId,
    /// Its machine.
    pub asset: AssetId,
    /// Who provides.
    pub provider: PartyId,
    /// Who pays.
    pub buyer: PartyId,
    /// Its agreement.
    pub agreement: AgreementId,
    /// Its state now.
    pub state: String,
}

/// States a fact about a capability.
pub(crate) fn capability_changed(tx: &mut Tx, kind: &'static str, capability: &Capability) -> Result<()> {
    let payload = CapabilityChanged {
        capability: capability.id,
        asset: capability.asset,
        state: capability.state.name().to_owned(),
    };
    tx.publish(kind, 1, capability.id.to_string(), capability.provider, &payload)
}

/// States a fact about a booking, and shows it to both sides once it is committed.
pub(crate) fn booking_changed(tx: &mut Tx, kind: &'static str, booking: &Booking, state: State) -> Result<()> {
    let payload = BookingChanged {
        booking: booking.id,
        asset: booking.asset,
        provider: booking.provider,
        buyer: booking.buyer,
        agreement: booking.agreement,
        state: state.name().to_owned(),
    };
    tx.publish(kind, 1, booking.id.to_string(), booking.provider, &payload)?;
    let object = Object::owned("booking", booking.provider).id(booking.id).participants([booking.buyer]);
    let topic = format!("booking/{}", booking.id);
    tx.after_commit(move |host| host.live().publish_about(object, &topic, &payload));
    Ok(())
}

/// `record.case.decided`: a dispute over a booking found its end outside of this room, or by its deadline.
pub(crate) async fn case_decided(_: Host, entry: JournalEntry, tx: &mut Tx) -> Result<()> {
    app::dispute_end(tx, entry.subject.parse()?).await
}
