use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{
        Arc, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use contracts::twin::MachineFacts;
use kernel::{
    Digest,
    id::{AlarmRuleId, AssetId, DeviceId, PartyId, ThingModelId},
};
use models::state::StateRuleText;

use super::nouns::{CompiledStateRule, Device, Everything, Machine, ModelVersion, Node, Rule, Target};

/// The in-memory picture.
#[derive(Default)]
pub struct Registry {
    state: RwLock<State>,
    devices_revision: AtomicU64,
}

#[derive(Default)]
struct State {
    nodes: HashMap<AssetId, Arc<Node>>,
    by_code: HashMap<PartyId, BTreeMap<String, AssetId>>,
    machines: HashMap<AssetId, Arc<Machine>>,
    models: HashMap<ThingModelId, BTreeMap<u32, Arc<ModelVersion>>>,
    devices: HashMap<DeviceId, Arc<Device>>,
    tokens: HashMap<Digest, DeviceId>,
    rules: HashMap<AlarmRuleId, Arc<Rule>>,
    /// Machines whose evaluation no longer fits their configuration.
    changed: HashSet<AssetId>,
}

impl Registry {
    /// Replaces the whole picture.
    pub fn load(&self, all: Everything) {
        let mut state = State::default();
        all.models.into_iter().for_each(|version| state.model_put(version));
        all.nodes.into_iter().for_each(|node| state.node_put(node));
        all.devices.into_iter().for_each(|device| state.device_put(device));
        all.rules.into_iter().for_each(|rule| state.rule_put(rule));
        *self.write() = state;
        self.devices_revision.fetch_add(1, Ordering::Release);
    }

    /// A new version of a model.
    pub fn model_put(&self, version: ModelVersion) {
        self.write().model_put(version);
    }

    /// A new or changed node.
    pub fn node_put(&self, node: Node) {
        self.write().node_put(node);
    }

    /// A new or changed device.
    pub fn device_put(&self, device: Device) {
        self.write().device_put(device);
        self.devices_revision.fetch_add(1, Ordering::Release);
    }

    /// A new or changed rule.
    pub fn rule_put(&self, rule: Rule) {
        self.write().rule_put(rule);
    }

    /// A rule that is gone.
    pub fn rule_drop(&self, id: AlarmRuleId) {
        let mut state = self.write();
        if let Some(rule) = state.rules.remove(&id) {
            state.mark_target(rule.target);
        }
    }

    /// Has a machine evaluated anew.
    pub fn changed_mark(&self, asset: AssetId) {
        self.write().changed.insert(asset);
    }

    /// The machines whose configuration changed since the last call.
    pub fn changed_take(&self) -> HashSet<AssetId> {
        std::mem::take(&mut self.write().changed)
    }

    /// A node.
    pub fn node(&self, id: AssetId) -> Option<Arc<Node>> {
        self.read().nodes.get(&id).cloned()
    }

    /// The nodes of an organisation by code, after a code.
    pub fn nodes(&self, tenant: PartyId, after: &str) -> Vec<Arc<Node>> {
        let state = self.read();
        let Some(codes) = state.by_code.get(&tenant) else { return Vec::new() };
        let after = (std::ops::Bound::Excluded(after), std::ops::Bound::Unbounded);
        let codes: Vec<_> = codes.range::<str, _>(after).collect();
        codes.into_iter().filter_map(|(_, id)| state.nodes.get(id).cloned()).collect()
    }

    /// A machine.
    pub fn machine(&self, id: AssetId) -> Option<Arc<Machine>> {
        self.read().machines.get(&id).cloned()
    }

    /// The machines of an organisation by code.
    pub fn machines(&self, tenant: PartyId) -> Vec<Arc<Machine>> {
        let state = self.read();
        let codes = state.by_code.get(&tenant);
        codes.into_iter().flat_map(|codes| codes.values()).filter_map(|id| state.machines.get(id).cloned()).collect()
    }

    /// Every machine.
    pub fn machines_all(&self) -> Vec<Arc<Machine>> {
        let mut all: Vec<_> = self.read().machines.values().cloned().collect();
        all.sort_by_key(|machine| machine.node.id);
        all
    }

    /// A version of a model; the latest when none is asked for.
    pub fn model(&self, id: ThingModelId, version: Option<u32>) -> Option<Arc<ModelVersion>> {
        let state = self.read();
        let versions = state.models.get(&id)?;
        match version {
            Some(version) => versions.get(&version).cloned(),
            None => versions.values().next_back().cloned(),
        }
    }

    /// The versions of a model, oldest first.
    pub fn model_versions(&self, id: ThingModelId) -> Vec<Arc<ModelVersion>> {
        self.read().models.get(&id).map(|versions| versions.values().cloned().collect()).unwrap_or_default()
    }

    /// The latest version of each model of an organisation, by code.
    pub fn models(&self, tenant: PartyId) -> Vec<Arc<ModelVersion>> {
        let state = self.read();
        let latest = state.models.values().filter_map(|versions| versions.values().next_back());
        let mut own: Vec<_> = latest.filter(|version| version.tenant == tenant).cloned().collect();
        own.sort_by(|a, b| a.code.cmp(&b.code));
        own
    }

    /// A device.
    pub fn device(&self, id: DeviceId) -> Option<Arc<Device>> {
        self.read().devices.get(&id).cloned()
    }

    /// The device behind a token's hash.
    pub fn device_by_token(&self, hash: &Digest) -> Option<Arc<Device>> {
        let state = self.read();
        state.tokens.get(hash).and_then(|id| state.devices.get(id)).cloned()
    }

    /// The devices of an organisation by name; of all organisations when none is given.
    pub fn devices(&self, tenant: Option<PartyId>) -> Vec<Arc<Device>> {
        let state = self.read();
        let wanted = |device: &&Arc<Device>| tenant.is_none_or(|tenant| device.binding.tenant == tenant);
        let mut own: Vec<_> = state.devices.values().filter(wanted).cloned().collect();
        own.sort_by(|a, b| a.binding.name.cmp(&b.binding.name));
        own
    }

    /// Counts up with every change of any device.
    pub fn devices_revision(&self) -> u64 {
        self.devices_revision.load(Ordering::Acquire)
    }

    /// A rule.
    pub fn rule(&self, id: AlarmRuleId) -> Option<Arc<Rule>> {
        self.read().rules.get(&id).cloned()
    }

    /// The rules of an organisation by name.
    pub fn rules(&self, tenant: PartyId) -> Vec<Arc<Rule>> {
        let mut own: Vec<_> = self.read().rules.values().filter(|rule| rule.tenant == tenant).cloned().collect();
        own.sort_by(|a, b| a.name.cmp(&b.name));
        own
    }

    /// The enabled rules that watch a machine, by id.
    pub fn rules_of(&self, machine: &Machine) -> Vec<Arc<Rule>> {
        let watches = |rule: &&Arc<Rule>| {
            rule.enabled
                && rule.tenant == machine.node.tenant
                && match rule.target {
                    Target::Asset(asset) => asset == machine.node.id,
                    Target::Model(model) => model == machine.version.id,
                }
        };
        let mut rules: Vec<_> = self.read().rules.values().filter(watches).cloned().collect();
        rules.sort_by_key(|rule| rule.id);
        rules
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl State {
    fn model_put(&mut self, version: ModelVersion) {
        self.models.entry(version.id).or_default().insert(version.version, Arc::new(version));
    }

    fn node_put(&mut self, node: Node) {
        let node = Arc::new(node);
        let codes = self.by_code.entry(node.tenant).or_default();
        if let Some(old) = self.nodes.get(&node.id) {
            codes.remove(&old.code);
        }
        codes.insert(node.code.clone(), node.id);
        match self.machine_of(&node) {
            Some(machine) => self.machines.insert(node.id, Arc::new(machine)),
            None => self.machines.remove(&node.id),
        };
        self.changed.insert(node.id);
        self.nodes.insert(node.id, node);
    }

    fn machine_of(&self, node: &Arc<Node>) -> Option<Machine> {
        let (model, version) = node.model?;
        let version = self.models.get(&model)?.get(&version)?.clone();
        let facts = MachineFacts {
            asset: node.id,
            tenant: node.tenant,
            name: node.name.clone(),
            code: node.code.clone(),
            kind: node.kind.clone(),
            properties: version.model.facts(),
        };
        let text = node.state_rule.as_ref().or(version.state_rule.as_ref());
        let state_rule = text.and_then(|text| compile(text, &version));
        Some(Machine { node: node.clone(), version, facts: Arc::new(facts), state_rule })
    }

    fn device_put(&mut self, device: Device) {
        let id = device.binding.device;
        if let Some(old) = self.devices.get(&id) {
            self.tokens.remove(&old.token_hash);
        }
        self.tokens.insert(device.token_hash, id);
        self.devices.insert(id, Arc::new(device));
    }

    fn rule_put(&mut self, rule: Rule) {
        self.mark_target(rule.target);
        if let Some(old) = self.rules.insert(rule.id, Arc::new(rule)) {
            self.mark_target(old.target);
        }
    }

    fn mark_target(&mut self, target: Target) {
        match target {
            Target::Asset(asset) => {
                self.changed.insert(asset);
            }
            Target::Model(model) => {
                let of_model = self.machines.values().filter(|machine| machine.version.id == model);
                let assets: Vec<_> = of_model.map(|machine| machine.node.id).collect();
                self.changed.extend(assets);
            }
        }
    }
}

fn compile(text: &StateRuleText, version: &ModelVersion) -> Option<CompiledStateRule> {
    // It was checked when it was stored; a rule that no longer compiles leaves the state unknown instead of stopping everything.
    let rule = text
        .compile(&version.model.symbols())
        .inspect_err(|error| tracing::error!(model = %version.id, ?error, "a stored state rule cannot be compiled"))
        .ok()?;
    let written = serde_json::to_string(text).unwrap_or_default();
    let digest = kernel::sha256(&[written.as_bytes(), b"\n", version.digest.as_bytes()]).hex();
    let lookback = crate::live::lookback(text.cases.iter().map(|case| case.when.as_str()));
    Some(CompiledStateRule { rule: Arc::new(rule), digest, lookback })
}
