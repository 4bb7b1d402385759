//! The demo park as data, and history that joins live values without a seam.

use std::collections::{BTreeSet, HashSet};

use contracts::{
    devices::ModbusFormat,
    telemetry::{Value, ValueType},
    twin::MachineState,
};
use kernel::{Duration, Timestamp};
use models::{
    Symbols,
    alarm::{Clear, Message, Priority, RuleText},
    state::StateRuleText,
};
use simulator::{Kind, Park, Protocol, backfill, physics::Machine};

#[test]
fn the_park_has_what_a_demo_needs() {
    let park = Park::demo(1);
    let kinds: BTreeSet<_> = park.machines.iter().map(|m| m.kind()).collect();
    let protocols: HashSet<_> = park.machines.iter().map(|m| format!("{:?}", m.protocol)).collect();
    let names: HashSet<_> = park.machines.iter().map(|m| (&m.company, &m.code)).collect();
    let companies: HashSet<_> = park.companies.iter().map(|c| &c.code).collect();
    assert!(park.companies.len() >= 4 && park.machines.len() >= 12);
    assert_eq!((kinds.len(), protocols.len(), names.len()), (5, 5, park.machines.len()));
    let mut ports = HashSet::new();
    for machine in &park.machines {
        machine.check().unwrap();
        assert!(companies.contains(&machine.company));
        assert_eq!(machine.protocol == Protocol::ModbusTcp, machine.modbus.is_some());
        if let Some(map) = &machine.modbus {
            assert!(ports.insert(map.port_offset) && (1..=247).contains(&map.unit_id));
            assert!(map.registers.iter().any(|r| r.format == ModbusFormat::U32));
        }
    }
    // Everything a server registers survives its way through JSON.
    let text = serde_json::to_string(&park).unwrap();
    assert_eq!(serde_json::from_str::<Park>(&text).unwrap(), park);
    assert!(park.companies.iter().all(|c| c.name_zh.starts_with("演示") && c.name_en.starts_with("Demo ")));
    assert_eq!(park.machine("precision", "CNC-99").unwrap_err().code, "simulator.machine.unknown");
}

#[test]
fn history_is_what_would_have_been_reported_live() {
    let origin: Timestamp = "2026-08-03T00:00:00Z".parse().unwrap();
    let park = Park::demo_from(5, origin);
    let (from, step) = (origin - Duration::from_hours(1), Duration::from_secs(60));
    let to = origin + Duration::from_hours(20);
    for spec in &park.machines {
        let mut live = Machine::new(spec).unwrap();
        let mut values = Vec::new();
        let (mut samples, mut last_time) = (0, Timestamp::default());
        for (property, sample) in backfill(spec, from, to, step).unwrap().flatten() {
            assert!(sample.source_time >= origin && sample.source_time < to && sample.source_time >= last_time);
            last_time = sample.source_time;
            live.observe(sample.source_time, &mut values).unwrap();
            let index = spec.properties().iter().position(|p| p.id == &*property).unwrap();
            assert_eq!(spec.as_reported(index, &values[index]), Some(sample.value));
            samples += 1;
        }
        assert_eq!(samples, 20 * 60 * spec.properties().len(), "{}", spec.code);
        assert_eq!(last_time, to - step);
    }
}

#[test]
fn modbus_counters_roll_over_like_their_registers() {
    let mut spec = Park::demo(1).machine("stamping", "PRS-01").unwrap().clone();
    let pieces = spec.properties().iter().position(|p| p.id == "piece_total").unwrap();
    assert_eq!(spec.as_reported(pieces, &Value::I64((1 << 32) + 7)), Some(Value::I64(7)));
    // 0.01 kWh a count: the register holds 42.9 GWh.
    let energy = spec.properties().iter().position(|p| p.id == "energy_total").unwrap();
    let Some(Value::F64(kwh)) = spec.as_reported(energy, &Value::F64(1234.567)) else { panic!("not a float") };
    assert!((kwh - 1234.57).abs() < 1e-9);
    spec.metrics[0].property = "nonsense".to_owned();
    assert_eq!(spec.check().unwrap_err().code, "simulator.machine.malformed");
    assert_eq!(
        backfill(&spec, Timestamp::default(), Timestamp::default(), Duration::from_micros(10)).err().map(|e| e.code),
        Some("simulator.backfill.malformed")
    );
}

#[test]
fn rules_of_every_kind_compile_against_its_thing_model() {
    for kind in Kind::ALL {
        let symbols = kind.properties().iter().fold(Symbols::new(), |symbols, property| {
            assert!(matches!(property.value_type, ValueType::F64 | ValueType::I64));
            symbols.number(property.id, property.unit.map(|code| kernel::Unit::of(code).unwrap()))
        });
        for alarm in kind.alarms() {
            let priority: Priority = serde_json::from_value(alarm.priority.into()).unwrap();
            let mut rule = RuleText::new(alarm.when, priority, Message::new(alarm.zh, alarm.en));
            rule.clear = Clear::When(alarm.until.to_owned());
            rule.on_delay_ms = i64::from(alarm.delay_s) * 1000;
            if let Err(error) = rule.compile(&symbols) {
                panic!("{kind:?} {}: {error:?}", alarm.id);
            }
        }
        let mut rule = StateRuleText::new(models::state::MachineState::Idle, 60_000);
        let mut text = String::new();
        for (state, when) in kind.state_cases() {
            let name = serde_json::to_value(state).unwrap();
            text += &format!("{}: {when}; ", name.as_str().unwrap());
            rule = rule.case(serde_json::from_value(name).unwrap(), *when);
            assert_ne!(*state, MachineState::Idle);
        }
        rule.compile(&symbols).unwrap();
        assert_eq!(text + "idle: true", kind.state_rule(), "the two forms say the same");
    }
}

/// Prints how fast history is made: `cargo test -p simulator --test park -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement, not a check"]
fn backfill_speed() {
    let origin: Timestamp = "2026-08-03T00:00:00Z".parse().unwrap();
    let start = std::time::Instant::now();
    let mut samples = 0usize;
    for spec in &Park::demo_from(1, origin).machines {
        let began = std::time::Instant::now();
        let n: usize = backfill(spec, origin, origin + Duration::from_days(90), Duration::from_secs(60))
            .unwrap()
            .map(|b| b.len())
            .sum();
        println!("{:>10} {:<7} {n:>8} samples, {:.2} s", spec.company, spec.code, began.elapsed().as_secs_f64());
        samples += n;
    }
    let seconds = start.elapsed().as_secs_f64();
    println!("{samples} samples in {seconds:.1} s: {:.2} M/s", samples as f64 / seconds / 1e6);
}
