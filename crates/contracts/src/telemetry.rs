//! The contract of a time-series store. Any engine that passes `telemetry::conformance` may stand behind it.
//!
//! Identity of a point (promise P3): (series, source time, sender sequence). Sending a point again changes nothing and is
//! counted as duplicate; another value for the same identity is not applied but kept as a conflict record (P4).

use std::sync::Arc;

use kernel::{Duration, Result, Timestamp, Window, id::AssetId};
use serde::{Deserialize, Serialize};

use crate::BoxFuture;

/// What a series is about: one property of one asset. The unit is the property's, fixed by the thing model.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SeriesKey {
    /// The asset.
    pub asset: AssetId,
    /// The property id of its thing model, `[a-zA-Z0-9_]{1,64}`.
    pub property: Arc<str>,
}

impl SeriesKey {
    /// A key.
    pub fn new(asset: AssetId, property: impl Into<Arc<str>>) -> Self {
        Self { asset, property: property.into() }
    }
}

/// A typed value. A series has one type for ever, that of its first point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// True or false.
    Bool(bool),
    /// A 64-bit integer.
    I64(i64),
    /// A finite 64-bit float (NaN and infinities are refused at the door).
    F64(f64),
    /// UTF-8 text, at most 4 096 bytes.
    Str(Arc<str>),
}

impl Value {
    /// The number behind it; true is 1, text is none.
    pub fn number(&self) -> Option<f64> {
        match self {
            Value::F64(v) => Some(*v),
            Value::I64(v) => Some(*v as f64),
            Value::Bool(v) => Some(f64::from(u8::from(*v))),
            Value::Str(_) => None,
        }
    }

    /// Its type.
    pub fn value_type(&self) -> ValueType {
        match self {
            Value::F64(_) => ValueType::F64,
            Value::I64(_) => ValueType::I64,
            Value::Bool(_) => ValueType::Bool,
            Value::Str(_) => ValueType::Str,
        }
    }
}

/// The type of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the types")]
pub enum ValueType {
    F64,
    I64,
    Bool,
    Str,
}

/// How far a value can be trusted (the major classes of OPC UA status codes).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quality {
    /// As measured.
    #[default]
    Good,
    /// Measured, but doubtful.
    Uncertain,
    /// Not usable; kept for the record.
    Bad,
}

/// One value of one series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// When the world was so, by the sender's clock.
    pub source_time: Timestamp,
    /// When we received it.
    pub receive_time: Timestamp,
    /// The value.
    pub value: Value,
    /// Its quality.
    pub quality: Quality,
    /// The sender's sequence number; 0 when the protocol has none. Part of the identity.
    pub sequence: u64,
}

/// A sample on its way into the store.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Where it belongs.
    pub series: SeriesKey,
    /// What it says.
    pub sample: Sample,
}

/// A place in the store's log: epoch in the upper 16 bits, offset in the lower 48. Increases for ever, never re-used (P7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Position(pub u64);

impl Position {
    /// After everything.
    pub const MAX: Position = Position(u64::MAX);

    /// From its parts.
    pub const fn new(epoch: u16, offset: u64) -> Self {
        Self(((epoch as u64) << 48) | (offset & 0xffff_ffff_ffff))
    }
    /// The epoch: a new one starts after truncation, restore or loss.
    pub const fn epoch(self) -> u16 {
        (self.0 >> 48) as u16
    }
    /// The count within the epoch.
    pub const fn offset(self) -> u64 {
        self.0 & 0xffff_ffff_ffff
    }
}

/// A sample as stored, with its position.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stored {
    /// Its place in the log.
    pub position: Position,
    /// The sample.
    #[serde(flatten)]
    pub sample: Sample,
}

/// What became of one point of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// New, and durable.
    Accepted,
    /// Already stored with this value; nothing changed.
    Duplicate,
    /// Another value is stored for this identity; kept as a conflict record.
    Conflict,
    /// Refused: wrong type for its series, a non-finite number, too long a text, or too many series.
    Rejected,
}

/// The answer to an append. When it exists, everything accepted is covered by a successful `fdatasync` (P1).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Position of the last accepted point, or of the log's end when none was.
    pub position: Position,
    /// What became of each point, in the order given.
    pub outcomes: Vec<Outcome>,
}

impl Receipt {
    /// How many points had this outcome.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.outcomes.iter().filter(|o| **o == outcome).count()
    }
}

/// Samples of one series in a window, by source time then sequence.
#[derive(Debug, Clone)]
pub struct RangeQuery {
    /// Which series.
    pub series: SeriesKey,
    /// Source-time window.
    pub window: Window,
    /// Only what was stored at or before this position: "as known then". `Position::MAX` for everything.
    pub as_of: Position,
    /// At most this many samples.
    pub limit: usize,
}

/// The answer to a range query.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RangeAnswer {
    /// The samples, ordered.
    pub samples: Vec<Stored>,
    /// False when the limit cut the answer short, or damaged blocks had to be left out (P9).
    pub complete: bool,
    /// Damaged blocks in the window: file and offset.
    pub damaged: Vec<String>,
}

/// One period of a downsampled series. Statistics are over good and uncertain numeric samples only.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    /// Start of the period.
    pub start: Timestamp,
    /// Samples counted.
    pub count: u64,
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
    /// Sum of values.
    pub sum: f64,
    /// First value by source time.
    pub first: f64,
    /// Last value by source time.
    pub last: f64,
}

/// A downsampled answer; empty periods are absent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Buckets {
    /// The periods that have samples.
    pub buckets: Vec<Bucket>,
    /// False when damaged blocks had to be left out.
    pub complete: bool,
}

/// What is known about a series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeriesInfo {
    /// The key.
    pub series: SeriesKey,
    /// Its type.
    pub value_type: ValueType,
    /// Stored samples.
    pub count: u64,
    /// Earliest source time.
    pub first: Timestamp,
    /// Latest source time.
    pub last: Timestamp,
}

/// A value that lost against an earlier one for the same identity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConflictRecord {
    /// The series.
    pub series: SeriesKey,
    /// What was stored first and stays.
    pub kept: Stored,
    /// What was refused.
    pub refused: Sample,
}

/// Counters for `/metrics`, the console and the benchmarks.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are the counters")]
pub struct StoreStats {
    pub series: u64,
    pub points: u64,
    pub duplicates: u64,
    pub conflicts: u64,
    pub rejected: u64,
    pub syncs: u64,
    pub wal_bytes: u64,
    pub segment_bytes: u64,
    pub segments: u64,
}

/// What a scrub found wrong: which file, where, what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Damage {
    /// File name relative to the telemetry folder.
    pub file: String,
    /// Byte offset of the damaged record or block.
    pub offset: u64,
    /// Series of the block, when it can still be told.
    pub series: Option<SeriesKey>,
    /// What does not hold.
    pub what: String,
}

/// Called after a batch is durable, on the writer's thread: must be quick and must not block.
pub type Listener = Box<dyn Fn(&[(SeriesKey, Stored)]) + Send + Sync>;

/// A time-series store.
pub trait TelemetryStore: Send + Sync {
    /// Appends a batch; the future resolves after the batch is durable, or with an error and then nothing is promised.
    /// A refused point does not refuse its neighbours: see [`Outcome`].
    ///
    /// # Errors
    /// `telemetry.store.full` when the disk is, `telemetry.store.stopped` after a failed sync (P10),
    /// `telemetry.batch.too-large` above 100 000 points.
    fn append(&self, batch: Vec<Point>) -> BoxFuture<'_, Result<Receipt>>;

    /// Appends history in bulk: like [`append`](Self::append), but may be buffered into one large segment. Returns after it
    /// is durable. Points must not be later than the series' live points.
    ///
    /// # Errors
    /// As [`append`](Self::append), without the size limit.
    fn append_bulk(&self, batch: Vec<Point>) -> BoxFuture<'_, Result<Receipt>>;

    /// The sample with the greatest source time.
    fn latest(&self, series: &SeriesKey) -> Option<Stored>;

    /// Samples of a window. May read files: call it off the async threads.
    ///
    /// # Errors
    /// `telemetry.segment.unreadable` when a file cannot be opened. Damage inside is in the answer, not an error.
    fn range(&self, query: &RangeQuery) -> Result<RangeAnswer>;

    /// The last sample at or before a moment (for state that holds until it changes).
    ///
    /// # Errors
    /// As [`range`](Self::range).
    fn last_before(&self, series: &SeriesKey, at: Timestamp, as_of: Position) -> Result<Option<Stored>>;

    /// A window in periods, for pictures and KPIs; uses block statistics where it can.
    ///
    /// # Errors
    /// As [`range`](Self::range); `telemetry.query.too-fine` above 100 000 periods.
    fn aggregate(&self, series: &SeriesKey, window: Window, period: Duration) -> Result<Buckets>;

    /// The series of an asset, by property id.
    fn series(&self, asset: AssetId) -> Vec<SeriesInfo>;

    /// The newest conflict records of an asset.
    fn conflicts(&self, asset: AssetId, limit: usize) -> Vec<ConflictRecord>;

    /// The end of the log: everything at or before it is durable.
    fn position(&self) -> Position;

    /// Counters.
    fn stats(&self) -> StoreStats;

    /// Registers a listener for durable batches.
    fn listen(&self, listener: Listener);

    /// Re-reads every file and checks every checksum.
    ///
    /// # Errors
    /// When a file cannot be read at all.
    fn scrub(&self) -> Result<Vec<Damage>>;
}
