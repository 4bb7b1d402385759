use appkit::{Caller, Host, IdemKey, Json, Page, PageQuery, Path, Policy, Query, Reply, Routes, routes};
use axum::extract::State;
use kernel::id::{AssetId, ThingModelId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{bodies::StateRuleBody, twin};
use crate::{
    NodeNew, asset_create_in_tx, asset_move_in_tx, asset_rename_in_tx,
    domain::tree::{self, Level},
    registry::Node,
};

pub(super) fn routes() -> Routes {
    Routes::new("twin")
        .add(Policy::view("twin.equipment.read"), routes!(equipment_list))
        .add(Policy::operate("twin.equipment.write"), routes!(equipment_create))
        .add(Policy::view("twin.equipment.read"), routes!(equipment_get))
        .add(Policy::operate("twin.equipment.write"), routes!(equipment_move))
        .add(Policy::operate("twin.equipment.write"), routes!(equipment_rename))
}

/// A node of the equipment tree.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct NodeView {
    /// Its id. It never changes and says nothing about its place.
    #[schema(value_type = String)]
    id: AssetId,
    /// What it stands in.
    #[schema(value_type = Option<String>)]
    parent: Option<AssetId>,
    /// Its level.
    level: Level,
    /// Code plate, unique in its organisation.
    code: String,
    /// Name.
    name: String,
    /// Kind of place or machine.
    kind: String,
    /// Its thing model, for machines.
    #[schema(value_type = Option<String>)]
    thing_model: Option<ThingModelId>,
    /// The version it is pinned to.
    thing_model_version: Option<u32>,
    /// Since when it is on record (RFC 3339).
    created_at: String,
}

impl NodeView {
    pub fn of(node: &Node) -> Self {
        let (thing_model, thing_model_version) = node.model.unzip();
        Self {
            id: node.id,
            parent: node.parent,
            level: node.level,
            code: node.code.clone(),
            name: node.name.clone(),
            kind: node.kind.clone(),
            thing_model,
            thing_model_version,
            created_at: node.created_at.to_string(),
        }
    }
}

/// The equipment tree of your organisation as a list, by code. Each node names its parent.
#[utoipa::path(get, path = "/api/v1/equipment", tag = "twin", params(PageQuery), responses((status = 200, body = Page<NodeView>)))]
async fn equipment_list(
    State(host): State<Host>,
    caller: Caller,
    Query(page): Query<PageQuery>,
) -> appkit::Result<Json<Page<NodeView>>> {
    let limit = page.limit()?;
    let nodes = twin(&host)?.registry().nodes(caller.tenant, page.after());
    let items = nodes.iter().take(limit + 1).map(|node| NodeView::of(node)).collect();
    Ok(Json(Page::of(items, limit, |node: &NodeView| node.code.clone())))
}

/// A node to be put into the tree.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NodeCreate {
    /// What it stands in; nothing for a root.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    parent: Option<AssetId>,
    /// Its level.
    level: Level,
    /// Code plate, unique in your organisation.
    code: String,
    /// Name.
    name: String,
    /// Kind; a machine's is its model's when absent.
    #[serde(default)]
    kind: Option<String>,
    /// For work units: the thing model.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    thing_model: Option<ThingModelId>,
    /// Its version; the latest when absent.
    #[serde(default)]
    thing_model_version: Option<u32>,
    /// For machines: a state rule of its own.
    #[serde(default)]
    state_rule: Option<StateRuleBody>,
}

/// Puts a node into the equipment tree. A work unit with a thing model is a machine.
#[utoipa::path(post, path = "/api/v1/equipment", tag = "twin", request_body = NodeCreate, responses((status = 201, body = NodeView)))]
async fn equipment_create(
    State(host): State<Host>,
    caller: Caller,
    idem: IdemKey,
    Json(body): Json<NodeCreate>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "twin.equipment.create", &idem, &body).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let new = NodeNew {
        parent: body.parent,
        level: body.level,
        code: body.code,
        name: body.name,
        kind: body.kind,
        model: body.thing_model.map(|model| (model, body.thing_model_version)),
        state_rule: body.state_rule.as_ref().map(StateRuleBody::text).transpose()?,
    };
    let node = asset_create_in_tx(command.tx(), caller.tenant, new).await?;
    command.reply(201, &NodeView::of(&node)).await
}

/// A node.
#[utoipa::path(get, path = "/api/v1/equipment/{id}", tag = "twin", params(("id" = String, Path)), responses((status = 200, body = NodeView)))]
async fn equipment_get(
    State(host): State<Host>,
    caller: Caller,
    Path(id): Path<AssetId>,
) -> appkit::Result<Json<NodeView>> {
    let node =
        twin(&host)?.registry().node(id).filter(|node| node.tenant == caller.tenant).ok_or_else(tree::unknown)?;
    Ok(Json(NodeView::of(&node)))
}

/// Where to move a node.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NodeMove {
    /// The new parent; nothing makes it a root.
    #[schema(value_type = Option<String>)]
    parent: Option<AssetId>,
}

/// Moves a node, with everything in it, into another one.
#[utoipa::path(post, path = "/api/v1/equipment/{id}/move", tag = "twin", params(("id" = String, Path)), request_body = NodeMove,
    responses((status = 200, body = NodeView)))]
async fn equipment_move(
    State(host): State<Host>,
    caller: Caller,
    idem: IdemKey,
    Path(id): Path<AssetId>,
    Json(body): Json<NodeMove>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "twin.equipment.move", &idem, &(id, &body)).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let node = asset_move_in_tx(command.tx(), caller.tenant, id, body.parent).await?;
    command.reply(200, &NodeView::of(&node)).await
}

/// What to call a node.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NodeRename {
    /// New code plate.
    #[serde(default)]
    code: Option<String>,
    /// New name.
    #[serde(default)]
    name: Option<String>,
}

/// Gives a node another code or name. Its id, its history and its grants stay.
#[utoipa::path(post, path = "/api/v1/equipment/{id}/rename", tag = "twin", params(("id" = String, Path)), request_body = NodeRename,
    responses((status = 200, body = NodeView)))]
async fn equipment_rename(
    State(host): State<Host>,
    caller: Caller,
    idem: IdemKey,
    Path(id): Path<AssetId>,
    Json(body): Json<NodeRename>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "twin.equipment.rename", &idem, &(id, &body)).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let node = asset_rename_in_tx(command.tx(), caller.tenant, id, body.code, body.name).await?;
    command.reply(200, &NodeView::of(&node)).await
}
