//! Jobs: the work of a booking on its machine.

use appkit::{Db, Row, Tx, params};
use kernel::{
    Error, Result,
    id::{AssetId, BookingId, CaseId, JobId},
};

use crate::domain::job::Job;

fn read(row: &Row) -> Result<Job> {
    Ok(Job {
        id: row.id("id")?,
        booking: row.id("booking")?,
        asset: row.id("asset")?,
        provider: row.id("provider")?,
        buyer: row.id("buyer")?,
        started_at: row.opt_time("started_at")?,
        finished_at: row.opt_time("finished_at")?,
        reading_time: row.opt_id("reading_time")?,
        reading_pieces: row.opt_id("reading_pieces")?,
        invoice: row.opt_id("invoice")?,
        dispute: row.opt_id("dispute")?,
        note: row.get("note")?,
    })
}

/// The one answer for a job that does not exist and for one that is another's.
pub fn unknown() -> Error {
    Error::not_found("sharing.job.unknown", "there is no such job, or it is not yours")
}

/// Writes a job, new or changed.
pub async fn job_save(tx: &mut Tx, job: &Job) -> Result<()> {
    tx.exec(
        "INSERT INTO sharing_job (id, booking, asset, provider, buyer, started_at, finished_at, reading_time,
            reading_pieces, invoice, dispute, note)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         ON CONFLICT (id) DO UPDATE SET started_at = excluded.started_at, finished_at = excluded.finished_at,
            reading_time = excluded.reading_time, reading_pieces = excluded.reading_pieces,
            invoice = excluded.invoice, dispute = excluded.dispute, note = excluded.note",
        params![
            job.id,
            job.booking,
            job.asset,
            job.provider,
            job.buyer,
            job.started_at,
            job.finished_at,
            job.reading_time,
            job.reading_pieces,
            job.invoice,
            job.dispute,
            job.note.clone()
        ],
    )
    .await?;
    Ok(())
}

/// A job.
pub async fn job_get(db: &Db, id: JobId) -> Result<Job> {
    read(&db.one("SELECT * FROM sharing_job WHERE id = $1", params![id]).await?.ok_or_else(unknown)?)
}

/// A job, inside a transaction.
pub async fn job_get_in_tx(tx: &mut Tx, id: JobId) -> Result<Job> {
    read(&tx.one("SELECT * FROM sharing_job WHERE id = $1", params![id]).await?.ok_or_else(unknown)?)
}

/// The job of a booking.
pub async fn job_of_booking(db: &Db, booking: BookingId) -> Result<Job> {
    read(&db.one("SELECT * FROM sharing_job WHERE booking = $1", params![booking]).await?.ok_or_else(unknown)?)
}

/// The job of a booking, inside a transaction.
pub async fn job_of_booking_in_tx(tx: &mut Tx, booking: BookingId) -> Result<Job> {
    let row = tx.one("SELECT * FROM sharing_job WHERE booking = $1", params![booking]).await?;
    read(&row.ok_or_else(unknown)?)
}

/// The job that a dispute is about, if it is one of this room's.
pub async fn job_of_dispute_in_tx(tx: &mut Tx, case: CaseId) -> Result<Option<Job>> {
    tx.one("SELECT * FROM sharing_job WHERE dispute = $1", params![case]).await?.as_ref().map(read).transpose()
}

/// The job that runs on a machine now, if there is one.
pub async fn job_running_on_in_tx(tx: &mut Tx, asset: AssetId) -> Result<Option<Job>> {
    let sql = "SELECT * FROM sharing_job WHERE asset = $1 AND started_at IS NOT NULL AND finished_at IS NULL";
    tx.one(sql, params![asset]).await?.as_ref().map(read).transpose()
}

/// Jobs that run now, for their live meters.
pub async fn job_running(db: &Db) -> Result<Vec<Job>> {
    let sql = "SELECT * FROM sharing_job WHERE started_at IS NOT NULL AND finished_at IS NULL ORDER BY id";
    db.rows(sql, params![]).await?.iter().map(read).collect()
}
