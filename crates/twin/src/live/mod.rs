//! From durable samples to live values, machine states and alarms.
//!
//! ```text
//! telemetry's writer ─listener→ Intake (bounded) ─→ Engine::step ─┬→ Board       newest values and states, in memory
//!                                                                ├→ alarms      one transaction per step
//!                                                                ├→ host.live() machine/<id>, park, alarms
//!                                                                └→ spans       at most one write per half minute
//! ```
//!
//! The listener never waits: a batch that finds the intake full is forgotten and its machines are evaluated again from the
//! store. So is a machine whose configuration changed, and one that got late samples. Evaluating again gives the same answer,
//! because rules are driven by sample time alone.

mod board;
mod columns;
mod engine;
mod history;
mod intake;
mod lookback;
pub(crate) mod publish;
mod watch;

pub use board::{Board, MachineLive};
pub use columns::preview;
pub use engine::{Engine, Parts};
pub use history::Timelines;
pub use intake::Intake;
pub(crate) use lookback::{lookback, rule_lookback};

use kernel::Duration;

/// Samples older than this when they arrive are history: they correct the timeline, but raise no alarm.
pub(crate) const HISTORY_AFTER: Duration = Duration::from_mins(15);
/// Samples further ahead than this do not take part in evaluation.
pub(crate) const FUTURE_MAX: Duration = Duration::from_mins(5);
/// How long a sample may be on its way before time is taken to have passed it.
pub(crate) const GRACE: Duration = Duration::from_secs(2);
