//! `time_in_state@1`: how long a property had one of the given values.
//!
//! A value holds until the next sample, at most as long as the rule's longest gap. Instants are summed as integer
//! microseconds; the only rounding is the one into the meter's unit of time.

use contracts::telemetry::Value;
use kernel::{Dimension, Error, Result, Unit};
use serde::{Deserialize, Serialize};

use super::{
    Input, Output,
    cover::holds,
    number::{Exact, sample_fixed},
};

/// Which values count.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TimeInState {
    /// Text, whole numbers or booleans.
    #[schema(value_type = Vec<Object>)]
    pub values: Vec<Value>,
}

pub(super) fn run(rule: &TimeInState, gap_max_us: i64, decimals: u32, input: &Input) -> Result<Output> {
    let (holds, cover) = holds(input.samples, input.window, gap_max_us);
    let mut total_us = 0i128;
    for hold in holds {
        if counts(&rule.values, &input.samples[hold.sample].value)? {
            total_us += i128::from(hold.to - hold.from);
        }
    }
    let exact = Exact { numerator: total_us, denominator: micros_per(input.unit)? };
    let (coverage, gaps) = cover.finish();
    Ok(Output {
        opening: None,
        closing: None,
        quantity: exact.rounded(decimals)?,
        exact,
        coverage,
        gaps,
        incidents: Vec::new(),
    })
}

fn counts(values: &[Value], sample: &Value) -> Result<bool> {
    for value in values {
        let same = match (value, sample) {
            (Value::Str(a), Value::Str(b)) => a == b,
            (Value::Str(_), _) | (_, Value::Str(_)) => false,
            // A state code may arrive as 3, 3.0 or true: compared as exact numbers.
            _ => sample_fixed(value)? == sample_fixed(sample)?,
        };
        if same {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Microseconds in a unit of time.
pub(super) fn micros_per(unit: Unit) -> Result<i128> {
    if unit.dimension() != Dimension::Time {
        return Err(Error::invalid("record.meter.unit", format!("{unit} is not a unit of time"))
            .hint("measure time in HUR, MIN, SEC or DAY"));
    }
    let seconds = unit.convert(kernel::Decimal::ONE, Unit::of("SEC")?)?;
    Ok((seconds * kernel::Decimal::from(1_000_000)).normalize().mantissa())
}
