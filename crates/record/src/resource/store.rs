use appkit::{Row, Tx, params};
use kernel::{
    Error, Quantity, Result,
    id::{PartyId, ResourceId},
};

use super::{Resource, ResourceState};
use crate::sql::{Columns, Source};

const COLUMNS: &str =
    "id, kind, item, identifier, owner, custodian, accounting, on_hand, unit, location, asset, disposition, state";

fn from_row(row: &Row) -> Result<Resource> {
    Ok(Resource {
        id: row.id("id")?,
        kind: row.parse("kind")?,
        item: row.opt_id("item")?,
        identifier: row.get("identifier")?,
        owner: row.id("owner")?,
        custodian: row.id("custodian")?,
        accounting: row.quantity("accounting", "unit")?,
        on_hand: row.quantity("on_hand", "unit")?,
        location: row.get("location")?,
        asset: row.opt_id("asset")?,
        disposition: row.get("disposition")?,
        state: row.parse("state")?,
    })
}

/// A resource by id.
///
/// # Errors
/// `record.resource.unknown`.
pub async fn resource_get(source: &mut impl Source, id: ResourceId) -> Result<Resource> {
    let sql = format!("SELECT {COLUMNS} FROM record_resource WHERE id = $1");
    match source.one(&sql, params![id]).await? {
        Some(row) => from_row(&row),
        None => Err(Error::not_found("record.resource.unknown", format!("there is no resource {id}"))),
    }
}

/// What a party owns or has, by id.
pub async fn resource_list(
    source: &mut impl Source,
    party: PartyId,
    after: &str,
    limit: usize,
) -> Result<Vec<Resource>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM record_resource WHERE (owner = $1 OR custodian = $1) AND id > $2 ORDER BY id LIMIT $3"
    );
    source.rows(&sql, params![party, after, limit]).await?.iter().map(from_row).collect()
}

/// Every resource after a place: for verification.
pub(crate) async fn resource_all(source: &mut impl Source, after: &str, limit: usize) -> Result<Vec<Resource>> {
    let sql = format!("SELECT {COLUMNS} FROM record_resource WHERE id > $1 ORDER BY id LIMIT $2");
    source.rows(&sql, params![after, limit]).await?.iter().map(from_row).collect()
}

/// Registers a resource; its quantities begin as given and change by events only.
///
/// # Errors
/// `record.resource.identifier`, `record.resource.quantity`.
pub async fn resource_register(tx: &mut Tx, new: NewResource) -> Result<Resource> {
    if new.identifier.trim().is_empty() || new.identifier.len() > 120 {
        return Err(Error::unprocessable("record.resource.identifier", "the identifier must have 1–120 characters")
            .field("/identifier", "serial, lot number or code plate"));
    }
    if new.quantity.value < kernel::Decimal::ZERO {
        return Err(Error::unprocessable("record.resource.quantity", "a resource cannot begin below zero")
            .field("/quantity", "0 or more"));
    }
    let resource = Resource {
        id: tx.new_id(),
        kind: new.kind,
        item: new.item,
        identifier: new.identifier,
        owner: new.owner,
        custodian: new.owner,
        accounting: new.quantity,
        on_hand: new.quantity,
        location: new.location,
        asset: new.asset,
        disposition: String::new(),
        state: new.kind.first_state(),
    };
    let now = tx.now();
    tx.exec(
        "INSERT INTO record_resource (id, kind, item, identifier, owner, custodian, accounting, on_hand, unit, location, asset,
            disposition, state, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        params![
            resource.id,
            resource.kind.as_str(),
            resource.item,
            &resource.identifier,
            resource.owner,
            resource.custodian,
            resource.accounting.value,
            resource.on_hand.value,
            resource.on_hand.unit.code(),
            &resource.location,
            resource.asset,
            &resource.disposition,
            resource.state.as_str(),
            now
        ],
    )
    .await?;
    Ok(resource)
}

/// A resource as one wants to register it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewResource {
    /// What kind.
    pub kind: super::ResourceKind,
    /// What it is.
    pub item: Option<kernel::id::ItemId>,
    /// Serial, lot number or code plate.
    pub identifier: String,
    /// Whose it is, and who has it at first.
    pub owner: PartyId,
    /// How much.
    pub quantity: Quantity,
    /// Where.
    pub location: String,
    /// Its twin on the shop floor.
    pub asset: Option<kernel::id::AssetId>,
}

/// Takes a step of the state machine.
///
/// # Errors
/// `record.resource.step`.
pub async fn resource_step(tx: &mut Tx, id: ResourceId, to: ResourceState) -> Result<Resource> {
    let mut resource = resource_get(tx, id).await?;
    resource.state = resource.state.to(to)?;
    save(tx, &resource).await?;
    Ok(resource)
}

pub(crate) async fn save(tx: &mut Tx, resource: &Resource) -> Result<()> {
    tx.exec(
        "UPDATE record_resource SET owner = $2, custodian = $3, accounting = $4, on_hand = $5, location = $6, disposition = $7,
            state = $8 WHERE id = $1",
        params![
            resource.id,
            resource.owner,
            resource.custodian,
            resource.accounting.value,
            resource.on_hand.value,
            &resource.location,
            &resource.disposition,
            resource.state.as_str()
        ],
    )
    .await?;
    Ok(())
}
