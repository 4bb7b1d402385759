use appkit::{Row, Tx, params};
use kernel::{
    Error, Result, Timestamp, Unit,
    id::{ItemId, PartyId},
};

use super::{ItemKind, ItemState, Tracking};
use crate::sql::Source;

/// A revision of an item.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Item {
    /// Its id.
    #[schema(value_type = String)]
    pub id: ItemId,
    /// Whose it is.
    #[schema(value_type = String)]
    pub tenant: PartyId,
    /// Code, unique with its revision.
    pub code: String,
    /// Revision.
    pub revision: String,
    /// What kind.
    pub kind: ItemKind,
    /// Name in Chinese.
    pub name_zh: String,
    /// Name in English.
    pub name_en: String,
    /// Base unit.
    #[schema(value_type = String)]
    pub unit: Unit,
    /// How finely it is followed.
    pub tracking: Tracking,
    /// Where it stands.
    pub state: ItemState,
    /// When it was entered.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// An item as one wants to enter it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewItem {
    /// Whose it is.
    pub tenant: PartyId,
    /// Code.
    pub code: String,
    /// Revision.
    pub revision: String,
    /// What kind.
    pub kind: ItemKind,
    /// Name in Chinese.
    pub name_zh: String,
    /// Name in English.
    pub name_en: String,
    /// Base unit.
    pub unit: Unit,
    /// How finely it is followed.
    pub tracking: Tracking,
}

const COLUMNS: &str = "id, tenant, code, revision, kind, name_zh, name_en, unit, tracking, state, created_at";

fn from_row(row: &Row) -> Result<Item> {
    Ok(Item {
        id: row.id("id")?,
        tenant: row.id("tenant")?,
        code: row.get("code")?,
        revision: row.get("revision")?,
        kind: row.parse("kind")?,
        name_zh: row.get("name_zh")?,
        name_en: row.get("name_en")?,
        unit: row.parse("unit")?,
        tracking: row.parse("tracking")?,
        state: row.parse("state")?,
        created_at: row.time("created_at")?,
    })
}

/// An item by id.
///
/// # Errors
/// `record.item.unknown`.
pub async fn item_get(source: &mut impl Source, id: ItemId) -> Result<Item> {
    let sql = format!("SELECT {COLUMNS} FROM record_item WHERE id = $1");
    match source.one(&sql, params![id]).await? {
        Some(row) => from_row(&row),
        None => Err(Error::not_found("record.item.unknown", format!("there is no item {id}"))),
    }
}

/// A party's items, by id.
pub async fn item_list(source: &mut impl Source, tenant: PartyId, after: &str, limit: usize) -> Result<Vec<Item>> {
    let sql = format!("SELECT {COLUMNS} FROM record_item WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3");
    source.rows(&sql, params![tenant, after, limit]).await?.iter().map(from_row).collect()
}

/// Enters an item as a draft.
///
/// # Errors
/// `record.item.code`, `record.item.exists`.
pub async fn item_create(tx: &mut Tx, new: NewItem) -> Result<Item> {
    let length = |text: &str, max: usize| (1..=max).contains(&text.trim().chars().count());
    if !length(&new.code, 80) || !length(&new.revision, 40) || !(length(&new.name_zh, 200) || length(&new.name_en, 200))
    {
        return Err(Error::unprocessable("record.item.code", "an item needs a code, a revision and a name")
            .field("/code", "1–80 characters")
            .field("/revision", "1–40 characters"));
    }
    let item = Item {
        id: tx.new_id(),
        tenant: new.tenant,
        code: new.code,
        revision: new.revision,
        kind: new.kind,
        name_zh: new.name_zh,
        name_en: new.name_en,
        unit: new.unit,
        tracking: new.tracking,
        state: ItemState::Draft,
        created_at: tx.now(),
    };
    let inserted = tx
        .exec(
            "INSERT INTO record_item (id, tenant, code, revision, kind, name_zh, name_en, unit, tracking, state, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (tenant, code, revision) DO NOTHING",
            params![
                item.id,
                item.tenant,
                &item.code,
                &item.revision,
                item.kind.as_str(),
                &item.name_zh,
                &item.name_en,
                item.unit.code(),
                item.tracking.as_str(),
                item.state.as_str(),
                item.created_at
            ],
        )
        .await?;
    if inserted == 0 {
        return Err(Error::conflict("record.item.exists", format!("{} revision {} exists", item.code, item.revision))
            .hint("enter a new revision"));
    }
    Ok(item)
}

/// Takes a step of the state machine. Releasing a revision supersedes the released one of the same code.
///
/// # Errors
/// `record.item.step`.
pub async fn item_step(tx: &mut Tx, id: ItemId, to: ItemState) -> Result<Item> {
    let mut item = item_get(tx, id).await?;
    item.state = item.state.to(to)?;
    if to == ItemState::Released {
        tx.exec(
            "UPDATE record_item SET state = 'superseded' WHERE tenant = $1 AND code = $2 AND state = 'released'",
            params![item.tenant, &item.code],
        )
        .await?;
    }
    tx.exec("UPDATE record_item SET state = $2 WHERE id = $1", params![id, item.state.as_str()]).await?;
    Ok(item)
}
