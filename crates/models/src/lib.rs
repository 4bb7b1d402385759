//! The mechanism-model core: unit-checked expressions on the properties of machines, alarm rules and machine-state rules made
//! of them, the life of an alarm, and a library of published computations.
//!
//! ```text
//! symbols (property → type, unit) + source ─→ Expression ─→ program ─┬─→ alarm::RuleState   values → raise / return
//!                                                                    ├─→ state::StateTimeline  values → spans
//!                                                                    └─→ Evaluator          values → a virtual property
//! ```
//!
//! Promises:
//! 1. Pure: no input or output, no clock, no chance, no async. Time is that of the samples.
//! 2. The same values give the same transitions at the same times, however often somebody ticks in between.
//! 3. What is unknown never raises an alarm and never clears one; only `absent` speaks of what is missing.
//! 4. Units that do not match are refused before anything runs, with both named and the place shown.
//! 5. Any text is answered with a program or a [`Problem`], within stated limits of bytes, nodes and depth.
//!
//! To add a function to the language: (1) one line in the table of `expr/ast.rs`; (2) its types and units in
//! `expr/lower.rs`; (3) its operation in `expr/program.rs`; (4) its line in the README and its cases in
//! `tests/expression.rs`. To add a library computation see [`library`].

#![deny(missing_docs)]

pub mod alarm;
mod expr;
mod frame;
pub mod library;
pub mod state;
mod units;
mod value;
mod window;

pub use expr::{
    DEPTH_MAX, Evaluator, Expression, HEIGHT_MAX, NODES_MAX, Problem, ResultType, SOURCE_MAX, STACK_MAX, Span, Symbols,
    TOKENS_MAX, WINDOW_MAX_DAYS, WINDOWS_MAX,
};
pub use frame::PropertyType;
pub use units::{Dims, Measure};
pub use value::{Outcome, Quality, Reading, Truth, Value};
