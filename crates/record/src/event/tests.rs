use kernel::{
    Decimal, Id, Quantity, Timestamp,
    id::{CommitmentId, PartyId},
};
use proptest::prelude::*;

use super::*;
use crate::commitment::{Commitment, CommitmentState};

fn party(n: u8) -> PartyId {
    Id::from_uuid(uuid::Uuid::from_bytes([n; 16]))
}

fn commitment_id(n: u8) -> CommitmentId {
    Id::from_uuid(uuid::Uuid::from_bytes([n; 16]))
}

fn pieces(n: i64) -> Quantity {
    Quantity::parse(&n.to_string(), "H87").unwrap()
}

fn promise(n: u8, quantity: i64, tolerance: i64) -> Commitment {
    Commitment {
        id: commitment_id(n),
        agreement: None,
        action: Action::DeliverService,
        provider: party(1),
        receiver: party(2),
        item: None,
        resource: None,
        asset: None,
        quantity: Some(pieces(quantity)),
        effort: None,
        window: None,
        tolerance: Decimal::new(tolerance, 2),
        fulfilled: None,
        capacity_units: 1,
        capacity: None,
        state: CommitmentState::Accepted,
        reason: String::new(),
    }
}

fn event(quantity: i64, shares: &[(u8, i64)]) -> NewEvent {
    let mut event = NewEvent::new(Action::DeliverService, party(1), party(2), Timestamp::from_micros(0));
    event.quantity = Some(pieces(quantity));
    event.fulfilments = shares
        .iter()
        .map(|(n, share)| Fulfilment { commitment: commitment_id(*n), quantity: pieces(*share) })
        .collect();
    event
}

#[test]
fn a_fact_and_a_promise_must_agree() {
    let check = |event: NewEvent| fulfilments_apply(&event, vec![promise(1, 10, 0)]).unwrap_err();
    let mut other = event(5, &[(1, 5)]);
    other.receiver = party(3);
    assert_eq!(check(other).fields[0].pointer, "/receiver");
    let mut other = event(5, &[(1, 5)]);
    other.action = Action::Transfer;
    assert_eq!(check(other).fields[0].pointer, "/action");
    let mut other = event(5, &[(1, 5)]);
    other.quantity = Some(Quantity::parse("5", "KGM").unwrap());
    assert_eq!(check(other).code, "kernel.unit.dimension-mixed");
    // A sealed reading may stand for the promised service.
    let mut metered = event(5, &[(1, 5)]);
    metered.action = Action::Meter;
    fulfilments_apply(&metered, vec![promise(1, 10, 0)]).unwrap();
}

#[test]
fn what_a_verb_demands_is_named_together() {
    let mut inspect = NewEvent::new(Action::Inspect, party(1), party(2), Timestamp::from_micros(10));
    inspect.quantity = Some(pieces(-1));
    let error = inspect.check(Timestamp::from_micros(5)).unwrap_err();
    let fields: Vec<&str> = error.fields.iter().map(|field| field.pointer.as_str()).collect();
    assert_eq!(fields, ["/resource", "/evidence", "/quantity", "/occurred_at"]);
}

#[test]
fn a_closed_promise_takes_nothing() {
    let closed = Commitment { state: CommitmentState::Cancelled, ..promise(1, 10, 0) };
    assert_eq!(fulfilments_apply(&event(1, &[(1, 1)]), vec![closed]).unwrap_err().code, "record.commitment.closed");
}

proptest! {
    #[test]
    fn shares_never_exceed_the_event_nor_the_promise(
        quantity in 0i64..100, shares in proptest::collection::vec((1u8..4, 0i64..60), 0..4), tolerance in 0i64..30, promised in 0i64..60,
    ) {
        let mut shares = shares;
        shares.sort_by_key(|share| share.0);
        shares.dedup_by_key(|share| share.0);
        let promises: Vec<Commitment> = shares.iter().map(|(n, _)| promise(*n, promised, tolerance)).collect();
        let allocated: i64 = shares.iter().map(|share| share.1).sum();
        let limit = Decimal::from(promised) * (Decimal::ONE + Decimal::new(tolerance, 2));
        let fits = allocated <= quantity && shares.iter().all(|(_, share)| Decimal::from(*share) <= limit);
        match fulfilments_apply(&event(quantity, &shares), promises) {
            Ok(changed) => {
                prop_assert!(fits);
                for (commitment, (_, share)) in changed.iter().zip(&shares) {
                    prop_assert_eq!(commitment.fulfilled.unwrap().value, Decimal::from(*share));
                    prop_assert_eq!(commitment.state == CommitmentState::Fulfilled, *share >= promised);
                }
            }
            Err(error) => {
                prop_assert!(!fits, "{error:?}");
                prop_assert!(["record.event.overallocated", "record.commitment.overfulfilled"].contains(&error.code));
            }
        }
    }
}
