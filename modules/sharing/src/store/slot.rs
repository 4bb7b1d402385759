//! Stretches of machine time that holds and bookings keep.

use std::collections::HashMap;

use appkit::{Db, Row, Tx, params};
use kernel::{Result, Timestamp, Window, id::AssetId};

const IN_FORCE: &str = "SELECT asset, from_us, to_us FROM sharing_slot
    WHERE from_us < $2 AND to_us > $1 AND (expires_at IS NULL OR expires_at > $3)";

fn window(row: &Row) -> Result<Window> {
    Ok(Window { from: row.time("from_us")?, to: row.time("to_us")? })
}

/// What is kept on a machine in a window, by bookings and by holds that have not expired.
pub async fn slot_kept(db: &Db, asset: AssetId, within: Window, now: Timestamp) -> Result<Vec<Window>> {
    let sql = format!("{IN_FORCE} AND asset = $4");
    db.rows(&sql, params![within.from, within.to, now, asset]).await?.iter().map(window).collect()
}

/// The same for every machine at once: what a search needs.
pub async fn slot_kept_by_asset(db: &Db, within: Window, now: Timestamp) -> Result<HashMap<AssetId, Vec<Window>>> {
    let mut kept: HashMap<AssetId, Vec<Window>> = HashMap::new();
    for row in db.rows(IN_FORCE, params![within.from, within.to, now]).await? {
        kept.entry(row.id("asset")?).or_default().push(window(&row)?);
    }
    Ok(kept)
}

/// The same under the writer's lock: what a new reservation is checked against. One holder may be left out.
pub async fn slot_kept_in_tx(tx: &mut Tx, asset: AssetId, within: Window, but: &str) -> Result<Vec<Window>> {
    let (sql, now) = (format!("{IN_FORCE} AND asset = $4 AND holder <> $5"), tx.now());
    tx.rows(&sql, params![within.from, within.to, now, asset, but]).await?.iter().map(window).collect()
}

/// Keeps slots for a holder: a hold until it expires, a booking until it is released.
pub async fn slot_keep(
    tx: &mut Tx,
    asset: AssetId,
    holder: &str,
    slots: &[Window],
    expires_at: Option<Timestamp>,
) -> Result<()> {
    for slot in slots {
        tx.exec(
            "INSERT INTO sharing_slot (asset, from_us, to_us, holder, expires_at) VALUES ($1, $2, $3, $4, $5)",
            params![asset, slot.from, slot.to, holder, expires_at],
        )
        .await?;
    }
    Ok(())
}

/// Gives back what a holder keeps after a moment; what lies before stays to be seen in the calendar.
pub async fn slot_release(tx: &mut Tx, holder: &str, after: Timestamp) -> Result<()> {
    tx.exec("DELETE FROM sharing_slot WHERE holder = $1 AND from_us >= $2", params![holder, after]).await?;
    tx.exec("UPDATE sharing_slot SET to_us = $2 WHERE holder = $1 AND to_us > $2", params![holder, after]).await?;
    Ok(())
}

/// Gives back all that a holder keeps.
pub async fn slot_forget(tx: &mut Tx, holder: &str) -> Result<()> {
    tx.exec("DELETE FROM sharing_slot WHERE holder = $1", params![holder]).await?;
    Ok(())
}
