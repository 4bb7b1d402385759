//! Live values, states, timelines, series, key figures.

use std::sync::atomic::Ordering;

use contracts::twin::{MachineDirectory, MachineState};
use kernel::{Duration, Timestamp, Window};
use serde_json::json;

use crate::park::{Park, parks};

fn window(park: &Park, back_mins: i64) -> Window {
    Window { from: park.now() - Duration::from_mins(back_mins), to: park.now() }
}

async fn states(park: &Park, window: Window) -> Vec<(MachineState, i64)> {
    let spans = park.twin.timeline(park.machine, window).await.unwrap();
    spans.iter().map(|span| (span.state, span.window.length().micros() / 1_000_000)).collect()
}

#[tokio::test]
async fn values_and_state_are_live_and_grow_stale() {
    for park in parks().await {
        park.run(60, &[("power", 5.0), ("temp", 40.0), ("fault", 0.0)]).await;
        let machine = park.get(&park.machine_path("")).await;
        assert_eq!((machine["state"].clone(), machine["values"]["temp"][1].clone()), (json!("running"), json!(40.0)));
        assert_eq!(machine["values"]["temp"][2], "good");
        park.run(60, &[("power", 0.5), ("fault", 0.0)]).await;
        assert_eq!(park.twin.state(park.machine), MachineState::Idle);
        let list = park.get("/api/v1/machines?state=idle&kind=cnc&q=m-0").await;
        assert_eq!(list["items"].as_array().unwrap().len(), 1);
        assert_eq!(park.get("/api/v1/machines?state=running").await["items"], json!([]));
        park.h.clock.advance(Duration::from_mins(10));
        park.settle().await;
        let machine = park.get(&park.machine_path("")).await;
        assert_eq!(
            (machine["state"].clone(), machine["values"]["temp"][2].clone()),
            (json!("unknown"), json!("stale"))
        );
        assert_eq!(park.twin.last_heard(park.machine), Some(park.now() - Duration::from_secs(610)));
    }
}

#[tokio::test]
async fn the_timeline_has_no_holes_and_is_the_same_live_and_computed() {
    for park in parks().await {
        let start = park.now();
        park.run(120, &[("power", 5.0), ("fault", 0.0)]).await;
        park.run(60, &[("power", 0.5), ("fault", 0.0)]).await;
        park.run(60, &[("power", 0.5), ("fault", 7.0)]).await;
        park.run(60, &[("power", 0.0), ("fault", 0.0)]).await;
        let asked = Window { from: start - Duration::from_secs(30), to: park.now() + Duration::from_secs(30) };
        use MachineState::*;
        let expected = [(Unknown, 30), (Running, 120), (Idle, 60), (Down, 60), (Off, 60), (Unknown, 30)];
        assert_eq!(states(&park, asked).await, expected);
        // Two days later it is computed from telemetry, and again from what was kept.
        park.h.clock.advance(Duration::from_days(2));
        park.settle().await;
        let expected = [(Unknown, 30), (Running, 120), (Idle, 60), (Down, 60), (Off, 230), (Unknown, 30)];
        let asked = Window { from: start - Duration::from_secs(30), to: start + Duration::from_secs(500) };
        assert_eq!(states(&park, asked).await, expected, "off until the silence of 180 s is over");
        let reads = park.store.ranges.load(Ordering::SeqCst);
        assert_eq!(states(&park, asked).await, expected);
        assert_eq!(park.store.ranges.load(Ordering::SeqCst), reads, "kept in memory");
        park.h.clock.advance(Duration::from_mins(1));
        park.settle().await;
        // A twin that starts now reads the stored day. It is within the week that is not trusted, so it has to be older.
        park.h.clock.advance(Duration::from_days(10));
        let second = twin::Twin::new();
        second.start(&park.h.host).await.unwrap();
        let reads = park.store.ranges.load(Ordering::SeqCst);
        let spans = second.timeline(park.machine, asked).await.unwrap();
        assert_eq!(
            spans.iter().map(|s| (s.state, s.window.length().micros() / 1_000_000)).collect::<Vec<_>>(),
            expected
        );
        assert_eq!(park.store.ranges.load(Ordering::SeqCst), reads, "from the database, without telemetry");
    }
}

#[tokio::test]
async fn late_samples_correct_the_timeline() {
    for park in parks().await {
        let start = park.now();
        park.run(60, &[("power", 5.0), ("fault", 0.0)]).await;
        park.h.clock.advance(Duration::from_days(1));
        park.settle().await;
        let hour = Window { from: start, to: start + Duration::from_hours(1) };
        use MachineState::*;
        assert_eq!(states(&park, hour).await, [(Running, 230), (Unknown, 3370)]);
        // The machine had gone on, and its gateway sends the rest a day late.
        for n in 6..60 {
            park.measure(start + Duration::from_secs(n * 10), &[("power", 0.5), ("fault", 0.0)]).await;
        }
        park.settle().await;
        assert_eq!(states(&park, hour).await, [(Running, 60), (Idle, 710), (Unknown, 2830)]);
        park.h.clock.advance(Duration::from_mins(1));
        park.settle().await;
        assert_eq!(
            states(&park, hour).await,
            [(Running, 60), (Idle, 710), (Unknown, 2830)],
            "after it was written as well"
        );
    }
}

#[tokio::test]
async fn ninety_days_of_history_are_answered_quickly_and_once() {
    for park in parks().await {
        let (days, step) = (90, 60);
        let start = park.now() - Duration::from_days(days);
        let mut points = Vec::new();
        for n in 0..days * 86_400 / step {
            let at = start + Duration::from_secs(n * step);
            // Eight hours running, four idle, the rest off.
            let power = match n * step % 86_400 / 3600 {
                0..8 => 5.0,
                8..12 => 0.5,
                _ => 0.0,
            };
            for (property, value) in [("power", power), ("fault", 0.0)] {
                points.push(contracts::telemetry::Point {
                    series: contracts::telemetry::SeriesKey::new(park.machine, property),
                    sample: contracts::telemetry::Sample {
                        source_time: at,
                        receive_time: at,
                        value: contracts::telemetry::Value::F64(value),
                        quality: Default::default(),
                        sequence: 0,
                    },
                });
            }
        }
        use contracts::telemetry::TelemetryStore;
        park.store.append_bulk(points).await.unwrap();
        park.settle().await;
        let asked = Window { from: start, to: park.now() };
        let began = std::time::Instant::now();
        let spans = park.twin.timeline(park.machine, asked).await.unwrap();
        let (first, reads) = (began.elapsed(), park.store.ranges.load(Ordering::SeqCst));
        assert_eq!(spans.len(), 90 * 3);
        eprintln!("90 days from telemetry: {first:?}");
        assert!(first < std::time::Duration::from_secs(5), "{first:?}");
        park.twin.timeline(park.machine, asked).await.unwrap();
        // Only the last day, which late samples may still reach, is read again.
        assert!(park.store.ranges.load(Ordering::SeqCst) <= reads + 4);
        let path = format!("/kpi?from={}&to={}", start, park.now());
        let kpi = park.get(&park.machine_path(&path)).await;
        assert_eq!(
            (kpi["availability"].clone(), kpi["utilisation_efficiency"].clone()),
            (json!("0.3333"), json!("0.6667"))
        );
        assert_eq!(kpi["apt_ms"], json!(90i64 * 8 * 3_600_000));
        // History raised no alarm and nothing was evaluated as if it were now.
        assert_eq!(park.twin.state(park.machine), MachineState::Off);
        assert_eq!(park.get("/api/v1/alarms?closed=true").await["items"], json!([]));
    }
}

#[tokio::test]
async fn a_series_is_raw_when_few_and_averaged_when_many() {
    for park in parks().await {
        let start = park.now();
        for n in 0..1000 {
            park.measure(start + Duration::from_secs(n), &[("temp", n as f64)]).await;
        }
        park.h.clock.advance(Duration::from_secs(1000));
        park.settle().await;
        let range = |from: Timestamp, to: Timestamp| format!("from={from}&to={to}");
        let few = park
            .get(&park.machine_path(&format!(
                "/series/temp?{}",
                range(start + Duration::from_secs(10), start + Duration::from_secs(20))
            )))
            .await;
        assert_eq!((few["points"].as_array().unwrap().len(), few["unit"].clone()), (10, json!("CEL")));
        assert_eq!(
            (few["before"][1].clone(), few["points"][0][1].clone(), few["complete"].clone()),
            (json!(9.0), json!(10.0), json!(true))
        );
        let many = park.get(&park.machine_path(&format!("/series/temp?width=100&{}", range(start, park.now())))).await;
        let buckets = many["buckets"].as_array().unwrap();
        assert_eq!((buckets.len(), many["points"].clone()), (100, json!([])));
        assert_eq!(buckets[3], json!([(start.millis() + 30_000) as f64, 10.0, 30.0, 39.0, 34.5, 30.0, 39.0]));
        for (path, status, code) in [
            ("/series/nope", 404, "twin.series.unknown"),
            ("/series/temp?width=0", 400, "twin.series.width"),
            ("/series/temp?from=yesterday", 400, "appkit.query.malformed"),
            ("/series/temp?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", 400, "kernel.window.empty"),
            ("/timeline?from=1900-01-01T00:00:00Z", 400, "twin.timeline.too-long"),
        ] {
            assert_eq!(park.api.get(&park.machine_path(path)).await.expect(status).code(), code);
        }
    }
}

#[tokio::test]
async fn a_state_rule_of_its_own_changes_the_past_as_well() {
    for park in parks().await {
        let start = park.now();
        park.run(120, &[("power", 5.0), ("fault", 0.0)]).await;
        park.h.clock.advance(Duration::from_days(2));
        park.settle().await;
        let asked = Window { from: start, to: start + Duration::from_secs(120) };
        assert_eq!(states(&park, asked).await, [(MachineState::Running, 120)]);
        let rule = json!({ "state_rule": { "cases": [{ "state": "running", "when": "power > 8 kW" }], "otherwise": "idle", "silence_ms": 60000 } });
        park.api.call(axum::http::Method::PUT, &park.machine_path("/state-rule"), Some(rule)).await.expect(200);
        park.settle().await;
        assert_eq!(states(&park, asked).await, [(MachineState::Idle, 120)]);
        park.api
            .call(axum::http::Method::PUT, &park.machine_path("/state-rule"), Some(json!({ "state_rule": null })))
            .await
            .expect(200);
        assert_eq!(states(&park, window(&park, 60)).await, [(MachineState::Unknown, 3600)]);
        assert_eq!(states(&park, asked).await, [(MachineState::Running, 120)]);
    }
}
