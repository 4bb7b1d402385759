//! The newest value of every property, with its age and quality.

use std::{collections::BTreeMap, sync::Arc};

use contracts::telemetry::{Quality, Sample, Value};
use kernel::{Duration, Timestamp};

/// The newest sample of a property.
#[derive(Debug, Clone, PartialEq)]
pub struct Latest {
    /// When it was measured.
    pub at: Timestamp,
    /// The value.
    pub value: Value,
    /// As sent.
    pub quality: Quality,
    sequence: u64,
}

/// How much a shown value can be trusted now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// Young enough.
    Fresh,
    /// Too old for its property.
    Stale,
}

/// The newest values of one asset.
#[derive(Debug, Clone, Default)]
pub struct LatestValues(BTreeMap<Arc<str>, Latest>);

impl LatestValues {
    /// Takes a sample in, unless a newer one is known. Equal times are told apart by sequence, as in the store.
    pub fn take(&mut self, property: &Arc<str>, sample: &Sample) -> bool {
        let known = self.0.get(property);
        if known.is_some_and(|known| (known.at, known.sequence) >= (sample.source_time, sample.sequence)) {
            return false;
        }
        let latest = Latest {
            at: sample.source_time,
            value: sample.value.clone(),
            quality: sample.quality,
            sequence: sample.sequence,
        };
        self.0.insert(property.clone(), latest);
        true
    }

    /// The values, by property id.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Latest)> {
        self.0.iter()
    }

    /// The newest value of one property.
    pub fn get(&self, property: &str) -> Option<&Latest> {
        self.0.get(property)
    }

    /// When the newest value of all was measured.
    pub fn heard(&self) -> Option<Timestamp> {
        self.0.values().map(|latest| latest.at).max()
    }
}

impl Latest {
    /// Whether it is still young enough.
    pub fn freshness(&self, now: Timestamp, stale_after: Duration) -> Freshness {
        if now - self.at > stale_after { Freshness::Stale } else { Freshness::Fresh }
    }
}

/// `good`, `uncertain`, `bad`, or `stale` when it is too old to say.
pub fn quality_name(quality: Quality, freshness: Freshness) -> &'static str {
    match (quality, freshness) {
        (Quality::Bad, _) => "bad",
        (_, Freshness::Stale) => "stale",
        (Quality::Uncertain, _) => "uncertain",
        (Quality::Good, _) => "good",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(at: i64, sequence: u64, value: f64) -> Sample {
        let at = Timestamp::from_micros(at);
        Sample { source_time: at, receive_time: at, value: Value::F64(value), quality: Quality::Good, sequence }
    }

    #[test]
    fn only_newer_samples_replace() {
        let (mut values, p) = (LatestValues::default(), Arc::from("p"));
        assert!(values.take(&p, &sample(10, 0, 1.0)));
        assert!(!values.take(&p, &sample(9, 5, 2.0)) && !values.take(&p, &sample(10, 0, 3.0)));
        assert!(values.take(&p, &sample(10, 1, 4.0)));
        assert_eq!(
            (values.get("p").unwrap().value.clone(), values.heard()),
            (Value::F64(4.0), Some(Timestamp::from_micros(10)))
        );
    }

    #[test]
    fn old_values_are_stale_and_bad_stays_bad() {
        let mut values = LatestValues::default();
        values.take(&Arc::from("p"), &sample(0, 0, 1.0));
        let latest = values.get("p").unwrap();
        let fresh = |now| latest.freshness(Timestamp::from_micros(now), Duration::from_micros(5));
        assert_eq!((fresh(5), fresh(6)), (Freshness::Fresh, Freshness::Stale));
        assert_eq!(quality_name(Quality::Good, Freshness::Stale), "stale");
        assert_eq!(quality_name(Quality::Bad, Freshness::Stale), "bad");
        assert_eq!(quality_name(Quality::Uncertain, Freshness::Fresh), "uncertain");
    }
}
