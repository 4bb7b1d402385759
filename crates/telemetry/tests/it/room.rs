//! A full disk is a refusal: nothing is half-written, reading goes on, and so does writing when there is room again.

use std::{
    io,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use contracts::telemetry::TelemetryStore;
use telemetry::{
    Options,
    conformance::{point, wait},
};

use crate::{open, small};

static ROOM: AtomicU64 = AtomicU64::new(u64::MAX);

fn room(_: &Path) -> io::Result<u64> {
    Ok(ROOM.load(Ordering::SeqCst))
}

#[test]
fn a_full_disk_refuses_and_recovers_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), Options { room, reserve_bytes: 1000, ..small() });
    wait(store.append(vec![point("a", 1, 1.0)])).unwrap();
    ROOM.store(999, Ordering::SeqCst);
    std::thread::sleep(Duration::from_millis(600));
    for n in 2..5 {
        let refused = wait(store.append(vec![point("a", n, 1.0)])).unwrap_err();
        assert_eq!(refused.code, "telemetry.store.full");
    }
    assert_eq!(store.latest(&point("a", 0, 0.0).series).unwrap().sample, point("a", 1, 1.0).sample);
    ROOM.store(1000, Ordering::SeqCst);
    std::thread::sleep(Duration::from_millis(600));
    wait(store.append(vec![point("a", 2, 2.0)])).unwrap();
    assert_eq!(store.stats().points, 2, "what was refused is not there, what was accepted is");
}
