//! Nouns, states and rules of shared manufacturing: pure, synchronous, no SQL, no serde.

pub mod assurance;
pub mod booking;
pub mod calendar;
pub mod capability;
pub mod catalogue;
pub mod dispute;
pub mod hold;
pub mod job;
pub mod price;
pub mod rank;
pub mod requirement;
