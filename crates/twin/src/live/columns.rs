//! Telemetry as columns: what histories, warm-ups and previews are computed from. Reads files: never on the async threads.

use std::sync::Arc;

use contracts::telemetry::{Position, Quality, RangeQuery, SeriesKey, Stored, TelemetryStore, Value};
use kernel::{Error, Result, Timestamp, Window, id::AssetId};
use models::{
    Reading,
    alarm::{Rule, RuleState, Transition},
    state::{Column, ColumnValues},
};

/// Samples read at once.
const PAGE: usize = 200_000;
/// Samples of one computation, at most.
const SAMPLES_MAX: usize = 20_000_000;

/// The history of some properties of one machine in a window, and the value each had before it.
#[derive(Debug, Default)]
pub struct History {
    columns: Vec<OwnColumn>,
    /// Whether everything that was stored could be read.
    pub complete: bool,
}

#[derive(Debug)]
struct OwnColumn {
    property: Arc<str>,
    times: Vec<Timestamp>,
    values: Values,
    qualities: Vec<models::Quality>,
}

#[derive(Debug)]
enum Values {
    None,
    Number(Vec<f64>),
    Bool(Vec<bool>),
    Text(Vec<Arc<str>>),
}

impl History {
    /// Reads the properties of a machine.
    ///
    /// # Errors
    /// When a file cannot be opened; `twin.history.too-much` for more samples than fit into memory.
    pub fn read<'a>(
        store: &dyn TelemetryStore,
        asset: AssetId,
        properties: impl Iterator<Item = &'a str>,
        window: Window,
    ) -> Result<Self> {
        let mut history = Self { columns: Vec::new(), complete: true };
        let mut total = 0;
        for property in properties {
            let series = SeriesKey::new(asset, property);
            let mut column = OwnColumn::new(series.property.clone());
            if let Some(before) =
                store.last_before(&series, window.from - kernel::Duration::from_micros(1), Position::MAX)?
            {
                column.push(&before);
            }
            let mut rest = window;
            loop {
                let query = RangeQuery { series: series.clone(), window: rest, as_of: Position::MAX, limit: PAGE };
                let answer = store.range(&query)?;
                history.complete &= answer.damaged.is_empty();
                let full = answer.samples.len() >= PAGE;
                // The last moment of a full page may go on in the next one.
                let last = answer.samples.last().map(|stored| stored.sample.source_time);
                let again = last.filter(|last| full && *last > rest.from);
                answer
                    .samples
                    .iter()
                    .filter(|s| Some(s.sample.source_time) != again)
                    .for_each(|stored| column.push(stored));
                match again {
                    Some(from) => rest.from = from,
                    None => break,
                }
                if total + column.times.len() > SAMPLES_MAX {
                    return Err(Error::unprocessable(
                        "twin.history.too-much",
                        "there are too many samples to compute this at once",
                    )
                    .hint("ask for a shorter window"));
                }
            }
            total += column.times.len();
            history.columns.push(column);
        }
        Ok(history)
    }

    /// How many samples there are.
    pub fn samples(&self) -> usize {
        self.columns.iter().map(|column| column.times.len()).sum()
    }

    /// The columns as the state rules take them.
    pub fn with_columns<T>(&self, use_them: impl FnOnce(&[Column<'_>]) -> T) -> T {
        let texts: Vec<Vec<&str>> = self
            .columns
            .iter()
            .map(|column| match &column.values {
                Values::Text(texts) => texts.iter().map(|text| &**text).collect(),
                _ => Vec::new(),
            })
            .collect();
        let columns: Vec<Column<'_>> = self
            .columns
            .iter()
            .zip(&texts)
            .map(|(column, texts)| Column {
                property: &column.property,
                times: &column.times,
                values: match &column.values {
                    Values::None => ColumnValues::Number(&[]),
                    Values::Number(values) => ColumnValues::Number(values),
                    Values::Bool(values) => ColumnValues::Bool(values),
                    Values::Text(_) => ColumnValues::Text(texts),
                },
                qualities: Some(&column.qualities),
            })
            .collect();
        use_them(&columns)
    }

    /// Every moment with its values, in order of time, as if they had just arrived.
    pub fn replay(&self, mut take: impl FnMut(Timestamp, &[Reading<'_>])) {
        let mut places = vec![0; self.columns.len()];
        let mut readings = Vec::with_capacity(self.columns.len());
        let next = |places: &[usize]| {
            let heads = self.columns.iter().zip(places).filter_map(|(column, place)| column.times.get(*place));
            heads.min().copied()
        };
        while let Some(at) = next(&places) {
            readings.clear();
            for (column, place) in self.columns.iter().zip(&mut places) {
                while column.times.get(*place) == Some(&at) {
                    readings.push(column.reading(*place));
                    *place += 1;
                }
            }
            take(at, &readings);
        }
    }
}

impl OwnColumn {
    fn new(property: Arc<str>) -> Self {
        Self { property, times: Vec::new(), values: Values::None, qualities: Vec::new() }
    }

    fn push(&mut self, stored: &Stored) {
        let sample = &stored.sample;
        if matches!(self.values, Values::None) {
            self.values = match &sample.value {
                Value::F64(_) | Value::I64(_) => Values::Number(Vec::new()),
                Value::Bool(_) => Values::Bool(Vec::new()),
                Value::Str(_) => Values::Text(Vec::new()),
            };
        }
        // A series has one type for ever; a value of another one would be a damaged store, and is left out.
        match (&mut self.values, &sample.value) {
            (Values::Number(values), Value::F64(value)) => values.push(*value),
            (Values::Number(values), Value::I64(value)) => values.push(*value as f64),
            (Values::Bool(values), Value::Bool(value)) => values.push(*value),
            (Values::Text(values), Value::Str(value)) => values.push(value.clone()),
            _ => return,
        }
        self.times.push(sample.source_time);
        self.qualities.push(quality(sample.quality));
    }

    fn reading(&self, place: usize) -> Reading<'_> {
        let value = match &self.values {
            Values::Number(values) => models::Value::Number(values[place]),
            Values::Bool(values) => models::Value::Bool(values[place]),
            Values::Text(values) => models::Value::Text(&values[place]),
            Values::None => models::Value::Number(f64::NAN),
        };
        Reading { property: &self.property, value, quality: self.qualities[place] }
    }
}

/// The same quality in the words of the rules.
pub(super) fn quality(quality: Quality) -> models::Quality {
    match quality {
        Quality::Good => models::Quality::Good,
        Quality::Uncertain => models::Quality::Uncertain,
        Quality::Bad => models::Quality::Bad,
    }
}

/// A stored sample as the rules take it.
pub(super) fn reading<'a>(property: &'a str, stored: &'a Stored) -> Reading<'a> {
    let value = match &stored.sample.value {
        Value::F64(value) => models::Value::Number(*value),
        Value::I64(value) => models::Value::Number(*value as f64),
        Value::Bool(value) => models::Value::Bool(*value),
        Value::Str(value) => models::Value::Text(value),
    };
    Reading { property, value, quality: quality(stored.sample.quality) }
}

/// When a rule would have raised and returned in a window: its transitions over recorded history.
///
/// # Errors
/// As [`History::read`].
pub fn preview(
    store: &dyn TelemetryStore,
    asset: AssetId,
    rule: Arc<Rule>,
    lookback: kernel::Duration,
    window: Window,
) -> Result<(Vec<Transition>, usize)> {
    let from = window.from - lookback;
    let history = History::read(store, asset, rule.properties(), Window { from, to: window.to })?;
    let mut state = RuleState::new(rule.clone(), from);
    let mut transitions = Vec::new();
    history.replay(|at, readings| state.feed(at, readings, &mut transitions));
    state.tick(window.to, &mut transitions);
    transitions.retain(|transition| window.contains(transition.at));
    Ok((transitions, history.samples()))
}
