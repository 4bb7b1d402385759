//! Holds; their slots are rows of `sharing_slot`.

use appkit::{Db, Row, Tx, params};
use kernel::{
    Error, Result,
    id::{HoldId, PartyId},
};

use super::slot::{slot_forget, slot_keep};
use crate::domain::hold::{Hold, State};

fn read(row: &Row) -> Result<Hold> {
    Ok(Hold {
        id: row.id("id")?,
        capability: row.id("capability")?,
        asset: row.id("asset")?,
        buyer: row.id("buyer")?,
        slots: row.json("slots")?,
        expires_at: row.time("expires_at")?,
        state: row.parse("state")?,
    })
}

/// The one answer for a hold that does not exist and for one that is another's.
pub fn unknown() -> Error {
    Error::not_found("sharing.hold.unknown", "there is no such hold of yours").hint("hold the slots again")
}

/// Writes a new hold and keeps its slots.
pub async fn hold_insert(tx: &mut Tx, hold: &Hold) -> Result<()> {
    let (slots, now) = (super::row::text(&hold.slots)?, tx.now());
    tx.exec(
        "INSERT INTO sharing_hold (id, capability, asset, buyer, slots, state, expires_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        params![hold.id, hold.capability, hold.asset, hold.buyer, slots, hold.state.name(), hold.expires_at, now],
    )
    .await?;
    slot_keep(tx, hold.asset, &hold.id.to_string(), &hold.slots, Some(hold.expires_at)).await
}

/// A buyer's hold, as it counts now.
pub async fn hold_get_in_tx(tx: &mut Tx, id: HoldId, buyer: PartyId) -> Result<Hold> {
    let row = tx.one("SELECT * FROM sharing_hold WHERE id = $1 AND buyer = $2", params![id, buyer]).await?;
    let now = tx.now();
    Ok(read(&row.ok_or_else(unknown)?)?.as_of(now))
}

/// A hold for its own end.
pub async fn hold_find_in_tx(tx: &mut Tx, id: HoldId) -> Result<Hold> {
    let row = tx.one("SELECT * FROM sharing_hold WHERE id = $1", params![id]).await?;
    read(&row.ok_or_else(unknown)?)
}

/// A buyer's holds that still keep slots, oldest first.
pub async fn hold_list(db: &Db, buyer: PartyId, now: kernel::Timestamp) -> Result<Vec<Hold>> {
    let sql = "SELECT * FROM sharing_hold WHERE buyer = $1 AND state = 'held' AND expires_at > $2 ORDER BY id";
    db.rows(sql, params![buyer, now]).await?.iter().map(read).collect()
}

/// How many holds keep slots for a buyer.
pub async fn hold_count_in_tx(tx: &mut Tx, buyer: PartyId) -> Result<i64> {
    let now = tx.now();
    let sql = "SELECT COUNT(*) AS n FROM sharing_hold WHERE buyer = $1 AND state = 'held' AND expires_at > $2";
    tx.one(sql, params![buyer, now]).await?.map_or(Ok(0), |row| row.get("n"))
}

/// Ends a hold and gives its slots back.
pub async fn hold_end(tx: &mut Tx, hold: &Hold, next: State) -> Result<()> {
    let next = hold.state.to(next)?;
    tx.exec("UPDATE sharing_hold SET state = $2 WHERE id = $1", params![hold.id, next.name()]).await?;
    slot_forget(tx, &hold.id.to_string()).await
}
