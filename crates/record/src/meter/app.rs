use appkit::{Host, Tx};
use contracts::telemetry::TelemetryStore;
use kernel::{
    Decimal, Error, Result, Timestamp, Unit, Window,
    id::{AssetId, MeterId, PartyId},
};
use serde::Serialize;

use super::{
    Meter, MeterState,
    rules::{Adjustment, Gap, Incident, Input, Rule},
    sealing::channels_of,
    store::{self, meter_get},
};
use crate::evidence::evidence_collect;

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
