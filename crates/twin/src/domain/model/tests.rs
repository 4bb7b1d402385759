use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn sample() -> Value {
    json!({
        "properties": [
            { "id": "spindle_speed", "name": "主轴转速", "sortsIndex": 3,
              "valueType": { "type": "double", "scale": 1, "unit": "turnPerSeconds", "min": 0, "max": "24000", "round": "HALF_UP" },
              "expands": { "source": "device", "type": ["read", "report"], "nameEn": "Spindle speed", "groupId": "g1", "deadband": 5 } },
            { "id": "parts", "name": "加工件数", "valueType": { "type": "long", "unit": "count" },
              "expands": { "counter": true, "type": ["read"] } },
            { "id": "mode", "name": "模式",
              "valueType": { "type": "enum", "elements": [{ "value": "auto", "text": "自动" }, { "value": "manual", "text": "手动" }] },
              "expands": { "type": ["read", "write"] } },
            { "id": "hydraulic", "name": "油压", "valueType": { "type": "float", "unit": "custom-psi-thing" } },
            { "id": "door", "name": "门", "valueType": { "type": "boolean", "trueText": "开" } },
            { "id": "blob", "name": "附件", "valueType": { "type": "object", "properties": [] } }
        ],
        "functions": [{ "id": "reset", "name": "复位", "async": true, "inputs": [], "expands": { "x": 1 } }],
        "events": [{ "id": "tool_broken", "name": "断刀", "valueType": { "type": "object" }, "expands": { "level": "urgent" } }],
        "tags": [{ "id": "workshop", "name": "车间", "valueType": { "type": "string" } }],
        "vendorSpecific": { "kept": [1, 2, 3] }
    })
}

#[test]
fn a_jetlinks_document_is_understood() {
    let Imported { model, warnings } = ThingModel::import(&sample()).unwrap();
    let speed = model.property("spindle_speed").unwrap();
    assert_eq!((speed.name_zh.as_str(), speed.name_en.as_str()), ("主轴转速", "Spindle speed"));
    assert_eq!(
        (speed.unit.unwrap().code(), speed.min, speed.max, speed.deadband),
        ("RPM", Some(0.0), Some(24000.0), Some(5.0))
    );
    let parts = model.property("parts").unwrap();
    assert!(parts.counter && parts.unit.unwrap().code() == "C62");
    assert!(model.property("mode").unwrap().access.write && !speed.access.write);
    assert_eq!(model.facts().len(), 5, "an object has no series");
    assert_eq!((model.events.len(), model.functions.len(), model.tags.len()), (1, 1, 1));
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].contains("custom-psi-thing") && warnings[1].contains("blob"));
}

#[test]
fn export_keeps_every_unknown_field_and_imports_to_the_same() {
    let source = sample();
    let model = ThingModel::import(&source).unwrap().model;
    let mut exported = model.export().clone();
    assert_eq!(ThingModel::import(&exported).unwrap().model, model);
    // The only thing that was added is the Rec 20 code of the units that were recognised.
    for (index, code) in [(0, "RPM"), (1, "C62")] {
        let expands = exported["properties"][index]["expands"].as_object_mut().unwrap();
        assert_eq!(expands.shift_remove("rec20"), Some(json!(code)));
    }
    assert_eq!(exported, source);
    assert_eq!(exported.to_string(), source.to_string(), "and the order of fields is the writer's");
}

#[test]
fn every_wrong_field_is_named() {
    let bad = json!({
        "properties": [
            { "id": "has space", "valueType": { "type": "int" } },
            { "id": "a", "valueType": { "type": "integer" } },
            { "id": "b", "valueType": { "type": "int", "min": 5, "max": 1 } },
            { "id": "b", "valueType": { "type": "int" } },
            { "id": "c", "valueType": { "type": "string" }, "expands": { "rec20": "CEL", "counter": "yes" } },
            { "id": "d", "valueType": { "type": "double", "max": "NaN" }, "expands": { "rec20": "NOPE", "deadband": -1 } },
            { "id": "e", "valueType": { "type": "double", "unit": "celsiusDegrees" }, "expands": { "rec20": "BAR" } },
            { "id": "f", "valueType": { "type": "enum", "elements": [{ "value": "x" }, { "value": "x" }] } },
            { "id": "g", "valueType": { "type": "int" }, "expands": { "staleAfterS": 0 } },
            7
        ],
        "events": "none",
        "tags": [{ "id": "" }]
    });
    let error = ThingModel::import(&bad).unwrap_err();
    assert_eq!(error.code, "twin.thing-model.malformed");
    let pointers: Vec<_> = error.fields.iter().map(|field| field.pointer.as_str()).collect();
    assert_eq!(
        pointers,
        [
            "/properties/0/id",
            "/properties/1/valueType/type",
            "/properties/2/valueType/min",
            "/properties/3/id",
            "/properties/4/expands/rec20",
            "/properties/4/expands/counter",
            "/properties/5/expands/rec20",
            "/properties/5/valueType/max",
            "/properties/5/expands/deadband",
            "/properties/6/valueType/unit",
            "/properties/7/valueType/elements/1/value",
            "/properties/8/expands/staleAfterS",
            "/properties/9",
            "/events",
            "/tags/0/id",
        ]
    );
    assert!(ThingModel::import(&json!([])).is_err());
    assert_eq!(ThingModel::import(&json!({})).unwrap_err().fields[0].pointer, "/properties");
}

#[test]
fn a_property_keeps_its_type_and_unit_through_versions() {
    let old = ThingModel::import(&sample()).unwrap().model;
    let mut next = sample();
    next["properties"][0]["valueType"]["unit"] = json!("hertz");
    next["properties"][1]["valueType"]["type"] = json!("double");
    let error = old.successor_check(&ThingModel::import(&next).unwrap().model).unwrap_err();
    assert_eq!(error.code, "twin.thing-model.property-changed");
    assert!(error.fields.iter().any(|field| field.message.contains("RPM") && field.message.contains("HTZ")));
    assert_eq!(error.fields.len(), 2);
    let mut grown = sample();
    grown["properties"].as_array_mut().unwrap().push(json!({ "id": "new", "valueType": { "type": "int" } }));
    old.successor_check(&ThingModel::import(&grown).unwrap().model).unwrap();
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-z°℃ ]{0,6}".prop_map(Value::from),
        Just(Value::Null)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever a document carries beside what we know survives, and importing an export changes nothing.
    #[test]
    fn export_is_a_fixed_point(
        ids in proptest::collection::btree_set("[a-zA-Z0-9_]{1,12}", 1..6),
        kinds in proptest::collection::vec(0..7usize, 6),
        extra in proptest::collection::btree_map("[a-z]{1,5}x", scalar(), 0..4),
        unit in 0..4usize,
    ) {
        let kind = |i: usize| ["int", "long", "float", "double", "boolean", "string", "date"][kinds[i % kinds.len()]];
        let properties: Vec<Value> = ids.iter().enumerate().map(|(i, id)| {
            let mut property = json!({ "id": id, "valueType": { "type": kind(i) } });
            if unit > 0 { property["valueType"]["unit"] = json!(["", "celsiusDegrees", "bar", "furlong"][unit]); }
            for (key, value) in &extra { property[key] = value.clone(); property["valueType"][key] = value.clone(); }
            property
        }).collect();
        let source = json!({ "properties": properties, "extra": extra });
        let first = ThingModel::import(&source).unwrap().model;
        let again = ThingModel::import(first.export()).unwrap();
        prop_assert_eq!(&again.model, &first);
        for (was, is) in source["properties"].as_array().unwrap().iter().zip(first.export()["properties"].as_array().unwrap()) {
            for key in extra.keys() {
                prop_assert_eq!(&was[key], &is[key]);
                prop_assert_eq!(&was["valueType"][key], &is["valueType"][key]);
            }
        }
        prop_assert_eq!(&source["extra"], &first.export()["extra"]);
    }

    /// No document makes the reader panic.
    #[test]
    fn anything_is_read_or_refused(text in r#"[\[\]{}:,"a-z0-9]{0,80}"#, value in scalar()) {
        let mut document = sample();
        document["properties"][0]["valueType"] = value.clone();
        document["properties"][1]["expands"] = value;
        let _ = ThingModel::import(&document);
        if let Ok(any) = serde_json::from_str::<Value>(&text) {
            let _ = ThingModel::import(&any);
        }
    }
}
