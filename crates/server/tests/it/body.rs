//! A body that a route can read, made from its schema in the API document, with real ids wherever a field means one.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// The body of `POST /path`: none when the route takes none.
pub fn body(document: &Value, method: &str, path: &str, ids: &BTreeMap<String, String>) -> Option<Value> {
    let operation = &document["paths"][path][method.to_lowercase()];
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    if schema.is_null() { None } else { Some(instance(document, schema, "", ids, 0)) }
}

/// Which list holds what a field of this name means.
fn list_of(field: &str) -> Option<&'static str> {
    let field = field.strip_suffix('s').unwrap_or(field);
    Some(match field {
        "asset" | "machine" | "subject" | "parent" => "machines",
        "capability" | "capabilitie" => "sharing/capabilities",
        "booking" => "sharing/bookings",
        "agreement" => "agreements",
        "commitment" => "commitments",
        "meter" => "meters",
        "reading" => "readings",
        "claim" => "claims",
        "invoice" => "invoices",
        "account" => "accounts",
        "item" => "items",
        "resource" => "resources",
        "event" => "events",
        "case" => "cases",
        "thing_model" | "model" => "thing-models",
        "device" => "devices",
        "offer" => "offers",
        "party" | "partie" | "receiver" | "provider" | "counterparty" | "respondent" | "grantee" | "against" => {
            "parties"
        }
        _ => return None,
    })
}

fn instance(document: &Value, schema: &Value, field: &str, ids: &BTreeMap<String, String>, depth: usize) -> Value {
    if depth > 12 {
        return Value::Null;
    }
    let deeper = |schema: &Value, field: &str| instance(document, schema, field, ids, depth + 1);
    if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
        return deeper(&document["components"]["schemas"][name], field);
    }
    if let Some(example) = schema.get("example") {
        return example.clone();
    }
    for kind in ["oneOf", "anyOf"] {
        let mut choices = schema[kind].as_array().into_iter().flatten();
        if let Some(choice) = choices.find(|choice| choice["type"] != "null") {
            return deeper(choice, field);
        }
    }
    if let Some(parts) = schema["allOf"].as_array() {
        let mut whole = Map::new();
        for part in parts {
            if let Value::Object(fields) = deeper(part, field) {
                whole.extend(fields);
            }
        }
        return Value::Object(whole);
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"].as_array()?.iter().find_map(Value::as_str));
    match kind {
        _ if schema["enum"].is_array() => schema["enum"][0].clone(),
        Some("array") => json!([deeper(&schema["items"], field)]),
        Some("integer") => schema.get("minimum").filter(|least| **least != json!(0)).cloned().unwrap_or(json!(1)),
        Some("number") => json!(1.0),
        Some("boolean") => json!(true),
        Some("string") => match list_of(field).and_then(|list| ids.get(&format!("/api/v1/{list}"))) {
            Some(id) => json!(id),
            None if schema["format"] == "date-time" || ["from", "to", "at"].contains(&field) => {
                json!(if field == "from" { "2026-01-05T04:00:00Z" } else { "2026-01-05T06:00:00Z" })
            }
            None if field == "unit" => json!("HUR"),
            None if field == "currency" => json!("CNY"),
            None if ["amount", "quantity", "value", "unit_price"].contains(&field) => json!("1.00"),
            None => json!("x1"),
        },
        // Every optional field that means an object is given too: that is what could be pried open.
        _ => {
            let required: Vec<&str> =
                schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let fields = schema["properties"].as_object().into_iter().flatten();
            let wanted = fields.filter(|(name, _)| required.contains(&name.as_str()) || list_of(name).is_some());
            Value::Object(wanted.map(|(name, part)| (name.clone(), deeper(part, name))).collect())
        }
    }
}
