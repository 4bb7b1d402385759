//! SQL of the twin's own tables, and the rows behind its nouns.

pub mod alarm;
pub mod alarm_rule;
pub mod checkpoint;
pub mod device;
pub mod model;
pub mod node;
pub mod quarantine;
pub mod span;

use appkit::Host;
use kernel::{Error, Result};
use serde::Serialize;

use crate::registry::Everything;

/// Reads what the registry holds.
pub async fn everything(host: &Host) -> Result<Everything> {
    Ok(Everything {
        models: model::all(host).await?,
        nodes: node::all(host).await?,
        devices: device::all(host).await?,
        rules: alarm_rule::all(host).await?,
    })
}

/// JSON text of something of our own.
fn json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|error| Error::internal("twin.store.unwritable", "a record cannot be written as JSON").because(error))
}

fn json_opt<T: Serialize>(value: Option<&T>) -> Result<Option<String>> {
    value.map(json).transpose()
}

/// A JSON text column that may be NULL.
fn json_column<T: serde::de::DeserializeOwned>(row: &appkit::Row, column: &str) -> Result<Option<T>> {
    match row.get::<Option<String>>(column)? {
        None => Ok(None),
        Some(_) => row.json(column).map(Some),
    }
}
