use std::time::Duration;

use edge::{
    decode::{DecodeLimits, Dialect, Precision},
    ingest::{Answer, Door, Ingest, IngestLimits},
};
use kernel::{Duration as Span, Result, id::DeviceId};

use crate::fakes::{Mood, World, at, until};

async fn send(world: &World, device: DeviceId, text: &str) -> Result<Answer> {
    let room = world.ingest.admit(text.len()).await?;
    world.ingest.take(&room, Door::HttpJson, device, Dialect::Json, text.as_bytes()).await
}

#[tokio::test]
async fn every_point_is_accounted_for() {
    let world = World::new();
    let device = world.device("t");
    let set = |temp: f64| format!(r#"{{"ts":{},"values":{{"temp":{temp:?},"count":1}}}}"#, at(0));
    let counts = |answer: &Answer| (answer.accepted, answer.duplicate, answer.conflict, answer.quarantined_total);
    assert_eq!(counts(&send(&world, device, &set(1.0)).await.unwrap()), (2, 0, 0, 0));
    assert_eq!(counts(&send(&world, device, &set(1.0)).await.unwrap()), (0, 2, 0, 0));
    assert_eq!(counts(&send(&world, device, &set(2.0)).await.unwrap()), (0, 1, 1, 0));
    let far = format!(
        r#"[{{"ts":{},"values":{{"temp":1}}}},{{"ts":{},"values":{{"temp":1}}}}]"#,
        at(315_360_000),
        at(-315_360_000)
    );
    let answer = send(&world, device, &far).await.unwrap();
    let codes: Vec<_> = answer.quarantined.iter().map(|refusal| refusal.code).collect();
    assert_eq!((counts(&answer), codes), ((0, 0, 0, 2), vec!["edge.time.future", "edge.time.too-old"]));
    let stats = world.ingest.stats();
    assert_eq!(stats.doors["http-json"], stats.devices[&device]);
    let view = stats.devices[&device];
    assert_eq!((view.messages, view.accepted, view.duplicates, view.conflicts, view.quarantined), (4, 2, 3, 1, 2));
    assert_eq!((stats.in_flight_bytes, stats.in_flight_points), (0, 0));
}

#[tokio::test]
async fn quarantine_is_bounded_per_message_and_per_minute() {
    let world = World::new();
    let device = world.device("t");
    // Ten thousand equal mistakes are one record.
    let same = format!("[{}]", vec![r#"{"nobody":1}"#; 10_000].join(","));
    let answer = send(&world, device, &same).await.unwrap();
    assert_eq!((answer.quarantined_total, answer.quarantined.len()), (10_000, 100));
    assert_eq!(world.directory.records().len(), 1);
    assert!(world.directory.records()[0].detail.contains("10000"), "{}", world.directory.records()[0].detail);
    // A hundred different ones are thirty-two and a sum.
    let different = |from: usize| {
        let members: Vec<_> = (from..from + 100).map(|n| format!("\"nobody{n}\":1")).collect();
        format!("{{{}}}", members.join(","))
    };
    send(&world, device, &different(0)).await.unwrap();
    assert_eq!(world.directory.records().len(), 1 + 32 + 1);
    assert_eq!(world.directory.codes().last().unwrap(), "edge.quarantine.more");
    // And no device fills the table: the minute's allowance is 120, then refusals are only counted, until the next minute.
    for round in 1..6 {
        send(&world, device, &different(round * 100)).await.unwrap();
    }
    assert_eq!(world.directory.records().len(), 120);
    assert!(world.ingest.stats().devices[&device].quarantine_suppressed > 0);
    world.clock.advance(Span::from_mins(1));
    send(&world, device, r#"{"nobody":1}"#).await.unwrap();
    assert_eq!(world.directory.records().len(), 121);
}

#[tokio::test]
async fn mapping_and_disabling_show_at_the_next_message() {
    let world = World::new();
    let device = world.device("t");
    world.directory.change(device, |binding| {
        let metric = binding.metrics.get_mut("temp").unwrap();
        (metric.scale, metric.offset) = (0.1, -40.0);
    });
    send(&world, device, r#"{"temp":650}"#).await.unwrap();
    assert_eq!(world.store.values("temp"), [contracts::telemetry::Value::F64(25.0)]);
    world.directory.change(device, |binding| binding.enabled = false);
    let error = send(&world, device, r#"{"temp":650}"#).await.unwrap_err();
    assert_eq!((error.code, Ingest::is_final(&error)), ("edge.device.disabled", false));
}

#[tokio::test]
async fn a_door_that_can_say_later_does_so() {
    let limits = IngestLimits { in_flight_bytes_max: 100, in_flight_points_max: 2, ..IngestLimits::default() };
    let world = World::with(limits);
    let device = world.device("t");
    world.store.set(Mood::Hold);
    let held = {
        let (ingest, text) = (world.ingest.clone(), r#"{"temp":1,"count":1}"#);
        tokio::spawn(async move {
            let room = ingest.admit(text.len()).await.unwrap();
            ingest.take(&room, Door::HttpJson, device, Dialect::Json, text.as_bytes()).await
        })
    };
    until("the append", || world.store.appends.load(std::sync::atomic::Ordering::SeqCst) == 1).await;
    // No room for bytes: the next one is told to come again.
    let error = world.ingest.admit_within(100, Duration::from_millis(50)).await.unwrap_err();
    assert_eq!((error.code, Ingest::is_final(&error)), ("edge.ingest.busy", false));
    world.store.set(Mood::Durable);
    assert_eq!(held.await.unwrap().unwrap().accepted, 2);
    assert_eq!(world.ingest.admit(2 << 20).await.unwrap_err().code, "edge.payload.too-large");
}

#[tokio::test]
async fn lines_that_cannot_be_read_are_reported_beside_those_that_can() {
    let world = World::with(IngestLimits {
        decode: DecodeLimits { points_max: 4, ..DecodeLimits::default() },
        ..IngestLimits::default()
    });
    let device = world.device("t");
    let take = async |text: &str| {
        let room = world.ingest.admit(text.len()).await.unwrap();
        world.ingest.take(&room, Door::HttpLine, device, Dialect::Line(Precision::Millis), text.as_bytes()).await
    };
    let text = format!("oven,site=a temp=20.5,count=3i {}\nbroken\noven temp=nan {}", at(0), at(1));
    let answer = take(&text).await.unwrap();
    assert_eq!((answer.accepted, answer.quarantined_total), (2, 2));
    let mut codes = world.directory.codes();
    codes.sort();
    assert_eq!(codes, ["edge.payload.malformed", "edge.value.not-finite"]);
    assert_eq!(take("m a=1,b=1,c=1,d=1,e=1").await.unwrap_err().code, "edge.payload.too-many-points");
    assert_eq!(take("all broken").await.unwrap_err().code, "edge.payload.malformed");
    assert_eq!(world.ingest.stats().doors["http-line"].refused, 2);
}
