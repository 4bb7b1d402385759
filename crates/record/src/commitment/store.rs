use appkit::{Row, Tx, params};
use kernel::{
    Error, Quantity, Result, Window,
    id::{AgreementId, AssetId, CommitmentId, PartyId},
};

use super::{Commitment, Load};
use crate::sql::{Columns, Source, parts};

const COLUMNS: &str = "id, agreement, action, provider, receiver, item, resource, asset, quantity, quantity_unit, effort, effort_unit, \
     window_from, window_to, tolerance, fulfilled, capacity_units, capacity, state, reason";

fn from_row(row: &Row) -> Result<Commitment> {
    let quantity = row.opt_quantity("quantity", "quantity_unit")?;
    let effort = row.opt_quantity("effort", "effort_unit")?;
    let window = match row.opt_time("window_from")? {
        Some(_) => Some(row.window()?),
        None => None,
    };
    let fulfilled = match (row.get::<Option<String>>("fulfilled")?, quantity.or(effort)) {
        (Some(_), Some(measure)) => Some(Quantity::new(row.decimal("fulfilled")?, measure.unit)),
        _ => None,
    };
    Ok(Commitment {
        id: row.id("id")?,
        agreement: row.opt_id("agreement")?,
        action: row.parse("action")?,
        provider: row.id("provider")?,
        receiver: row.id("receiver")?,
        item: row.opt_id("item")?,
        resource: row.opt_id("resource")?,
        asset: row.opt_id("asset")?,
        quantity,
        effort,
        window,
        tolerance: row.decimal("tolerance")?,
        fulfilled,
        capacity_units: row.get::<i64>("capacity_units")? as u32,
        capacity: row.get::<Option<i64>>("capacity")?.map(|units| units as u32),
        state: row.parse("state")?,
        reason: row.get("reason")?,
    })
}

/// A commitment by id.
///
/// # Errors
/// `record.commitment.unknown`.
pub async fn commitment_get(source: &mut impl Source, id: CommitmentId) -> Result<Commitment> {
    let sql = format!("SELECT {COLUMNS} FROM record_commitment WHERE id = $1");
    match source.one(&sql, params![id]).await? {
        Some(row) => from_row(&row),
        None => Err(Error::not_found("record.commitment.unknown", format!("there is no commitment {id}"))),
    }
}

/// A party's commitments on either side, by id.
pub async fn commitment_list(
    source: &mut impl Source,
    party: PartyId,
    after: &str,
    limit: usize,
) -> Result<Vec<Commitment>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM record_commitment WHERE (provider = $1 OR receiver = $1) AND id > $2 ORDER BY id LIMIT $3"
    );
    source.rows(&sql, params![party, after, limit]).await?.iter().map(from_row).collect()
}

/// Every commitment after a place: for verification.
pub(crate) async fn commitment_all(source: &mut impl Source, after: &str, limit: usize) -> Result<Vec<Commitment>> {
    let sql = format!("SELECT {COLUMNS} FROM record_commitment WHERE id > $1 ORDER BY id LIMIT $2");
    source.rows(&sql, params![after, limit]).await?.iter().map(from_row).collect()
}

/// The commitments of an agreement, by id.
pub async fn commitment_list_by_agreement(source: &mut impl Source, agreement: AgreementId) -> Result<Vec<Commitment>> {
    let sql = format!("SELECT {COLUMNS} FROM record_commitment WHERE agreement = $1 ORDER BY id");
    source.rows(&sql, params![agreement]).await?.iter().map(from_row).collect()
}

/// The commitments that take an asset's capacity at some time in a window.
pub async fn commitment_reserved(source: &mut impl Source, asset: AssetId, window: Window) -> Result<Vec<Commitment>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM record_commitment WHERE asset = $1 AND window_from < $3 AND window_to > $2
            AND state IN ('reserved', 'part_fulfilled') ORDER BY window_from, id"
    );
    source.rows(&sql, params![asset, window.from, window.to]).await?.iter().map(from_row).collect()
}

/// What those commitments take.
pub(super) fn loads(commitments: &[Commitment]) -> Vec<Load> {
    commitments
        .iter()
        .filter_map(|commitment| Some(Load { window: commitment.window?, units: commitment.capacity_units }))
        .collect()
}

pub(super) async fn insert(tx: &mut Tx, commitment: &Commitment) -> Result<()> {
    let now = tx.now();
    let ((quantity, quantity_unit), (effort, effort_unit)) = (parts(commitment.quantity), parts(commitment.effort));
    tx.exec(
        "INSERT INTO record_commitment (id, agreement, action, provider, receiver, item, resource, asset, quantity, quantity_unit,
            effort, effort_unit, window_from, window_to, tolerance, fulfilled, capacity_units, state, reason, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, NULL, $16, $17, $18, $19)",
        params![
            commitment.id,
            commitment.agreement,
            commitment.action.as_str(),
            commitment.provider,
            commitment.receiver,
            commitment.item,
            commitment.resource,
            commitment.asset,
            quantity,
            quantity_unit,
            effort,
            effort_unit,
            commitment.window.map(|window| window.from),
            commitment.window.map(|window| window.to),
            commitment.tolerance,
            commitment.capacity_units,
            commitment.state.as_str(),
            &commitment.reason,
            now
        ],
    )
    .await?;
    Ok(())
}

pub(crate) async fn save(tx: &mut Tx, commitment: &Commitment) -> Result<()> {
    tx.exec(
        "UPDATE record_commitment SET fulfilled = $2, state = $3, reason = $4, capacity = $5 WHERE id = $1",
        params![
            commitment.id,
            commitment.fulfilled.map(|q| q.value),
            commitment.state.as_str(),
            &commitment.reason,
            commitment.capacity
        ],
    )
    .await?;
    Ok(())
}
