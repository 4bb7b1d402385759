//! The store: opening and recovery, and the contract's methods.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
        mpsc,
    },
    thread::JoinHandle,
};

use contracts::{
    BoxFuture,
    telemetry::{
        Buckets, ConflictRecord, Damage, Listener, Point, Position, RangeAnswer, RangeQuery, Receipt, SeriesInfo,
        SeriesKey, StoreStats, Stored, TelemetryStore,
    },
};
use kernel::{Duration, Error, Result, Timestamp, Window, id::AssetId};

use crate::{
    conflicts::Conflicts,
    files::{self, refused},
    manifest::Manifest,
    merge, oneshot, query, scrub,
    segment::Segment,
    state::{Cache, State},
    wal::{self, Record},
    writer::{self, Request},
};

/// Points of one append.
pub(crate) const BATCH_MAX: usize = 100_000;
/// Points that may wait for the writer; beyond it appends are refused until it has caught up.
const WAITING_MAX: usize = 2_000_000;

/// How the store behaves. The defaults are right for a plant server.
#[derive(Clone)]
pub struct Options {
    /// Longest wait for company before a sync, in milliseconds, 0–50. It only delays an answer, it never precedes the sync.
    pub commit_window_ms: u32,
    /// Points in memory before they become a segment.
    pub head_points_max: usize,
    /// Log bytes before the head becomes a segment.
    pub wal_bytes_max: u64,
    /// Series that may exist.
    pub series_max: usize,
    /// Room that appends leave on the disk, so that sign-ins, postings and clearing up still work (P11): below it they are
    /// refused, and taken again when there is more.
    pub reserve_bytes: u64,
    /// Says how much room there is; tests put their own in.
    pub room: fn(&Path) -> io::Result<u64>,
    /// Called once when the store stops for good after a failed sync (P10): the server ends the process here.
    pub on_fatal: Arc<dyn Fn(&Error) + Send + Sync>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            commit_window_ms: 2,
            head_points_max: 400_000,
            wal_bytes_max: 64 * 1024 * 1024,
            series_max: 1_000_000,
            reserve_bytes: 256 * 1024 * 1024,
            room: files::room,
            on_fatal: Arc::new(|_| {}),
        }
    }
}

/// What the writer's thread and readers share.
pub(crate) struct Shared {
    pub folder: PathBuf,
    pub options: Options,
    state: RwLock<State>,
    pub cache: Cache,
    pub conflicts: Mutex<Conflicts>,
    pub manifest: Mutex<Manifest>,
    pub listeners: RwLock<Vec<Listener>>,
    pub stopped: AtomicBool,
    pub waiting: AtomicUsize,
    pub duplicates: AtomicU64,
    pub rejected: AtomicU64,
    pub syncs: AtomicU64,
    /// Damage that was found while opening.
    pub found: Vec<Damage>,
    /// Segments that cannot be opened, and the time they cover: no answer about that time is complete.
    pub lost: Vec<(String, Window)>,
}

impl Shared {
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// The embedded time-series store.
pub struct Engine {
    shared: Arc<Shared>,
    requests: Mutex<Option<mpsc::Sender<Request>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    _lock: File,
}

impl Engine {
    /// Opens a store, creating it in an empty folder; recovers what a crash left.
    ///
    /// # Errors
    /// `telemetry.store.in-use` when another process has it open, `telemetry.store.damaged` when the manifest or a segment's
    /// footer does not hold, `telemetry.store.io`.
    pub fn open(folder: &Path, options: Options) -> Result<Arc<Self>> {
        let io = |what: &'static str| move |error: io::Error| refused(what, &error);
        std::fs::create_dir_all(folder).map_err(io("creating the telemetry folder"))?;
        let lock = take_lock(folder)?;
        let manifest = Manifest::load(folder).map_err(|error| damaged(&error))?;
        let fresh = manifest.is_none();
        let mut manifest = manifest.unwrap_or_default();
        remove_leftovers(folder, &manifest).map_err(io("clearing leftovers"))?;

        let mut state = State { catalogue: manifest.catalogue(), ..State::default() };
        let mut found = load_segments(folder, &manifest, &mut state)?;
        let shared_ids: Vec<u64> = state.segments.iter().map(|segment| segment.id).collect();
        let replayed = replay(folder, &manifest, &mut state, &mut found).map_err(io("reading the log"))?;

        // A new epoch after anything but an orderly close: positions that were given out but lost are never given again.
        manifest.next_offset = manifest.next_offset.max(state.position.offset() + 1);
        if fresh || !replayed.closed {
            manifest.epoch += 1;
        }
        manifest.remember(&state.catalogue);
        manifest.save(folder).map_err(io("writing the manifest"))?;
        let conflicts = Conflicts::open(folder).map_err(io("opening the conflict records"))?;
        let wal = wal::Wal::create(folder, replayed.next_index).map_err(io("beginning a log file"))?;

        // A manifest of before spans were kept does not say: then everything may be missing something.
        let everything = Window { from: Timestamp::from_micros(i64::MIN), to: Timestamp::from_micros(i64::MAX) };
        let lost = (manifest.segments.iter())
            .filter(|id| !shared_ids.contains(id))
            .map(|id| (crate::segment::name_of(*id), manifest.spans.get(id).copied().unwrap_or(everything)))
            .collect();
        for damage in &found {
            tracing::error!(?damage, "damaged telemetry found at start");
        }
        let (duplicates, rejected) = (AtomicU64::new(manifest.duplicates), AtomicU64::new(manifest.rejected));
        let shared = Arc::new(Shared {
            folder: folder.to_owned(),
            options,
            state: RwLock::new(state),
            cache: Cache::default(),
            conflicts: Mutex::new(conflicts),
            manifest: Mutex::new(manifest),
            listeners: RwLock::default(),
            stopped: AtomicBool::new(false),
            waiting: AtomicUsize::new(0),
            duplicates,
            rejected,
            syncs: AtomicU64::new(0),
            found,
            lost,
        });
        let (requests, inbox) = mpsc::channel();
        let (flushes, flush_inbox) = mpsc::channel();
        let merger = merge::spawn(shared.clone(), flush_inbox).map_err(io("starting the merger"))?;
        let writer = writer::spawn(shared.clone(), wal, inbox, flushes).map_err(io("starting the writer"))?;
        Ok(Arc::new(Self {
            shared,
            requests: Mutex::new(Some(requests)),
            threads: Mutex::new(vec![writer, merger]),
            _lock: lock,
        }))
    }

    /// Moves what is in memory into a segment and waits for it: for tests and back-ups.
    ///
    /// # Errors
    /// `telemetry.store.stopped`.
    pub async fn flush(&self) -> Result<()> {
        let (answer, waiting) = oneshot::channel();
        self.send(Request::Flush(answer))?;
        waiting.await.ok_or_else(stopped)?
    }

    /// Closes in order: everything queued is written, the log gets its closing mark. Also done on drop.
    pub fn close(&self) {
        drop(self.requests.lock().unwrap_or_else(|p| p.into_inner()).take());
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(|p| p.into_inner()));
        for thread in threads {
            let _ = thread.join();
        }
    }

    fn send(&self, request: Request) -> Result<()> {
        if self.shared.stopped.load(Ordering::SeqCst) {
            return Err(stopped());
        }
        let requests = self.requests.lock().unwrap_or_else(|p| p.into_inner());
        requests.as_ref().ok_or_else(stopped)?.send(request).map_err(|_| stopped())
    }

    fn submit(&self, batch: Vec<Point>, bulk: bool) -> BoxFuture<'_, Result<Receipt>> {
        Box::pin(async move {
            if !bulk && batch.len() > BATCH_MAX {
                return Err(Error::too_large(
                    "telemetry.batch.too-large",
                    format!("a batch of {} points is too large", batch.len()),
                )
                .hint("send at most 100 000 points at once"));
            }
            let points = batch.len();
            if self.shared.waiting.fetch_add(points, Ordering::SeqCst) > WAITING_MAX {
                self.shared.waiting.fetch_sub(points, Ordering::SeqCst);
                return Err(Error::unavailable("telemetry.store.busy", "the store is catching up")
                    .hint("send again in a moment"));
            }
            let (answer, waiting) = oneshot::channel();
            let sent = self.send(Request::Append { batch, bulk, answer });
            let outcome = match sent {
                Ok(()) => waiting.await.unwrap_or_else(|| Err(stopped())),
                Err(error) => Err(error),
            };
            self.shared.waiting.fetch_sub(points, Ordering::SeqCst);
            outcome
        })
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.close();
    }
}

pub(crate) fn stopped() -> Error {
    Error::unavailable("telemetry.store.stopped", "the telemetry store has stopped and acknowledges nothing")
        .hint("look at the log of the server, then start it again: everything acknowledged is safe")
}

fn damaged(error: &io::Error) -> Error {
    Error::corrupt("telemetry.store.damaged", "the telemetry folder is damaged")
        .hint("restore the named file from a backup; nothing was changed")
        .because(error)
}

fn take_lock(folder: &Path) -> Result<File> {
    let file = File::options().write(true).create(true).truncate(false).open(folder.join("LOCK"));
    let file = file.map_err(|error| refused("opening the lock file", &error))?;
    file.try_lock().map_err(|_| {
        Error::unavailable("telemetry.store.in-use", "another process has this telemetry folder open")
            .hint("stop the other server, or use another data directory")
    })?;
    Ok(file)
}

/// Files that no manifest names are what a crash left half done.
fn remove_leftovers(folder: &Path, manifest: &Manifest) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let segment =
            name.strip_prefix("seg-").and_then(|n| n.strip_suffix(".bts")).and_then(|n| n.parse::<u64>().ok());
        let unnamed = segment.is_some_and(|id| !manifest.segments.contains(&id));
        if name.ends_with(".tmp") || unnamed {
            std::fs::remove_file(entry.path())?;
        }
    }
    for (index, path) in wal::list(folder)? {
        if index < manifest.wal_from {
            std::fs::remove_file(path)?;
        }
    }
    Ok(())
}

fn load_segments(folder: &Path, manifest: &Manifest, state: &mut State) -> Result<Vec<Damage>> {
    let mut found = Vec::new();
    for id in &manifest.segments {
        let name = format!("seg-{id:010}.bts");
        match Segment::open(&folder.join(&name), *id) {
            Ok(segment) => {
                state.position = state.position.max(segment.max_position());
                let known: Vec<_> = segment.series().into_iter().filter(|no| state.catalogue.known(*no)).collect();
                for no in known {
                    for block in segment.blocks(no) {
                        state.catalogue.stored(no, u64::from(block.count), block.min_time, block.max_time);
                    }
                }
                state.segments.push(Arc::new(segment));
            }
            // The rest keeps serving; the file is left where it is.
            Err(error) => found.push(Damage { file: name, offset: 0, series: None, what: error.to_string() }),
        }
    }
    for no in state.catalogue.iter().map(|(no, _)| no).collect::<Vec<_>>() {
        let newest =
            state.segments.iter().filter_map(|s| s.blocks(no).iter().max_by_key(|b| b.max_time).map(|b| (s, b)));
        let Some((segment, block)) = newest.max_by_key(|(_, block)| block.max_time) else { continue };
        if let Some(last) = segment.load(block).ok().and_then(|samples| samples.last().cloned()) {
            state.note_latest(no, &last);
        }
    }
    Ok(found)
}

struct Replayed {
    closed: bool,
    next_index: u64,
}

fn replay(folder: &Path, manifest: &Manifest, state: &mut State, found: &mut Vec<Damage>) -> io::Result<Replayed> {
    let files = wal::list(folder)?;
    let mut replayed = Replayed { closed: false, next_index: manifest.wal_from.max(1) };
    for (index, path) in files {
        let contents = wal::read(&path, index)?;
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        for (offset, length) in &contents.damaged {
            let what = format!("{length} bytes of the log do not hold");
            found.push(Damage { file: name.clone(), offset: *offset, series: None, what });
        }
        if contents.torn_bytes() > 0 {
            tracing::warn!(
                file = name,
                bytes = contents.torn_bytes(),
                "an unfinished write at the end of the log was left out"
            );
        }
        replayed.closed = contents.closed && contents.torn_bytes() == 0;
        replayed.next_index = index + 1;
        state.wal_bytes += contents.valid_bytes;
        for record in contents.records {
            match record {
                Record::Define { no, key, value_type } => {
                    let given = state.catalogue.define(key, value_type);
                    if given != no {
                        return Err(io::Error::other(format!("{name}: series {} was numbered {}", given.0, no.0)));
                    }
                }
                Record::Points(points) => {
                    for (no, stored) in points {
                        if state.catalogue.known(no) {
                            state.accept(no, stored);
                        }
                    }
                }
                Record::Closed => {}
            }
        }
    }
    Ok(replayed)
}

impl TelemetryStore for Engine {
    fn append(&self, batch: Vec<Point>) -> BoxFuture<'_, Result<Receipt>> {
        self.submit(batch, false)
    }

    fn append_bulk(&self, batch: Vec<Point>) -> BoxFuture<'_, Result<Receipt>> {
        self.submit(batch, true)
    }

    fn latest(&self, series: &SeriesKey) -> Option<Stored> {
        let state = self.shared.read();
        state.catalogue.find(series).and_then(|no| state.latest.get(&no).cloned())
    }

    fn range(&self, query: &RangeQuery) -> Result<RangeAnswer> {
        query::range(&self.shared, query)
    }

    fn last_before(&self, series: &SeriesKey, at: Timestamp, as_of: Position) -> Result<Option<Stored>> {
        query::last_before(&self.shared, series, at, as_of)
    }

    fn aggregate(&self, series: &SeriesKey, window: Window, period: Duration) -> Result<Buckets> {
        query::aggregate(&self.shared, series, window, period)
    }

    fn series(&self, asset: AssetId) -> Vec<SeriesInfo> {
        let state = self.shared.read();
        let mut all: Vec<SeriesInfo> = state
            .catalogue
            .of_asset(asset)
            .iter()
            .map(|no| state.catalogue.get(*no))
            .map(|series| SeriesInfo {
                series: series.key.clone(),
                value_type: series.value_type,
                count: series.count,
                first: series.first,
                last: series.last,
            })
            .collect();
        all.sort_by(|a, b| a.series.cmp(&b.series));
        all
    }

    fn conflicts(&self, asset: AssetId, limit: usize) -> Vec<ConflictRecord> {
        let state = self.shared.read();
        let conflicts = self.shared.conflicts.lock().unwrap_or_else(|p| p.into_inner());
        conflicts
            .newest()
            .filter(|conflict| state.catalogue.known(conflict.series))
            .map(|conflict| (state.catalogue.get(conflict.series).key.clone(), conflict))
            .filter(|(key, _)| key.asset == asset)
            .take(limit)
            .map(|(series, conflict)| ConflictRecord {
                series,
                kept: conflict.kept.clone(),
                refused: conflict.refused.clone(),
            })
            .collect()
    }

    fn position(&self) -> Position {
        self.shared.read().position
    }

    fn stats(&self) -> StoreStats {
        let state = self.shared.read();
        StoreStats {
            series: state.catalogue.len() as u64,
            points: state.catalogue.iter().map(|(_, series)| series.count).sum(),
            duplicates: self.shared.duplicates.load(Ordering::Relaxed),
            conflicts: self.shared.conflicts.lock().unwrap_or_else(|p| p.into_inner()).total,
            rejected: self.shared.rejected.load(Ordering::Relaxed),
            syncs: self.shared.syncs.load(Ordering::Relaxed),
            wal_bytes: state.wal_bytes,
            segment_bytes: state.segments.iter().map(|segment| segment.bytes).sum(),
            segments: state.segments.len() as u64,
        }
    }

    fn listen(&self, listener: Listener) {
        self.shared.listeners.write().unwrap_or_else(|p| p.into_inner()).push(listener);
    }

    fn scrub(&self) -> Result<Vec<Damage>> {
        scrub::scrub(&self.shared)
    }
}
