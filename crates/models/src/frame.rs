//! What a program looks at: the newest value of each property it names, and the windows it asks for.

use std::sync::Arc;

use kernel::{Duration, Timestamp};

use crate::{
    expr::program::{Op, Program, TextSource, UNKNOWN},
    units::Measure,
    value::{Outcome, Quality, Value},
    window::{Statistic, Window},
};

/// The type of a property.
#[derive(Clone, Debug)]
pub enum PropertyType {
    /// A number, and what it measures.
    Number(Measure),
    /// True or false. The numbers 0 and 1 are accepted for it.
    Bool,
    /// Text.
    Text,
}

/// Which properties and windows a set of programs shares, in slots.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layout {
    pub inputs: Vec<(Arc<str>, PropertyType)>,
    pub windows: Vec<(u16, i64)>,
    timers: Vec<Timer>,
}

/// Something that time alone may change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Timer {
    /// A fixed time after the last usable value of a property, exactly.
    After(u16, i64),
    /// An age used in a formula: looked at on a grid that widens with the age.
    Age(u16),
    /// A window that slides: looked at on a grid until it has settled.
    Window(u16),
}

impl Layout {
    pub(crate) fn slot(&self, property: &str) -> Option<u16> {
        self.inputs.iter().position(|(id, _)| &**id == property).map(|slot| slot as u16)
    }

    /// Notes the moments at which a program may change its answer without a new value.
    pub(crate) fn watch(&mut self, program: &Program) {
        for op in program.ops() {
            let timer = match op {
                Op::CompareAge(slot, _, limit) | Op::Absent(slot, limit) => Timer::After(*slot, *limit),
                Op::Age(slot) => Timer::Age(*slot),
                Op::Window(index, _) => Timer::Window(*index),
                _ => continue,
            };
            if !self.timers.contains(&timer) {
                self.timers.push(timer);
            }
        }
    }
}

const NEVER: i64 = i64::MIN;

#[derive(Clone, Debug)]
struct Signal {
    /// Now; NaN when unknown, and for text (which is beside it).
    value: f64,
    /// The last usable value, and the usable one before it.
    last: f64,
    previous: f64,
    /// When the newest value was measured, usable or not.
    at: i64,
    /// When the last usable value was measured.
    usable_at: i64,
    usable: bool,
    texts: Option<Box<Texts>>,
}

#[derive(Clone, Debug, Default)]
struct Texts {
    last: Option<Arc<str>>,
    previous: Option<Arc<str>>,
}

/// The current values and windows of one subject of a rule.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    signals: Box<[Signal]>,
    windows: Box<[Window]>,
    start: i64,
    pub late: u64,
    pub unusable: u64,
}

impl Frame {
    pub(crate) fn new(layout: &Layout, start: Timestamp) -> Self {
        let signal = |(_, property_type): &(Arc<str>, PropertyType)| Signal {
            value: UNKNOWN,
            last: UNKNOWN,
            previous: UNKNOWN,
            at: NEVER,
            usable_at: NEVER,
            usable: false,
            texts: matches!(property_type, PropertyType::Text).then(Box::default),
        };
        Self {
            signals: layout.inputs.iter().map(signal).collect(),
            windows: layout.windows.iter().map(|(_, length)| Window::new(*length)).collect(),
            start: start.micros(),
            late: 0,
            unusable: 0,
        }
    }

    pub(crate) fn apply(&mut self, layout: &Layout, slot: u16, at: i64, value: Value<'_>, quality: Quality) -> Outcome {
        let signal = &mut self.signals[usize::from(slot)];
        if at < signal.at {
            self.late += 1;
            return Outcome::Late;
        }
        let usable = match (&layout.inputs[usize::from(slot)].1, value) {
            _ if quality == Quality::Bad => None,
            (PropertyType::Number(_), Value::Number(x)) if x.is_finite() => Some(x),
            (PropertyType::Number(_) | PropertyType::Bool, Value::Bool(x)) => Some(f64::from(u8::from(x))),
            (PropertyType::Bool, Value::Number(x)) if x == 0.0 || x == 1.0 => Some(x),
            (PropertyType::Text, Value::Text(_)) => Some(UNKNOWN),
            _ => None,
        };
        // A second value of one moment corrects the first: it takes its place and is not a change.
        let correction = at == signal.usable_at;
        signal.at = at;
        signal.usable = usable.is_some();
        signal.value = usable.unwrap_or(UNKNOWN);
        if let Some(x) = usable {
            if !correction {
                signal.previous = signal.last;
            }
            signal.last = x;
            signal.usable_at = at;
            if let (Some(texts), Value::Text(text)) = (&mut signal.texts, value) {
                texts.set(text, correction);
            }
        }
        let now_value = signal.value;
        for (window, (_, _)) in self.windows.iter_mut().zip(&layout.windows).filter(|(_, (of, _))| *of == slot) {
            window.push(at, now_value);
        }
        if usable.is_some() {
            Outcome::Applied
        } else {
            self.unusable += 1;
            Outcome::Unusable
        }
    }

    pub(crate) fn value(&self, slot: u16) -> f64 {
        self.signals[usize::from(slot)].value
    }

    pub(crate) fn previous(&self, slot: u16) -> f64 {
        self.signals[usize::from(slot)].previous
    }

    pub(crate) fn age(&self, slot: u16, now: i64) -> Option<i64> {
        let at = self.signals[usize::from(slot)].usable_at;
        (at != NEVER).then(|| now.saturating_sub(at).max(0))
    }

    /// How long there has been no usable value, counted from the start when there never was one.
    pub(crate) fn silence(&self, slot: u16, now: i64) -> i64 {
        now.saturating_sub(self.heard_at(slot)).max(0)
    }

    fn heard_at(&self, slot: u16) -> i64 {
        match self.signals[usize::from(slot)].usable_at {
            NEVER => self.start,
            at => at,
        }
    }

    /// When the last usable value of any property was measured.
    pub(crate) fn newest(&self) -> Option<i64> {
        self.signals.iter().map(|signal| signal.usable_at).max().filter(|at| *at != NEVER)
    }

    pub(crate) fn changed(&self, slot: u16) -> Option<bool> {
        let signal = &self.signals[usize::from(slot)];
        if !signal.usable {
            return None;
        }
        match &signal.texts {
            Some(texts) => Some(texts.previous.as_ref()? != texts.last.as_ref()?),
            None if signal.previous.is_nan() => None,
            None => Some(signal.previous != signal.value),
        }
    }

    pub(crate) fn text<'a>(&'a self, source: &'a TextSource) -> Option<&'a str> {
        let signal = |slot: u16| &self.signals[usize::from(slot)];
        match source {
            TextSource::Literal(text) => Some(text),
            TextSource::Current(slot) if !signal(*slot).usable => None,
            TextSource::Current(slot) => signal(*slot).texts.as_ref()?.last.as_deref(),
            TextSource::Previous(slot) => signal(*slot).texts.as_ref()?.previous.as_deref(),
        }
    }

    pub(crate) fn statistic(&self, index: u16, statistic: Statistic, now: i64) -> f64 {
        self.windows[usize::from(index)].statistic(statistic, now)
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        let windows = self.windows.iter().map(|window| size_of::<Window>() + window.heap_bytes());
        size_of_val(&*self.signals) + windows.sum::<usize>()
    }

    /// The first moment after `now` at which an answer may change although nothing arrives.
    pub(crate) fn next_due(&self, layout: &Layout, now: i64) -> Option<i64> {
        layout.timers.iter().filter_map(|timer| self.due(layout, *timer, now)).min()
    }

    fn due(&self, layout: &Layout, timer: Timer, now: i64) -> Option<i64> {
        match timer {
            Timer::After(slot, limit) => {
                // At the limit `>=` turns true, and one microsecond later `>` does.
                let at = self.heard_at(slot).saturating_add(limit);
                [at, at.saturating_add(1)].into_iter().find(|due| *due > now)
            }
            Timer::Age(slot) => {
                let age = self.age(slot, now)?;
                let step = match age {
                    0..600_000_000 => Duration::from_secs(1),
                    600_000_000..86_400_000_000 => Duration::from_mins(1),
                    86_400_000_000..2_678_400_000_000 => Duration::from_hours(1),
                    // After a month of silence nobody waits for the next hour, and a clock gone wild must not keep us busy.
                    _ => return None,
                };
                Some(next_multiple(now, step.micros()))
            }
            Timer::Window(index) if self.windows[usize::from(index)].settled(now) => None,
            Timer::Window(index) => Some(next_multiple(now, grain(layout.windows[usize::from(index)].1))),
        }
    }
}

impl Texts {
    fn set(&mut self, text: &str, correction: bool) {
        if !correction {
            self.previous = self.last.clone();
        }
        if self.last.as_deref() != Some(text) {
            self.last = Some(text.into());
        }
    }
}

fn next_multiple(now: i64, step: i64) -> i64 {
    now.div_euclid(step).saturating_add(1).saturating_mul(step)
}

/// How finely a sliding window is followed between samples: the largest round time not above a thirtieth of it.
fn grain(length: i64) -> i64 {
    const GRAINS_MS: [i64; 9] = [60_000, 30_000, 10_000, 5_000, 1_000, 500, 100, 10, 1];
    GRAINS_MS.into_iter().map(|ms| ms * 1000).find(|grain| *grain * 30 <= length).unwrap_or(1000)
}
