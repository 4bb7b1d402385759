//! Reading rows inside a transaction or outside of one, with the same functions.

use std::future::Future;

use appkit::{Db, Row, Tx, db::Value};
use kernel::{Currency, Decimal, Money, Quantity, Result, Unit, Window};

/// Something that answers queries: a [`Tx`] sees its own changes, a `&Db` what was last committed.
pub trait Source: Send {
    /// All rows.
    fn rows(&mut self, sql: &str, params: Vec<Value>) -> impl Future<Output = Result<Vec<Row>>> + Send;
    /// At most one row.
    fn one(&mut self, sql: &str, params: Vec<Value>) -> impl Future<Output = Result<Option<Row>>> + Send;
}

impl Source for Tx {
    async fn rows(&mut self, sql: &str, params: Vec<Value>) -> Result<Vec<Row>> {
        Tx::rows(self, sql, params).await
    }
    async fn one(&mut self, sql: &str, params: Vec<Value>) -> Result<Option<Row>> {
        Tx::one(self, sql, params).await
    }
}

impl Source for &Db {
    async fn rows(&mut self, sql: &str, params: Vec<Value>) -> Result<Vec<Row>> {
        Db::rows(self, sql, params).await
    }
    async fn one(&mut self, sql: &str, params: Vec<Value>) -> Result<Option<Row>> {
        Db::one(self, sql, params).await
    }
}

/// Columns that hold the kernel's exact types.
pub(crate) trait Columns {
    fn money(&self, minor: &str) -> Result<Money>;
    fn quantity(&self, value: &str, unit: &str) -> Result<Quantity>;
    fn opt_quantity(&self, value: &str, unit: &str) -> Result<Option<Quantity>>;
    fn window(&self) -> Result<Window>;
}

impl Columns for Row {
    fn money(&self, minor: &str) -> Result<Money> {
        Ok(Money::from_minor(self.get(minor)?, self.parse::<Currency>("currency")?))
    }
    fn quantity(&self, value: &str, unit: &str) -> Result<Quantity> {
        Ok(Quantity::new(self.decimal(value)?, self.parse::<Unit>(unit)?))
    }
    fn opt_quantity(&self, value: &str, unit: &str) -> Result<Option<Quantity>> {
        match self.get::<Option<String>>(value)? {
            None => Ok(None),
            Some(_) => self.quantity(value, unit).map(Some),
        }
    }
    fn window(&self) -> Result<Window> {
        Ok(Window { from: self.time("window_from")?, to: self.time("window_to")? })
    }
}

/// JSON text for a column.
pub(crate) fn json<T: serde::Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|error| kernel::Error::internal("record.row.unwritable", "a record cannot be written").because(error))
}

/// Value and unit of a quantity that may be absent, for two columns.
pub(crate) fn parts(quantity: Option<Quantity>) -> (Option<Decimal>, Option<String>) {
    (quantity.map(|q| q.value), quantity.map(|q| q.unit.code().to_owned()))
}
