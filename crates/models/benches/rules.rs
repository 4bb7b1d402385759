//! 8 000 rules on 500 machines: evaluations per second and bytes per rule. `cargo bench -p models --profile dev`.
//!
//! The mix is that of a controller with plain limits: 11 thresholds with deadband and delay, one rate of change, one sliding
//! mean, one absence, two over several properties, for each machine.

use std::{sync::Arc, time::Instant};

use kernel::{Duration, Timestamp, Unit};
use models::{
    Reading, Symbols,
    alarm::{Message, Priority, RuleSet, RuleText},
};

const MACHINES: u32 = 500;
const PROPERTIES: usize = 12;
const SECONDS: i64 = 120;

fn main() {
    let unit = |code| Some(Unit::of(code).expect("a known code"));
    let names: Vec<String> = (0..PROPERTIES).map(|i| format!("p{i}")).collect();
    let symbols = names.iter().fold(Symbols::new(), |symbols, name| symbols.number(name, unit("CEL")));

    let message = || Message::new("报警", "alarm");
    let mut texts: Vec<_> = names[..11].iter().map(|name| RuleText::high(name, "90 °C", "2 K", message())).collect();
    texts.iter_mut().for_each(|rule| *rule = rule.clone().delays(Duration::from_secs(5), Duration::from_secs(5)));
    texts.push(RuleText::rate_of_change("p0", "30 K/min", "1 min", message()));
    texts.push(RuleText::new("avg(p1, 1 min) > 75 °C", Priority::Low, message()));
    texts.push(RuleText::absence("p2", "30 s", message()));
    texts.push(RuleText::new("p3 - p4 > 25 K and p5 > 40 °C", Priority::Low, message()));
    texts.push(RuleText::new("max(p6, p7) > 95 °C or not (p8 < p9)", Priority::Low, message()));
    let compiled = Instant::now();
    let rules: Vec<_> = texts.iter().map(|text| Arc::new(text.compile(&symbols).expect("a sound rule"))).collect();
    let compile_us = compiled.elapsed().as_micros() as f64 / rules.len() as f64;

    let mut set = RuleSet::new();
    for machine in 0..MACHINES {
        for rule in &rules {
            set.add(machine, rule.clone(), Timestamp::from_micros(0));
        }
    }

    let (mut evaluations, mut messages, mut transitions) = (0_usize, 0_usize, 0_usize);
    let started = Instant::now();
    for second in 0..SECONDS {
        for machine in 0..MACHINES {
            let at = Timestamp::from_micros(second * 1_000_000 + i64::from(machine) * 1000);
            let readings: [Reading<'_>; PROPERTIES] = std::array::from_fn(|p| {
                let phase = (second * 7 + i64::from(machine) * 13 + p as i64 * 29) % 360;
                Reading::number(&names[p], 70.0 + 25.0 * (phase as f64).to_radians().sin())
            });
            evaluations += set.feed(&machine, at, &readings, |_, _| transitions += 1);
            messages += 1;
        }
        set.tick(Timestamp::from_micros(second * 1_000_000), |_, _| transitions += 1);
    }
    let elapsed = started.elapsed().as_secs_f64();
    println!("rules {}, compile {compile_us:.1} µs/rule", set.len());
    let bytes: Vec<_> = set.iter().map(|(_, state)| state.memory_bytes()).collect();
    let largest = bytes.iter().max().copied().unwrap_or(0);
    println!("{} bytes per rule on average, {largest} at most", bytes.iter().sum::<usize>() / bytes.len());
    println!(
        "{messages} messages of {PROPERTIES} values, {evaluations} evaluations, {transitions} transitions in {elapsed:.3} s"
    );
    println!(
        "{:.2} M evaluations/s, {:.0} ns per evaluation",
        evaluations as f64 / elapsed / 1e6,
        elapsed * 1e9 / evaluations as f64
    );
    println!(
        "{:.0} messages/s, {:.2} M values/s",
        messages as f64 / elapsed,
        (messages * PROPERTIES) as f64 / elapsed / 1e6
    );
}
