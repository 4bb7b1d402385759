//! The pure centre that everything depends on: ids with kinds, exact money and quantities, time, digests, error kinds.
//!
//! Promises:
//! 1. No input or output, no async, no SQL, no HTTP. The clock and chance are parameters ([`Clock`], [`Chance`]).
//! 2. Nothing that is compared, summed or hashed is a floating-point number.
//! 3. An id of one kind cannot be passed for an id of another kind.
//!
//! To add a kind of id, add one line to the list in [`id`]. To add a unit, add one line to the table in [`unit`].

#![deny(missing_docs)]

mod chance;
mod error;
mod hash;
pub mod id;
mod money;
mod quantity;
mod time;
pub mod unit;

pub use chance::{Chance, SeededChance};
pub use error::{Error, ErrorKind, FieldError, Result};
pub use hash::{Digest, NiUri, sha256};
pub use id::Id;
pub use money::{Currency, Money};
pub use quantity::Quantity;
pub use rust_decimal::Decimal;
pub use time::{Clock, Duration, ManualClock, Timestamp, Window};
pub use unit::{Dimension, Unit};
