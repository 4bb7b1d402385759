//! How far back conditions look.

use kernel::Duration;
use models::alarm::{Clear, RuleText};

/// What every rule is given of the past, at least.
const LOOKBACK_MIN: Duration = Duration::from_mins(5);
const LOOKBACK_MAX: Duration = Duration::from_days(31);

/// How far back conditions look: the longest span of time written in them, whatever it is there for, and something to spare.
pub(crate) fn lookback<'a>(conditions: impl Iterator<Item = &'a str>) -> Duration {
    let longest = conditions.flat_map(spans_in).max().unwrap_or_default();
    let twice = Duration::from_micros(longest.micros().saturating_mul(2));
    (twice + LOOKBACK_MIN).min(LOOKBACK_MAX)
}

/// How far back an alarm rule looks, delays included.
pub(crate) fn rule_lookback(rule: &RuleText) -> Duration {
    let clear = match &rule.clear {
        Clear::When(condition) => condition.as_str(),
        Clear::WhenOver | Clear::Deadband(_) => "",
    };
    let delays = Duration::from_millis(rule.on_delay_ms.saturating_add(rule.off_delay_ms).clamp(0, 2 * 86_400_000));
    (lookback([rule.raise.as_str(), clear].into_iter()) + delays).min(LOOKBACK_MAX)
}

/// Every number followed by a unit of time.
fn spans_in(condition: &str) -> Vec<Duration> {
    const UNITS: [(&str, i64); 10] = [
        ("ms", 1_000),
        ("min", 60_000_000),
        ("sec", 1_000_000),
        ("s", 1_000_000),
        ("hour", 3_600_000_000),
        ("h", 3_600_000_000),
        ("day", 86_400_000_000),
        ("d", 86_400_000_000),
        ("wk", 604_800_000_000),
        ("HUR", 3_600_000_000),
    ];
    let mut found = Vec::new();
    let mut rest = condition;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        rest = &rest[start..];
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let number: f64 = rest[..end].parse().unwrap_or(0.0);
        let after = rest[end..].trim_start().trim_start_matches('[');
        if let Some((_, micros)) = UNITS.iter().find(|(unit, _)| after.starts_with(unit)) {
            found.push(Duration::from_micros((number * *micros as f64).min(4e18) as i64));
        }
        rest = &rest[end..];
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_span_written_decides() {
        let of = |text: &str| lookback([text].into_iter());
        assert_eq!(of("power > 5 kW"), LOOKBACK_MIN);
        assert_eq!(of("avg(temp, 10 min) > 80 °C and absent(temp, 30 s)"), Duration::from_mins(25));
        assert_eq!(of("rate(temp, 1h) > 2 K/min"), Duration::from_mins(125));
        assert_eq!(of("delta(x, 900 day) > 1"), LOOKBACK_MAX);
        let rule = RuleText::new("t > 1", models::alarm::Priority::Low, Default::default())
            .delays(Duration::from_mins(30), Duration::from_mins(10));
        assert_eq!(rule_lookback(&rule), Duration::from_mins(45));
    }
}
