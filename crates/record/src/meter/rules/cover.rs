//! Which instants of a window are vouched for by a sample, and why the others are not.

use kernel::{Decimal, Timestamp, Window};
use serde::{Deserialize, Serialize};

use crate::{machine::words, meter::MeterSample};

words! {
    /// Why a stretch of a window is not covered.
    pub enum GapReason {
        /// No sample is known at or before it.
        NoData "no_data";
        /// The last sample is older than the rule's longest gap.
        Silence "silence";
        /// The last sample was marked bad by its sender.
        BadQuality "bad_quality";
        /// The rule needs the next sample and there is none yet.
        NoClosing "no_closing";
    }
}

/// A stretch of a window that is not covered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = MeterGap)]
pub struct Gap {
    /// From this moment.
    #[schema(value_type = String, format = DateTime)]
    pub from: Timestamp,
    /// Up to, but not including, this moment.
    #[schema(value_type = String, format = DateTime)]
    pub to: Timestamp,
    /// Why.
    pub reason: GapReason,
}

/// A stretch in which one sample holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hold {
    pub from: i64,
    pub to: i64,
    /// Index of the sample.
    pub sample: usize,
}

/// Collects covered and uncovered stretches of a window.
pub(super) struct Cover {
    window: (i64, i64),
    covered: i128,
    gaps: Vec<Gap>,
}

impl Cover {
    pub fn new(window: Window) -> Self {
        Self { window: (window.from.micros(), window.to.micros()), covered: 0, gaps: Vec::new() }
    }

    /// The part of a stretch that lies in the window.
    pub fn clip(&self, from: i64, to: i64) -> Option<(i64, i64)> {
        let (from, to) = (from.max(self.window.0), to.min(self.window.1));
        (from < to).then_some((from, to))
    }

    pub fn cover(&mut self, from: i64, to: i64) {
        if let Some((from, to)) = self.clip(from, to) {
            self.covered += i128::from(to - from);
        }
    }

    /// Notes a gap; neighbours with the same reason become one.
    pub fn gap(&mut self, from: i64, to: i64, reason: GapReason) {
        let Some((from, to)) = self.clip(from, to) else { return };
        let (from, to) = (Timestamp::from_micros(from), Timestamp::from_micros(to));
        match self.gaps.last_mut() {
            Some(last) if last.to == from && last.reason == reason => last.to = to,
            _ => self.gaps.push(Gap { from, to, reason }),
        }
    }

    /// Covered time ÷ window, rounded down to six places so that it never flatters; and the gaps.
    pub fn finish(self) -> (Decimal, Vec<Gap>) {
        let length = i128::from(self.window.1 - self.window.0).max(1);
        let millionths = (self.covered * 1_000_000 / length) as i64;
        (Decimal::new(millionths, 6).normalize(), self.gaps)
    }
}

/// Step semantics: a sample holds until the next one, but no longer than the longest gap. Decided instant by instant, so
/// that cutting a window in two never changes the sum.
pub(super) fn holds(samples: &[MeterSample], window: Window, gap_max_us: i64) -> (Vec<Hold>, Cover) {
    let mut cover = Cover::new(window);
    let (from, to) = cover.window;
    let mut holds = Vec::new();
    let known: Vec<usize> = (0..samples.len()).filter(|i| samples[*i].at.micros() < to).collect();
    cover.gap(from, known.first().map_or(to, |i| samples[*i].at.micros()), GapReason::NoData);
    for (place, &index) in known.iter().enumerate() {
        let start = samples[index].at.micros();
        let end = known.get(place + 1).map_or(to, |next| samples[*next].at.micros());
        if !samples[index].usable() {
            cover.gap(start, end, GapReason::BadQuality);
            continue;
        }
        let held = end.min(start.saturating_add(gap_max_us));
        if let Some((from, to)) = cover.clip(start, held) {
            holds.push(Hold { from, to, sample: index });
        }
        cover.cover(start, held);
        cover.gap(held, end, GapReason::Silence);
    }
    (holds, cover)
}
