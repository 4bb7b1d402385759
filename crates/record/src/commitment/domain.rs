//! Promises, their states, and the one check of capacity for everything a request reserves (I9).

use kernel::{
    Decimal, Error, Quantity, Result, Window,
    id::{AgreementId, AssetId, CommitmentId, ItemId, PartyId, ResourceId},
};

use crate::{event::Action, machine::machine};

machine! {
    /// Where a promise stands.
    pub enum CommitmentState refuses "record.commitment.step" {
        /// One side wants it.
        Proposed "proposed" => [Accepted, Cancelled];
        /// Both sides want it.
        Accepted "accepted" => [Reserved, PartFulfilled, Fulfilled, ShortClosed, Cancelled, Breached];
        /// And capacity or stock is set aside.
        Reserved "reserved" => [Accepted, PartFulfilled, Fulfilled, ShortClosed, Cancelled, Breached];
        /// A part has happened.
        PartFulfilled "part_fulfilled" => [Fulfilled, ShortClosed, Breached];
        /// All of it has happened.
        Fulfilled "fulfilled" => [];
        /// Both sides leave it at less.
        ShortClosed "short_closed" => [];
        /// It will not happen.
        Cancelled "cancelled" => [];
        /// It did not happen as promised.
        Breached "breached" => [];
    }
}

impl CommitmentState {
    /// Whether it still takes capacity.
    pub fn reserves(self) -> bool {
        matches!(self, CommitmentState::Reserved | CommitmentState::PartFulfilled)
    }
}

/// A promise.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Commitment {
    /// Its id.
    #[schema(value_type = String)]
    pub id: CommitmentId,
    /// The agreement it belongs to.
    #[schema(value_type = Option<String>)]
    pub agreement: Option<AgreementId>,
    /// The verb.
    pub action: Action,
    /// Who gives or does.
    #[schema(value_type = String)]
    pub provider: PartyId,
    /// Who gets.
    #[schema(value_type = String)]
    pub receiver: PartyId,
    /// What kind of thing.
    #[schema(value_type = Option<String>)]
    pub item: Option<ItemId>,
    /// The thing.
    #[schema(value_type = Option<String>)]
    pub resource: Option<ResourceId>,
    /// The machine.
    #[schema(value_type = Option<String>)]
    pub asset: Option<AssetId>,
    /// How much; none when only effort is promised.
    #[schema(value_type = Option<crate::wire::QuantitySchema>)]
    pub quantity: Option<Quantity>,
    /// For how long.
    #[schema(value_type = Option<crate::wire::QuantitySchema>)]
    pub effort: Option<Quantity>,
    /// When.
    #[schema(value_type = Option<crate::wire::WindowSchema>)]
    pub window: Option<Window>,
    /// Share above the promise that is still accepted, 0–1.
    #[schema(value_type = String)]
    pub tolerance: Decimal,
    /// What has happened so far.
    #[schema(value_type = Option<crate::wire::QuantitySchema>)]
    pub fulfilled: Option<Quantity>,
    /// How many units of parallel capacity it takes.
    pub capacity_units: u32,
    /// The machine's capacity when it was reserved.
    pub capacity: Option<u32>,
    /// Where it stands.
    pub state: CommitmentState,
    /// Why it was closed.
    pub reason: String,
}

impl Commitment {
    /// What fulfilments count against: the quantity, or the effort when there is none.
    pub fn measure(&self) -> Option<Quantity> {
        self.quantity.or(self.effort)
    }

    /// Counts a share of an event towards the promise.
    ///
    /// # Errors
    /// `record.commitment.overfulfilled` beyond promise × (1 + tolerance). A promise of zero takes zero.
    pub fn fulfil(mut self, share: Quantity) -> Result<Self> {
        let Some(promised) = self.measure() else {
            return Err(Error::unprocessable(
                "record.commitment.unmeasured",
                "the commitment promises no quantity and no effort",
            ));
        };
        let before = self.fulfilled.unwrap_or(Quantity::new(Decimal::ZERO, promised.unit));
        let total = before.plus(share.to(promised.unit)?)?;
        let limit = promised.value.checked_mul(Decimal::ONE + self.tolerance).unwrap_or(promised.value);
        if total.value > limit {
            return Err(Error::conflict(
                "record.commitment.overfulfilled",
                format!("{total} exceed the promised {promised} with its tolerance"),
            )
            .hint("leave the excess of the event unallocated: it stays visible"));
        }
        let next =
            if total.value >= promised.value { CommitmentState::Fulfilled } else { CommitmentState::PartFulfilled };
        if self.state != next {
            self.state = self.state.to(next)?;
        }
        self.fulfilled = Some(total);
        Ok(self)
    }

    /// What is still open; never below zero.
    pub fn remainder(&self) -> Option<Quantity> {
        let promised = self.measure()?;
        let rest = promised.minus(self.fulfilled?).map_or(promised.value, |rest| rest.value);
        Some(Quantity::new(rest.max(Decimal::ZERO), promised.unit))
    }
}

/// Something that takes capacity for a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// When.
    pub window: Window,
    /// How many units.
    pub units: u32,
}

/// Checks a whole request against what is taken: at no instant may the sum exceed the capacity. Lines of one request count
/// together, so two lines cannot both take the last unit.
///
/// # Errors
/// `record.capacity.exceeded` naming the first moment and by how much.
pub fn capacity_check(capacity: u32, taken: &[Load], wanted: &[Load]) -> Result<()> {
    let mut moments: Vec<_> = wanted.iter().map(|load| load.window.from).collect();
    moments.extend(
        taken.iter().map(|load| load.window.from).filter(|from| wanted.iter().any(|w| w.window.contains(*from))),
    );
    moments.sort_unstable();
    let at = |loads: &[Load], moment| -> u64 {
        loads.iter().filter(|load| load.window.contains(moment)).map(|load| u64::from(load.units)).sum()
    };
    // The sum only rises where something begins, so those moments suffice.
    for moment in moments {
        let (before, asked) = (at(taken, moment), at(wanted, moment));
        if asked > 0 && before + asked > u64::from(capacity) {
            return Err(Error::conflict(
                "record.capacity.exceeded",
                format!("at {moment} {asked} are wanted, {before} of {capacity} are taken"),
            )
            .hint("choose another time, or ask for less"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::{Id, Timestamp};
    use proptest::prelude::*;

    fn load(from: i64, to: i64, units: u32) -> Load {
        Load { window: Window { from: Timestamp::from_micros(from), to: Timestamp::from_micros(to) }, units }
    }

    pub(crate) fn promise(quantity: &str, tolerance: &str) -> Commitment {
        let party = |n: u8| Id::from_uuid(uuid::Uuid::from_bytes([n; 16]));
        Commitment {
            id: Id::from_uuid(uuid::Uuid::from_bytes([3; 16])),
            agreement: None,
            action: Action::Produce,
            provider: party(1),
            receiver: party(2),
            item: None,
            resource: None,
            asset: None,
            quantity: Some(Quantity::parse(quantity, "H87").unwrap()),
            effort: None,
            window: None,
            tolerance: tolerance.parse().unwrap(),
            fulfilled: None,
            capacity_units: 1,
            capacity: None,
            state: CommitmentState::Accepted,
            reason: String::new(),
        }
    }

    fn pieces(text: &str) -> Quantity {
        Quantity::parse(text, "H87").unwrap()
    }

    #[test]
    fn a_promise_is_fulfilled_up_to_its_tolerance() {
        let part = promise("100", "0.05").fulfil(pieces("60")).unwrap();
        assert_eq!((part.state, part.remainder().unwrap().value), (CommitmentState::PartFulfilled, Decimal::from(40)));
        assert_eq!(part.clone().fulfil(pieces("46")).unwrap_err().code, "record.commitment.overfulfilled");
        assert_eq!(part.fulfil(pieces("45")).unwrap().state, CommitmentState::Fulfilled);
        // A cap of zero means zero.
        assert!(promise("0", "0.5").fulfil(pieces("1")).is_err());
        assert_eq!(
            promise("10", "0").fulfil(Quantity::parse("1", "KGM").unwrap()).unwrap_err().code,
            "kernel.unit.dimension-mixed"
        );
    }

    #[test]
    fn lines_of_one_request_count_together() {
        assert!(capacity_check(1, &[], &[load(0, 10, 1), load(10, 20, 1)]).is_ok());
        assert_eq!(
            capacity_check(1, &[], &[load(0, 10, 1), load(5, 15, 1)]).unwrap_err().code,
            "record.capacity.exceeded"
        );
        assert!(capacity_check(2, &[load(0, 10, 1)], &[load(5, 15, 1)]).is_ok());
        assert!(capacity_check(2, &[load(8, 10, 1)], &[load(5, 15, 2)]).is_err());
        assert!(capacity_check(0, &[], &[load(0, 1, 1)]).is_err());
    }

    proptest! {
        #[test]
        fn the_check_agrees_with_counting_every_instant(
            capacity in 0u32..4,
            taken in proptest::collection::vec((0i64..20, 1i64..8, 1u32..3), 0..6),
            wanted in proptest::collection::vec((0i64..20, 1i64..8, 1u32..3), 1..4),
        ) {
            let loads = |list: &[(i64, i64, u32)]| list.iter().map(|(from, len, units)| load(*from, from + len, *units)).collect::<Vec<_>>();
            let (taken, wanted) = (loads(&taken), loads(&wanted));
            let fits = (0..40).all(|t| {
                let at = |loads: &[Load]| loads.iter().filter(|l| l.window.contains(Timestamp::from_micros(t))).map(|l| l.units).sum::<u32>();
                at(&wanted) == 0 || at(&taken) + at(&wanted) <= capacity
            });
            prop_assert_eq!(capacity_check(capacity, &taken, &wanted).is_ok(), fits);
        }
    }
}
