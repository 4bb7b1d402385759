use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use appkit::{Caller, Host};
use contracts::telemetry::{SeriesKey, TelemetryStore};
use kernel::{
    Duration, Error, Result, Timestamp,
    id::{AlarmRuleId, AssetId, PartyId},
};

use super::{
    FUTURE_MAX, GRACE,
    board::{Board, MachineLive},
    history::Timelines,
    intake::Intake,
    publish,
    watch::{RuleFired, Watch},
};
use crate::{
    app::alarm::{Fired, alarm_fire_in_tx, alarm_reconcile_in_tx, alarm_shelves_end_in_tx},
    domain::latest::LatestValues,
    registry::{Machine, Registry},
    store,
};

/// How often what can wait is written: checkpoint, computed days, ended shelves.
const FLUSH_EVERY: Duration = Duration::from_secs(30);
/// How long to gather late samples before a machine is evaluated again.
const REBUILD_AFTER: Duration = Duration::from_secs(10);
/// Machines evaluated from the store in one step.
const REBUILDS_PER_STEP: usize = 32;

/// What the engine works with.
#[derive(Clone)]
pub struct Parts {
    pub registry: Arc<Registry>,
    pub board: Arc<Board>,
    pub timelines: Arc<Timelines>,
    pub intake: Arc<Intake>,
    pub store: Arc<dyn TelemetryStore>,
}

/// The one evaluator of all machines. Moves only when [`step`](Engine::step) is called.
pub struct Engine {
    parts: Parts,
    watches: HashMap<AssetId, Watch>,
    values: HashMap<AssetId, LatestValues>,
    /// Machines to evaluate from the store, and not before when.
    rebuild: BTreeMap<AssetId, Timestamp>,
    /// Transitions that the database has not taken yet.
    pending: Vec<Fired>,
    /// Machines whose open alarms have to be compared with what the rules say.
    reconcile: BTreeMap<AssetId, PartyId>,
    /// How far alarms had been evaluated when this process began.
    checkpoint: Timestamp,
    flushed_at: Option<Timestamp>,
    park_seen: HashMap<PartyId, Vec<(AssetId, &'static str)>>,
}

impl Engine {
    /// An engine that has seen nothing. `checkpoint` is how far alarms were evaluated by its predecessor.
    pub fn new(parts: Parts, checkpoint: Timestamp) -> Self {
        Self {
            parts,
            watches: HashMap::new(),
            values: HashMap::new(),
            rebuild: BTreeMap::new(),
            pending: Vec::new(),
            reconcile: BTreeMap::new(),
            checkpoint,
            flushed_at: None,
            park_seen: HashMap::new(),
        }
    }

    /// Takes in what has arrived, lets time pass, writes alarms, publishes. The number of samples and machines it dealt with;
    /// 0 when there was nothing to do.
    ///
    /// # Errors
    /// When the database or telemetry refuses; what was not written is tried again by the next step.
    pub async fn step(&mut self, host: &Host, alarms_changed: HashSet<PartyId>) -> Result<usize> {
        let now = host.now();
        let mut touched: BTreeSet<AssetId> = BTreeSet::new();
        let changed = self.parts.registry.changed_take();
        self.rebuild.extend(changed.into_iter().map(|asset| (asset, now)));

        let batch = self.parts.intake.take();
        self.rebuild.extend(batch.lost.into_iter().map(|asset| (asset, now)));
        let mut done = 0;
        for (asset, mut samples) in batch.samples {
            done += samples.len();
            let values = self.values.entry(asset).or_default();
            for (property, stored) in samples.iter().filter(|(_, s)| s.sample.source_time <= now + FUTURE_MAX) {
                values.take(property, &stored.sample);
            }
            if let Some(watch) = self.watches.get_mut(&asset) {
                touched.insert(asset);
                let (fed, fired) = watch.feed(&mut samples, now);
                Self::note(&mut self.pending, &watch.machine, fired);
                if let Some(from) = fed.late_from {
                    self.parts.timelines.forget(asset, from);
                    // Only what is evaluated in memory has to be evaluated again; older days are computed when asked for.
                    if watch.late(from) {
                        self.rebuild.entry(asset).or_insert(now + REBUILD_AFTER);
                    }
                }
            }
        }

        done += self.rebuild_due(now, &mut touched).await?;
        for (asset, watch) in &mut self.watches {
            let before = watch.state();
            let fired = watch.tick(now - GRACE);
            watch.days_over(now);
            Self::note(&mut self.pending, &watch.machine, fired);
            if watch.state() != before {
                touched.insert(*asset);
            }
        }
        let flush = self.flushed_at.is_none_or(|at| now - at >= FLUSH_EVERY || now < at);
        if flush {
            // Values grow stale without anybody saying so.
            touched.extend(self.watches.keys());
        }
        self.show(host, &touched, flush, now);
        let mut alarms_changed = alarms_changed;
        let written = self.write_alarms(host, now, &mut alarms_changed).await;
        for tenant in alarms_changed {
            publish::alarms(host, &self.parts.registry, tenant, now).await?;
        }
        written?;
        if flush {
            self.flushed_at = Some(now);
            self.flush(host, now).await?;
        }
        Ok(done)
    }

    fn note(pending: &mut Vec<Fired>, machine: &Machine, fired: Vec<RuleFired>) {
        pending.extend(fired.into_iter().map(|fired| Fired {
            tenant: machine.node.tenant,
            rule: fired.rule.id,
            asset: machine.node.id,
            name: fired.rule.name.clone(),
            priority: fired.rule.text.priority,
            message: fired.rule.text.message.clone(),
            latching: fired.rule.text.latching,
            transitions: fired.transitions,
            readings: fired.readings,
        }));
    }

    async fn rebuild_due(&mut self, now: Timestamp, touched: &mut BTreeSet<AssetId>) -> Result<usize> {
        let due: Vec<AssetId> = self
            .rebuild
            .iter()
            .filter(|(_, at)| **at <= now)
            .map(|(asset, _)| *asset)
            .take(REBUILDS_PER_STEP)
            .collect();
        for asset in &due {
            let Some(machine) = self.parts.registry.machine(*asset) else {
                self.watches.remove(asset);
                self.rebuild.remove(asset);
                continue;
            };
            let rules = self.parts.registry.rules_of(&machine);
            let fallback = self.checkpoint.max(machine.node.created_at).min(now);
            let known_to = self.watches.get(asset).map_or(fallback, |watch| watch.evaluated_to.min(now));
            let store = self.parts.store.clone();
            let built = tokio::task::spawn_blocking(move || {
                let mut values = LatestValues::default();
                for property in &machine.facts.properties {
                    if let Some(latest) = store.latest(&SeriesKey::new(machine.node.id, property.id.clone())) {
                        values.take(&property.id, &latest.sample);
                    }
                }
                Watch::build(&*store, machine, rules, known_to, now).map(|(watch, fired)| (watch, fired, values))
            })
            .await
            .map_err(|error| Error::internal("twin.evaluation.failed", "evaluating a machine failed").because(error))?;
            let (watch, fired, values) = built?;
            self.rebuild.remove(asset);
            self.reconcile.insert(*asset, watch.machine.node.tenant);
            Self::note(&mut self.pending, &watch.machine, fired);
            self.values.insert(*asset, values);
            self.watches.insert(*asset, watch);
            touched.insert(*asset);
        }
        Ok(due.len())
    }

    /// Puts the new picture on the board and on the wire.
    fn show(&mut self, host: &Host, touched: &BTreeSet<AssetId>, everything: bool, now: Timestamp) {
        let mut tenants = BTreeSet::new();
        for asset in touched {
            let Some(watch) = self.watches.get(asset) else { continue };
            let (state, since) = watch.state();
            let values = self.values.get(asset).cloned().unwrap_or_default();
            let live = MachineLive { values, state, since, today: watch.today() };
            publish::machine(host, &watch.machine, &live, now);
            self.parts.board.put(*asset, live);
            tenants.insert(watch.machine.node.tenant);
        }
        for tenant in tenants {
            let states: Vec<_> = self
                .parts
                .registry
                .machines(tenant)
                .iter()
                .map(|machine| {
                    (machine.node.id, crate::domain::timeline::state_name(self.parts.board.get(machine.node.id).state))
                })
                .collect();
            if everything || self.park_seen.get(&tenant) != Some(&states) {
                publish::park(host, &self.parts.registry, &self.parts.board, tenant, now);
                self.park_seen.insert(tenant, states);
            }
        }
    }

    async fn write_alarms(&mut self, host: &Host, now: Timestamp, changed: &mut HashSet<PartyId>) -> Result<()> {
        if self.pending.is_empty() && self.reconcile.is_empty() {
            return Ok(());
        }
        let mut tx = host.begin(&Caller::system()).await?;
        for fired in &self.pending {
            alarm_fire_in_tx(&mut tx, fired).await?;
            changed.insert(fired.tenant);
        }
        for (asset, tenant) in &self.reconcile {
            let active: HashSet<AlarmRuleId> = match self.watches.get(asset) {
                Some(watch) => watch.active().filter(|(_, active)| *active).map(|(rule, _)| rule.id).collect(),
                None => HashSet::new(),
            };
            if alarm_reconcile_in_tx(&mut tx, *asset, &active, now).await? > 0 {
                changed.insert(*tenant);
            }
        }
        tx.commit().await?;
        self.pending.clear();
        self.reconcile.clear();
        Ok(())
    }

    async fn flush(&mut self, host: &Host, now: Timestamp) -> Result<()> {
        let mut tx = host.begin(&Caller::system()).await?;
        store::checkpoint::save(&mut tx, now - GRACE).await?;
        let ended = alarm_shelves_end_in_tx(&mut tx).await?;
        let flushed = self.parts.timelines.flush_in_tx(&mut tx).await?;
        match tx.commit().await {
            Ok(()) => self.parts.timelines.flushed(flushed),
            Err(error) => {
                self.parts.timelines.flush_failed(flushed);
                return Err(error);
            }
        }
        let tenants: BTreeSet<PartyId> = ended.iter().map(|row| row.tenant).collect();
        for tenant in tenants {
            publish::alarms(host, &self.parts.registry, tenant, now).await?;
        }
        Ok(())
    }
}
