use appkit::Tx;
use kernel::{
    Error, Result,
    id::{Asset, AssetId, PartyId, ThingModelId},
};
use models::state::StateRuleText;

use super::{
    follow,
    thing_model::{beneath, model_of},
};
use crate::{
    domain::{
        naming::{Problems, is_kind},
        tree::{self, Level},
    },
    events::{NODE_CHANGED, NODE_CREATED, NodeFact},
    registry::{ModelVersion, Node, Target},
    store,
};

/// Most nodes of one organisation.
pub const NODES_MAX: i64 = 100_000;

/// A node to be put into the equipment tree.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeNew {
    /// What it stands in.
    pub parent: Option<AssetId>,
    /// Its level.
    pub level: Level,
    /// Code plate, unique in the organisation.
    pub code: String,
    /// Name.
    pub name: String,
    /// Kind of place or machine; a machine's is its model's when absent.
    pub kind: Option<String>,
    /// For work units: thing model and version to pin; the latest version when none is given.
    pub model: Option<(ThingModelId, Option<u32>)>,
    /// For machines: a state rule of its own.
    pub state_rule: Option<StateRuleText>,
}

/// Puts a node into the equipment tree. A work unit with a thing model is a machine.
///
/// # Errors
/// `twin.equipment.malformed`, `twin.equipment.code-taken`, `twin.equipment.level-inverted`, `twin.equipment.not-a-machine`,
/// `twin.equipment.unknown` for a parent, `twin.thing-model.unknown`, refusals of the state rule.
pub async fn asset_create_in_tx(tx: &mut Tx, tenant: PartyId, new: NodeNew) -> Result<Node> {
    let mut problems = Problems::new();
    problems.code("/code", &new.code);
    problems.name("/name", &new.name);
    if new.kind.as_deref().is_some_and(|kind| !is_kind(kind)) {
        problems.add("/kind", "a kind is 1 to 64 lower-case letters, digits and underscores");
    }
    problems.refuse("twin.equipment.malformed", "the node cannot be recorded", "correct the listed fields")?;
    if new.level != Level::WorkUnit && (new.model.is_some() || new.state_rule.is_some()) {
        return Err(not_a_machine());
    }
    let id = tx.new_id::<Asset>();
    if store::node::code_taken(tx, tenant, &new.code, id).await? {
        return Err(code_taken(&new.code));
    }
    if store::node::count(tx, tenant).await? >= NODES_MAX {
        return Err(Error::unprocessable(
            "twin.equipment.too-many",
            format!("an organisation has at most {NODES_MAX} nodes"),
        )
        .hint("remove what no longer exists, or ask the operator for another organisation"));
    }
    let version = match new.model {
        Some((model, version)) => Some(model_of(tx, tenant, model, version).await?),
        None => None,
    };
    if let Some(rule) = &new.state_rule {
        let version = version.as_ref().ok_or_else(not_a_machine)?;
        state_rule_check(rule, version)?;
    }
    if let Some(parent) = new.parent {
        // A new leaf cannot make a cycle; it has to fit the levels and the depth.
        let path = path_of(tx, tenant, parent).await?;
        tree::place_check(path.first().copied(), new.level)?;
        tree::depth_check(path.len() + 1)?;
    }
    let kind = new.kind.or_else(|| version.as_ref().map(|version| version.kind.clone()));
    let node = Node {
        id,
        tenant,
        parent: new.parent,
        level: new.level,
        code: new.code,
        name: new.name,
        kind: kind.unwrap_or_else(|| new.level.name().to_owned()),
        model: version.map(|version| (version.id, version.version)),
        state_rule: new.state_rule,
        created_at: tx.now(),
    };
    node_save(tx, &node, NODE_CREATED, "created").await?;
    Ok(node)
}

/// Moves a node, with everything in it, into another one.
///
/// # Errors
/// `twin.equipment.unknown`, `twin.equipment.cycle`, `twin.equipment.level-inverted`, `twin.equipment.too-deep`.
pub async fn asset_move_in_tx(tx: &mut Tx, tenant: PartyId, id: AssetId, parent: Option<AssetId>) -> Result<Node> {
    let mut node = node_of(tx, tenant, id).await?;
    store::node::tree(tx, tenant).await?.relocate(id, parent)?;
    node.parent = parent;
    node_save(tx, &node, NODE_CHANGED, "moved").await?;
    Ok(node)
}

/// Gives a node another code or name. Its id, its history and its grants stay.
///
/// # Errors
/// `twin.equipment.unknown`, `twin.equipment.malformed`, `twin.equipment.code-taken`.
pub async fn asset_rename_in_tx(
    tx: &mut Tx,
    tenant: PartyId,
    id: AssetId,
    code: Option<String>,
    name: Option<String>,
) -> Result<Node> {
    let mut node = node_of(tx, tenant, id).await?;
    node.code = code.unwrap_or(node.code);
    node.name = name.unwrap_or(node.name);
    let mut problems = Problems::new();
    problems.code("/code", &node.code);
    problems.name("/name", &node.name);
    problems.refuse("twin.equipment.malformed", "the node cannot be recorded", "correct the listed fields")?;
    if store::node::code_taken(tx, tenant, &node.code, id).await? {
        return Err(code_taken(&node.code));
    }
    node_save(tx, &node, NODE_CHANGED, "renamed").await?;
    Ok(node)
}

/// Pins a machine to another version of its model, or a work unit without a model to one. Explicit, never by itself.
///
/// # Errors
/// `twin.equipment.other-model` for a different model than before; `twin.equipment.upgrade-breaks` when a mapping, alarm rule
/// or state rule of the machine does not fit the version.
pub async fn asset_upgrade_in_tx(
    tx: &mut Tx,
    tenant: PartyId,
    id: AssetId,
    model: ThingModelId,
    version: Option<u32>,
) -> Result<Node> {
    let mut node = node_of(tx, tenant, id).await?;
    if node.level != Level::WorkUnit {
        return Err(not_a_machine());
    }
    if node.model.is_some_and(|(pinned, _)| pinned != model) {
        return Err(Error::unprocessable("twin.equipment.other-model", "a machine keeps its thing model")
            .hint("record another machine with the other model"));
    }
    let version = model_of(tx, tenant, model, version).await?;
    if let Some(rule) = &node.state_rule {
        state_rule_check(rule, &version).map_err(|error| breaks("its state rule", error))?;
    }
    for rule in store::alarm_rule::watching(tx, tenant, id, model).await? {
        // A rule of the whole model simply does not watch machines that it does not fit.
        if rule.enabled && rule.target == Target::Asset(id) {
            rule.text
                .compile(&version.model.symbols())
                .map_err(|error| breaks(&format!("the alarm rule {}", rule.name), error))?;
        }
    }
    for device in store::device::feeding(tx, tenant, id).await? {
        for mapping in device.metrics.iter().filter(|mapping| mapping.asset == id) {
            let property = version.model.property(&mapping.property);
            let property = property.ok_or_else(|| store::device::unknown_property(&mapping.property));
            property
                .and_then(|property| mapping.bind(property))
                .map_err(|error| breaks(&format!("the mapping of {} by {}", mapping.metric, device.name), error))?;
        }
    }
    node.model = Some((version.id, version.version));
    node_save(tx, &node, NODE_CHANGED, "upgraded").await?;
    // Ranges may have changed: the devices that feed it are bound anew.
    super::device::rebind_in_tx(tx, tenant, id, version).await?;
    Ok(node)
}

/// Gives a machine a state rule of its own, or takes it away so that its model's applies.
///
/// # Errors
/// `twin.equipment.unknown`, `twin.equipment.not-a-machine`, refusals of the rule.
pub async fn asset_state_rule_in_tx(
    tx: &mut Tx,
    tenant: PartyId,
    id: AssetId,
    rule: Option<StateRuleText>,
) -> Result<Node> {
    let mut node = node_of(tx, tenant, id).await?;
    let (model, version) = node.model.ok_or_else(not_a_machine)?;
    if let Some(rule) = &rule {
        state_rule_check(rule, &model_of(tx, tenant, model, Some(version)).await?)?;
    }
    node.state_rule = rule;
    node_save(tx, &node, NODE_CHANGED, "state rule changed").await?;
    Ok(node)
}

fn state_rule_check(rule: &StateRuleText, version: &ModelVersion) -> Result<()> {
    rule.compile(&version.model.symbols()).map(drop).map_err(|error| beneath("/state_rule", error))
}

async fn node_save(tx: &mut Tx, node: &Node, kind: &'static str, what: &str) -> Result<()> {
    store::node::save(tx, node).await?;
    let (model, model_version) = node.model.unzip();
    let fact = NodeFact {
        asset: node.id,
        code: &node.code,
        level: node.level.name(),
        parent: node.parent,
        model,
        model_version,
        what,
    };
    tx.publish(kind, 1, node.id.to_string(), node.tenant, &fact)?;
    let seen = node.clone();
    follow(tx, move |registry| registry.node_put(seen));
    Ok(())
}

pub(crate) async fn node_of(tx: &mut Tx, tenant: PartyId, id: AssetId) -> Result<Node> {
    store::node::find(tx, tenant, id).await?.ok_or_else(tree::unknown)
}

/// The levels of a node and of everything above it, nearest first.
async fn path_of(tx: &mut Tx, tenant: PartyId, id: AssetId) -> Result<Vec<Level>> {
    let mut path = Vec::new();
    let mut next = Some(id);
    while let Some(id) = next {
        let node = node_of(tx, tenant, id).await?;
        path.push(node.level);
        tree::depth_check(path.len())?;
        next = node.parent;
    }
    Ok(path)
}

fn code_taken(code: &str) -> Error {
    Error::conflict("twin.equipment.code-taken", format!("the code {code} is on another node of your organisation"))
        .field("/code", "taken")
        .hint("choose another code, or rename the other node")
}

/// The refusal for what only machines have.
pub fn not_a_machine() -> Error {
    Error::unprocessable("twin.equipment.not-a-machine", "only a work unit with a thing model is a machine")
        .hint("give the level work_unit and a thing model")
}

fn breaks(what: &str, cause: Error) -> Error {
    let mut error = Error::unprocessable(
        "twin.equipment.upgrade-breaks",
        format!("{what} does not fit that version: {}", cause.message),
    )
    .hint("change or remove it first");
    error.fields = cause.fields;
    error
}
