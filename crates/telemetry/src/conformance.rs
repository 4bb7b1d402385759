//! What any engine behind [`TelemetryStore`] must do: a list of named checks, run against a fresh store each.
//!
//! ```no_run
//! let folder = std::path::Path::new("/tmp/engine-under-test");
//! telemetry::conformance::run(&|at| telemetry::Engine::open(at, telemetry::Options::default()).unwrap(), folder);
//! ```

use std::{
    future::Future,
    path::Path,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::Thread,
};

use contracts::telemetry::{
    Outcome, Point, Position, Quality, RangeQuery, Sample, SeriesKey, Stored, TelemetryStore, Value,
};
use kernel::{Duration, SeededChance, Timestamp, Window, id::AssetId};

/// Opens a store in a folder; opening it again must show what was durable.
pub type Make<'a> = &'a dyn Fn(&Path) -> Arc<dyn TelemetryStore>;

/// A named check.
pub type Check = (&'static str, fn(Make<'_>, &Path));

/// Every check.
pub const CHECKS: &[Check] = &[
    ("what was acknowledged is there after reopening", acknowledged_is_kept),
    ("sending again changes nothing", sending_again),
    ("another value for the same identity is kept as conflict", conflicts),
    ("ranges are ordered and half open", ranges),
    ("as of a position, later points are not seen", as_of),
    ("the last value before a moment", last_before),
    ("periods agree with folding the samples", aggregate),
    ("refused points do not refuse their neighbours", refusals),
    ("positions increase for ever", positions),
    ("bulk history obeys the same rules", bulk),
    ("listeners hear what is durable", listeners),
    ("all types survive", types),
];

/// Runs every check in a folder of its own; panics with the name of the first that fails.
pub fn run(make: Make<'_>, folder: &Path) {
    for (index, (name, check)) in CHECKS.iter().enumerate() {
        let place = folder.join(format!("check-{index}"));
        eprintln!("conformance: {name}");
        check(make, &place);
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for a future on this thread.
pub fn wait<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::park(),
        }
    }
}

fn asset(number: u64) -> AssetId {
    AssetId::at(Timestamp::default(), &SeededChance::new(number))
}

fn key(property: &str) -> SeriesKey {
    SeriesKey::new(asset(1), property)
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(1_700_000_000_000_000 + seconds * 1_000_000)
}

/// A good float sample of a property at a second.
pub fn point(property: &str, seconds: i64, value: f64) -> Point {
    let sample = Sample {
        source_time: at(seconds),
        receive_time: at(seconds + 1),
        value: Value::F64(value),
        quality: Quality::Good,
        sequence: 0,
    };
    Point { series: key(property), sample }
}

fn append(store: &Arc<dyn TelemetryStore>, batch: Vec<Point>) -> Vec<Outcome> {
    wait(store.append(batch)).expect("the append is acknowledged").outcomes
}

fn all(store: &Arc<dyn TelemetryStore>, property: &str) -> Vec<Stored> {
    let window = Window { from: at(-1_000_000), to: at(1_000_000) };
    let query = RangeQuery { series: key(property), window, as_of: Position::MAX, limit: usize::MAX };
    let answer = store.range(&query).expect("the range is read");
    assert!(answer.complete && answer.damaged.is_empty());
    answer.samples
}

fn numbers(samples: &[Stored]) -> Vec<f64> {
    samples.iter().filter_map(|stored| stored.sample.value.number()).collect()
}

fn acknowledged_is_kept(make: Make<'_>, folder: &Path) {
    for round in 0..4 {
        let store = make(folder);
        assert_eq!(all(&store, "a").len(), round * 3);
        let seconds = round as i64 * 10;
        append(&store, (0..3).map(|n| point("a", seconds + n, n as f64)).collect());
        assert_eq!(store.latest(&key("a")).map(|stored| stored.sample.source_time), Some(at(seconds + 2)));
    }
    let store = make(folder);
    assert_eq!(store.series(asset(1))[0].count, 12);
    assert_eq!(store.latest(&key("a")).map(|stored| stored.sample.source_time), Some(at(32)));
    assert!(store.scrub().expect("the scrub runs").is_empty());
}

fn sending_again(make: Make<'_>, folder: &Path) {
    let batch = || vec![point("a", 1, 1.0), point("a", 2, 2.0), point("a", 1, 1.0)];
    let store = make(folder);
    assert_eq!(append(&store, batch()), [Outcome::Accepted, Outcome::Accepted, Outcome::Duplicate]);
    assert_eq!(append(&store, batch()), [Outcome::Duplicate; 3]);
    drop(store);
    let store = make(folder);
    assert_eq!(append(&store, batch()), [Outcome::Duplicate; 3]);
    assert_eq!(all(&store, "a").len(), 2);
}

fn conflicts(make: Make<'_>, folder: &Path) {
    let store = make(folder);
    append(&store, vec![point("a", 1, 1.0)]);
    assert_eq!(append(&store, vec![point("a", 1, 9.0), point("a", 1, 9.0)])[0], Outcome::Conflict);
    assert_eq!(
        append(&store, vec![point("a", 1, -0.0), point("a", 3, 0.0), point("a", 3, -0.0)])[2],
        Outcome::Conflict
    );
    assert_eq!(numbers(&all(&store, "a")), [1.0, 0.0]);
    drop(store);
    let store = make(folder);
    let records = store.conflicts(asset(1), 10);
    assert!(records.iter().any(|c| c.kept.sample.value == Value::F64(1.0) && c.refused.value == Value::F64(9.0)));
    // The sequence is part of the identity.
    let mut other = point("a", 1, 7.0);
    other.sample.sequence = 5;
    assert_eq!(append(&store, vec![other]), [Outcome::Accepted]);
}

fn ranges(make: Make<'_>, folder: &Path) {
    let store = make(folder);
    append(&store, [5, 1, 3, 2, 4].map(|n| point("a", n, n as f64)).to_vec());
    assert_eq!(numbers(&all(&store, "a")), [1.0, 2.0, 3.0, 4.0, 5.0]);
    let query = |from, to, limit| {
        let query =
            RangeQuery { series: key("a"), window: Window { from: at(from), to: at(to) }, as_of: Position::MAX, limit };
        store.range(&query).expect("the range is read")
    };
    assert_eq!(numbers(&query(2, 4, 10).samples), [2.0, 3.0]);
    let cut = query(1, 6, 2);
    assert_eq!((numbers(&cut.samples), cut.complete), (vec![1.0, 2.0], false));
    let none =
        RangeQuery { series: key("none"), window: Window { from: at(0), to: at(9) }, as_of: Position::MAX, limit: 9 };
    assert!(store.range(&none).expect("an unknown series is empty").samples.is_empty());
}

fn as_of(make: Make<'_>, folder: &Path) {
    let store = make(folder);
    let first = wait(store.append(vec![point("a", 1, 1.0), point("a", 3, 3.0)])).expect("acknowledged");
    append(&store, vec![point("a", 2, 2.0)]);
    let query =
        RangeQuery { series: key("a"), window: Window { from: at(0), to: at(9) }, as_of: first.position, limit: 10 };
    assert_eq!(numbers(&store.range(&query).expect("the range is read").samples), [1.0, 3.0]);
    let known_then = store.last_before(&key("a"), at(2), first.position).expect("read");
    assert_eq!(known_then.and_then(|stored| stored.sample.value.number()), Some(1.0));
}

fn last_before(make: Make<'_>, folder: &Path) {
    let store = make(folder);
    append(&store, (1..=5).map(|n| point("a", n * 10, n as f64)).collect());
    let last = |seconds| {
        store.last_before(&key("a"), at(seconds), Position::MAX).expect("read").and_then(|s| s.sample.value.number())
    };
    assert_eq!((last(9), last(10), last(49), last(1000)), (None, Some(1.0), Some(4.0), Some(5.0)));
}

fn aggregate(make: Make<'_>, folder: &Path) {
    let store = make(folder);
    let mut batch: Vec<Point> = (0..100).map(|n| point("a", n, f64::from(n as i32 % 7))).collect();
    batch[50].sample.quality = Quality::Bad;
    append(&store, batch);
    let window = Window { from: at(5), to: at(95) };
    let buckets = store.aggregate(&key("a"), window, Duration::from_secs(10)).expect("aggregated").buckets;
    assert_eq!(buckets.len(), 9);
    for (index, bucket) in buckets.iter().enumerate() {
        let from = 5 + index as i64 * 10;
        let values: Vec<f64> = (from..from + 10).filter(|n| *n != 50).map(|n| (n % 7) as f64).collect();
        assert_eq!((bucket.start, bucket.count), (at(from), values.len() as u64));
        assert_eq!((bucket.first, bucket.last), (values[0], values[values.len() - 1]));
        assert_eq!(bucket.sum, values.iter().sum::<f64>());
        assert_eq!(bucket.max, values.iter().copied().fold(f64::MIN, f64::max));
        assert_eq!(bucket.min, values.iter().copied().fold(f64::MAX, f64::min));
    }
    assert!(store.aggregate(&key("a"), window, Duration::from_micros(1)).is_err());
}

fn refusals(make: Make<'_>, folder: &Path) {
    let store = make(folder);
    let mut text = point("a", 4, 0.0);
    text.sample.value = Value::Str("word".into());
    let mut whole = point("a", 5, 0.0);
    whole.sample.value = Value::I64(7);
    let batch = vec![point("a", 1, 1.0), point("a", 2, f64::NAN), point("a", 3, f64::INFINITY), text, whole];
    let outcomes = append(&store, batch);
    assert_eq!(
        outcomes,
        [Outcome::Accepted, Outcome::Rejected, Outcome::Rejected, Outcome::Rejected, Outcome::Accepted]
    );
    assert_eq!(numbers(&all(&store, "a")), [1.0, 7.0]);
}

fn positions(make: Make<'_>, folder: &Path) {
    let mut last = Position(0);
    for round in 0..5 {
        let store = make(folder);
        for n in 0..3 {
            let receipt = wait(store.append(vec![point("a", round * 10 + n, 0.0)])).expect("acknowledged");
            assert!(receipt.position > last, "{:?} after {last:?}", receipt.position);
            last = receipt.position;
        }
        let stored = all(&store, "a");
        assert!(stored.windows(2).all(|pair| pair[0].position < pair[1].position));
    }
}

fn bulk(make: Make<'_>, folder: &Path) {
    let store = make(folder);
    append(&store, vec![point("a", 500, 1.0)]);
    let batch = || (0..2_000).map(|n| point(if n % 2 == 0 { "a" } else { "b" }, n, n as f64)).collect::<Vec<_>>();
    let outcomes = wait(store.append_bulk(batch())).expect("acknowledged").outcomes;
    assert_eq!(outcomes.iter().filter(|o| **o == Outcome::Conflict).count(), 1);
    assert!(wait(store.append_bulk(batch())).expect("acknowledged").outcomes.iter().all(|o| *o != Outcome::Accepted));
    drop(store);
    let store = make(folder);
    assert_eq!((all(&store, "a").len(), all(&store, "b").len()), (1_000, 1_000));
    assert!(append(&store, batch()).iter().all(|outcome| *outcome != Outcome::Accepted));
}

fn listeners(make: Make<'_>, folder: &Path) {
    let store = make(folder);
    let heard = Arc::new(std::sync::Mutex::new(Vec::new()));
    let notes = heard.clone();
    store.listen(Box::new(move |batch| {
        let mut notes = notes.lock().expect("the notes are not poisoned");
        notes.extend(batch.iter().map(|(key, stored)| (key.clone(), stored.position)));
    }));
    append(&store, vec![point("a", 1, 1.0), point("a", 1, 1.0), point("b", 1, 2.0)]);
    append(&store, vec![point("a", 1, 1.0)]);
    append(&store, vec![point("a", 2, 1.0)]);
    // Listeners may hear a moment after the answer.
    for _ in 0..200 {
        if heard.lock().expect("the notes are not poisoned").len() >= 3 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let heard = heard.lock().expect("the notes are not poisoned");
    assert_eq!(heard.iter().map(|(key, _)| &*key.property).collect::<Vec<_>>(), ["a", "b", "a"]);
    assert!(heard.windows(2).all(|pair| pair[0].1 < pair[1].1));
}

fn types(make: Make<'_>, folder: &Path) {
    let values = |n: i64| {
        [
            ("f", Value::F64(n as f64 / 3.0)),
            ("i", Value::I64(i64::MAX - n)),
            ("b", Value::Bool(n % 3 == 0)),
            ("s", Value::Str(format!("报警 {n}").into())),
        ]
    };
    let store = make(folder);
    for n in 0..50 {
        let batch = values(n).map(|(property, value)| {
            let mut point = point(property, n, 0.0);
            point.sample.value = value;
            point.sample.quality = [Quality::Good, Quality::Uncertain, Quality::Bad][(n % 3) as usize];
            point.sample.sequence = n as u64 * 7;
            point
        });
        append(&store, batch.to_vec());
    }
    drop(store);
    let store = make(folder);
    for n in 0..50 {
        for (property, value) in values(n) {
            let stored = &all(&store, property)[n as usize];
            assert_eq!((&stored.sample.value, stored.sample.sequence), (&value, n as u64 * 7));
        }
    }
}
