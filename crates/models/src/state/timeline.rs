use std::sync::Arc;

use kernel::{Timestamp, Window};

use super::rule::{MachineState, StateRule, StateSpan};
use crate::{
    alarm::Counters,
    frame::Frame,
    value::{Outcome, Reading},
};

/// The states of one machine as its values come in.
///
/// Guarantees: spans follow one another without holes or overlap from `start` on; two spans in a row differ; none is empty; the
/// same values give the same spans however often it was ticked in between. A span is handed out when time has moved past it.
#[derive(Clone, Debug)]
pub struct StateTimeline {
    rule: Arc<StateRule>,
    core: Core,
}

impl StateTimeline {
    /// A machine that has said nothing. Values measured before `start` tell the state at `start`.
    pub fn new(rule: Arc<StateRule>, start: Timestamp) -> Self {
        let core = Core::new(&rule, start);
        Self { rule, core }
    }

    /// Takes in the values of one message, all measured at one moment; writes the spans that have ended.
    pub fn feed(&mut self, at: Timestamp, readings: &[Reading<'_>], out: &mut Vec<StateSpan>) {
        let (rule, at) = (&*self.rule, at.micros());
        self.core.advance_before(rule, at, out);
        let mut news = false;
        for reading in readings {
            if let Some(slot) = rule.layout.slot(reading.property) {
                news |= self.core.frame.apply(&rule.layout, slot, at, reading.value, reading.quality) != Outcome::Late;
            }
        }
        if news {
            self.core.evaluate(rule, at, out);
        }
    }

    /// Says that nothing measured before `to` will follow.
    pub fn tick(&mut self, to: Timestamp, out: &mut Vec<StateSpan>) {
        self.core.advance_before(&self.rule, to.micros(), out);
    }

    /// The state now, and since when.
    pub fn current(&self) -> (MachineState, Timestamp) {
        (self.core.state, Timestamp::from_micros(self.core.since))
    }

    /// The next moment at which the state may change although nothing arrives.
    pub fn due(&self) -> Option<Timestamp> {
        self.core.next_due(&self.rule).map(Timestamp::from_micros)
    }

    /// What it was given and could not use.
    pub fn counters(&self) -> Counters {
        Counters { late: self.core.frame.late, unusable: self.core.frame.unusable }
    }

    /// Ends the timeline at a moment and writes the last spans.
    pub fn finish(mut self, at: Timestamp, out: &mut Vec<StateSpan>) {
        self.core.finish(&self.rule, at.micros(), out);
    }
}

/// What the stream and the batch have in common.
#[derive(Clone, Debug)]
pub(super) struct Core {
    pub frame: Frame,
    pub state: MachineState,
    pub since: i64,
    /// The span before the present one. It is handed out once time has moved past its end: until then another value of that
    /// very moment may show that it goes on.
    held: Option<(MachineState, i64)>,
    now: i64,
}

impl Core {
    pub(super) fn new(rule: &StateRule, start: Timestamp) -> Self {
        let frame = Frame::new(&rule.layout, start);
        Self { frame, state: MachineState::Unknown, since: start.micros(), held: None, now: start.micros() }
    }

    fn next_due(&self, rule: &StateRule) -> Option<i64> {
        let silent =
            self.frame.newest().map(|newest| newest.saturating_add(rule.silence)).filter(|due| *due > self.now);
        silent.into_iter().chain(self.frame.next_due(&rule.layout, self.now)).min()
    }

    pub(super) fn advance_before(&mut self, rule: &StateRule, to: i64, out: &mut Vec<StateSpan>) {
        while let Some(due) = self.next_due(rule).filter(|due| *due < to) {
            self.evaluate(rule, due, out);
        }
    }

    pub(super) fn evaluate(&mut self, rule: &StateRule, at: i64, out: &mut Vec<StateSpan>) {
        self.now = at.max(self.now);
        if self.now > self.since {
            self.release(out);
        }
        let state = rule.state(&self.frame, self.now);
        if state == self.state {
            return;
        }
        match self.held {
            // The present state has no length, and the one before it goes on.
            Some((before, from)) if self.since == self.now && before == state => {
                self.since = from;
                self.held = None;
            }
            _ if self.since == self.now => {}
            _ => {
                self.held = Some((self.state, self.since));
                self.since = self.now;
            }
        }
        self.state = state;
    }

    pub(super) fn finish(&mut self, rule: &StateRule, at: i64, out: &mut Vec<StateSpan>) {
        self.advance_before(rule, at, out);
        self.now = at.max(self.now);
        self.release(out);
        push(self.state, self.since, self.now, out);
    }

    fn release(&mut self, out: &mut Vec<StateSpan>) {
        if let Some((state, from)) = self.held.take() {
            push(state, from, self.since, out);
        }
    }
}

fn push(state: MachineState, from: i64, to: i64, out: &mut Vec<StateSpan>) {
    if let Ok(window) = Window::new(Timestamp::from_micros(from), Timestamp::from_micros(to)) {
        out.push(StateSpan { state, window });
    }
}
