//! Alarm rules, their evaluation on a stream of values, and the life of an alarm.

mod life;
mod rule;
mod set;
mod stream;

pub use life::{Alarm, AlarmState, Mark, OpcStates, Shelf, ShelvingState};
pub use rule::{Clear, DELAY_MAX, Message, Priority, Rule, RuleText};
pub use set::{RuleIndex, RuleSet};
pub use stream::{Change, Counters, RuleState, Transition};
