use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use edge::{
    ingest::IngestLimits,
    mqtt::{Handle, MqttConfig, start},
};
use mqtt5::{ConnectOptions, MqttClient, QoS};

use crate::{
    fakes::{Mood, World, at, until},
    wire::{TELEMETRY, Wire, connect, packet, text},
};

pub async fn open(world: &World) -> Handle {
    open_with(world, |_| {}).await
}

pub async fn open_with(world: &World, change: impl FnOnce(&mut MqttConfig)) -> Handle {
    let mut config =
        MqttConfig { bind: ([127, 0, 0, 1], 0).into(), connect_rate_per_s_max: 100_000, ..MqttConfig::default() };
    change(&mut config);
    start(config, world.ingest.clone()).await.unwrap()
}

fn sample(second: i64, temp: f64) -> Vec<u8> {
    format!(r#"{{"ts":{},"values":{{"temp":{temp:?}}}}}"#, at(second)).into_bytes()
}

#[tokio::test]
async fn a_real_client_of_either_version_is_served_at_every_qos() {
    let world = World::new();
    let device = world.device("token-a");
    let handle = open(&world).await;
    for (index, version) in [mqtt5::ProtocolVersion::V311, mqtt5::ProtocolVersion::V5].into_iter().enumerate() {
        let base = index as i64 * 10;
        let options = ConnectOptions::new("client").with_credentials("token-a", b"").with_protocol_version(version);
        let client = MqttClient::with_options(options.clone());
        client.connect_with_options(&format!("mqtt://{}", handle.local_addr()), options).await.unwrap();
        for (second, qos) in [(1, QoS::AtMostOnce), (2, QoS::AtLeastOnce), (3, QoS::ExactlyOnce)] {
            client.publish_qos(TELEMETRY, sample(base + second, 20.5), qos).await.unwrap();
        }
        until("three points", || world.store.count() == (index + 1) * 3).await;
        client.disconnect().await.unwrap();
        until("the session's end", || world.directory.presence_of(device).len() == (index + 1) * 2).await;
    }
    assert_eq!(world.directory.presence_of(device), [true, false, true, false]);
    assert_eq!(world.directory.codes(), Vec::<String>::new());
    handle.stop().await;
}

#[tokio::test]
async fn the_acknowledgement_waits_for_the_store() {
    let world = World::new();
    world.device("t");
    let handle = open(&world).await;
    for v5 in [false, true] {
        let mut wire = Wire::device(handle.local_addr(), v5, "t", "c").await;
        world.store.set(Mood::Hold);
        wire.publish(TELEMETRY, 1, 7, &sample(i64::from(v5), 1.0)).await;
        wire.publish(TELEMETRY, 2, 8, &sample(2 + i64::from(v5), 1.0)).await;
        assert!(wire.silent(Duration::from_millis(300)).await);
        world.store.set(Mood::Durable);
        assert_eq!(wire.ack(0x40).await, (7, 0));
        assert_eq!(wire.ack(0x50).await, (8, 0));
        wire.send(&packet(0x62, &8u16.to_be_bytes())).await;
        assert_eq!(wire.ack(0x70).await, (8, 0));
    }
    assert_eq!(world.store.count(), 4);
}

#[tokio::test]
async fn many_messages_share_a_commit_and_are_acknowledged_in_order() {
    let world = World::new();
    world.device("t");
    let handle = open(&world).await;
    let mut wire = Wire::device(handle.local_addr(), true, "t", "c").await;
    world.store.set(Mood::Hold);
    for id in 1..=100u16 {
        wire.publish(TELEMETRY, 1, id, &sample(-i64::from(id), 1.0)).await;
    }
    // Sixty-four are under way; the others wait in the socket.
    until("the receive maximum", || world.store.appends.load(std::sync::atomic::Ordering::SeqCst) == 64).await;
    assert!(wire.silent(Duration::from_millis(200)).await);
    assert_eq!(world.store.appends.load(std::sync::atomic::Ordering::SeqCst), 64);
    world.store.set(Mood::Durable);
    for id in 1..=100u16 {
        assert_eq!(wire.ack(0x40).await, (id, 0));
    }
    assert_eq!(world.store.count(), 100);
}

#[tokio::test]
async fn a_failing_store_is_never_acknowledged() {
    let world = World::new();
    world.device("t");
    let handle = open(&world).await;
    for (mood, reason) in [(Mood::Full, 0x97), (Mood::Broken, 0x80)] {
        world.store.set(mood);
        let mut wire = Wire::device(handle.local_addr(), true, "t", "c").await;
        wire.publish(TELEMETRY, 1, 7, &sample(0, 1.0)).await;
        assert_eq!(wire.ack(0x40).await, (7, reason));
        wire.publish(TELEMETRY, 2, 8, &sample(0, 1.0)).await;
        assert_eq!(wire.ack(0x50).await, (8, reason));
        wire.publish(TELEMETRY, 0, 0, &sample(0, 1.0)).await;
        assert!(wire.ping().await);

        // MQTT 3.1.1 has no way to say no: the connection ends without an answer.
        for qos in [1, 2] {
            let mut wire = Wire::device(handle.local_addr(), false, "t", "old").await;
            wire.publish(TELEMETRY, qos, 9, &sample(0, 1.0)).await;
            assert_eq!(wire.frame().await, None);
        }
    }
    assert_eq!(world.store.count(), 0);
    let failed = world.ingest.stats().doors["mqtt"].failed;
    assert_eq!(failed, 10);
}

#[tokio::test]
async fn a_refusal_that_cannot_be_recorded_is_not_acknowledged_either() {
    let world = World::new();
    world.device("t");
    let handle = open(&world).await;
    world.directory.quarantine_fails.store(true, std::sync::atomic::Ordering::SeqCst);
    let mut wire = Wire::device(handle.local_addr(), false, "t", "c").await;
    wire.publish(TELEMETRY, 1, 1, br#"{"nobody":1}"#).await;
    assert_eq!(wire.frame().await, None);
}

#[tokio::test]
async fn sending_again_changes_nothing() {
    let world = World::new();
    let device = world.device("t");
    let handle = open(&world).await;
    let mut wire = Wire::device(handle.local_addr(), true, "t", "c").await;
    for id in 1..=3u16 {
        wire.publish(TELEMETRY, 1, id, &sample(5, 3.5)).await;
        assert_eq!(wire.ack(0x40).await, (id, 0));
    }
    // Exactly-once in its second telling, before its release: not even the store is asked again.
    wire.publish(TELEMETRY, 2, 9, &sample(6, 3.5)).await;
    assert_eq!(wire.ack(0x50).await, (9, 0));
    let appends = world.store.appends.load(std::sync::atomic::Ordering::SeqCst);
    wire.publish(TELEMETRY, 2, 9, &sample(6, 3.5)).await;
    assert_eq!(wire.ack(0x50).await, (9, 0));
    assert_eq!(world.store.appends.load(std::sync::atomic::Ordering::SeqCst), appends);
    wire.send(&packet(0x62, &9u16.to_be_bytes())).await;
    assert_eq!(wire.ack(0x70).await, (9, 0));
    wire.send(&packet(0x62, &9u16.to_be_bytes())).await;
    assert_eq!(wire.ack(0x70).await, (9, 0x92));
    assert_eq!(world.store.count(), 2);
    let counts = world.ingest.stats().devices[&device];
    assert_eq!((counts.accepted, counts.duplicates), (2, 2));
}

#[tokio::test]
async fn strangers_stay_outside() {
    let world = World::new();
    let device = world.device("good");
    let off = world.device("off");
    world.directory.change(off, |binding| binding.enabled = false);
    let handle = open(&world).await;
    let long = "x".repeat(300);
    for (user, password, v5_reason, v3_code) in [
        (None, None, 0x87, 5),
        (Some(""), None, 0x87, 5),
        (Some("bad"), None, 0x86, 4),
        (Some("bad"), Some("worse"), 0x86, 4),
        (Some("off"), None, 0x87, 5),
        (Some(long.as_str()), None, 0x86, 4),
    ] {
        for (v5, code) in [(true, v5_reason), (false, v3_code)] {
            let mut wire = Wire::open(handle.local_addr(), v5).await;
            wire.send(&connect(v5, "c", user, password, 60, None)).await;
            let (first, body) = wire.frame().await.unwrap();
            assert_eq!((first, body[1]), (0x20, code), "{user:?} {password:?} v5={v5}");
            assert_eq!(wire.frame().await, None);
        }
    }
    // The token may also be the password.
    let mut wire = Wire::open(handle.local_addr(), true).await;
    wire.send(&connect(true, "c", Some("whoever"), Some("good"), 60, None)).await;
    assert_eq!(wire.frame().await.unwrap().1[1], 0);
    until("the device's arrival", || world.directory.presence_of(device) == [true]).await;
}

#[tokio::test]
async fn nothing_but_ones_own_topics() {
    let world = World::new();
    let (a, b) = (world.device("a"), world.device("b"));
    let handle = open(&world).await;
    let mut wire = Wire::device(handle.local_addr(), true, "a", "c").await;
    let mut other = Wire::device(handle.local_addr(), true, "b", "c").await;
    // Subscribing: one's own by name only; no wildcard, no stranger, nothing shared.
    let subscribe = |filter: &str| packet(0x82, &[&[0, 1, 0][..], &text(filter), &[1]].concat());
    for (filter, code) in [
        ("v1/devices/me/attributes", 0),
        ("v1/devices/me/rpc/request/+", 0),
        ("#", 0x87),
        ("v1/devices/+/telemetry", 0x87),
        ("v1/devices/me/telemetry", 0x87),
        ("$share/x/v1/devices/me/attributes", 0x87),
    ] {
        for wire in [&mut wire, &mut other] {
            wire.send(&subscribe(filter)).await;
            let (first, body) = wire.frame().await.unwrap();
            assert_eq!((first, *body.last().unwrap()), (0x90, code), "{filter}");
        }
    }
    // Publishing.
    wire.publish(&format!("v1/devices/{b}/telemetry"), 1, 1, b"{}").await;
    assert_eq!(wire.ack(0x40).await, (1, 0x87));
    wire.publish("v1/gateway/telemetry", 2, 2, b"{}").await;
    assert_eq!(wire.ack(0x50).await, (2, 0x87));
    // Both are subscribed to `…/me/attributes`; what one publishes there is its own and is not routed to anybody.
    wire.publish("v1/devices/me/attributes", 1, 3, br#"{"count":5}"#).await;
    assert_eq!(wire.ack(0x40).await, (3, 0));
    assert!(other.silent(Duration::from_millis(200)).await && wire.silent(Duration::from_millis(50)).await);
    assert_eq!(world.directory.codes(), ["edge.topic.foreign", "edge.topic.foreign"]);
    // The platform's own messages reach the device they are for.
    assert_eq!(handle.send(b, "v1/devices/me/attributes", Bytes::from_static(b"{\"x\":1}")), 1);
    let (first, body) = other.frame().await.unwrap();
    assert_eq!((first, body.ends_with(b"{\"x\":1}")), (0x30, true));
    assert!(wire.silent(Duration::from_millis(100)).await);
    // MQTT 3.1.1 hears no reason; it is hung up on.
    let mut old = Wire::device(handle.local_addr(), false, "a", "old").await;
    old.publish("somewhere/else", 1, 1, b"{}").await;
    assert_eq!(old.frame().await, None);
    assert_eq!(world.ingest.stats().devices[&a].refused, 3);
}

#[tokio::test]
async fn a_client_id_cannot_be_stolen_across_credentials() {
    let world = World::new();
    let (a, b) = (world.device("a"), world.device("b"));
    let handle = open(&world).await;
    let mut first = Wire::device(handle.local_addr(), true, "a", "same").await;
    let mut stranger = Wire::device(handle.local_addr(), true, "b", "same").await;
    assert!(first.ping().await && stranger.ping().await);
    // The same device takes its own session over.
    let mut second = Wire::device(handle.local_addr(), true, "a", "same").await;
    first.hung_up(0x8e).await;
    assert!(second.ping().await && stranger.ping().await);
    assert_eq!(handle.sessions(), 2);
    assert_eq!((world.directory.presence_of(a), world.directory.presence_of(b)), (vec![true], vec![true]));
}

#[tokio::test]
async fn a_withdrawn_credential_ends_within_five_seconds() {
    let world = World::new();
    let (a, b) = (world.device("a"), world.device("b"));
    let handle = open(&world).await;
    let mut revoked = Wire::device(handle.local_addr(), true, "a", "c").await;
    let mut disabled = Wire::device(handle.local_addr(), false, "b", "c").await;
    let started = tokio::time::Instant::now();
    world.directory.revoke("a");
    world.directory.change(b, |binding| binding.enabled = false);
    revoked.hung_up(0x87).await;
    disabled.hung_up(0).await;
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    until("presence", || {
        world.directory.presence_of(a) == [true, false] && world.directory.presence_of(b) == [true, false]
    })
    .await;
    // A message that comes before the check is not stored either.
    let c = world.device("c");
    let mut late = Wire::device(handle.local_addr(), true, "c", "c").await;
    world.directory.change(c, |binding| binding.enabled = false);
    late.publish(TELEMETRY, 1, 1, &sample(0, 1.0)).await;
    late.hung_up(0x87).await;
    assert_eq!(world.store.count(), 0);
}

#[tokio::test]
async fn refused_points_are_named_and_do_not_take_their_neighbours_along() {
    let world = World::new();
    let device = world.device("t");
    let handle = open(&world).await;
    let mut wire = Wire::device(handle.local_addr(), true, "t", "c").await;
    wire.publish(TELEMETRY, 1, 1, br#"{"temp":20.5,"nobody":1,"count":1.5,"rejected":1,"note":null}"#).await;
    assert_eq!(wire.ack(0x40).await, (1, 0));
    assert_eq!(world.store.count(), 1);
    let mut codes = world.directory.codes();
    codes.sort();
    assert_eq!(codes, ["edge.metric.unknown", "edge.store.rejected", "edge.value.inexact", "edge.value.null"]);
    let records = world.directory.records();
    assert!(records.iter().all(|r| r.device == Some(device) && r.door == "mqtt" && r.excerpt.contains("nobody")));
    // What cannot be read at all is recorded; sending it again would not help, and the device is told so.
    wire.publish(TELEMETRY, 1, 2, b"{\"temp\":").await;
    assert_eq!(wire.ack(0x40).await, (2, 0x99));
    let mut old = Wire::device(handle.local_addr(), false, "t", "old").await;
    old.publish(TELEMETRY, 1, 3, b"not json").await;
    assert_eq!(old.ack(0x40).await, (3, 0));
    assert_eq!(world.directory.codes().iter().filter(|code| *code == "edge.payload.malformed").count(), 2);
}

#[tokio::test]
async fn full_memory_slows_down_and_never_grows() {
    let limits = IngestLimits { in_flight_bytes_max: 4096, ..IngestLimits::default() };
    let world = World::with(limits);
    world.device("t");
    let handle = open(&world).await;
    let mut wire = Wire::device(handle.local_addr(), true, "t", "c").await;
    let mut other = Wire::device(handle.local_addr(), true, "t", "d").await;
    world.store.set(Mood::Hold);
    let big =
        |second: i64| format!(r#"{{"ts":{},"values":{{"note":"{}"}}}}"#, at(second), "x".repeat(1200)).into_bytes();
    for id in 1..=20u16 {
        wire.publish(TELEMETRY, 1, id, &big(-i64::from(id))).await;
        other.publish(TELEMETRY, 1, id, &big(-100 - i64::from(id))).await;
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let stats = world.ingest.stats();
    assert!(
        stats.in_flight_bytes <= 4096 && world.store.appends.load(std::sync::atomic::Ordering::SeqCst) <= 3,
        "{stats:?}"
    );
    world.store.set(Mood::Durable);
    for id in 1..=20u16 {
        assert_eq!(wire.ack(0x40).await, (id, 0));
        assert_eq!(other.ack(0x40).await, (id, 0));
    }
    assert_eq!(world.store.count(), 40);
    assert_eq!(world.ingest.stats().in_flight_bytes, 0);
}

#[tokio::test]
async fn stopping_finishes_what_was_received_and_says_goodbye() {
    let world = World::new();
    let device = world.device("t");
    let handle = open(&world).await;
    let mut wire = Wire::device(handle.local_addr(), true, "t", "c").await;
    world.store.set(Mood::Hold);
    wire.publish(TELEMETRY, 1, 1, &sample(0, 1.0)).await;
    until("the append", || world.store.appends.load(std::sync::atomic::Ordering::SeqCst) == 1).await;
    let stopping = tokio::spawn(handle.stop());
    tokio::time::sleep(Duration::from_millis(100)).await;
    world.store.set(Mood::Durable);
    assert_eq!(wire.ack(0x40).await, (1, 0));
    wire.hung_up(0x8b).await;
    stopping.await.unwrap();
    assert_eq!((world.store.count(), world.directory.presence_of(device)), (1, vec![true, false]));
}

#[tokio::test]
async fn the_will_is_published_only_when_the_device_vanishes() {
    let world = World::new();
    world.device("t");
    let handle = open(&world).await;
    let will = Some((TELEMETRY, r#"{"running":false}"#));
    for (goodbye, expect) in [(true, 0), (false, 1)] {
        let mut wire = Wire::open(handle.local_addr(), true).await;
        wire.send(&connect(true, "c", Some("t"), None, 60, will)).await;
        assert_eq!(wire.frame().await.unwrap().1[1], 0);
        if goodbye {
            wire.send(&[0xe0, 0]).await;
        }
        drop(wire);
        until("the end of the session", || handle.sessions() == 0).await;
        assert_eq!(world.store.values("running").len(), expect);
    }
    // A will for somebody else's topic is refused at the door.
    let mut wire = Wire::open(handle.local_addr(), true).await;
    wire.send(&connect(true, "c", Some("t"), None, 60, Some(("v1/devices/x/telemetry", "{}")))).await;
    assert_eq!(wire.frame().await.unwrap().1[1], 0x87);
}

#[tokio::test]
async fn silence_and_crowds_have_limits() {
    let world = World::new();
    world.device("t");
    let handle = open_with(&world, |config| {
        config.connections_per_device_max = 2;
        config.connections_max = 4;
        config.handshake_ms_max = 300;
    })
    .await;
    let address = handle.local_addr();
    // Keep-alive of one second, then silence.
    let mut quiet = Wire::open(address, true).await;
    quiet.send(&connect(true, "quiet", Some("t"), None, 1, None)).await;
    assert_eq!(quiet.frame().await.unwrap().1[1], 0);
    let mut second = Wire::device(address, true, "t", "second").await;
    // A third session of one device.
    let mut third = Wire::open(address, true).await;
    third.send(&connect(true, "third", Some("t"), None, 60, None)).await;
    assert_eq!(third.frame().await.unwrap().1[1], 0x97);
    quiet.hung_up(0x8d).await;
    assert!(second.ping().await);
    // Strangers who never say who they are lose their place.
    until("the places to be free", || handle.sessions() == 1).await;
    let mut mute: Vec<Wire> = Vec::new();
    for _ in 0..3 {
        mute.push(Wire::open(address, true).await);
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(Wire::open(address, true).await.frame().await, None);
    for mut wire in mute {
        assert_eq!(wire.frame().await, None);
    }
    let mut again = Wire::device(address, true, "t", "again").await;
    assert!(again.ping().await);
    let shared = Arc::strong_count(&world.ingest);
    handle.stop().await;
    assert!(Arc::strong_count(&world.ingest) < shared);
}

/// An implementation that shares no line with ours.
#[tokio::test]
async fn the_mosquitto_client_agrees() {
    let client = std::process::Command::new("mosquitto_pub").arg("--help").output();
    if client.is_err() {
        eprintln!("mosquitto_pub is not installed: this run does not check against it");
        return;
    }
    let world = World::new();
    world.device("t");
    let handle = open(&world).await;
    let port = handle.local_addr().port().to_string();
    let publish = async |version: &str, qos: &str, topic: &str, payload: &str, user: &str| {
        let arguments = [
            "-h",
            "127.0.0.1",
            "-p",
            &port,
            "-V",
            version,
            "-q",
            qos,
            "-t",
            topic,
            "-m",
            payload,
            "-u",
            user,
            "-i",
            "mosq",
        ];
        tokio::process::Command::new("mosquitto_pub").args(arguments).output().await.unwrap()
    };
    let mut expected = 0;
    for version in ["mqttv311", "mqttv5"] {
        for qos in ["0", "1", "2"] {
            expected += 1;
            let payload = String::from_utf8(sample(expected as i64, 20.0)).unwrap();
            let output = publish(version, qos, TELEMETRY, &payload, "t").await;
            assert!(output.status.success(), "{version} {qos}: {output:?}");
            until("the point", || world.store.count() == expected).await;
        }
        assert!(!publish(version, "1", TELEMETRY, "{}", "nobody").await.status.success(), "{version}: a wrong token");
    }
    let refused = publish("mqttv5", "1", "v1/devices/other/telemetry", "{}", "t").await;
    let said = String::from_utf8_lossy(&refused.stderr).into_owned() + &String::from_utf8_lossy(&refused.stdout);
    assert!(said.contains("Not authorized"), "{refused:?}");
    let mut subscriber = tokio::process::Command::new("mosquitto_sub")
        .args([
            "-h",
            "127.0.0.1",
            "-p",
            &port,
            "-V",
            "mqttv5",
            "-u",
            "t",
            "-t",
            "v1/devices/me/attributes",
            "-C",
            "1",
            "-W",
            "10",
        ])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    until("the subscriber", || handle.sessions() == 1).await;
    let device = contracts::devices::DeviceDirectory::by_token(&*world.directory, "t").unwrap().device;
    // The session is there before its subscription is, so the message is repeated until it has been taken.
    while subscriber.try_wait().unwrap().is_none() {
        handle.send(device, "v1/devices/me/attributes", Bytes::from_static(b"{\"target\":7}"));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let output = subscriber.wait_with_output().await.unwrap();
    assert!(output.stdout.starts_with(b"{\"target\":7}"), "{output:?}");
}
