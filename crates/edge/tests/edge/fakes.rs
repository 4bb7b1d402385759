//! A store and a directory in memory, whose behaviour a test can turn: hold, fail, reject.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration as Wait,
};

use contracts::{
    BoxFuture,
    devices::{DeviceBinding, DeviceDirectory, MetricBinding, ModbusPoll, Quarantined},
    telemetry::*,
};
use edge::ingest::{Ingest, IngestLimits};
use kernel::{
    Clock, Duration, Error, ManualClock, Result, SeededChance, Timestamp, Window,
    id::{AssetId, DeviceId, PartyId},
};
use tokio::sync::watch;

pub const NOW: Timestamp = Timestamp::from_micros(1_767_571_200_000_000);

/// What the store does with the next append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    Durable,
    /// Not before the mood changes.
    Hold,
    Full,
    Broken,
}

pub struct FakeStore {
    mood: watch::Sender<Mood>,
    points: Mutex<BTreeMap<(SeriesKey, i64, u64), Value>>,
    pub appends: AtomicUsize,
}

impl FakeStore {
    pub fn set(&self, mood: Mood) {
        self.mood.send_replace(mood);
    }
    pub fn count(&self) -> usize {
        self.points.lock().unwrap().len()
    }
    pub fn values(&self, property: &str) -> Vec<Value> {
        self.points
            .lock()
            .unwrap()
            .iter()
            .filter(|((key, ..), _)| &*key.property == property)
            .map(|(_, v)| v.clone())
            .collect()
    }
    fn insert(&self, point: Point) -> Outcome {
        if point.series.property.as_ref() == "rejected" {
            return Outcome::Rejected;
        }
        let key = (point.series, point.sample.source_time.micros(), point.sample.sequence);
        match self.points.lock().unwrap().entry(key) {
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(point.sample.value);
                Outcome::Accepted
            }
            std::collections::btree_map::Entry::Occupied(kept) if *kept.get() == point.sample.value => {
                Outcome::Duplicate
            }
            std::collections::btree_map::Entry::Occupied(_) => Outcome::Conflict,
        }
    }
}

impl TelemetryStore for FakeStore {
    fn append(&self, batch: Vec<Point>) -> BoxFuture<'_, Result<Receipt>> {
        self.appends.fetch_add(1, SeqCst);
        let mut mood = self.mood.subscribe();
        Box::pin(async move {
            let mood = *mood.wait_for(|mood| *mood != Mood::Hold).await.unwrap();
            match mood {
                Mood::Full => Err(Error::unavailable("telemetry.store.full", "the disk is full")),
                Mood::Broken => Err(Error::internal("telemetry.store.stopped", "the store has stopped")),
                Mood::Durable | Mood::Hold => {
                    let outcomes: Vec<_> = batch.into_iter().map(|point| self.insert(point)).collect();
                    Ok(Receipt { position: Position::new(1, self.count() as u64), outcomes })
                }
            }
        })
    }
    fn append_bulk(&self, batch: Vec<Point>) -> BoxFuture<'_, Result<Receipt>> {
        self.append(batch)
    }
    fn latest(&self, _: &SeriesKey) -> Option<Stored> {
        None
    }
    fn range(&self, _: &RangeQuery) -> Result<RangeAnswer> {
        Ok(RangeAnswer::default())
    }
    fn last_before(&self, _: &SeriesKey, _: Timestamp, _: Position) -> Result<Option<Stored>> {
        Ok(None)
    }
    fn aggregate(&self, _: &SeriesKey, _: Window, _: Duration) -> Result<Buckets> {
        Ok(Buckets::default())
    }
    fn series(&self, _: AssetId) -> Vec<SeriesInfo> {
        Vec::new()
    }
    fn conflicts(&self, _: AssetId, _: usize) -> Vec<ConflictRecord> {
        Vec::new()
    }
    fn position(&self) -> Position {
        Position::new(1, self.count() as u64)
    }
    fn stats(&self) -> StoreStats {
        StoreStats::default()
    }
    fn listen(&self, _: Listener) {}
    fn scrub(&self) -> Result<Vec<Damage>> {
        Ok(Vec::new())
    }
}

#[derive(Default)]
pub struct FakeDirectory {
    devices: Mutex<HashMap<DeviceId, Arc<DeviceBinding>>>,
    tokens: Mutex<HashMap<String, DeviceId>>,
    revision: AtomicU64,
    quarantine: Mutex<Vec<Quarantined>>,
    presence: Mutex<Vec<(DeviceId, bool)>>,
    pub quarantine_fails: std::sync::atomic::AtomicBool,
}

impl FakeDirectory {
    pub fn change(&self, device: DeviceId, change: impl FnOnce(&mut DeviceBinding)) {
        let mut devices = self.devices.lock().unwrap();
        let mut binding = (*devices[&device]).clone();
        change(&mut binding);
        devices.insert(device, Arc::new(binding));
        self.revision.fetch_add(1, SeqCst);
    }
    pub fn revoke(&self, token: &str) {
        self.tokens.lock().unwrap().remove(token);
        self.revision.fetch_add(1, SeqCst);
    }
    pub fn codes(&self) -> Vec<String> {
        self.quarantine.lock().unwrap().iter().map(|record| record.code.clone()).collect()
    }
    pub fn records(&self) -> Vec<Quarantined> {
        self.quarantine.lock().unwrap().clone()
    }
    pub fn presence_of(&self, device: DeviceId) -> Vec<bool> {
        self.presence.lock().unwrap().iter().filter(|(d, _)| *d == device).map(|(_, online)| *online).collect()
    }
}

impl DeviceDirectory for FakeDirectory {
    fn by_token(&self, token: &str) -> Option<Arc<DeviceBinding>> {
        let device = *self.tokens.lock().unwrap().get(token)?;
        self.by_id(device)
    }
    fn by_id(&self, device: DeviceId) -> Option<Arc<DeviceBinding>> {
        self.devices.lock().unwrap().get(&device).cloned()
    }
    fn polled(&self) -> Vec<Arc<DeviceBinding>> {
        self.devices.lock().unwrap().values().filter(|b| b.enabled && b.poll.is_some()).cloned().collect()
    }
    fn revision(&self) -> u64 {
        self.revision.load(SeqCst)
    }
    fn quarantine(&self, records: Vec<Quarantined>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            if self.quarantine_fails.load(SeqCst) {
                return Err(Error::unavailable("twin.quarantine.unavailable", "the database is away"));
            }
            self.quarantine.lock().unwrap().extend(records);
            Ok(())
        })
    }
    fn presence(&self, device: DeviceId, online: bool, _: Timestamp) {
        self.presence.lock().unwrap().push((device, online));
    }
}

/// Everything a test of a door needs.
pub struct World {
    pub store: Arc<FakeStore>,
    pub directory: Arc<FakeDirectory>,
    pub clock: Arc<ManualClock>,
    pub ingest: Arc<Ingest>,
    chance: SeededChance,
}

impl World {
    pub fn new() -> Self {
        Self::with(IngestLimits::default())
    }

    pub fn with(limits: IngestLimits) -> Self {
        let store = Arc::new(FakeStore {
            mood: watch::channel(Mood::Durable).0,
            points: Mutex::default(),
            appends: AtomicUsize::new(0),
        });
        let directory = Arc::new(FakeDirectory::default());
        let clock = Arc::new(ManualClock::new(NOW));
        let ingest = Ingest::new(store.clone(), directory.clone(), clock.clone() as Arc<dyn Clock>, limits);
        Self { store, directory, clock, ingest, chance: SeededChance::new(7) }
    }

    /// A device with metrics `temp` (float, −50 to 500), `count` (integer), `running` (boolean), `note` (text) and
    /// `rejected` (which the store refuses); its properties carry the same names.
    pub fn device(&self, token: &str) -> DeviceId {
        self.device_with(token, None)
    }

    pub fn device_with(&self, token: &str, poll: Option<ModbusPoll>) -> DeviceId {
        let asset = AssetId::at(NOW, &self.chance);
        let metric = |name: &str, value_type, min, max| {
            let binding = MetricBinding {
                asset,
                property: name.into(),
                value_type,
                unit: None,
                scale: 1.0,
                offset: 0.0,
                min,
                max,
            };
            (name.to_owned(), binding)
        };
        let binding = DeviceBinding {
            device: DeviceId::at(NOW, &self.chance),
            tenant: PartyId::at(NOW, &self.chance),
            name: token.to_owned(),
            enabled: true,
            metrics: BTreeMap::from([
                metric("temp", ValueType::F64, Some(-50.0), Some(500.0)),
                metric("count", ValueType::I64, None, None),
                metric("running", ValueType::Bool, None, None),
                metric("note", ValueType::Str, None, None),
                metric("rejected", ValueType::F64, None, None),
            ]),
            poll,
        };
        let device = binding.device;
        self.directory.devices.lock().unwrap().insert(device, Arc::new(binding));
        self.directory.tokens.lock().unwrap().insert(token.to_owned(), device);
        self.directory.revision.fetch_add(1, SeqCst);
        device
    }
}

/// Waits until something holds; fails the test after ten seconds.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..1000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Wait::from_millis(10)).await;
    }
    panic!("{what} did not come about");
}

/// A time in the test's present, in milliseconds.
pub fn at(second: i64) -> i64 {
    NOW.millis() + second * 1000
}
