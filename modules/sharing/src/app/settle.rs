//! The end of a booking: escrow paid out up to the invoice, the rest returned, both ledgers told.

use appkit::Tx;
use kernel::{
    Error, Money, Result,
    id::{BookingId, PartyId},
};
use record::{
    agreement::{AgreementState, agreement_step},
    claim::{invoice_get, invoice_settle},
    commitment::{CommitmentState, commitment_get, commitment_step},
    ledger::{PayFrom, escrow_refund_in_tx},
};

use super::job::buyer_only;
use crate::{
    domain::booking::{Booking, Paid, State},
    events,
    store::{
        booking::{booking_get_in_tx, booking_move, booking_pay},
        job::job_of_booking_in_tx,
    },
};

/// The buyer accepts the invoice before the dispute window is over.
///
/// # Errors
/// `sharing.booking.unknown`, `sharing.booking.side`, `sharing.booking.state` unless it is invoiced.
pub async fn booking_accept(tx: &mut Tx, buyer: PartyId, id: BookingId) -> Result<Booking> {
    let mut booking = booking_get_in_tx(tx, id).await?;
    buyer_only(&booking, buyer)?;
    if booking.state != State::Invoiced {
        return Err(Error::conflict(
            "sharing.booking.state",
            format!("a booking that is {} cannot be accepted", booking.state.name()),
        )
        .hint("accept it once it is invoiced; end a dispute first"));
    }
    settle(tx, &mut booking, None).await?;
    Ok(booking)
}

/// Silence is acceptance: nobody objected within the dispute window. Nothing happens to a booking that is not invoiced.
pub async fn booking_settle(tx: &mut Tx, id: BookingId) -> Result<()> {
    let mut booking = booking_get_in_tx(tx, id).await?;
    if booking.state == State::Invoiced {
        settle(tx, &mut booking, None).await?;
    }
    Ok(())
}

/// Pays the invoice from escrow and returns the rest. `conceded` is what a credit
/// note pays back to the buyer out of it.
pub(super) async fn settle(tx: &mut Tx, booking: &mut Booking, conceded: Option<Money>) -> Result<()> {
    let nothing = Money::zero(booking.most.gross.currency());
    let job = job_of_booking_in_tx(tx, booking.id).await?;
    let invoice =
        job.invoice.ok_or_else(|| Error::internal("sharing.booking.unbilled", "there is no invoice to settle"))?;
    let mut released = nothing;
    // An invoice over nothing is settled as it is issued.
    if invoice_get(tx, invoice).await?.open()?.minor() > 0 {
        let paid = invoice_settle(tx, invoice, PayFrom::Escrow(booking.agreement), None).await?;
        released = paid.settled;
    }
    close(tx, booking, released, conceded.unwrap_or(nothing)).await
}

/// Returns the whole escrow: nothing was billed, and nothing will be.
pub(super) async fn escrow_return(tx: &mut Tx, booking: &mut Booking, reason: &str) -> Result<()> {
    promises_close(tx, booking, reason).await?;
    let nothing = Money::zero(booking.most.gross.currency());
    close(tx, booking, nothing, nothing).await
}

/// Closes what is still promised short of its amount.
pub(super) async fn promises_close(tx: &mut Tx, booking: &Booking, reason: &str) -> Result<()> {
    for id in booking.reserved.iter().chain([&booking.promised]) {
        if commitment_get(tx, *id).await?.state != CommitmentState::Fulfilled {
            commitment_step(tx, *id, CommitmentState::ShortClosed, reason).await?;
        }
    }
    Ok(())
}

async fn close(tx: &mut Tx, booking: &mut Booking, released: Money, conceded: Money) -> Result<()> {
    booking_move(tx, booking, State::Settled).await?;
    let rest = escrow_refund_in_tx(tx, booking.agreement, booking.buyer, conceded.currency(), None).await?;
    let rest = rest.map_or(Money::zero(conceded.currency()), |transfer| transfer.amount());
    let paid = Paid { released: released.minus(conceded)?, refunded: rest.plus(conceded)? };
    booking_pay(tx, booking, paid).await?;
    agreement_step(tx, booking.agreement, AgreementState::Completed).await?;
    booking.state = State::Settled;
    booking.paid = Some(paid);
    events::booking_changed(tx, events::BOOKING_SETTLED, booking, State::Settled)
}
