use appkit::{Host, Row, Tx, params};
use kernel::{
    Error, Result,
    id::{AlarmRuleId, AssetId, PartyId, ThingModelId},
};

use super::json;
use crate::registry::{Rule, Target};

const COLUMNS: &str = "id, tenant, name, asset, model, rule, enabled, version, created_at, updated_at";

fn read(row: &Row) -> Result<Rule> {
    let target = match (row.opt_id("asset")?, row.opt_id("model")?) {
        (Some(asset), None) => Target::Asset(asset),
        (None, Some(model)) => Target::Model(model),
        _ => return Err(Error::corrupt("twin.alarm-rule.damaged", "a stored alarm rule has no single target")),
    };
    Ok(Rule {
        id: row.id("id")?,
        tenant: row.id("tenant")?,
        name: row.get("name")?,
        target,
        text: row.json("rule")?,
        enabled: row.bool("enabled")?,
        version: row.get::<i64>("version")? as u32,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

pub async fn all(host: &Host) -> Result<Vec<Rule>> {
    host.db().rows(&format!("SELECT {COLUMNS} FROM twin_alarm_rule"), params![]).await?.iter().map(read).collect()
}

pub async fn find(tx: &mut Tx, tenant: PartyId, id: AlarmRuleId) -> Result<Option<Rule>> {
    let sql = format!("SELECT {COLUMNS} FROM twin_alarm_rule WHERE tenant = $1 AND id = $2");
    tx.one(&sql, params![tenant, id]).await?.as_ref().map(read).transpose()
}

/// The rules that watch an asset, itself or through its model.
pub async fn watching(tx: &mut Tx, tenant: PartyId, asset: AssetId, model: ThingModelId) -> Result<Vec<Rule>> {
    let sql =
        format!("SELECT {COLUMNS} FROM twin_alarm_rule WHERE tenant = $1 AND (asset = $2 OR model = $3) ORDER BY id");
    tx.rows(&sql, params![tenant, asset, model]).await?.iter().map(read).collect()
}

pub async fn count(tx: &mut Tx, tenant: PartyId) -> Result<i64> {
    let row = tx.one("SELECT COUNT(*) AS n FROM twin_alarm_rule WHERE tenant = $1", params![tenant]).await?;
    row.map_or(Ok(0), |row| row.get("n"))
}

pub async fn save(tx: &mut Tx, rule: &Rule) -> Result<()> {
    let (asset, model) = match rule.target {
        Target::Asset(asset) => (Some(asset), None),
        Target::Model(model) => (None, Some(model)),
    };
    tx.exec(
        "INSERT INTO twin_alarm_rule (id, tenant, name, asset, model, rule, enabled, version, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         ON CONFLICT (id) DO UPDATE SET name = excluded.name, rule = excluded.rule, enabled = excluded.enabled,
             version = excluded.version, updated_at = excluded.updated_at",
        params![
            rule.id,
            rule.tenant,
            &rule.name,
            asset,
            model,
            json(&rule.text)?,
            rule.enabled,
            rule.version,
            rule.created_at,
            rule.updated_at
        ],
    )
    .await?;
    Ok(())
}

pub async fn name_taken(tx: &mut Tx, tenant: PartyId, name: &str, except: AlarmRuleId) -> Result<bool> {
    let sql = "SELECT id FROM twin_alarm_rule WHERE tenant = $1 AND name = $2 AND id <> $3";
    Ok(tx.one(sql, params![tenant, name, except]).await?.is_some())
}
