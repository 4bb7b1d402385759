use kernel::{Decimal, Error, Id, Result, Timestamp, id::Kind};
use sea_orm::{QueryResult, TryGetable};
use serde::de::DeserializeOwned;

/// One row of an answer. A value that cannot be read is an error that names the column, not a default.
pub struct Row(pub(super) QueryResult);

impl Row {
    /// A column of a plain type: `String`, `i64`, `f64`, `Vec<u8>`, or an `Option` of one.
    pub fn get<T: TryGetable>(&self, column: &str) -> Result<T> {
        self.0.try_get("", column).map_err(|error| damaged(column, error))
    }

    /// An id column.
    pub fn id<K: Kind>(&self, column: &str) -> Result<Id<K>> {
        self.get::<String>(column)?.parse().map_err(|error| damaged(column, error))
    }

    /// An id column that may be NULL.
    pub fn opt_id<K: Kind>(&self, column: &str) -> Result<Option<Id<K>>> {
        self.get::<Option<String>>(column)?.map(|text| text.parse().map_err(|error| damaged(column, error))).transpose()
    }

    /// A time column.
    pub fn time(&self, column: &str) -> Result<Timestamp> {
        self.get::<i64>(column).map(Timestamp::from_micros)
    }

    /// A time column that may be NULL.
    pub fn opt_time(&self, column: &str) -> Result<Option<Timestamp>> {
        Ok(self.get::<Option<i64>>(column)?.map(Timestamp::from_micros))
    }

    /// A decimal column.
    pub fn decimal(&self, column: &str) -> Result<Decimal> {
        self.get::<String>(column)?.parse().map_err(|error| damaged(column, error))
    }

    /// A 0/1 column.
    pub fn bool(&self, column: &str) -> Result<bool> {
        Ok(self.get::<i64>(column)? != 0)
    }

    /// A JSON text column.
    pub fn json<T: DeserializeOwned>(&self, column: &str) -> Result<T> {
        serde_json::from_str(&self.get::<String>(column)?).map_err(|error| damaged(column, error))
    }

    /// A text column that is the name of something: parsed by `FromStr`.
    pub fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(&self, column: &str) -> Result<T> {
        self.get::<String>(column)?.parse().map_err(|error: T::Err| damaged(column, error))
    }
}

fn damaged(column: &str, error: impl std::fmt::Display) -> Error {
    Error::corrupt("appkit.row.damaged", format!("the stored column {column} cannot be read"))
        .hint("run `baigong verify` on the data directory")
        .because(error)
}
