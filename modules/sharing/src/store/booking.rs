//! Bookings. Their life is one column that only moves; what was agreed never changes.

use appkit::{Db, Row, Tx, params};
use kernel::{
    Currency, Duration, Error, Money, Result,
    id::{AssetId, BookingId, PartyId},
};

use super::row::{BookingDoc, cost_of, text};
use crate::domain::booking::{Booking, Paid, State};

const COLUMNS: &str = "id, capability, asset, provider, buyer, agreement, escrow, state, doc, currency, released_minor,
    refunded_minor, created_at";

fn read(row: &Row) -> Result<Booking> {
    let doc: BookingDoc = row.json("doc")?;
    Ok(Booking {
        id: row.id("id")?,
        capability: row.id("capability")?,
        asset: row.id("asset")?,
        provider: row.id("provider")?,
        buyer: row.id("buyer")?,
        agreement: row.id("agreement")?,
        reserved: doc.reserved,
        promised: doc.promised,
        escrow: row.id("escrow")?,
        part: doc.part,
        price: doc.price.try_into()?,
        setup: doc.setup,
        tax_percent: doc.tax_percent,
        slots: doc.slots,
        pieces: doc.pieces,
        most: cost_of(doc.most),
        dispute_window: Duration::from_micros(doc.dispute_window_us),
        paid: paid(row)?,
        state: row.parse("state")?,
        created_at: row.time("created_at")?,
    })
}

fn paid(row: &Row) -> Result<Option<Paid>> {
    let currency: Currency = row.parse("currency")?;
    let (released, refunded) = (row.get::<Option<i64>>("released_minor")?, row.get::<Option<i64>>("refunded_minor")?);
    Ok(released.zip(refunded).map(|(released, refunded)| Paid {
        released: Money::from_minor(released, currency),
        refunded: Money::from_minor(refunded, currency),
    }))
}

/// The one answer for a booking that does not exist and for one that is another's.
pub fn unknown() -> Error {
    Error::not_found("sharing.booking.unknown", "there is no such booking, or it is not yours")
}

/// Writes a new booking.
pub async fn booking_insert(tx: &mut Tx, booking: &Booking) -> Result<()> {
    let doc = text(&BookingDoc {
        part: booking.part.clone(),
        price: (&booking.price).into(),
        setup: booking.setup,
        tax_percent: booking.tax_percent,
        slots: booking.slots.clone(),
        pieces: booking.pieces,
        most: [booking.most.net, booking.most.tax, booking.most.gross],
        dispute_window_us: booking.dispute_window.micros(),
        reserved: booking.reserved.clone(),
        promised: booking.promised,
    })?;
    tx.exec(
        "INSERT INTO sharing_booking
            (id, capability, asset, provider, buyer, agreement, escrow, state, doc, currency, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        params![
            booking.id,
            booking.capability,
            booking.asset,
            booking.provider,
            booking.buyer,
            booking.agreement,
            booking.escrow,
            booking.state.name(),
            doc,
            booking.most.gross.currency().code(),
            booking.created_at
        ],
    )
    .await?;
    Ok(())
}

/// Moves a booking on; the old state is part of the statement, so that nothing is skipped.
pub async fn booking_move(tx: &mut Tx, booking: &Booking, next: State) -> Result<()> {
    let next = booking.state.to(next)?;
    let moved = tx
        .exec(
            "UPDATE sharing_booking SET state = $3 WHERE id = $1 AND state = $2",
            params![booking.id, booking.state.name(), next.name()],
        )
        .await?;
    if moved == 1 { Ok(()) } else { Err(Error::conflict("sharing.booking.state", "the booking moved on meanwhile")) }
}

/// A booking, inside a transaction.
pub async fn booking_get_in_tx(tx: &mut Tx, id: BookingId) -> Result<Booking> {
    let sql = format!("SELECT {COLUMNS} FROM sharing_booking WHERE id = $1");
    read(&tx.one(&sql, params![id]).await?.ok_or_else(unknown)?)
}

/// A booking.
pub async fn booking_get(db: &Db, id: BookingId) -> Result<Booking> {
    let sql = format!("SELECT {COLUMNS} FROM sharing_booking WHERE id = $1");
    read(&db.one(&sql, params![id]).await?.ok_or_else(unknown)?)
}

/// Notes what became of the escrow.
pub async fn booking_pay(tx: &mut Tx, booking: &Booking, paid: Paid) -> Result<()> {
    tx.exec(
        "UPDATE sharing_booking SET released_minor = $2, refunded_minor = $3 WHERE id = $1",
        params![booking.id, paid.released.minor(), paid.refunded.minor()],
    )
    .await?;
    Ok(())
}

/// Which of an organisation's bookings are wanted.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter {
    /// Only those in which it provides (true) or buys (false).
    pub provides: Option<bool>,
    /// Only those of a machine.
    pub asset: Option<AssetId>,
    /// Only those in a state.
    pub state: Option<State>,
}

/// An organisation's bookings, newest first; `before` is the id to go on below (empty at the beginning).
pub async fn booking_list(db: &Db, party: PartyId, filter: Filter, before: &str, limit: usize) -> Result<Vec<Booking>> {
    // "~" sorts behind every id.
    let before = if before.is_empty() { "~" } else { before };
    let side = match filter.provides {
        Some(true) => "provider = $1",
        Some(false) => "buyer = $1",
        None => "(provider = $1 OR buyer = $1)",
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM sharing_booking WHERE {side} AND id < $2 AND (asset = $3 OR $3 = '')
            AND (state = $4 OR $4 = '') ORDER BY id DESC LIMIT $5"
    );
    let asset = filter.asset.map(|asset| asset.to_string()).unwrap_or_default();
    let state = filter.state.map_or("", State::name);
    db.rows(&sql, params![party, before, asset, state, limit]).await?.iter().map(read).collect()
}
