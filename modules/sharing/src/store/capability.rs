//! Capabilities and the opening hours of their machines.

use std::collections::HashMap;

use appkit::{Db, Row, Tx, params};
use kernel::{
    Duration, Error, Result,
    id::{AssetId, CapabilityId, PartyId},
};

use super::row::{CapabilityDoc, OpeningDoc, text};
use crate::domain::{
    calendar::Opening,
    capability::{Capability, EnvelopeMm, Place, Terms},
};

const COLUMNS: &str = "id, provider, asset, resource, class, state, doc";

/// Writes a capability, new or changed.
pub async fn capability_save(tx: &mut Tx, capability: &Capability) -> Result<()> {
    let now = tx.now();
    let terms = &capability.terms;
    let doc = text(&CapabilityDoc {
        title: terms.title.clone(),
        materials: terms.materials.clone(),
        envelope_mm: terms.envelope.sides,
        tolerance_um: terms.tolerance_um,
        roughness_nm: terms.roughness_nm,
        lot_min: terms.lot_min,
        lot_max: terms.lot_max,
        certificates: terms.certificates.iter().map(Into::into).collect(),
        lat_e6: terms.place.lat_e6,
        lon_e6: terms.place.lon_e6,
        prices: terms.prices.iter().map(Into::into).collect(),
        setup: terms.setup,
        tax_percent: terms.tax_percent,
        pieces_per_hour: terms.pieces_per_hour,
        dispute_window_us: terms.dispute_window.micros(),
        assurance: capability.assurance.as_ref().map(Into::into),
        offer: capability.offer,
    })?;
    tx.exec(
        "INSERT INTO sharing_capability (id, provider, asset, resource, class, state, doc, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)
         ON CONFLICT (id) DO UPDATE SET class = excluded.class, state = excluded.state, doc = excluded.doc,
            updated_at = excluded.updated_at",
        params![
            capability.id,
            capability.provider,
            capability.asset,
            capability.resource,
            &terms.class,
            capability.state.name(),
            doc,
            now
        ],
    )
    .await?;
    Ok(())
}

fn read(row: &Row) -> Result<Capability> {
    let doc: CapabilityDoc = row.json("doc")?;
    let terms = Terms {
        title: doc.title,
        class: row.get("class")?,
        materials: doc.materials,
        envelope: EnvelopeMm { sides: doc.envelope_mm },
        tolerance_um: doc.tolerance_um,
        roughness_nm: doc.roughness_nm,
        lot_min: doc.lot_min,
        lot_max: doc.lot_max,
        certificates: doc.certificates.into_iter().map(Into::into).collect(),
        place: Place { lat_e6: doc.lat_e6, lon_e6: doc.lon_e6 },
        prices: doc.prices.into_iter().map(TryInto::try_into).collect::<Result<_>>()?,
        setup: doc.setup,
        tax_percent: doc.tax_percent,
        pieces_per_hour: doc.pieces_per_hour,
        dispute_window: Duration::from_micros(doc.dispute_window_us),
    };
    Ok(Capability {
        id: row.id("id")?,
        provider: row.id("provider")?,
        asset: row.id("asset")?,
        resource: row.id("resource")?,
        terms,
        assurance: doc.assurance.map(Into::into),
        offer: doc.offer,
        state: row.parse("state")?,
    })
}

/// The one answer for a capability that does not exist and for one that is not for the caller's eyes.
pub fn unknown() -> Error {
    Error::not_found("sharing.capability.unknown", "there is no such capability, or it is not offered")
        .hint("search again")
}

/// One capability.
pub async fn capability_get(db: &Db, id: CapabilityId) -> Result<Capability> {
    let sql = format!("SELECT {COLUMNS} FROM sharing_capability WHERE id = $1");
    read(&db.one(&sql, params![id]).await?.ok_or_else(unknown)?)
}

/// One capability, inside a transaction.
pub async fn capability_get_in_tx(tx: &mut Tx, id: CapabilityId) -> Result<Capability> {
    let sql = format!("SELECT {COLUMNS} FROM sharing_capability WHERE id = $1");
    read(&tx.one(&sql, params![id]).await?.ok_or_else(unknown)?)
}

/// An organisation's own, of one machine or of all, newest last.
pub async fn capability_list(
    db: &Db,
    provider: PartyId,
    asset: Option<AssetId>,
    after: &str,
    limit: usize,
) -> Result<Vec<Capability>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM sharing_capability
         WHERE provider = $1 AND id > $2 AND (asset = $3 OR $3 = '') ORDER BY id LIMIT $4"
    );
    let asset = asset.map(|asset| asset.to_string()).unwrap_or_default();
    db.rows(&sql, params![provider, after, asset, limit]).await?.iter().map(read).collect()
}

/// Everything that is not a draft and not withdrawn: what a search looks at (lapsed ones are refused with their reason).
pub async fn capability_market(db: &Db) -> Result<Vec<Capability>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM sharing_capability WHERE state IN ('published', 'assured', 'lapsed') ORDER BY id"
    );
    db.rows(&sql, params![]).await?.iter().map(read).collect()
}

/// One capability of a machine: what it has in common with the others is its resource.
pub async fn capability_of_asset_in_tx(tx: &mut Tx, asset: AssetId) -> Result<Option<Capability>> {
    let sql = format!("SELECT {COLUMNS} FROM sharing_capability WHERE asset = $1 ORDER BY id LIMIT 1");
    tx.one(&sql, params![asset]).await?.as_ref().map(read).transpose()
}

/// Opening hours of every machine that has some.
pub async fn opening_by_asset(db: &Db) -> Result<HashMap<AssetId, Opening>> {
    let rows = db.rows("SELECT asset, doc FROM sharing_opening", params![]).await?;
    rows.iter().map(|row| Ok((row.id("asset")?, row.json::<OpeningDoc>("doc")?.into()))).collect()
}

/// A machine's opening hours; always open when none were set.
pub async fn opening_get(db: &Db, asset: AssetId) -> Result<Opening> {
    let row = db.one("SELECT doc FROM sharing_opening WHERE asset = $1", params![asset]).await?;
    row.map_or(Ok(Opening::default()), |row| row.json::<OpeningDoc>("doc").map(Into::into))
}

/// The same, inside a transaction.
pub async fn opening_get_in_tx(tx: &mut Tx, asset: AssetId) -> Result<Opening> {
    let row = tx.one("SELECT doc FROM sharing_opening WHERE asset = $1", params![asset]).await?;
    row.map_or(Ok(Opening::default()), |row| row.json::<OpeningDoc>("doc").map(Into::into))
}

/// Sets a machine's opening hours.
pub async fn opening_save(tx: &mut Tx, asset: AssetId, provider: PartyId, opening: &Opening) -> Result<()> {
    let doc = text(&OpeningDoc::from(opening))?;
    tx.exec(
        "INSERT INTO sharing_opening (asset, provider, doc) VALUES ($1, $2, $3)
         ON CONFLICT (asset) DO UPDATE SET doc = excluded.doc",
        params![asset, provider, doc],
    )
    .await?;
    Ok(())
}
