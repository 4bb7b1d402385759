//! What the park's companies did with one another: offers, bookings, jobs, invoices, payments, through the rooms' use cases.

use std::collections::BTreeMap;

use appkit::{Caller, Tx};
use kernel::{
    Currency, Decimal, Duration, Money, Result, Timestamp, Window,
    id::{BookingId, CapabilityId, PartyId},
};
use record::ledger::cash_pay_in_in_tx;
use sharing::app::{
    Basis, Booking, Capability, Certificate, EnvelopeMm, NewBooking, Place, PriceRule, Terms, booking_accept,
    booking_get, booking_make, capability_create, capability_publish, job_finish, job_of_booking_in_tx, job_start,
};
use simulator::MachineSpec;

use super::{Registered, SteppedClock};
use crate::platform::Platform;

/// Catalogue class and materials of each process of the park.
fn class_of(process: &str) -> (&'static str, &'static [&'static str], &'static str, &'static str) {
    match process {
        "milling" => ("MF.MA.MILL5", &["metal.aluminium.6061", "metal.steel.45", "metal.steel.304"], "铣削", "milling"),
        "injection_moulding" => {
            ("MF.PL.INJ", &["polymer.pp", "polymer.abs", "polymer.pa66"], "注塑", "injection moulding")
        }
        _ => ("MF.SH.STA", &["metal.steel.spcc", "metal.aluminium.5052", "metal.steel.304"], "冲压", "stamping"),
    }
}

/// A booking to be made and carried out.
pub struct Plan {
    /// Whose machine.
    pub capability: CapabilityId,
    /// Who buys.
    pub buyer: PartyId,
    /// How it is billed.
    pub basis: Basis,
    /// The slot.
    pub slot: Window,
    /// Pieces ordered.
    pub pieces: u32,
    /// What the part is called.
    pub part: String,
}

/// Gives every company cash to trade with (an entry against the outside world, marked as such in its ledger).
///
/// # Errors
/// What the record refuses.
pub async fn fund(platform: &Platform, registered: &Registered, minor: i64) -> Result<()> {
    for party in registered.companies.values() {
        let mut tx = platform.host.begin(&Caller::system_for(*party)).await?;
        cash_pay_in_in_tx(&mut tx, *party, Money::from_minor(minor, Currency::CNY), "demo").await?;
        tx.commit().await?;
    }
    platform.host.settle().await
}

/// Publishes what the park's machines can do. Machine index → capability.
///
/// # Errors
/// What the room refuses.
pub async fn offer(platform: &Platform, registered: &Registered) -> Result<BTreeMap<usize, Capability>> {
    let mut offered = BTreeMap::new();
    for (index, spec) in registered.park.machines.iter().enumerate() {
        let Some(terms) = terms(registered, spec, platform.host.now())? else { continue };
        let (provider, asset) = (registered.company(&spec.company)?, registered.machines[index].0);
        let mut tx = platform.host.begin(&Caller::system_for(provider)).await?;
        let capability = capability_create(&mut tx, provider, asset, terms).await?;
        let capability = capability_publish(&mut tx, provider, capability.id).await?;
        tx.commit().await?;
        offered.insert(index, capability);
    }
    platform.host.settle().await?;
    Ok(offered)
}

fn terms(registered: &Registered, spec: &MachineSpec, now: Timestamp) -> Result<Option<Terms>> {
    let Some(hint) = &spec.capability else { return Ok(None) };
    let (class, materials, zh, _) = class_of(&hint.process);
    let currency: Currency = hint.currency.parse()?;
    let zero = Money::zero(currency);
    let rule = |basis, minor, percent: Option<i64>| PriceRule {
        basis,
        unit_price: Money::from_minor(minor, currency),
        percent: percent.map(Decimal::from),
        minimum: zero,
    };
    let company = registered.park.companies.iter().find(|company| company.code == spec.company);
    let [lat_e6, lon_e6] = company.map_or([0, 0], |company| company.place_e6);
    let positive = |value: i64| u32::try_from(value.max(1)).unwrap_or(1);
    Ok(Some(Terms {
        title: format!("{} {zh}", spec.name_zh),
        class: class.to_owned(),
        materials: materials.iter().map(|material| (*material).to_owned()).collect(),
        envelope: EnvelopeMm { sides: hint.envelope_mm.map(positive) },
        tolerance_um: positive(hint.tolerance_um),
        roughness_nm: positive(hint.roughness_ra_centi_um.unwrap_or(320) * 10),
        lot_min: positive(hint.lot[0]),
        lot_max: positive(hint.lot[1]),
        certificates: hint
            .certificates
            .iter()
            .map(|scheme| Certificate { scheme: scheme.clone(), expires_at: now + Duration::from_days(540) })
            .collect(),
        place: Place { lat_e6, lon_e6 },
        prices: vec![
            rule(Basis::Time, hint.hour_minor, None),
            rule(Basis::Pieces, hint.piece_minor, None),
            // A piece is worth about four times what its making costs; a quarter of that is charged.
            rule(Basis::Value, hint.piece_minor * 4, Some(25)),
        ],
        setup: Money::from_minor(hint.set_up_minor, currency),
        tax_percent: Decimal::from(13),
        pieces_per_hour: Decimal::from(30),
        dispute_window: Duration::from_hours(1),
    }))
}

/// Books, runs, seals, invoices, accepts and pays, with the clock standing where each of it happens.
///
/// # Errors
/// What a use case refuses.
pub async fn carry_out(platform: &Platform, clock: &SteppedClock, plan: Plan) -> Result<Booking> {
    clock.set(plan.slot.from - Duration::from_hours(2));
    let new = NewBooking {
        capability: plan.capability,
        basis: plan.basis,
        slots: vec![plan.slot],
        hold: None,
        pieces: plan.pieces,
        part: plan.part,
    };
    let mut tx = platform.host.begin(&Caller::system_for(plan.buyer)).await?;
    let booking = booking_make(&mut tx, plan.buyer, new).await?;
    tx.commit().await?;
    platform.host.settle().await?;

    clock.set(plan.slot.from);
    let mut tx = begin(platform, booking.provider).await?;
    let job = job_of_booking_in_tx(&mut tx, booking.id).await?;
    job_start(&mut tx, booking.provider, job.id).await?;
    tx.commit().await?;
    clock.set(plan.slot.to - Duration::from_mins(2));
    let mut tx = begin(platform, booking.provider).await?;
    job_finish(&mut tx, booking.provider, job.id).await?;
    tx.commit().await?;
    // Sealing waits a moment for the last samples.
    clock.set(plan.slot.to);
    platform.host.settle().await?;

    clock.set(plan.slot.to + Duration::from_mins(10));
    accept(platform, plan.buyer, booking.id).await?;
    platform.host.settle().await?;
    booking_get(platform.host.db(), booking.id).await
}

async fn begin(platform: &Platform, party: PartyId) -> Result<Tx> {
    platform.host.begin(&Caller::system_for(party)).await
}

async fn accept(platform: &Platform, buyer: PartyId, id: BookingId) -> Result<()> {
    let mut tx = begin(platform, buyer).await?;
    booking_accept(&mut tx, buyer, id).await?;
    tx.commit().await
}
