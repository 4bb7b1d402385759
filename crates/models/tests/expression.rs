//! The expression language as a table: source, values, answer; and source, refusal.

use kernel::{Timestamp, Unit};
use models::{Evaluator, Expression, Quality, Reading, ResultType, Symbols, Truth, Value};

fn symbols() -> Symbols {
    let unit = |code: &str| Some(Unit::of(code).unwrap());
    Symbols::new()
        .number("temp", unit("CEL"))
        .number("ambient", unit("KEL"))
        .number("power", unit("KWT"))
        .number("power_w", unit("WTT"))
        .number("energy", unit("KWH"))
        .number("flow", unit("G53"))
        .number("pressure", unit("BAR"))
        .number("speed", unit("RPM"))
        .number("frequency", unit("HTZ"))
        .number("torque", unit("NU"))
        .number("load", unit("P1"))
        .number("pieces", unit("H87"))
        .number("ratio", None)
        .number("reactive", unit("KVR"))
        .number("1st", unit("MMT"))
        .bool("running")
        .bool("door")
        .text("mode")
}

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// The usual values at [`NOW`]: everything known except `ambient`, `door` and `frequency`.
fn evaluate(source: &str) -> (Truth, Option<f64>) {
    let expression = Expression::compile(source, &symbols()).unwrap_or_else(|problem| panic!("{source}: {problem}"));
    let mut evaluator = Evaluator::new(&expression, NOW);
    for (property, value) in [
        ("temp", 80.0),
        ("power", 1.5),
        ("power_w", 750.0),
        ("energy", 12.0),
        ("flow", 0.25),
        ("pressure", 0.9),
        ("speed", 1500.0),
        ("torque", 100.0),
        ("load", 80.0),
        ("pieces", 42.0),
        ("ratio", 0.5),
        ("reactive", 2.0),
        ("1st", 3.0),
    ] {
        evaluator.feed(NOW, Reading::number(property, value));
    }
    evaluator.feed(NOW, Reading::bool("running", true));
    evaluator.feed(NOW, Reading::text("mode", "auto"));
    evaluator.feed(NOW, Reading { property: "frequency", value: Value::Number(50.0), quality: Quality::Bad });
    (evaluator.truth(NOW), evaluator.number(NOW))
}

#[track_caller]
fn check(source: &str, expect: &str) {
    let shown = match Expression::compile(source, &symbols()) {
        Err(problem) => {
            let place = source.get(problem.span.from..problem.span.to).unwrap_or("(off a character boundary)");
            format!("{} [{place}] {}", problem.code.trim_start_matches("models.expression."), problem.message)
        }
        Ok(expression) => match (expression.result(), evaluate(source)) {
            (ResultType::Condition, (truth, _)) => format!("{truth:?}").to_lowercase(),
            (ResultType::Number(measure), (_, Some(number))) => {
                let rounded = (number * 1e9).round() / 1e9;
                if measure.to_string() == "no unit" { rounded.to_string() } else { format!("{rounded} {measure}") }
            }
            (ResultType::Number(_), (_, None)) => "unknown".into(),
        },
    };
    assert_eq!(shown, expect, "{source}");
}

#[test]
fn arithmetic_and_precedence() {
    check("1 + 2 * 3", "7");
    check("(1 + 2) * 3", "9");
    check("2 - 3 - 4", "-5");
    check("12 / 3 / 2", "2");
    check("-ratio * 2", "-1");
    check("- -ratio", "0.5");
    check("1.5e1 + 1e-1", "15.1");
    check("abs(-3)", "3");
    check("min(2, max(1, 3))", "2");
    check("clamp(ratio, 0.6, 0.9)", "0.6");
    check("sqrt(ratio + 1.75)", "1.5");
    check("pow(ratio, 2)", "0.25");
    check("exp(ln(ratio))", "0.5");
    check("if(running, 1, 2)", "1");
    check("if(not running, 1, 2)", "2");
}

#[test]
fn logic_binds_as_spoken() {
    check("true or false and false", "true");
    check("(true or false) and false", "false");
    check("not false and false", "false");
    check("not (false and false)", "true");
    check("not temp > 90 °C and running", "true");
    check("!running || pieces == 42", "true");
    check("running && pieces != 42", "false");
    check("running == true", "true");
    check("mode == \"auto\"", "true");
    check("mode != 'auto'", "false");
    check("mode == 'it\\'s'", "false");
    check("temp ≥ 80 °C", "true");
}

#[test]
fn unknown_is_a_third_answer() {
    check("door", "unknown");
    check("not door", "unknown");
    check("door and false", "false");
    check("false and door", "false");
    check("door and true", "unknown");
    check("door or true", "true");
    check("true or door", "true");
    check("door or false", "unknown");
    check("door == door", "unknown");
    check("frequency > 0", "unknown");
    check("frequency > 0 or running", "true");
    check("if(door, 1, 1)", "unknown");
    check("if(running, 1, frequency / 1 Hz)", "1");
    check("max(ratio, frequency / 1 Hz)", "unknown");
    check("ratio / (ratio - 0.5)", "unknown");
    check("sqrt(-ratio)", "unknown");
    check("pow(frequency / 1 Hz, 0)", "unknown");
    check("prev(temp) > 0 °C", "unknown");
    check("changed(running)", "unknown");
    check("prev(mode) == \"auto\"", "unknown");
    check("clamp(ratio, 0.9, 0.6)", "unknown");
}

#[test]
fn literals_take_any_unit_of_the_dimension() {
    check("temp >= 80 °C", "true");
    check("temp > 80°C", "false");
    check("temp == 80[CEL]", "true");
    check("temp == 80 [CEL]", "true");
    check("temp == 80 CEL", "true");
    check("temp == 353.15 K", "true");
    check("temp == 80 ℃", "true");
    check("temp > -5 °C", "true");
    check("power == 1500 W", "true");
    check("power > 1.5 kW", "false");
    check("pressure == 90 kPa", "true");
    check("90 kPa <= pressure", "true");
    check("load == 80 %", "true");
    check("load == 80%", "true");
    check("load == 0.8 ratio", "true");
    check("flow == 15 m³/h", "true");
    check("flow == 15 m3/h", "true");
    check("`1st` < 1 cm", "true");
    check("speed == 25 r/s", "true");
    check("power > 0", "true");
    check("pieces == 3.5 doz", "true");
}

#[test]
fn units_are_derived() {
    check("power == power_w * 2", "true");
    check("power + power_w", "2.25 kW (KWT)");
    check("2 * power", "3 kW (KWT)");
    check("power / power_w == 2", "true");
    check("power / flow == 6 kW·min/m³", "true");
    check("power / flow == 0.1 kWh/m³", "true");
    check("energy / 8 h == power", "true");
    check("power * 2 h == 3 kWh", "true");
    check("sqrt(power * power)  == 1.5 kW", "true");
    check("pow(power, 2) == power * power", "true");
    check("torque * speed > 15.7 kW and torque * speed < 15.71 kW", "true");
    check("radians(speed) * `1st` > 0.47 m/s", "true");
    check("if(running, power, 800 W) > 1 kW", "true");
    check("min(power, power_w) == 0.75 kW", "true");
    check("age(temp) < 5 min", "true");
}

#[test]
fn temperatures_are_points_and_differ_by_amounts() {
    check("temp - 20 °C == 60 K", "true");
    check("temp - 5 K == 75 °C", "true");
    check("temp + 5 K == 85 °C", "true");
    check("(temp - 20 °C) * 2 == 120 K", "true");
    check("kelvin(temp) == 353.15 K", "true");
    check("temp - ambient > 10 K", "unknown");
    check("temp > ambient + 10 K", "unknown");
    check("max(temp, 90 °C) == 90 °C", "true");
    check("temp + 5 °C", "unit-mismatch [temp + 5 °C] °C (CEL) and °C (CEL) are not two amounts");
    check("temp * 2", "unit-mismatch [temp] a temperature on a scale, in °C (CEL), cannot be used in this operation");
    check("abs(temp)", "unit-mismatch [temp] a temperature on a scale, in °C (CEL), cannot be used in this operation");
    check(
        "temp - 20 °C > 10 °C",
        "unit-mismatch [temp - 20 °C > 10 °C] K as a difference and °C (CEL) measure different things",
    );
}

#[test]
fn mixed_units_are_refused_with_both_named() {
    check("temp > 80 kW", "unit-mismatch [temp > 80 kW] °C (CEL) and kW (KWT) measure different things");
    check("running and power > 3 kWh", "unit-mismatch [power > 3 kWh] kW (KWT) and kWh (KWH) measure different things");
    check("power + energy", "unit-mismatch [power + energy] kW (KWT) and kWh (KWH) measure different things");
    check("speed > frequency", "unit-mismatch [speed > frequency] r/min (RPM) and Hz (HTZ) measure different things");
    check("torque > energy", "unit-mismatch [torque > energy] N·m (NU) and kWh (KWH) measure different things");
    check("power > reactive", "unit-mismatch [power > reactive] kW (KWT) and kvar (KVR) measure different things");
    check("power * power > 2", "unit-mismatch [power * power > 2] kg²·m⁴·s⁻⁶ and no unit measure different things");
    check("temp > 80", "unit-mismatch [temp > 80] °C (CEL) and no unit measure different things");
    check("temp > 0", "unit-mismatch [temp > 0] °C (CEL) and no unit measure different things");
    check("load > 80", "unit-mismatch [80] 80 has no unit, and the other side is in % (P1)");
    check(
        "rate(temp, 1 min) > 2 K",
        "unit-mismatch [rate(temp, 1 min) > 2 K] K·s⁻¹ and K (KEL) measure different things",
    );
    check("min(power, 3 bar)", "unit-mismatch [min(power, 3 bar)] kW (KWT) and bar (BAR) measure different things");
    check(
        "if(running, power, energy)",
        "unit-mismatch [if(running, power, energy)] kW (KWT) and kWh (KWH) measure different things",
    );
    check("exp(power)", "unit-mismatch [power] a number without a unit is needed here, and this is in kW (KWT)");
    check("sqrt(power)", "unit-mismatch [power] kW (KWT) has no square root with a whole unit");
    check("avg(temp, 5 kW)", "unit-mismatch [5 kW] a length of time is needed here, and this is in kW (KWT)");
    check("pow(power, 0.5)", "unit-mismatch [0.5] kW (KWT) can be raised only to a whole constant power up to 6");
    let hint = |source| Expression::compile(source, &symbols()).unwrap_err().hint.unwrap();
    assert_eq!(hint("temp > 80"), "write the unit after the number, such as `80 °C`");
    assert_eq!(hint("load > 80"), "write `80 %`, or `80 ratio` for the plain ratio");
}

#[test]
fn wrong_types_are_refused() {
    check("temp and running", "type-mismatch [temp] a condition is needed here, and this is a number (°C (CEL))");
    check(
        "running > 1",
        "type-mismatch [running > 1] a condition and a number (no unit) cannot stand side by side here",
    );
    check("mode == running", "type-mismatch [mode == running] a text and a condition cannot stand side by side here");
    check("mode < 'b'", "type-mismatch [mode < 'b'] a text has no order");
    check("running + 1", "type-mismatch [running] a number is needed here, and this is a condition");
    check("mode", "type-mismatch [mode] a text is not a result");
    check("rate(power * 2, 1 min)", "type-mismatch [power * 2] the id of a property is needed here, not a formula");
    check("rate(mode, 1 min)", "type-mismatch [mode] rate works on numbers");
    check("avg(power, age(power))", "type-mismatch [age(power)] the length of time must be a constant");
    check("avg(power, 0 s)", "type-mismatch [0 s] a length of time is 1 ms to 31 days");
    check("1 / 0", "type-mismatch [1 / 0] this has no finite value");
    check("kelvin(power)", "type-mismatch [power] kelvin takes a temperature, and this is in kW (KWT)");
}

#[test]
fn unknown_names_are_refused_with_the_nearest() {
    check("tmep > 80 °C", "unknown-property [tmep] there is no property \"tmep\"");
    check("median(temp, 1 min)", "unknown-function [median] there is no function \"median\"");
    check("temp > 80 parsec", "unknown-unit [80 parsec] \"parsec\" is not a known unit");
    check("temp > 80 [XYZ]", "unknown-unit [[XYZ]] \"XYZ\" is not a known unit");
    check("temp > 80 [CEL", "unknown-unit [[CEL] \"CEL\" is not a known unit");
    let problem = Expression::compile("tmep > 80 °C", &symbols()).unwrap_err();
    assert_eq!(problem.hint.as_deref(), Some("did you mean `temp`?"));
    let error = kernel::Error::from(problem);
    assert_eq!(error.to_string(), "there is no property \"tmep\" (bytes 0 to 4) (models.expression.unknown-property)");
}

#[test]
fn syntax_errors_say_where() {
    check("", "syntax [] the expression ends where a value is missing");
    check("1 +", "syntax [] the expression ends where a value is missing");
    check("(1 + 2", "syntax [(] this parenthesis is never closed");
    check("1 + 2)", "syntax [)] a closing parenthesis without its opening one");
    check("power = 3 kW", "syntax [=] '=' means nothing here");
    check("1 < ratio < 3", "syntax [<] comparisons cannot be chained");
    check("running running", "syntax [running] an operator is missing before this");
    check("* 3", "syntax [*] a value is missing before `*`");
    check("and running", "syntax [and] a value is missing before `and`");
    check("min(1)", "syntax [min(1)] min takes 2 arguments");
    check("min(1, 2, 3)", "syntax [3] min takes 2 arguments");
    check("\"open", "syntax [\"open] the text has no closing quote");
    check("`open", "syntax [`open] the name has no closing backtick");
    check("running ; door", "syntax [;] ';' means nothing here");
    check("power > 3 kW extra", "syntax [extra] an operator is missing before this");
}

#[test]
fn limits_are_kept_before_anything_is_built() {
    let code = |source: &str| Expression::compile(source, &symbols()).unwrap_err().code;
    assert_eq!(code(&"(".repeat(100)), "models.expression.too-deep");
    assert_eq!(code(&"-".repeat(4000)), "models.expression.too-long");
    assert_eq!(code(&format!("{}ratio", "- ".repeat(500))), "models.expression.too-deep");
    assert_eq!(code(&"x".repeat(5000)), "models.expression.too-long");
    assert_eq!(code(&"1+".repeat(1500)), "models.expression.too-long");
    assert_eq!(code(&format!("1{}", "+1".repeat(200))), "models.expression.too-deep");
    assert_eq!(code(&format!("{}1{}", "if(true, 1,".repeat(20), ")".repeat(20))), "models.expression.too-deep");
    let windows: Vec<_> = (1..=17).map(|s| format!("avg(power, {s} s) > 1 kW")).collect();
    assert_eq!(code(&windows.join(" or ")), "models.expression.too-long");
    // What stays within the limits is accepted.
    let wide: Vec<_> = (1..=120).map(|i| format!("ratio == {i}")).collect();
    assert!(Expression::compile(&wide.join(" or "), &symbols()).is_ok());
}

#[test]
fn a_number_can_be_asked_for_in_a_unit() {
    let number = |source: &str, unit: &str| {
        let expression = Expression::compile_in(source, &symbols(), unit)?;
        let mut evaluator = Evaluator::new(&expression, NOW);
        for (property, value) in [("temp", 80.0), ("power", 1.5), ("flow", 0.25)] {
            evaluator.feed(NOW, Reading::number(property, value));
        }
        Ok::<_, models::Problem>(evaluator.number(NOW).unwrap())
    };
    assert_eq!(number("power / flow", "kW·min/m³").unwrap(), 6.0);
    assert!((number("power / flow", "kWh/m³").unwrap() - 0.1).abs() < 1e-15);
    assert!((number("temp", "K").unwrap() - 353.15).abs() < 1e-12);
    assert_eq!(number("temp - 20 °C", "K").unwrap(), 60.0);
    assert_eq!(number("1500 W + power", "W").unwrap(), 3000.0);
    assert_eq!(number("power", "kWh").unwrap_err().code, "models.expression.unit-mismatch");
    assert_eq!(number("power > 1 kW", "kW").unwrap_err().code, "models.expression.type-mismatch");
    assert_eq!(number("power", "furlong").unwrap_err().code, "models.expression.unknown-unit");
}

#[test]
fn history_functions() {
    let at = |s: i64| Timestamp::from_millis(s * 1000);
    let series = [(0, 20.0), (30, 21.0), (60, 23.0), (90, 23.0), (120, 27.0)];
    let run = |source: &str, now: i64| {
        let expression =
            Expression::compile(source, &symbols()).unwrap_or_else(|problem| panic!("{source}: {problem}"));
        let mut evaluator = Evaluator::new(&expression, at(0));
        for (s, value) in series {
            evaluator.feed(at(s), Reading::number("temp", value));
        }
        (evaluator.number(at(now)), evaluator.truth(at(now)))
    };
    assert_eq!(run("delta(temp, 1 min)", 120).0, Some(4.0));
    assert_eq!(run("rate(temp, 1 min)", 120).0.map(|x| x * 60.0), Some(4.0));
    assert_eq!(run("rate(temp, 1 min) >= 4 K/min", 120).1, Truth::True);
    assert_eq!(run("rate(temp, 1 min) > 4 K / 1 min", 120).1, Truth::False);
    assert_eq!(run("delta(temp, 3 min)", 120).0, None);
    assert_eq!(run("avg(temp, 2 min)", 120).0, Some((20.0 + 21.0 + 23.0 + 23.0) / 4.0));
    assert_eq!(run("avg(temp, 1 min)", 150).0, Some(25.0));
    assert_eq!(run("max_over(temp, 1 min) == 27 °C", 120).1, Truth::True);
    assert_eq!(run("min_over(temp, 1 min) == 23 °C", 150).1, Truth::True);
    assert_eq!(run("prev(temp) == 23 °C", 120).1, Truth::True);
    assert_eq!(run("temp - prev(temp) == 4 K", 120).1, Truth::True);
    assert_eq!(run("changed(temp)", 120).1, Truth::True);
    assert_eq!(run("age(temp)", 150).0, Some(30.0));
    assert_eq!(run("age(temp) > 30 s", 150).1, Truth::False);
    assert_eq!(run("30 s <= age(temp)", 150).1, Truth::True);
    assert_eq!(run("absent(temp, 30 s)", 149).1, Truth::False);
    assert_eq!(run("absent(temp, 30 s)", 150).1, Truth::True);
    assert_eq!(run("absent(power, 5 min)", 299).1, Truth::False);
    assert_eq!(run("absent(power, 5 min)", 300).1, Truth::True);
}

#[test]
fn a_second_value_of_one_moment_corrects_the_first() {
    let expression = Expression::compile("temp - prev(temp)", &symbols()).unwrap();
    let mut evaluator = Evaluator::new(&expression, NOW);
    let later = NOW + kernel::Duration::from_secs(1);
    evaluator.feed(NOW, Reading::number("temp", 20.0));
    evaluator.feed(later, Reading::number("temp", 50.0));
    evaluator.feed(later, Reading::number("temp", 23.0));
    assert_eq!(evaluator.number(later), Some(3.0));
    // An unusable value is not a previous one.
    evaluator.feed(later + kernel::Duration::from_secs(1), Reading::number("temp", f64::NAN));
    assert_eq!(evaluator.number(later), None);
    evaluator.feed(later + kernel::Duration::from_secs(2), Reading::number("temp", 24.0));
    assert_eq!(evaluator.number(later), Some(1.0));
    assert_eq!(evaluator.feed(NOW, Reading::number("temp", 0.0)), models::Outcome::Late);
    assert_eq!(evaluator.feed(NOW, Reading::number("other", 0.0)), models::Outcome::Ignored);
}
