//! Baigong's own time-series store: a log, a head in memory, columnar segments on disk; implements
//! [`contracts::telemetry::TelemetryStore`].
//!
//! Promises:
//! 1. Acknowledged means durable: an append resolves after a successful `fdatasync` of its log records (P1). A failed sync
//!    stops the store for good; it is never retried (P10).
//! 2. A point is stored once. Another value for the same (series, time, sequence) is kept as a conflict record (P3, P4).
//! 3. Positions increase for ever and are never re-used; a query "as of" a position gives the same answer for ever (P7).
//! 4. Every record and block carries a checksum; damage is reported with file and offset and never returned as a value (P9).
//!
//! Absent on purpose: SQL, HTTP, async, knowledge of machines. Another engine may replace this one if it passes
//! [`conformance::run`].

#![deny(missing_docs)]

mod catalogue;
mod conflicts;
pub mod conformance;
mod engine;
mod files;
mod head;
mod manifest;
mod merge;
mod oneshot;
mod query;
mod scrub;
mod segment;
mod state;
mod wal;
mod writer;

pub use engine::{Engine, Options};
