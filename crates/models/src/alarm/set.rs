use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    hash::Hash,
    sync::Arc,
};

use kernel::Timestamp;

use super::{
    rule::Rule,
    stream::{RuleState, Transition},
};
use crate::value::{Outcome, Reading};

/// The place of a rule in its [`RuleSet`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RuleIndex(u32);

/// Thousands of rules on many machines: a message reaches only the rules that name one of its properties, a tick only those
/// that are due.
///
/// Guarantees: each rule gives exactly the transitions it would give alone; memory of removed rules is used again.
#[derive(Debug)]
pub struct RuleSet<K> {
    entries: Vec<Option<Entry<K>>>,
    free: Vec<u32>,
    subjects: HashMap<K, HashMap<Arc<str>, Vec<(u32, u16)>>>,
    /// When entries want to be looked at; an element counts only while it is the entry's `queued`.
    timers: BinaryHeap<Reverse<(i64, u32)>>,
    touched: Vec<u32>,
    transitions: Vec<Transition>,
    message: u64,
}

#[derive(Debug)]
struct Entry<K> {
    subject: K,
    state: RuleState,
    queued: Option<i64>,
    /// The last message that reached it, and whether it brought news.
    message: u64,
    news: bool,
}

impl<K: Clone + Eq + Hash> Default for RuleSet<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Clone + Eq + Hash> RuleSet<K> {
    /// No rules.
    pub fn new() -> Self {
        Self {
            entries: Vec::new(),
            free: Vec::new(),
            subjects: HashMap::new(),
            timers: BinaryHeap::new(),
            touched: Vec::new(),
            transitions: Vec::new(),
            message: 0,
        }
    }

    /// Puts a rule on a subject.
    pub fn add(&mut self, subject: K, rule: Arc<Rule>, start: Timestamp) -> RuleIndex {
        let index = self.free.pop().unwrap_or_else(|| {
            self.entries.push(None);
            (self.entries.len() - 1) as u32
        });
        let by_property = self.subjects.entry(subject.clone()).or_default();
        for (slot, (property, _)) in rule.layout.inputs.iter().enumerate() {
            by_property.entry(property.clone()).or_default().push((index, slot as u16));
        }
        let state = RuleState::new(rule, start);
        self.entries[index as usize] = Some(Entry { subject, state, queued: None, message: 0, news: false });
        self.queue(index);
        RuleIndex(index)
    }

    /// Takes a rule away and returns its state.
    pub fn remove(&mut self, index: RuleIndex) -> Option<RuleState> {
        let entry = self.entries.get_mut(index.0 as usize)?.take()?;
        if let Some(by_property) = self.subjects.get_mut(&entry.subject) {
            by_property.retain(|_, rules| {
                rules.retain(|(rule, _)| *rule != index.0);
                !rules.is_empty()
            });
            if by_property.is_empty() {
                self.subjects.remove(&entry.subject);
            }
        }
        // Its timers would otherwise be taken for those of the next rule in this place.
        self.timers.retain(|Reverse((_, rule))| *rule != index.0);
        self.free.push(index.0);
        Some(entry.state)
    }

    /// A rule's state.
    pub fn get(&self, index: RuleIndex) -> Option<&RuleState> {
        self.entries.get(index.0 as usize)?.as_ref().map(|entry| &entry.state)
    }

    /// Every rule with its place.
    pub fn iter(&self) -> impl Iterator<Item = (RuleIndex, &RuleState)> {
        let entries = self.entries.iter().enumerate();
        entries.filter_map(|(index, entry)| Some((RuleIndex(index as u32), &entry.as_ref()?.state)))
    }

    /// How many rules there are.
    pub fn len(&self) -> usize {
        self.entries.len() - self.free.len()
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes in the values of one message about one subject, all measured at one moment. Returns how many rules it reached.
    pub fn feed(
        &mut self,
        subject: &K,
        at: Timestamp,
        readings: &[Reading<'_>],
        mut sink: impl FnMut(RuleIndex, Transition),
    ) -> usize {
        let Some(by_property) = self.subjects.get(subject) else { return 0 };
        let at = at.micros();
        self.message += 1;
        self.touched.clear();
        for reading in readings {
            for (index, slot) in by_property.get(reading.property).into_iter().flatten() {
                let Some(entry) = self.entries[*index as usize].as_mut() else { continue };
                if entry.message != self.message {
                    entry.message = self.message;
                    entry.news = false;
                    self.touched.push(*index);
                    entry.state.advance_before(at, &mut self.transitions);
                    self.transitions.drain(..).for_each(|transition| sink(RuleIndex(*index), transition));
                }
                entry.news |= entry.state.apply(*slot, at, reading.value, reading.quality) != Outcome::Late;
            }
        }
        for i in 0..self.touched.len() {
            let index = self.touched[i];
            if let Some(entry) = self.entries[index as usize].as_mut().filter(|entry| entry.news) {
                entry.state.evaluate(at, &mut self.transitions);
                self.transitions.drain(..).for_each(|transition| sink(RuleIndex(index), transition));
            }
            self.queue(index);
        }
        self.touched.len()
    }

    /// Says that nothing measured before `to` will follow, on any subject.
    pub fn tick(&mut self, to: Timestamp, mut sink: impl FnMut(RuleIndex, Transition)) {
        while let Some(Reverse((due, index))) = self.timers.peek().copied() {
            if due >= to.micros() {
                return;
            }
            self.timers.pop();
            let Some(entry) = self.entries[index as usize].as_mut().filter(|entry| entry.queued == Some(due)) else {
                continue;
            };
            entry.queued = None;
            // One step at a time, so that the transitions of all rules come in order of time.
            entry.state.advance_before(due.saturating_add(1), &mut self.transitions);
            self.transitions.drain(..).for_each(|transition| sink(RuleIndex(index), transition));
            self.queue(index);
        }
    }

    fn queue(&mut self, index: u32) {
        let Some(entry) = self.entries[index as usize].as_mut() else { return };
        let Some(due) = entry.state.due().map(Timestamp::micros) else { return };
        if entry.queued.is_none_or(|queued| due < queued) {
            entry.queued = Some(due);
            self.timers.push(Reverse((due, index)));
        }
    }
}
