//! I1–I6 against a second, simpler implementation that recomputes everything from the list of transfers.

use std::collections::BTreeMap;

use kernel::{
    Currency, Id, Money, Timestamp,
    id::{AccountId, Kind as IdKind, TransferId},
};
use proptest::prelude::*;

use super::*;

fn id<K: IdKind>(n: u64) -> Id<K> {
    let mut bytes = [0; 16];
    bytes[8..].copy_from_slice(&n.to_be_bytes());
    Id::from_uuid(uuid::Uuid::from_bytes(bytes))
}

fn cny(minor: i64) -> Money {
    Money::from_minor(minor, Currency::CNY)
}

fn now(n: i64) -> Timestamp {
    Timestamp::from_micros(n)
}

/// Accounts 1–9 of party 1: external, cash, escrow, payable, cost, revenue; 11… the same of party 2; 21 cash in euros.
fn book() -> Book {
    let mut book = Book::default();
    let purposes = [
        Purpose::External,
        Purpose::Cash,
        Purpose::Escrow,
        Purpose::Payable,
        Purpose::Cost,
        Purpose::Receivable,
        Purpose::Revenue,
    ];
    let mut add = |n: u64, party: u64, currency: Currency, purpose: Purpose| {
        let account = Account {
            id: id(n),
            party: id(party),
            currency,
            purpose,
            reference: String::new(),
            flags: purpose.flags(),
            frozen_by: None,
            balances: Balances::default(),
        };
        book.accounts.insert(account.id, account);
    };
    for party in 0..2u64 {
        for (n, purpose) in purposes.iter().enumerate() {
            add(party * 10 + n as u64 + 1, party + 1, Currency::CNY, *purpose);
        }
    }
    add(21, 1, Currency::EUR, Purpose::Cash);
    book
}

fn mv(n: u64, debit: u64, credit: u64, minor: i64) -> NewTransfer {
    NewTransfer::moving(id(n), Movement::new(id(debit), id(credit), cny(minor)), Reason::Other, "test")
}

fn reserve(n: u64, debit: u64, credit: u64, minor: i64, expires_at: Option<i64>) -> NewTransfer {
    NewTransfer::reserving(
        id(n),
        Movement::new(id(debit), id(credit), cny(minor)),
        expires_at.map(now),
        Reason::Other,
        "test",
    )
}

fn resolve(n: u64, pending: u64, minor: Option<i64>) -> NewTransfer {
    let action = Action::Post { pending: id(pending), amount: minor.map(cny) };
    NewTransfer { id: id(n), action, reason: Reason::Other, cause: "test".into() }
}

fn void(n: u64, pending: u64) -> NewTransfer {
    NewTransfer {
        id: id(n),
        action: Action::Void { pending: id(pending) },
        reason: Reason::Other,
        cause: "test".into(),
    }
}

fn code(result: kernel::Result<Posted>) -> &'static str {
    result.unwrap_err().code
}

const EXTERNAL: u64 = 1;
const CASH: u64 = 2;
const ESCROW: u64 = 3;
const PAYABLE: u64 = 4;
const COST: u64 = 5;
const CASH_2: u64 = 12;
const RECEIVABLE_2: u64 = 16;
const REVENUE_2: u64 = 17;

#[test]
fn the_life_of_an_escrow() {
    let mut book = book();
    book.post(&[mv(1, CASH, EXTERNAL, 1000)], now(0)).unwrap();
    book.post(&[mv(2, ESCROW, CASH, 600)], now(1)).unwrap();
    // An invoice in both books, then released from escrow: both legs or none.
    book.post(&[mv(3, COST, PAYABLE, 450), mv(4, RECEIVABLE_2, REVENUE_2, 450)], now(2)).unwrap();
    let posted = book.post(&[mv(5, PAYABLE, ESCROW, 450), mv(6, CASH_2, RECEIVABLE_2, 450)], now(3)).unwrap();
    assert_eq!(posted.transfers[1].debit_after.net_minor(), 450);
    // I6: what is left can be refunded, not more.
    assert_eq!(code(book.post(&[mv(7, CASH, ESCROW, 151)], now(4))), "record.account.would-overdraw");
    book.post(&[mv(8, CASH, ESCROW, 150)], now(4)).unwrap();
    let net = |n: u64| book.accounts[&id(n)].balances.net_minor();
    assert_eq!((net(CASH), net(ESCROW), net(PAYABLE), net(COST)), (550, 0, 0, 450));
    assert_eq!((net(CASH_2), net(RECEIVABLE_2), net(REVENUE_2)), (450, 0, -450));
}

#[test]
fn a_reservation_resolves_once_and_the_rest_returns() {
    let mut book = book();
    book.post(&[mv(1, CASH, EXTERNAL, 100)], now(0)).unwrap();
    book.post(&[reserve(2, ESCROW, CASH, 80, None)], now(1)).unwrap();
    // Pending counts as used.
    assert_eq!(code(book.post(&[mv(3, ESCROW, CASH, 30)], now(1))), "record.account.would-overdraw");
    assert_eq!(code(book.post(&[resolve(4, 2, Some(81))], now(2))), "record.transfer.exceeds-pending");
    book.post(&[resolve(5, 2, Some(50))], now(2)).unwrap();
    assert_eq!(book.accounts[&id(CASH)].balances.creditable_minor(), 50);
    assert_eq!(code(book.post(&[resolve(6, 2, Some(1))], now(3))), "record.transfer.pending-resolved");
    assert_eq!(code(book.post(&[void(7, 2)], now(3))), "record.transfer.pending-resolved");
    assert_eq!(code(book.post(&[void(8, 99)], now(3))), "record.transfer.pending-unknown");
}

#[test]
fn time_returns_a_reservation_by_journal_time() {
    let mut book = book();
    book.post(&[mv(1, CASH, EXTERNAL, 100)], now(0)).unwrap();
    book.post(&[reserve(2, ESCROW, CASH, 100, Some(10))], now(1)).unwrap();
    assert_eq!(code(book.post(&[mv(3, ESCROW, CASH, 1)], now(9))), "record.account.would-overdraw");
    let posted = book.post(&[mv(4, ESCROW, CASH, 100)], now(10)).unwrap();
    assert_eq!(posted.expired.len(), 1);
    assert_eq!(code(book.post(&[resolve(5, 2, None)], now(11))), "record.transfer.pending-resolved");
    assert_eq!(code(book.post(&[reserve(6, ESCROW, CASH, 1, Some(12))], now(12))), "record.transfer.expires-at");
}

#[test]
fn the_same_request_is_answered_from_the_record_and_another_is_refused_by_field() {
    let mut book = book();
    let group = [mv(1, CASH, EXTERNAL, 100), mv(2, ESCROW, CASH, 40)];
    let first = book.post(&group, now(0)).unwrap();
    let again = book.post(&group, now(5)).unwrap();
    assert!(again.replayed);
    assert_eq!(again.transfers, first.transfers);
    let error = book.post(&[mv(1, CASH, EXTERNAL, 101)], now(5)).unwrap_err();
    assert_eq!((error.code, error.fields[0].pointer.as_str()), ("record.transfer.exists-different", "/amount"));
    let error = book.post(&[mv(1, ESCROW, EXTERNAL, 100)], now(5)).unwrap_err();
    assert_eq!(error.fields[0].pointer, "/debit");
    assert_eq!(
        code(book.post(&[mv(1, CASH, EXTERNAL, 100), mv(9, ESCROW, CASH, 1)], now(5))),
        "record.transfer.group-changed"
    );
}

#[test]
fn borders_are_kept() {
    let mut book = book();
    book.post(&[mv(1, CASH, EXTERNAL, 100)], now(0)).unwrap();
    assert_eq!(code(book.post(&[mv(2, 21, CASH, 1)], now(1))), "record.transfer.crosses-ledgers");
    assert_eq!(code(book.post(&[mv(2, CASH_2, CASH, 1)], now(1))), "record.transfer.crosses-books");
    assert_eq!(code(book.post(&[mv(2, CASH, CASH, 1)], now(1))), "record.transfer.same-account");
    assert_eq!(code(book.post(&[mv(2, CASH, EXTERNAL, 0)], now(1))), "record.transfer.amount");
    assert_eq!(code(book.post(&[mv(2, 77, CASH, 1)], now(1))), "record.account.unknown");
    // Money would appear in the second party's cash, or vanish from the first's.
    assert_eq!(code(book.post(&[mv(2, CASH_2, RECEIVABLE_2, 1)], now(1))), "record.transfer.money-not-conserved");
    assert_eq!(
        code(book.post(&[mv(2, PAYABLE, CASH, 7), mv(3, CASH_2, RECEIVABLE_2, 6)], now(1))),
        "record.transfer.money-not-conserved"
    );
    book.post(&[mv(2, PAYABLE, CASH, 7), mv(3, CASH_2, RECEIVABLE_2, 7)], now(1)).unwrap();
}

#[test]
fn as_much_as_there_is_keeps_both_amounts() {
    let mut book = book();
    book.post(&[mv(1, CASH, EXTERNAL, 100)], now(0)).unwrap();
    let movement = Movement { balancing: Balancing::Credit, ..Movement::new(id(ESCROW), id(CASH), cny(250)) };
    let group = [NewTransfer::moving(id(2), movement, Reason::Other, "test")];
    let posted = book.post(&group, now(1)).unwrap();
    assert_eq!((posted.transfers[0].requested_minor, posted.transfers[0].amount_minor), (250, 100));
    // The replay answers with what was applied then, not with what would be applied now.
    book.post(&[mv(3, CASH, EXTERNAL, 500)], now(2)).unwrap();
    assert_eq!(book.post(&group, now(3)).unwrap().transfers, posted.transfers);
    book.post(&[mv(4, ESCROW, CASH, 500)], now(4)).unwrap();
    let movement = Movement { balancing: Balancing::Credit, ..Movement::new(id(ESCROW), id(CASH), cny(1)) };
    let empty = NewTransfer::moving(id(5), movement, Reason::Other, "test");
    assert_eq!(code(book.post(&[empty], now(5))), "record.transfer.nothing-to-move");
}

#[test]
fn frozen_funds_do_not_move() {
    let mut book = book();
    book.post(&[mv(1, CASH, EXTERNAL, 100), mv(2, ESCROW, CASH, 100)], now(0)).unwrap();
    book.post(&[reserve(3, CASH, ESCROW, 10, None)], now(0)).unwrap();
    book.accounts.get_mut(&id(ESCROW)).unwrap().frozen_by = Some(id(5));
    assert_eq!(code(book.post(&[mv(4, CASH, ESCROW, 1)], now(1))), "record.account.frozen");
    assert_eq!(code(book.post(&[resolve(5, 3, None)], now(1))), "record.account.frozen");
    book.post(&[void(6, 3)], now(1)).unwrap();
    book.accounts.get_mut(&id(ESCROW)).unwrap().frozen_by = None;
    book.post(&[mv(7, CASH, ESCROW, 100)], now(2)).unwrap();
}

/// The model: sums recomputed from nothing but the recorded transfers.
fn recomputed(transfers: &BTreeMap<TransferId, Transfer>) -> BTreeMap<AccountId, Balances> {
    let mut sums: BTreeMap<AccountId, Balances> = BTreeMap::new();
    for transfer in transfers.values() {
        let (pending, posted) = match transfer.kind {
            Kind::Posted => (0, transfer.amount_minor),
            Kind::Pending => (transfer.amount_minor, 0),
            _ => (-transfers[&transfer.pending.unwrap()].amount_minor, transfer.amount_minor),
        };
        let debit = sums.entry(transfer.debit).or_default();
        debit.debits_pending_minor += pending;
        debit.debits_posted_minor += posted;
        let credit = sums.entry(transfer.credit).or_default();
        credit.credits_pending_minor += pending;
        credit.credits_posted_minor += posted;
    }
    sums
}

fn step() -> impl Strategy<Value = Vec<NewTransfer>> {
    let n = 0..60u64;
    let account = prop_oneof![1..8u64, 11..18u64, Just(21u64)];
    let one = prop_oneof![
        4 => (n.clone(), account.clone(), account.clone(), 0..500i64).prop_map(|(n, a, b, m)| mv(n, a, b, m)),
        3 => (n.clone(), 1..4u64, 1..4u64, 1..500i64).prop_map(|(n, a, b, m)| mv(n, a, b, m)),
        2 => (n.clone(), 1..4u64, 1..4u64, 1..500i64, proptest::option::of(1..200i64)).prop_map(|(n, a, b, m, e)| reserve(n, a, b, m, e)),
        2 => (n.clone(), n.clone(), proptest::option::of(1..500i64)).prop_map(|(n, p, m)| resolve(n, p, m)),
        1 => (n.clone(), n).prop_map(|(n, p)| void(n, p)),
    ];
    proptest::collection::vec(one, 1..4)
}

proptest! {
    #[test]
    fn the_ledger_keeps_its_invariants(steps in proptest::collection::vec(step(), 1..60)) {
        let mut book = book();
        for (time, group) in steps.iter().enumerate() {
            let before = book.clone();
            let result = book.post(group, now(time as i64));
            match result {
                // I4: a refused group leaves nothing.
                Err(_) => prop_assert_eq!((&before.accounts, &before.transfers, &before.open), (&book.accounts, &book.transfers, &book.open)),
                Ok(posted) if posted.replayed => prop_assert_eq!(before.accounts, book.accounts.clone()),
                // I3: asked again, nothing happens and the answer is the same.
                Ok(posted) => {
                    let accounts = book.accounts.clone();
                    let again = book.post(group, now(time as i64)).unwrap();
                    prop_assert!(again.replayed);
                    prop_assert_eq!(again.transfers, posted.transfers);
                    prop_assert_eq!(&accounts, &book.accounts);
                }
            }
            let sums = recomputed(&book.transfers);
            let mut per_ledger: BTreeMap<(Currency, Id<kernel::id::Party>), (i64, i64)> = BTreeMap::new();
            for (id, account) in &book.accounts {
                prop_assert_eq!(account.balances, sums.get(id).copied().unwrap_or_default());
                let sum = per_ledger.entry((account.currency, account.party)).or_default();
                sum.0 += account.balances.net_minor();
                sum.1 += account.balances.debits_pending_minor - account.balances.credits_pending_minor;
                // I4: flagged accounts are never overdrawn, pending included.
                prop_assert!(!account.flags.credits_must_not_exceed_debits || account.balances.creditable_minor() >= 0);
                prop_assert!(account.balances.debits_pending_minor >= 0 && account.balances.credits_pending_minor >= 0);
            }
            // I1, and for each party's own books.
            prop_assert!(per_ledger.values().all(|sums| *sums == (0, 0)));
            // I2: at most one resolution per reservation, never more than was reserved.
            let mut resolved = BTreeMap::new();
            for transfer in book.transfers.values() {
                if let Some(pending) = transfer.pending {
                    prop_assert!(resolved.insert(pending, transfer.id).is_none());
                    prop_assert!(transfer.amount_minor <= book.transfers[&pending].amount_minor);
                    prop_assert!(!book.open.contains(&pending));
                }
                // I5.
                prop_assert!([transfer.debit, transfer.credit].iter().all(|a| book.accounts[a].currency == transfer.currency));
            }
            // Money is what came in from outside.
            let money: i64 = book.accounts.values().filter(|a| a.purpose.is_money()).map(|a| a.balances.net_minor()).sum();
            prop_assert_eq!(money, 0);
        }
    }
}
