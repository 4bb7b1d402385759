//! Logs cut at every byte, and single bytes flipped anywhere: nothing acknowledged is lost silently, nothing wrong is served.

#![expect(clippy::disallowed_methods, reason = "the tests damage files on purpose")]

use std::{fs, path::Path};

use contracts::telemetry::{Position, RangeQuery, Stored, TelemetryStore};
use kernel::Window;
use telemetry::conformance::{point, wait};

use crate::{open, small};

fn all(store: &dyn TelemetryStore) -> (Vec<Stored>, bool) {
    let window = Window { from: point("a", 0, 0.0).sample.source_time, to: point("a", 10_000, 0.0).sample.source_time };
    let answer = store
        .range(&RangeQuery { series: point("a", 0, 0.0).series, window, as_of: Position::MAX, limit: usize::MAX })
        .unwrap();
    (answer.samples, answer.complete)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

fn file(folder: &Path, prefix: &str) -> std::path::PathBuf {
    let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.retain(|path| path.file_name().unwrap().to_string_lossy().starts_with(prefix));
    names.sort();
    names.pop().unwrap()
}

#[test]
fn a_log_cut_anywhere_gives_an_exact_prefix() {
    let folder = tempfile::tempdir().unwrap();
    let live = folder.path().join("live");
    let store = open(&live, telemetry::Options { head_points_max: 1_000_000, ..small() });
    for n in 0..200 {
        wait(store.append(vec![point("a", n, n as f64)])).unwrap();
    }
    // Taken while it is open: as a crash would leave it, without the closing mark.
    let crashed = folder.path().join("crashed");
    copy(&live, &crashed);
    drop(store);
    let log = file(&crashed, "wal-");
    let bytes = fs::read(&log).unwrap();
    for cut in (bytes.len().saturating_sub(700)..=bytes.len()).rev() {
        let place = folder.path().join("cut");
        copy(&crashed, &place);
        fs::write(place.join(log.file_name().unwrap()), &bytes[..cut]).unwrap();
        let store = open(&place, small());
        let (found, complete) = all(&*store);
        let values: Vec<f64> = found.iter().filter_map(|stored| stored.sample.value.number()).collect();
        assert!(complete && values.iter().enumerate().all(|(n, value)| *value == n as f64), "cut at {cut}");
        assert!(values.len() >= 180, "cut at {cut} left {}", values.len());
        // What comes next gets positions that were never given.
        let next = wait(store.append(vec![point("a", 5_000, 0.0)])).unwrap().position;
        assert!(next > Position::new(1, 201), "{next:?}");
        drop(store);
        fs::remove_dir_all(&place).unwrap();
    }
}

#[test]
fn a_flipped_byte_is_found_and_never_served() {
    let folder = tempfile::tempdir().unwrap();
    let sound = folder.path().join("sound");
    let store = open(&sound, small());
    for n in 0..30 {
        wait(store.append((0..10).map(|m| point("a", n * 10 + m, (n * 10 + m) as f64)).collect())).unwrap();
    }
    wait(store.flush()).unwrap();
    wait(store.append((300..310).map(|n| point("a", n, n as f64)).collect())).unwrap();
    wait(store.append((310..320).map(|n| point("a", n, n as f64)).collect())).unwrap();
    drop(store);
    for prefix in ["seg-", "wal-", "manifest"] {
        let name = file(&sound, prefix).file_name().unwrap().to_owned();
        let bytes = fs::read(sound.join(&name)).unwrap();
        // The log's last frame is the closing mark: damaged, it looks like a write that a crash cut short, and holds no data.
        let end = if prefix == "wal-" { bytes.len() - 11 } else { bytes.len() };
        for at in (0..end).step_by(bytes.len() / 60 + 1) {
            let place = folder.path().join("flipped");
            copy(&sound, &place);
            let mut changed = bytes.clone();
            changed[at] ^= 0x10;
            fs::write(place.join(&name), changed).unwrap();
            match telemetry::Engine::open(&place, small()) {
                // The manifest is needed to start: refusing is the right answer.
                Err(error) => assert_eq!(error.code, "telemetry.store.damaged", "{prefix} at {at}"),
                Ok(store) => {
                    let damage = store.scrub().unwrap();
                    assert!(!damage.is_empty(), "{prefix} at {at} was not found");
                    assert!(damage.iter().any(|d| *d.file == *name.to_string_lossy()), "{damage:?}");
                    let (found, complete) = all(&*store);
                    let missing = found.len() < 320;
                    assert!(
                        prefix != "seg-" || !(missing && complete),
                        "{prefix} at {at}: {} and complete",
                        found.len()
                    );
                    for stored in &found {
                        let n =
                            (stored.sample.source_time - point("a", 0, 0.0).sample.source_time).micros() / 1_000_000;
                        assert_eq!(
                            stored.sample.value.number(),
                            Some(n as f64),
                            "{prefix} at {at} served a wrong value"
                        );
                    }
                }
            }
            fs::remove_dir_all(&place).unwrap();
        }
    }
}
