//! A booking: slots of a machine, promised by an agreement, paid from escrow. Its life and what it may cost.

use kernel::{
    Decimal, Duration, Error, Money, Quantity, Result, Timestamp, Unit, Window,
    id::{AgreementId, AssetId, BookingId, CapabilityId, CommitmentId, PartyId, TransferId},
};

use super::price::{Basis, PriceRule, line_quantity};

/// The life of a booking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Agreed, reserved, escrow funded.
    Booked,
    /// The job runs.
    Running,
    /// The job ended; its reading is not sealed yet.
    Finished,
    /// Sealed, claimed and invoiced; escrow waits for acceptance.
    Invoiced,
    /// Escrow paid out, rest returned.
    Settled,
    /// The buyer disagrees; escrow is frozen.
    Disputed,
    /// Given up before it ran; escrow returned.
    Cancelled,
}

const STATES: [State; 7] = [
    State::Booked,
    State::Running,
    State::Finished,
    State::Invoiced,
    State::Settled,
    State::Disputed,
    State::Cancelled,
];

impl State {
    /// Stored name.
    pub fn name(self) -> &'static str {
        match self {
            State::Booked => "booked",
            State::Running => "running",
            State::Finished => "finished",
            State::Invoiced => "invoiced",
            State::Settled => "settled",
            State::Disputed => "disputed",
            State::Cancelled => "cancelled",
        }
    }

    /// Moves on; anything not on this list is refused.
    pub fn to(self, next: State) -> Result<State> {
        let allowed = matches!(
            (self, next),
            (State::Booked, State::Running | State::Cancelled)
                | (State::Running, State::Finished)
                // Straight to settled: nothing could be proved, so nothing is billed and everything returned.
                | (State::Finished, State::Invoiced | State::Disputed | State::Settled)
                | (State::Invoiced, State::Settled | State::Disputed)
                // Back to finished: the buyer withdrew before anything was billed.
                | (State::Disputed, State::Settled | State::Finished)
        );
        if allowed {
            return Ok(next);
        }
        Err(Error::conflict(
            "sharing.booking.state",
            format!("a booking that is {} cannot become {}", self.name(), next.name()),
        )
        .hint("read the booking again"))
    }
}

impl std::str::FromStr for State {
    type Err = Error;
    fn from_str(name: &str) -> Result<Self> {
        STATES
            .into_iter()
            .find(|state| state.name() == name)
            .ok_or_else(|| Error::corrupt("sharing.booking.state-unknown", format!("no state {name:?}")))
    }
}

/// A booking.
#[derive(Debug, Clone, PartialEq)]
pub struct Booking {
    /// Id.
    pub id: BookingId,
    /// What was booked.
    pub capability: CapabilityId,
    /// The machine.
    pub asset: AssetId,
    /// Who provides.
    pub provider: PartyId,
    /// Who pays.
    pub buyer: PartyId,
    /// The agreement with its clauses.
    pub agreement: AgreementId,
    /// The promises that reserve the machine, one per slot in order.
    pub reserved: Vec<CommitmentId>,
    /// The promise of the pieces.
    pub promised: CommitmentId,
    /// The transfer that funded the escrow.
    pub escrow: TransferId,
    /// What the part is called.
    pub part: String,
    /// The agreed price rule.
    pub price: PriceRule,
    /// Set-up charge, net.
    pub setup: Money,
    /// Value-added tax in per cent.
    pub tax_percent: Decimal,
    /// The slots, sorted.
    pub slots: Vec<Window>,
    /// Pieces ordered.
    pub pieces: u32,
    /// The most it can cost, and what is in escrow.
    pub most: Cost,
    /// How long the buyer may object after the invoice.
    pub dispute_window: Duration,
    /// What became of the escrow, once it is empty.
    pub paid: Option<Paid>,
    /// State.
    pub state: State,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Booking {
    /// What a metered quantity costs: the rule's charge, capped at what was booked, with set-up and tax.
    pub fn cost_of(&self, metered: Quantity) -> Result<Cost> {
        let charge = self.price.charge(line_quantity(self.price.basis, metered)?)?.plus(self.setup)?;
        let net = if charge.minor() > self.most.net.minor() { self.most.net } else { charge };
        Cost::of(net, self.tax_percent)
    }

    /// When its last slot ends.
    pub fn ends_at(&self) -> Timestamp {
        self.slots.last().map_or(self.created_at, |slot| slot.to)
    }
}

/// What became of an escrow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paid {
    /// What the provider got and kept.
    pub released: Money,
    /// What went back to the buyer.
    pub refunded: Money,
}

/// Net, tax and gross.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Without tax.
    pub net: Money,
    /// Value-added tax.
    pub tax: Money,
    /// To be paid.
    pub gross: Money,
}

impl Cost {
    /// From a net amount and a tax rate in per cent; tax rounded once (EN 16931 BR-CO-17).
    pub fn of(net: Money, tax_percent: Decimal) -> Result<Cost> {
        let tax = net.times(tax_percent / Decimal::ONE_HUNDRED)?;
        Ok(Cost { net, tax, gross: net.plus(tax)? })
    }
}

/// What a job can cost at most: the whole of its slots, or every piece good. This is what goes into escrow.
pub fn most(price: &PriceRule, setup: Money, tax_percent: Decimal, slots: &[Window], pieces: u32) -> Result<Cost> {
    let charge = price.charge(ceiling(price.basis, slots, pieces)?)?;
    Cost::of(charge.plus(setup)?, tax_percent)
}

/// The most that can be billed on a basis.
pub fn ceiling(basis: Basis, slots: &[Window], pieces: u32) -> Result<Quantity> {
    match basis {
        Basis::Time => {
            let micros: i64 = slots.iter().map(|slot| slot.length().micros()).sum();
            let seconds = Decimal::from(micros) / Decimal::from(1_000_000);
            line_quantity(basis, Quantity::new(seconds, Unit::of("SEC")?))
        }
        Basis::Value | Basis::Pieces => Ok(Quantity::new(Decimal::from(pieces), basis.unit())),
    }
}

/// Shares of a metered amount for promises in their order: each up to what was promised. What is left over is nobody's and
/// stays visible on the reading (I7).
pub fn share_out(metered: Decimal, promises: &[Decimal]) -> Vec<Decimal> {
    let mut left = metered.max(Decimal::ZERO);
    promises
        .iter()
        .map(|promised| {
            let share = left.min(*promised);
            left -= share;
            share
        })
        .collect()
}

/// How long before now a slot may begin: as long as the longest hold, or a held slot could lapse under the buyer.
const LATE_MAX: Duration = Duration::from_mins(*super::hold::MINUTES.end() as i64);

/// Slots as the buyer asked for them: sorted, none empty, none in the past, the whole within a year.
pub fn slots_checked(mut slots: Vec<Window>, now: Timestamp) -> Result<Vec<Window>> {
    slots.sort();
    let refuse = |message: &'static str| {
        Err(Error::invalid("sharing.slot.malformed", message)
            .hint("choose free stretches from the calendar")
            .field("/slots", message))
    };
    if slots.is_empty() || slots.len() > 50 {
        return refuse("a booking has 1 to 50 slots");
    }
    if slots.iter().any(|slot| slot.from >= slot.to) {
        return refuse("a slot ends before it begins");
    }
    if slots.iter().any(|slot| slot.to <= now || slot.from < now - LATE_MAX) {
        return refuse("a slot lies in the past");
    }
    if slots.iter().any(|slot| slot.to > now + Duration::from_days(366)) {
        return refuse("a slot lies more than a year ahead");
    }
    Ok(slots)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::Currency;

    fn hours(from: i64, to: i64) -> Window {
        let at = |hour: i64| Timestamp::from_micros(0) + Duration::from_hours(hour);
        Window { from: at(from), to: at(to) }
    }

    #[test]
    fn escrow_covers_the_whole_slot_with_setup_and_tax() {
        let price = PriceRule {
            basis: Basis::Time,
            unit_price: Money::from_minor(28_000, Currency::CNY),
            percent: None,
            minimum: Money::zero(Currency::CNY),
        };
        let setup = Money::from_minor(10_000, Currency::CNY);
        let most = most(&price, setup, 13.into(), &[hours(0, 4)], 0).unwrap();
        assert_eq!((most.net.minor(), most.tax.minor(), most.gross.minor()), (122_000, 15_860, 137_860));
    }

    #[test]
    fn shares_fill_promises_in_order_and_leave_the_excess() {
        let decimals = |values: &[i64]| values.iter().map(|value| Decimal::from(*value)).collect::<Vec<_>>();
        assert_eq!(share_out(5.into(), &decimals(&[3, 3])), decimals(&[3, 2]));
        assert_eq!(share_out(9.into(), &decimals(&[3, 3])), decimals(&[3, 3]));
        assert_eq!(share_out((-1).into(), &decimals(&[3])), decimals(&[0]));
    }

    #[test]
    fn the_table_of_transitions() {
        let allowed: usize = STATES.iter().map(|from| STATES.iter().filter(|to| from.to(**to).is_ok()).count()).sum();
        assert_eq!(allowed, 10);
        assert_eq!(State::Settled.to(State::Disputed).unwrap_err().code, "sharing.booking.state");
    }

    #[test]
    fn slots_in_the_past_or_empty_are_refused() {
        let now = Timestamp::from_micros(0) + Duration::from_hours(1);
        assert!(slots_checked(vec![hours(2, 3), hours(1, 2)], now).unwrap()[0] == hours(1, 2));
        for bad in [vec![], vec![hours(0, 1)], vec![hours(3, 3)], vec![hours(9_000, 9_001)]] {
            assert_eq!(slots_checked(bad, now).unwrap_err().code, "sharing.slot.malformed");
        }
    }
}
