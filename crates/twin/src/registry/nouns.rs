use std::sync::Arc;

use contracts::{devices::DeviceBinding, twin::MachineFacts};
use kernel::{
    Digest, Duration, Timestamp,
    id::{AlarmRuleId, AssetId, PartyId, ThingModelId},
};
use models::{
    alarm::RuleText,
    state::{StateRule, StateRuleText},
};

use crate::domain::{device::MetricMapping, model::ThingModel, tree::Level};

/// A node of the equipment tree.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Its id. It never changes and says nothing about its place.
    pub id: AssetId,
    /// Its owner.
    pub tenant: PartyId,
    /// What it stands in.
    pub parent: Option<AssetId>,
    /// Its level.
    pub level: Level,
    /// Code plate, unique in its organisation.
    pub code: String,
    /// Name.
    pub name: String,
    /// Kind: of machine for work units (`cnc`), of place otherwise.
    pub kind: String,
    /// The thing model and the version it is pinned to.
    pub model: Option<(ThingModelId, u32)>,
    /// A state rule of its own; the model's when absent.
    pub state_rule: Option<StateRuleText>,
    /// Since when it is on record.
    pub created_at: Timestamp,
}

/// One version of a thing model.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelVersion {
    /// The model.
    pub id: ThingModelId,
    /// Its owner.
    pub tenant: PartyId,
    /// Code, unique in its organisation.
    pub code: String,
    /// Name in Chinese.
    pub name_zh: String,
    /// Name in English.
    pub name_en: String,
    /// Kind of machine.
    pub kind: String,
    /// 1 and up.
    pub version: u32,
    /// Properties, events, functions, tags.
    pub model: ThingModel,
    /// When a machine of this model is running, idle, down or off.
    pub state_rule: Option<StateRuleText>,
    /// Digest of the content.
    pub digest: String,
    /// Since when it is on record.
    pub created_at: Timestamp,
}

/// A device with what only we know about it.
#[derive(Debug, Clone)]
pub struct Device {
    /// What the edge sees.
    pub binding: Arc<DeviceBinding>,
    /// SHA-256 of the token.
    pub token_hash: Digest,
    /// The mapping as configured.
    pub metrics: Vec<MetricMapping>,
    /// Since when it is on record.
    pub created_at: Timestamp,
    /// When the token was made.
    pub rotated_at: Timestamp,
}

/// What an alarm rule watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// One machine.
    Asset(AssetId),
    /// All machines of a thing model.
    Model(ThingModelId),
}

/// An alarm rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Its id.
    pub id: AlarmRuleId,
    /// Its owner.
    pub tenant: PartyId,
    /// Name, unique in its organisation.
    pub name: String,
    /// What it watches.
    pub target: Target,
    /// The rule.
    pub text: RuleText,
    /// Whether it is evaluated.
    pub enabled: bool,
    /// Counts up with every change.
    pub version: u32,
    /// Since when it is on record.
    pub created_at: Timestamp,
    /// When it changed last.
    pub updated_at: Timestamp,
}

/// A machine: a work unit with a thing model, ready to be evaluated.
#[derive(Debug, Clone)]
pub struct Machine {
    /// Its node.
    pub node: Arc<Node>,
    /// Its model.
    pub version: Arc<ModelVersion>,
    /// What rooms see.
    pub facts: Arc<MachineFacts>,
    /// How its state is told; none when neither it nor its model says.
    pub state_rule: Option<CompiledStateRule>,
}

/// A state rule ready to run.
#[derive(Debug, Clone)]
pub struct CompiledStateRule {
    /// The rule.
    pub rule: Arc<StateRule>,
    /// Digest of its text and of the model version it was compiled for: what a stored day depends on.
    pub digest: String,
    /// How far back it looks.
    pub lookback: Duration,
}

/// Everything, as loaded from the database.
#[derive(Default)]
pub struct Everything {
    /// Thing models, all versions.
    pub models: Vec<ModelVersion>,
    /// Nodes.
    pub nodes: Vec<Node>,
    /// Devices.
    pub devices: Vec<Device>,
    /// Alarm rules.
    pub rules: Vec<Rule>,
}
