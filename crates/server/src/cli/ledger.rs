//! The acknowledgement ledger against the store: the verdict of the crash test.

use std::{collections::BTreeMap, path::Path, process::ExitCode, time::Duration as StdDuration};

use contracts::telemetry::{Position, RangeQuery, SeriesKey, TelemetryStore, Value};
use kernel::{Duration, Error, Result, Timestamp, Window};
use serde_json::json;
use simulator::live::{AckLedger, Fate};
use telemetry::{Engine, Options};

use crate::{config::Config, platform::telemetry_folder, scenario::Registered};

#[derive(Default)]
struct Verdict {
    acknowledged: u64,
    lost: u64,
    wrong: u64,
    twice: u64,
}

/// Every acknowledged point must be stored with its value, and no identity may be stored twice.
pub async fn check(config: Config, ledger: &Path, as_json: bool) -> Result<ExitCode> {
    let park = std::fs::read(config.data.join("demo-park.json")).map_err(|error| {
        Error::not_found("server.ledger.park", "there is no demo-park.json in the data directory").because(error)
    })?;
    let registered: Registered = serde_json::from_slice(&park)
        .map_err(|error| Error::corrupt("server.ledger.park", "demo-park.json cannot be read").because(error))?;
    let started = std::time::Instant::now();
    let store = Engine::open(&telemetry_folder(&config), Options::default())?;
    let opened = started.elapsed();

    let mut wanted: BTreeMap<SeriesKey, BTreeMap<Timestamp, Value>> = BTreeMap::new();
    let mut verdict = Verdict::default();
    for entry in AckLedger::read(ledger)? {
        if entry.fate != Fate::Acknowledged {
            continue;
        }
        let Some((company, code)) = entry.machine.split_once('/') else { continue };
        // A recorded series is named by its machine and speaks in its properties.
        if company == "replay" {
            let asset = code.parse()?;
            for (at, metric, value) in entry.points()? {
                verdict.acknowledged += 1;
                wanted.entry(SeriesKey::new(asset, metric.as_str())).or_default().insert(at, value);
            }
            continue;
        }
        let (asset, spec) = registered.machine(company, code)?;
        for (at, metric, value) in entry.points()? {
            let Some(mapping) = spec.metrics.iter().find(|known| known.metric == metric) else { continue };
            verdict.acknowledged += 1;
            let scaled = match value.number() {
                Some(number) if (mapping.scale, mapping.offset) != (1.0, 0.0) => {
                    Value::F64(number * mapping.scale + mapping.offset)
                }
                _ => value,
            };
            wanted.entry(SeriesKey::new(asset, mapping.property.as_str())).or_default().insert(at, scaled);
        }
    }
    for (series, points) in &wanted {
        compare(&store, series, points, &mut verdict)?;
    }
    let damage = store.scrub()?;
    let ok =
        verdict.lost + verdict.wrong + verdict.twice == 0 && damage.is_empty() && opened < StdDuration::from_secs(30);
    let answer = json!({
        "ok": ok,
        "acknowledged_points": verdict.acknowledged,
        "lost": verdict.lost,
        "wrong": verdict.wrong,
        "stored_twice": verdict.twice,
        "damage": damage,
        "opened_ms": opened.as_millis() as u64,
    });
    if as_json {
        super::print_json(&answer);
    } else {
        println!("{answer}");
    }
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

fn compare(
    store: &Engine,
    series: &SeriesKey,
    points: &BTreeMap<Timestamp, Value>,
    verdict: &mut Verdict,
) -> Result<()> {
    let (Some((first, _)), Some((last, _))) = (points.first_key_value(), points.last_key_value()) else {
        return Ok(());
    };
    let window = Window { from: *first, to: *last + Duration::from_micros(1) };
    let query = RangeQuery { series: series.clone(), window, as_of: Position::MAX, limit: usize::MAX };
    let stored = store.range(&query)?.samples;
    verdict.twice += stored
        .windows(2)
        .filter(|pair| {
            let identity = |s: &contracts::telemetry::Stored| (s.sample.source_time, s.sample.sequence);
            identity(&pair[0]) == identity(&pair[1])
        })
        .count() as u64;
    let found: BTreeMap<Timestamp, &Value> = stored.iter().map(|s| (s.sample.source_time, &s.sample.value)).collect();
    for (at, value) in points {
        match found.get(at) {
            None => verdict.lost += 1,
            // Integers may be stored in a float series, exactly.
            Some(known) if known.number() == value.number() => {}
            Some(known) => {
                tracing::warn!(?series, %at, acknowledged = ?value, stored = ?known, "another value is stored");
                verdict.wrong += 1;
            }
        }
    }
    Ok(())
}
