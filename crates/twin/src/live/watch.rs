use std::{collections::HashSet, sync::Arc};

use contracts::{
    telemetry::{Position, Stored, TelemetryStore},
    twin::{MachineState, StateSpan},
};
use kernel::{Duration, Result, Timestamp, Window, id::AlarmRuleId};
use models::{
    Reading,
    alarm::{RuleState, Transition},
    state::StateTimeline,
};

use super::{
    FUTURE_MAX, HISTORY_AFTER,
    columns::{self, History},
    rule_lookback,
};
use crate::{
    domain::timeline::{DAY, day_of, push, span_of, state_of},
    registry::{Machine, Rule},
};

/// The evaluation of one machine: its state and its alarm rules, fed in order of time.
pub struct Watch {
    /// What it was built for.
    pub machine: Arc<Machine>,
    timeline: Option<StateTimeline>,
    /// The spans that have ended since `spans_from`, for whoever wants to look at them.
    spans: Arc<Vec<models::state::StateSpan>>,
    /// The start of the day that the spans begin with.
    spans_from: Timestamp,
    /// Whether late samples have shown the spans to be wrong.
    corrected: bool,
    rules: Vec<Watched>,
    /// What was already in the store when this was built: such samples are not fed again.
    position: Position,
    /// Up to here time has passed for the rules.
    pub evaluated_to: Timestamp,
    newest: Option<Timestamp>,
}

/// A rule on this machine.
struct Watched {
    rule: Arc<Rule>,
    state: RuleState,
    /// Values measured before are not for it.
    deaf_before: Timestamp,
}

/// What to know when evaluation goes on after nobody listened: then a machine was not silent, it was not heard.
#[derive(Debug)]
pub struct Resumed {
    /// Since when somebody listens again.
    pub at: Timestamp,
    /// Rules whose alarms were active before; for them the silence goes on.
    pub active: HashSet<AlarmRuleId>,
}

impl Default for Resumed {
    /// Somebody has listened all the time.
    fn default() -> Self {
        Self { at: Timestamp::from_micros(i64::MIN), active: HashSet::new() }
    }
}

impl Resumed {
    /// From when on silence counts for a rule.
    fn silence_from(&self, rule: &Rule) -> Timestamp {
        match rule.text.raise.contains("absent") && !self.active.contains(&rule.id) {
            true => self.at,
            false => Timestamp::from_micros(i64::MIN),
        }
    }
}

/// The transitions of one rule.
pub struct RuleFired {
    pub rule: Arc<Rule>,
    pub transitions: Vec<Transition>,
    pub readings: Vec<(String, Option<f64>)>,
}

/// The states of a machine since the beginning of a day.
#[derive(Debug, Clone)]
pub struct Today {
    pub from: Timestamp,
    ended: Arc<Vec<models::state::StateSpan>>,
    /// A span that has ended, but may go on if its last moment gets another value; the timeline still holds it back.
    held: Vec<models::state::StateSpan>,
}

impl Today {
    /// Spans in order, with the state that goes on until `now`.
    pub fn spans(&self, state: MachineState, since: Timestamp, now: Timestamp) -> Vec<StateSpan> {
        let mut spans = Vec::with_capacity(self.ended.len() + 1);
        self.ended.iter().chain(&self.held).for_each(|span| push(&mut spans, span_of(*span)));
        if since < now {
            push(&mut spans, StateSpan { window: Window { from: since, to: now }, state });
        }
        spans
    }
}

/// What became of fed samples.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Fed {
    /// Samples that are history: timelines have to be computed again from this moment on.
    pub late_from: Option<Timestamp>,
}

impl Watch {
    /// Evaluates a machine from the store: today for its state, as far back as its rules look for its alarms. Reads files.
    ///
    /// Transitions up to `known_to` have had their effect already and are left out; but what the rules find active now is
    /// said with its last transition, and so is what they find not active.
    ///
    /// # Errors
    /// When telemetry cannot be read.
    pub fn build(
        store: &dyn TelemetryStore,
        machine: Arc<Machine>,
        rules: Vec<Arc<Rule>>,
        known_to: Timestamp,
        resumed: &Resumed,
        now: Timestamp,
    ) -> Result<(Self, Vec<RuleFired>)> {
        let position = store.position();
        let symbols = machine.version.model.symbols();
        let day = day_of(now);
        let mut from = now - Duration::from_mins(5);
        if let Some(state) = &machine.state_rule {
            from = from.min(day.from - state.lookback);
        }
        let mut compiled = Vec::with_capacity(rules.len());
        for rule in rules {
            // A rule of a whole model may not fit the version that this machine is pinned to; then it does not watch it.
            let Ok(program) = rule.text.compile(&symbols) else { continue };
            from = from.min(now - rule_lookback(&rule.text)).min(known_to.max(now - Duration::from_days(1)));
            compiled.push((rule, Arc::new(program)));
        }
        let mut properties: Vec<&str> = compiled.iter().flat_map(|(_, program)| program.properties()).collect();
        properties.extend(machine.state_rule.iter().flat_map(|state| state.rule.properties()));
        properties.sort_unstable();
        properties.dedup();
        let history =
            History::read(store, machine.node.id, properties.into_iter(), Window { from, to: now + FUTURE_MAX })?;

        let timeline = machine.state_rule.as_ref().map(|state| StateTimeline::new(state.rule.clone(), day.from));
        // A rule says nothing about the time before it was made, nor about a machine that was not on record yet; what it sees
        // of that time only fills its windows.
        let rules = compiled
            .iter()
            .map(|(rule, program)| {
                let start = from.max(rule.updated_at).max(machine.node.created_at);
                let deaf_before = resumed.silence_from(rule);
                let state = RuleState::new(program.clone(), start.max(deaf_before));
                Watched { rule: rule.clone(), state, deaf_before }
            })
            .collect();
        let mut watch = Self {
            machine: machine.clone(),
            timeline,
            spans: Arc::default(),
            spans_from: day.from,
            corrected: false,
            rules,
            position,
            evaluated_to: now.min(known_to),
            newest: None,
        };
        let mut transitions: Vec<Vec<Transition>> = vec![Vec::new(); watch.rules.len()];
        history.replay(|at, readings| watch.feed_at(at, readings, &mut transitions));
        for (watched, found) in watch.rules.iter_mut().zip(&mut transitions) {
            watched.state.tick(known_to.min(now), found);
        }
        let fired = watch.fired(transitions, |state, mut found| {
            let last = found.last().copied();
            found.retain(|transition| transition.at > known_to);
            if let (Some(last), true) = (last, found.is_empty() && state.is_active()) {
                found.push(last);
            }
            found
        });
        Ok((watch, fired))
    }

    /// Feeds what has arrived for this machine.
    pub fn feed(&mut self, samples: &mut [(Arc<str>, Stored)], now: Timestamp) -> (Fed, Vec<RuleFired>) {
        let mut fed = Fed::default();
        // One message per moment; samples of one moment keep the order of their sequence.
        samples.sort_by(|(a, x), (b, y)| {
            (x.sample.source_time, a, x.sample.sequence).cmp(&(y.sample.source_time, b, y.sample.sequence))
        });
        let mut transitions: Vec<Vec<Transition>> = vec![Vec::new(); self.rules.len()];
        let mut readings: Vec<Reading<'_>> = Vec::new();
        for moment in samples.chunk_by(|(_, a), (_, b)| a.sample.source_time == b.sample.source_time) {
            let at = moment[0].1.sample.source_time;
            if moment.iter().all(|(_, stored)| stored.position <= self.position) || at > now + FUTURE_MAX {
                continue;
            }
            let history = at < now - HISTORY_AFTER || self.newest.is_some_and(|newest| at < newest - HISTORY_AFTER);
            if history || at < self.spans_from {
                fed.late_from = Some(fed.late_from.map_or(at, |from| from.min(at)));
            }
            if history {
                continue;
            }
            // A little late is no harm: the rules take what they can, and the day is computed from the store once it is over.
            readings.clear();
            readings.extend(moment.iter().map(|(property, stored)| columns::reading(property, stored)));
            self.feed_at(at, &readings, &mut transitions);
        }
        (fed, self.fired(transitions, |_, found| found))
    }

    /// Lets time pass: silences and delays that ended before `to` take effect.
    pub fn tick(&mut self, to: Timestamp) -> Vec<RuleFired> {
        if to <= self.evaluated_to {
            return Vec::new();
        }
        self.evaluated_to = to;
        let mut transitions: Vec<Vec<Transition>> = vec![Vec::new(); self.rules.len()];
        for (watched, found) in self.rules.iter_mut().zip(&mut transitions) {
            watched.state.tick(to, found);
        }
        if let Some(timeline) = &mut self.timeline {
            timeline.tick(to, Arc::make_mut(&mut self.spans));
        }
        self.fired(transitions, |_, found| found)
    }

    /// The state, and since when.
    pub fn state(&self) -> (MachineState, Option<Timestamp>) {
        match &self.timeline {
            Some(timeline) => {
                let (state, since) = timeline.current();
                (state_of(state), Some(since))
            }
            None => (MachineState::Unknown, None),
        }
    }

    /// Notes that late samples have come from this moment on. Whether this machine has to be evaluated again for it.
    pub fn late(&mut self, from: Timestamp) -> bool {
        // What was late a day before the spans begin may still have been the newest word at their beginning.
        let concerns = from >= self.spans_from - DAY;
        self.corrected |= concerns;
        concerns
    }

    /// The spans since the beginning of its first day; none when there is no rule, or late samples have overtaken them.
    pub fn today(&self) -> Option<Today> {
        let timeline = self.timeline.as_ref().filter(|_| !self.corrected)?;
        let (_, since) = timeline.current();
        let mut held = Vec::new();
        timeline.clone().finish(since, &mut held);
        held.retain(|span| span.window.to <= since);
        Some(Today { from: self.spans_from, ended: self.spans.clone(), held })
    }

    /// Which rules are active.
    pub fn active(&self) -> impl Iterator<Item = (&Arc<Rule>, bool)> {
        self.rules.iter().map(|watched| (&watched.rule, watched.state.is_active()))
    }

    /// Forgets the spans of days that are over and whose late samples have had time to come: from then on the day is computed
    /// from the store, where they are in their place.
    pub fn days_over(&mut self, now: Timestamp) {
        let day = day_of(now - HISTORY_AFTER).from;
        if day > self.spans_from {
            self.spans_from = day;
            Arc::make_mut(&mut self.spans).retain(|span| span.window.to > day);
        }
    }

    fn feed_at(&mut self, at: Timestamp, readings: &[Reading<'_>], transitions: &mut [Vec<Transition>]) {
        self.newest = Some(self.newest.map_or(at, |newest| newest.max(at)));
        for (watched, found) in self.rules.iter_mut().zip(transitions).filter(|(watched, _)| at >= watched.deaf_before)
        {
            watched.state.feed(at, readings, found);
        }
        if let Some(timeline) = &mut self.timeline {
            timeline.feed(at, readings, Arc::make_mut(&mut self.spans));
        }
    }

    fn fired(
        &self,
        transitions: Vec<Vec<Transition>>,
        choose: impl Fn(&RuleState, Vec<Transition>) -> Vec<Transition>,
    ) -> Vec<RuleFired> {
        let pairs = self.rules.iter().zip(transitions).map(|(watched, found)| (watched, choose(&watched.state, found)));
        let with_any = pairs.filter(|(_, transitions)| !transitions.is_empty());
        with_any
            .map(|(watched, transitions)| RuleFired {
                rule: watched.rule.clone(),
                transitions,
                readings: watched.state.values().map(|(property, value)| (property.to_owned(), value)).collect(),
            })
            .collect()
    }
}
