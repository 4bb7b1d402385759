use appkit::{Host, Tx};
use kernel::{
    Error, Result, Window,
    id::{AssetId, PartyId},
};
use record::{commitment::commitment_reserved, sql::Source};

use super::machine::machine_own;
use crate::{
    config::CALENDAR_MAX,
    domain::calendar::{self, Opening},
    store::{
        capability::{opening_get, opening_save},
        slot::{slot_kept, slot_kept_in_tx},
    },
};

/// A machine's calendar in a window: when it may be had and when it is taken, without saying by whom. The rest is closed.
#[derive(Debug, Clone, PartialEq)]
pub struct Calendar {
    /// The machine.
    pub asset: AssetId,
    /// Its opening hours.
    pub opening: Opening,
    /// Free stretches, sorted.
    pub free: Vec<Window>,
    /// Taken stretches, sorted and joined.
    pub busy: Vec<Window>,
}

/// The calendar of a machine: opening hours minus holds, bookings and whatever else the record has promised of it.
///
/// # Errors
/// `sharing.calendar.window` for an empty window or one of more than 92 days.
pub async fn calendar_get(host: &Host, asset: AssetId, window: Window) -> Result<Calendar> {
    if window.from >= window.to || window.length() > CALENDAR_MAX {
        return Err(Error::invalid("sharing.calendar.window", "a calendar shows up to 92 days, from before to")
            .hint("ask for a shorter window")
            .field("/to", "must be later than from, by at most 92 days"));
    }
    let (db, now) = (host.db(), host.now());
    let opening = opening_get(db, asset).await?;
    let mut taken = slot_kept(db, asset, window, now).await?;
    taken.extend(promised(&mut host.db(), asset, window).await?);
    let free = calendar::free(&opening, window, &taken);
    Ok(Calendar { asset, opening, free, busy: calendar::joined(window, &taken) })
}

/// Sets the weekly opening hours of a machine. What is booked stays booked.
///
/// # Errors
/// `sharing.machine.unknown`, `sharing.opening.malformed`.
pub async fn opening_set(tx: &mut Tx, provider: PartyId, asset: AssetId, opening: &Opening) -> Result<()> {
    machine_own(tx.host(), provider, asset)?;
    opening.check()?;
    opening_save(tx, asset, provider, opening).await
}

/// What is taken of a machine under the writer's lock; one holder of slots may be left out.
pub(super) async fn taken_in_tx(tx: &mut Tx, asset: AssetId, slots: &[Window], but: &str) -> Result<Vec<Window>> {
    let (Some(first), Some(last)) = (slots.first(), slots.iter().max_by_key(|slot| slot.to)) else {
        return Ok(Vec::new());
    };
    let span = Window { from: first.from, to: last.to };
    let mut taken = slot_kept_in_tx(tx, asset, span, but).await?;
    taken.extend(promised(tx, asset, span).await?);
    Ok(taken)
}

async fn promised(source: &mut impl Source, asset: AssetId, window: Window) -> Result<Vec<Window>> {
    let commitments = commitment_reserved(source, asset, window).await?;
    Ok(commitments.into_iter().filter_map(|commitment| commitment.window).collect())
}
