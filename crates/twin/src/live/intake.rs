use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use contracts::telemetry::{SeriesKey, Stored};
use kernel::{Timestamp, id::AssetId};
use tokio::sync::Notify;

/// Samples that wait for evaluation, at most; about 100 MB.
const SAMPLES_MAX: usize = 500_000;

/// Where durable samples wait for the engine. Bounded; never blocks the one who brings them.
#[derive(Default)]
pub struct Intake {
    queue: Mutex<Queue>,
    news: Notify,
    overflowed: AtomicU64,
}

#[derive(Default)]
struct Queue {
    samples: Vec<(SeriesKey, Stored)>,
    /// Machines whose samples did not fit, and the earliest of those: to be evaluated from the store.
    lost: HashMap<AssetId, Timestamp>,
}

/// What was waiting.
pub(super) struct Batch {
    /// Samples by asset, in the order of their arrival.
    pub samples: HashMap<AssetId, Vec<(Arc<str>, Stored)>>,
    /// See [`Queue::lost`].
    pub lost: HashMap<AssetId, Timestamp>,
}

impl Intake {
    /// Takes a durable batch; called on the writer's thread.
    pub fn offer(&self, batch: &[(SeriesKey, Stored)]) {
        {
            let mut queue = self.lock();
            if queue.samples.len() + batch.len() <= SAMPLES_MAX {
                queue.samples.extend_from_slice(batch);
            } else {
                for (series, stored) in batch {
                    let at = stored.sample.source_time;
                    queue.lost.entry(series.asset).and_modify(|first| *first = at.min(*first)).or_insert(at);
                }
                self.overflowed.fetch_add(batch.len() as u64, Ordering::Relaxed);
            }
        }
        self.news.notify_one();
    }

    /// Wakes the engine although nothing was offered.
    pub fn wake(&self) {
        self.news.notify_one();
    }

    /// Waits until something was offered.
    pub async fn wait(&self) {
        self.news.notified().await;
    }

    /// How many samples were evaluated from the store instead, since the start.
    pub fn overflowed(&self) -> u64 {
        self.overflowed.load(Ordering::Relaxed)
    }

    pub(super) fn take(&self) -> Batch {
        let queue = std::mem::take(&mut *self.lock());
        let mut samples: HashMap<AssetId, Vec<(Arc<str>, Stored)>> = HashMap::new();
        for (series, stored) in queue.samples {
            samples.entry(series.asset).or_default().push((series.property, stored));
        }
        Batch { samples, lost: queue.lost }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use contracts::telemetry::{Position, Quality, Sample, Value};
    use kernel::SeededChance;

    use super::*;

    #[test]
    fn a_full_intake_forgets_the_batch_but_not_the_machine() {
        let intake = Intake::default();
        let [a, b] = [1, 2].map(|n| AssetId::at(Timestamp::default(), &SeededChance::new(n)));
        let at = Timestamp::from_micros(1);
        let sample =
            Sample { source_time: at, receive_time: at, value: Value::Bool(true), quality: Quality::Good, sequence: 0 };
        let stored = Stored { position: Position(1), sample };
        let batch = |asset: AssetId, count: usize| vec![(SeriesKey::new(asset, "p"), stored.clone()); count];
        intake.offer(&batch(a, SAMPLES_MAX));
        intake.offer(&batch(b, 3));
        let taken = intake.take();
        assert_eq!((taken.samples[&a].len(), taken.samples.len()), (SAMPLES_MAX, 1));
        assert_eq!((taken.lost, intake.overflowed()), (HashMap::from([(b, at)]), 3));
        intake.offer(&batch(b, 3));
        assert_eq!(intake.take().samples[&b].len(), 3, "there is room again");
    }
}
