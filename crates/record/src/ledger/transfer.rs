use kernel::{
    Currency, Error, Money, Result, Timestamp,
    id::{AccountId, TransferId},
};
use serde::{Deserialize, Serialize};

use super::account::Balances;
use crate::machine::words;

words! {
    /// What a row of the ledger does.
    pub enum Kind {
        /// Moves at once.
        Posted "posted";
        /// Reserves.
        Pending "pending";
        /// Turns a reservation, or a part of it, into a movement; the rest returns.
        Post "post";
        /// Gives a reservation back.
        Void "void";
        /// Gives a reservation back because its time was over.
        Expire "expire";
    }
}

words! {
    /// Why money or an obligation moves.
    pub enum Reason {
        /// Paid in from outside.
        PayIn "pay_in";
        /// Paid out to outside.
        PayOut "pay_out";
        /// Set aside for an agreement.
        EscrowFund "escrow_fund";
        /// Paid from escrow.
        EscrowRelease "escrow_release";
        /// Returned from escrow.
        EscrowRefund "escrow_refund";
        /// Owed because of an invoice.
        Invoice "invoice";
        /// Owed the other way because of a credit note.
        CreditNote "credit_note";
        /// Tax of an invoice or credit note.
        Tax "tax";
        /// Paid from cash.
        Payment "payment";
        /// Paid back.
        Repayment "repayment";
        /// A security given or returned.
        Deposit "deposit";
        /// A fee of the platform.
        Fee "fee";
        /// Exchange between currencies.
        Exchange "exchange";
        /// Puts an earlier transfer right.
        Correction "correction";
        /// Anything an agreement calls for.
        Other "other";
    }
}

words! {
    /// Moves as much as there is instead of failing.
    pub enum Balancing {
        /// Exactly the amount or nothing.
        None "none";
        /// At most what the debit account can still give (credit-balance accounts).
        Debit "debit";
        /// At most what the credit account can still give (debit-balance accounts, such as escrow).
        Credit "credit";
    }
}

/// A transfer as asked for. The caller makes the id and keeps it: asking again with the same content changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTransfer {
    /// Its id.
    pub id: TransferId,
    /// What it does.
    pub action: Action,
    /// Why.
    pub reason: Reason,
    /// The record behind it: claim, invoice, agreement, case.
    pub cause: String,
}

/// What a transfer does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Moves at once.
    Move(Movement),
    /// Reserves until a moment (journal time), or until resolved.
    Reserve {
        /// What is reserved.
        movement: Movement,
        /// When it returns by itself.
        expires_at: Option<Timestamp>,
    },
    /// Resolves a reservation by moving an amount of it; none moves all of it.
    Post {
        /// The reservation.
        pending: TransferId,
        /// How much of it.
        amount: Option<Money>,
    },
    /// Resolves a reservation by giving it back.
    Void {
        /// The reservation.
        pending: TransferId,
    },
}

/// From one account to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Movement {
    /// Account that is debited.
    pub debit: AccountId,
    /// Account that is credited.
    pub credit: AccountId,
    /// How much, above zero.
    pub amount: Money,
    /// Whether less will do.
    pub balancing: Balancing,
}

impl Movement {
    /// Exactly this amount.
    pub fn new(debit: AccountId, credit: AccountId, amount: Money) -> Self {
        Self { debit, credit, amount, balancing: Balancing::None }
    }
}

/// A transfer as recorded: never changed, never deleted, hash-chained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Transfer {
    /// Its id.
    #[schema(value_type = String)]
    pub id: TransferId,
    /// First transfer of the linked group it was recorded with.
    #[schema(value_type = String)]
    pub group: TransferId,
    /// What it does.
    pub kind: Kind,
    /// Account that is debited.
    #[schema(value_type = String)]
    pub debit: AccountId,
    /// Account that is credited.
    #[schema(value_type = String)]
    pub credit: AccountId,
    /// The ledger.
    #[schema(value_type = String)]
    pub currency: Currency,
    /// What was asked for, minor units.
    pub requested_minor: i64,
    /// What was applied, minor units.
    pub amount_minor: i64,
    /// Whether less would have done.
    pub balancing: Balancing,
    /// The reservation it resolves.
    #[schema(value_type = Option<String>)]
    pub pending: Option<TransferId>,
    /// When the reservation returns by itself.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// Why.
    pub reason: Reason,
    /// The record behind it.
    pub cause: String,
    /// Journal time.
    #[schema(value_type = String, format = DateTime)]
    pub recorded_at: Timestamp,
    /// The debit account afterwards.
    pub debit_after: Balances,
    /// The credit account afterwards.
    pub credit_after: Balances,
}

impl Transfer {
    /// What was applied.
    pub fn amount(&self) -> Money {
        Money::from_minor(self.amount_minor, self.currency)
    }

    /// The first field in which a request with the same id differs from what was recorded.
    pub(super) fn first_difference(&self, new: &NewTransfer) -> Option<&'static str> {
        let (kind, movement, pending, expires_at) = match &new.action {
            Action::Move(movement) => (Kind::Posted, Some(movement), None, None),
            Action::Reserve { movement, expires_at } => (Kind::Pending, Some(movement), None, *expires_at),
            Action::Post { pending, .. } => (Kind::Post, None, Some(*pending), None),
            Action::Void { pending } => (Kind::Void, None, Some(*pending), None),
        };
        let amount = match &new.action {
            Action::Post { amount, .. } => *amount,
            _ => movement.map(|movement| movement.amount),
        };
        let checks = [
            ("kind", self.kind == kind),
            ("pending", self.pending == pending),
            ("debit", movement.is_none_or(|m| m.debit == self.debit)),
            ("credit", movement.is_none_or(|m| m.credit == self.credit)),
            ("currency", amount.is_none_or(|a| a.currency() == self.currency)),
            ("amount", amount.is_none_or(|a| a.minor() == self.requested_minor)),
            ("balancing", movement.is_none_or(|m| m.balancing == self.balancing)),
            ("expires_at", self.expires_at == expires_at),
            ("reason", self.reason == new.reason),
            ("cause", self.cause == new.cause),
        ];
        checks.into_iter().find(|(_, same)| !same).map(|(field, _)| field)
    }
}

pub(super) fn exists_different(id: TransferId, field: &'static str) -> Error {
    Error::conflict("record.transfer.exists-different", format!("the transfer {id} exists with another {field}"))
        .hint("make a new id for a new transfer; repeat the first request to get its answer")
        .field(format!("/{field}"), "differs from the recorded transfer")
}

pub(super) fn positive(amount: Money) -> Result<i64> {
    if amount.minor() > 0 {
        return Ok(amount.minor());
    }
    Err(Error::unprocessable("record.transfer.amount", format!("{amount} cannot be moved"))
        .hint("amounts are above zero; to move the other way, swap debit and credit"))
}
