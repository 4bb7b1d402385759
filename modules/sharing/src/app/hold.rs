use appkit::{Tx, jobs::job_schedule};
use kernel::{
    Error, Result, Window,
    id::{CapabilityId, HoldId, PartyId},
};

use super::calendar::taken_in_tx;
use crate::{
    config::{HOLD_MINUTES, HOLDS_MAX},
    domain::{
        booking::slots_checked,
        calendar::admit,
        capability::Capability,
        hold::{Hold, State, length},
    },
    schedule::{HOLD_EXPIRE, HoldJob},
    store::{
        capability::{capability_get_in_tx, opening_get_in_tx, unknown},
        hold::{hold_count_in_tx, hold_end, hold_find_in_tx, hold_get_in_tx, hold_insert},
    },
};

/// Slots as a buyer wants to hold them.
#[derive(Debug, Clone, PartialEq)]
pub struct NewHold {
    /// Of which capability.
    pub capability: CapabilityId,
    /// Which slots.
    pub slots: Vec<Window>,
    /// For how many minutes; ten when absent.
    pub minutes: Option<u32>,
}

/// Keeps slots for a buyer while deciding.
///
/// # Errors
/// `sharing.slot.taken`, `sharing.slot.malformed`, `sharing.hold.length`, `sharing.hold.too-many`,
/// `sharing.capability.not-offered`, `sharing.capability.own`.
pub async fn hold_make(tx: &mut Tx, buyer: PartyId, new: NewHold) -> Result<Hold> {
    let lasts = length(new.minutes.unwrap_or(HOLD_MINUTES))?;
    let capability = bookable_in_tx(tx, buyer, new.capability).await?;
    if hold_count_in_tx(tx, buyer).await? >= HOLDS_MAX {
        return Err(Error::conflict("sharing.hold.too-many", format!("you hold slots {HOLDS_MAX} times already"))
            .hint("book or release some of them, or wait until they expire"));
    }
    let slots = slots_checked(new.slots, tx.now())?;
    slots_admit(tx, &capability, &slots, "").await?;
    let hold = Hold {
        id: tx.new_id(),
        capability: capability.id,
        asset: capability.asset,
        buyer,
        slots,
        expires_at: tx.now() + lasts,
        state: State::Held,
    };
    hold_insert(tx, &hold).await?;
    job_schedule(tx, HOLD_EXPIRE, hold.expires_at, &HoldJob { hold: hold.id }).await?;
    Ok(hold)
}

/// Gives held slots back.
///
/// # Errors
/// `sharing.hold.unknown`, `sharing.hold.state`.
pub async fn hold_release(tx: &mut Tx, buyer: PartyId, id: HoldId) -> Result<Hold> {
    let mut hold = hold_get_in_tx(tx, id, buyer).await?;
    hold_end(tx, &hold, State::Released).await?;
    hold.state = State::Released;
    Ok(hold)
}

/// Clears away a hold whose time is over. It kept nobody out since then: this is only tidiness.
pub async fn hold_expire(tx: &mut Tx, id: HoldId) -> Result<()> {
    let hold = hold_find_in_tx(tx, id).await?;
    let over = hold.expires_at <= tx.now();
    if hold.state == State::Held && over {
        hold_end(tx, &hold, State::Expired).await?;
    }
    Ok(())
}

/// A capability that this buyer may hold and book now.
pub(super) async fn bookable_in_tx(tx: &mut Tx, buyer: PartyId, id: CapabilityId) -> Result<Capability> {
    let now = tx.now();
    let capability = capability_get_in_tx(tx, id).await?.as_of(now);
    if capability.provider == buyer {
        return Err(Error::conflict("sharing.capability.own", "this is your own machine")
            .hint("put your own work on it without a booking"));
    }
    // A draft of another does not exist; what was on the market says what became of it.
    if capability.state == crate::domain::capability::State::Draft {
        return Err(unknown());
    }
    capability.require_offered()?;
    Ok(capability)
}

/// Refuses unless all slots together are free (I9), apart from what one holder keeps.
pub(super) async fn slots_admit(tx: &mut Tx, capability: &Capability, slots: &[Window], but: &str) -> Result<()> {
    let opening = opening_get_in_tx(tx, capability.asset).await?;
    let taken = taken_in_tx(tx, capability.asset, slots, but).await?;
    admit(&opening, &taken, slots)
}
