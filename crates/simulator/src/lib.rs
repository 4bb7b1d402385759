//! Factories that speak the real protocols over real sockets, for the demo, the story and the tests.
//!
//! Promises:
//! 1. What a machine does is a function of its nameplate, calendar, seed and time. Looking at it often or seldom, in bulk or
//!    live, before or after a restart, gives the same values at the same times, on every platform.
//! 2. Energy is the integral of power, pieces are completed cycles, counters never go back (registers roll over).
//! 3. A sender moves on only after the platform acknowledged; what was not acknowledged is sent again, byte for byte.
//! 4. No sample is ever stamped later than now.
//!
//! To add a kind of machine, follow [`physics`]. To add a machine to the demo, add it in [`park`]. To add a protocol, add a
//! variant to [`spec::Protocol`] and a sender beside the others in [`live`].

#![deny(missing_docs)]

mod backfill;
pub mod kinds;
pub mod live;
pub mod park;
pub mod physics;
pub mod replay;
pub mod spec;

pub use backfill::{BATCH_SAMPLES, Backfill, PropertySample, backfill};
pub use kinds::Kind;
pub use live::{AckLedger, Counters, RunConfig, RunHandle, Target, run};
pub use park::Park;
pub use spec::{MachineSpec, Protocol};
