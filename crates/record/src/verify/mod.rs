//! Re-checks the invariants on what is stored, by reading it all again. Writers and checks share the pure rules of metering,
//! pricing and invoicing; everything that can be recomputed another way is.
//!
//! Absent: I12 and I13 (no processes here yet), I22–I24 and I26–I30 (nouns of other rooms), I31 (a matter of answers, not of
//! stored rows; tested route by route).

mod flows;
mod ledger;
mod metering;
mod trade;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use appkit::{Host, journal};
use contracts::telemetry::TelemetryStore;
use kernel::Result;
use serde::Serialize;

use crate::events;

/// What was checked and what does not hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = VerifyReport)]
pub struct Report {
    /// Rule → how many records it was checked on.
    pub checked: BTreeMap<String, u64>,
    /// Every breach.
    pub breaches: Vec<Breach>,
}

/// One breach.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[schema(as = VerifyBreach)]
pub struct Breach {
    /// The invariant, `I1` to `I25`.
    pub rule: String,
    /// The record that breaks it.
    pub record: String,
    /// How.
    pub detail: String,
}

impl Report {
    /// Whether everything holds.
    pub fn ok(&self) -> bool {
        self.breaches.is_empty()
    }

    fn check(&mut self, rule: &str, holds: bool, record: impl ToString, detail: impl FnOnce() -> String) {
        *self.checked.entry(rule.to_owned()).or_default() += 1;
        if !holds {
            self.breach(rule, record, detail());
        }
    }

    fn breach(&mut self, rule: &str, record: impl ToString, detail: impl Into<String>) {
        self.breaches.push(Breach { rule: rule.to_owned(), record: record.to_string(), detail: detail.into() });
    }
}

/// What the journal says was true when it happened, by kind and subject: edits of rows are seen against it.
pub(crate) struct Said(HashMap<(&'static str, String), serde_json::Value>);

impl Said {
    fn get(&self, kind: &'static str, subject: impl ToString) -> Option<&serde_json::Value> {
        self.0.get(&(kind, subject.to_string()))
    }
}

/// A page of rows; one that cannot be read is a breach that does not hide the other checks.
fn readable<T>(
    page: Result<Vec<T>>,
    table: &str,
    after: &impl std::fmt::Display,
    report: &mut Report,
) -> Option<Vec<T>> {
    page.map_err(|error| report.breach("I14", format!("{table} after {after}"), error.message.to_string())).ok()
}

/// Rows read at a time.
const PAGE: usize = 500;

/// Checks everything that is stored. Without telemetry the rules that need samples (I16, I17, I21) are left out and missing
/// from `checked`.
///
/// # Errors
/// When something cannot be read at all; whatever can be read and does not hold is in the report.
pub async fn verify(host: &Host, telemetry: Option<Arc<dyn TelemetryStore>>) -> Result<Report> {
    let mut report = Report::default();
    let (entries, broken) = journal::verify(host).await?;
    *report.checked.entry("I14".into()).or_default() += entries;
    for entry in broken {
        report.breach("I14", entry, "the journal entry does not follow from the one before it");
    }
    let said = said(host).await?;
    ledger::check(host, &mut report).await?;
    flows::check(host, &mut report, &said).await?;
    metering::check(host, telemetry, &mut report, &said).await?;
    trade::check(host, &mut report, &said).await?;
    report.breaches.sort();
    report.breaches.dedup();
    Ok(report)
}

async fn said(host: &Host) -> Result<Said> {
    const KINDS: &[&str] = &[
        events::READING_SEALED,
        events::READING_PROVISIONAL,
        events::CLAIM_ACCRUED,
        events::INVOICE_ISSUED,
        events::AGREEMENT_SIGNED,
        events::EVENT_RECORDED,
    ];
    let (mut found, mut after) = (HashMap::new(), 0);
    loop {
        let entries = journal::entries_after(host, after, PAGE).await?;
        let Some(last) = entries.last() else { return Ok(Said(found)) };
        after = last.seq;
        for entry in entries {
            let Some(kind) = KINDS.iter().copied().find(|kind| *kind == entry.kind) else { continue };
            if let Ok(payload) = serde_json::from_str(&entry.payload) {
                found.entry((kind, entry.subject)).or_insert(payload);
            }
        }
    }
}
