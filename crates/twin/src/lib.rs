//! The twin: what machines are (equipment tree of ISA-95, thing models 物模型), how devices feed them, what they are doing
//! now and did before, and the alarms about it.
//!
//! Promises:
//! 1. A thing-model version never changes. A property id keeps its type and unit through all versions of its model.
//! 2. An asset's id never changes and says nothing about its place; the tree has no cycle and no inverted level.
//! 3. A device token is shown once and stored as its SHA-256; a property has at most one feeder.
//! 4. Units that do not match are refused when a mapping or a rule is recorded, with both named.
//! 5. Timelines and alarms follow from samples and rules alone: computing them again gives the same. A timeline has no holes.
//! 6. There is at most one open alarm per rule and machine, however often it repeats.
//! 7. The telemetry writer is never kept waiting by what happens here.
//!
//! To wire it: `let twin = Twin::new(); let host = twin.wire(Host::builder(…)).build().await?; twin.start(&host).await?`,
//! with a [`TelemetryStore`] among the ports. [`Host::start`] then runs the evaluation; tests call [`Twin::settle`] instead.
//!
//! To record things from other crates (demo, story), inside any transaction of the host, in this order:
//! 1. [`thing_model_import_in_tx`] (JetLinks document; [`state_rule_from_text`] reads a state rule in one line)
//! 2. [`asset_create_in_tx`] for site, area … and work unit with model
//! 3. [`device_register_in_tx`] with [`MetricMapping`]s; it returns the token
//! 4. [`alarm_rule_create_in_tx`] for a machine or a whole model
//! 5. after filling in history behind the evaluation's back: [`Twin::history_changed`]
//!
//! To add a use case: a function in `app/`, its SQL in `store/`, its door in `http/`, its fact in `events.rs`.

mod app;
pub mod domain;
mod events;
mod http;
mod live;
mod ports;
mod registry;
mod store;

pub use app::{
    alarm::{
        MAX_TIME_SHELVED, alarm_acknowledge_in_tx, alarm_reset_in_tx, alarm_service_in_tx, alarm_shelve_in_tx,
        alarm_unshelve_in_tx,
    },
    alarm_rule::{AlarmRuleNew, alarm_rule_change_in_tx, alarm_rule_create_in_tx, alarm_rule_remove_in_tx},
    device::{DeviceNew, device_configure_in_tx, device_enable_in_tx, device_register_in_tx, device_rotate_in_tx},
    equipment::{
        NodeNew, asset_create_in_tx, asset_move_in_tx, asset_rename_in_tx, asset_state_rule_in_tx, asset_upgrade_in_tx,
    },
    thing_model::{ThingModelImported, ThingModelNew, state_rule_from_text, thing_model_import_in_tx},
};
pub use domain::{device::MetricMapping, tree::Level};
pub use registry::{Device, ModelVersion, Node, Rule, Target};
pub use store::alarm::AlarmRow;

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, RwLock},
    time::Duration as Pause,
};

use appkit::{Caller, Host, HostBuilder, Module};
use contracts::{
    devices::DeviceDirectory,
    telemetry::TelemetryStore,
    twin::{MachineDirectory, StateSpan},
};
use kernel::{
    Duration, Error, Result, Timestamp, Window,
    id::{AssetId, DeviceId, PartyId},
};
use registry::{Machine, Registry};

/// Days of stored timelines that are computed again after a start: late samples may have come while nobody looked.
const DISTRUSTED_DAYS: Duration = Duration::from_days(7);
/// How much history is computed ahead of the first question.
const PREPARED_DAYS: i64 = 90;

/// The twin of one process.
#[derive(Default)]
pub struct Twin {
    registry: Arc<Registry>,
    board: Arc<live::Board>,
    timelines: Arc<live::Timelines>,
    intake: Arc<live::Intake>,
    engine: tokio::sync::Mutex<Option<live::Engine>>,
    running: RwLock<Option<Arc<Running>>>,
    presence: Mutex<HashMap<DeviceId, (bool, Timestamp)>>,
    alarms_touched: Mutex<HashSet<PartyId>>,
}

struct Running {
    host: Host,
    store: Arc<dyn TelemetryStore>,
}

impl Twin {
    /// A twin that knows nothing yet.
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// Puts the twin into a host: its ports and its module.
    pub fn wire(self: &Arc<Self>, builder: HostBuilder) -> HostBuilder {
        builder
            .port::<Twin>(self.clone())
            .port::<dyn DeviceDirectory>(self.clone())
            .port::<dyn MachineDirectory>(self.clone())
            .module(self.module())
    }

    /// Tables, endpoints, texts and background work. Use [`wire`](Self::wire), which adds the ports as well.
    pub fn module(self: &Arc<Self>) -> Module {
        let (evaluating, preparing) = (self.clone(), self.clone());
        Module::named("twin")
            .migrations(&[("0001_twin", include_str!("../migrations/0001_twin.sql"))])
            .routes(http::routes())
            .texts(include_str!("../locale/zh.json"))
            .task("twin.evaluation", move |host| async move { evaluating.evaluate_for_ever(host).await })
            .task("twin.history", move |host| async move { preparing.prepare_history(host).await })
    }

    /// Loads what is recorded and begins to listen to telemetry. Calling it again changes nothing.
    ///
    /// # Errors
    /// `twin.start.no-telemetry` when no store is among the ports; when the database refuses.
    pub async fn start(&self, host: &Host) -> Result<()> {
        let mut engine = self.engine.lock().await;
        if engine.is_some() {
            return Ok(());
        }
        let store = host.try_port::<dyn TelemetryStore>().ok_or_else(|| {
            Error::internal("twin.start.no-telemetry", "the twin was started without a telemetry store")
        })?;
        self.registry.load(store::everything(host).await?);
        let mut tx = host.begin(&Caller::system()).await?;
        let since = (host.now() - DISTRUSTED_DAYS).floor_to(domain::timeline::DAY);
        store::span::forget_since(&mut tx, None, since).await?;
        tx.commit().await?;
        let checkpoint = store::checkpoint::reached(host).await?.unwrap_or(host.now());
        let intake = self.intake.clone();
        store.listen(Box::new(move |batch| intake.offer(batch)));
        let parts = live::Parts {
            registry: self.registry.clone(),
            board: self.board.clone(),
            timelines: self.timelines.clone(),
            intake: self.intake.clone(),
            store: store.clone(),
        };
        *engine = Some(live::Engine::new(parts, checkpoint, host.now()));
        *self.running.write().unwrap_or_else(|p| p.into_inner()) =
            Some(Arc::new(Running { host: host.clone(), store }));
        Ok(())
    }

    /// Evaluates everything that has arrived and is due, and lets time pass up to the host's now. For tests and the story,
    /// where no background task runs.
    ///
    /// # Errors
    /// When the database or telemetry refuses.
    pub async fn settle(&self, host: &Host) -> Result<()> {
        self.start(host).await?;
        loop {
            if self.step(host).await? == 0 {
                return Ok(());
            }
        }
    }

    /// Lets go of the host and the store, so that both can be closed. What is asked afterwards is refused.
    pub async fn stop(&self) {
        *self.engine.lock().await = None;
        *self.running.write().unwrap_or_else(|p| p.into_inner()) = None;
    }

    /// Says that history was filled in without passing the evaluation: timelines from a moment on are computed again.
    pub fn history_changed(&self, asset: AssetId, since: Timestamp) {
        self.timelines.forget(asset, since);
        self.registry.changed_mark(asset);
        self.intake.wake();
    }

    /// How many samples were evaluated from the store because they came faster than they could be taken in.
    pub fn overflowed(&self) -> u64 {
        self.intake.overflowed()
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    pub(crate) fn board(&self) -> &live::Board {
        &self.board
    }

    pub(crate) fn host(&self) -> Result<Host> {
        self.running().map(|running| running.host.clone())
    }

    pub(crate) fn telemetry(&self) -> Result<Arc<dyn TelemetryStore>> {
        self.running().map(|running| running.store.clone())
    }

    fn running(&self) -> Result<Arc<Running>> {
        self.running.read().unwrap_or_else(|p| p.into_inner()).clone().ok_or_else(not_started)
    }

    pub(crate) async fn timeline_of(&self, machine: &Machine, window: Window) -> Result<Vec<StateSpan>> {
        let running = self.running()?;
        self.timelines.of(&running.host, &running.store, &self.board, machine, window).await
    }

    pub(crate) fn alarms_touch(&self, tenant: PartyId) {
        self.alarms_touched.lock().unwrap_or_else(|p| p.into_inner()).insert(tenant);
        self.intake.wake();
    }

    pub(crate) fn presence_note(&self, device: DeviceId, online: bool, at: Timestamp) {
        self.presence.lock().unwrap_or_else(|p| p.into_inner()).insert(device, (online, at));
    }

    pub(crate) fn presence_of(&self, device: DeviceId) -> Option<(bool, Timestamp)> {
        self.presence.lock().unwrap_or_else(|p| p.into_inner()).get(&device).copied()
    }

    async fn step(&self, host: &Host) -> Result<usize> {
        let mut engine = self.engine.lock().await;
        let engine = engine.as_mut().ok_or_else(not_started)?;
        let touched = std::mem::take(&mut *self.alarms_touched.lock().unwrap_or_else(|p| p.into_inner()));
        let again = touched.clone();
        let result = engine.step(host, touched).await;
        if result.is_err() {
            self.alarms_touched.lock().unwrap_or_else(|p| p.into_inner()).extend(again);
        }
        result
    }

    async fn evaluate_for_ever(&self, host: Host) {
        while let Err(error) = self.start(&host).await {
            tracing::error!(?error, "the twin cannot start; trying again");
            tokio::time::sleep(Pause::from_secs(5)).await;
        }
        loop {
            match self.step(&host).await {
                // What arrives within a tenth of a second is dealt with together.
                Ok(_) => tokio::time::sleep(Pause::from_millis(100)).await,
                Err(error) => {
                    tracing::error!(?error, "evaluating machines failed; trying again");
                    tokio::time::sleep(Pause::from_secs(1)).await;
                }
            }
            let _ = tokio::time::timeout(Pause::from_millis(500), self.intake.wait()).await;
        }
    }

    /// Computes the timelines that pages will ask for, gently, newest week first.
    async fn prepare_history(&self, host: Host) {
        while self.running().is_err() {
            tokio::time::sleep(Pause::from_millis(200)).await;
        }
        const STEP_DAYS: i64 = 7;
        for back in (0..PREPARED_DAYS).step_by(STEP_DAYS as usize) {
            for machine in self.registry.machines_all() {
                let to = host.now().floor_to(domain::timeline::DAY) - Duration::from_days(back);
                let window = Window { from: to - Duration::from_days(STEP_DAYS), to };
                if let Err(error) = self.timeline_of(&machine, window).await {
                    tracing::warn!(asset = %machine.node.id, ?error, "preparing a timeline failed");
                }
                tokio::time::sleep(Pause::from_millis(5)).await;
            }
        }
    }
}

fn not_started() -> Error {
    Error::unavailable("twin.start.not-yet", "the twin has not started yet").hint("try again in a moment")
}
