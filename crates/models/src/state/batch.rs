use kernel::{Error, Result, Timestamp, Window};

use super::{
    rule::{StateRule, StateSpan},
    timeline::Core,
};
use crate::value::{Outcome, Quality, Value};

/// The values of a column of history.
#[derive(Clone, Copy, Debug)]
pub enum ColumnValues<'a> {
    /// Numbers in the property's unit.
    Number(&'a [f64]),
    /// Truth values.
    Bool(&'a [bool]),
    /// Texts.
    Text(&'a [&'a str]),
}

impl<'a> ColumnValues<'a> {
    fn len(&self) -> usize {
        match self {
            ColumnValues::Number(values) => values.len(),
            ColumnValues::Bool(values) => values.len(),
            ColumnValues::Text(values) => values.len(),
        }
    }

    fn get(&self, i: usize) -> Value<'a> {
        match self {
            ColumnValues::Number(values) => Value::Number(values[i]),
            ColumnValues::Bool(values) => Value::Bool(values[i]),
            ColumnValues::Text(values) => Value::Text(values[i]),
        }
    }
}

/// The history of one property, in order of time.
#[derive(Clone, Copy, Debug)]
pub struct Column<'a> {
    /// The property id.
    pub property: &'a str,
    /// When each value was measured.
    pub times: &'a [Timestamp],
    /// The values.
    pub values: ColumnValues<'a>,
    /// Their qualities; none when all are good.
    pub qualities: Option<&'a [Quality]>,
}

struct Cursor<'a> {
    column: Column<'a>,
    slot: u16,
    at: usize,
}

impl Cursor<'_> {
    fn time(&self) -> Option<Timestamp> {
        self.column.times.get(self.at).copied()
    }
}

impl StateRule {
    /// The spans of a window, from history. Values before the window tell the state at its beginning, values after it are left
    /// alone; times of one column never decrease.
    ///
    /// Guarantees: the same spans that [`super::StateTimeline`] gives when it starts at the window's beginning, is fed the same
    /// values in order of time and finished at the window's end.
    pub fn spans(&self, window: Window, columns: &[Column<'_>]) -> Result<Vec<StateSpan>> {
        let mut cursors = Vec::with_capacity(columns.len());
        for column in columns {
            if let Some(slot) = check(self, column)? {
                cursors.push(Cursor { column: *column, slot, at: 0 });
            }
        }
        let (mut core, mut spans) = (Core::new(self, window.from), Vec::new());
        // A handful of columns: looking at every head is faster than keeping a heap of them.
        while let Some(time) = cursors.iter().filter_map(Cursor::time).min().filter(|time| *time < window.to) {
            let at = time.micros();
            core.advance_before(self, at, &mut spans);
            let mut news = false;
            for cursor in &mut cursors {
                while cursor.time() == Some(time) {
                    let quality = cursor.column.qualities.map_or(Quality::Good, |qualities| qualities[cursor.at]);
                    let value = cursor.column.values.get(cursor.at);
                    news |= core.frame.apply(&self.layout, cursor.slot, at, value, quality) != Outcome::Late;
                    cursor.at += 1;
                }
            }
            if news {
                core.evaluate(self, at, &mut spans);
            }
        }
        core.finish(self, window.to.micros(), &mut spans);
        Ok(spans)
    }
}

/// The slot a column goes to; none when the rule does not need it.
fn check(rule: &StateRule, column: &Column<'_>) -> Result<Option<u16>> {
    let lengths = (column.times.len(), column.values.len(), column.qualities.map_or(column.times.len(), <[_]>::len));
    if lengths.0 != lengths.1 || lengths.0 != lengths.2 {
        let message = format!(
            "column {:?} has {} times, {} values, {} qualities",
            column.property, lengths.0, lengths.1, lengths.2
        );
        return Err(Error::invalid("models.column.length", message));
    }
    if !column.times.is_sorted() {
        return Err(Error::invalid(
            "models.column.order",
            format!("column {:?} is not in order of time", column.property),
        )
        .hint("sort it by source time, then sequence"));
    }
    Ok(rule.layout.slot(column.property))
}
