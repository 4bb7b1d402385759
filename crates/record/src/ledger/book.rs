//! The rules of posting: pure, on whatever accounts and transfers were put into the book. The store loads what a request
//! touches, posts, and writes what is new; the property tests keep everything in one book.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{
    Currency, Error, Id, Money, Result, Timestamp,
    id::{AccountId, TransferId},
    sha256,
};

use super::{
    account::Account,
    transfer::{Action, Balancing, Kind, Movement, NewTransfer, Reason, Transfer, exists_different, positive},
};

/// Accounts and transfers that belong together.
#[derive(Debug, Clone, Default)]
pub struct Book {
    /// The accounts.
    pub accounts: BTreeMap<AccountId, Account>,
    /// The recorded transfers.
    pub transfers: BTreeMap<TransferId, Transfer>,
    /// Reservations that are still open.
    pub open: BTreeSet<TransferId>,
}

impl Book {
    /// Posts a linked group: all of it or nothing. Reservations whose time is over are returned first.
    ///
    /// The answer holds the group's transfers in order, and before them the expiries it caused. A group that is recorded
    /// already is answered from the record.
    ///
    /// # Errors
    /// By code, see the crate's README; the book is unchanged then.
    pub fn post(&mut self, group: &[NewTransfer], now: Timestamp) -> Result<Posted> {
        if let Some(recorded) = self.recorded(group)? {
            return Ok(Posted { transfers: recorded, expired: Vec::new(), replayed: true });
        }
        let mut next = self.clone();
        let expired = next.expire(now)?;
        let first = group
            .first()
            .map(|transfer| transfer.id)
            .ok_or_else(|| Error::invalid("record.transfer.group-empty", "a linked group without transfers"))?;
        let mut transfers = Vec::with_capacity(group.len());
        for new in group {
            transfers.push(next.apply(new, first, now)?);
        }
        next.money_is_conserved(&transfers)?;
        *self = next;
        Ok(Posted { transfers, expired, replayed: false })
    }

    /// Returns every reservation whose time is over at a moment of the journal.
    pub fn expire(&mut self, now: Timestamp) -> Result<Vec<Transfer>> {
        let due: Vec<TransferId> = self
            .open
            .iter()
            .copied()
            .filter(|id| self.transfers.get(id).and_then(|t| t.expires_at).is_some_and(|at| at <= now))
            .collect();
        due.into_iter()
            .map(|pending| self.resolve(expiry_id(pending), pending, Kind::Expire, None, None, now))
            .collect()
    }

    /// The recorded answer, when this very group was posted before.
    fn recorded(&self, group: &[NewTransfer]) -> Result<Option<Vec<Transfer>>> {
        let known: Vec<&Transfer> = group.iter().filter_map(|new| self.transfers.get(&new.id)).collect();
        for (new, transfer) in group.iter().filter_map(|new| self.transfers.get(&new.id).map(|t| (new, t))) {
            if let Some(field) = transfer.first_difference(new) {
                return Err(exists_different(new.id, field));
            }
        }
        if known.is_empty() {
            return Ok(None);
        }
        if known.len() < group.len() || known.iter().any(|transfer| transfer.group != known[0].group) {
            return Err(Error::conflict(
                "record.transfer.group-changed",
                "only a part of this linked group is recorded",
            )
            .hint("repeat the group as it was, or make new ids for a new one"));
        }
        Ok(Some(known.into_iter().cloned().collect()))
    }

    fn apply(&mut self, new: &NewTransfer, group: TransferId, now: Timestamp) -> Result<Transfer> {
        if self.transfers.contains_key(&new.id) {
            return Err(Error::conflict("record.transfer.group-changed", format!("{} is twice in one group", new.id)));
        }
        match &new.action {
            Action::Move(movement) => self.move_or_reserve(new, movement, None, Kind::Posted, group, now),
            Action::Reserve { movement, expires_at } => {
                if expires_at.is_some_and(|at| at <= now) {
                    return Err(Error::unprocessable(
                        "record.transfer.expires-at",
                        "the reservation would be over at once",
                    )
                    .hint("choose an expires_at in the future"));
                }
                self.move_or_reserve(new, movement, *expires_at, Kind::Pending, group, now)
            }
            Action::Post { pending, amount } => {
                self.resolve(new.id, *pending, Kind::Post, *amount, Some((new, group)), now)
            }
            Action::Void { pending } => self.resolve(new.id, *pending, Kind::Void, None, Some((new, group)), now),
        }
    }

    fn move_or_reserve(
        &mut self,
        new: &NewTransfer,
        movement: &Movement,
        expires_at: Option<Timestamp>,
        kind: Kind,
        group: TransferId,
        now: Timestamp,
    ) -> Result<Transfer> {
        let requested = positive(movement.amount)?;
        let (debit, credit) = (self.account(movement.debit)?, self.account(movement.credit)?);
        if debit.id == credit.id {
            return Err(Error::unprocessable("record.transfer.same-account", "an account cannot be moved to itself"));
        }
        let currency = movement.amount.currency();
        if debit.currency != currency || credit.currency != currency {
            return Err(Error::unprocessable(
                "record.transfer.crosses-ledgers",
                "the accounts and the amount are not of one currency",
            )
            .hint("exchange by a linked pair through a liquidity account"));
        }
        if debit.party != credit.party {
            return Err(Error::unprocessable("record.transfer.crosses-books", "the accounts belong to two parties")
                .hint("write one transfer in each party's books and link them"));
        }
        let amount = match movement.balancing {
            Balancing::None => requested,
            Balancing::Debit => requested.min(debit.balances.debitable_minor()),
            Balancing::Credit => requested.min(credit.balances.creditable_minor()),
        };
        if amount <= 0 {
            return Err(Error::conflict(
                "record.transfer.nothing-to-move",
                "the account holds nothing that could be moved",
            ));
        }
        let transfer = Transfer {
            id: new.id,
            group,
            kind,
            debit: debit.id,
            credit: credit.id,
            currency,
            requested_minor: requested,
            amount_minor: amount,
            balancing: movement.balancing,
            pending: None,
            expires_at,
            reason: new.reason,
            cause: new.cause.clone(),
            recorded_at: now,
            debit_after: debit.balances,
            credit_after: credit.balances,
        };
        let (pending, posted) = if kind == Kind::Pending { (amount, 0) } else { (0, amount) };
        if kind == Kind::Pending {
            self.open.insert(new.id);
        }
        self.record(transfer, pending, posted, true)
    }

    /// Resolves a reservation at most once: moves a part and returns the rest.
    fn resolve(
        &mut self,
        id: TransferId,
        pending: TransferId,
        kind: Kind,
        amount: Option<Money>,
        asked: Option<(&NewTransfer, TransferId)>,
        now: Timestamp,
    ) -> Result<Transfer> {
        let reserved =
            self.transfers.get(&pending).filter(|transfer| transfer.kind == Kind::Pending).cloned().ok_or_else(
                || Error::unprocessable("record.transfer.pending-unknown", format!("{pending} is not a reservation")),
            )?;
        if !self.open.remove(&pending) {
            return Err(Error::conflict(
                "record.transfer.pending-resolved",
                format!("the reservation {pending} is resolved"),
            )
            .hint("a reservation is posted, voided or expires at most once"));
        }
        let posted = match (kind, amount) {
            (Kind::Post, None) => reserved.amount_minor,
            (Kind::Post, Some(amount)) if amount.currency() != reserved.currency => {
                return Err(Error::unprocessable(
                    "record.transfer.crosses-ledgers",
                    "the reservation is in another currency",
                ));
            }
            (Kind::Post, Some(amount)) => positive(amount)?,
            _ => 0,
        };
        if posted > reserved.amount_minor {
            return Err(Error::conflict(
                "record.transfer.exceeds-pending",
                format!(
                    "{} is more than the reserved {}",
                    Money::from_minor(posted, reserved.currency),
                    reserved.amount()
                ),
            )
            .hint("post at most what was reserved"));
        }
        let transfer = Transfer {
            id,
            group: asked.map_or(id, |(_, group)| group),
            kind,
            requested_minor: posted,
            amount_minor: posted,
            balancing: Balancing::None,
            pending: Some(pending),
            expires_at: None,
            reason: asked.map_or(reserved.reason, |(new, _)| new.reason),
            cause: asked.map_or_else(|| reserved.cause.clone(), |(new, _)| new.cause.clone()),
            recorded_at: now,
            ..reserved.clone()
        };
        self.record(transfer, -reserved.amount_minor, posted, kind == Kind::Post)
    }

    /// Moves the sums of both accounts and keeps the transfer.
    fn record(&mut self, mut transfer: Transfer, pending: i64, posted: i64, guarded: bool) -> Result<Transfer> {
        let overflow = || Error::unprocessable("record.account.overflow", "the account's sums would become too large");
        let debit = self.accounts.get_mut(&transfer.debit).ok_or_else(|| unknown(transfer.debit))?;
        let sums = &mut debit.balances;
        sums.debits_pending_minor = sums.debits_pending_minor.checked_add(pending).ok_or_else(overflow)?;
        sums.debits_posted_minor = sums.debits_posted_minor.checked_add(posted).ok_or_else(overflow)?;
        transfer.debit_after = *sums;
        let credit = self.accounts.get_mut(&transfer.credit).ok_or_else(|| unknown(transfer.credit))?;
        let sums = &mut credit.balances;
        sums.credits_pending_minor = sums.credits_pending_minor.checked_add(pending).ok_or_else(overflow)?;
        sums.credits_posted_minor = sums.credits_posted_minor.checked_add(posted).ok_or_else(overflow)?;
        transfer.credit_after = *sums;
        if guarded {
            for id in [transfer.debit, transfer.credit] {
                let account = self.account(id)?;
                not_frozen(account)?;
                account.check_limits()?;
            }
        }
        self.transfers.insert(transfer.id, transfer.clone());
        Ok(transfer)
    }

    /// Money neither appears nor vanishes: in each currency of a group, what leaves money accounts arrives in others.
    fn money_is_conserved(&self, transfers: &[Transfer]) -> Result<()> {
        let mut sums: BTreeMap<(Currency, bool), i128> = BTreeMap::new();
        for transfer in transfers {
            let reserved = transfer.kind == Kind::Pending;
            let sum = sums.entry((transfer.currency, reserved)).or_default();
            let amount = i128::from(transfer.amount_minor);
            if self.account(transfer.debit)?.purpose.is_money() {
                *sum += amount;
            }
            if self.account(transfer.credit)?.purpose.is_money() {
                *sum -= amount;
            }
        }
        match sums.into_iter().find(|(_, sum)| *sum != 0) {
            None => Ok(()),
            Some(((currency, _), sum)) => Err(Error::unprocessable(
                "record.transfer.money-not-conserved",
                format!(
                    "the group would create {} of money",
                    Money::from_minor(sum.clamp(i64::MIN.into(), i64::MAX.into()) as i64, currency)
                ),
            )
            .hint("what one party pays another party receives: link both transfers, or use the external account")),
        }
    }

    fn account(&self, id: AccountId) -> Result<&Account> {
        self.accounts.get(&id).ok_or_else(|| unknown(id))
    }
}

/// What a posting did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// The group's transfers, in order.
    pub transfers: Vec<Transfer>,
    /// Reservations that were over and were returned before it.
    pub expired: Vec<Transfer>,
    /// Whether it was recorded before and nothing happened now.
    pub replayed: bool,
}

/// The id of a reservation's expiry: derived, so that it happens once.
fn expiry_id(pending: TransferId) -> TransferId {
    let digest = sha256(&[b"expire\n", pending.to_string().as_bytes()]);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.0[..16]);
    Id::from_uuid(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}

fn not_frozen(account: &Account) -> Result<()> {
    match account.frozen_by {
        None => Ok(()),
        Some(case) => Err(Error::conflict(
            "record.account.frozen",
            format!("the {} account is frozen by {case}", account.purpose),
        )
        .hint("the funds move again when the case is closed")),
    }
}

fn unknown(id: AccountId) -> Error {
    Error::not_found("record.account.unknown", format!("there is no account {id}"))
}

impl NewTransfer {
    /// Moves at once.
    pub fn moving(id: TransferId, movement: Movement, reason: Reason, cause: impl ToString) -> Self {
        Self { id, action: Action::Move(movement), reason, cause: cause.to_string() }
    }

    /// Reserves.
    pub fn reserving(
        id: TransferId,
        movement: Movement,
        expires_at: Option<Timestamp>,
        reason: Reason,
        cause: impl ToString,
    ) -> Self {
        Self { id, action: Action::Reserve { movement, expires_at }, reason, cause: cause.to_string() }
    }
}
