use kernel::{Error, Result, Window};
use serde::{Deserialize, Serialize};

use crate::{
    expr::{self, Symbols, program::Program},
    frame::{Frame, Layout},
    value::Truth,
};

/// What a machine is doing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MachineState {
    /// Producing.
    Running,
    /// Switched on, not producing.
    Idle,
    /// Stopped by a fault.
    Down,
    /// Switched off.
    Off,
    /// Not known: silent, or no condition is known to hold.
    Unknown,
}

/// A stretch of time in one state.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct StateSpan {
    /// Which state.
    pub state: MachineState,
    /// When.
    pub window: Window,
}

/// One line of a state rule: the machine is in the state when the condition holds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateCase {
    /// The state.
    pub state: MachineState,
    /// Its condition.
    pub when: String,
}

/// A machine-state rule as written and stored: the first line known to hold decides.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateRuleText {
    /// The lines, in order.
    pub cases: Vec<StateCase>,
    /// The state when every condition is known not to hold.
    #[serde(default = "unknown")]
    pub otherwise: MachineState,
    /// After this long without a usable value the state is unknown.
    pub silence_ms: i64,
}

fn unknown() -> MachineState {
    MachineState::Unknown
}

const CASES_MAX: usize = 32;
const SILENCE_MAX_MS: i64 = 31 * 86_400_000;

impl StateRuleText {
    /// A rule without lines.
    pub fn new(otherwise: MachineState, silence_ms: i64) -> Self {
        Self { cases: Vec::new(), otherwise, silence_ms }
    }

    /// Adds a line.
    pub fn case(mut self, state: MachineState, when: impl Into<String>) -> Self {
        self.cases.push(StateCase { state, when: when.into() });
        self
    }

    /// Checks and compiles it for the properties of a thing model.
    pub fn compile(&self, symbols: &Symbols) -> Result<StateRule> {
        if self.cases.is_empty() || self.cases.len() > CASES_MAX {
            let message = format!("a state rule has 1 to {CASES_MAX} lines, not {}", self.cases.len());
            return Err(
                Error::invalid("models.state-rule.cases", message).field("/cases", format!("must be 1 to {CASES_MAX}"))
            );
        }
        if !(1..=SILENCE_MAX_MS).contains(&self.silence_ms) {
            return Err(Error::invalid(
                "models.state-rule.silence",
                format!("a silence of {} ms is out of range", self.silence_ms),
            )
            .field("/silence_ms", "must be 1 to 2 678 400 000")
            .hint("use about three times the machine's reporting interval"));
        }
        let mut layout = Layout::default();
        let mut cases = Vec::with_capacity(self.cases.len());
        for (i, case) in self.cases.iter().enumerate() {
            let program = expr::condition(&case.when, symbols, &mut layout)
                .map_err(|problem| problem.into_error(&format!("/cases/{i}/when")))?;
            cases.push((case.state, program));
        }
        if layout.inputs.is_empty() {
            return Err(Error::invalid("models.rule.no-property", "the rule names no property")
                .field("/cases", "must name a property")
                .hint("compare a property with something"));
        }
        Ok(StateRule { cases, otherwise: self.otherwise, silence: self.silence_ms * 1000, layout })
    }
}

/// A compiled machine-state rule, shared by all machines of a thing model.
#[derive(Clone, Debug)]
pub struct StateRule {
    cases: Vec<(MachineState, Program)>,
    otherwise: MachineState,
    pub(super) silence: i64,
    pub(super) layout: Layout,
}

impl StateRule {
    /// The properties it needs.
    pub fn properties(&self) -> impl Iterator<Item = &str> {
        self.layout.inputs.iter().map(|(id, _)| &**id)
    }

    /// The state at a moment. A condition that is unknown is passed over; when none is known to hold and one is unknown, so is
    /// the state.
    pub(super) fn state(&self, frame: &Frame, now: i64) -> MachineState {
        match frame.newest() {
            None => return MachineState::Unknown,
            Some(newest) if now.saturating_sub(newest) >= self.silence => return MachineState::Unknown,
            Some(_) => {}
        }
        let mut doubt = false;
        for (state, program) in &self.cases {
            match Truth::of(program.run(frame, now)) {
                Truth::True => return *state,
                Truth::Unknown => doubt = true,
                Truth::False => {}
            }
        }
        if doubt { MachineState::Unknown } else { self.otherwise }
    }
}
