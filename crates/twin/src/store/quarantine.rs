use std::collections::BTreeMap;

use appkit::{Caller, Host, Row, Tx, params};
use contracts::{devices::Quarantined, telemetry::Value};
use kernel::{
    Result, Timestamp,
    id::{DeviceId, PartyId, QuarantineId},
};

use super::json_opt;

/// Records kept per device, and per door for senders that nobody knows.
pub const KEPT_PER_BUCKET: usize = 1000;
const EXCERPT_BYTES_MAX: usize = 512;
const DETAIL_BYTES_MAX: usize = 500;

/// A record as listed.
#[derive(Debug, Clone)]
pub struct Stored {
    pub id: QuarantineId,
    pub device: Option<DeviceId>,
    pub door: String,
    pub code: String,
    pub detail: String,
    pub metric: Option<String>,
    pub value: Option<serde_json::Value>,
    pub source_time: Option<Timestamp>,
    pub received_at: Timestamp,
    pub excerpt: String,
}

fn read(row: &Row) -> Result<Stored> {
    Ok(Stored {
        id: row.id("id")?,
        device: row.opt_id("device")?,
        door: row.get("door")?,
        code: row.get("code")?,
        detail: row.get("detail")?,
        metric: row.get("metric")?,
        value: super::json_column(row, "value")?,
        source_time: row.opt_time("source_time")?,
        received_at: row.time("received_at")?,
        excerpt: row.get("excerpt")?,
    })
}

/// Keeps records, newest first in line: what exceeds the bound of its bucket is dropped, oldest first.
pub async fn keep(host: &Host, records: Vec<Quarantined>) -> Result<()> {
    let mut buckets: BTreeMap<String, Vec<Quarantined>> = BTreeMap::new();
    for record in records {
        let bucket = record.device.map_or_else(|| format!("door {}", record.door), |device| device.to_string());
        buckets.entry(bucket).or_default().push(record);
    }
    if buckets.is_empty() {
        return Ok(());
    }
    let mut tx = host.begin(&Caller::system()).await?;
    for (bucket, records) in buckets {
        let surplus = records.len().saturating_sub(KEPT_PER_BUCKET);
        for record in records.iter().skip(surplus) {
            insert(&mut tx, &bucket, record).await?;
        }
        tx.exec(
            "DELETE FROM twin_quarantine WHERE bucket = $1 AND id NOT IN
                 (SELECT id FROM twin_quarantine WHERE bucket = $1 ORDER BY received_at DESC, id DESC LIMIT $2)",
            params![&bucket, KEPT_PER_BUCKET],
        )
        .await?;
    }
    tx.commit().await
}

async fn insert(tx: &mut Tx, bucket: &str, record: &Quarantined) -> Result<()> {
    // The id carries the time of receipt, so that the list is in its order.
    let id = QuarantineId::at(record.received_at, &**tx.host().chance());
    // JSON has no word for a number that is not finite; its text says what came.
    let value = record.value.as_ref().map(|value| match value {
        Value::F64(v) if !v.is_finite() => serde_json::Value::from(v.to_string()),
        other => serde_json::to_value(other).unwrap_or_default(),
    });
    tx.exec(
        "INSERT INTO twin_quarantine (id, bucket, tenant, device, door, code, detail, metric, value, source_time, received_at, excerpt)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        params![
            id,
            bucket,
            record.tenant,
            record.device,
            clip(&record.door, 64),
            clip(&record.code, 128),
            clip(&record.detail, DETAIL_BYTES_MAX),
            record.metric.as_deref().map(|metric| clip(metric, 128)),
            json_opt(value.as_ref())?,
            record.source_time,
            record.received_at,
            clip(&record.excerpt, EXCERPT_BYTES_MAX)
        ],
    )
    .await?;
    Ok(())
}

/// At most so many bytes, cut between characters, without NUL, which PostgreSQL does not store.
fn clip(text: &str, bytes: usize) -> String {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].replace('\0', "\u{fffd}")
}

/// The records of an organisation, newest first, before a place.
pub async fn list(
    host: &Host,
    tenant: PartyId,
    device: Option<DeviceId>,
    before: &str,
    limit: usize,
) -> Result<Vec<Stored>> {
    let rows = host
        .db()
        .rows(
            "SELECT id, device, door, code, detail, metric, value, source_time, received_at, excerpt FROM twin_quarantine
             WHERE tenant = $1 AND ($2 = '' OR device = $2) AND ($3 = '' OR id < $3) ORDER BY id DESC LIMIT $4",
            params![tenant, device.map(|id| id.to_string()).unwrap_or_default(), before, limit],
        )
        .await?;
    rows.iter().map(read).collect()
}
