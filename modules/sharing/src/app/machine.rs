//! What this room needs of a machine: that it is the provider's own, that it is a resource of the record, that it has meters.

use std::sync::Arc;

use appkit::{Host, Tx};
use contracts::{
    telemetry::Value,
    twin::{MachineDirectory, MachineFacts},
};
use kernel::{
    Decimal, Error, Quantity, Result, Unit,
    id::{AssetId, MeterId, PartyId, ResourceId},
};
use record::{
    meter::{
        NewMeter, meter_create,
        rules::{CounterDifference, Method, OnDrop, Rule, TimeInState},
    },
    resource::{NewResource, ResourceKind, ResourceState, resource_register, resource_step},
};

use crate::{
    config::{GAP_MAX_MS, PIECES, RUN_STATE, RUNNING},
    domain::price::Basis,
    store::{
        capability::capability_of_asset_in_tx,
        meters::{Meters, meters_get_in_tx, meters_insert},
    },
};

/// A machine of the provider's own; one that is another's does not exist here.
pub(super) fn machine_own(host: &Host, provider: PartyId, asset: AssetId) -> Result<Arc<MachineFacts>> {
    let directory = host.port::<dyn MachineDirectory>();
    directory.machine(asset).filter(|machine| machine.tenant == provider).ok_or_else(|| {
        Error::not_found("sharing.machine.unknown", "you have no such machine")
            .hint("connect the machine first; capabilities belong to connected machines")
            .field("/asset", "must be a connected machine of your organisation")
    })
}

/// The machine as a resource of the record: registered with its first capability.
pub(super) async fn resource_ensure(tx: &mut Tx, machine: &MachineFacts) -> Result<ResourceId> {
    if let Some(known) = capability_of_asset_in_tx(tx, machine.asset).await? {
        return Ok(known.resource);
    }
    let new = NewResource {
        kind: ResourceKind::Asset,
        item: None,
        identifier: machine.code.clone(),
        owner: machine.tenant,
        quantity: Quantity::new(Decimal::ONE, Unit::of("H87")?),
        location: String::new(),
        asset: Some(machine.asset),
    };
    let resource = resource_register(tx, new).await?;
    resource_step(tx, resource.id, ResourceState::Commissioned).await?;
    resource_step(tx, resource.id, ResourceState::InService).await?;
    Ok(resource.id)
}

/// The machine's two meters, made with its first offer. All three billing bases read these and nothing else.
pub(super) async fn meters_ensure(tx: &mut Tx, machine: &MachineFacts) -> Result<Meters> {
    if let Some(known) = meters_get_in_tx(tx, machine.asset).await? {
        return Ok(known);
    }
    let running = Method::TimeInState(TimeInState { values: vec![Value::I64(RUNNING)] });
    // Operators zero piece counters between orders: a restart is listed on the reading, not refused.
    let counted = Method::CounterDifference(CounterDifference {
        modulus: None,
        multiplier: Decimal::ONE,
        on_drop: OnDrop::ResetToZero,
    });
    property(machine, &[RUN_STATE]).ok_or_else(|| unmetered("does not tell when it runs"))?;
    // Microseconds: the only rounding of machine time is the one on the invoice line.
    let time = meter(tx, machine, "Running time", "SEC", 6, RUN_STATE, running).await?;
    let pieces = match property(machine, &PIECES) {
        Some(property) => Some(meter(tx, machine, "Good pieces", "H87", 0, property, counted).await?),
        None => None,
    };
    let meters = Meters { time, pieces };
    meters_insert(tx, machine.asset, meters).await?;
    Ok(meters)
}

async fn meter(
    tx: &mut Tx,
    machine: &MachineFacts,
    name: &str,
    unit: &str,
    decimals: u32,
    property: &str,
    method: Method,
) -> Result<MeterId> {
    let new = NewMeter {
        tenant: machine.tenant,
        asset: machine.asset,
        name: format!("{name}, {}", machine.code).chars().take(120).collect(),
        unit: Unit::of(unit)?,
        rule: Rule { property: property.to_owned(), gap_max_ms: GAP_MAX_MS, decimals, method },
        active_from: None,
    };
    Ok(meter_create(tx, new).await?.id)
}

impl Meters {
    /// The meter that a billing basis counts by.
    pub(super) fn of(&self, basis: Basis) -> Result<MeterId> {
        match basis {
            Basis::Time => Ok(self.time),
            Basis::Value | Basis::Pieces => self.pieces.ok_or_else(|| unmetered("does not count pieces")),
        }
    }
}

/// The first of these properties that the machine has.
pub(super) fn property<'a>(machine: &MachineFacts, wanted: &[&'a str]) -> Option<&'a str> {
    wanted.iter().copied().find(|id| machine.properties.iter().any(|property| *property.id == **id))
}

fn unmetered(what: &str) -> Error {
    Error::conflict("sharing.machine.unmetered", format!("the machine {what}, so it cannot be billed like this"))
        .hint(format!("map the properties {RUN_STATE} and {} of the machine, or offer another basis", PIECES[0]))
}
