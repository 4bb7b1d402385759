use std::sync::Arc;

use contracts::telemetry::Value;
use kernel::{Duration, Timestamp};

use crate::physics::{Machine, seed_of};

/// The values of one moment, under the names they have on the wire.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub at: Timestamp,
    pub values: Vec<(Arc<str>, Value)>,
}

/// Something that has rows to tell, in the order of time. Asking again from the same moment gives the same rows.
pub(crate) trait Feed: Send {
    /// Rows after one moment, up to and including another, at most `limit`.
    fn rows(&mut self, after: Timestamp, until: Timestamp, limit: usize) -> Vec<Row>;

    /// When the first row after a moment is due; none when there will be no more.
    fn due(&self, after: Timestamp) -> Option<Timestamp>;

    /// The moment before its first row.
    fn start(&self) -> Timestamp;

    /// Values per row.
    fn width(&self) -> usize;
}

/// A simulated machine on its grid of moments.
pub(crate) struct MachineFeed {
    machine: Machine,
    metrics: Vec<(usize, Arc<str>)>,
    interval: Duration,
    /// Machines do not all speak at the full second.
    phase: Duration,
    start: Timestamp,
    values: Vec<Value>,
}

impl MachineFeed {
    pub fn new(machine: Machine, start: Timestamp) -> Self {
        let spec = machine.spec();
        let metrics = spec
            .properties()
            .iter()
            .enumerate()
            .filter_map(|(index, property)| Some((index, Arc::from(spec.metric(property.id)?.metric.as_str()))))
            .collect();
        let interval = Duration::from_millis(i64::from(spec.interval_ms));
        let phase = seed_of(0, &format!("{}/{}", spec.company, spec.code)) % u64::from(spec.interval_ms);
        Self { machine, metrics, interval, phase: Duration::from_millis(phase as i64), start, values: Vec::new() }
    }

    fn next(&self, after: Timestamp) -> Timestamp {
        (after - self.phase).floor_to(self.interval) + self.interval + self.phase
    }
}

impl Feed for MachineFeed {
    fn rows(&mut self, after: Timestamp, until: Timestamp, limit: usize) -> Vec<Row> {
        let mut rows = Vec::new();
        let mut at = self.next(after.max(self.machine.spec().origin - self.interval));
        while at <= until && rows.len() < limit {
            if matches!(self.machine.observe(at, &mut self.values), Ok(true)) {
                let spec = self.machine.spec();
                let wire = |(index, name): &(usize, Arc<str>)| {
                    let metric = spec.metric(spec.properties()[*index].id)?;
                    Some((name.clone(), metric.raw(&self.values[*index], None)))
                };
                rows.push(Row { at, values: self.metrics.iter().filter_map(wire).collect() });
            }
            at = at + self.interval;
        }
        rows
    }

    fn due(&self, after: Timestamp) -> Option<Timestamp> {
        Some(self.next(after))
    }

    fn start(&self) -> Timestamp {
        self.start
    }

    fn width(&self) -> usize {
        self.metrics.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_lie_on_a_grid_that_does_not_depend_on_where_one_starts() {
        let spec = crate::Park::demo(1).machines[0].clone();
        let at = |seconds| crate::park::DEMO_ORIGIN + Duration::from_secs(seconds);
        let mut feed = MachineFeed::new(Machine::new(&spec).unwrap(), at(0));
        let all = feed.rows(at(100), at(110), 100);
        assert_eq!(all.len(), 10);
        let some = feed.rows(at(104), at(110), 3);
        assert_eq!(some, all[4..7]);
        assert_eq!(feed.due(at(104)), Some(some[0].at));
        assert!(feed.rows(at(-50), at(0) - Duration::from_secs(1), 10).is_empty(), "nothing before its origin");
        assert_eq!(all[0].values.len(), spec.properties().len());
    }
}
