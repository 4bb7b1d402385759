//! The recent past of one property in bounded memory. Between samples a value holds.
//!
//! Up to [`CELLS_MAX`] samples the history is exact. Beyond that, neighbours within one sixtieth of the window are merged into
//! a cell that keeps their mean, extremes and ends: the mean stays exact except where the window's edge cuts a cell.

use std::collections::VecDeque;

pub(crate) const CELLS_MAX: usize = 120;
const SLICES: i64 = 60;

/// What a window can be asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Statistic {
    Mean,
    Minimum,
    Maximum,
    Delta,
}

/// The values from `at` until the next cell begins. NaN stands for unknown.
#[derive(Clone, Copy, Debug)]
struct Cell {
    at: i64,
    first: f64,
    last: f64,
    min: f64,
    max: f64,
    mean: f64,
    /// Microseconds with a known value; `SINGLE` for one unmerged sample.
    known: i64,
}

const SINGLE: i64 = -1;

impl Cell {
    fn known_of(&self, length: i64) -> i64 {
        match self.known {
            SINGLE if self.mean.is_nan() => 0,
            SINGLE => length,
            merged => merged,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Window {
    length: i64,
    cells: VecDeque<Cell>,
}

impl Window {
    pub(crate) fn new(length: i64) -> Self {
        Self { length, cells: VecDeque::new() }
    }

    /// Adds the newest sample; times never decrease, and a second sample of one moment replaces the first.
    pub(crate) fn push(&mut self, at: i64, value: f64) {
        if self.cells.back().is_some_and(|last| last.at == at) {
            self.cells.pop_back();
        }
        self.cells.push_back(Cell {
            at,
            first: value,
            last: value,
            min: value,
            max: value,
            mean: value,
            known: SINGLE,
        });
        let from = at.saturating_sub(self.length);
        while self.cells.get(1).is_some_and(|second| second.at <= from) {
            self.cells.pop_front();
        }
        if self.cells.len() > CELLS_MAX {
            self.condense();
        }
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.cells.capacity() * size_of::<Cell>()
    }

    /// True when time alone can no longer change any statistic.
    pub(crate) fn settled(&self, now: i64) -> bool {
        self.cells.back().is_none_or(|last| last.at <= now.saturating_sub(self.length))
    }

    pub(crate) fn statistic(&self, statistic: Statistic, now: i64) -> f64 {
        match statistic {
            Statistic::Delta => self.delta(now),
            Statistic::Mean | Statistic::Minimum | Statistic::Maximum => self.over(statistic, now),
        }
    }

    fn over(&self, statistic: Statistic, now: i64) -> f64 {
        let from = now.saturating_sub(self.length);
        let (mut known, mut min, mut max) = (0.0, f64::NAN, f64::NAN);
        // Deviations from one of the values, so that the mean of a constant is that constant to the last bit.
        let reference = self.cells.iter().rev().map(|cell| cell.mean).find(|mean| !mean.is_nan()).unwrap_or(0.0);
        let mut deviation = 0.0;
        for (cell, end) in self.with_ends(now).filter(|(cell, end)| *end > from || cell.at >= from) {
            let length = end.saturating_sub(cell.at);
            let inside = end.saturating_sub(cell.at.max(from));
            if length > 0 {
                let share = cell.known_of(length) as f64 * (inside as f64 / length as f64);
                if share > 0.0 {
                    known += share;
                    deviation += (cell.mean - reference) * share;
                }
            }
            min = min.min(cell.min);
            max = max.max(cell.max);
        }
        if known * 2.0 < self.length as f64 {
            return f64::NAN;
        }
        match statistic {
            Statistic::Minimum => min,
            Statistic::Maximum => max,
            Statistic::Mean | Statistic::Delta => reference + deviation / known,
        }
    }

    fn delta(&self, now: i64) -> f64 {
        let from = now.saturating_sub(self.length);
        let Some(newest) = self.cells.back() else { return f64::NAN };
        let start = self.with_ends(now.max(newest.at)).rev().find(|(cell, _)| cell.at <= from);
        let Some((cell, end)) = start else { return f64::NAN };
        let then = match cell.known {
            SINGLE => cell.last,
            // Inside a merged cell the course is not known; a straight line is the best guess.
            _ => {
                cell.first
                    + (cell.last - cell.first)
                        * (from.saturating_sub(cell.at) as f64 / end.saturating_sub(cell.at).max(1) as f64).min(1.0)
            }
        };
        newest.last - then
    }

    fn with_ends(&self, now: i64) -> impl DoubleEndedIterator<Item = (&Cell, i64)> {
        let count = self.cells.len();
        (0..count).map(move |i| {
            let end = if i + 1 < count { self.cells[i + 1].at } else { now };
            (&self.cells[i], end)
        })
    }

    /// Merges neighbours of one slice of time. The newest cell is still open and stays as it is.
    fn condense(&mut self) {
        let slice = (self.length / SLICES).max(1);
        let mut merged: VecDeque<Cell> = VecDeque::with_capacity(CELLS_MAX + 8);
        let last = self.cells.len() - 1;
        for i in 0..=last {
            let cell = self.cells[i];
            match merged.back_mut() {
                Some(left) if i < last && left.at.div_euclid(slice) == cell.at.div_euclid(slice) => {
                    let known_left = left.known_of(cell.at.saturating_sub(left.at));
                    let known_right = cell.known_of(self.cells[i + 1].at.saturating_sub(cell.at));
                    *left = join(left, known_left, &cell, known_right);
                }
                _ => merged.push_back(cell),
            }
        }
        self.cells = merged;
    }
}

fn join(left: &Cell, known_left: i64, right: &Cell, known_right: i64) -> Cell {
    let known = known_left.saturating_add(known_right);
    let mean = if known_left == 0 {
        right.mean
    } else if known_right == 0 {
        left.mean
    } else {
        left.mean + (right.mean - left.mean) * (known_right as f64 / known as f64)
    };
    Cell {
        at: left.at,
        first: left.first,
        last: right.last,
        min: left.min.min(right.min),
        max: left.max.max(right.max),
        mean,
        known,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = 1_000_000;

    #[test]
    fn values_hold_between_samples() {
        let mut window = Window::new(10 * S);
        window.push(0, 1.0);
        assert!(window.statistic(Statistic::Mean, 4 * S).is_nan(), "less than half the window is known");
        assert_eq!(window.statistic(Statistic::Mean, 5 * S), 1.0);
        window.push(5 * S, 3.0);
        assert_eq!(window.statistic(Statistic::Mean, 10 * S), 2.0);
        assert_eq!(window.statistic(Statistic::Delta, 10 * S), 2.0);
        assert!(
            window.statistic(Statistic::Delta, 9 * S).is_nan(),
            "the start of the window is before the first sample"
        );
        assert_eq!(window.statistic(Statistic::Mean, 13 * S), 2.6);
        assert_eq!(window.statistic(Statistic::Minimum, 14 * S), 1.0);
        assert_eq!(window.statistic(Statistic::Minimum, 15 * S), 3.0);
        assert!(!window.settled(14 * S) && window.settled(15 * S));
    }

    #[test]
    fn unknown_stretches_are_left_out_until_they_are_most_of_it() {
        let mut window = Window::new(10 * S);
        window.push(0, 4.0);
        window.push(6 * S, f64::NAN);
        assert_eq!(window.statistic(Statistic::Mean, 10 * S), 4.0);
        assert!(window.statistic(Statistic::Mean, 12 * S).is_nan());
        assert!(window.statistic(Statistic::Delta, 10 * S).is_nan());
    }

    #[test]
    fn memory_is_bounded_and_the_mean_survives_merging() {
        let mut window = Window::new(60 * S);
        let (mut exact, mut naive) = (Vec::new(), f64::NAN);
        for i in 0..20_000_i64 {
            let (at, value) = (i * S / 50, ((i * 7919) % 1000) as f64);
            window.push(at, value);
            exact.push((at, value));
            assert!(window.cells.len() <= CELLS_MAX);
            if i % 997 == 0 && at > 60 * S {
                let from = at - 60 * S;
                let area: f64 = exact.windows(2).map(|w| w[0].1 * (w[1].0 - w[0].0.max(from)).max(0) as f64).sum();
                naive = area / (60 * S) as f64;
                let mean = window.statistic(Statistic::Mean, at);
                assert!((mean - naive).abs() < 5.0, "{mean} against {naive}");
                assert_eq!(window.statistic(Statistic::Maximum, at), 999.0);
            }
        }
        assert!(naive.is_finite());
    }

    #[test]
    fn the_mean_of_a_constant_is_that_constant() {
        let mut window = Window::new(60 * S);
        for i in 0..5_000 {
            window.push(i * 37_123, 80.1);
        }
        assert_eq!(window.statistic(Statistic::Mean, 5_000 * 37_123), 80.1);
    }

    #[test]
    fn the_slope_of_a_fast_ramp_survives_merging() {
        let mut window = Window::new(60 * S);
        for i in 0..10_000 {
            window.push(i * S / 20, i as f64 / 20.0);
        }
        let delta = window.statistic(Statistic::Delta, 9_999 * S / 20);
        assert!((delta - 60.0).abs() < 0.2, "{delta}");
    }
}
