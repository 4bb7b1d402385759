//! Thing models (物模型): what a kind of machine measures, does and says.
//!
//! The document is JetLinks device metadata and stays as it was written: unknown fields survive import and export. The typed
//! view beside it is derived, never edited. A version never changes; a change makes a new version.
//!
//! *Guarantees*: ids are unique within their list; a property that carries a unit is a number; `min ≤ max`; between two versions of a
//! model, a property id keeps its type and unit, so that its history stays readable.

mod import;
mod property;
mod thing_model;
mod units;

pub use import::{DOCUMENT_BYTES_MAX, Imported};
pub use property::{Access, DataType, EnumItem, Property};
pub use thing_model::ThingModel;
pub use units::{jetlinks_unit, unit_named};

#[cfg(test)]
mod tests;
