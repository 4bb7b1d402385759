//! Alarm rules on streams of values, and the life of an alarm.

use std::sync::Arc;

use kernel::{Duration, Timestamp, Unit};
use models::{
    Quality, Reading, Symbols, Value,
    alarm::{
        Alarm, AlarmState, Change, Clear, Mark, Message, Priority, RuleSet, RuleState, RuleText, ShelvingState,
        Transition,
    },
};

fn symbols() -> Symbols {
    Symbols::new()
        .number("temp", Some(Unit::of("CEL").unwrap()))
        .number("power", Some(Unit::of("KWT").unwrap()))
        .bool("running")
}

fn at(seconds: f64) -> Timestamp {
    Timestamp::from_micros((seconds * 1e6) as i64)
}

fn message() -> Message {
    Message::new("温度高", "temperature high")
}

/// Plays `time:value` pairs of one property (`-` is a bad value, `tick` no value) and shows the transitions.
fn play(rule: &RuleText, property: &str, script: &str) -> String {
    let rule = Arc::new(rule.compile(&symbols()).unwrap());
    let mut state = RuleState::new(rule, at(0.0));
    let mut out = Vec::new();
    for step in script.split_whitespace() {
        let (time, value) = step.split_once(':').unwrap();
        let time = at(time.parse().unwrap());
        match value {
            "tick" => state.tick(time, &mut out),
            "-" => {
                let bad = Reading { property, value: Value::Number(0.0), quality: Quality::Bad };
                state.feed(time, &[bad], &mut out);
            }
            value => state.feed(time, &[Reading::number(property, value.parse().unwrap())], &mut out),
        }
    }
    show(&out)
}

fn show(transitions: &[Transition]) -> String {
    let one = |t: &Transition| {
        let sign = if t.change == Change::Raise { "raise" } else { "return" };
        format!("{sign}@{}", t.at.micros() as f64 / 1e6)
    };
    transitions.iter().map(one).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_threshold_with_deadband_does_not_chatter() {
    let rule = RuleText::high("temp", "80 °C", "2 K", message());
    assert_eq!(play(&rule, "temp", "0:79 1:80 2:80.1 3:79.9 4:80.1 5:78.1 6:78 7:81"), "raise@2 return@6 raise@7");
    let plain = RuleText::new("temp > 80 °C", Priority::Low, message());
    assert_eq!(play(&plain, "temp", "0:79 2:80.1 3:79.9 4:80.1"), "raise@2 return@3 raise@4");
    let low = RuleText::low("temp", "10 °C", "2 K", message());
    assert_eq!(play(&low, "temp", "0:11 1:9 2:11 3:12"), "raise@1 return@3");
    let mirrored = RuleText::new("80 °C < temp", Priority::Low, message()).deadband("2 K");
    assert_eq!(play(&mirrored, "temp", "0:81 1:79 2:78"), "raise@0 return@2");
    let rate = RuleText::new("rate(temp, 10 s) > 1 K/s", Priority::Low, message()).deadband("0.5 K/s");
    assert_eq!(play(&rate, "temp", "0:20 10:35 20:42 30:47 40:51"), "raise@10 return@30");
}

#[test]
fn delays_run_on_sample_time_and_end_to_the_microsecond() {
    let rule = RuleText::new("temp > 80 °C", Priority::High, message())
        .delays(Duration::from_secs(10), Duration::from_secs(5));
    assert_eq!(play(&rule, "temp", "0:81 9:81 11:81"), "raise@10");
    assert_eq!(play(&rule, "temp", "0:81 60:tick"), "raise@10");
    assert_eq!(play(&rule, "temp", "0:81 9:79 10:81 19:81 20:tick"), "");
    assert_eq!(play(&rule, "temp", "0:81 9:79 10:81 19:81 20.1:tick"), "raise@20");
    // It must still hold at the end of the delay; a value of that very moment counts.
    assert_eq!(play(&rule, "temp", "0:81 10:79 99:tick"), "");
    assert_eq!(play(&rule, "temp", "0:81 20:79 22:81 23:79 40:tick"), "raise@10 return@28");
}

#[test]
fn unknown_neither_raises_nor_clears() {
    let rule = RuleText::new("temp > 80 °C", Priority::High, message())
        .delays(Duration::from_secs(10), Duration::from_secs(0));
    assert_eq!(play(&rule, "temp", "0:81 5:- 30:tick"), "");
    assert_eq!(play(&rule, "temp", "0:81 12:- 30:tick 31:79"), "raise@10 return@31");
    assert_eq!(play(&rule, "temp", "0:inf 30:tick"), "");
    let not_running = RuleText::new("not running", Priority::High, message());
    assert_eq!(play(&not_running, "temp", "0:81 30:tick"), "");
}

#[test]
fn absence_is_raised_at_the_moment_the_time_is_over() {
    let rule = RuleText::absence("temp", "5 min", message());
    assert_eq!(play(&rule, "temp", "299:tick 300:tick"), "");
    assert_eq!(play(&rule, "temp", "301:tick"), "raise@300");
    assert_eq!(play(&rule, "temp", "0:20 100:21 400:22 800:22"), "raise@700 return@800");
    assert_eq!(play(&rule, "temp", "0:20 100:- 301:tick 302:20"), "raise@300 return@302");
}

#[test]
fn ages_in_formulas_are_followed_too() {
    let rule = RuleText::new("age(temp) > 30 s and power > 1 kW", Priority::Low, message());
    let compiled = Arc::new(rule.compile(&symbols()).unwrap());
    let (mut state, mut out) = (RuleState::new(compiled, at(0.0)), Vec::new());
    state.feed(at(0.0), &[Reading::number("temp", 1.0), Reading::number("power", 2.0)], &mut out);
    state.tick(at(100.0), &mut out);
    assert_eq!(show(&out), "raise@30.000001");
    let rule = RuleText::new("age(temp) / 2 >= 15 s", Priority::Low, message());
    assert_eq!(play(&rule, "temp", "0.5:1 100:tick"), "raise@31");
}

#[test]
fn rate_of_change_over_a_sliding_window() {
    let rule = RuleText::rate_of_change("temp", "2 K/min", "1 min", message());
    let ramp: Vec<_> = (0..20).map(|i| format!("{}:{}", i * 10, 20.0 + f64::from(i * 10) / 60.0 * 3.0)).collect();
    assert_eq!(play(&rule, "temp", &ramp.join(" ")), "raise@60");
    // When the ramp stops, the window slides off it without another sample.
    let stopped = format!("{} 400:tick", ramp.join(" "));
    assert_eq!(play(&rule, "temp", &stopped), "raise@60 return@210");
}

#[test]
fn an_own_clearing_condition() {
    let rule = RuleText {
        clear: Clear::When("temp < 60 °C".into()),
        ..RuleText::new("temp > 80 °C", Priority::Low, message())
    };
    assert_eq!(play(&rule, "temp", "0:81 1:70 2:81 3:59 4:70"), "raise@0 return@3");
    // A pair that overlaps does not chatter: the raise outweighs.
    let careless = RuleText { clear: Clear::When("temp < 90 °C".into()), ..rule };
    assert_eq!(play(&careless, "temp", "0:81 1:82 2:83 3:80"), "raise@0 return@3");
}

#[test]
fn late_values_are_counted_and_otherwise_ignored() {
    let rule = Arc::new(RuleText::high("temp", "80 °C", "0 K", message()).compile(&symbols()).unwrap());
    let (mut state, mut out) = (RuleState::new(rule, at(0.0)), Vec::new());
    state.feed(at(10.0), &[Reading::number("temp", 70.0)], &mut out);
    state.feed(at(5.0), &[Reading::number("temp", 95.0)], &mut out);
    state.feed(at(11.0), &[Reading { property: "temp", value: Value::Text("hot"), quality: Quality::Good }], &mut out);
    state.feed(at(12.0), &[Reading::number("unrelated", 1.0)], &mut out);
    assert_eq!((show(&out).as_str(), state.counters().late, state.counters().unusable), ("", 1, 1));
}

#[test]
fn values_of_one_message_count_together() {
    let rule =
        Arc::new(RuleText::new("running and power < 1 kW", Priority::Low, message()).compile(&symbols()).unwrap());
    let (mut state, mut out) = (RuleState::new(rule, at(0.0)), Vec::new());
    state.feed(at(0.0), &[Reading::bool("running", false), Reading::number("power", 0.0)], &mut out);
    state.feed(at(1.0), &[Reading::bool("running", true), Reading::number("power", 5.0)], &mut out);
    state.feed(at(2.0), &[Reading::bool("running", false), Reading::number("power", 0.0)], &mut out);
    assert_eq!(show(&out), "");
}

#[test]
fn rules_are_refused_with_the_field_named() {
    let refuse = |rule: RuleText| {
        let error = rule.compile(&symbols()).unwrap_err();
        (error.code, error.fields.first().map(|field| field.pointer.clone()).unwrap_or_default())
    };
    let rule = RuleText::new("temp > 80 °C", Priority::Low, message());
    assert_eq!(
        refuse(RuleText { raise: "temp > 80 kW".into(), ..rule.clone() }),
        ("models.expression.unit-mismatch", "/raise".into())
    );
    assert_eq!(refuse(rule.clone().deadband("2 °C")), ("models.expression.unit-mismatch", "/clear/deadband".into()));
    assert_eq!(refuse(rule.clone().deadband("2 kW")), ("models.expression.unit-mismatch", "/clear/deadband".into()));
    assert_eq!(refuse(rule.clone().deadband("-2 K")), ("models.expression.type-mismatch", "/clear/deadband".into()));
    assert_eq!(
        refuse(RuleText { raise: "running".into(), ..rule.clone() }.deadband("1 K")).0,
        "models.expression.type-mismatch"
    );
    assert_eq!(
        refuse(RuleText { clear: Clear::When("temp".into()), ..rule.clone() }),
        ("models.expression.type-mismatch", "/clear/when".into())
    );
    assert_eq!(
        refuse(RuleText { raise: "1 > 2".into(), ..rule.clone() }),
        ("models.rule.no-property", "/raise".into())
    );
    assert_eq!(refuse(RuleText { on_delay_ms: -1, ..rule.clone() }), ("models.rule.delay", "/on_delay_ms".into()));
    assert_eq!(refuse(RuleText { off_delay_ms: i64::MAX, ..rule }), ("models.rule.delay", "/off_delay_ms".into()));
    assert_eq!(Priority::from_number(5).unwrap_err().code, "models.rule.priority");
}

#[test]
fn the_stored_form_of_a_rule() {
    let text = r#"{"raise":"temp > 80 °C","clear":{"deadband":"2 K"},"on_delay_ms":5000,"priority":"high","message":{"zh":"高","en":"high"}}"#;
    let rule: RuleText = serde_json::from_str(text).unwrap();
    assert_eq!((rule.on_delay_ms, rule.off_delay_ms, rule.priority.number(), rule.latching), (5000, 0, 2, false));
    assert_eq!(serde_json::from_str::<RuleText>(&serde_json::to_string(&rule).unwrap()).unwrap(), rule);
    assert!(rule.compile(&symbols()).is_ok());
}

#[test]
fn a_set_of_rules_gives_what_each_gives_alone() {
    let high = Arc::new(RuleText::high("temp", "80 °C", "2 K", message()).compile(&symbols()).unwrap());
    let silent = Arc::new(RuleText::absence("power", "1 min", message()).compile(&symbols()).unwrap());
    let mut set = RuleSet::new();
    let first = set.add("m1", high.clone(), at(0.0));
    let second = set.add("m2", high, at(0.0));
    let third = set.add("m2", silent, at(0.0));
    let mut seen = Vec::new();
    assert_eq!(
        set.feed(&"m1", at(1.0), &[Reading::number("temp", 81.0)], |rule, t| seen.push((rule, t.change, t.at))),
        1
    );
    assert_eq!(set.feed(&"m3", at(1.0), &[Reading::number("temp", 81.0)], |_, _| panic!("nobody watches it")), 0);
    set.feed(&"m2", at(2.0), &[Reading::number("temp", 70.0), Reading::number("power", 1.0)], |_, _| panic!("normal"));
    set.tick(at(62.5), |rule, t| seen.push((rule, t.change, t.at)));
    set.feed(&"m2", at(63.0), &[Reading::number("temp", 85.0), Reading::number("power", 1.0)], |rule, t| {
        seen.push((rule, t.change, t.at));
    });
    assert_eq!(
        seen,
        [
            (first, Change::Raise, at(1.0)),
            (third, Change::Raise, at(62.0)),
            (second, Change::Raise, at(63.0)),
            (third, Change::Return, at(63.0)),
        ]
    );
    // A tick says that nothing before it will follow; a value of that very moment still may.
    set.tick(at(123.0), |_, _| panic!("the minute is not over before this moment"));
    set.feed(&"m2", at(123.0), &[Reading::number("power", 1.0)], |_, _| panic!("heard in time"));
    assert!(set.get(first).unwrap().is_active() && set.len() == 3);
    assert!(set.remove(third).is_some() && set.remove(third).is_none() && set.len() == 2);
    set.tick(at(1e6), |_, _| panic!("its timer went with it"));
}

#[test]
fn a_rule_on_a_fast_signal_stays_within_eight_kilobytes() {
    let rule =
        Arc::new(RuleText::new("avg(temp, 1 min) > 80 °C", Priority::Low, message()).compile(&symbols()).unwrap());
    let (mut state, mut out) = (RuleState::new(rule, at(0.0)), Vec::new());
    let mut most = 0;
    for i in 0..100_000 {
        state.feed(at(f64::from(i) / 1000.0), &[Reading::number("temp", f64::from(i % 100))], &mut out);
        most = most.max(state.memory_bytes());
    }
    assert!((1000..=8192).contains(&most), "{most}");
}

fn mark(seconds: f64) -> Mark {
    Mark { by: "li.wei".into(), reason: "seen".into(), at: at(seconds) }
}

#[test]
fn an_alarm_walks_the_standard_states() {
    use AlarmState::*;
    let alarm = Alarm::new(false, Duration::from_hours(8)).unwrap();
    assert_eq!(alarm.state(), Normal);
    let active = alarm.raise(at(1.0)).unwrap();
    assert_eq!(active.state(), UnacknowledgedActive);
    let acked = active.clone().acknowledge(mark(2.0)).unwrap();
    assert_eq!(acked.state(), AcknowledgedActive);
    assert_eq!(acked.clone().return_to_normal(at(3.0)).unwrap().state(), Normal);
    let returned = active.return_to_normal(at(3.0)).unwrap();
    assert_eq!(returned.state(), ReturnedUnacknowledged);
    let again = returned.clone().raise(at(4.0)).unwrap();
    assert_eq!((again.state(), again.history().3), (UnacknowledgedActive, 2));
    assert_eq!(returned.acknowledge(mark(5.0)).unwrap().state(), Normal);
}

#[test]
fn a_latching_alarm_stays_until_acknowledged_and_reset() {
    use AlarmState::*;
    let active = Alarm::new(true, Duration::from_hours(8)).unwrap().raise(at(1.0)).unwrap();
    let latched = active.return_to_normal(at(2.0)).unwrap();
    assert_eq!(latched.state(), LatchedUnacknowledged);
    assert_eq!(latched.clone().reset().unwrap_err().code, "models.alarm.not-acknowledged");
    let acked = latched.acknowledge(mark(3.0)).unwrap();
    assert_eq!((acked.state(), acked.opc(at(3.0)).latched_state), (LatchedAcknowledged, true));
    assert_eq!(acked.clone().reset().unwrap().state(), Normal);
    assert_eq!(acked.raise(at(4.0)).unwrap().state(), UnacknowledgedActive);
}

/// Every state with every transition: what is not in the table is refused with a code.
#[test]
fn illegal_transitions_are_refused_by_code() {
    let normal = || Alarm::new(false, Duration::from_hours(8)).unwrap();
    let latching = || Alarm::new(true, Duration::from_hours(8)).unwrap();
    let states = [
        ("normal", normal()),
        ("active", normal().raise(at(0.0)).unwrap()),
        ("acked", normal().raise(at(0.0)).unwrap().acknowledge(mark(0.0)).unwrap()),
        ("returned", normal().raise(at(0.0)).unwrap().return_to_normal(at(1.0)).unwrap()),
        ("latched", latching().raise(at(0.0)).unwrap().return_to_normal(at(1.0)).unwrap()),
        (
            "latched-acked",
            latching().raise(at(0.0)).unwrap().return_to_normal(at(1.0)).unwrap().acknowledge(mark(1.0)).unwrap(),
        ),
    ];
    let code = |result: kernel::Result<Alarm>| match result {
        Ok(alarm) => format!("{:?}", alarm.state()),
        Err(error) => error.code.trim_start_matches("models.alarm.").to_string(),
    };
    let table: Vec<String> = states
        .into_iter()
        .map(|(name, alarm)| {
            let raise = code(alarm.clone().raise(at(9.0)));
            let ack = code(alarm.clone().acknowledge(mark(9.0)));
            let ret = code(alarm.clone().return_to_normal(at(9.0)));
            let reset = code(alarm.reset());
            format!("{name}: {raise}, {ack}, {ret}, {reset}")
        })
        .collect();
    assert_eq!(
        table,
        [
            "normal: UnacknowledgedActive, nothing-to-acknowledge, not-active, not-latched",
            "active: already-active, AcknowledgedActive, ReturnedUnacknowledged, still-active",
            "acked: already-active, nothing-to-acknowledge, Normal, still-active",
            "returned: UnacknowledgedActive, Normal, not-active, not-latched",
            "latched: UnacknowledgedActive, LatchedAcknowledged, not-active, not-acknowledged",
            "latched-acked: UnacknowledgedActive, nothing-to-acknowledge, not-active, Normal",
        ]
    );
}

#[test]
fn a_shelf_always_ends() {
    let hour = 3600.0;
    assert_eq!(Alarm::new(false, Duration::from_secs(0)).unwrap_err().code, "models.alarm.max-time-shelved");
    let alarm = Alarm::new(false, Duration::from_hours(8)).unwrap().raise(at(0.0)).unwrap();
    let refuse = |until: f64| alarm.clone().shelve(at(until), false, mark(1.0)).unwrap_err().code;
    assert_eq!(refuse(9.0 * hour), "models.alarm.shelving-time");
    assert_eq!(refuse(1.0), "models.alarm.shelving-time");
    let nameless = Mark { reason: " ".into(), ..mark(1.0) };
    assert_eq!(alarm.clone().shelve(at(hour), false, nameless).unwrap_err().code, "models.alarm.reason-missing");
    let shelved = alarm.shelve(at(hour), false, mark(1.0)).unwrap();
    let opc = shelved.opc(at(hour - 1.0));
    assert_eq!(
        (opc.shelving_state, opc.suppressed_or_shelved, opc.unshelve_time_ms),
        (ShelvingState::TimedShelved, true, Some(1000))
    );
    assert!(!shelved.is_annunciated(at(hour - 1.0)) && shelved.is_annunciated(at(hour)));
    assert_eq!(shelved.clone().shelve(at(hour), false, mark(2.0)).unwrap_err().code, "models.alarm.already-shelved");
    assert!(shelved.clone().shelve(at(2.0 * hour), false, mark(hour)).is_ok(), "its time is over");
    assert!(shelved.clone().unshelve(at(2.0)).unwrap().is_annunciated(at(2.0)));
    assert_eq!(shelved.clone().unshelve(at(hour)).unwrap_err().code, "models.alarm.not-shelved");
    // A one-shot shelf ends with the occurrence, a timed one outlives it.
    assert!(shelved.return_to_normal(at(10.0)).unwrap().shelf(at(11.0)).is_some());
    let one_shot = Alarm::new(false, Duration::from_hours(8)).unwrap().raise(at(0.0)).unwrap();
    let one_shot = one_shot.shelve(at(hour), true, mark(1.0)).unwrap();
    assert_eq!(one_shot.opc(at(2.0)).shelving_state, ShelvingState::OneShotShelved);
    assert!(one_shot.return_to_normal(at(10.0)).unwrap().shelf(at(11.0)).is_none());
}

#[test]
fn suppression_and_service_are_separate_marks() {
    let alarm = Alarm::new(false, Duration::from_hours(8)).unwrap().raise(at(0.0)).unwrap();
    let hidden = alarm.suppress(mark(1.0)).unwrap().take_out_of_service(mark(2.0)).unwrap();
    assert_eq!(hidden.state(), AlarmState::UnacknowledgedActive);
    assert_eq!(hidden.clone().suppress(mark(3.0)).unwrap_err().code, "models.alarm.already-suppressed");
    assert_eq!(hidden.clone().take_out_of_service(mark(3.0)).unwrap_err().code, "models.alarm.already-out-of-service");
    let opc = serde_json::to_value(hidden.opc(at(3.0))).unwrap();
    assert_eq!((opc["SuppressedState"].as_bool(), opc["OutOfServiceState"].as_bool()), (Some(true), Some(true)));
    assert_eq!(
        (opc["ActiveState"].as_bool(), opc["AckedState"].as_bool(), opc["Retain"].as_bool()),
        (Some(true), Some(false), Some(true))
    );
    let back = hidden.unsuppress().unwrap();
    assert!(!back.is_annunciated(at(4.0)));
    let back = back.return_to_service().unwrap();
    assert!(back.is_annunciated(at(4.0)));
    assert_eq!(back.clone().unsuppress().unwrap_err().code, "models.alarm.not-suppressed");
    assert_eq!(back.clone().return_to_service().unwrap_err().code, "models.alarm.in-service");
    let stored = serde_json::to_string(&back).unwrap();
    assert_eq!(serde_json::from_str::<Alarm>(&stored).unwrap(), back);
}
