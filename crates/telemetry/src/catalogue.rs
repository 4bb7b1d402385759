use std::collections::HashMap;

use contracts::telemetry::{SeriesKey, ValueType};
use kernel::{Timestamp, id::AssetId};

/// A series inside the store: a small number instead of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SeriesNo(pub u32);

/// What is known about a series without reading files.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    pub key: SeriesKey,
    pub value_type: ValueType,
    pub count: u64,
    pub first: Timestamp,
    pub last: Timestamp,
}

/// Keys and numbers of all series. Numbers are given once and for ever.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    series: Vec<Series>,
    by_key: HashMap<SeriesKey, SeriesNo>,
    by_asset: HashMap<AssetId, Vec<SeriesNo>>,
}

impl Catalogue {
    pub(crate) fn find(&self, key: &SeriesKey) -> Option<SeriesNo> {
        self.by_key.get(key).copied()
    }

    pub(crate) fn get(&self, no: SeriesNo) -> &Series {
        &self.series[no.0 as usize]
    }

    pub(crate) fn known(&self, no: SeriesNo) -> bool {
        (no.0 as usize) < self.series.len()
    }

    pub(crate) fn len(&self) -> usize {
        self.series.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (SeriesNo, &Series)> {
        self.series.iter().enumerate().map(|(index, series)| (SeriesNo(index as u32), series))
    }

    pub(crate) fn of_asset(&self, asset: AssetId) -> &[SeriesNo] {
        self.by_asset.get(&asset).map_or(&[], Vec::as_slice)
    }

    /// Gives the next number. Replaying a definition that is known changes nothing.
    pub(crate) fn define(&mut self, key: SeriesKey, value_type: ValueType) -> SeriesNo {
        if let Some(no) = self.find(&key) {
            return no;
        }
        let no = SeriesNo(self.series.len() as u32);
        self.by_asset.entry(key.asset).or_default().push(no);
        self.by_key.insert(key.clone(), no);
        let (first, last) = (Timestamp::from_micros(i64::MAX), Timestamp::from_micros(i64::MIN));
        self.series.push(Series { key, value_type, count: 0, first, last });
        no
    }

    /// Counts samples that were stored.
    pub(crate) fn stored(&mut self, no: SeriesNo, count: u64, first: Timestamp, last: Timestamp) {
        let series = &mut self.series[no.0 as usize];
        series.count += count;
        series.first = series.first.min(first);
        series.last = series.last.max(last);
    }
}

/// The stored tag of a value type.
pub(crate) fn type_tag(value_type: ValueType) -> u8 {
    match value_type {
        ValueType::F64 => 0,
        ValueType::I64 => 1,
        ValueType::Bool => 2,
        ValueType::Str => 3,
    }
}

pub(crate) fn type_of_tag(tag: u8) -> Option<ValueType> {
    [ValueType::F64, ValueType::I64, ValueType::Bool, ValueType::Str].get(usize::from(tag)).copied()
}
