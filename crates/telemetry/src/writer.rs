//! The one thread that writes: decides what is new, logs it, syncs once for everybody who waits, and answers.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, atomic::Ordering, mpsc},
    thread::{self, JoinHandle},
    time::{Duration as StdDuration, Instant},
};

use contracts::telemetry::{Outcome, Point, Position, Receipt, Sample, SeriesKey, Stored, Value, ValueType};
use kernel::{Error, Result, Timestamp, Window};

use crate::{
    catalogue::SeriesNo,
    conflicts::Conflict,
    engine::{Shared, stopped},
    files::{self, refused},
    head::{Head, order},
    merge::Flush,
    oneshot,
    wal::{self, Record, Wal},
};

const TEXT_BYTES_MAX: usize = 4096;
const PROPERTY_BYTES_MAX: usize = 64;
/// Points that share one sync at most.
const GROUP_POINTS_MAX: usize = 100_000;
const ROOM_EVERY: StdDuration = StdDuration::from_millis(500);

/// What the writer is asked to do.
pub(crate) enum Request {
    Append { batch: Vec<Point>, bulk: bool, answer: oneshot::Sender<Result<Receipt>> },
    Flush(oneshot::Sender<Result<()>>),
}

pub(crate) fn spawn(
    shared: Arc<Shared>,
    wal: Wal,
    inbox: mpsc::Receiver<Request>,
    flushes: mpsc::Sender<Flush>,
) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name("telemetry-writer".into()).spawn(move || {
        let next_offset = shared.manifest.lock().unwrap_or_else(|p| p.into_inner()).next_offset;
        let epoch = shared.manifest.lock().unwrap_or_else(|p| p.into_inner()).epoch;
        Writer { shared, wal, flushes, epoch, next_offset, crowded: false, looked: None, full: false }.run(&inbox);
    })
}

struct Writer {
    shared: Arc<Shared>,
    wal: Wal,
    flushes: mpsc::Sender<Flush>,
    epoch: u16,
    next_offset: u64,
    /// Whether the last group had more than one request: only then is it worth waiting for company.
    crowded: bool,
    /// When the disk was last looked at, and whether it was full.
    looked: Option<Instant>,
    full: bool,
}

fn refuse(request: Request) {
    match request {
        Request::Append { answer, .. } => answer.send(Err(files::full())),
        Request::Flush(answer) => answer.send(Err(files::full())),
    }
}

/// A group of appends that share one sync.
#[derive(Default)]
struct Group {
    frames: Vec<u8>,
    accepted: Vec<(SeriesNo, Stored)>,
    /// Identity → place in `accepted`: a point may come twice within one group.
    index: HashMap<(SeriesNo, Timestamp, u64), usize>,
    conflicts: Vec<Conflict>,
    answers: Vec<(oneshot::Sender<Result<Receipt>>, Receipt)>,
    points: usize,
    duplicates: u64,
    rejected: u64,
}

impl Writer {
    fn run(mut self, inbox: &mpsc::Receiver<Request>) {
        while let Ok(first) = inbox.recv() {
            let mut requests = vec![first];
            self.gather(inbox, &mut requests);
            if self.crowded_out() {
                requests.into_iter().for_each(refuse);
                continue;
            }
            if let Err(error) = self.serve(requests) {
                self.stop(&error);
                // Whoever still waits is told by the dropped channel.
                return;
            }
        }
        if let Err(error) = self.close() {
            tracing::error!(?error, "the log could not be closed in order");
        }
    }

    /// Whether the disk has only its reserve left; asked once a second at most.
    fn crowded_out(&mut self) -> bool {
        if self.looked.is_none_or(|looked| looked.elapsed() >= ROOM_EVERY) {
            self.looked = Some(Instant::now());
            let room = (self.shared.options.room)(&self.shared.folder);
            let full = room.is_ok_and(|room| room < self.shared.options.reserve_bytes);
            if full != self.full {
                tracing::warn!(full, "the room on the telemetry's disk");
            }
            self.full = full;
        }
        self.full
    }

    /// Takes what is there, and waits a moment for more when there was a crowd.
    fn gather(&mut self, inbox: &mpsc::Receiver<Request>, requests: &mut Vec<Request>) {
        let points = |requests: &[Request]| -> usize {
            requests.iter().map(|r| if let Request::Append { batch, .. } = r { batch.len() } else { 0 }).sum()
        };
        let window = StdDuration::from_millis(u64::from(self.shared.options.commit_window_ms.min(50)));
        let until = Instant::now() + window;
        while points(requests) < GROUP_POINTS_MAX {
            let more = match inbox.try_recv() {
                Ok(more) => Some(more),
                Err(_) if self.crowded => inbox.recv_timeout(until.saturating_duration_since(Instant::now())).ok(),
                Err(_) => None,
            };
            match more {
                Some(more) => requests.push(more),
                None => break,
            }
        }
        self.crowded = requests.len() > 1;
    }

    fn serve(&mut self, requests: Vec<Request>) -> Result<()> {
        let mut group = Group::default();
        for request in requests {
            match request {
                Request::Append { batch, bulk: false, answer } => {
                    let receipt = self.decide(&mut group, batch)?;
                    group.answers.push((answer, receipt));
                }
                Request::Append { batch, bulk: true, answer } => {
                    self.commit(std::mem::take(&mut group))?;
                    let receipt = self.bulk(batch)?;
                    answer.send(Ok(receipt));
                }
                Request::Flush(answer) => {
                    self.commit(std::mem::take(&mut group))?;
                    self.flush(Some(answer))?;
                }
            }
        }
        self.commit(group)?;
        let full = {
            let state = self.shared.read();
            state.head.points() >= self.shared.options.head_points_max
                || self.wal.bytes >= self.shared.options.wal_bytes_max
        };
        if full { self.flush(None) } else { Ok(()) }
    }

    /// Sorts a batch into new, duplicate, conflict and refused. What is new goes into the group at its position.
    fn decide(&mut self, group: &mut Group, batch: Vec<Point>) -> Result<Receipt> {
        let mut receipt = Receipt { position: Position(0), outcomes: Vec::with_capacity(batch.len()) };
        let accepted_before = group.accepted.len();
        for point in batch {
            group.points += 1;
            let outcome = self.decide_one(group, point)?;
            receipt.outcomes.push(outcome);
        }
        let new = &group.accepted[accepted_before..];
        receipt.position = match new.last() {
            Some((_, stored)) => stored.position,
            None => self.shared.read().position,
        };
        if !new.is_empty() {
            wal::encode(&Record::Points(new.to_vec()), &mut group.frames);
        }
        Ok(receipt)
    }

    fn decide_one(&mut self, group: &mut Group, point: Point) -> Result<Outcome> {
        let Some((no, sample)) = self.admit(group, point) else {
            group.rejected += 1;
            return Ok(Outcome::Rejected);
        };
        match self.known(group, no, &sample)? {
            None => {
                let position = Position::new(self.epoch, self.next_offset);
                self.next_offset += 1;
                // Visible to the next points of this group, and to readers only after the sync.
                group.index.insert((no, sample.source_time, sample.sequence), group.accepted.len());
                group.accepted.push((no, Stored { position, sample }));
                Ok(Outcome::Accepted)
            }
            Some(kept) if same_value(&kept.sample.value, &sample.value) => {
                group.duplicates += 1;
                Ok(Outcome::Duplicate)
            }
            Some(kept) => {
                let known = self.shared.conflicts.lock().unwrap_or_else(|p| p.into_inner()).known(no, &sample);
                if !known {
                    group.conflicts.push(Conflict { series: no, kept, refused: sample });
                }
                Ok(Outcome::Conflict)
            }
        }
    }

    /// The series' number and the sample in the series' type, or a refusal.
    fn admit(&mut self, group: &mut Group, point: Point) -> Option<(SeriesNo, Sample)> {
        let Point { series, mut sample } = point;
        let fine = match &sample.value {
            Value::F64(value) => value.is_finite(),
            Value::Str(text) => text.len() <= TEXT_BYTES_MAX,
            Value::I64(_) | Value::Bool(_) => true,
        };
        if !fine || series.property.is_empty() || series.property.len() > PROPERTY_BYTES_MAX {
            return None;
        }
        let found = {
            let state = self.shared.read();
            state.catalogue.find(&series).map(|no| (no, state.catalogue.get(no).value_type))
        };
        let (no, value_type) = match found {
            Some(found) => found,
            None => self.define(group, series, sample.value.value_type())?,
        };
        if sample.value.value_type() != value_type {
            sample.value = widened(&sample.value, value_type)?;
        }
        Some((no, sample))
    }

    fn define(&mut self, group: &mut Group, key: SeriesKey, value_type: ValueType) -> Option<(SeriesNo, ValueType)> {
        let mut state = self.shared.write();
        if state.catalogue.len() >= self.shared.options.series_max {
            return None;
        }
        let no = state.catalogue.define(key.clone(), value_type);
        wal::encode(&Record::Define { no, key, value_type }, &mut group.frames);
        Some((no, value_type))
    }

    /// The stored sample of this identity: in this group, in memory, or in a segment.
    fn known(&self, group: &Group, no: SeriesNo, sample: &Sample) -> Result<Option<Stored>> {
        let key = (sample.source_time, sample.sequence);
        if let Some(index) = group.index.get(&(no, key.0, key.1)) {
            return Ok(Some(group.accepted[*index].1.clone()));
        }
        let segments = {
            let state = self.shared.read();
            // Newer than everything stored: the usual case, decided without looking further.
            if state.catalogue.get(no).last < sample.source_time {
                return Ok(None);
            }
            if let Some(stored) = state.find_in_memory(no, key) {
                return Ok(Some(stored));
            }
            state.segments.clone()
        };
        let moment = Window { from: key.0, to: key.0 + kernel::Duration::from_micros(1) };
        for segment in segments.iter().rev() {
            for block in segment.blocks(no).iter().filter(|block| block.overlaps(moment)) {
                // A block that cannot be read might hold the point: storing it again would be a second effect.
                let samples = self.shared.cache.load(segment, block).map_err(|error| {
                    Error::corrupt("telemetry.segment.damaged", format!("{} is damaged", segment.name())).because(error)
                });
                match samples {
                    Ok(samples) => {
                        if let Ok(index) = samples.binary_search_by_key(&key, order) {
                            return Ok(Some(samples[index].clone()));
                        }
                    }
                    Err(error) => tracing::error!(?error, "a damaged block was left out of the search for duplicates"),
                }
            }
        }
        Ok(None)
    }

    /// Makes a group durable, then visible, then answers it.
    fn commit(&mut self, group: Group) -> Result<()> {
        if group.points == 0 && group.answers.is_empty() {
            return Ok(());
        }
        if !group.frames.is_empty() {
            self.wal.append(&group.frames).map_err(|error| refused("writing the log", &error))?;
            self.wal.sync().map_err(|error| refused("syncing the log", &error))?;
            self.shared.syncs.fetch_add(1, Ordering::Relaxed);
        }
        if !group.conflicts.is_empty() {
            let mut conflicts = self.shared.conflicts.lock().unwrap_or_else(|p| p.into_inner());
            conflicts.add(group.conflicts).map_err(|error| refused("writing conflict records", &error))?;
        }
        self.shared.duplicates.fetch_add(group.duplicates, Ordering::Relaxed);
        self.shared.rejected.fetch_add(group.rejected, Ordering::Relaxed);
        let listeners = self.shared.listeners.read().unwrap_or_else(|p| p.into_inner());
        let heard = if listeners.is_empty() { Vec::new() } else { self.named(&group.accepted) };
        {
            let mut state = self.shared.write();
            for (no, stored) in group.accepted {
                state.accept(no, stored);
            }
            state.wal_bytes = self.wal.bytes;
        }
        for (answer, receipt) in group.answers {
            answer.send(Ok(receipt));
        }
        if !heard.is_empty() {
            for listener in listeners.iter() {
                listener(&heard);
            }
        }
        Ok(())
    }

    fn named(&self, accepted: &[(SeriesNo, Stored)]) -> Vec<(SeriesKey, Stored)> {
        let state = self.shared.read();
        accepted.iter().map(|(no, stored)| (state.catalogue.get(*no).key.clone(), stored.clone())).collect()
    }

    /// History: ordered by series and written as a segment at once, without going through the log.
    fn bulk(&mut self, batch: Vec<Point>) -> Result<Receipt> {
        let mut group = Group::default();
        let mut newest: HashMap<SeriesNo, Timestamp> = HashMap::new();
        let mut outcomes = Vec::with_capacity(batch.len());
        let mut head = Head::default();
        let mut last = self.shared.read().position;
        for point in batch {
            let Some((no, sample)) = self.admit(&mut group, point) else {
                group.rejected += 1;
                outcomes.push(Outcome::Rejected);
                continue;
            };
            let at = sample.source_time;
            let seen = newest.entry(no).or_insert_with(|| self.shared.read().catalogue.get(no).last);
            let stored = if at > *seen {
                *seen = at;
                None
            } else {
                match head.find(no, (at, sample.sequence)) {
                    Some(stored) => Some(stored.clone()),
                    None => self.known(&group, no, &sample)?,
                }
            };
            outcomes.push(match stored {
                None => {
                    last = Position::new(self.epoch, self.next_offset);
                    self.next_offset += 1;
                    head.insert(no, Stored { position: last, sample });
                    Outcome::Accepted
                }
                Some(kept) if same_value(&kept.sample.value, &sample.value) => {
                    group.duplicates += 1;
                    Outcome::Duplicate
                }
                Some(kept) => {
                    group.conflicts.push(Conflict { series: no, kept, refused: sample });
                    Outcome::Conflict
                }
            });
        }
        // Definitions and conflicts take the ordinary way; the points are in the segment.
        group.points = outcomes.len();
        self.commit(group)?;
        if head.points() > 0 {
            crate::merge::publish(&self.shared, &head, self.next_offset, None)?;
            let mut state = self.shared.write();
            for (no, samples) in head.sorted() {
                let (first, newest) = (&samples[0], &samples[samples.len() - 1]);
                state.catalogue.stored(no, samples.len() as u64, first.sample.source_time, newest.sample.source_time);
                state.note_latest(no, newest);
            }
            state.position = state.position.max(last);
        }
        Ok(Receipt { position: last, outcomes })
    }

    /// Freezes the head and begins a new log file; the merger writes the segment and then drops the old files.
    fn flush(&mut self, answer: Option<oneshot::Sender<Result<()>>>) -> Result<()> {
        let index = self.wal.index + 1;
        self.wal = Wal::create(&self.shared.folder, index).map_err(|error| refused("beginning a log file", &error))?;
        let frozen = {
            let mut state = self.shared.write();
            let frozen = Arc::new(std::mem::take(&mut state.head));
            state.frozen.push(frozen.clone());
            state.wal_bytes = self.wal.bytes;
            frozen
        };
        let flush = Flush { head: frozen, wal_from: index, next_offset: self.next_offset, answer };
        self.flushes.send(flush).map_err(|_| stopped())
    }

    fn close(&mut self) -> Result<()> {
        let mut frames = Vec::new();
        wal::encode(&Record::Closed, &mut frames);
        self.wal.append(&frames).map_err(|error| refused("closing the log", &error))?;
        self.wal.sync().map_err(|error| refused("closing the log", &error))
    }

    fn stop(&self, error: &Error) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        tracing::error!(?error, "the telemetry store stops: it cannot promise durability any more");
        (self.shared.options.on_fatal)(error);
    }
}

/// Equality by bits: 0.0 and −0.0 are two values, and nothing is equal to NaN because there is none.
pub(crate) fn same_value(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::F64(a), Value::F64(b)) => a.to_bits() == b.to_bits(),
        _ => a == b,
    }
}

/// An integer in a float series, when it is exact.
fn widened(value: &Value, to: ValueType) -> Option<Value> {
    match (value, to) {
        (Value::I64(v), ValueType::F64) if v.unsigned_abs() <= 1 << 53 => Some(Value::F64(*v as f64)),
        _ => None,
    }
}
