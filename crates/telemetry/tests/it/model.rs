//! Random histories against a map: batches in any order, with repeats and contradictions, flushes, merges and reopenings.

use std::collections::BTreeMap;

use contracts::telemetry::{Outcome, Position, RangeQuery, SeriesKey, TelemetryStore};
use kernel::Window;
use proptest::prelude::*;
use telemetry::conformance::{point, wait};

use crate::{open, small};

#[derive(Debug, Clone)]
enum Step {
    Append(Vec<(u8, i64, u8)>),
    Bulk(Vec<(u8, i64, u8)>),
    Flush,
    Reopen,
}

fn batch(size: usize) -> impl Strategy<Value = Vec<(u8, i64, u8)>> {
    proptest::collection::vec((0u8..3, 0i64..200, 0u8..3), 1..size)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => batch(40).prop_map(Step::Append),
        1 => batch(80).prop_map(Step::Bulk),
        1 => Just(Step::Flush),
        1 => Just(Step::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_store_is_a_map_that_never_forgets(steps in proptest::collection::vec(step(), 1..25)) {
        let folder = tempfile::tempdir().unwrap();
        let mut store = open(folder.path(), small());
        let mut model: BTreeMap<(u8, i64), u8> = BTreeMap::new();
        let mut last = Position(0);
        for step in steps {
            match step {
                Step::Append(rows) | Step::Bulk(rows) => {
                    let points = rows.iter().map(|(s, t, v)| point(&format!("s{s}"), *t, f64::from(*v))).collect();
                    let receipt = wait(if rows.len() % 2 == 0 { store.append_bulk(points) } else { store.append(points) }).unwrap();
                    for ((series, time, value), outcome) in rows.iter().zip(&receipt.outcomes) {
                        let expected = match model.get(&(*series, *time)) {
                            None => Outcome::Accepted,
                            Some(known) if known == value => Outcome::Duplicate,
                            Some(_) => Outcome::Conflict,
                        };
                        prop_assert_eq!(*outcome, expected);
                        model.entry((*series, *time)).or_insert(*value);
                    }
                    prop_assert!(receipt.position >= last);
                    last = receipt.position;
                }
                Step::Flush => wait(store.flush()).unwrap(),
                Step::Reopen => {
                    drop(store);
                    store = open(folder.path(), small());
                }
            }
            for series in 0..3u8 {
                let key = SeriesKey::new(point("x", 0, 0.0).series.asset, format!("s{series}"));
                let window = Window { from: point("x", 0, 0.0).sample.source_time, to: point("x", 200, 0.0).sample.source_time };
                let query = RangeQuery { series: key.clone(), window, as_of: Position::MAX, limit: usize::MAX };
                let found = store.range(&query).unwrap();
                let values: Vec<f64> = found.samples.iter().filter_map(|s| s.sample.value.number()).collect();
                let expected: Vec<f64> =
                    model.range((series, 0)..(series + 1, 0)).map(|(_, value)| f64::from(*value)).collect();
                prop_assert_eq!(values, expected);
                let sum: f64 = store.aggregate(&key, window, kernel::Duration::from_secs(7)).unwrap().buckets.iter().map(|b| b.sum).sum();
                let whole: u32 = model.range((series, 0)..(series + 1, 0)).map(|(_, value)| u32::from(*value)).sum();
                prop_assert_eq!(sum, f64::from(whole));
            }
        }
        prop_assert!(store.scrub().unwrap().is_empty());
    }
}
