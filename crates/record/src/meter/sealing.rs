//! From telemetry to a kept reading.

use std::sync::Arc;

use appkit::{Host, Tx};
use contracts::{telemetry::TelemetryStore, twin::MachineDirectory};
use kernel::{
    Decimal, Error, Result, Window,
    id::{AgreementId, MeterId, PartyId, ReadingId},
};

use super::{
    Meter, MeterState, Reading, ReadingState, Statement,
    rules::Input,
    store::{self, meter_get, reading_get},
};
use crate::{
    agreement::agreement_get,
    events,
    evidence::{ChannelRequest, Collected, collect::evidence_keep, evidence_collect},
    sql::Source,
};

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

pub(super) fn channels_of(host: &Host, meters: &[Meter]) -> Vec<ChannelRequest> {
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

pub(super) async fn compute(
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

pub(super) async fn keep(
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
