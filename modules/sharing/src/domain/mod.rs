//! Nouns, states and rules of shared manufacturing: pure, synchronous, no SQL, no serde.

pub mod calendar;
pub mod capability;
pub mod catalogue;
pub mod price;
pub mod rank;
pub mod requirement;
