//! Work to be done later: promised in a transaction, run once, retried with growing pauses.

use kernel::{Duration, Error, Result, Timestamp, id::Entry};
use serde::Serialize;

use crate::{Caller, Host, Tx, params};

/// Attempts before a job is left alone with its last error, visible to `doctor`.
const ATTEMPTS_MAX: i64 = 12;

/// Promises that a job runs at or after a moment, as part of this transaction.
///
/// # Errors
/// When the payload cannot be written or the database refuses.
pub async fn job_schedule<T: Serialize>(tx: &mut Tx, kind: &'static str, run_at: Timestamp, payload: &T) -> Result<()> {
    let payload = serde_json::to_string(payload)
        .map_err(|error| Error::internal("appkit.job.payload", "a job cannot be written").because(error))?;
    let id = tx.new_id::<Entry>();
    tx.exec(
        "INSERT INTO appkit_job (id, kind, run_at, payload, attempts) VALUES ($1, $2, $3, $4, 0)",
        params![id, kind, run_at, payload],
    )
    .await?;
    Ok(())
}

/// How many jobs failed the last time they ran.
///
/// # Errors
/// When the database does not answer.
pub async fn failing(host: &Host) -> Result<i64> {
    let sql = "SELECT COUNT(*) AS n FROM appkit_job WHERE last_error IS NOT NULL";
    host.db().one(sql, vec![]).await?.map_or(Ok(0), |row| row.get("n"))
}

/// Runs the jobs that are due; how many succeeded.
pub(crate) async fn run_due(host: &Host) -> Result<usize> {
    let rows = host
        .db()
        .rows(
            "SELECT id, kind, payload, attempts FROM appkit_job WHERE run_at <= $1 AND attempts < $2 ORDER BY run_at, id LIMIT 100",
            params![host.now(), ATTEMPTS_MAX],
        )
        .await?;
    let mut done = 0;
    for row in rows {
        let (id, kind): (String, String) = (row.get("id")?, row.get("kind")?);
        let Some(runner) = host.job_runner(&kind) else {
            tracing::warn!(kind, "no module runs this kind of job");
            continue;
        };
        let payload: String = row.get("payload")?;
        let mut tx = Tx::begin(host, &Caller::system()).await?;
        // Another runner may have taken it between the read and the lock.
        if tx.exec("DELETE FROM appkit_job WHERE id = $1", params![&id]).await? == 0 {
            continue;
        }
        match runner(host.clone(), payload, &mut tx).await {
            Ok(()) => {
                tx.commit().await?;
                done += 1;
            }
            Err(error) => {
                drop(tx);
                let attempts = row.get::<i64>("attempts")? + 1;
                tracing::warn!(kind, attempts, ?error, "job failed");
                let pause = Duration::from_secs(1 << attempts.min(10));
                let mut tx = Tx::begin(host, &Caller::system()).await?;
                let retry_at = tx.now() + pause;
                tx.exec(
                    "UPDATE appkit_job SET attempts = $2, run_at = $3, last_error = $4 WHERE id = $1",
                    params![&id, attempts, retry_at, format!("{error:?}")],
                )
                .await?;
                tx.commit().await?;
            }
        }
    }
    Ok(done)
}
