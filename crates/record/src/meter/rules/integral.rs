//! `trapezoid_integral@1`: a rate times time, by straight lines between neighbouring samples.
//!
//! Lines that cross a border of the window are cut there; the value on the border is interpolated and rounded to twelve
//! places like a sample. It needs the sample before the window and the first one after it: without the latter the end is
//! an explicit gap. A line longer than the longest gap, or with a bad end, is a gap and adds nothing.

use kernel::{Decimal, Result, Unit};
use serde::{Deserialize, Serialize};

use super::{
    Input, Output,
    cover::{Cover, GapReason},
    number::{Exact, sample_fixed, too_large},
    state::micros_per,
};

/// How rate times time becomes the meter's unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TrapezoidIntegral {
    /// The unit of time that the rate is per: HUR makes kilowatts into kilowatt hours.
    #[schema(value_type = String)]
    pub per: Unit,
    /// Quantity per rate × time.
    #[schema(value_type = String)]
    pub multiplier: Decimal,
}

pub(super) fn run(rule: &TrapezoidIntegral, gap_max_us: i64, decimals: u32, input: &Input) -> Result<Output> {
    let mut cover = Cover::new(input.window);
    let (from, to) = (input.window.from.micros(), input.window.to.micros());
    let at = |index: usize| input.samples[index].at.micros();
    let count = input.samples.len();
    cover.gap(from, if count == 0 { to } else { at(0) }, GapReason::NoData);
    let mut twice_area = 0i128;
    for index in 1..count {
        let (start, end) = (at(index - 1), at(index));
        let Some((a, b)) = cover.clip(start, end) else { continue };
        if !input.samples[index - 1].usable() || !input.samples[index].usable() {
            cover.gap(start, end, GapReason::BadQuality);
            continue;
        }
        if end - start > gap_max_us {
            cover.gap(start, end, GapReason::Silence);
            continue;
        }
        let (v0, v1) = (sample_fixed(&input.samples[index - 1].value)?, sample_fixed(&input.samples[index].value)?);
        let on_line = |t: i64| interpolate((start, v0), (end, v1), t);
        let strip = on_line(a)?.checked_add(on_line(b)?).and_then(|sum| sum.checked_mul(i128::from(b - a)));
        twice_area = strip.and_then(|strip| twice_area.checked_add(strip)).ok_or_else(too_large)?;
        cover.cover(start, end);
    }
    if count > 0 {
        cover.gap(at(count - 1), to, GapReason::NoClosing);
    }
    let exact = Exact::fixed(twice_area).over(2 * micros_per(rule.per)?)?.times(rule.multiplier)?;
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

/// The line's value at a moment, rounded half away from zero to 10⁻¹².
fn interpolate((t0, v0): (i64, i128), (t1, v1): (i64, i128), t: i64) -> Result<i128> {
    if t == t0 {
        return Ok(v0);
    }
    if t == t1 {
        return Ok(v1);
    }
    let rise = (v1 - v0).checked_mul(i128::from(t - t0)).ok_or_else(too_large)?;
    let run = i128::from(t1 - t0);
    let half = run / 2 * rise.signum();
    // run is positive; adding half of it before the division rounds half away from zero (exactly so for even runs,
    // and an odd run has no exact half).
    Ok(v0 + (rise + half) / run)
}
