use std::sync::Arc;

use appkit::{Host, Tx};
use contracts::{
    telemetry::{Position, TelemetryStore},
    twin::MachineDirectory,
};
use kernel::{
    Decimal, Error, Result, Timestamp, Unit, Window,
    id::{AgreementId, AssetId, MeterId, PartyId, ReadingId},
};
use serde::Serialize;

use super::{
    Meter, MeterState, Reading, ReadingState, Statement,
    rules::{Adjustment, Gap, Incident, Input, Rule},
    store::{self, meter_get, reading_get},
};
use crate::{
    agreement::agreement_get,
    events,
    evidence::{
        ChannelRequest, Collected, bundle_write, collect::evidence_keep, evidence_collect, evidence_get, requests_of,
    },
    sql::Source,
};

/// A meter as one wants to create it.
#[derive(Debug, Clone, PartialEq)]
pub struct NewMeter {
    /// Whose machine it is.
    pub tenant: PartyId,
    /// The metered asset.
    pub asset: AssetId,
    /// What it is called.
    pub name: String,
    /// Unit of its readings.
    pub unit: Unit,
    /// How it counts.
    pub rule: Rule,
    /// Readings begin here at the earliest; now when absent.
    pub active_from: Option<Timestamp>,
}

/// Creates a meter. The caller has checked that the asset is the tenant's.
///
/// # Errors
/// `record.meter.rule-malformed`, `record.meter.name`.
pub async fn meter_create(tx: &mut Tx, new: NewMeter) -> Result<Meter> {
    new.rule.check(new.unit)?;
    if new.name.trim().is_empty() || new.name.chars().count() > 120 {
        return Err(Error::unprocessable("record.meter.name", "the name must have 1–120 characters")
            .field("/name", "1–120 characters"));
    }
    let meter = Meter {
        id: tx.new_id(),
        tenant: new.tenant,
        asset: new.asset,
        name: new.name,
        unit: new.unit,
        rule: new.rule,
        active_from: new.active_from.unwrap_or(tx.now()),
        state: MeterState::Active,
    };
    store::meter_insert(tx, &meter).await?;
    Ok(meter)
}

/// Retires a meter; its readings stay.
pub async fn meter_retire(tx: &mut Tx, id: MeterId) -> Result<Meter> {
    let mut meter = meter_get(tx, id).await?;
    meter.state = MeterState::Retired;
    store::meter_save_state(tx, &meter).await?;
    Ok(meter)
}

/// Records a reset or replacement of a counter, so that readings across it can be computed (I21).
///
/// # Errors
/// `record.meter.adjusted` when one is recorded at that moment, `record.meter.adjustment` for the future.
pub async fn meter_adjust(tx: &mut Tx, id: MeterId, adjustment: Adjustment) -> Result<()> {
    meter_get(tx, id).await?;
    if adjustment.at > tx.now() || adjustment.kind == super::rules::IncidentKind::Rollover {
        return Err(Error::unprocessable(
            "record.meter.adjustment",
            "an adjustment is a reset or replacement in the past",
        )
        .hint("rollovers are recognised by the rule"));
    }
    store::adjustment_insert(tx, id, &adjustment).await
}

/// Computes and keeps one reading; see [`readings_seal`].
pub async fn reading_seal(
    tx: &mut Tx,
    telemetry: Arc<dyn TelemetryStore>,
    meter: MeterId,
    agreement: Option<AgreementId>,
    window: Window,
) -> Result<Reading> {
    let readings = readings_seal(tx, telemetry, &[meter], agreement, window).await?;
    readings.into_iter().next().ok_or_else(|| Error::internal("record.reading.lost", "sealing gave no reading"))
}

/// Computes readings of several meters of one machine from one piece of evidence, and keeps evidence and readings.
///
/// A reading whose coverage reaches the agreement's threshold is sealed; below it stays provisional (I19). Asking again for
/// the same meter, agreement and window gives the reading that exists. Telemetry is read inside the transaction; where that
/// would hold the one writer for long, use [`readings_collect`] before it and [`readings_seal_collected`] in it.
///
/// # Errors
/// `record.reading.window` for a window in the future or before the meter; `record.reading.overlap` (I18);
/// `record.reading.assets` for meters of two machines; the rules' and evidence's errors.
pub async fn readings_seal(
    tx: &mut Tx,
    telemetry: Arc<dyn TelemetryStore>,
    meters: &[MeterId],
    agreement: Option<AgreementId>,
    window: Window,
) -> Result<Vec<Reading>> {
    let window = Window::new(window.from, window.to)?;
    let loaded = meters_load(tx, meters).await?;
    let Some(first) = loaded.first() else { return Ok(Vec::new()) };
    let mut existing = Vec::new();
    for meter in &loaded {
        existing.extend(window_check(tx, meter, agreement, window).await?);
    }
    if existing.len() == loaded.len() {
        return Ok(existing);
    }
    let as_of = telemetry.position();
    let channels = channels_of(tx.host(), &loaded);
    let collected = evidence_collect(telemetry, first.asset, channels, window, as_of).await?;
    readings_seal_collected(tx, meters, agreement, &collected).await
}

/// Reads the evidence for readings of several meters of one machine, outside of any transaction.
///
/// # Errors
/// As [`readings_seal`].
pub async fn readings_collect(host: &Host, meters: &[MeterId], window: Window) -> Result<Collected> {
    let window = Window::new(window.from, window.to)?;
    let loaded = meters_load(&mut host.db(), meters).await?;
    let Some(first) = loaded.first() else {
        return Err(
            Error::unprocessable("record.reading.meters", "no meter is named").field("/meters", "name at least one")
        );
    };
    let telemetry = host.port::<dyn TelemetryStore>();
    let as_of = telemetry.position();
    evidence_collect(telemetry, first.asset, channels_of(host, &loaded), window, as_of).await
}

/// Computes and keeps readings from evidence that was collected before; otherwise as [`readings_seal`].
///
/// # Errors
/// As [`readings_seal`]; `record.evidence.channel-missing` when the evidence lacks a meter's property.
pub async fn readings_seal_collected(
    tx: &mut Tx,
    meters: &[MeterId],
    agreement: Option<AgreementId>,
    collected: &Collected,
) -> Result<Vec<Reading>> {
    let window = collected.manifest.window;
    let loaded = meters_load(tx, meters).await?;
    let Some(first) = loaded.first() else { return Ok(Vec::new()) };
    let tenant = first.tenant;
    if collected.manifest.asset != first.asset {
        return Err(Error::unprocessable(
            "record.reading.assets",
            "the evidence is about another machine than the meters",
        ));
    }
    let (receiver, coverage_minimum) = match agreement {
        None => (None, Decimal::new(9, 1)),
        Some(id) => {
            let agreement = agreement_get(tx, id).await?;
            agreement.require_active()?;
            let receiver = if agreement.receiver == tenant { agreement.provider } else { agreement.receiver };
            if !agreement.parties().contains(&tenant) {
                return Err(Error::unprocessable(
                    "record.reading.foreign-meter",
                    "the meter's owner takes no part in the agreement",
                ));
            }
            (Some(receiver), agreement.coverage_minimum())
        }
    };
    evidence_keep(tx, collected).await?;
    let mut readings = Vec::with_capacity(loaded.len());
    for meter in &loaded {
        if let Some(known) = window_check(tx, meter, agreement, window).await? {
            readings.push(known);
            continue;
        }
        let statement = compute(tx, meter, agreement, collected, None).await?;
        let gap_before_us = gap_before(tx, meter.id, agreement, window).await?;
        readings.push(keep(tx, statement, (tenant, receiver), coverage_minimum, gap_before_us).await?);
    }
    Ok(readings)
}

/// The meters in the order given, all on one machine.
async fn meters_load(source: &mut impl Source, ids: &[MeterId]) -> Result<Vec<Meter>> {
    let mut loaded: Vec<Meter> = Vec::with_capacity(ids.len());
    for id in ids {
        let meter = meter_get(source, *id).await?;
        if loaded.first().is_some_and(|first| first.asset != meter.asset) {
            return Err(Error::unprocessable("record.reading.assets", "the meters are on different machines")
                .hint("seal the readings of each machine by themselves"));
        }
        if !loaded.iter().any(|known| known.id == meter.id) {
            loaded.push(meter);
        }
    }
    Ok(loaded)
}

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

/// What a meter would read now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = MeterPreview)]
pub struct Preview {
    /// The quantity so far.
    #[schema(value_type = String)]
    pub quantity: Decimal,
    /// Its unit.
    #[schema(value_type = String)]
    pub unit: Unit,
    /// Covered share of the window.
    #[schema(value_type = String)]
    pub coverage: Decimal,
    /// What is not covered.
    pub gaps: Vec<Gap>,
    /// Rollovers, resets, replacements.
    pub incidents: Vec<Incident>,
    /// Samples it rests on.
    pub samples: u64,
}

/// Runs a meter's rule over a window without sealing or keeping anything: for live pages.
///
/// # Errors
/// The rule's and evidence's errors.
pub async fn meter_preview(host: &Host, meter: &Meter, window: Window) -> Result<Preview> {
    let telemetry = host.port::<dyn TelemetryStore>();
    let as_of = telemetry.position();
    let collected =
        evidence_collect(telemetry, meter.asset, channels_of(host, std::slice::from_ref(meter)), window, as_of).await?;
    let samples = collected.channel(&meter.rule.property)?;
    let since = samples.first().map_or(window.from, |sample| sample.at);
    let adjustments = store::adjustment_list(&mut host.db(), meter.id, since, window.to).await?;
    let output = meter.rule.run(&Input { window, unit: meter.unit, samples, adjustments: &adjustments })?;
    Ok(Preview {
        quantity: output.quantity,
        unit: meter.unit,
        coverage: output.coverage,
        gaps: output.gaps,
        incidents: output.incidents,
        samples: samples.len() as u64,
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

/// Refuses a window that may not be sealed; answers with the reading that exists for exactly this window.
async fn window_check(
    tx: &mut Tx,
    meter: &Meter,
    agreement: Option<AgreementId>,
    window: Window,
) -> Result<Option<Reading>> {
    let refuse = |message: String| {
        Err(Error::unprocessable("record.reading.window", message)
            .field("/window", "past, and after the meter's start"))
    };
    if window.to > tx.now() {
        return refuse(format!("the window ends at {}, which is still to come", window.to));
    }
    if window.from < meter.active_from {
        return refuse(format!("the meter counts from {}", meter.active_from));
    }
    for (id, other, _) in store::reading_windows(tx, meter.id, agreement).await? {
        if other == window {
            return reading_get(tx, id).await.map(Some);
        }
        if other.overlaps(&window) {
            return Err(Error::conflict(
                "record.reading.overlap",
                format!("the window overlaps that of the reading {id}"),
            )
            .hint("windows of one meter under one agreement touch, they never overlap"));
        }
    }
    if meter.state == MeterState::Retired {
        return Err(Error::conflict("record.meter.retired", "the meter is retired"));
    }
    Ok(None)
}

/// Time between the end of the reading before and this window; none before is no gap.
async fn gap_before(tx: &mut Tx, meter: MeterId, agreement: Option<AgreementId>, window: Window) -> Result<i64> {
    let windows = store::reading_windows(tx, meter, agreement).await?;
    let before = windows.iter().map(|(_, other, _)| other.to).filter(|to| *to <= window.from).max();
    Ok(before.map_or(0, |to| (window.from - to).micros()))
}

fn channels_of(host: &Host, meters: &[Meter]) -> Vec<ChannelRequest> {
    // The unit of a property is the twin's to say; evidence names it where the twin is at hand.
    let machine = meters.first().and_then(|meter| host.try_port::<dyn MachineDirectory>()?.machine(meter.asset));
    let unit_of = |property: &str| machine.as_ref()?.properties.iter().find(|known| *known.id == *property)?.unit;
    let mut channels: Vec<ChannelRequest> = Vec::new();
    for meter in meters {
        let property = &meter.rule.property;
        let closing = meter.rule.needs_closing_sample();
        match channels.iter_mut().find(|channel| channel.property == *property) {
            Some(channel) => channel.closing |= closing,
            None => channels.push(ChannelRequest { property: property.clone(), unit: unit_of(property), closing }),
        }
    }
    channels
}

async fn compute(
    tx: &mut Tx,
    meter: &Meter,
    agreement: Option<AgreementId>,
    collected: &Collected,
    supersedes: Option<ReadingId>,
) -> Result<Statement> {
    let window = collected.manifest.window;
    let samples = collected.channel(&meter.rule.property)?;
    let since = samples.first().map_or(window.from, |sample| sample.at);
    let adjustments = store::adjustment_list(tx, meter.id, since, window.to).await?;
    let output = meter.rule.run(&Input { window, unit: meter.unit, samples, adjustments: &adjustments })?;
    Ok(Statement {
        reading: tx.new_id(),
        meter: meter.id,
        asset: meter.asset,
        agreement,
        window,
        rule: meter.rule.clone(),
        unit: meter.unit,
        adjustments,
        opening: output.opening,
        closing: output.closing,
        quantity: output.quantity,
        coverage: output.coverage,
        gaps: output.gaps,
        incidents: output.incidents,
        evidence: collected.uri,
        computed_at: tx.now(),
        supersedes,
    })
}

async fn keep(
    tx: &mut Tx,
    statement: Statement,
    (provider, receiver): (PartyId, Option<PartyId>),
    coverage_minimum: Decimal,
    gap_before_us: i64,
) -> Result<Reading> {
    let covered = statement.coverage >= coverage_minimum;
    let reading = Reading {
        digest: statement.digest()?,
        provider,
        receiver,
        gap_before_us,
        coverage_minimum,
        superseded_by: None,
        state: if covered { ReadingState::Sealed } else { ReadingState::Provisional },
        sealed_at: covered.then_some(tx.now()),
        statement,
    };
    store::reading_insert(tx, &reading).await?;
    let id = reading.id().to_string();
    for incident in &reading.statement.incidents {
        tx.publish(events::METER_INCIDENT, 1, id.clone(), provider, incident)?;
    }
    let kind = if covered { events::READING_SEALED } else { events::READING_PROVISIONAL };
    tx.publish(kind, 1, id, provider, &events::ReadingComputed::of(&reading.statement, reading.digest))?;
    Ok(reading)
}
