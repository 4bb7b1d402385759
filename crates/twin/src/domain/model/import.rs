//! JetLinks device metadata → typed view. Collects every problem before it refuses.

use std::{collections::HashSet, sync::Arc};

use kernel::{Duration, Error, Result, Unit};
use serde_json::{Map, Value, json};

use super::{
    Access, DataType, EnumItem, Property, ThingModel,
    property::STALE_AFTER_DEFAULT,
    units::{jetlinks_unit, unit_named},
};
use crate::domain::naming::{NAME_MAX, Problems, is_property_id};

/// Largest document, as JSON text.
pub const DOCUMENT_BYTES_MAX: usize = 1024 * 1024;
const PROPERTIES_MAX: usize = 2000;
const OTHERS_MAX: usize = 500;
const ENUM_ITEMS_MAX: usize = 500;
const STALE_AFTER_MAX_S: u64 = 31 * 86_400;

/// What came out of a document.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// The model.
    pub model: ThingModel,
    /// What was accepted although it says less than it could: units without a Rec 20 code, types without a series.
    pub warnings: Vec<String>,
}

pub(super) fn read(document: &Value) -> Result<Imported> {
    let Value::Object(source) = document else {
        return Err(malformed("a thing model is a JSON object with properties, functions, events and tags"));
    };
    if document.to_string().len() > DOCUMENT_BYTES_MAX {
        return Err(Error::too_large("twin.thing-model.too-large", "the document is larger than 1 MiB")
            .hint("split the machine into several assets with a model each"));
    }
    let mut reader = Reader::default();
    let mut normal = source.clone();

    let mut properties = Vec::new();
    for (index, item) in reader.list(&mut normal, "properties", PROPERTIES_MAX) {
        let pointer = format!("/properties/{index}");
        if let Some(property) = reader.property(&pointer, item) {
            properties.push(property);
        }
    }
    let mut ids = |reader: &mut Reader, name: &str| -> Vec<Arc<str>> {
        let mut seen = HashSet::new();
        let items: Vec<_> = reader.list(&mut normal, name, OTHERS_MAX).map(|(i, item)| (i, item.clone())).collect();
        items.iter().filter_map(|(index, item)| reader.identity(&format!("/{name}/{index}"), item, &mut seen)).collect()
    };
    let events = ids(&mut reader, "events");
    let functions = ids(&mut reader, "functions");
    let tags = ids(&mut reader, "tags");
    if properties.is_empty() && reader.problems.is_empty() {
        reader.problems.add("/properties", "at least one property is needed");
    }
    reader.problems.refuse(
        "twin.thing-model.malformed",
        "the thing model cannot be read",
        "every field that is wrong is listed with its place; correct the document and import it again",
    )?;
    let model = ThingModel { document: Value::Object(normal), properties, events, functions, tags };
    Ok(Imported { model, warnings: reader.warnings })
}

fn malformed(message: &'static str) -> Error {
    Error::invalid("twin.thing-model.malformed", message).hint("export a model to see the form")
}

#[derive(Default)]
struct Reader {
    problems: Problems,
    warnings: Vec<String>,
    property_ids: HashSet<String>,
}

impl Reader {
    /// The items of one list, absent counting as empty.
    fn list<'a>(
        &mut self,
        document: &'a mut Map<String, Value>,
        name: &str,
        max: usize,
    ) -> impl Iterator<Item = (usize, &'a mut Value)> + use<'a> {
        let items: &'a mut [Value] = match document.get_mut(name) {
            None | Some(Value::Null) => &mut [],
            Some(Value::Array(items)) if items.len() <= max => items,
            Some(Value::Array(_)) => {
                self.problems.add(format!("/{name}"), format!("at most {max} of them"));
                &mut []
            }
            Some(_) => {
                self.problems.add(format!("/{name}"), "a list is needed");
                &mut []
            }
        };
        items.iter_mut().enumerate()
    }

    /// Checks id and name of anything, and that the id is new.
    fn identity(&mut self, pointer: &str, item: &Value, seen: &mut HashSet<String>) -> Option<Arc<str>> {
        if !item.is_object() {
            self.problems.add(pointer, "an object is needed");
            return None;
        }
        match item.get("name") {
            None | Some(Value::Null) => {}
            Some(Value::String(name)) if name.chars().count() <= NAME_MAX => {}
            Some(_) => self
                .problems
                .add(format!("{pointer}/name"), format!("a text of at most {NAME_MAX} characters is needed")),
        }
        let id = item.get("id").and_then(Value::as_str).unwrap_or("");
        if !is_property_id(id) {
            self.problems.add(format!("{pointer}/id"), "an id is 1 to 64 letters, digits and underscores");
            return None;
        }
        if !seen.insert(id.to_owned()) {
            self.problems.add(format!("{pointer}/id"), format!("the id {id} stands here twice"));
            return None;
        }
        Some(id.into())
    }

    fn property(&mut self, pointer: &str, item: &mut Value) -> Option<Property> {
        let mut seen = std::mem::take(&mut self.property_ids);
        let id = self.identity(pointer, item, &mut seen);
        self.property_ids = seen;
        let id = id?;
        let data_type = self.data_type(pointer, item.get("valueType"))?;
        let unit = self.unit(pointer, &id, item, &data_type);
        let limits = |bound: &str| [format!("/valueType/{bound}"), format!("/expands/{bound}")];
        let [min, max] = ["min", "max"].map(|bound| {
            limits(bound).iter().find_map(|place| match item.pointer(place) {
                None | Some(Value::Null) => None,
                Some(value) => Some((place.clone(), number(value))),
            })
        });
        let mut bound = |found: Option<(String, Option<f64>)>| match found {
            Some((place, None)) => {
                self.problems.add(format!("{pointer}{place}"), "a finite number is needed");
                None
            }
            Some((_, value)) => value,
            None => None,
        };
        let (min, max) = (bound(min), bound(max));
        if let (Some(min), Some(max)) = (min, max)
            && min > max
        {
            self.problems.add(format!("{pointer}/valueType/min"), "the smallest value is above the largest");
        }
        let counter = self.flag(pointer, item, "counter");
        if counter && !data_type.is_number() {
            self.problems.add(format!("{pointer}/expands/counter"), "only a number can be a counter");
        }
        let deadband =
            item.pointer("/expands/deadband").filter(|value| !value.is_null()).and_then(|value| match number(value) {
                Some(value) if value >= 0.0 => Some(value),
                _ => {
                    self.problems.add(format!("{pointer}/expands/deadband"), "a number that is not negative is needed");
                    None
                }
            });
        if let DataType::Other(kind) = &data_type {
            self.warnings.push(format!("{id}: values of type {kind} are not recorded"));
        }
        let name_zh =
            item.get("name").and_then(Value::as_str).filter(|name| !name.is_empty()).unwrap_or(&id).to_owned();
        let name_en = item.pointer("/expands/nameEn").and_then(Value::as_str).unwrap_or(&name_zh).to_owned();
        let stale_after = self.stale_after(pointer, item);
        Some(Property {
            access: access(item),
            id,
            name_zh,
            name_en,
            data_type,
            unit,
            min,
            max,
            counter,
            deadband,
            stale_after,
        })
    }

    fn data_type(&mut self, pointer: &str, value_type: Option<&Value>) -> Option<DataType> {
        let name = value_type.and_then(|value| value.get("type")).and_then(Value::as_str).unwrap_or("");
        Some(match name {
            "int" | "short" | "byte" => DataType::Int,
            "long" => DataType::Long,
            "float" => DataType::Float,
            "double" => DataType::Double,
            "boolean" => DataType::Boolean,
            "string" => DataType::Text,
            "enum" => DataType::Enum(self.enum_items(pointer, value_type?)),
            "date" => DataType::Date,
            "array" | "object" | "file" | "password" | "geoPoint" | "geoShape" | "user" => DataType::Other(name.into()),
            _ => {
                let known =
                    "int, long, float, double, boolean, string, enum, date, array, object, file, password, geoPoint";
                self.problems.add(format!("{pointer}/valueType/type"), format!("{name:?} is not one of {known}"));
                return None;
            }
        })
    }

    fn enum_items(&mut self, pointer: &str, value_type: &Value) -> Vec<EnumItem> {
        let text = |item: &Value, key: &str| match item.get(key) {
            Some(Value::String(text)) => Some(text.clone()),
            Some(Value::Number(number)) => Some(number.to_string()),
            _ => None,
        };
        let elements = value_type.get("elements").and_then(Value::as_array).map_or(&[][..], |items| items);
        if elements.is_empty() || elements.len() > ENUM_ITEMS_MAX {
            self.problems
                .add(format!("{pointer}/valueType/elements"), format!("1 to {ENUM_ITEMS_MAX} values are needed"));
            return Vec::new();
        }
        let mut items = Vec::with_capacity(elements.len());
        for (index, element) in elements.iter().enumerate() {
            match text(element, "value") {
                Some(value) if !items.iter().any(|item: &EnumItem| item.value == value) => {
                    items.push(EnumItem { text: text(element, "text").unwrap_or_else(|| value.clone()), value });
                }
                _ => {
                    self.problems
                        .add(format!("{pointer}/valueType/elements/{index}/value"), "a value of its own is needed");
                }
            }
        }
        items
    }

    /// `expands.rec20` decides; otherwise the JetLinks unit id or symbol, and then its code is written into `expands.rec20`.
    fn unit(&mut self, pointer: &str, id: &str, item: &mut Value, data_type: &DataType) -> Option<Unit> {
        let text = |value: Option<&Value>| match value {
            // JetLinks writes either the unit's id or the whole unit as an object.
            Some(Value::String(text)) => Some(text.clone()),
            Some(Value::Object(unit)) => unit.get("id").and_then(Value::as_str).map(str::to_owned),
            _ => None,
        };
        let code = text(item.pointer("/expands/rec20")).filter(|code| !code.is_empty());
        let named = text(item.pointer("/valueType/unit")).filter(|name| !name.is_empty());
        if !data_type.is_number() {
            if code.is_some() {
                self.problems.add(format!("{pointer}/expands/rec20"), "only a number has a unit");
            }
            return None;
        }
        if let Some(code) = code {
            let Ok(unit) = Unit::of(&code) else {
                self.problems
                    .add(format!("{pointer}/expands/rec20"), format!("{code:?} is not a known UN/ECE Rec 20 code"));
                return None;
            };
            if let Some(named) = named.as_deref().and_then(jetlinks_unit)
                && named != unit
            {
                self.problems.add(
                    format!("{pointer}/valueType/unit"),
                    format!("this unit is {}, but expands.rec20 says {}", named.code(), unit.code()),
                );
            }
            return Some(unit);
        }
        let named = named?;
        let Some(unit) = unit_named(&named) else {
            self.warnings.push(format!(
                "{id}: the unit {named:?} has no known Rec 20 code, so the numbers count as dimensionless"
            ));
            return None;
        };
        if let Some(item) = item.as_object_mut() {
            match item.entry("expands").or_insert_with(|| json!({})) {
                Value::Object(expands) => {
                    expands.insert("rec20".into(), unit.code().into());
                }
                other => *other = json!({ "rec20": unit.code() }),
            }
        }
        Some(unit)
    }

    fn flag(&mut self, pointer: &str, item: &Value, name: &str) -> bool {
        match item.pointer(&format!("/expands/{name}")) {
            None | Some(Value::Null) => false,
            Some(Value::Bool(flag)) => *flag,
            Some(Value::String(text)) if text == "true" || text == "false" => text == "true",
            Some(_) => {
                self.problems.add(format!("{pointer}/expands/{name}"), "true or false is needed");
                false
            }
        }
    }

    fn stale_after(&mut self, pointer: &str, item: &Value) -> Duration {
        match item.pointer("/expands/staleAfterS") {
            None | Some(Value::Null) => STALE_AFTER_DEFAULT,
            Some(value) => match value.as_u64().filter(|seconds| (1..=STALE_AFTER_MAX_S).contains(seconds)) {
                Some(seconds) => Duration::from_secs(seconds as i64),
                None => {
                    let message = format!("a whole number of seconds from 1 to {STALE_AFTER_MAX_S} is needed");
                    self.problems.add(format!("{pointer}/expands/staleAfterS"), message);
                    STALE_AFTER_DEFAULT
                }
            },
        }
    }
}

fn access(item: &Value) -> Access {
    let Some(Value::Array(kinds)) = item.pointer("/expands/type") else { return Access { read: true, write: false } };
    let has = |name: &str| kinds.iter().any(|kind| kind.as_str() == Some(name));
    Access { read: has("read") || has("report"), write: has("write") }
}

/// A finite number, also when it was written as text.
fn number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.filter(|number| number.is_finite())
}
