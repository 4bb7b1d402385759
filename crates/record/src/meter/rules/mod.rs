//! The catalogue of metering rules: pure functions from samples to one exact decimal, with coverage and gaps.
//!
//! A rule's meaning never changes under its name: a better rule is a new version beside the old one, because sealed
//! readings are recomputed with the version they cite. To add a rule: a file with its parameters and `run`, a variant of
//! [`Method`], a line in [`Rule::run`], and its hand-computed cases in `tests.rs`.

mod counter;
mod cover;
mod edges;
mod integral;
mod number;
mod state;
#[cfg(test)]
mod tests;

pub use counter::{Adjustment, CounterDifference, Incident, IncidentKind, OnDrop};
pub use cover::{Gap, GapReason};
pub use edges::EdgeCount;
pub use integral::TrapezoidIntegral;
use kernel::{Decimal, Error, Result, Unit, Window};
pub use number::{Exact, SAMPLE_PLACES};
use serde::{Deserialize, Serialize};
pub use state::TimeInState;

use super::MeterSample;

/// A metering rule with its parameters: what an agreement refers to and a reading cites.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = MeterRule)]
pub struct Rule {
    /// The property that is metered.
    pub property: String,
    /// A sample vouches for at most this long; 1–86 400 000.
    pub gap_max_ms: u64,
    /// Decimal places of the quantity, 0–9.
    pub decimals: u32,
    /// The rule and its version.
    #[serde(flatten)]
    pub method: Method,
}

/// The rules by name and version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "rule")]
#[schema(as = MeterMethod)]
pub enum Method {
    /// What a counter counted.
    #[serde(rename = "counter_difference@1")]
    CounterDifference(CounterDifference),
    /// How long a state lasted.
    #[serde(rename = "time_in_state@1")]
    TimeInState(TimeInState),
    /// How often something rose.
    #[serde(rename = "edge_count@1")]
    EdgeCount(EdgeCount),
    /// A rate over time.
    #[serde(rename = "trapezoid_integral@1")]
    TrapezoidIntegral(TrapezoidIntegral),
}

/// What a rule is given.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// The billed window, half open.
    pub window: Window,
    /// The meter's unit.
    pub unit: Unit,
    /// The property's samples by time, then sequence: those of the window and the context around it.
    pub samples: &'a [MeterSample],
    /// Recorded resets and replacements, by time.
    pub adjustments: &'a [Adjustment],
}

/// What a rule found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Counter at the beginning, for counters.
    pub opening: Option<Decimal>,
    /// Counter at the end, for counters.
    pub closing: Option<Decimal>,
    /// The quantity in the meter's unit, rounded once.
    pub quantity: Decimal,
    /// The quantity before rounding.
    pub exact: Exact,
    /// Covered share of the window, 0–1.
    pub coverage: Decimal,
    /// What is not covered, in order.
    pub gaps: Vec<Gap>,
    /// Rollovers, resets, replacements that entered the quantity.
    pub incidents: Vec<Incident>,
}

impl Rule {
    /// Computes the quantity.
    ///
    /// # Errors
    /// `record.meter.counter-fell`, `record.meter.not-a-number`, `record.meter.too-large`.
    pub fn run(&self, input: &Input) -> Result<Output> {
        let gap_max_us = (self.gap_max_ms as i64).saturating_mul(1000);
        match &self.method {
            Method::CounterDifference(rule) => counter::run(rule, gap_max_us, self.decimals, input),
            Method::TimeInState(rule) => state::run(rule, gap_max_us, self.decimals, input),
            Method::EdgeCount(rule) => edges::run(rule, gap_max_us, self.decimals, input),
            Method::TrapezoidIntegral(rule) => integral::run(rule, gap_max_us, self.decimals, input),
        }
    }

    /// Name and version, as readings and clauses cite it.
    pub fn name(&self) -> &'static str {
        match &self.method {
            Method::CounterDifference(_) => "counter_difference@1",
            Method::TimeInState(_) => "time_in_state@1",
            Method::EdgeCount(_) => "edge_count@1",
            Method::TrapezoidIntegral(_) => "trapezoid_integral@1",
        }
    }

    /// Whether the first sample after the window belongs to the evidence.
    pub fn needs_closing_sample(&self) -> bool {
        matches!(self.method, Method::TrapezoidIntegral(_))
    }

    /// Checks the parameters against the meter's unit; every broken one is named.
    ///
    /// # Errors
    /// `record.meter.rule-malformed` with one field error per parameter.
    pub fn check(&self, unit: Unit) -> Result<()> {
        let mut error =
            Error::unprocessable("record.meter.rule-malformed", format!("the rule {} is malformed", self.name()))
                .hint("correct the named parameters");
        let mut refuse = |broken: bool, pointer: &str, rule: &str| {
            if broken {
                error.fields.push(kernel::FieldError { pointer: pointer.into(), message: rule.into() });
            }
        };
        let identifier =
            |text: &str| (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        let factor =
            |factor: Decimal| factor > Decimal::ZERO && factor.scale() <= 9 && factor < Decimal::from(1_000_000_000);
        refuse(!identifier(&self.property), "/rule/property", "must be 1–64 letters, digits or underscores");
        refuse(!(1..=86_400_000).contains(&self.gap_max_ms), "/rule/gap_max_ms", "must be 1–86 400 000");
        refuse(self.decimals > 9, "/rule/decimals", "must be 0–9");
        let positive = "must be above 0, below 10⁹, with at most 9 decimal places";
        match &self.method {
            Method::CounterDifference(rule) => {
                refuse(!factor(rule.multiplier), "/rule/multiplier", positive);
                let modulus_ok = rule.modulus.is_none_or(|m| m >= Decimal::TWO && m <= Decimal::from(10i64.pow(18)));
                refuse(!modulus_ok, "/rule/modulus", "must be 2–10¹⁸");
            }
            Method::TimeInState(rule) => {
                refuse(state::micros_per(unit).is_err(), "/unit", "must be a unit of time");
                let exact =
                    |value: &contracts::telemetry::Value| value.value_type() != contracts::telemetry::ValueType::F64;
                refuse(!(1..=32).contains(&rule.values.len()), "/rule/values", "must list 1–32 values");
                refuse(!rule.values.iter().all(exact), "/rule/values", "must be text, whole numbers or booleans");
            }
            Method::EdgeCount(rule) => {
                refuse(!factor(rule.per_edge), "/rule/per_edge", positive);
                refuse(rule.threshold.abs() > Decimal::from(10i64.pow(12)), "/rule/threshold", "must be within ±10¹²");
            }
            Method::TrapezoidIntegral(rule) => {
                refuse(!factor(rule.multiplier), "/rule/multiplier", positive);
                refuse(state::micros_per(rule.per).is_err(), "/rule/per", "must be a unit of time");
            }
        }
        if error.fields.is_empty() { Ok(()) } else { Err(error) }
    }
}
