//! Recorded series through the same sockets. Real sets are played only where `BAIGONG_DATA_SET` names their folder.

use std::{io::Write as _, path::Path};

use crate::common::{TestClock, broker, eventually};
use kernel::{Duration, Timestamp};
use serde_json::Value as Json;
use simulator::{
    Protocol, Target,
    replay::{Align, ReplayConfig, ReplayOptions, open, run},
};

fn now() -> Timestamp {
    "2026-06-10T03:00:00Z".parse().unwrap()
}

#[expect(clippy::disallowed_methods, reason = "a throw-away file of a test needs no fsync")]
fn put(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    if name.ends_with(".gz") {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(text.as_bytes()).unwrap();
        std::fs::write(path, gz.finish().unwrap()).unwrap();
    } else {
        std::fs::write(path, text).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_of_recordings_is_played_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let rig: String =
        (0..50).map(|s| format!("2020-03-01 15:44:{:02};{:.2};0.0\n", s, 0.38 + f64::from(s) / 100.0)).collect();
    put(folder.path(), "rig/1.csv.gz", &format!("datetime;Pressure [bar];anomaly\n{rig}"));
    put(
        folder.path(),
        "temperature.csv",
        "timestamp,value\n2014-04-01 00:00:00,71.5\n2014-04-01 00:00:05,\n2014-04-01 00:00:10,72.25\n",
    );
    put(folder.path(), "README.md", "not a series");
    put(folder.path(), "labels.csv", "112\n98\n");
    let found = open(folder.path(), &ReplayOptions::default()).unwrap();
    let names: Vec<_> = found.recordings.iter().map(|r| (r.name.as_str(), r.rows(), r.length())).collect();
    assert_eq!(names, [("rig-1", 50, Duration::from_secs(49)), ("temperature", 2, Duration::from_secs(10))]);
    assert_eq!(found.left_out.len(), 1, "{:?}", found.left_out);

    let heard = crate::common::Heard::default();
    let (mqtt, task) = broker("127.0.0.1:0".parse().unwrap(), heard.clone()).await;
    let target = Target { mqtt, http: mqtt, speed: 100.0, seed: 1, clock: TestClock::starting(now()), ledger: None };
    let recordings = found.recordings.into_iter().map(|r| (r, "token".to_owned())).collect();
    let mut handle =
        run(ReplayConfig { recordings, protocol: Protocol::MqttV5, target, align: Align::EndNow }).await.unwrap();
    eventually("the end of both recordings", || handle.finished()).await;
    let counters = handle.stop().await.unwrap();
    task.abort();
    assert_eq!((counters.points, counters.refused), (102, 0));

    let mut pressures = Vec::new();
    for (client, _, body) in heard.lock().unwrap().iter() {
        let message: Json = serde_json::from_slice(body).unwrap();
        for set in message.as_array().cloned().unwrap_or_else(|| vec![message.clone()]) {
            if client == "sim-replay-rig-1" {
                pressures.push((set["ts"].as_i64().unwrap(), set["values"]["pressure"].as_f64().unwrap()));
            } else {
                assert!(set["values"]["temperature"].as_f64().unwrap() > 71.0);
            }
        }
    }
    let expected: Vec<_> = (0..50)
        .map(|s| (now().millis() - 49_000 + s * 1000, format!("{:.2}", 0.38 + s as f64 / 100.0).parse().unwrap()))
        .collect();
    assert_eq!(pressures, expected);
}

#[test]
fn folders_without_series_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(
        open(&folder.path().join("nowhere"), &ReplayOptions::default()).unwrap_err().code,
        "simulator.replay.unreadable"
    );
    put(folder.path(), "broken.csv.gz", "");
    put(folder.path(), "noise.csv", "a,b\n1\n2,3,4\n");
    let refused = open(folder.path(), &ReplayOptions::default()).unwrap_err();
    assert_eq!(refused.code, "simulator.replay.empty");
}

#[tokio::test]
async fn modbus_cannot_carry_a_recording() {
    let any = "127.0.0.1:0".parse().unwrap();
    let target = Target { mqtt: any, http: any, speed: 1.0, seed: 1, clock: TestClock::starting(now()), ledger: None };
    let config = ReplayConfig { recordings: Vec::new(), protocol: Protocol::ModbusTcp, target, align: Align::StartNow };
    assert_eq!(run(config).await.err().unwrap().code, "simulator.run.malformed");
}

#[test]
fn real_sets_are_understood() {
    let Some(folder) = std::env::var_os("BAIGONG_DATA_SET") else {
        println!("skipped: BAIGONG_DATA_SET is not set");
        return;
    };
    let found = open(Path::new(&folder), &ReplayOptions { recordings_max: 1000, ..ReplayOptions::default() }).unwrap();
    for recording in &found.recordings {
        let first: Vec<_> =
            recording.properties.iter().take(4).map(|p| format!("{}:{:?}:{:?}", p.id, p.value_type, p.unit)).collect();
        println!(
            "{} {} rows, {} columns, {:.0} s: {}",
            recording.file.display(),
            recording.rows(),
            recording.properties.len(),
            recording.length().as_secs_f64(),
            first.join(" ")
        );
        assert!(recording.rows() >= 1 && !recording.properties.is_empty());
        serde_json::from_str::<Json>(&recording.thing_model()).unwrap();
    }
    for (file, why) in &found.left_out {
        println!("left out {}: {why}", file.display());
    }
}
