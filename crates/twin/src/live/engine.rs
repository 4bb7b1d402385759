use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use appkit::{Caller, Host};
use contracts::telemetry::{SeriesKey, TelemetryStore};
use kernel::{
    Duration, Error, ErrorKind, Result, Timestamp,
    id::{AlarmRuleId, AssetId, PartyId},
};

use super::{
    FUTURE_MAX, GRACE, HISTORY_AFTER,
    board::{Board, MachineLive},
    history::Timelines,
    intake::Intake,
    publish,
    watch::{Resumed, RuleFired, Watch},
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
    /// Machines to evaluate from the store.
    rebuild: BTreeMap<AssetId, Due>,
    /// Transitions that the database has not taken yet.
    pending: Vec<Fired>,
    /// Machines whose open alarms have to be compared with what the rules say.
    reconcile: BTreeMap<AssetId, PartyId>,
    /// How far alarms had been evaluated when this process began.
    checkpoint: Timestamp,
    /// When this process began to listen.
    resumed_at: Timestamp,
    flushed_at: Option<Timestamp>,
}

/// When to evaluate a machine from the store, and from when on its transitions are news.
#[derive(Clone, Copy)]
struct Due {
    at: Timestamp,
    news_from: Timestamp,
}

const NEVER: Timestamp = Timestamp::from_micros(i64::MAX);

impl Engine {
    /// An engine that has seen nothing. `checkpoint` is how far alarms were evaluated by its predecessor.
    pub fn new(parts: Parts, checkpoint: Timestamp, now: Timestamp) -> Self {
        Self {
            parts,
            watches: HashMap::new(),
            values: HashMap::new(),
            rebuild: BTreeMap::new(),
            pending: Vec::new(),
            reconcile: BTreeMap::new(),
            checkpoint,
            resumed_at: now,
            flushed_at: None,
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
        changed.into_iter().for_each(|asset| self.rebuild_at(asset, now, NEVER));

        let batch = self.parts.intake.take();
        for (asset, first) in batch.lost {
            self.parts.timelines.forget(asset, first);
            self.rebuild_at(asset, now, first);
        }
        let mut done = 0;
        for (asset, mut samples) in batch.samples {
            done += samples.len();
            let values = self.values.entry(asset).or_default();
            for (property, stored) in samples.iter().filter(|(_, s)| s.sample.source_time <= now + FUTURE_MAX) {
                values.take(property, &stored.sample);
            }
            let late_from = match self.watches.get_mut(&asset) {
                Some(watch) => {
                    touched.insert(asset);
                    let (fed, fired) = watch.feed(&mut samples, now);
                    Self::note(&mut self.pending, &watch.machine, fired);
                    fed.late_from
                }
                // Not evaluated yet; what is computed of its past meanwhile must not be kept.
                None => samples.iter().map(|(_, stored)| stored.sample.source_time).min(),
            };
            if let Some(from) = late_from {
                self.parts.timelines.forget(asset, from);
                // Only what is evaluated in memory has to be evaluated again; older days are computed when asked for.
                if self.watches.get_mut(&asset).is_some_and(|watch| watch.late(from)) {
                    self.rebuild_at(asset, now + REBUILD_AFTER, NEVER);
                }
            }
        }

        done += self.rebuild_due(host, now, &mut touched).await;
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

    fn rebuild_at(&mut self, asset: AssetId, at: Timestamp, news_from: Timestamp) {
        let due = self.rebuild.entry(asset).or_insert(Due { at, news_from });
        *due = Due { at: due.at.min(at), news_from: due.news_from.min(news_from) };
    }

    async fn rebuild_due(&mut self, host: &Host, now: Timestamp, touched: &mut BTreeSet<AssetId>) -> usize {
        let due = self.rebuild.iter().filter(|(_, due)| due.at <= now).map(|(asset, due)| (*asset, *due));
        let due: Vec<(AssetId, Due)> = due.take(REBUILDS_PER_STEP).collect();
        for (asset, due) in &due {
            self.rebuild.remove(asset);
            let Some(machine) = self.parts.registry.machine(*asset) else {
                self.watches.remove(asset);
                continue;
            };
            match self.rebuild_one(host, machine, *due, now).await {
                Ok(()) => {
                    touched.insert(*asset);
                }
                // One machine whose history cannot be read must not keep the others from being watched.
                Err(error) => {
                    tracing::error!(%asset, ?error, "evaluating a machine failed; trying again in a minute");
                    self.rebuild_at(*asset, now + Duration::from_mins(1), due.news_from);
                }
            }
        }
        due.len()
    }

    async fn rebuild_one(&mut self, host: &Host, machine: Arc<Machine>, due: Due, now: Timestamp) -> Result<()> {
        let asset = machine.node.id;
        let rules = self.parts.registry.rules_of(&machine);
        let fallback = self.checkpoint.max(machine.node.created_at);
        let evaluated_to = self.watches.get(&asset).map_or(fallback, |watch| watch.evaluated_to);
        let known_to = evaluated_to.min(due.news_from.max(now - HISTORY_AFTER)).min(now);
        let resumed = match self.watches.contains_key(&asset) {
            true => Resumed::default(),
            false => Resumed { at: self.resumed_at, active: store::alarm::active_rules(host, asset).await? },
        };
        let store = self.parts.store.clone();
        let built = tokio::task::spawn_blocking(move || {
            let mut values = LatestValues::default();
            for property in &machine.facts.properties {
                if let Some(latest) = store.latest(&SeriesKey::new(machine.node.id, property.id.clone())) {
                    values.take(&property.id, &latest.sample);
                }
            }
            Watch::build(&*store, machine, rules, known_to, &resumed, now).map(|(watch, fired)| (watch, fired, values))
        })
        .await
        .map_err(|error| Error::internal("twin.evaluation.failed", "evaluating a machine failed").because(error))?;
        let (watch, fired, values) = built?;
        self.reconcile.insert(asset, watch.machine.node.tenant);
        Self::note(&mut self.pending, &watch.machine, fired);
        self.values.insert(asset, values);
        self.watches.insert(asset, watch);
        Ok(())
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
            let before = self.parts.board.put(*asset, live);
            if everything || before != Some(state) {
                tenants.insert(watch.machine.node.tenant);
            }
        }
        for tenant in tenants {
            publish::park(host, &self.parts.registry, &self.parts.board, tenant, now);
        }
    }

    async fn write_alarms(&mut self, host: &Host, now: Timestamp, changed: &mut HashSet<PartyId>) -> Result<()> {
        if self.pending.is_empty() && self.reconcile.is_empty() {
            return Ok(());
        }
        changed.extend(self.pending.iter().map(|fired| fired.tenant));
        if let Err(error) = self.write_pending(host, now, changed).await {
            if error.kind == ErrorKind::Unavailable {
                return Err(error);
            }
            // One alarm that cannot be written must not hold back the others: each on its own, and that one is told of.
            tracing::error!(?error, "writing alarms together failed; writing them one by one");
            for fired in std::mem::take(&mut self.pending) {
                let mut tx = host.begin(&Caller::system()).await?;
                match alarm_fire_in_tx(&mut tx, &fired).await {
                    Ok(()) => tx.commit().await?,
                    Err(error) => {
                        tracing::error!(rule = %fired.rule, asset = %fired.asset, ?error, "an alarm was lost")
                    }
                }
            }
        }
        Ok(())
    }

    async fn write_pending(&mut self, host: &Host, now: Timestamp, changed: &mut HashSet<PartyId>) -> Result<()> {
        let mut tx = host.begin(&Caller::system()).await?;
        for fired in &self.pending {
            alarm_fire_in_tx(&mut tx, fired).await?;
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
