use std::sync::Arc;

use appkit::{Host, Tx, jobs::job_schedule};
use contracts::{
    telemetry::{Position, Quality, RangeQuery, SeriesKey, Stored, TelemetryStore},
    twin::MachineFacts,
};
use kernel::{
    Decimal, Duration, Error, Result, Timestamp, Unit, Window,
    id::{AssetId, CapabilityId, PartyId},
};

use super::{
    capability::{offer_replace, offer_withdraw, own_in_tx},
    machine::{machine_own, property},
};
use crate::{
    config::{ASSURE_PARTS_MAX, ASSURE_WITHIN, ASSURED_FOR, DEVIATIONS, PIECES},
    domain::{
        assurance::{PARTS_LEAST, cpk, last_parts, require},
        capability::{Assurance, Capability, State},
    },
    events,
    schedule::{CAPABILITY_LAPSE, CapabilityJob},
    store::capability::{capability_get_in_tx, capability_save},
};

/// Measures a capability: Cpk of the last parts that its machine made, from telemetry. Changes nothing.
///
/// # Errors
/// `sharing.assurance.parts` outside 30–1000, `sharing.assurance.no-gauge` when the machine does not measure its parts,
/// `sharing.assurance.too-few`, `sharing.assurance.no-scatter`.
pub async fn capability_measure(host: &Host, capability: &Capability, parts: u32) -> Result<Assurance> {
    if !(PARTS_LEAST as u32..=ASSURE_PARTS_MAX).contains(&parts) {
        return Err(Error::invalid("sharing.assurance.parts", format!("quality is not measured over {parts} parts"))
            .hint("measure over 30 to 1000 parts")
            .field("/parts", "must be 30 to 1000"));
    }
    let machine = machine_own(host, capability.provider, capability.asset)?;
    let gauge = Gauge::of(&machine)?;
    let (telemetry, now, asset) = (host.port::<dyn TelemetryStore>(), host.now(), capability.asset);
    let read = move || gauge.read(&*telemetry, asset, now, parts as usize);
    // Telemetry may have to be read from files.
    let deviations = tokio::task::spawn_blocking(read)
        .await
        .map_err(|error| Error::internal("sharing.assurance.stopped", "measuring was interrupted").because(error))??;
    Ok(Assurance {
        cpk: cpk(&deviations, capability.terms.tolerance_um)?,
        parts: deviations.len() as u32,
        measured_at: now,
        expires_at: now + ASSURED_FOR,
    })
}

/// Assures a capability with what was measured, until it expires.
///
/// # Errors
/// `sharing.assurance.below`, `sharing.capability.state` for a draft or withdrawn one.
pub async fn capability_assure(
    tx: &mut Tx,
    provider: PartyId,
    id: CapabilityId,
    measured: Assurance,
) -> Result<Capability> {
    let mut capability = own_in_tx(tx, provider, id).await?;
    require(measured.cpk, capability.terms.tolerance_um)?;
    let was_offered = capability.state.offered();
    capability.state = capability.state.assure()?;
    if !was_offered {
        offer_replace(tx, &mut capability).await?;
    }
    job_schedule(tx, CAPABILITY_LAPSE, measured.expires_at, &CapabilityJob { capability: id }).await?;
    capability.assurance = Some(measured);
    capability_save(tx, &capability).await?;
    events::capability_changed(tx, events::CAPABILITY_ASSURED, &capability)?;
    Ok(capability)
}

/// Notes that measured quality has expired: the offer is withdrawn until it is measured again. Nothing happens when it was
/// measured anew meanwhile.
pub async fn capability_lapse(tx: &mut Tx, id: CapabilityId) -> Result<()> {
    let mut capability = capability_get_in_tx(tx, id).await?;
    let now = tx.now();
    if capability.state != State::Assured || capability.clone().as_of(now).state != State::Lapsed {
        return Ok(());
    }
    capability.state = capability.state.lapse()?;
    offer_withdraw(tx, &mut capability).await?;
    capability_save(tx, &capability).await?;
    events::capability_changed(tx, events::CAPABILITY_LAPSED, &capability)
}

/// Where a machine tells how its last part came out.
struct Gauge {
    deviation: &'static str,
    unit: Unit,
    counter: &'static str,
}

impl Gauge {
    fn of(machine: &MachineFacts) -> Result<Self> {
        let unit_of = |id: &str| machine.properties.iter().find(|p| *p.id == *id).and_then(|property| property.unit);
        // Every part that was measured counts, not only the good ones.
        let all_parts = [PIECES[1], PIECES[0]];
        let found = property(machine, &DEVIATIONS).zip(property(machine, &all_parts));
        let micrometre = Unit::of("4H")?;
        match found.and_then(|(deviation, counter)| Some((deviation, counter, unit_of(deviation)?))) {
            Some((deviation, counter, unit)) if unit.dimension() == micrometre.dimension() => {
                Ok(Self { deviation, unit, counter })
            }
            _ => Err(Error::conflict("sharing.assurance.no-gauge", "the machine does not tell how its parts come out")
                .hint(format!("map the properties {} (a length) and {} of the machine", DEVIATIONS[0], PIECES[1]))),
        }
    }

    /// Deviations of the last parts in micrometres: telemetry is read backwards in growing stretches until there are enough.
    fn read(
        &self,
        telemetry: &dyn TelemetryStore,
        asset: AssetId,
        now: Timestamp,
        wanted: usize,
    ) -> Result<Vec<Decimal>> {
        let (oldest, mut stretch) = (now - ASSURE_WITHIN, Duration::from_hours(2));
        loop {
            let window = Window { from: oldest.max(now - stretch), to: now };
            let counted = self.series(telemetry, asset, self.counter, window)?;
            let deviations = self.series(telemetry, asset, self.deviation, window)?;
            let mut parts = last_parts(&counted, &deviations);
            if parts.len() >= wanted || window.from == oldest {
                parts.drain(..parts.len().saturating_sub(wanted));
                let micrometre = Unit::of("4H")?;
                return parts.into_iter().map(|part| self.unit.convert(part, micrometre)).collect();
            }
            stretch = stretch + stretch;
        }
    }

    fn series(
        &self,
        telemetry: &dyn TelemetryStore,
        asset: AssetId,
        property: &str,
        window: Window,
    ) -> Result<Vec<(Timestamp, Decimal)>> {
        let series = SeriesKey::new(asset, Arc::<str>::from(property));
        let answer = telemetry.range(&RangeQuery { series, window, as_of: Position::MAX, limit: usize::MAX })?;
        Ok(answer.samples.iter().filter_map(exact).collect())
    }
}

/// A sample as an exact number: a float is the shortest decimal that stands for it.
fn exact(stored: &Stored) -> Option<(Timestamp, Decimal)> {
    let sample = &stored.sample;
    let number = sample.value.number().filter(|_| sample.quality != Quality::Bad)?;
    Some((sample.source_time, number.to_string().parse().ok()?))
}
