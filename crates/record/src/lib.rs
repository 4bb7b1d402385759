//! The shared industrial record: who promised what to whom, what a machine really did, what that is worth, and who was paid.
//!
//! Wish (offer) → promise (commitment, under an agreement's typed clauses) → fact (event, sealed reading). Claims are derived
//! from facts. Money moves by ledger transfers only. A folder per noun: `domain.rs` is pure, `store.rs` is its SQL, `app.rs`
//! its use cases, `http.rs` its endpoints.
//!
//! Promises:
//! 1. A sealed reading cites its evidence by hash, and anybody allowed can compute the identical decimal again ([`meter`],
//!    [`evidence`]).
//! 2. Nothing recorded is edited: transfers, events, readings and invoices are corrected by further records.
//! 3. Every use case takes `&mut Tx` and composes with others into one commit: a booking is `agreement_conclude` +
//!    `commitment_create` + `commitments_reserve` + `escrow_fund_in_tx`, all or nothing.
//! 4. No floating point in anything summed, compared or hashed, telemetry samples excepted.
//! 5. [`verify`] re-checks the invariants with code that shares nothing with the writers but the pure rules.
//!
//! For rooms: functions are named noun first, and read with `&mut tx` or `&mut host.db()` (see [`sql::Source`]).
//! To add a noun: a folder with those four files, a table in a new migration, a rule in `verify/`, a line in README.md.
//! To add a metering rule: see [`meter::rules`].

#![deny(missing_docs)]

pub mod agreement;
pub mod canonical;
pub mod case;
pub mod claim;
pub mod commitment;
pub mod event;
pub mod events;
pub mod evidence;
mod http;
pub mod item;
pub mod ledger;
mod machine;
pub mod meter;
mod module;
pub mod offer;
pub mod party;
pub mod resource;
pub mod sql;
pub mod trace;
pub mod verify;
pub mod wire;

pub use module::module;
