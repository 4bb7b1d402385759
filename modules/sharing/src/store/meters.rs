//! Which meters of the record belong to a shared machine.

use appkit::{Db, Row, Tx, params};
use kernel::{
    Result,
    id::{AssetId, MeterId},
};

/// The meters of a shared machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meters {
    /// Running time.
    pub time: MeterId,
    /// Good pieces; none for a machine that does not count any.
    pub pieces: Option<MeterId>,
}

fn read(row: &Row) -> Result<Meters> {
    Ok(Meters { time: row.id("time_meter")?, pieces: row.opt_id("pieces_meter")? })
}

const BY_ASSET: &str = "SELECT * FROM sharing_meters WHERE asset = $1";

/// The meters of a machine, if it was ever offered.
pub async fn meters_get(db: &Db, asset: AssetId) -> Result<Option<Meters>> {
    db.one(BY_ASSET, params![asset]).await?.as_ref().map(read).transpose()
}

/// The same, inside a transaction.
pub async fn meters_get_in_tx(tx: &mut Tx, asset: AssetId) -> Result<Option<Meters>> {
    tx.one(BY_ASSET, params![asset]).await?.as_ref().map(read).transpose()
}

/// Keeps the meters of a machine.
pub async fn meters_insert(tx: &mut Tx, asset: AssetId, meters: Meters) -> Result<()> {
    tx.exec(
        "INSERT INTO sharing_meters (asset, time_meter, pieces_meter) VALUES ($1, $2, $3)",
        params![asset, meters.time, meters.pieces],
    )
    .await?;
    Ok(())
}
