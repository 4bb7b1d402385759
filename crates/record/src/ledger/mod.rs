//! The ledger: accounts, and immutable transfers between them, hash-chained. Every party keeps its own books, which balance
//! by themselves; what one party pays another receives in the same linked group.

mod account;
mod app;
mod book;
mod escrow;
pub(crate) mod http;
pub(crate) mod store;
#[cfg(test)]
mod tests;
mod transfer;

pub use account::{Account, Balances, Flags, Purpose};
pub use app::{
    TrialLine, account_ensure, transfer_post_in_tx, transfers_expire_in_tx, transfers_post_in_tx, trial_balance,
};
pub use book::{Book, Posted};
pub use escrow::{
    PayFrom, cash_pay_in_in_tx, cash_pay_out_in_tx, escrow_balance, escrow_freeze_in_tx, escrow_fund_in_tx,
    escrow_refund_in_tx, payment_post_in_tx,
};
pub use store::{
    Chained, account_find, account_find_by, account_list, transfer_find, transfer_list, transfer_list_by_cause,
    transfer_list_by_group,
};
pub use transfer::{Action, Balancing, Kind, Movement, NewTransfer, Reason, Transfer};
