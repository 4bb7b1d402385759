//! The ledger: accounts, and immutable transfers between them.

mod account;
mod book;
#[cfg(test)]
mod tests;
mod transfer;

pub use account::{Account, Balances, Flags, Purpose};
pub use book::{Book, Posted};
pub use transfer::{Action, Balancing, Kind, Movement, NewTransfer, Reason, Transfer};
