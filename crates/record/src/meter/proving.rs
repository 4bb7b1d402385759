//! What is done with a reading afterwards: computed again, shown elsewhere, corrected.

use std::sync::Arc;

use appkit::{Host, Tx};
use contracts::telemetry::{Position, TelemetryStore};
use kernel::{Decimal, Error, Result, id::ReadingId};
use serde::Serialize;

use super::{
    Reading, ReadingState,
    sealing::{compute, keep},
    store::{self, meter_get, reading_get},
};
use crate::{
    events,
    evidence::{Collected, bundle_write, collect::evidence_keep, evidence_collect, evidence_get, requests_of},
};

/// A correction and what it changes.
#[derive(Debug, Clone, PartialEq)]
pub struct Correction {
    /// The new reading.
    pub reading: Reading,
    /// The one it takes the place of.
    pub original: Reading,
    /// New quantity less old quantity.
    pub difference: Decimal,
}

/// Computes a reading again with what telemetry knows now. Data that came late makes a new reading that supersedes the old
/// one; nothing that was sealed or billed changes in place (I20).
///
/// # Errors
/// `record.reading.nothing-new` when the samples are the same; `record.reading.coverage` when a sealed reading would be
/// replaced by one that may not be sealed.
pub async fn reading_correct(tx: &mut Tx, telemetry: Arc<dyn TelemetryStore>, id: ReadingId) -> Result<Correction> {
    let mut original = reading_get(tx, id).await?;
    let next_state = original.state.to(ReadingState::Superseded)?;
    let meter = meter_get(tx, original.statement.meter).await?;
    let manifest = evidence_get(tx, original.statement.evidence).await?;
    let as_of = telemetry.position();
    let window = original.statement.window;
    // The same channels as before, so that the two can be compared.
    let mut channels = requests_of(&manifest);
    for channel in &mut channels {
        channel.closing |= channel.property == meter.rule.property && meter.rule.needs_closing_sample();
    }
    let collected = evidence_collect(telemetry, original.statement.asset, channels, window, as_of).await?;
    let statement = compute(tx, &meter, original.statement.agreement, &collected, Some(original.id())).await?;
    if collected.manifest.merkle_root == manifest.merkle_root && statement.adjustments == original.statement.adjustments
    {
        return Err(Error::conflict("record.reading.nothing-new", "telemetry knows nothing new about this window")
            .hint("a correction needs samples that came later, or a recorded adjustment"));
    }
    if statement.coverage < original.coverage_minimum && original.state != ReadingState::Provisional {
        return Err(Error::conflict(
            "record.reading.coverage",
            "the correction would be covered too little to be sealed",
        )
        .hint("open a dispute instead"));
    }
    evidence_keep(tx, &collected).await?;
    let difference = statement.quantity - original.statement.quantity;
    original.state = next_state;
    original.superseded_by = Some(statement.reading);
    store::reading_save(tx, &original).await?;
    let sides = (original.provider, original.receiver);
    let reading = keep(tx, statement, sides, original.coverage_minimum, original.gap_before_us).await?;
    let payload = events::ReadingComputed::of(&reading.statement, reading.digest);
    tx.publish(events::READING_CORRECTED, 1, original.id().to_string(), original.provider, &payload)?;
    Ok(Correction { reading, original, difference })
}

/// What a second computation found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Recomputed {
    /// Whether every digit is identical.
    pub identical: bool,
    /// The quantity as computed now.
    #[schema(value_type = String)]
    pub quantity: Decimal,
    /// Samples that were read and hashed.
    pub samples: u64,
    /// What differs, in words.
    pub differences: Vec<String>,
}

/// Reads the evidence of a reading again from telemetry, hashes it, and runs the cited rule (I16, I17).
///
/// # Errors
/// When the reading is unknown or telemetry cannot be read; differences are in the answer, not errors.
pub async fn reading_recompute(host: &Host, id: ReadingId) -> Result<Recomputed> {
    let reading = reading_get(&mut host.db(), id).await?;
    let collected = recollect(host, &reading).await?;
    recompute_from(&reading, &collected)
}

pub(crate) fn recompute_from(reading: &Reading, collected: &Collected) -> Result<Recomputed> {
    let statement = &reading.statement;
    let mut differences = Vec::new();
    if collected.uri != statement.evidence {
        differences.push(format!("the samples hash to {} and the reading cites {}", collected.uri, statement.evidence));
    }
    let digest = statement.digest()?;
    if digest != reading.digest {
        differences.push(format!("the statement hashes to {digest} and {} is kept", reading.digest));
    }
    let quantity = match statement.recompute(collected.channel(&statement.rule.property)?) {
        Ok(output) => {
            differences.extend(statement.differences(&output));
            output.quantity
        }
        Err(error) => {
            differences.push(error.message.to_string());
            Decimal::ZERO
        }
    };
    Ok(Recomputed {
        identical: differences.is_empty(),
        quantity,
        samples: collected.manifest.sample_count,
        differences,
    })
}

/// The evidence bundle of a reading: one file that proves it anywhere.
///
/// # Errors
/// `record.evidence.other` when telemetry no longer holds what was sealed.
pub async fn reading_export(host: &Host, id: ReadingId) -> Result<Vec<u8>> {
    let reading = reading_get(&mut host.db(), id).await?;
    let collected = recollect(host, &reading).await?;
    bundle_write(&reading.statement, &collected)
}

/// The evidence of a reading with its samples, read again from telemetry as known at sealing.
pub async fn recollect(host: &Host, reading: &Reading) -> Result<Collected> {
    let manifest = evidence_get(&mut host.db(), reading.statement.evidence).await?;
    let telemetry = host.port::<dyn TelemetryStore>();
    let as_of: Position = manifest.as_of()?;
    evidence_collect(telemetry, manifest.asset, requests_of(&manifest), manifest.window, as_of).await
}
