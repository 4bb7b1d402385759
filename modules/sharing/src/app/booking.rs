use appkit::{Tx, jobs::job_schedule};
use kernel::{
    Decimal, Error, Quantity, Result, Timestamp, Unit, Window,
    id::{AgreementId, BookingId, CapabilityId, CommitmentId, HoldId, PartyId},
};
use record::{
    agreement::{AgreementState, NewAgreement, agreement_conclude, agreement_step},
    commitment::{CommitmentState, NewCommitment, commitment_create, commitment_step, commitments_reserve},
    event::Action,
    ledger::{escrow_fund_in_tx, escrow_refund_in_tx},
};

use super::{
    hold::{bookable_in_tx, slots_admit},
    job::{job_end, participant},
    machine::{machine_own, meters_ensure},
    terms::clauses_agreed,
};
use crate::{
    config::OVERDUE_AFTER,
    domain::{
        booking::{Booking, Cost, Paid, State, most, slots_checked},
        capability::{Capability, Terms},
        hold,
        job::Job,
        price::Basis,
    },
    events,
    schedule::{BOOKING_OVERDUE, BookingJob},
    store::{
        booking::{booking_get_in_tx, booking_insert, booking_move, booking_pay},
        hold::{hold_end, hold_get_in_tx},
        job::{job_of_booking_in_tx, job_save},
        slot::{slot_forget, slot_keep},
    },
};

/// A booking as a buyer wants to make it.
#[derive(Debug, Clone, PartialEq)]
pub struct NewBooking {
    /// Of which capability.
    pub capability: CapabilityId,
    /// What is counted.
    pub basis: Basis,
    /// Which slots; empty to take those of the hold.
    pub slots: Vec<Window>,
    /// The hold that keeps them.
    pub hold: Option<HoldId>,
    /// Pieces ordered.
    pub pieces: u32,
    /// What the part is called.
    pub part: String,
}

/// What slots and pieces cost at most on a basis: what a booking puts into escrow.
///
/// # Errors
/// `sharing.basis.not-offered`, `sharing.slot.malformed`, `sharing.booking.lot`.
pub fn quote(terms: &Terms, basis: Basis, slots: Vec<Window>, pieces: u32, now: Timestamp) -> Result<Cost> {
    lot_check(terms, pieces)?;
    most(terms.price(basis)?, terms.setup, terms.tax_percent, &slots_checked(slots, now)?, pieces)
}

/// Books a machine: agreement signed with its clauses, slots reserved, escrow funded, hold used; all of it or nothing.
///
/// The provider's published offer is its standing signature, this order is the buyer's.
///
/// # Errors
/// `sharing.slot.taken`, `record.capacity.exceeded` (I9), `record.account.would-overdraw` when the buyer's cash does not
/// suffice, and those of [`quote`] and of a hold.
pub async fn booking_make(tx: &mut Tx, buyer: PartyId, new: NewBooking) -> Result<Booking> {
    let capability = bookable_in_tx(tx, buyer, new.capability).await?;
    let part = new.part.trim().to_owned();
    if !(1..=60).contains(&part.chars().count()) {
        return Err(Error::invalid("sharing.booking.part", "the part needs a name of 1 to 60 characters")
            .hint("use the name or drawing number that both sides know")
            .field("/part", "must be 1 to 60 characters"));
    }
    let (slots, holder) = slots_wanted(tx, buyer, &new).await?;
    let slots = slots_checked(slots, tx.now())?;
    let cost = quote(&capability.terms, new.basis, slots.clone(), new.pieces, tx.now())?;
    slots_admit(tx, &capability, &slots, &holder).await?;

    let agreement = agree(tx, &capability, buyer, new.basis, &cost, &part).await?;
    let (reserved, promised) = promise(tx, &capability, buyer, agreement, &slots, new.pieces).await?;
    let escrow = escrow_fund_in_tx(tx, agreement, buyer, cost.gross).await?.id;
    let booking = Booking {
        id: tx.new_id(),
        capability: capability.id,
        asset: capability.asset,
        provider: capability.provider,
        buyer,
        agreement,
        reserved,
        promised,
        escrow,
        part,
        price: capability.terms.price(new.basis)?.clone(),
        setup: capability.terms.setup,
        tax_percent: capability.terms.tax_percent,
        slots,
        pieces: new.pieces,
        most: cost,
        dispute_window: capability.terms.dispute_window,
        paid: None,
        state: State::Booked,
        created_at: tx.now(),
    };
    keep(tx, &booking, new.hold).await?;
    events::booking_changed(tx, events::BOOKING_MADE, &booking, State::Booked)?;
    Ok(booking)
}

/// Gives a booking up before it runs, from either side: slots free, promises cancelled, the whole escrow returned.
///
/// # Errors
/// `sharing.booking.unknown`, `sharing.booking.state` once it runs.
pub async fn booking_cancel(tx: &mut Tx, party: PartyId, id: BookingId, reason: &str) -> Result<Booking> {
    let booking = booking_get_in_tx(tx, id).await?;
    participant(&booking, party)?;
    let reason = if reason.trim().is_empty() { "given up before it ran" } else { reason.trim() };
    release(tx, booking, CommitmentState::Cancelled, reason).await
}

/// Ends what the parties left open long after the last slot: a booking that never began is given up, one that runs is
/// finished. Nothing happens to any other.
pub async fn booking_overdue(tx: &mut Tx, id: BookingId) -> Result<()> {
    let booking = booking_get_in_tx(tx, id).await?;
    match booking.state {
        State::Booked => {
            release(tx, booking, CommitmentState::Breached, "it never began").await?;
        }
        State::Running => job_end(tx, booking).await?,
        _ => {}
    }
    Ok(())
}

/// The slots asked for and who keeps them until now.
async fn slots_wanted(tx: &mut Tx, buyer: PartyId, new: &NewBooking) -> Result<(Vec<Window>, String)> {
    let Some(id) = new.hold else { return Ok((new.slots.clone(), String::new())) };
    let held = hold_get_in_tx(tx, id, buyer).await?;
    held.state.to(hold::State::Used)?;
    let mut slots = new.slots.clone();
    slots.sort();
    if held.capability != new.capability || (!slots.is_empty() && slots != held.slots) {
        return Err(Error::conflict("sharing.hold.other", "the hold keeps other slots or another capability")
            .hint("leave the slots out to book those of the hold"));
    }
    Ok((held.slots, id.to_string()))
}

fn lot_check(terms: &Terms, pieces: u32) -> Result<()> {
    if (terms.lot_min..=terms.lot_max).contains(&pieces) {
        return Ok(());
    }
    let (least, most) = (terms.lot_min, terms.lot_max);
    Err(Error::unprocessable("sharing.booking.lot", format!("{pieces} pieces are not a lot of {least} to {most}"))
        .hint("order within the lot that the capability states")
        .field("/pieces", format!("must be {least} to {most}")))
}

async fn agree(
    tx: &mut Tx,
    capability: &Capability,
    buyer: PartyId,
    basis: Basis,
    cost: &Cost,
    part: &str,
) -> Result<AgreementId> {
    let machine = machine_own(tx.host(), capability.provider, capability.asset)?;
    let meters = meters_ensure(tx, &machine).await?;
    let new = NewAgreement {
        title: format!("{}: {part}", capability.terms.title),
        provider: capability.provider,
        receiver: buyer,
        others: Vec::new(),
        parent: None,
        offer: capability.offer,
        clauses: clauses_agreed(&capability.terms, basis, cost, meters)?,
    };
    let by = tx.caller().subject.to_string();
    Ok(agreement_conclude(tx, new, &by).await?.id)
}

/// One promise per slot, which reserves the machine, and one of the pieces.
async fn promise(
    tx: &mut Tx,
    capability: &Capability,
    buyer: PartyId,
    agreement: AgreementId,
    slots: &[Window],
    pieces: u32,
) -> Result<(Vec<CommitmentId>, CommitmentId)> {
    let new = NewCommitment {
        agreement: Some(agreement),
        action: Action::Use,
        provider: capability.provider,
        receiver: buyer,
        item: None,
        resource: Some(capability.resource),
        asset: Some(capability.asset),
        quantity: None,
        effort: None,
        window: None,
        capacity_units: 1,
    };
    let mut reserved = Vec::with_capacity(slots.len());
    for slot in slots {
        let seconds = Decimal::from(slot.length().micros()) / Decimal::from(1_000_000);
        let effort = Some(Quantity::new(seconds, Unit::of("SEC")?));
        let one = NewCommitment { effort, window: Some(*slot), ..new.clone() };
        reserved.push(commitment_create(tx, one).await?.id);
    }
    // A machine does one job at a time.
    commitments_reserve(tx, &reserved, |_| 1).await?;
    let quantity = Some(Quantity::new(Decimal::from(pieces), Unit::of("H87")?));
    let made = NewCommitment { action: Action::DeliverService, quantity, capacity_units: 0, ..new };
    Ok((reserved, commitment_create(tx, made).await?.id))
}

async fn keep(tx: &mut Tx, booking: &Booking, hold: Option<HoldId>) -> Result<()> {
    if let Some(id) = hold {
        let held = hold_get_in_tx(tx, id, booking.buyer).await?;
        hold_end(tx, &held, hold::State::Used).await?;
    }
    slot_keep(tx, booking.asset, &booking.id.to_string(), &booking.slots, None).await?;
    booking_insert(tx, booking).await?;
    let job = Job {
        id: tx.new_id(),
        booking: booking.id,
        asset: booking.asset,
        provider: booking.provider,
        buyer: booking.buyer,
        started_at: None,
        finished_at: None,
        reading_time: None,
        reading_pieces: None,
        invoice: None,
        dispute: None,
        note: None,
    };
    job_save(tx, &job).await?;
    let overdue = booking.ends_at() + OVERDUE_AFTER;
    job_schedule(tx, BOOKING_OVERDUE, overdue, &BookingJob { booking: booking.id }).await
}

async fn release(tx: &mut Tx, mut booking: Booking, promise: CommitmentState, reason: &str) -> Result<Booking> {
    booking_move(tx, &booking, State::Cancelled).await?;
    slot_forget(tx, &booking.id.to_string()).await?;
    for id in booking.reserved.iter().chain([&booking.promised]) {
        commitment_step(tx, *id, promise, reason).await?;
    }
    let currency = booking.most.gross.currency();
    let refund = escrow_refund_in_tx(tx, booking.agreement, booking.buyer, currency, None).await?;
    let paid = Paid {
        released: kernel::Money::zero(currency),
        refunded: refund.map_or(kernel::Money::zero(currency), |transfer| transfer.amount()),
    };
    booking_pay(tx, &booking, paid).await?;
    agreement_step(tx, booking.agreement, AgreementState::Terminated).await?;
    let mut job = job_of_booking_in_tx(tx, booking.id).await?;
    job.note = Some(reason.to_owned());
    job_save(tx, &job).await?;
    booking.state = State::Cancelled;
    booking.paid = Some(paid);
    events::booking_changed(tx, events::BOOKING_CANCELLED, &booking, State::Cancelled)?;
    Ok(booking)
}
