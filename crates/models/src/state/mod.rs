//! What a machine was doing when: running, idle, down, off, unknown, from its values.

mod batch;
mod rule;
mod timeline;

pub use batch::{Column, ColumnValues};
pub use rule::{MachineState, StateCase, StateRule, StateRuleText, StateSpan};
pub use timeline::StateTimeline;
