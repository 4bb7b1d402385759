//! The store's promises: conformance, a model, torn logs, flipped bytes, sudden ends. One target, linked once.

mod damage;
mod kill;
mod model;
mod room;

use std::{path::Path, sync::Arc};

use contracts::telemetry::TelemetryStore;
use telemetry::{Engine, Options, conformance};

/// Small heads, so that flushes and merges happen all the time.
pub fn small() -> Options {
    Options { head_points_max: 50, commit_window_ms: 0, ..Options::default() }
}

pub fn open(folder: &Path, options: Options) -> Arc<Engine> {
    Engine::open(folder, options).unwrap()
}

#[test]
fn the_engine_conforms() {
    let folder = tempfile::tempdir().unwrap();
    conformance::run(&|place| open(place, Options::default()) as Arc<dyn TelemetryStore>, folder.path());
}

#[test]
fn the_engine_conforms_when_it_flushes_all_the_time() {
    let folder = tempfile::tempdir().unwrap();
    let tiny = || Options { head_points_max: 2, ..small() };
    conformance::run(&|place| open(place, tiny()) as Arc<dyn TelemetryStore>, folder.path());
}

#[test]
fn a_second_process_is_kept_out() {
    let folder = tempfile::tempdir().unwrap();
    let _first = open(folder.path(), small());
    assert_eq!(Engine::open(folder.path(), small()).err().unwrap().code, "telemetry.store.in-use");
}

#[test]
fn appenders_share_syncs() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), Options::default());
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let store = store.clone();
            scope.spawn(move || {
                for n in 0..50 {
                    let point = conformance::point(&format!("p{thread}"), n, n as f64);
                    conformance::wait(store.append(vec![point])).unwrap();
                }
            });
        }
    });
    let stats = store.stats();
    assert_eq!(stats.points, 400);
    assert!(stats.syncs < 400, "{} syncs for 400 appends", stats.syncs);
}

#[test]
fn many_flushes_leave_few_segments() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), small());
    for n in 0..60 {
        conformance::wait(store.append((0..50).map(|m| conformance::point("a", n * 50 + m, m as f64)).collect()))
            .unwrap();
        conformance::wait(store.flush()).unwrap();
    }
    assert!(store.stats().segments < 20, "{:?}", store.stats());
    assert_eq!(store.stats().points, 3000);
    drop(store);
    let store = open(folder.path(), small());
    assert_eq!(store.stats().points, 3000);
    assert!(store.scrub().unwrap().is_empty());
}
