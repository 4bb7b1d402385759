use appkit::{Host, Tx, params};
use kernel::{Result, Timestamp};

/// How far alarms have been evaluated.
pub async fn reached(host: &Host) -> Result<Option<Timestamp>> {
    let row = host.db().one("SELECT reached FROM twin_checkpoint WHERE name = 'alarms'", params![]).await?;
    row.map(|row| row.time("reached")).transpose()
}

pub async fn save(tx: &mut Tx, reached: Timestamp) -> Result<()> {
    tx.exec(
        "INSERT INTO twin_checkpoint (name, reached) VALUES ('alarms', $1)
         ON CONFLICT (name) DO UPDATE SET reached = excluded.reached",
        params![reached],
    )
    .await?;
    Ok(())
}
