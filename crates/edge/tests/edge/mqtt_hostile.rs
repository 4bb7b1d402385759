//! Malformed packets written straight to the socket. After each of them the listener still serves a well-behaved device.

use std::{net::SocketAddr, time::Duration};

use crate::{
    fakes::{World, until},
    mqtt::{open, open_with},
    wire::{TELEMETRY, Wire, connect, packet, text},
};

/// Shapes of known broker vulnerabilities and their relatives, as the first thing on a connection.
fn before_connect() -> Vec<(&'static str, Vec<u8>)> {
    let good = connect(true, "c", Some("t"), None, 60, None);
    let with = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        bytes
    };
    vec![
        ("nothing but a first byte", vec![0x10]),
        ("a truncated CONNECT", good[..good.len() / 2].to_vec()),
        ("a five-byte length", vec![0x10, 0xff, 0xff, 0xff, 0xff, 0x01]),
        ("a huge length", vec![0x10, 0xff, 0xff, 0xff, 0x7f]),
        ("a CONNECT of 1 MiB", packet(0x10, &vec![0; 1 << 20])),
        ("flags on CONNECT", with(0, 0x1f)),
        ("another protocol name", with(4, b'X')),
        ("a reserved flag", with(9, good[9] | 1)),
        ("a will QoS of 3", with(9, good[9] | 0x1c)),
        ("property length beyond the packet", with(12, 0x7f)),
        ("client id length beyond the packet", with(13, 0xff)),
        ("PUBLISH before CONNECT", packet(0x30, &[text(TELEMETRY), b"{}".to_vec()].concat())),
        ("PINGREQ before CONNECT", vec![0xc0, 0x00]),
        ("packet type 0", vec![0x00, 0x00]),
        ("AUTH before CONNECT", vec![0xf0, 0x00]),
        ("plain HTTP", b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        ("a TLS greeting", vec![0x16, 0x03, 0x01, 0x02, 0x00]),
        ("zeros", vec![0; 4096]),
        ("ones", vec![0xff; 4096]),
    ]
}

/// The same from a device that is known.
fn after_connect() -> Vec<(&'static str, Vec<u8>)> {
    let publish = |first: u8, body: Vec<u8>| packet(first, &body);
    let mut many_properties = text(TELEMETRY);
    many_properties.extend([0x88, 0x27]); // 5 000 bytes of user properties
    many_properties.extend([0x26, 0, 0, 0, 0].repeat(1000));
    vec![
        ("a second CONNECT", connect(true, "c", Some("t"), None, 60, None)),
        ("an empty topic", publish(0x30, [text(""), vec![0], b"{}".to_vec()].concat())),
        ("a topic that is not UTF-8", publish(0x30, vec![0, 2, 0xff, 0xfe, 0])),
        ("a topic with a zero", publish(0x30, [text("v1\0"), vec![0]].concat())),
        ("a topic longer than the packet", publish(0x30, vec![0xff, 0xff, b'a'])),
        ("QoS 3", publish(0x36, [text(TELEMETRY), vec![0, 1, 0]].concat())),
        ("identifier 0", publish(0x32, [text(TELEMETRY), vec![0, 0, 0]].concat())),
        ("no identifier", publish(0x32, text(TELEMETRY))),
        ("DUP without QoS", publish(0x38, [text(TELEMETRY), vec![0]].concat())),
        ("retain", publish(0x31, [text(TELEMETRY), vec![0], b"{}".to_vec()].concat())),
        ("a topic alias", publish(0x30, [text(TELEMETRY), vec![3, 0x23, 0, 1], b"{}".to_vec()].concat())),
        ("an unknown property", publish(0x30, [text(TELEMETRY), vec![2, 0x7e, 0]].concat())),
        ("a thousand properties", publish(0x30, many_properties)),
        ("SUBSCRIBE to nothing", packet(0x82, &[0, 1, 0])),
        ("SUBSCRIBE with wrong flags", packet(0x80, &[&[0, 1, 0][..], &text("a"), &[0]].concat())),
        ("a SUBSCRIBE of 20 KiB", packet(0x82, &vec![0; 20_000])),
        ("PUBREL with wrong flags", packet(0x60, &[0, 1])),
        ("an acknowledgement for nothing", packet(0x40, &[0, 1])),
        ("CONNACK from a client", packet(0x20, &[0, 0, 0])),
        ("AUTH", packet(0xf0, &[0x18, 0])),
        ("a five-byte length", vec![0x30, 0xff, 0xff, 0xff, 0xff, 0x01]),
        ("a length beyond the limit", vec![0x30, 0xff, 0xff, 0xff, 0x7f]),
        ("packet type 0", vec![0x00, 0x00]),
    ]
}

async fn well(address: SocketAddr, what: &str, id: u16) {
    let mut wire = Wire::device(address, id.is_multiple_of(2), "good", "good").await;
    wire.publish(TELEMETRY, 1, id, b"{\"count\":1}").await;
    assert_eq!(wire.ack(0x40).await, (id, 0), "after {what}");
}

#[tokio::test]
async fn hostile_strangers_do_no_harm() {
    let world = World::new();
    world.device("good");
    world.device("t");
    let handle = open_with(&world, |config| config.handshake_ms_max = 500).await;
    let mut bystander = Wire::device(handle.local_addr(), true, "good", "bystander").await;
    for (index, (what, bytes)) in before_connect().into_iter().enumerate() {
        let mut wire = Wire::open(handle.local_addr(), true).await;
        wire.send(&bytes).await;
        assert_eq!(wire.frame().await, None, "{what}");
        well(handle.local_addr(), what, index as u16 + 1).await;
    }
    // A version of the future is told what we speak.
    let mut bytes = connect(true, "c", Some("t"), None, 60, None);
    bytes[8] = 6;
    let mut wire = Wire::open(handle.local_addr(), false).await;
    wire.send(&bytes).await;
    assert_eq!(wire.frame().await, Some((0x20, vec![0, 1])));
    assert!(bystander.ping().await);
}

#[tokio::test]
async fn hostile_devices_lose_their_connection_and_leave_a_record() {
    let world = World::new();
    world.device("good");
    let device = world.device("t");
    let handle = open(&world).await;
    for (index, (what, bytes)) in after_connect().into_iter().enumerate() {
        let mut wire = Wire::device(handle.local_addr(), true, "t", "t").await;
        wire.send(&bytes).await;
        match wire.frame().await {
            None => {}
            Some((0xe0, body)) => assert!(body[0] >= 0x80, "{what}: {body:02x?}"),
            Some(other) => panic!("{what}: {other:02x?}"),
        }
        well(handle.local_addr(), what, index as u16 + 1).await;
    }
    let codes = world.directory.codes();
    assert!(
        codes.iter().any(|code| code == "edge.mqtt.malformed")
            && codes.iter().any(|code| code == "edge.payload.too-large"),
        "{codes:?}"
    );
    assert!(world.directory.records().iter().all(|record| record.device == Some(device)));
    assert!(world.directory.records().iter().all(|record| record.excerpt.len() <= 512));
}

#[tokio::test]
async fn an_oversize_payload_is_refused_before_it_is_received() {
    let world = World::new();
    world.device("good");
    world.device("t");
    let handle = open(&world).await;
    for v5 in [true, false] {
        let mut wire = Wire::device(handle.local_addr(), v5, "t", "t").await;
        // Only the header of a packet of 1 MiB and a little; the body is never sent.
        wire.send(&[0x30, 0x81, 0x80, 0x41]).await;
        wire.hung_up(0x95).await;
    }
    assert_eq!(world.directory.codes(), ["edge.payload.too-large"; 2]);
    // Just below the limit all is well; too many points in it are not.
    let mut wire = Wire::device(handle.local_addr(), true, "t", "t").await;
    let text = format!("{{\"note\":\"{}\"}}", "x".repeat((1 << 20) - 100));
    wire.publish(TELEMETRY, 1, 1, text.as_bytes()).await;
    assert_eq!(wire.ack(0x40).await, (1, 0));
    let many = format!("[{}]", vec!["{\"count\":1}"; 10_001].join(","));
    wire.publish(TELEMETRY, 1, 2, many.as_bytes()).await;
    assert_eq!(wire.ack(0x40).await, (2, 0x99));
    well(handle.local_addr(), "oversize", 9).await;
}

#[tokio::test]
async fn slow_senders_of_large_packets_do_not_block_others() {
    let world = World::new();
    world.device("good");
    world.device("t");
    let handle = open_with(&world, |config| {
        config.partial_bytes_max = 1 << 20;
        config.packet_ms_max = 1500;
    })
    .await;
    // Two devices announce 900 KiB each and then dawdle: room is there for one of them.
    let mut slow = Vec::new();
    for client in ["s1", "s2"] {
        let mut wire = Wire::device(handle.local_addr(), true, "t", client).await;
        wire.send(&[0x30, 0x80, 0xa0, 0x38]).await;
        slow.push(wire);
    }
    well(handle.local_addr(), "dawdling", 1).await;
    for mut wire in slow {
        wire.hung_up(0x82).await;
    }
    until("their end", || handle.sessions() == 0).await;
    // The room is free again.
    let mut wire = Wire::device(handle.local_addr(), true, "t", "after").await;
    let text = format!("{{\"note\":\"{}\"}}", "x".repeat(900_000));
    wire.publish(TELEMETRY, 1, 1, text.as_bytes()).await;
    assert_eq!(wire.ack(0x40).await, (1, 0));
}

#[tokio::test]
async fn random_bytes_from_many_connections() {
    let world = World::new();
    world.device("good");
    world.device("t");
    let handle = open_with(&world, |config| config.handshake_ms_max = 300).await;
    let address = handle.local_addr();
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for round in 0..60u16 {
        let mut wire = if round % 2 == 0 {
            Wire::open(address, true).await
        } else {
            Wire::device(address, round % 3 == 0, "t", "t").await
        };
        for _ in 0..20 {
            // Half of it starts like a packet, so that it gets further than the first byte.
            let length = (random() % 120) as usize;
            let mut bytes: Vec<u8> = (0..length).map(|_| random() as u8).collect();
            if random() % 2 == 0 {
                bytes = packet((random() % 256) as u8, &bytes);
            }
            wire.send(&bytes).await;
        }
        tokio::time::timeout(Duration::from_millis(20), wire.frame()).await.ok();
    }
    well(address, "random bytes", 1).await;
}
