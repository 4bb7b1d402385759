//! Invariants of every machine of the demo park: the same whenever and however often it is looked at, energy is the integral
//! of power, counters only count up, values are plausible, states agree with what is measured.

use contracts::telemetry::Value;
use kernel::{Duration, Timestamp};
use simulator::{MachineSpec, Park, physics::Machine};

fn origin() -> Timestamp {
    "2026-03-02T00:00:00Z".parse().unwrap()
}

fn park(seed: u64) -> Park {
    Park::demo_from(seed, origin())
}

fn look(machine: &mut Machine, at: Timestamp) -> Vec<Value> {
    let mut values = Vec::new();
    assert!(machine.observe(at, &mut values).unwrap());
    assert_eq!(values.len(), machine.spec().properties().len());
    values
}

fn index(spec: &MachineSpec, property: &str) -> usize {
    spec.properties().iter().position(|p| p.id == property).unwrap()
}

fn number(value: &Value) -> f64 {
    value.number().unwrap()
}

#[test]
fn the_same_seed_lives_the_same_life() {
    for (a, b) in park(1).machines.iter().zip(&park(1).machines) {
        let other = &park(2);
        let c = other.machine(&a.company, &a.code).unwrap();
        let (mut a, mut b, mut c) = (Machine::new(a).unwrap(), Machine::new(b).unwrap(), Machine::new(c).unwrap());
        let mut differs = false;
        for hour in 0..400 {
            let at = origin() + Duration::from_secs(hour * 3600 + 17);
            let seen = look(&mut a, at);
            assert_eq!(seen, look(&mut b, at));
            differs |= seen != look(&mut c, at);
        }
        assert!(differs, "{}: another seed is another life", a.spec().code);
    }
}

#[test]
fn looking_often_changes_nothing_and_looking_back_is_possible() {
    for spec in &park(3).machines {
        let (mut often, mut seldom) = (Machine::new(spec).unwrap(), Machine::new(spec).unwrap());
        let mut noon = None;
        for second in 0..36_000 {
            let at = origin() + Duration::from_secs(second);
            let seen = look(&mut often, at);
            if second % 1700 == 0 {
                assert_eq!(seen, look(&mut seldom, at), "{} after {second} s", spec.code);
            }
            if second == 14_400 {
                noon = Some(seen);
            }
        }
        assert_eq!(look(&mut often, origin() + Duration::from_secs(14_400)), noon.unwrap());
        let mut values = Vec::new();
        assert!(!often.observe(origin() - Duration::from_secs(1), &mut values).unwrap() && values.is_empty());
    }
}

#[test]
fn energy_is_the_integral_of_power() {
    for spec in &park(1).machines {
        let mut machine = Machine::new(spec).unwrap();
        let (power, energy) = (index(spec, "power"), index(spec, "energy_total"));
        let start = origin() + Duration::from_hours(30);
        let (mut sum_kws, step_ms) = (0.0, 500);
        let first = number(&look(&mut machine, start)[energy]);
        for step in 0..(16 * 3600 * 1000 / step_ms) {
            let at = start + Duration::from_millis(step * step_ms + step_ms / 2);
            sum_kws += number(&look(&mut machine, at)[power]) * step_ms as f64 / 1000.0;
        }
        let used = number(&look(&mut machine, start + Duration::from_hours(16))[energy]) - first;
        let integral = sum_kws / 3600.0;
        assert!(used > 0.1, "{}/{} used {used} kWh", spec.company, spec.code);
        assert!(
            (used / integral - 1.0).abs() < 0.003,
            "{}/{}: counter {used}, integral {integral}",
            spec.company,
            spec.code
        );
    }
}

#[test]
fn values_are_plausible_and_counters_count_up() {
    for spec in &park(1).machines {
        let mut machine = Machine::new(spec).unwrap();
        let (state, fault, power) = (index(spec, "run_state"), index(spec, "fault_code"), index(spec, "power"));
        let mut last: Option<Vec<Value>> = None;
        let mut share = [0u32; 4];
        let steps = 45 * 1440;
        for minute in 0..steps {
            let values = look(&mut machine, origin() + Duration::from_mins(minute));
            for (property, value) in spec.properties().iter().zip(&values) {
                let v = number(value);
                assert_eq!(value.value_type(), property.value_type);
                assert!((property.min..=property.max).contains(&v), "{}: {} = {v}", spec.code, property.id);
            }
            if let Some(last) = &last {
                for (i, property) in spec.properties().iter().enumerate().filter(|(_, p)| p.counter) {
                    assert!(number(&values[i]) >= number(&last[i]), "{}: {} went back", spec.code, property.id);
                }
            }
            let number_of = |i: usize| number(&values[i]);
            assert_eq!(
                number_of(fault) > 0.0,
                number_of(state) == 3.0,
                "{}: a fault is down, down is a fault",
                spec.code
            );
            assert!(
                number_of(state) != 0.0 || number_of(power) < 0.05,
                "{}: off draws {}",
                spec.code,
                number_of(power)
            );
            assert!(
                !(1.0..=2.0).contains(&number_of(state)) || number_of(power) > 0.2,
                "{}: on draws nothing",
                spec.code
            );
            share[number_of(state) as usize] += 1;
            last = Some(values);
        }
        let share = share.map(|n| f64::from(n) / steps as f64);
        println!(
            "{:>10} {:<7} off {:.2} idle {:.2} running {:.2} down {:.3}",
            spec.company, spec.code, share[0], share[1], share[2], share[3]
        );
        assert!(share[2] > 0.08, "{}: runs {share:?}", spec.code);
        assert!(share[3] < 0.12, "{}: down {share:?}", spec.code);
    }
}

#[test]
fn pieces_quality_and_specific_energy_are_those_of_such_machines() {
    let month = Duration::from_days(40);
    for spec in &park(1).machines {
        let mut machine = Machine::new(spec).unwrap();
        let start = look(&mut machine, origin());
        let end = look(&mut machine, origin() + month);
        let used = |property: &str| {
            let i = index(spec, property);
            number(&end[i]) - number(&start[i])
        };
        let name = format!("{}/{}", spec.company, spec.code);
        if spec.kind().property("piece_total").is_some() {
            let yield_share = used("piece_good") / used("piece_total");
            println!("{name}: {:.0} pieces, {:.2} % good", used("piece_total"), 100.0 * yield_share);
            assert!(used("piece_total") > 300.0 && (0.9..1.0).contains(&yield_share), "{name}: {yield_share}");
        }
        if spec.kind().property("air_total").is_some() {
            // kW per m³/min averaged over load and unload: above the full-load 6-7, below the poor 11.
            let specific = used("energy_total") / (used("air_total") / 60.0);
            println!("{name}: {specific:.2} kWh per (m³/min·h)");
            assert!((6.2..11.0).contains(&specific), "{name}: {specific}");
        }
        if spec.kind().property("water_total").is_some() {
            let per_m3 = used("energy_total") / used("water_total");
            println!("{name}: {per_m3:.3} kWh per m³");
            assert!((0.05..0.25).contains(&per_m3), "{name}: {per_m3}");
        }
    }
}

#[test]
fn degradation_announces_itself() {
    // Over half a year the precursors of wear-out faults must be seen at least once in the park.
    let (mut hot, mut shaking, mut faults) = (false, false, std::collections::BTreeSet::new());
    for spec in &park(1).machines {
        let mut machine = Machine::new(spec).unwrap();
        for step in 0..(180 * 144) {
            let values = look(&mut machine, origin() + Duration::from_mins(step * 10));
            if let Some(i) = spec.properties().iter().position(|p| p.id == "spindle_temp") {
                hot |= number(&values[i]) > 68.0;
            }
            if let Some(i) = spec.properties().iter().position(|p| p.id == "vibration_rms") {
                shaking |= number(&values[i]) > 4.5;
            }
            let code = number(&values[index(spec, "fault_code")]) as i64;
            if code > 0 {
                assert!(spec.kind().faults().iter().any(|fault| fault.code == code));
                faults.insert((spec.kind(), code));
            }
        }
    }
    assert!(hot && shaking, "hot {hot}, shaking {shaking}");
    assert!(faults.len() >= 12, "{faults:?}");
}
