//! The samples in memory: one ordered list per series.

use std::collections::HashMap;

use contracts::telemetry::{Position, Stored};
use kernel::{Timestamp, Window};

use crate::catalogue::SeriesNo;

/// What samples of a series are ordered and identified by.
pub(crate) fn order(stored: &Stored) -> (Timestamp, u64) {
    (stored.sample.source_time, stored.sample.sequence)
}

/// Samples by series, each list ordered by (time, sequence).
#[derive(Debug, Default)]
pub(crate) struct Head {
    series: HashMap<SeriesNo, Vec<Stored>>,
    points: usize,
}

impl Head {
    /// How many samples it holds.
    pub(crate) fn points(&self) -> usize {
        self.points
    }

    /// Adds a sample whose identity it does not hold yet; newer than everything is the usual case and needs no search.
    pub(crate) fn insert(&mut self, no: SeriesNo, stored: Stored) {
        let samples = self.series.entry(no).or_default();
        self.points += 1;
        if samples.last().is_none_or(|last| order(last) < order(&stored)) {
            samples.push(stored);
        } else {
            let at = samples.partition_point(|known| order(known) < order(&stored));
            samples.insert(at, stored);
        }
    }

    /// The sample of an identity.
    pub(crate) fn find(&self, no: SeriesNo, key: (Timestamp, u64)) -> Option<&Stored> {
        let samples = self.series.get(&no)?;
        samples.binary_search_by_key(&key, order).ok().map(|index| &samples[index])
    }

    /// The samples of a series in a window.
    pub(crate) fn window(&self, no: SeriesNo, window: Window) -> &[Stored] {
        let samples = self.series.get(&no).map_or(&[][..], Vec::as_slice);
        let from = samples.partition_point(|stored| stored.sample.source_time < window.from);
        let to = samples.partition_point(|stored| stored.sample.source_time < window.to);
        &samples[from..to.max(from)]
    }

    /// The last sample at or before a moment among those stored up to a position.
    pub(crate) fn last_before(&self, no: SeriesNo, at: Timestamp, as_of: Position) -> Option<&Stored> {
        let samples = self.series.get(&no)?;
        let end = samples.partition_point(|stored| stored.sample.source_time <= at);
        samples[..end].iter().rev().find(|stored| stored.position <= as_of)
    }

    /// Every series with its samples, by series number: the order of a segment.
    pub(crate) fn sorted(&self) -> Vec<(SeriesNo, &[Stored])> {
        let mut all: Vec<_> = self.series.iter().map(|(no, samples)| (*no, samples.as_slice())).collect();
        all.sort_by_key(|(no, _)| *no);
        all
    }
}
