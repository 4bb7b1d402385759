use contracts::telemetry::{Position, Quality, Sample, Stored, Value, ValueType};
use kernel::{Timestamp, Window};

use super::column::{put_bools, put_f64, put_i64, put_texts, take_bools, take_f64, take_i64, take_texts};
use crate::{
    catalogue::SeriesNo,
    files::Reader,
    wal::{quality_of_tag, quality_tag},
};

/// Statistics over the good and uncertain numeric samples of a block.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Stats {
    pub count: u64,
    pub min: f64,
    pub max: f64,
    pub sum: f64,
    pub first: f64,
    pub last: f64,
    /// Source time of `first` and `last`.
    pub first_at: Timestamp,
    pub last_at: Timestamp,
}

/// What the footer says about a block.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BlockMeta {
    pub series: SeriesNo,
    pub value_type: ValueType,
    pub offset: u64,
    pub length: u32,
    pub crc: u32,
    pub count: u32,
    pub min_time: Timestamp,
    pub max_time: Timestamp,
    pub min_position: Position,
    pub max_position: Position,
    /// None when no sample counts.
    pub stats: Option<Stats>,
}

impl BlockMeta {
    pub(crate) fn overlaps(&self, window: Window) -> bool {
        self.min_time < window.to && self.max_time >= window.from
    }
}

/// The usable number of a sample.
pub(crate) fn number(sample: &Sample) -> Option<f64> {
    if sample.quality == Quality::Bad { None } else { sample.value.number() }
}

/// Folds samples in order.
pub(crate) fn stats_of<'a>(samples: impl Iterator<Item = &'a Stored>) -> Option<Stats> {
    let mut stats: Option<Stats> = None;
    for stored in samples {
        let Some(value) = number(&stored.sample) else { continue };
        let at = stored.sample.source_time;
        match &mut stats {
            None => {
                let (count, first_at, last_at) = (1, at, at);
                stats = Some(Stats {
                    count,
                    min: value,
                    max: value,
                    sum: value,
                    first: value,
                    last: value,
                    first_at,
                    last_at,
                });
            }
            Some(known) => {
                known.count += 1;
                known.min = known.min.min(value);
                known.max = known.max.max(value);
                known.sum += value;
                known.last = value;
                known.last_at = at;
            }
        }
    }
    stats
}

/// Encodes samples of one series, ordered, of one type.
pub(super) fn encode(value_type: ValueType, samples: &[Stored]) -> Vec<u8> {
    let mut out = Vec::with_capacity(samples.len() * 6);
    let column = |field: fn(&Stored) -> i64| samples.iter().map(field).collect::<Vec<i64>>();
    put_i64(&mut out, &column(|s| s.sample.source_time.micros()));
    put_i64(&mut out, &column(|s| s.sample.receive_time.micros()));
    put_i64(&mut out, &column(|s| s.position.0 as i64));
    put_i64(&mut out, &column(|s| s.sample.sequence as i64));
    put_i64(&mut out, &column(|s| i64::from(quality_tag(s.sample.quality))));
    match value_type {
        ValueType::F64 => put_f64(&mut out, &values(samples, |v| if let Value::F64(v) = v { Some(*v) } else { None })),
        ValueType::I64 => put_i64(&mut out, &values(samples, |v| if let Value::I64(v) = v { Some(*v) } else { None })),
        ValueType::Bool => {
            put_bools(&mut out, &values(samples, |v| if let Value::Bool(v) = v { Some(*v) } else { None }))
        }
        ValueType::Str => {
            put_texts(&mut out, &values(samples, |v| if let Value::Str(v) = v { Some(v.clone()) } else { None }))
        }
    }
    out
}

fn values<T>(samples: &[Stored], pick: impl Fn(&Value) -> Option<T>) -> Vec<T> {
    // The writer lets only the series' own type in: nothing is lost here.
    let picked: Vec<T> = samples.iter().filter_map(|stored| pick(&stored.sample.value)).collect();
    assert_eq!(picked.len(), samples.len(), "a block holds one type");
    picked
}

/// Decodes a block whose checksum was right. None means that the writer was wrong, which is damage all the same.
pub(super) fn decode(value_type: ValueType, count: usize, bytes: &[u8]) -> Option<Vec<Stored>> {
    let mut reader = Reader(bytes);
    let times = take_i64(&mut reader, count)?;
    let receives = take_i64(&mut reader, count)?;
    let positions = take_i64(&mut reader, count)?;
    let sequences = take_i64(&mut reader, count)?;
    let qualities = take_i64(&mut reader, count)?;
    let values: Vec<Value> = match value_type {
        ValueType::F64 => take_f64(&mut reader, count)?.into_iter().map(Value::F64).collect(),
        ValueType::I64 => take_i64(&mut reader, count)?.into_iter().map(Value::I64).collect(),
        ValueType::Bool => take_bools(&mut reader, count)?.into_iter().map(Value::Bool).collect(),
        ValueType::Str => take_texts(&mut reader, count)?.into_iter().map(Value::Str).collect(),
    };
    let mut samples = Vec::with_capacity(count);
    for (index, value) in values.into_iter().enumerate() {
        samples.push(Stored {
            position: Position(positions[index] as u64),
            sample: Sample {
                source_time: Timestamp::from_micros(times[index]),
                receive_time: Timestamp::from_micros(receives[index]),
                value,
                quality: quality_of_tag(qualities[index] as u8)?,
                sequence: sequences[index] as u64,
            },
        });
    }
    reader.0.is_empty().then_some(samples)
}
