use appkit::{Host, Row, Tx, params};
use kernel::{
    Result,
    id::{AssetId, PartyId, ThingModelId},
};

use super::{json_column, json_opt};
use crate::{domain::tree::Tree, registry::Node};

const COLUMNS: &str = "id, tenant, parent, level, code, name, kind, model, model_version, state_rule, created_at";

fn read(row: &Row) -> Result<Node> {
    let model: Option<ThingModelId> = row.opt_id("model")?;
    let version: Option<i64> = row.get("model_version")?;
    Ok(Node {
        id: row.id("id")?,
        tenant: row.id("tenant")?,
        parent: row.opt_id("parent")?,
        level: row.parse("level")?,
        code: row.get("code")?,
        name: row.get("name")?,
        kind: row.get("kind")?,
        model: model.zip(version.map(|version| version as u32)),
        state_rule: json_column(row, "state_rule")?,
        created_at: row.time("created_at")?,
    })
}

pub async fn all(host: &Host) -> Result<Vec<Node>> {
    host.db().rows(&format!("SELECT {COLUMNS} FROM twin_node"), params![]).await?.iter().map(read).collect()
}

pub async fn find(tx: &mut Tx, tenant: PartyId, id: AssetId) -> Result<Option<Node>> {
    let sql = format!("SELECT {COLUMNS} FROM twin_node WHERE tenant = $1 AND id = $2");
    tx.one(&sql, params![tenant, id]).await?.as_ref().map(read).transpose()
}

pub async fn tree(tx: &mut Tx, tenant: PartyId) -> Result<Tree> {
    let mut tree = Tree::new();
    for row in tx.rows("SELECT id, parent, level FROM twin_node WHERE tenant = $1", params![tenant]).await? {
        tree.put(row.id("id")?, row.opt_id("parent")?, row.parse("level")?);
    }
    Ok(tree)
}

pub async fn count(tx: &mut Tx, tenant: PartyId) -> Result<i64> {
    let row = tx.one("SELECT COUNT(*) AS n FROM twin_node WHERE tenant = $1", params![tenant]).await?;
    row.map_or(Ok(0), |row| row.get("n"))
}

pub async fn save(tx: &mut Tx, node: &Node) -> Result<()> {
    let (model, version) = node.model.unzip();
    tx.exec(
        "INSERT INTO twin_node (id, tenant, parent, level, code, name, kind, model, model_version, state_rule, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         ON CONFLICT (id) DO UPDATE SET parent = excluded.parent, code = excluded.code, name = excluded.name,
             model_version = excluded.model_version, state_rule = excluded.state_rule",
        params![
            node.id,
            node.tenant,
            node.parent,
            node.level.name(),
            &node.code,
            &node.name,
            &node.kind,
            model,
            version,
            json_opt(node.state_rule.as_ref())?,
            node.created_at
        ],
    )
    .await?;
    Ok(())
}

/// Whether another node of the organisation carries this code.
pub async fn code_taken(tx: &mut Tx, tenant: PartyId, code: &str, except: AssetId) -> Result<bool> {
    let sql = "SELECT id FROM twin_node WHERE tenant = $1 AND code = $2 AND id <> $3";
    Ok(tx.one(sql, params![tenant, code, except]).await?.is_some())
}
