//! I16–I19, I21: every reading against its statement, its evidence and its telemetry.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use appkit::Host;
use contracts::telemetry::TelemetryStore;
use kernel::{NiUri, Result, id::ReadingId};

use super::{PAGE, Report, Said};
use crate::{
    claim::{CauseKind, claim_list_by_cause},
    events,
    evidence::{Collected, Manifest, collect::evidence_all, evidence_collect, requests_of},
    meter::{
        Reading, ReadingState, adjustment_list, reading_get, reading_list_by_evidence, recompute_from,
        rules::Method,
        store::{reading_rows, reading_windows},
    },
};

pub(super) async fn check(
    host: &Host,
    telemetry: Option<Arc<dyn TelemetryStore>>,
    report: &mut Report,
    said: &Said,
) -> Result<()> {
    let mut series = BTreeSet::new();
    let mut after = String::new();
    loop {
        let page = reading_rows(&mut host.db(), &after, PAGE).await?;
        let Some(last) = page.last() else { break };
        let next: String = last.get("id")?;
        for row in &page {
            let id: ReadingId = row.id("id")?;
            let reading = match reading_get(&mut host.db(), id).await {
                Ok(reading) => reading,
                Err(error) => {
                    report.breach("I14", id, format!("the statement cannot be read: {}", error.message));
                    continue;
                }
            };
            columns(row, &reading, report)?;
            statement(id, &reading, report, said)?;
            threshold(host, &reading, report).await?;
            series.insert((reading.statement.meter, reading.statement.agreement));
        }
        after = next;
    }
    for (meter, agreement) in series {
        let windows = reading_windows(&mut host.db(), meter, agreement).await?;
        for pair in windows.windows(2) {
            let (_, before, _) = pair[0];
            let (id, window, gap) = pair[1];
            report.check("I18", before.to <= window.from, id, || "its window overlaps the one before".into());
            let explicit = gap == (window.from - before.to).micros().max(0) || before.to > window.from;
            // A gap before may have been filled later by an older window; then it is smaller than it says, never larger.
            let explicit = explicit || gap > (window.from - before.to).micros();
            report.check("I18", explicit, id, || "the gap before its window is not stated".into());
        }
    }
    if let Some(telemetry) = telemetry {
        evidence(host, telemetry, report).await?;
    }
    Ok(())
}

/// The columns beside the statement say the same.
fn columns(row: &appkit::Row, reading: &Reading, report: &mut Report) -> Result<()> {
    let statement = &reading.statement;
    let same = row.id::<kernel::id::Reading>("id")? == statement.reading
        && row.id::<kernel::id::Meter>("meter")? == statement.meter
        && row.id::<kernel::id::Asset>("asset")? == statement.asset
        && row.opt_id::<kernel::id::Agreement>("agreement")? == statement.agreement
        && row.time("window_from")? == statement.window.from
        && row.time("window_to")? == statement.window.to
        && row.get::<String>("quantity")? == statement.quantity.to_string()
        && row.get::<String>("unit")? == statement.unit.code()
        && row.get::<String>("coverage")? == statement.coverage.to_string()
        && row.parse::<NiUri>("evidence")? == statement.evidence
        && row.opt_id::<kernel::id::Reading>("supersedes")? == statement.supersedes;
    report.check("I14", same, reading.id(), || "the columns of the reading differ from its sealed statement".into());
    Ok(())
}

/// The statement hashes to its digest, and the journal recorded that digest.
fn statement(id: ReadingId, reading: &Reading, report: &mut Report, said: &Said) -> Result<()> {
    let digest = reading.statement.digest()?;
    report.check("I14", digest == reading.digest, id, || {
        format!("the statement hashes to {digest}, the reading keeps {}", reading.digest)
    });
    let payload = said.get(events::READING_SEALED, id).or_else(|| said.get(events::READING_PROVISIONAL, id));
    let recorded = payload.is_some_and(|payload| payload["digest"].as_str() == Some(&reading.digest.to_string()));
    report.check("I14", recorded, id, || "the journal recorded another statement for this reading".into());
    Ok(())
}

/// I19: what is covered too little counts for nothing.
async fn threshold(host: &Host, reading: &Reading, report: &mut Report) -> Result<()> {
    let covered = reading.statement.coverage >= reading.coverage_minimum;
    let counts = matches!(reading.state, ReadingState::Sealed | ReadingState::Billed | ReadingState::Disputed);
    report.check("I19", covered || !counts, reading.id(), || {
        format!(
            "it is {} with a coverage of {} below {}",
            reading.state, reading.statement.coverage, reading.coverage_minimum
        )
    });
    if !covered {
        let claims = claim_list_by_cause(&mut host.db(), CauseKind::Reading, &reading.id().to_string()).await?;
        report.check("I19", claims.is_empty(), reading.id(), || "a provisional reading was claimed for".into());
    }
    Ok(())
}

/// I16, I17, I21: samples are read again as known at sealing, hashed, and the cited rule is run on them.
async fn evidence(host: &Host, telemetry: Arc<dyn TelemetryStore>, report: &mut Report) -> Result<()> {
    let mut after = String::new();
    loop {
        let page = evidence_all(&mut host.db(), &after, 50).await?;
        let Some(last) = page.last() else { return Ok(()) };
        let next: String = last.get("uri")?;
        for row in &page {
            let uri: NiUri = row.parse("uri")?;
            // A reading that cannot be read is named above.
            let readings = reading_list_by_evidence(&mut host.db(), uri).await.unwrap_or_default();
            let named: Vec<String> = readings.iter().map(|reading| reading.id().to_string()).collect();
            match collect(row, uri, &telemetry).await {
                Ok(collected) => {
                    let same = collected.uri == uri;
                    for record in named.iter().chain(readings.is_empty().then_some(&uri.to_string())) {
                        report.check("I16", same, record, || {
                            format!("its samples hash to {}, it cites {uri}", collected.uri)
                        });
                    }
                    for reading in &readings {
                        rerun(host, reading, &collected, report).await?;
                    }
                }
                Err(error) => {
                    for record in named.iter().chain(readings.is_empty().then_some(&uri.to_string())) {
                        report
                            .check("I16", false, record, || format!("its evidence cannot be read: {}", error.message));
                    }
                }
            }
        }
        after = next;
    }
}

async fn collect(row: &appkit::Row, uri: NiUri, telemetry: &Arc<dyn TelemetryStore>) -> Result<Collected> {
    let manifest: Manifest = row.json("manifest")?;
    if manifest.uri()? != uri {
        return Err(kernel::Error::corrupt(
            "record.evidence.uri-changed",
            format!("the kept manifest does not hash to {uri}"),
        ));
    }
    let as_of = manifest.as_of()?;
    evidence_collect(telemetry.clone(), manifest.asset, requests_of(&manifest), manifest.window, as_of).await
}

async fn rerun(host: &Host, reading: &Reading, collected: &Collected, report: &mut Report) -> Result<()> {
    let statement = &reading.statement;
    match recompute_from(reading, collected) {
        Ok(found) => report.check("I17", found.identical, reading.id(), || found.differences.join("; ")),
        Err(error) => report.check("I17", false, reading.id(), || error.message.to_string()),
    }
    if matches!(statement.rule.method, Method::CounterDifference(_)) {
        let since = collected
            .samples
            .get(&statement.rule.property)
            .and_then(|s| s.first())
            .map_or(statement.window.from, |s| s.at);
        let recorded = adjustment_list(&mut host.db(), statement.meter, since, statement.window.to).await?;
        let by_time: BTreeMap<_, _> = recorded.iter().map(|adjustment| (adjustment.at, adjustment)).collect();
        let known = statement.adjustments.iter().all(|cited| by_time.get(&cited.at) == Some(&cited));
        report.check("I21", known, reading.id(), || "it rests on a reset or replacement that nobody recorded".into());
    }
    Ok(())
}
