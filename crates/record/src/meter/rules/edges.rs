//! `edge_count@1`: how often a property rose from below a threshold to it or above.
//!
//! An edge belongs to the window of the sample that shows the high value; the low one before it may be the context
//! sample. One edge across a gap counts once: more may have happened, and the coverage says so.

use kernel::{Decimal, Result};
use serde::{Deserialize, Serialize};

use super::{
    Input, Output,
    cover::holds,
    number::{Exact, decimal_fixed, sample_fixed},
};

/// What an edge is and what it is worth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct EdgeCount {
    /// From below it to it or above; one half for booleans and cycle flags.
    #[schema(value_type = String)]
    pub threshold: Decimal,
    /// Quantity per edge, such as the cavities of a mould.
    #[schema(value_type = String)]
    pub per_edge: Decimal,
}

pub(super) fn run(rule: &EdgeCount, gap_max_us: i64, decimals: u32, input: &Input) -> Result<Output> {
    let (_, cover) = holds(input.samples, input.window, gap_max_us);
    let threshold = decimal_fixed(rule.threshold)?;
    let (mut previous, mut edges) = (None, 0i128);
    for sample in input.samples.iter().filter(|sample| sample.usable() && sample.at < input.window.to) {
        let high = sample_fixed(&sample.value)? >= threshold;
        if high && previous == Some(false) && sample.at >= input.window.from {
            edges += 1;
        }
        previous = Some(high);
    }
    let exact = Exact { numerator: edges, denominator: 1 }.times(rule.per_edge)?;
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
