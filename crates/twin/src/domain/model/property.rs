use std::sync::Arc;

use contracts::{telemetry::ValueType, twin::PropertyFacts};
use kernel::{Duration, Unit};

/// One measured or set quantity of a machine.
#[derive(Debug, Clone, PartialEq)]
pub struct Property {
    /// Its id, `[a-zA-Z0-9_]{1,64}`.
    pub id: Arc<str>,
    /// Name in Chinese.
    pub name_zh: String,
    /// Name in English.
    pub name_en: String,
    /// Its type.
    pub data_type: DataType,
    /// Its unit; only numbers have one.
    pub unit: Option<Unit>,
    /// Smallest sensible value; smaller ones are quarantined.
    pub min: Option<f64>,
    /// Largest sensible value; larger ones are quarantined.
    pub max: Option<f64>,
    /// Who may read and write it.
    pub access: Access,
    /// True when it only counts up, until it rolls over or is reset.
    pub counter: bool,
    /// Changes smaller than this are noise, in the property's unit.
    pub deadband: Option<f64>,
    /// After this long without a value the newest one is stale.
    pub stale_after: Duration,
}

/// How long a value stays fresh when the model does not say.
pub const STALE_AFTER_DEFAULT: Duration = Duration::from_mins(5);

impl Property {
    /// As rooms see it; none when it has no series.
    pub fn facts(&self) -> Option<PropertyFacts> {
        Some(PropertyFacts {
            id: self.id.clone(),
            name_zh: self.name_zh.clone(),
            name_en: self.name_en.clone(),
            value_type: self.data_type.value_type()?,
            unit: self.unit,
            counter: self.counter,
        })
    }
}

/// The types of a thing model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataType {
    /// 32-bit integer.
    Int,
    /// 64-bit integer.
    Long,
    /// Single precision; stored as double.
    Float,
    /// Double precision.
    Double,
    /// True or false.
    Boolean,
    /// Text.
    Text,
    /// One of a list of texts.
    Enum(Vec<EnumItem>),
    /// A moment, in milliseconds since 1970.
    Date,
    /// A structured type (`array`, `object`, `file`, …): kept in the document, without a series.
    Other(Arc<str>),
}

/// One value of an enumeration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnumItem {
    /// As sent.
    pub value: String,
    /// As shown.
    pub text: String,
}

impl DataType {
    /// The type of its series; none when it has no series.
    pub fn value_type(&self) -> Option<ValueType> {
        match self {
            DataType::Int | DataType::Long | DataType::Date => Some(ValueType::I64),
            DataType::Float | DataType::Double => Some(ValueType::F64),
            DataType::Boolean => Some(ValueType::Bool),
            DataType::Text | DataType::Enum(_) => Some(ValueType::Str),
            DataType::Other(_) => None,
        }
    }

    /// Whether it is a number that can have a unit.
    pub fn is_number(&self) -> bool {
        matches!(self, DataType::Int | DataType::Long | DataType::Float | DataType::Double)
    }
}

/// Who may do what with a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// It can be read or reported.
    pub read: bool,
    /// It can be set.
    pub write: bool,
}
