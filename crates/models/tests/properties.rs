//! What must hold for any input: no text panics the parser, streams equal batches, replays equal, ticks change nothing, and
//! plain second implementations agree.

use std::sync::Arc;

use kernel::{Duration, Timestamp, Unit, Window};
use models::{
    Evaluator, Expression, Quality, Reading, Symbols, Value,
    alarm::{Change, Clear, Message, Priority, RuleSet, RuleState, RuleText, Transition},
    state::{Column, ColumnValues, MachineState, StateRule, StateRuleText, StateSpan, StateTimeline},
};
use proptest::prelude::*;

fn symbols() -> Symbols {
    Symbols::new()
        .number("temp", Some(Unit::of("CEL").unwrap()))
        .number("power", Some(Unit::of("KWT").unwrap()))
        .bool("fault")
        .text("mode")
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

/// Pieces of the language in any order: much of it parses, some of it compiles.
fn soup() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "temp",
        "power",
        "fault",
        "mode",
        "unknown_one",
        "80 °C",
        "1.5 kW",
        "2 K/min",
        "1",
        "0",
        "30 s",
        "5 min",
        "50 %",
        "\"a\"",
        "'b'",
        "`temp`",
        "+",
        "-",
        "*",
        "/",
        "<",
        "<=",
        ">",
        ">=",
        "==",
        "!=",
        "and",
        "or",
        "not",
        "&&",
        "||",
        "!",
        "(",
        ")",
        ",",
        "rate(",
        "avg(",
        "max_over(",
        "delta(",
        "age(",
        "absent(",
        "prev(",
        "changed(",
        "if(",
        "min(",
        "clamp(",
        "abs(",
        "sqrt(",
        "pow(",
        "kelvin(",
        "temp > 80 °C",
        "rate(temp, 1 min)",
        "true",
        "80[CEL]",
        "[",
        "]",
        "°",
        "µ",
        "1e9",
        "e",
        ".5",
        "²",
    ]);
    prop::collection::vec(pieces, 0..40).prop_map(|pieces| pieces.join(" "))
}

/// A value of a property at a second: number for temp and power, truth for fault; `None` is bad quality.
type Step = (i64, usize, Option<f64>);

fn steps(ordered: bool) -> impl Strategy<Value = Vec<Step>> {
    let value = prop_oneof![4 => (0..12_u8).prop_map(|v| Some(f64::from(v))), 1 => Just(None)];
    prop::collection::vec((0..400_i64, 0..3_usize, value), 0..60).prop_map(move |mut steps| {
        if ordered {
            steps.sort_by_key(|(at, ..)| *at);
        }
        steps
    })
}

const PROPERTIES: [&str; 3] = ["temp", "power", "fault"];

fn reading(step: &Step) -> Reading<'static> {
    let (_, property, value) = *step;
    let quality = if value.is_some() { Quality::Good } else { Quality::Bad };
    let value = value.unwrap_or(0.0);
    let value = if property == 2 { Value::Bool(value > 6.0) } else { Value::Number(value) };
    Reading { property: PROPERTIES[property], value, quality }
}

fn rules() -> Vec<RuleText> {
    let rule = |raise: &str| RuleText::new(raise, Priority::Low, Message::new("", "x"));
    let s = Duration::from_secs;
    vec![
        rule("temp > 5 °C").deadband("2 K").delays(s(3), s(7)),
        rule("temp > 5 °C and not fault").delays(s(0), s(5)),
        RuleText { clear: Clear::When("power < 3 kW".into()), ..rule("rate(temp, 20 s) > 10 K/min") },
        rule("absent(power, 30 s)").delays(s(10), s(0)),
        rule("avg(temp, 1 min) > 6 °C").delays(s(2), s(2)),
        rule("age(temp) / 2 > 10 s or max_over(power, 40 s) >= 11 kW"),
        rule("changed(fault) and fault"),
    ]
}

fn play(rule: &RuleText, steps: &[Step], ticks: bool) -> (Vec<Transition>, u64) {
    let (mut state, mut out) = (RuleState::new(Arc::new(rule.compile(&symbols()).unwrap()), at(0)), Vec::new());
    for step in steps {
        if ticks {
            // Every second up to the value: nothing measured before it will follow.
            let from = step.0 - 20;
            (from..=step.0).for_each(|second| state.tick(at(second), &mut out));
        }
        state.feed(at(step.0), &[reading(step)], &mut out);
    }
    state.tick(at(1000), &mut out);
    (out, state.counters().late)
}

fn state_rule() -> Arc<StateRule> {
    let rule = StateRuleText::new(MachineState::Off, 25_000)
        .case(MachineState::Down, "fault")
        .case(MachineState::Running, "power > 5 kW or rate(temp, 20 s) > 0.2 K/s")
        .case(MachineState::Idle, "power > 1 kW");
    Arc::new(rule.compile(&symbols()).unwrap())
}

fn stream(rule: &Arc<StateRule>, window: Window, steps: &[Step], ticks: bool) -> Vec<StateSpan> {
    let (mut timeline, mut spans) = (StateTimeline::new(rule.clone(), window.from), Vec::new());
    for step in steps.iter().filter(|step| at(step.0) < window.to) {
        if ticks {
            timeline.tick(at(step.0 - 1), &mut spans);
            timeline.tick(at(step.0), &mut spans);
        }
        timeline.feed(at(step.0), &[reading(step)], &mut spans);
    }
    timeline.finish(window.to, &mut spans);
    spans
}

fn batch(rule: &StateRule, window: Window, steps: &[Step]) -> Vec<StateSpan> {
    let of = |property: usize| steps.iter().filter(move |step| step.1 == property);
    let times = [0, 1, 2].map(|p| of(p).map(|step| at(step.0)).collect::<Vec<_>>());
    let qualities = [0, 1, 2].map(|p| of(p).map(|step| reading(step).quality).collect::<Vec<_>>());
    let numbers = [0, 1].map(|p| of(p).map(|step| step.2.unwrap_or(0.0)).collect::<Vec<_>>());
    let faults: Vec<bool> = of(2).map(|step| step.2.unwrap_or(0.0) > 6.0).collect();
    let values = [ColumnValues::Number(&numbers[0]), ColumnValues::Number(&numbers[1]), ColumnValues::Bool(&faults)];
    let columns: Vec<_> = (0..3)
        .map(|p| Column {
            property: PROPERTIES[p],
            times: &times[p],
            values: values[p],
            qualities: Some(&qualities[p]),
        })
        .collect();
    rule.spans(window, &columns).unwrap()
}

/// The state at a second, worked out from the whole history by looking back: no frames, no windows, no timers.
fn state_by_looking_back(steps: &[Step], second: i64) -> MachineState {
    let last = |property: usize| steps.iter().rev().find(|step| step.1 == property && step.0 <= second);
    let heard = steps.iter().rev().find(|step| step.0 <= second && step.2.is_some());
    if heard.is_none_or(|step| second - step.0 >= 25) {
        return MachineState::Unknown;
    }
    let value = |property: usize| last(property).and_then(|step| step.2);
    let fault = value(2).map(|v| v > 6.0);
    let power = value(1);
    if fault == Some(true) {
        return MachineState::Down;
    }
    if power.is_some_and(|p| p > 5.0) {
        return MachineState::Running;
    }
    if power.is_some_and(|p| p > 1.0) {
        return MachineState::Idle;
    }
    if fault.is_none() || power.is_none() { MachineState::Unknown } else { MachineState::Off }
}

/// Threshold with deadband and delays, second by second.
fn alarm_second_by_second(steps: &[Step], on: i64, off: i64) -> Vec<(Change, i64)> {
    let (mut active, mut since, mut changes) = (false, None, Vec::new());
    for second in 0..1000 {
        let value = steps.iter().rev().find(|step| step.1 == 0 && step.0 <= second).and_then(|step| step.2);
        let wanted = if active { value.is_some_and(|v| v <= 3.0) } else { value.is_some_and(|v| v > 5.0) };
        since = if wanted { since.or(Some(second)) } else { None };
        if since.is_some_and(|from| second - from >= if active { off } else { on }) {
            active = !active;
            since = None;
            changes.push((if active { Change::Raise } else { Change::Return }, second));
        }
    }
    changes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_panic_the_compiler(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Expression::compile(&String::from_utf8_lossy(&bytes), &symbols());
    }

    #[test]
    fn no_text_panics_the_compiler_and_every_span_lies_inside(source in prop_oneof![soup(), "\\PC{0,80}"]) {
        match Expression::compile(&source, &symbols()) {
            Err(problem) => {
                prop_assert!(problem.span.from <= problem.span.to && problem.span.to <= source.len(), "{problem}");
                prop_assert!(source.is_char_boundary(problem.span.from) && source.is_char_boundary(problem.span.to), "{problem}");
            }
            Ok(expression) => {
                let mut evaluator = Evaluator::new(&expression, at(0));
                evaluator.feed(at(1), Reading::number("temp", 1e300));
                evaluator.feed(at(2), Reading::number("power", -3.0));
                prop_assert!(evaluator.number(at(3)).is_none_or(f64::is_finite));
            }
        }
    }

    #[test]
    fn no_time_or_value_panics_a_rule(
        steps in prop::collection::vec((any::<i64>(), 0..3_usize, any::<f64>()), 0..30),
        ticks in prop::collection::vec(any::<i64>(), 0..5),
    ) {
        for rule in rules() {
            let (mut state, mut out) = (RuleState::new(Arc::new(rule.compile(&symbols()).unwrap()), at(0)), Vec::new());
            for (micros, property, value) in &steps {
                let value = if *property == 2 { Value::Bool(*value > 0.0) } else { Value::Number(*value) };
                let reading = Reading { property: PROPERTIES[*property], value, quality: Quality::Good };
                state.feed(Timestamp::from_micros(*micros), &[reading], &mut out);
            }
            ticks.iter().for_each(|tick| state.tick(Timestamp::from_micros(*tick), &mut out));
        }
    }

    #[test]
    fn a_replay_gives_the_same_transitions_and_raises_alternate_with_returns(steps in steps(false)) {
        for rule in rules() {
            let (transitions, late) = play(&rule, &steps, false);
            prop_assert_eq!((&transitions, late), (&play(&rule, &steps, false).0, late));
            for (i, transition) in transitions.iter().enumerate() {
                prop_assert_eq!(transition.change, if i % 2 == 0 { Change::Raise } else { Change::Return });
                prop_assert!(i == 0 || transitions[i - 1].at <= transition.at);
                prop_assert!(transition.since <= transition.at);
            }
        }
    }

    #[test]
    fn ticks_change_nothing(steps in steps(true)) {
        for rule in rules() {
            prop_assert_eq!(play(&rule, &steps, false), play(&rule, &steps, true));
        }
    }

    #[test]
    fn a_set_gives_what_its_rules_give_alone(steps in steps(true)) {
        let texts = rules();
        let mut set = RuleSet::new();
        let indexes: Vec<_> =
            texts.iter().map(|rule| set.add(7, Arc::new(rule.compile(&symbols()).unwrap()), at(0))).collect();
        let mut seen = vec![Vec::new(); texts.len()];
        let place = |index| indexes.iter().position(|i| *i == index).unwrap();
        for step in &steps {
            set.feed(&7, at(step.0), &[reading(step)], |index, transition| seen[place(index)].push(transition));
            set.tick(at(step.0), |index, transition| seen[place(index)].push(transition));
        }
        set.tick(at(1000), |index, transition| seen[place(index)].push(transition));
        for (rule, seen) in texts.iter().zip(seen) {
            prop_assert_eq!(play(rule, &steps, false).0, seen, "{}", rule.raise);
        }
    }

    #[test]
    fn threshold_alarms_agree_with_a_second_by_second_account(steps in steps(true), on in 0..20_i64, off in 0..20_i64) {
        // One value a second: within a second the account below cannot tell the order.
        let mut steps: Vec<_> = steps.into_iter().filter(|step| step.1 == 0).collect();
        steps.dedup_by_key(|step| step.0);
        let rule = RuleText::high("temp", "5 °C", "2 K", Message::default()).delays(Duration::from_secs(on), Duration::from_secs(off));
        let transitions: Vec<_> = play(&rule, &steps, false).0.iter().map(|t| (t.change, t.at.micros() / 1_000_000)).collect();
        prop_assert_eq!(transitions, alarm_second_by_second(&steps, on, off));
    }

    #[test]
    fn states_streamed_equal_states_in_batch(steps in steps(true), from in 0..200_i64, length in 1..300_i64) {
        let rule = state_rule();
        let window = Window::new(at(from), at(from + length)).unwrap();
        let spans = batch(&rule, window, &steps);
        prop_assert_eq!(&spans, &stream(&rule, window, &steps, false));
        prop_assert_eq!(&spans, &stream(&rule, window, &steps, true));
        // Without holes, without empty or repeated spans, from end to end.
        prop_assert_eq!(spans.first().map(|s| s.window.from), Some(window.from));
        prop_assert_eq!(spans.last().map(|s| s.window.to), Some(window.to));
        for pair in spans.windows(2) {
            prop_assert!(pair[0].window.to == pair[1].window.from && pair[0].state != pair[1].state);
        }
    }

    #[test]
    fn states_agree_with_looking_back(steps in steps(true)) {
        let rule = StateRuleText::new(MachineState::Off, 25_000)
            .case(MachineState::Down, "fault")
            .case(MachineState::Running, "power > 5 kW")
            .case(MachineState::Idle, "power > 1 kW");
        let rule = rule.compile(&symbols()).unwrap();
        // A property the rule does not name says nothing about silence.
        let steps: Vec<_> = steps.into_iter().filter(|step| step.1 != 0).collect();
        let spans = batch(&rule, Window::new(at(0), at(500)).unwrap(), &steps);
        for second in 0..500 {
            let span = spans.iter().find(|span| span.window.contains(at(second))).unwrap();
            prop_assert_eq!(span.state, state_by_looking_back(&steps, second), "at {}", second);
        }
    }

    #[test]
    fn windows_agree_with_adding_up(values in prop::collection::vec((1..20_i64, 0..100_u8), 1..60), length in 5..60_i64) {
        let mean = Expression::compile(&format!("avg(power, {length} s)"), &symbols()).unwrap();
        let highest = Expression::compile(&format!("max_over(power, {length} s)"), &symbols()).unwrap();
        let delta = Expression::compile(&format!("delta(power, {length} s)"), &symbols()).unwrap();
        let evaluators = [&mean, &highest, &delta];
        let mut evaluators = evaluators.map(|expression| Evaluator::new(expression, at(0)));
        // Second by second: the value that held in each.
        let (mut held, mut now) = (Vec::<Option<f64>>::new(), 0_i64);
        for (gap, value) in values {
            now += gap;
            held.resize(now as usize, held.last().copied().flatten());
            held.push(Some(f64::from(value)));
            for evaluator in &mut evaluators {
                evaluator.feed(at(now), Reading::number("power", f64::from(value)));
            }
            let inside = &held[(held.len() - 1).saturating_sub(length as usize)..held.len() - 1];
            let known: Vec<f64> = inside.iter().copied().flatten().collect();
            let enough = known.len() as i64 * 2 >= length;
            let expected_mean = enough.then(|| known.iter().sum::<f64>() / known.len() as f64);
            let got = evaluators[0].number(at(now));
            prop_assert_eq!(got.is_some(), enough);
            prop_assert!((got.unwrap_or(0.0) - expected_mean.unwrap_or(0.0)).abs() < 1e-9);
            let expected_max = enough.then(|| known.iter().copied().fold(f64::from(value), f64::max));
            prop_assert_eq!(evaluators[1].number(at(now)), expected_max);
            let then = held.get((held.len() - 1).wrapping_sub(length as usize)).copied().flatten();
            prop_assert_eq!(evaluators[2].number(at(now)), then.map(|then| f64::from(value) - then));
        }
    }
}
