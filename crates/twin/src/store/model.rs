use appkit::{Host, Row, Tx, params};
use kernel::{
    Result,
    id::{PartyId, ThingModelId},
};
use serde_json::Value;

use super::{json_column, json_opt};
use crate::{domain::model::ThingModel, registry::ModelVersion};

const COLUMNS: &str =
    "m.id, m.tenant, m.code, v.version, v.name_zh, v.name_en, v.kind, v.document, v.state_rule, v.digest, v.created_at";

fn read(row: &Row) -> Result<ModelVersion> {
    let document: Value = row.json("document")?;
    Ok(ModelVersion {
        id: row.id("id")?,
        tenant: row.id("tenant")?,
        code: row.get("code")?,
        name_zh: row.get("name_zh")?,
        name_en: row.get("name_en")?,
        kind: row.get("kind")?,
        version: row.get::<i64>("version")? as u32,
        model: ThingModel::import(&document)?.model,
        state_rule: json_column(row, "state_rule")?,
        digest: row.get("digest")?,
        created_at: row.time("created_at")?,
    })
}

pub async fn all(host: &Host) -> Result<Vec<ModelVersion>> {
    let sql = format!("SELECT {COLUMNS} FROM twin_thing_model m JOIN twin_thing_model_version v ON v.model = m.id");
    host.db().rows(&sql, params![]).await?.iter().map(read).collect()
}

/// The latest version of the model with this code.
pub async fn latest_by_code(tx: &mut Tx, tenant: PartyId, code: &str) -> Result<Option<ModelVersion>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM twin_thing_model m JOIN twin_thing_model_version v ON v.model = m.id AND v.version = m.latest
         WHERE m.tenant = $1 AND m.code = $2"
    );
    tx.one(&sql, params![tenant, code]).await?.as_ref().map(read).transpose()
}

/// A version of an organisation's model; the latest when none is asked for.
pub async fn find(
    tx: &mut Tx,
    tenant: PartyId,
    id: ThingModelId,
    version: Option<u32>,
) -> Result<Option<ModelVersion>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM twin_thing_model m JOIN twin_thing_model_version v ON v.model = m.id AND v.version = COALESCE($3, m.latest)
         WHERE m.tenant = $1 AND m.id = $2"
    );
    tx.one(&sql, params![tenant, id, version]).await?.as_ref().map(read).transpose()
}

/// Every version of an organisation's model.
pub async fn versions(tx: &mut Tx, tenant: PartyId, id: ThingModelId) -> Result<Vec<ModelVersion>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM twin_thing_model m JOIN twin_thing_model_version v ON v.model = m.id
         WHERE m.tenant = $1 AND m.id = $2 ORDER BY v.version"
    );
    tx.rows(&sql, params![tenant, id]).await?.iter().map(read).collect()
}

pub async fn insert(tx: &mut Tx, version: &ModelVersion) -> Result<()> {
    if version.version == 1 {
        tx.exec(
            "INSERT INTO twin_thing_model (id, tenant, code, latest, created_at) VALUES ($1, $2, $3, 1, $4)",
            params![version.id, version.tenant, &version.code, version.created_at],
        )
        .await?;
    } else {
        tx.exec("UPDATE twin_thing_model SET latest = $2 WHERE id = $1", params![version.id, version.version]).await?;
    }
    tx.exec(
        "INSERT INTO twin_thing_model_version (model, version, name_zh, name_en, kind, document, state_rule, digest, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        params![
            version.id,
            version.version,
            &version.name_zh,
            &version.name_en,
            &version.kind,
            version.model.document.to_string(),
            json_opt(version.state_rule.as_ref())?,
            &version.digest,
            version.created_at
        ],
    )
    .await?;
    Ok(())
}
