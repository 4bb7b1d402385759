use appkit::{Row, Tx, params};
use kernel::{
    Error, NiUri, Result, Timestamp, Window,
    id::{AgreementId, AssetId, MeterId, PartyId, ReadingId},
};

use super::{
    Meter, Reading, Statement,
    rules::{Adjustment, IncidentKind},
};
use crate::{
    canonical::canonical_json,
    sql::{Source, json},
};

const METER: &str = "id, tenant, asset, name, unit, rule, active_from, state";
const READING: &str =
    "statement, digest, provider, receiver, gap_before_us, coverage_minimum, superseded_by, state, sealed_at";

fn meter_row(row: &Row) -> Result<Meter> {
    Ok(Meter {
        id: row.id("id")?,
        tenant: row.id("tenant")?,
        asset: row.id("asset")?,
        name: row.get("name")?,
        unit: row.parse("unit")?,
        rule: row.json("rule")?,
        active_from: row.time("active_from")?,
        state: row.parse("state")?,
    })
}

fn reading_row(row: &Row) -> Result<Reading> {
    let statement: Statement = row.json("statement")?;
    Ok(Reading {
        statement,
        digest: row.parse("digest")?,
        provider: row.id("provider")?,
        receiver: row.opt_id("receiver")?,
        gap_before_us: row.get("gap_before_us")?,
        coverage_minimum: row.decimal("coverage_minimum")?,
        superseded_by: row.opt_id("superseded_by")?,
        state: row.parse("state")?,
        sealed_at: row.opt_time("sealed_at")?,
    })
}

/// A meter by id.
///
/// # Errors
/// `record.meter.unknown`.
pub async fn meter_get(source: &mut impl Source, id: MeterId) -> Result<Meter> {
    let sql = format!("SELECT {METER} FROM record_meter WHERE id = $1");
    match source.one(&sql, params![id]).await? {
        Some(row) => meter_row(&row),
        None => Err(Error::not_found("record.meter.unknown", format!("there is no meter {id}"))),
    }
}

/// A party's meters, by id.
pub async fn meter_list(source: &mut impl Source, tenant: PartyId, after: &str, limit: usize) -> Result<Vec<Meter>> {
    let sql = format!("SELECT {METER} FROM record_meter WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3");
    source.rows(&sql, params![tenant, after, limit]).await?.iter().map(meter_row).collect()
}

/// The meters of an asset, by id.
pub async fn meter_list_by_asset(source: &mut impl Source, asset: AssetId) -> Result<Vec<Meter>> {
    let sql = format!("SELECT {METER} FROM record_meter WHERE asset = $1 ORDER BY id");
    source.rows(&sql, params![asset]).await?.iter().map(meter_row).collect()
}

pub(super) async fn meter_insert(tx: &mut Tx, meter: &Meter) -> Result<()> {
    let now = tx.now();
    tx.exec(
        "INSERT INTO record_meter (id, tenant, asset, name, unit, rule, active_from, state, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        params![
            meter.id,
            meter.tenant,
            meter.asset,
            &meter.name,
            meter.unit.code(),
            json(&meter.rule)?,
            meter.active_from,
            meter.state.as_str(),
            now
        ],
    )
    .await?;
    Ok(())
}

pub(super) async fn meter_save_state(tx: &mut Tx, meter: &Meter) -> Result<()> {
    tx.exec("UPDATE record_meter SET state = $2 WHERE id = $1", params![meter.id, meter.state.as_str()]).await?;
    Ok(())
}

pub(super) async fn adjustment_insert(tx: &mut Tx, meter: MeterId, adjustment: &Adjustment) -> Result<()> {
    let (by, now) = (tx.caller().subject.to_string(), tx.now());
    let rows = tx
        .exec(
            "INSERT INTO record_meter_adjustment (meter, at, kind, closing, opening, recorded_by, recorded_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (meter, at) DO NOTHING",
            params![meter, adjustment.at, adjustment.kind.as_str(), adjustment.closing, adjustment.opening, by, now],
        )
        .await?;
    if rows == 0 {
        return Err(Error::conflict(
            "record.meter.adjusted",
            format!("an adjustment at {} is recorded already", adjustment.at),
        )
        .hint("adjustments are never edited; record a further one at a later moment"));
    }
    Ok(())
}

/// Recorded resets and replacements between two moments, by time.
pub async fn adjustment_list(
    source: &mut impl Source,
    meter: MeterId,
    after: Timestamp,
    until: Timestamp,
) -> Result<Vec<Adjustment>> {
    let sql = "SELECT at, kind, closing, opening FROM record_meter_adjustment WHERE meter = $1 AND at > $2 AND at <= $3 ORDER BY at";
    let rows = source.rows(sql, params![meter, after, until]).await?;
    rows.iter()
        .map(|row| {
            Ok(Adjustment {
                at: row.time("at")?,
                kind: row.parse::<IncidentKind>("kind")?,
                closing: row.decimal("closing")?,
                opening: row.decimal("opening")?,
            })
        })
        .collect()
}

/// A reading by id.
///
/// # Errors
/// `record.reading.unknown`.
pub async fn reading_get(source: &mut impl Source, id: ReadingId) -> Result<Reading> {
    let sql = format!("SELECT {READING} FROM record_reading WHERE id = $1");
    match source.one(&sql, params![id]).await? {
        Some(row) => reading_row(&row),
        None => Err(Error::not_found("record.reading.unknown", format!("there is no reading {id}"))),
    }
}

/// A party's readings on either side, by id.
pub async fn reading_list(source: &mut impl Source, party: PartyId, after: &str, limit: usize) -> Result<Vec<Reading>> {
    let sql = format!(
        "SELECT {READING} FROM record_reading WHERE (provider = $1 OR receiver = $1) AND id > $2 ORDER BY id LIMIT $3"
    );
    source.rows(&sql, params![party, after, limit]).await?.iter().map(reading_row).collect()
}

/// The readings of an agreement, by window.
pub async fn reading_list_by_agreement(source: &mut impl Source, agreement: AgreementId) -> Result<Vec<Reading>> {
    let sql = format!("SELECT {READING} FROM record_reading WHERE agreement = $1 ORDER BY window_from, id");
    source.rows(&sql, params![agreement]).await?.iter().map(reading_row).collect()
}

/// The newest readings of a machine, newest first.
pub async fn reading_list_by_asset(
    source: &mut impl Source,
    provider: PartyId,
    asset: AssetId,
    limit: usize,
) -> Result<Vec<Reading>> {
    let sql = format!(
        "SELECT {READING} FROM record_reading WHERE asset = $1 AND provider = $2 ORDER BY window_to DESC, id DESC LIMIT $3"
    );
    source.rows(&sql, params![asset, provider, limit]).await?.iter().map(reading_row).collect()
}

/// The readings that cite a piece of evidence.
pub async fn reading_list_by_evidence(source: &mut impl Source, evidence: NiUri) -> Result<Vec<Reading>> {
    let sql = format!("SELECT {READING} FROM record_reading WHERE evidence = $1 ORDER BY id");
    source.rows(&sql, params![evidence]).await?.iter().map(reading_row).collect()
}

/// Every reading after a place, as stored: for verification.
pub(crate) async fn reading_rows(source: &mut impl Source, after: &str, limit: usize) -> Result<Vec<Row>> {
    let sql = format!(
        "SELECT id, meter, asset, agreement, window_from, window_to, quantity, unit, coverage, evidence, supersedes, {READING}
         FROM record_reading WHERE id > $1 ORDER BY id LIMIT $2"
    );
    source.rows(&sql, params![after, limit]).await
}

/// The readings of one meter for one agreement that still count, by window: what windows may not overlap with.
pub(crate) async fn reading_windows(
    source: &mut impl Source,
    meter: MeterId,
    agreement: Option<AgreementId>,
) -> Result<Vec<(ReadingId, Window, i64)>> {
    let sql = "SELECT id, window_from, window_to, gap_before_us FROM record_reading
               WHERE meter = $1 AND COALESCE(agreement, '') = $2 AND state <> 'superseded' ORDER BY window_from, id";
    let agreement = agreement.map(|id| id.to_string()).unwrap_or_default();
    let rows = source.rows(sql, params![meter, agreement]).await?;
    rows.iter()
        .map(|row| {
            let window = Window { from: row.time("window_from")?, to: row.time("window_to")? };
            Ok((row.id("id")?, window, row.get("gap_before_us")?))
        })
        .collect()
}

pub(super) async fn reading_insert(tx: &mut Tx, reading: &Reading) -> Result<()> {
    let statement = &reading.statement;
    let now = tx.now();
    tx.exec(
        "INSERT INTO record_reading (id, meter, asset, agreement, provider, receiver, window_from, window_to, gap_before_us, quantity,
            unit, coverage, coverage_minimum, evidence, statement, digest, supersedes, superseded_by, state, sealed_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, NULL, $18, $19, $20)",
        params![
            statement.reading,
            statement.meter,
            statement.asset,
            statement.agreement,
            reading.provider,
            reading.receiver,
            statement.window.from,
            statement.window.to,
            reading.gap_before_us,
            statement.quantity,
            statement.unit.code(),
            statement.coverage,
            reading.coverage_minimum,
            statement.evidence,
            canonical_json(statement)?,
            reading.digest,
            statement.supersedes,
            reading.state.as_str(),
            reading.sealed_at,
            now
        ],
    )
    .await?;
    Ok(())
}

pub(crate) async fn reading_save(tx: &mut Tx, reading: &Reading) -> Result<()> {
    tx.exec(
        "UPDATE record_reading SET state = $2, superseded_by = $3 WHERE id = $1",
        params![reading.id(), reading.state.as_str(), reading.superseded_by],
    )
    .await?;
    Ok(())
}
