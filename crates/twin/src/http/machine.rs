use std::{collections::BTreeMap, sync::Arc};

use appkit::{Caller, Host, IdemKey, Json, Object, Page, PageQuery, Path, Policy, Query, Reply, Routes, routes};
use axum::extract::State;
use kernel::{
    Error, Result, Timestamp,
    id::{AssetId, PartyId, ThingModelId},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{bodies::StateRuleBody, equipment::NodeView, thing_model::PropertyView, twin};
use crate::{
    Twin, asset_state_rule_in_tx, asset_upgrade_in_tx,
    domain::timeline::state_name,
    live::{MachineLive, publish},
    registry::Machine,
};

pub(super) fn routes() -> Routes {
    Routes::new("twin")
        .add(Policy::view("twin.machine.read"), routes!(machine_list))
        .add(Policy::view("twin.machine.read"), routes!(machine_get))
        .add(Policy::operate("twin.machine.write"), routes!(machine_upgrade))
        .add(Policy::operate("twin.machine.write"), routes!(machine_state_rule))
}

/// The field name under which a grant covers a machine's state and timeline.
pub(super) const STATE: &str = "state";

/// A machine with what it says now.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct MachineView {
    /// Its id.
    #[schema(value_type = String)]
    id: AssetId,
    /// Its owner.
    #[schema(value_type = String)]
    owner: PartyId,
    /// Code plate.
    code: String,
    /// Name.
    name: String,
    /// Kind of machine.
    kind: String,
    /// What it stands in; only for its owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    parent: Option<AssetId>,
    /// Its thing model.
    #[schema(value_type = String)]
    thing_model: ThingModelId,
    /// The version it is pinned to.
    thing_model_version: u32,
    /// The newest version of the model.
    thing_model_latest: u32,
    /// `running`, `idle`, `down`, `off` or `unknown`; absent when it is not for you.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    /// Since when (ms since 1970); at most the beginning of the day is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<i64>,
    /// When its newest value was measured (ms since 1970).
    #[serde(skip_serializing_if = "Option::is_none")]
    heard: Option<i64>,
    /// Newest values: property → `[time_ms, value, quality]`; quality is `good`, `uncertain`, `bad` or `stale`.
    #[schema(value_type = Object)]
    values: BTreeMap<String, serde_json::Value>,
    /// Its properties; absent in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    properties: Option<Vec<PropertyView>>,
    /// A state rule of its own; absent in lists and when its model's applies.
    #[serde(skip_serializing_if = "Option::is_none")]
    state_rule: Option<StateRuleBody>,
}

impl MachineView {
    fn of(twin: &Twin, machine: &Machine, live: &MachineLive, now: Timestamp) -> Self {
        let node = &machine.node;
        let values = match publish::values(machine, live, now) {
            serde_json::Value::Object(values) => values.into_iter().collect(),
            _ => BTreeMap::new(),
        };
        let latest = twin.registry().model(machine.version.id, None);
        Self {
            id: node.id,
            owner: node.tenant,
            code: node.code.clone(),
            name: node.name.clone(),
            kind: node.kind.clone(),
            parent: node.parent,
            thing_model: machine.version.id,
            thing_model_version: machine.version.version,
            thing_model_latest: latest.map_or(machine.version.version, |latest| latest.version),
            state: Some(state_name(live.state).to_owned()),
            since: live.since.map(Timestamp::millis),
            heard: live.values.heard().map(Timestamp::millis),
            values,
            properties: None,
            state_rule: None,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct MachineQuery {
    /// Only machines in this state.
    state: Option<String>,
    /// Only machines of this kind.
    kind: Option<String>,
    /// Only machines in this node, at any depth.
    #[param(value_type = Option<String>)]
    under: Option<AssetId>,
    /// Only machines whose code or name contains this.
    q: Option<String>,
    /// Rows wanted, 1–500; 50 when absent.
    limit: Option<u32>,
    /// Where to go on.
    cursor: Option<String>,
}

/// The machines of your organisation by code, with their state and newest values.
#[utoipa::path(get, path = "/api/v1/machines", tag = "twin", params(MachineQuery), responses((status = 200, body = Page<MachineView>)))]
async fn machine_list(
    State(host): State<Host>,
    caller: Caller,
    Query(query): Query<MachineQuery>,
) -> appkit::Result<Json<Page<MachineView>>> {
    let page = PageQuery { limit: query.limit, cursor: query.cursor.clone() };
    let (twin, limit, now) = (twin(&host)?, page.limit()?, host.now());
    let needle = query.q.as_deref().unwrap_or("").to_lowercase();
    let mut items = Vec::new();
    for machine in twin.registry().machines(caller.tenant) {
        let node = &machine.node;
        let named = |text: &str| needle.is_empty() || text.to_lowercase().contains(&needle);
        if node.code.as_str() <= page.after()
            || query.kind.as_ref().is_some_and(|kind| *kind != node.kind)
            || !(named(&node.code) || named(&node.name))
            || query.under.is_some_and(|place| !stands_in(&twin, node.parent, place))
        {
            continue;
        }
        let live = twin.board().get(node.id);
        if query.state.as_ref().is_some_and(|state| state != state_name(live.state)) {
            continue;
        }
        items.push(MachineView::of(&twin, &machine, &live, now));
        if items.len() > limit {
            break;
        }
    }
    Ok(Json(Page::of(items, limit, |machine| machine.code.clone())))
}

fn stands_in(twin: &Twin, parent: Option<AssetId>, place: AssetId) -> bool {
    let above = |id: &AssetId| twin.registry().node(*id).and_then(|node| node.parent);
    std::iter::successors(parent, above).take(crate::domain::tree::DEPTH_MAX).any(|id| id == place)
}

/// A machine. For its owner, and for those to whom the owner granted it: they see the granted properties.
#[utoipa::path(get, path = "/api/v1/machines/{id}", tag = "twin", params(("id" = String, Path)), responses((status = 200, body = MachineView)))]
async fn machine_get(
    State(host): State<Host>,
    caller: Caller,
    Path(id): Path<AssetId>,
) -> appkit::Result<Json<MachineView>> {
    let (twin, now) = (twin(&host)?, host.now());
    let machine = twin.registry().machine(id).ok_or_else(unknown)?;
    let mut fields: Vec<String> =
        machine.version.model.properties.iter().map(|property| property.id.to_string()).collect();
    fields.push(STATE.to_owned());
    let object = object(&machine);
    let seen = host.access().visible_fields(&caller, &object, &fields, now);
    let Some(first) = seen.first() else { return Err(unknown().into()) };
    // Decided already; this also notes under which grant somebody looked.
    host.access().check(&caller, "twin.machine.read", &object.fields([*first])).await.map_err(|_| unknown())?;

    let mut view = MachineView::of(&twin, &machine, &twin.board().get(id), now);
    let properties = machine.version.model.properties.iter().filter(|property| seen.contains(&&*property.id));
    view.properties = Some(properties.map(PropertyView::of).collect());
    view.values.retain(|property, _| seen.contains(&property.as_str()));
    if !seen.contains(&STATE) {
        (view.state, view.since) = (None, None);
    }
    match caller.tenant == machine.node.tenant {
        true => view.state_rule = machine.node.state_rule.as_ref().map(StateRuleBody::of),
        false => view.parent = None,
    }
    Ok(Json(view))
}

/// The machine, if the caller may see this of it; the uniform refusal otherwise.
pub(super) async fn admitted(
    host: &Host,
    twin: &Twin,
    caller: &Caller,
    id: AssetId,
    action: &'static str,
    field: &str,
) -> Result<Arc<Machine>> {
    let machine = twin.registry().machine(id).ok_or_else(unknown)?;
    let object = object(&machine).fields([field]);
    // Whatever the reason of the refusal, the answer is that of a machine that does not exist.
    host.access().check(caller, action, &object).await.map_err(|_| unknown())?;
    Ok(machine)
}

fn object(machine: &Machine) -> Object {
    Object::owned("machine", machine.node.tenant).id(machine.node.id)
}

fn unknown() -> Error {
    Error::not_found("twin.machine.unknown", "there is no such machine, or it is not for you")
        .hint("list your machines with GET /api/v1/machines; ask the owner of others for a grant")
}

/// Which version to pin.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MachineUpgrade {
    /// The machine's thing model; a work unit without one gets it.
    #[schema(value_type = String)]
    thing_model: ThingModelId,
    /// The version; the latest when absent.
    #[serde(default)]
    version: Option<u32>,
}

/// Pins a machine to another version of its thing model. Refused when a mapping or rule of the machine does not fit it.
#[utoipa::path(post, path = "/api/v1/machines/{id}/upgrade", tag = "twin", params(("id" = String, Path)), request_body = MachineUpgrade,
    responses((status = 200, body = NodeView)))]
async fn machine_upgrade(
    State(host): State<Host>,
    caller: Caller,
    idem: IdemKey,
    Path(id): Path<AssetId>,
    Json(body): Json<MachineUpgrade>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "twin.machine.upgrade", &idem, &(id, &body)).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let node = asset_upgrade_in_tx(command.tx(), caller.tenant, id, body.thing_model, body.version).await?;
    command.reply(200, &NodeView::of(&node)).await
}

/// The state rule of one machine.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MachineStateRule {
    /// The rule; nothing lets the model's apply again.
    state_rule: Option<StateRuleBody>,
}

/// Gives a machine a state rule of its own, or takes it away. Its timeline is computed anew.
#[utoipa::path(put, path = "/api/v1/machines/{id}/state-rule", tag = "twin", params(("id" = String, Path)), request_body = MachineStateRule,
    responses((status = 200, body = NodeView)))]
async fn machine_state_rule(
    State(host): State<Host>,
    caller: Caller,
    idem: IdemKey,
    Path(id): Path<AssetId>,
    Json(body): Json<MachineStateRule>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "twin.machine.state-rule", &idem, &(id, &body)).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let rule = body.state_rule.as_ref().map(StateRuleBody::text).transpose()?;
    let node = asset_state_rule_in_tx(command.tx(), caller.tenant, id, rule).await?;
    command.reply(200, &NodeView::of(&node)).await
}
