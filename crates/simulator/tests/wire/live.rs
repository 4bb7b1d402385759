//! The protocols over real loopback sockets.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use crate::common::{TestClock, broker, eventually};
use contracts::{devices::ModbusFormat, telemetry::Value};
use kernel::{Clock, Duration, Timestamp};
use serde_json::Value as Json;
use simulator::{AckLedger, MachineSpec, Park, Protocol, RunConfig, Target, live::Fate, physics::Machine, run};
use tokio_modbus::client::{Reader, tcp};

fn now() -> Timestamp {
    "2026-06-10T03:00:00Z".parse().unwrap()
}

fn park() -> Park {
    Park::demo_from(1, "2026-06-08T00:00:00Z".parse().unwrap())
}

fn local() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

fn target(mqtt: SocketAddr, http: SocketAddr, speed: f64) -> Target {
    Target { mqtt, http, speed, seed: 1, clock: TestClock::starting(now()), ledger: None }
}

fn config(machines: Vec<MachineSpec>, target: Target, start: Option<Timestamp>) -> RunConfig {
    let machines = machines
        .into_iter()
        .map(|spec| {
            let token = format!("token-{}", spec.code);
            (spec, token)
        })
        .collect();
    RunConfig { machines, target, modbus_bind: local(), start }
}

/// Times and values of every set in JSON messages.
fn sets(bodies: impl Iterator<Item = Vec<u8>>) -> Vec<(i64, BTreeMap<String, Json>)> {
    let mut sets = Vec::new();
    for body in bodies {
        let message: Json = serde_json::from_slice(&body).unwrap();
        let all = if let Json::Array(all) = message { all } else { vec![message] };
        for set in all {
            let values = set["values"].as_object().unwrap().iter().map(|(k, v)| (k.clone(), v.clone())).collect();
            sets.push((set["ts"].as_i64().unwrap(), values));
        }
    }
    sets
}

/// What the machine really did, under its metric names.
fn truth(spec: &MachineSpec, ms: i64) -> BTreeMap<String, Json> {
    let mut values = Vec::new();
    assert!(Machine::new(spec).unwrap().observe(Timestamp::from_millis(ms), &mut values).unwrap());
    let pairs = spec.properties().iter().zip(values);
    pairs.map(|(p, v)| (spec.metric(p.id).unwrap().metric.clone(), serde_json::to_value(v).unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mqtt_machines_survive_a_broker_that_dies_without_losing_or_inventing_a_sample() {
    let heard = crate::common::Heard::default();
    let (address, task) = broker(local(), heard.clone()).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.jsonl");
    let specs: Vec<MachineSpec> =
        ["CNC-01", "CNC-02"].iter().map(|code| park().machine("precision", code).unwrap().clone()).collect();
    assert_eq!((specs[0].protocol, specs[1].protocol), (Protocol::MqttV5, Protocol::MqttV311));
    let start = now() - Duration::from_mins(40);
    let mut target = target(address, address, 400.0);
    target.ledger = Some(path.clone());
    let clock = target.clock.clone();
    let handle = run(config(specs.clone(), target, Some(start))).await.unwrap();

    eventually("some messages", || handle.counters().acknowledged > 10).await;
    task.abort();
    let _ = task.await;
    let before = heard.lock().unwrap().len();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let (_, task) = broker(address, heard.clone()).await;
    eventually("messages after the restart", || heard.lock().unwrap().len() > before + 10).await;
    eventually("caught up", || {
        let heard = heard.lock().unwrap();
        specs.iter().all(|spec| {
            let mine = heard.iter().rev().find(|(id, ..)| id.ends_with(&spec.code)).map(|(_, _, body)| body.clone());
            sets(mine.into_iter()).last().is_some_and(|(ms, _)| *ms > now().millis())
        })
    })
    .await;
    let counters = handle.stop().await.unwrap();
    task.abort();

    assert!(counters.repeated > 0 && counters.refused == 0, "{counters:?}");
    let heard = heard.lock().unwrap();
    assert!(heard.iter().all(|(_, topic, _)| topic == "v1/devices/me/telemetry"));
    let entries = AckLedger::read(&path).unwrap();
    let acknowledged: Vec<_> = entries.iter().filter(|entry| entry.fate == Fate::Acknowledged).collect();
    assert_eq!(acknowledged.len() as u64, counters.acknowledged);
    for spec in &specs {
        let mine: Vec<Vec<u8>> =
            heard.iter().filter(|(id, ..)| id.ends_with(&spec.code)).map(|(_, _, body)| body.clone()).collect();
        // Everything the ledger calls acknowledged was heard, byte for byte.
        let name = format!("{}/{}", spec.company, spec.code);
        for entry in acknowledged.iter().filter(|entry| entry.machine == name) {
            assert!(mine.iter().any(|body| body == entry.body.as_bytes()), "message {}", entry.id);
            assert!(!entry.points().unwrap().is_empty());
        }
        let mut seen: Vec<(i64, BTreeMap<String, Json>)> = sets(mine.into_iter());
        assert!(seen.iter().all(|(ms, _)| *ms <= clock.now().millis() && *ms > start.millis()));
        // Repetitions are repetitions: the same values at the same time. Without them, one sample a second, none missing.
        seen.sort_by_key(|(ms, _)| *ms);
        for pair in seen.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
            assert_eq!(pair[0], pair[1]);
        }
        seen.dedup();
        assert!(seen.len() > 2300, "{}", seen.len());
        assert!(seen.windows(2).all(|pair| pair[1].0 - pair[0].0 == 1000));
        for (ms, values) in seen.iter().step_by(701) {
            assert_eq!(*values, truth(spec, *ms));
        }
    }
}

#[tokio::test]
async fn http_machines_repeat_what_was_not_answered_and_drop_what_was_refused() {
    let (address, seen) =
        crate::common::http(vec!["503 Service Unavailable", "200 OK", "422 Unprocessable Content", "204 No Content"])
            .await;
    let spec = park().machine("plastics", "IMM-02").unwrap().clone();
    assert_eq!(spec.protocol, Protocol::HttpJson);
    let handle = run(config(vec![spec.clone()], target(address, address, 50.0), Some(now() - Duration::from_mins(5))))
        .await
        .unwrap();
    eventually("five requests", || seen.lock().unwrap().len() > 5).await;
    let counters = handle.stop().await.unwrap();
    assert_eq!((counters.repeated, counters.refused), (1, 1), "{counters:?}");
    let seen = seen.lock().unwrap();
    assert!(seen.iter().all(|(line, ..)| line == "POST /api/v1/token-IMM-02/telemetry HTTP/1.1"), "{:?}", seen[0].0);
    assert_eq!(seen[0].2, seen[1].2, "sent again byte for byte");
    let told = sets(seen[1..].iter().map(|(_, _, body)| body.clone()));
    assert!(
        told.windows(2).all(|pair| pair[1].0 - pair[0].0 == 1000),
        "the refused message is not repeated, the next one follows"
    );
    assert_eq!(told[0].1, truth(&spec, told[0].0));
}

#[tokio::test]
async fn line_protocol_machines_carry_their_token_in_the_header() {
    let (address, seen) = crate::common::http(vec!["204 No Content"]).await;
    let spec = park().machine("plastics", "CWP-01").unwrap().clone();
    assert_eq!(spec.protocol, Protocol::HttpLine);
    let handle =
        run(config(vec![spec], target(address, address, 50.0), Some(now() - Duration::from_mins(5)))).await.unwrap();
    eventually("a request", || !seen.lock().unwrap().is_empty()).await;
    handle.stop().await.unwrap();
    let (line, authorization, body) = seen.lock().unwrap()[0].clone();
    assert_eq!(line, "POST /api/v1/ingest/line HTTP/1.1");
    assert_eq!(authorization.as_deref(), Some("Bearer token-CWP-01"));
    let text = String::from_utf8(body).unwrap();
    let first = text.lines().next().unwrap();
    assert!(first.starts_with("plastics/CWP-01 run_state=") && first.contains("i,fault_code="), "{first}");
    let nanos: i64 = first.rsplit(' ').next().unwrap().parse().unwrap();
    assert!(nanos % 1_000_000 == 0 && nanos / 1_000_000 <= now().millis() + 60_000);
}

#[tokio::test]
async fn modbus_machines_show_the_present_in_their_registers() {
    let spec = park().machine("utilities", "CWP-01").unwrap().clone();
    let clock: Arc<dyn Clock> = Arc::new(kernel::ManualClock::new(now()));
    let mut target = target(local(), local(), 1.0);
    target.clock = clock;
    let handle = run(config(vec![spec.clone()], target, None)).await.unwrap();
    let [(company, code, address)] = handle.modbus() else { panic!("one Modbus machine") };
    assert_eq!((company.as_str(), code.as_str()), ("utilities", "CWP-01"));
    let poll = spec.poll(*address).unwrap();
    assert_eq!(poll.address, address.to_string());

    let mut client = tcp::connect_slave(*address, tokio_modbus::Slave(poll.unit_id)).await.unwrap();
    let mut values = Vec::new();
    Machine::new(&spec).unwrap().observe(now(), &mut values).unwrap();
    for register in &poll.registers {
        let count = if matches!(register.format, ModbusFormat::U16 | ModbusFormat::I16) { 1 } else { 2 };
        let words = client.read_input_registers(register.address, count).await.unwrap().unwrap();
        let double = || u32::from(words[0]) << 16 | u32::from(words[1]);
        let raw = match register.format {
            ModbusFormat::U16 => f64::from(words[0]),
            ModbusFormat::I16 => f64::from(words[0] as i16),
            ModbusFormat::U32 => f64::from(double()),
            ModbusFormat::F32 => f64::from(f32::from_bits(double())),
            other => panic!("{other:?} is not in this map"),
        };
        let metric = spec.metrics.iter().find(|metric| metric.metric == register.metric).unwrap();
        let index = spec.properties().iter().position(|p| p.id == metric.property).unwrap();
        let stored = if metric.scale == 1.0 { raw } else { raw * metric.scale + metric.offset };
        let expected = spec.as_reported(index, &values[index]).unwrap();
        assert_eq!(expected.number(), Some(stored), "{}", metric.property);
        // And that is the property itself, as finely as the register can show it.
        let resolution = if register.format == ModbusFormat::F32 { 0.01 } else { metric.scale };
        let property = if let Value::I64(v) = values[index] { v as f64 } else { values[index].number().unwrap() };
        assert!((stored - property).abs() <= resolution * 0.51, "{}: {stored} for {property}", metric.property);
    }
    let beyond = client.read_input_registers(500, 1).await.unwrap();
    assert_eq!(beyond, Err(tokio_modbus::ExceptionCode::IllegalDataAddress));
    let coils = client.read_coils(0, 1).await.unwrap();
    assert_eq!(coils, Err(tokio_modbus::ExceptionCode::IllegalDataAddress));
    let mut other = tcp::connect_slave(*address, tokio_modbus::Slave(9)).await.unwrap();
    assert_eq!(other.read_input_registers(0, 1).await.unwrap(), Err(tokio_modbus::ExceptionCode::GatewayTargetDevice));
    assert!(handle.counters().asked as usize > poll.registers.len());

    let address = *address;
    handle.stop().await.unwrap();
    assert!(tokio::net::TcpStream::connect(address).await.is_err(), "stopped machines do not listen");
}

#[tokio::test]
async fn impossible_runs_are_refused() {
    let spec = park().machine("utilities", "CWP-01").unwrap().clone();
    let refused = run(config(vec![spec.clone()], target(local(), local(), 0.0), None)).await.err().unwrap();
    assert_eq!(refused.code, "simulator.run.malformed");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut config = config(vec![spec], target(local(), local(), 1.0), None);
    let offset = config.machines[0].0.modbus.as_ref().unwrap().port_offset;
    config.modbus_bind = SocketAddr::new(local().ip(), taken.local_addr().unwrap().port() - offset);
    assert_eq!(run(config).await.err().unwrap().code, "simulator.modbus.unbound");
}
