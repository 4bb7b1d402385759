//! Hand-computed tables, and the laws: a window cut in two sums to the whole; time and counters scale.

use contracts::telemetry::{Quality, Value};
use kernel::{Timestamp, Unit, Window};
use proptest::prelude::*;

use super::*;

const S: i64 = 1_000_000;

fn t(secs: i64) -> Timestamp {
    Timestamp::from_micros(secs * S)
}

fn window(from: i64, to: i64) -> Window {
    Window { from: t(from), to: t(to) }
}

fn at(micros: i64, value: Value) -> MeterSample {
    MeterSample {
        at: Timestamp::from_micros(micros),
        position: micros as u64,
        sequence: 0,
        quality: Quality::Good,
        value,
    }
}

fn floats(values: &[(i64, f64)]) -> Vec<MeterSample> {
    values.iter().map(|(secs, value)| at(secs * S, Value::F64(*value))).collect()
}

fn rule(json: &str) -> Rule {
    let rule: Rule = serde_json::from_str(json).unwrap();
    assert_eq!(serde_json::from_str::<Rule>(&serde_json::to_string(&rule).unwrap()).unwrap(), rule);
    rule
}

fn counter(extra: &str) -> Rule {
    rule(&format!(
        r#"{{"rule":"counter_difference@1","property":"n","gap_max_ms":60000,"decimals":3,"multiplier":"1","on_drop":"refuse"{extra}}}"#
    ))
}

fn integral() -> Rule {
    rule(
        r#"{"rule":"trapezoid_integral@1","property":"p","gap_max_ms":60000,"decimals":6,"per":"HUR","multiplier":"1"}"#,
    )
}

fn running(gap_max_ms: u64) -> Rule {
    rule(&format!(
        r#"{{"rule":"time_in_state@1","property":"s","gap_max_ms":{gap_max_ms},"decimals":6,"values":["running",2,true]}}"#
    ))
}

fn edges() -> Rule {
    rule(r#"{"rule":"edge_count@1","property":"c","gap_max_ms":60000,"decimals":0,"threshold":"0.5","per_edge":"4"}"#)
}

fn run(rule: &Rule, unit: &str, window: Window, samples: &[MeterSample]) -> Output {
    rule.run(&Input { window, unit: Unit::of(unit).unwrap(), samples, adjustments: &[] }).unwrap()
}

fn d(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[test]
fn a_counter_counts_from_the_value_before_the_window() {
    let samples = floats(&[(-10, 100.0), (20, 101.5), (50, 104.25), (90, 120.0)]);
    let out = run(&counter(""), "KWH", window(0, 60), &samples);
    assert_eq!((out.opening, out.closing, out.quantity), (Some(d("100")), Some(d("104.25")), d("4.25")));
    assert_eq!(out.coverage, d("1"));
    // Without the value before it, the first one opens, and the time up to it is a gap.
    let out = run(&counter(""), "KWH", window(0, 60), &samples[1..]);
    assert_eq!((out.opening, out.quantity, out.coverage), (Some(d("101.5")), d("2.75"), d("0.666666")));
    assert_eq!(out.gaps, [Gap { from: t(0), to: t(20), reason: GapReason::NoData }]);
}

#[test]
fn the_multiplier_scales_and_the_result_is_rounded_once() {
    let rule = counter("").with(|rule| {
        rule.decimals = 2;
        let Method::CounterDifference(counter) = &mut rule.method else { unreachable!() };
        counter.multiplier = d("0.333");
    });
    // 3 × 0.333 = 0.999 → 1.00; three separately rounded steps would give 0.99.
    let samples = floats(&[(-1, 0.0), (10, 1.0), (20, 2.0), (30, 3.0)]);
    assert_eq!(run(&rule, "KWH", window(0, 60), &samples).quantity, d("1"));
}

#[test]
fn a_rollover_is_counted_and_listed() {
    let samples = floats(&[(-1, 65_530.0), (10, 65_535.0), (20, 4.0)]);
    let out = run(&counter(r#","modulus":"65536""#), "H87", window(0, 60), &samples);
    assert_eq!(out.quantity, d("10"));
    assert_eq!(
        out.incidents,
        [Incident { at: t(20), kind: IncidentKind::Rollover, before: d("65535"), after: d("4") }]
    );
}

#[test]
fn a_falling_counter_is_an_error_until_somebody_says_why() {
    let samples = floats(&[(-1, 500.0), (10, 510.0), (20, 3.0)]);
    let unit = Unit::of("H87").unwrap();
    let input = Input { window: window(0, 60), unit, samples: &samples, adjustments: &[] };
    assert_eq!(counter("").run(&input).unwrap_err().code, "record.meter.counter-fell");
    // A modulus does not excuse half a turn backwards.
    assert_eq!(counter(r#","modulus":"10000""#).run(&input).unwrap_err().code, "record.meter.counter-fell");
    // Replaced at 512, the new counter started at 1: 10 + 2 + 2.
    let adjustments = [Adjustment { at: t(15), kind: IncidentKind::Replacement, closing: d("512"), opening: d("1") }];
    let out = counter("").run(&Input { adjustments: &adjustments, ..input }).unwrap();
    assert_eq!((out.quantity, out.incidents.len()), (d("14"), 1));
    // A rule that knows the counter restarts at zero: 10 + 3.
    let restarting = counter("").with(|rule| {
        let Method::CounterDifference(counter) = &mut rule.method else { unreachable!() };
        counter.on_drop = OnDrop::ResetToZero;
    });
    let out = restarting.run(&input).unwrap();
    assert_eq!((out.quantity, out.incidents[0].kind), (d("13"), IncidentKind::Reset));
}

#[test]
fn a_state_holds_until_the_next_sample_but_not_longer_than_the_gap() {
    let text = |secs: i64, value: &str| at(secs * S, Value::Str(value.into()));
    let samples = [text(-10, "running"), text(20, "idle"), text(30, "running"), text(40, "down"), text(50, "running")];
    // 20 + 10 + 10 s of 60.
    let out = run(&running(60_000), "SEC", window(0, 60), &samples);
    assert_eq!((out.quantity, out.coverage), (d("40"), d("1")));
    // Each sample vouches for 8 s only: the first until −2, then 30–38 and 50–58.
    let out = run(&running(8_000), "SEC", window(0, 60), &samples);
    assert_eq!(out.quantity, d("16"));
    assert_eq!(out.coverage, d("0.533333"));
    assert_eq!(out.gaps.len(), 5);
    assert!(out.gaps.iter().all(|gap| gap.reason == GapReason::Silence));
    // One hour is 3 600 s, rounded once.
    assert_eq!(run(&running(60_000), "HUR", window(0, 60), &samples).quantity, d("0.011111"));
}

#[test]
fn states_may_be_text_codes_or_flags() {
    let samples =
        [at(0, Value::I64(2)), at(10 * S, Value::F64(2.0)), at(20 * S, Value::Bool(true)), at(30 * S, Value::I64(3))];
    // true is 1: matched by `true`; 2 by 2; 3 by nothing.
    assert_eq!(run(&running(60_000), "SEC", window(0, 60), &samples).quantity, d("30"));
}

#[test]
fn edges_are_counted_where_they_rise() {
    let flags: Vec<MeterSample> = [(-5, false), (5, true), (6, true), (7, false), (8, true), (70, false), (80, true)]
        .map(|(secs, flag)| at(secs * S, Value::Bool(flag)))
        .to_vec();
    assert_eq!(run(&edges(), "H87", window(0, 60), &flags).quantity, d("8"));
    // Already high at the beginning is not an edge.
    assert_eq!(run(&edges(), "H87", window(6, 8), &flags).quantity, d("0"));
    // One edge per cavity count across the silence, and the coverage tells.
    let out = run(&edges(), "H87", window(60, 120), &flags);
    assert_eq!(out.quantity, d("4"));
}

#[test]
fn the_integral_of_straight_lines_is_exact() {
    // 10 kW for half an hour, then rising to 20 kW over half an hour: 5 + 7.5 kWh.
    let every_minute: Vec<(i64, f64)> = (0..=60)
        .map(|minute| (minute * 60, if minute <= 30 { 10.0 } else { 10.0 + (minute - 30) as f64 / 3.0 }))
        .collect();
    let out = run(&integral(), "KWH", window(0, 3600), &floats(&every_minute));
    assert_eq!((out.quantity, out.coverage), (d("12.5"), d("1")));
    // The sample after the window closes it; without it the last minute is a gap.
    let out = run(&integral(), "KWH", window(0, 3600), &floats(&every_minute[..60]));
    assert_eq!(out.gaps, [Gap { from: t(3540), to: t(3600), reason: GapReason::NoClosing }]);
    assert_eq!(out.coverage, d("0.983333"));
}

#[test]
fn lines_are_cut_at_the_borders_of_the_window() {
    // 0 → 60 kW between −30 s and 30 s; at 0 it is 30 kW. Area in the window: (30+60)/2 × 30 s + 60 × 30 s = 3 150 kWs.
    let samples = floats(&[(-30, 0.0), (30, 60.0), (90, 60.0)]);
    let out = run(&integral(), "KWH", window(0, 60), &samples);
    assert_eq!((out.quantity, out.coverage), (d("0.875"), d("1")));
}

#[test]
fn silence_and_bad_values_add_nothing() {
    let mut samples = floats(&[(0, 36.0), (10, 36.0), (200, 36.0), (210, 36.0), (220, 36.0), (230, 36.0)]);
    samples[4].quality = Quality::Bad;
    let out = run(&integral(), "KWH", window(0, 230), &samples);
    // 0–10 and 200–210: 20 s × 36 kW.
    assert_eq!(out.quantity, d("0.2"));
    let reasons: Vec<GapReason> = out.gaps.iter().map(|gap| gap.reason).collect();
    assert_eq!(reasons, [GapReason::Silence, GapReason::BadQuality]);
    assert_eq!(out.coverage, d("0.086956"));
}

#[test]
fn no_data_is_zero_quantity_and_zero_coverage() {
    for (rule, unit) in [(counter(""), "H87"), (running(1), "HUR"), (edges(), "H87"), (integral(), "KWH")] {
        let out = run(&rule, unit, window(0, 60), &[]);
        assert_eq!((out.quantity, out.coverage), (d("0"), d("0")));
        assert_eq!(out.gaps, [Gap { from: t(0), to: t(60), reason: GapReason::NoData }]);
    }
}

#[test]
fn every_malformed_parameter_is_named() {
    let bad = rule(r#"{"rule":"time_in_state@1","property":"a b","gap_max_ms":0,"decimals":12,"values":[1.5]}"#);
    let error = bad.check(Unit::of("KWH").unwrap()).unwrap_err();
    let fields: Vec<&str> = error.fields.iter().map(|field| field.pointer.as_str()).collect();
    assert_eq!(fields, ["/rule/property", "/rule/gap_max_ms", "/rule/decimals", "/unit", "/rule/values"]);
    running(1000).check(Unit::of("HUR").unwrap()).unwrap();
    integral().check(Unit::of("KWH").unwrap()).unwrap();
}

trait With: Sized {
    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}
impl With for Rule {}

/// The samples a sealed window sees: what lies in it, the last one before, the first one after.
fn seen(samples: &[MeterSample], window: Window) -> Vec<MeterSample> {
    let first = samples.iter().rposition(|s| s.at < window.from).unwrap_or(0);
    let last = samples.iter().position(|s| s.at >= window.to).map_or(samples.len(), |i| i + 1);
    samples[first..last.max(first)].to_vec()
}

fn exact(rule: &Rule, unit: &str, window: Window, samples: &[MeterSample]) -> (i128, i128) {
    let exact = run(rule, unit, window, &seen(samples, window)).exact;
    (exact.numerator, exact.denominator)
}

prop_compose! {
    /// Strictly rising times with steps of 0.1–40 s.
    fn times(n: usize)(steps in proptest::collection::vec(100_000i64..40_000_000, n)) -> Vec<i64> {
        steps.iter().scan(0, |sum, step| { *sum += step; Some(*sum) }).collect()
    }
}

proptest! {
    #[test]
    fn cutting_at_any_sample_sums_to_the_whole(times in times(30), values in proptest::collection::vec(-1e6f64..1e6, 30), cut in 2usize..28) {
        let (from, to) = (times[1] + 7, times[28] + 13);
        let whole = Window { from: Timestamp::from_micros(from), to: Timestamp::from_micros(to) };
        let middle = Timestamp::from_micros(times[cut]);
        let (left, right) = (Window { to: middle, ..whole }, Window { from: middle, ..whole });
        let mut total = 0.0;
        let rising: Vec<MeterSample> =
            times.iter().zip(&values).map(|(time, v)| { total += v.abs(); at(*time, Value::F64(total)) }).collect();
        let noisy: Vec<MeterSample> = times.iter().zip(&values).map(|(time, v)| at(*time, Value::F64(*v))).collect();
        let states: Vec<MeterSample> = times.iter().zip(&values).map(|(time, v)| at(*time, Value::Bool(*v > 0.0))).collect();
        let cases: [(Rule, &str, &[MeterSample]); 4] = [
            (counter(""), "KWH", &rising), (integral(), "KWH", &noisy), (running(15_000), "HUR", &states), (edges(), "H87", &states),
        ];
        for (rule, unit, samples) in cases {
            let ((whole, den), (a, da), (b, db)) =
                (exact(&rule, unit, whole, samples), exact(&rule, unit, left, samples), exact(&rule, unit, right, samples));
            prop_assert_eq!((den, den), (da, db));
            prop_assert_eq!(whole, a + b, "{}", rule.name());
        }
    }

    #[test]
    fn cutting_anywhere_sums_where_values_hold_or_count(times in times(20), flags in proptest::collection::vec(any::<bool>(), 20), cut in 0.01f64..0.99) {
        let (from, to) = (times[0] + 1, times[19]);
        let middle = Timestamp::from_micros(from + ((to - from) as f64 * cut) as i64);
        let whole = Window { from: Timestamp::from_micros(from), to: Timestamp::from_micros(to) };
        let (left, right) = (Window { to: middle, ..whole }, Window { from: middle, ..whole });
        let states: Vec<MeterSample> = times.iter().zip(&flags).map(|(time, f)| at(*time, Value::Bool(*f))).collect();
        let mut n = 0;
        let counts: Vec<MeterSample> = times.iter().zip(&flags).map(|(time, f)| { n += i64::from(*f); at(*time, Value::I64(n)) }).collect();
        for (rule, unit, samples) in [(running(9_000), "SEC", &states), (edges(), "H87", &states), (counter(""), "H87", &counts)] {
            let sum = exact(&rule, unit, left, samples).0 + exact(&rule, unit, right, samples).0;
            prop_assert_eq!(exact(&rule, unit, whole, samples).0, sum, "{}", rule.name());
        }
    }

    #[test]
    fn stretching_time_stretches_hours_and_integrals(times in times(12), values in proptest::collection::vec(0f64..1e4, 12), k in 2i64..5) {
        let stretched: Vec<i64> = times.iter().map(|time| time * k).collect();
        let whole = |times: &[i64]| Window { from: Timestamp::from_micros(times[0]), to: Timestamp::from_micros(times[11]) };
        let series = |times: &[i64]| -> Vec<MeterSample> { times.iter().zip(&values).map(|(time, v)| at(*time, Value::F64(*v))).collect() };
        let wide = integral().with(|rule| rule.gap_max_ms = 86_400_000);
        let (one, many) = (exact(&wide, "KWH", whole(&times), &series(&times)), exact(&wide, "KWH", whole(&stretched), &series(&stretched)));
        prop_assert_eq!(one.0 * i128::from(k), many.0);
        prop_assert_eq!(one.1, many.1);
    }

    #[test]
    fn a_wrapping_counter_counts_like_an_endless_one(times in times(20), steps in proptest::collection::vec(0i64..400, 20)) {
        let totals: Vec<i64> = steps.iter().scan(700, |sum, step| { *sum += step; Some(*sum) }).collect();
        let series = |wrap: i64| -> Vec<MeterSample> { times.iter().zip(&totals).map(|(time, n)| at(*time, Value::I64(n % wrap))).collect() };
        let window = Window { from: Timestamp::from_micros(times[0] + 1), to: Timestamp::from_micros(times[19] + 1) };
        let endless = run(&counter(""), "H87", window, &series(i64::MAX));
        let wrapping = run(&counter(r#","modulus":"1000""#), "H87", window, &series(1000));
        prop_assert_eq!(endless.quantity, wrapping.quantity);
        prop_assert_eq!(wrapping.incidents.len() as i64, totals[19] / 1000 - totals[0] / 1000);
    }

    #[test]
    fn coverage_is_a_share_and_gaps_fill_the_rest(times in times(15), bad in proptest::collection::vec(any::<bool>(), 15), gap_ms in 1_000u64..30_000) {
        let samples: Vec<MeterSample> = times.iter().zip(&bad)
            .map(|(time, bad)| MeterSample { quality: if *bad { Quality::Bad } else { Quality::Good }, ..at(*time, Value::F64(1.0)) }).collect();
        let window = Window { from: Timestamp::from_micros(times[2]), to: Timestamp::from_micros(times[12] + 5) };
        for (rule, unit) in [(running(gap_ms), "HUR"), (integral().with(|rule| rule.gap_max_ms = gap_ms), "KWH")] {
            let out = run(&rule, unit, window, &seen(&samples, window));
            let uncovered: i64 = out.gaps.iter().map(|gap| (gap.to - gap.from).micros()).sum();
            let covered = window.length().micros() - uncovered;
            let expected = Decimal::new((i128::from(covered) * 1_000_000 / i128::from(window.length().micros())) as i64, 6);
            prop_assert_eq!(out.coverage, expected.normalize());
            prop_assert!(out.gaps.windows(2).all(|pair| pair[0].to <= pair[1].from));
        }
    }
}
