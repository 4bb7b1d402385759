use serde::{Deserialize, Serialize};

/// A value as it arrives from a machine.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Value<'a> {
    /// A number in the property's unit. Anything not finite counts as unusable.
    Number(f64),
    /// True or false.
    Bool(bool),
    /// Text.
    Text(&'a str),
}

/// How far a value can be trusted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quality {
    /// As measured.
    #[default]
    Good,
    /// Doubtful, and used all the same.
    Uncertain,
    /// Not usable: the property is unknown until the next usable value.
    Bad,
}

/// One value of one property, measured at a moment that the caller says for all values of one message.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Reading<'a> {
    /// The property id.
    pub property: &'a str,
    /// What was measured.
    pub value: Value<'a>,
    /// How far to trust it.
    pub quality: Quality,
}

impl<'a> Reading<'a> {
    /// A good number.
    pub fn number(property: &'a str, value: f64) -> Self {
        Self { property, value: Value::Number(value), quality: Quality::Good }
    }

    /// A good truth value.
    pub fn bool(property: &'a str, value: bool) -> Self {
        Self { property, value: Value::Bool(value), quality: Quality::Good }
    }

    /// A good text.
    pub fn text(property: &'a str, value: &'a str) -> Self {
        Self { property, value: Value::Text(value), quality: Quality::Good }
    }
}

/// What became of a reading.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It is the property's newest value.
    Applied,
    /// It is the newest, but of bad quality, not finite or of another type: the property is now unknown.
    Unusable,
    /// Older than the newest value of the property: counted, otherwise ignored.
    Late,
    /// Nobody asked for the property.
    Ignored,
}

/// What can be said of a condition.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Truth {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// A value it needs is missing.
    Unknown,
}

impl Truth {
    pub(crate) fn of(cell: f64) -> Self {
        if cell.is_nan() {
            Truth::Unknown
        } else if cell == 0.0 {
            Truth::False
        } else {
            Truth::True
        }
    }
}
