//! The demo park on the platform: who is registered, what happened before, and the story that runs headless.
//!
//! Everything goes through the use cases that people and programs use; nothing is written behind their back, except the
//! machines' history, which the telemetry store takes in bulk.

mod clock;
mod history;
mod park;
mod trade;

pub use clock::SteppedClock;
pub use history::backfill;
pub use park::{Registered, SignIn, register};
pub use trade::{Plan, carry_out, fund, offer};
