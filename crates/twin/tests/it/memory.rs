//! A telemetry store in memory: the contract without the disk.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use contracts::{BoxFuture, telemetry::*};
use kernel::{Duration, Result, Timestamp, id::AssetId};

type Series = BTreeMap<(Timestamp, u64), Stored>;

#[derive(Default)]
pub struct MemoryStore {
    series: Mutex<BTreeMap<SeriesKey, Series>>,
    position: AtomicU64,
    listeners: Mutex<Vec<Listener>>,
    /// How often history was read.
    pub ranges: AtomicUsize,
}

impl MemoryStore {
    fn put(&self, batch: Vec<Point>) -> Receipt {
        let mut new = Vec::new();
        let mut outcomes = Vec::new();
        {
            let mut all = self.series.lock().unwrap();
            for point in batch {
                let series = all.entry(point.series.clone()).or_default();
                let key = (point.sample.source_time, point.sample.sequence);
                if let Some(known) = series.get(&key) {
                    let same = known.sample.value == point.sample.value;
                    outcomes.push(if same { Outcome::Duplicate } else { Outcome::Conflict });
                    continue;
                }
                let position = Position(self.position.fetch_add(1, Ordering::SeqCst) + 1);
                let stored = Stored { position, sample: point.sample };
                series.insert(key, stored.clone());
                new.push((point.series, stored));
                outcomes.push(Outcome::Accepted);
            }
        }
        for listener in self.listeners.lock().unwrap().iter() {
            listener(&new);
        }
        Receipt { position: self.position(), outcomes }
    }
}

impl TelemetryStore for MemoryStore {
    fn append(&self, batch: Vec<Point>) -> BoxFuture<'_, Result<Receipt>> {
        Box::pin(async move { Ok(self.put(batch)) })
    }
    fn append_bulk(&self, batch: Vec<Point>) -> BoxFuture<'_, Result<Receipt>> {
        self.append(batch)
    }
    fn latest(&self, series: &SeriesKey) -> Option<Stored> {
        self.series.lock().unwrap().get(series)?.values().next_back().cloned()
    }
    fn range(&self, query: &RangeQuery) -> Result<RangeAnswer> {
        self.ranges.fetch_add(1, Ordering::SeqCst);
        let all = self.series.lock().unwrap();
        let Some(series) = all.get(&query.series) else {
            return Ok(RangeAnswer { complete: true, ..Default::default() });
        };
        let inside = series.range((query.window.from, 0)..(query.window.to, 0)).map(|(_, stored)| stored);
        let mut samples: Vec<Stored> =
            inside.filter(|s| s.position <= query.as_of).take(query.limit + 1).cloned().collect();
        let complete = samples.len() <= query.limit;
        samples.truncate(query.limit);
        Ok(RangeAnswer { samples, complete, damaged: Vec::new() })
    }
    fn last_before(&self, series: &SeriesKey, at: Timestamp, as_of: Position) -> Result<Option<Stored>> {
        let all = self.series.lock().unwrap();
        let found = all.get(series).and_then(|series| {
            series.range(..=(at, u64::MAX)).map(|(_, stored)| stored).rfind(|stored| stored.position <= as_of).cloned()
        });
        Ok(found)
    }
    fn aggregate(&self, series: &SeriesKey, window: kernel::Window, period: Duration) -> Result<Buckets> {
        let all = self.series.lock().unwrap();
        let mut buckets: BTreeMap<i64, Bucket> = BTreeMap::new();
        for stored in
            all.get(series).into_iter().flat_map(|s| s.range((window.from, 0)..(window.to, 0))).map(|(_, s)| s)
        {
            let Some(value) = stored.sample.value.number().filter(|_| stored.sample.quality != Quality::Bad) else {
                continue;
            };
            let index = (stored.sample.source_time - window.from).micros() / period.micros();
            let start = window.from + Duration::from_micros(index * period.micros());
            let bucket = buckets.entry(index).or_insert(Bucket {
                start,
                count: 0,
                min: value,
                max: value,
                sum: 0.0,
                first: value,
                last: value,
            });
            bucket.count += 1;
            bucket.min = bucket.min.min(value);
            bucket.max = bucket.max.max(value);
            bucket.sum += value;
            bucket.last = value;
        }
        Ok(Buckets { buckets: buckets.into_values().collect(), complete: true })
    }
    fn series(&self, asset: AssetId) -> Vec<SeriesInfo> {
        let all = self.series.lock().unwrap();
        let own = all.iter().filter(|(key, samples)| key.asset == asset && !samples.is_empty());
        own.map(|(key, samples)| {
            let ends = |stored: Option<&Stored>| stored.map(|s| s.sample.source_time).unwrap_or_default();
            SeriesInfo {
                series: key.clone(),
                value_type: samples.values().next().map_or(ValueType::F64, |s| s.sample.value.value_type()),
                count: samples.len() as u64,
                first: ends(samples.values().next()),
                last: ends(samples.values().next_back()),
            }
        })
        .collect()
    }
    fn conflicts(&self, _: AssetId, _: usize) -> Vec<ConflictRecord> {
        Vec::new()
    }
    fn position(&self) -> Position {
        Position(self.position.load(Ordering::SeqCst))
    }
    fn stats(&self) -> StoreStats {
        StoreStats::default()
    }
    fn listen(&self, listener: Listener) {
        self.listeners.lock().unwrap().push(listener);
    }
    fn scrub(&self) -> Result<Vec<Damage>> {
        Ok(Vec::new())
    }
}
