//! A child process appends and says what was acknowledged; it is killed at a random moment; everything it said is there.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
    time::Duration,
};

use contracts::telemetry::{Position, RangeQuery, TelemetryStore};
use kernel::Window;
use telemetry::conformance::{point, wait};

use crate::{open, small};

const CHILD: &str = "TELEMETRY_KILL_CHILD";

/// Not a test of its own: what the child process runs.
#[test]
fn child() {
    let Ok(setting) = std::env::var(CHILD) else { return };
    let (folder, from) = setting.rsplit_once('|').unwrap();
    let store = open(folder.as_ref(), telemetry::Options { head_points_max: 300, ..small() });
    let mut out = std::io::stdout().lock();
    for n in from.parse::<i64>().unwrap().. {
        wait(store.append(vec![point("a", n * 2, n as f64), point("a", n * 2 + 1, n as f64)])).unwrap();
        writeln!(out, "acknowledged {n}").unwrap();
        out.flush().unwrap();
    }
}

#[test]
fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let (mut next, mut acknowledged) = (0, -1);
    for round in 0..8u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["kill::child", "--exact", "--nocapture", "--test-threads=1"])
            .env(CHILD, format!("{}|{next}", folder.path().display()))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        let reader = std::thread::spawn(move || {
            let said = lines.lines().map_while(Result::ok);
            said.filter_map(|line| line.split("acknowledged ").nth(1)?.trim().parse::<i64>().ok()).max()
        });
        std::thread::sleep(Duration::from_millis(150 + round * 70 % 300));
        child.kill().unwrap();
        child.wait().unwrap();
        acknowledged = reader.join().unwrap().unwrap_or(acknowledged).max(acknowledged);

        let store = open(folder.path(), small());
        let window =
            Window { from: point("a", 0, 0.0).sample.source_time, to: point("a", 10_000_000, 0.0).sample.source_time };
        let query = RangeQuery { series: point("a", 0, 0.0).series, window, as_of: Position::MAX, limit: usize::MAX };
        let found = store.range(&query).unwrap();
        let kept = found.samples.len() as i64;
        assert!(
            kept >= (acknowledged + 1) * 2,
            "round {round}: {kept} points for {} acknowledged pairs",
            acknowledged + 1
        );
        assert!(kept % 2 == 0, "a batch is there as a whole or not at all");
        assert!(found.samples.windows(2).all(|pair| pair[0].position < pair[1].position));
        assert!(store.scrub().unwrap().is_empty());
        next = kept / 2;
    }
    assert!(acknowledged > 20, "the child got to {acknowledged} only");
}
