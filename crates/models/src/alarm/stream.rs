use std::sync::Arc;

use kernel::Timestamp;
use serde::{Deserialize, Serialize};

use super::rule::Rule;
use crate::{
    frame::Frame,
    value::{Outcome, Quality, Reading, Truth, Value},
};

/// Which way a rule went.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// The alarm becomes active.
    Raise,
    /// The alarm returns to normal.
    Return,
}

/// A change of an alarm's condition.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Transition {
    /// Which way.
    pub change: Change,
    /// When, delay included: sample time, never the time of a tick.
    pub at: Timestamp,
    /// Since when the condition behind it held.
    pub since: Timestamp,
}

/// Counts of what a rule was given.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Counters {
    /// Values older than the newest of their property.
    pub late: u64,
    /// Values of bad quality, not finite, or of another type.
    pub unusable: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Normal,
    Rising(i64),
    Active,
    Falling(i64),
}

/// One rule on one machine, fed in order of time.
///
/// Guarantees: driven by sample time alone, so the same values give the same transitions at the same times, however often it
/// was ticked in between; unknown never raises and never clears.
#[derive(Clone, Debug)]
pub struct RuleState {
    rule: Arc<Rule>,
    frame: Frame,
    phase: Phase,
    /// The last moment at which the conditions were looked at.
    now: i64,
}

impl RuleState {
    /// A rule that has seen nothing; `absent` counts from `start`.
    pub fn new(rule: Arc<Rule>, start: Timestamp) -> Self {
        let frame = Frame::new(&rule.layout, start);
        Self { rule, frame, phase: Phase::Normal, now: start.micros() }
    }

    /// Takes in the values of one message, all measured at one moment, and looks at the conditions once.
    pub fn feed(&mut self, at: Timestamp, readings: &[Reading<'_>], out: &mut Vec<Transition>) {
        let at = at.micros();
        self.advance_before(at, out);
        let mut news = false;
        for reading in readings {
            if let Some(slot) = self.rule.layout.slot(reading.property) {
                news |= self.apply(slot, at, reading.value, reading.quality) != Outcome::Late;
            }
        }
        if news {
            self.evaluate(at, out);
        }
    }

    /// Says that nothing measured before `to` will follow: delays and silences that ended before it take effect.
    pub fn tick(&mut self, to: Timestamp, out: &mut Vec<Transition>) {
        self.advance_before(to.micros(), out);
    }

    /// Whether the alarm's condition is in effect.
    pub fn is_active(&self) -> bool {
        matches!(self.phase, Phase::Active | Phase::Falling(_))
    }

    /// The rule it runs.
    pub fn rule(&self) -> &Arc<Rule> {
        &self.rule
    }

    /// What it was given and could not use.
    pub fn counters(&self) -> Counters {
        Counters { late: self.frame.late, unusable: self.frame.unusable }
    }

    /// The newest value of each of its numeric and truth-valued properties, for the record of a transition.
    pub fn values(&self) -> impl Iterator<Item = (&str, Option<f64>)> {
        let known = |slot: usize| Some(self.frame.value(slot as u16)).filter(|value| !value.is_nan());
        self.rule.properties().enumerate().map(move |(slot, id)| (id, known(slot)))
    }

    /// The next moment at which something may happen although nothing arrives.
    pub fn due(&self) -> Option<Timestamp> {
        self.next_due().map(Timestamp::from_micros)
    }

    /// The memory it takes, without the compiled rule it shares and without texts.
    pub fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.frame.heap_bytes()
    }

    pub(crate) fn apply(&mut self, slot: u16, at: i64, value: Value<'_>, quality: Quality) -> Outcome {
        self.frame.apply(&self.rule.layout, slot, at, value, quality)
    }

    fn next_due(&self) -> Option<i64> {
        let delayed = match self.phase {
            Phase::Rising(since) => Some(since.saturating_add(self.rule.on_delay)),
            Phase::Falling(since) => Some(since.saturating_add(self.rule.off_delay)),
            Phase::Normal | Phase::Active => None,
        };
        let timed = self.frame.next_due(&self.rule.layout, self.now);
        delayed.into_iter().chain(timed).min()
    }

    pub(crate) fn advance_before(&mut self, to: i64, out: &mut Vec<Transition>) {
        while let Some(due) = self.next_due().filter(|due| *due < to) {
            self.evaluate(due, out);
        }
    }

    pub(crate) fn evaluate(&mut self, at: i64, out: &mut Vec<Transition>) {
        let rule = &self.rule;
        let now = at.max(self.now);
        self.now = now;
        let raise = Truth::of(rule.raise.run(&self.frame, now));
        let mut change = |change, since| {
            let [at, since] = [now, since].map(Timestamp::from_micros);
            out.push(Transition { change, at, since });
        };
        self.phase = match self.phase {
            Phase::Normal | Phase::Rising(_) if raise != Truth::True => Phase::Normal,
            Phase::Normal if rule.on_delay > 0 => Phase::Rising(now),
            Phase::Rising(since) if now.saturating_sub(since) < rule.on_delay => Phase::Rising(since),
            Phase::Normal | Phase::Rising(_) => {
                change(Change::Raise, if let Phase::Rising(since) = self.phase { since } else { now });
                Phase::Active
            }
            Phase::Active | Phase::Falling(_) => {
                // A raise that holds outweighs a clear that holds too; otherwise a careless pair would chatter.
                let over = raise != Truth::True
                    && match &rule.clear {
                        Some(clear) => Truth::of(clear.run(&self.frame, now)) == Truth::True,
                        None => raise == Truth::False,
                    };
                match self.phase {
                    _ if !over => Phase::Active,
                    Phase::Falling(since) if now.saturating_sub(since) < rule.off_delay => Phase::Falling(since),
                    Phase::Active if rule.off_delay > 0 => Phase::Falling(now),
                    phase => {
                        change(Change::Return, if let Phase::Falling(since) = phase { since } else { now });
                        Phase::Normal
                    }
                }
            }
        };
    }
}
