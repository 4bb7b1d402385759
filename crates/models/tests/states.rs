//! Machine states from values.

use std::sync::Arc;

use kernel::{Timestamp, Unit, Window};
use models::{
    Reading, Symbols,
    state::{Column, ColumnValues, MachineState, StateRuleText, StateSpan, StateTimeline},
};

fn symbols() -> Symbols {
    Symbols::new().number("power", Some(Unit::of("KWT").unwrap())).bool("fault").text("mode")
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

fn rule() -> StateRuleText {
    StateRuleText::new(MachineState::Off, 60_000)
        .case(MachineState::Down, "fault")
        .case(MachineState::Running, "power > 5 kW")
        .case(MachineState::Idle, "power > 0.5 kW")
}

fn show(spans: &[StateSpan]) -> String {
    let seconds = |t: Timestamp| t.micros() as f64 / 1e6;
    let one =
        |s: &StateSpan| format!("{:?} {}..{}", s.state, seconds(s.window.from), seconds(s.window.to)).to_lowercase();
    spans.iter().map(one).collect::<Vec<_>>().join(", ")
}

#[test]
fn a_shift_of_a_machine() {
    let (mut timeline, mut spans) =
        (StateTimeline::new(Arc::new(rule().compile(&symbols()).unwrap()), at(0)), Vec::new());
    for (second, power, fault) in
        [(10, 0.1, false), (20, 1.0, false), (30, 9.0, false), (40, 9.5, false), (50, 9.5, true), (55, 9.0, false)]
    {
        timeline.feed(at(second), &[Reading::number("power", power), Reading::bool("fault", fault)], &mut spans);
    }
    assert_eq!(timeline.current(), (MachineState::Running, at(55)));
    assert_eq!(timeline.due(), Some(at(115)));
    // Silence: unknown from the moment the time is over, not from the tick that noticed.
    timeline.tick(at(200), &mut spans);
    assert_eq!(timeline.current(), (MachineState::Unknown, at(115)));
    timeline.feed(at(210), &[Reading::number("power", 0.0)], &mut spans);
    timeline.finish(at(220), &mut spans);
    assert_eq!(
        show(&spans),
        "unknown 0..10, off 10..20, idle 20..30, running 30..50, down 50..55, running 55..115, unknown 115..210, off 210..220"
    );
}

#[test]
fn another_value_of_the_same_moment_leaves_no_empty_span() {
    let (mut timeline, mut spans) =
        (StateTimeline::new(Arc::new(rule().compile(&symbols()).unwrap()), at(0)), Vec::new());
    timeline.feed(at(0), &[Reading::bool("fault", false), Reading::number("power", 9.0)], &mut spans);
    timeline.feed(at(10), &[Reading::bool("fault", true)], &mut spans);
    timeline.feed(at(10), &[Reading::bool("fault", false)], &mut spans);
    timeline.feed(at(20), &[Reading::number("power", 8.0)], &mut spans);
    timeline.finish(at(30), &mut spans);
    assert_eq!(show(&spans), "running 0..30");
}

#[test]
fn a_condition_in_doubt_is_passed_over_and_doubt_remains_if_none_holds() {
    let run = |power: f64| {
        let (mut timeline, mut spans) =
            (StateTimeline::new(Arc::new(rule().compile(&symbols()).unwrap()), at(0)), Vec::new());
        timeline.feed(at(0), &[Reading::number("power", power)], &mut spans);
        timeline.current().0
    };
    assert_eq!(run(9.0), MachineState::Running);
    assert_eq!(run(0.0), MachineState::Unknown);
}

#[test]
fn text_states_in_batch_with_what_was_before_the_window() {
    let rule = StateRuleText::new(MachineState::Unknown, 3_600_000)
        .case(MachineState::Running, "mode == \"RUN\"")
        .case(MachineState::Idle, "mode == \"READY\" or mode == \"HOLD\"");
    let rule = rule.compile(&symbols()).unwrap();
    let times = [at(-10), at(20), at(30), at(40), at(90)];
    let column = Column {
        property: "mode",
        times: &times,
        values: ColumnValues::Text(&["RUN", "READY", "HOLD", "RUN", "OFF"]),
        qualities: None,
    };
    let unused =
        Column { property: "power", times: &times[..1], values: ColumnValues::Number(&[1.0]), qualities: None };
    let spans = rule.spans(Window::new(at(0), at(60)).unwrap(), &[unused, column]).unwrap();
    assert_eq!(show(&spans), "running 0..20, idle 20..40, running 40..60");
    assert_eq!(show(&rule.spans(Window::new(at(0), at(60)).unwrap(), &[]).unwrap()), "unknown 0..60");
}

#[test]
fn refusals() {
    let refuse = |rule: StateRuleText| {
        let error = rule.compile(&symbols()).unwrap_err();
        (error.code, error.fields.first().map(|field| field.pointer.clone()).unwrap_or_default())
    };
    assert_eq!(refuse(StateRuleText::new(MachineState::Off, 1000)), ("models.state-rule.cases", "/cases".into()));
    assert_eq!(refuse(StateRuleText { silence_ms: 0, ..rule() }), ("models.state-rule.silence", "/silence_ms".into()));
    assert_eq!(
        refuse(rule().case(MachineState::Idle, "power > 1 bar")),
        ("models.expression.unit-mismatch", "/cases/3/when".into())
    );
    let rule = rule().compile(&symbols()).unwrap();
    let window = Window::new(at(0), at(10)).unwrap();
    let backwards = [at(2), at(1)];
    let column =
        Column { property: "power", times: &backwards, values: ColumnValues::Number(&[1.0, 2.0]), qualities: None };
    assert_eq!(rule.spans(window, &[column]).unwrap_err().code, "models.column.order");
    let short = Column { values: ColumnValues::Number(&[1.0]), ..column };
    assert_eq!(rule.spans(window, &[short]).unwrap_err().code, "models.column.length");
}
