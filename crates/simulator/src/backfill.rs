//! History in bulk: what a machine would have reported, in batches, as fast as it can be computed.

use std::sync::Arc;

use contracts::telemetry::{Quality, Sample, Value};
use kernel::{Duration, Error, Result, Timestamp};

use crate::{physics::Machine, spec::MachineSpec};

/// One sample of one property.
pub type PropertySample = (Arc<str>, Sample);

/// Samples per batch: large enough that overheads vanish, small enough to hold a few of them.
pub const BATCH_SAMPLES: usize = 65_536;

/// The samples of a machine at `from`, `from + step`, … before `to`, in batches ordered by time.
///
/// A live run that starts at `to` continues without a seam: both look at the same life of the same machine. Values went
/// through the machine's scale and registers, so they are what the platform would have stored.
///
/// # Errors
/// `simulator.backfill.malformed` for a step below a millisecond; what [`Machine::new`] and [`MachineSpec::check`] refuse.
pub fn backfill(spec: &MachineSpec, from: Timestamp, to: Timestamp, step: Duration) -> Result<Backfill> {
    if step < Duration::from_millis(1) || step.micros() % 1000 != 0 {
        return Err(Error::invalid("simulator.backfill.malformed", "the step is not a whole number of milliseconds")
            .hint("use at least one millisecond; 60 s gives a good picture of 90 days"));
    }
    spec.check()?;
    let properties = spec.properties().iter().map(|property| Arc::from(property.id)).collect();
    Ok(Backfill {
        machine: Machine::new(spec)?,
        properties,
        at: from.max(first_at_or_after(spec.origin, from, step)),
        to,
        step,
        values: Vec::new(),
    })
}

/// The first moment of the grid `from + n × step` that is not before `origin`.
fn first_at_or_after(origin: Timestamp, from: Timestamp, step: Duration) -> Timestamp {
    let late = (origin - from).micros();
    if late <= 0 {
        from
    } else {
        from + Duration::from_micros((late + step.micros() - 1) / step.micros() * step.micros())
    }
}

/// The iterator behind [`backfill`].
pub struct Backfill {
    machine: Machine,
    properties: Vec<Arc<str>>,
    at: Timestamp,
    to: Timestamp,
    step: Duration,
    values: Vec<Value>,
}

impl Iterator for Backfill {
    type Item = Vec<PropertySample>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut batch = Vec::with_capacity(BATCH_SAMPLES + self.properties.len());
        while self.at < self.to && batch.len() < BATCH_SAMPLES {
            // A refusal here could only come from rebuilding the model, which never happens while time moves forward.
            if self.machine.observe(self.at, &mut self.values).is_ok() {
                for (index, value) in self.values.iter().enumerate() {
                    if let Some(value) = self.machine.spec().as_reported(index, value) {
                        let sample = Sample {
                            source_time: self.at,
                            receive_time: self.at,
                            value,
                            quality: Quality::Good,
                            sequence: 0,
                        };
                        batch.push((self.properties[index].clone(), sample));
                    }
                }
            }
            self.at = self.at + self.step;
        }
        (!batch.is_empty()).then_some(batch)
    }
}
