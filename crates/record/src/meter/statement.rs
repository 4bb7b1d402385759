use kernel::{
    Decimal, NiUri, Result, Timestamp, Unit, Window,
    id::{AgreementId, AssetId, MeterId, ReadingId},
};
use serde::{Deserialize, Serialize};

use super::{
    MeterSample,
    rules::{Adjustment, Gap, Incident, Input, Output, Rule},
};
use crate::canonical::canonical_ni;

/// What a reading says, as sealed: never edited. Its canonical JSON hashes to the reading's digest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReadingStatement)]
pub struct Statement {
    /// The reading.
    #[schema(value_type = String)]
    pub reading: ReadingId,
    /// The meter.
    #[schema(value_type = String)]
    pub meter: MeterId,
    /// The metered asset.
    #[schema(value_type = String)]
    pub asset: AssetId,
    /// The agreement it is for.
    #[schema(value_type = Option<String>)]
    pub agreement: Option<AgreementId>,
    /// When, half open.
    #[schema(value_type = crate::wire::WindowSchema)]
    pub window: Window,
    /// The rule with its parameters.
    pub rule: Rule,
    /// Unit of the quantity, UN/ECE Rec 20.
    #[schema(value_type = String)]
    pub unit: Unit,
    /// Recorded resets and replacements that the rule was given.
    pub adjustments: Vec<Adjustment>,
    /// Counter at the beginning, for counters.
    #[schema(value_type = Option<String>)]
    pub opening: Option<Decimal>,
    /// Counter at the end, for counters.
    #[schema(value_type = Option<String>)]
    pub closing: Option<Decimal>,
    /// The billable quantity.
    #[schema(value_type = String)]
    pub quantity: Decimal,
    /// Covered share of the window, 0–1.
    #[schema(value_type = String)]
    pub coverage: Decimal,
    /// What is not covered.
    pub gaps: Vec<Gap>,
    /// Rollovers, resets and replacements that entered the quantity.
    pub incidents: Vec<Incident>,
    /// The evidence.
    #[schema(value_type = String)]
    pub evidence: NiUri,
    /// When it was computed.
    #[schema(value_type = String, format = DateTime)]
    pub computed_at: Timestamp,
    /// The reading that this one corrects.
    #[schema(value_type = Option<String>)]
    pub supersedes: Option<ReadingId>,
}

impl Statement {
    /// Its digest.
    pub fn digest(&self) -> Result<NiUri> {
        canonical_ni(self)
    }

    /// Runs the cited rule on samples again.
    pub fn recompute(&self, samples: &[MeterSample]) -> Result<Output> {
        self.rule.run(&Input { window: self.window, unit: self.unit, samples, adjustments: &self.adjustments })
    }

    /// What a second computation found different, in words; nothing when it is identical.
    pub fn differences(&self, output: &Output) -> Vec<String> {
        let mut found = Vec::new();
        let mut compare = |name: &str, said: String, computed: String| {
            if said != computed {
                found.push(format!("{name} says {said} and computes to {computed}"));
            }
        };
        let text = |value: &Option<Decimal>| value.map_or_else(|| "nothing".to_owned(), |v| v.to_string());
        // Compared as text: the identical decimal, digit for digit.
        compare("quantity", self.quantity.to_string(), output.quantity.to_string());
        compare("opening", text(&self.opening), text(&output.opening));
        compare("closing", text(&self.closing), text(&output.closing));
        compare("coverage", self.coverage.to_string(), output.coverage.to_string());
        if self.gaps != output.gaps {
            found.push(format!(
                "{} gaps are stated and {} are found, or they differ",
                self.gaps.len(),
                output.gaps.len()
            ));
        }
        if self.incidents != output.incidents {
            found.push("the stated rollovers and resets are not the computed ones".to_owned());
        }
        found
    }
}
