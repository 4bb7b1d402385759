//! `counter_difference@1`: what a counter counted in a window.
//!
//! Opening is the last usable value before the window, closing the last usable one in it, so contiguous windows share the
//! value between them and their quantities sum. A counter that goes down is an error unless the rule or an explicit
//! adjustment says why (I21).

use kernel::{Decimal, Error, Result, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    Input, Output,
    cover::holds,
    number::{Exact, decimal_fixed, fixed_decimal, sample_fixed, too_large},
};
use crate::machine::words;

/// How the counter behaves when it does not simply count up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CounterDifference {
    /// The counter wraps to 0 when it reaches this value; none for a counter that never wraps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub modulus: Option<Decimal>,
    /// Quantity per count.
    #[schema(value_type = String)]
    pub multiplier: Decimal,
    /// What a drop means that is neither a wrap nor explained by an adjustment.
    pub on_drop: OnDrop,
}

words! {
    /// What an unexplained drop of a counter means.
    pub enum OnDrop {
        /// An error: a person has to record a reset or replacement.
        Refuse "refuse";
        /// The counter restarted at zero; the reading lists it as a reset.
        ResetToZero "reset_to_zero";
    }
}

words! {
    /// What happened to a counter besides counting.
    pub enum IncidentKind {
        /// It wrapped at its modulus.
        Rollover "rollover";
        /// It restarted.
        Reset "reset";
        /// Another counter took its place.
        Replacement "replacement";
    }
}

/// A person's record of a reset or replacement, between two samples.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = MeterAdjustment)]
pub struct Adjustment {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Reset or replacement.
    pub kind: IncidentKind,
    /// What the old counter showed at the end.
    #[schema(value_type = String)]
    pub closing: Decimal,
    /// What the new one showed at the beginning.
    #[schema(value_type = String)]
    pub opening: Decimal,
}

/// Something besides counting, as it entered the quantity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = MeterIncident)]
pub struct Incident {
    /// Source time of the first sample after it.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// What it was.
    pub kind: IncidentKind,
    /// Counter before.
    #[schema(value_type = String)]
    pub before: Decimal,
    /// Counter after.
    #[schema(value_type = String)]
    pub after: Decimal,
}

pub(super) fn run(rule: &CounterDifference, gap_max_us: i64, decimals: u32, input: &Input) -> Result<Output> {
    let (from, to) = (input.window.from, input.window.to);
    let (_, cover) = holds(input.samples, input.window, gap_max_us);
    let (mut opening, mut previous): (Option<i128>, Option<(Timestamp, i128)>) = (None, None);
    let (mut sum, mut incidents) = (0i128, Vec::new());
    for sample in input.samples.iter().filter(|sample| sample.usable() && sample.at < to) {
        let value = sample_fixed(&sample.value)?;
        if sample.at < from {
            // Context: only the last one opens the window.
            previous = Some((sample.at, value));
            opening = Some(value);
            continue;
        }
        match previous {
            None => opening = Some(value),
            Some((since, before)) => {
                let step = step(rule, input.adjustments, (since, before), (sample.at, value), &mut incidents)?;
                sum = sum.checked_add(step).ok_or_else(too_large)?;
            }
        }
        previous = Some((sample.at, value));
    }
    let exact = Exact::fixed(sum).times(rule.multiplier)?;
    let (coverage, gaps) = cover.finish();
    Ok(Output {
        opening: opening.map(fixed_decimal).transpose()?,
        closing: previous.map(|(_, value)| fixed_decimal(value)).transpose()?,
        quantity: exact.rounded(decimals)?,
        exact,
        coverage,
        gaps,
        incidents,
    })
}

/// The counts between two neighbouring samples.
fn step(
    rule: &CounterDifference,
    adjustments: &[Adjustment],
    (since, before): (Timestamp, i128),
    (at, value): (Timestamp, i128),
    incidents: &mut Vec<Incident>,
) -> Result<i128> {
    let (mut counted, mut current) = (0i128, before);
    for adjustment in adjustments.iter().filter(|a| since < a.at && a.at <= at) {
        let (closing, opening) = (decimal_fixed(adjustment.closing)?, decimal_fixed(adjustment.opening)?);
        counted += rising(rule, current, closing, adjustment.at, incidents)?;
        note(incidents, adjustment.at, adjustment.kind, closing, opening)?;
        current = opening;
    }
    counted.checked_add(rising(rule, current, value, at, incidents)?).ok_or_else(too_large)
}

/// The counts from one value to the next without a person's help.
fn rising(
    rule: &CounterDifference,
    before: i128,
    after: i128,
    at: Timestamp,
    incidents: &mut Vec<Incident>,
) -> Result<i128> {
    if after >= before {
        return Ok(after - before);
    }
    if let Some(modulus) = rule.modulus.map(decimal_fixed).transpose()? {
        let wrapped = after - before + modulus;
        // Half a turn or more between two samples is not a wrap but a counter that went backwards.
        if before < modulus && (0..(modulus + 1) / 2).contains(&wrapped) {
            note(incidents, at, IncidentKind::Rollover, before, after)?;
            return Ok(wrapped);
        }
    }
    if rule.on_drop == OnDrop::ResetToZero && after >= 0 {
        note(incidents, at, IncidentKind::Reset, before, after)?;
        return Ok(after);
    }
    let (from, to) = (fixed_decimal(before)?, fixed_decimal(after)?);
    Err(Error::unprocessable("record.meter.counter-fell", format!("the counter fell from {from} to {to} at {at}"))
        .hint("record a reset or replacement of the counter with its closing and opening values"))
}

fn note(incidents: &mut Vec<Incident>, at: Timestamp, kind: IncidentKind, before: i128, after: i128) -> Result<()> {
    incidents.push(Incident { at, kind, before: fixed_decimal(before)?, after: fixed_decimal(after)? });
    Ok(())
}
