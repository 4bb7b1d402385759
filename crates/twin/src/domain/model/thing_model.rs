use std::sync::Arc;

use contracts::twin::PropertyFacts;
use kernel::{Error, Result};
use serde_json::Value;

use super::{
    import::{self, Imported},
    property::{DataType, Property},
};

/// One version of a thing model.
#[derive(Debug, Clone, PartialEq)]
pub struct ThingModel {
    /// The document, normalised: every recognised unit also stands in `expands.rec20`.
    pub document: Value,
    /// What it measures, in the document's order.
    pub properties: Vec<Property>,
    /// Ids of the events it can send.
    pub events: Vec<Arc<str>>,
    /// Ids of the functions it can do.
    pub functions: Vec<Arc<str>>,
    /// Ids of the tags it carries.
    pub tags: Vec<Arc<str>>,
}

impl ThingModel {
    /// Reads a JetLinks document.
    ///
    /// # Errors
    /// `twin.thing-model.malformed` with a pointer to every field that is wrong.
    pub fn import(document: &Value) -> Result<Imported> {
        import::read(document)
    }

    /// The document, as other platforms read it.
    pub fn export(&self) -> &Value {
        &self.document
    }

    /// A property by id.
    pub fn property(&self, id: &str) -> Option<&Property> {
        self.properties.iter().find(|property| &*property.id == id)
    }

    /// The properties that have a series, as rooms see them.
    pub fn facts(&self) -> Vec<PropertyFacts> {
        self.properties.iter().filter_map(Property::facts).collect()
    }

    /// The properties as the expressions of rules see them.
    pub fn symbols(&self) -> models::Symbols {
        self.properties.iter().fold(models::Symbols::new(), |symbols, property| match &property.data_type {
            DataType::Int | DataType::Long | DataType::Float | DataType::Double => {
                symbols.number(&property.id, property.unit)
            }
            DataType::Boolean => symbols.bool(&property.id),
            DataType::Text | DataType::Enum(_) => symbols.text(&property.id),
            DataType::Date | DataType::Other(_) => symbols,
        })
    }

    /// Refuses a successor that gives an existing property id another type or unit: its recorded history would change its meaning.
    ///
    /// # Errors
    /// `twin.thing-model.property-changed` naming the properties.
    pub fn successor_check(&self, next: &ThingModel) -> Result<()> {
        let mut fields = Vec::new();
        for (index, new) in next.properties.iter().enumerate() {
            let Some(old) = self.property(&new.id) else { continue };
            if old.data_type.value_type() != new.data_type.value_type() {
                fields.push((
                    format!("/properties/{index}/valueType/type"),
                    format!("{} had another type before", new.id),
                ));
            }
            if old.unit != new.unit {
                let code = |unit: Option<kernel::Unit>| unit.map_or("no unit", |unit| unit.code());
                fields.push((
                    format!("/properties/{index}/valueType/unit"),
                    format!("{} was in {} before and is in {} now", new.id, code(old.unit), code(new.unit)),
                ));
            }
        }
        if fields.is_empty() {
            return Ok(());
        }
        let mut error = Error::unprocessable(
            "twin.thing-model.property-changed",
            "a property keeps its type and unit through all versions of a model",
        )
        .hint("give the changed property a new id, so that recorded history stays readable");
        for (pointer, message) in fields {
            error = error.field(pointer, message);
        }
        Err(error)
    }
}
