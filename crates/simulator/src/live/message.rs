//! Rows to bytes.

use std::fmt::Write as _;

use contracts::telemetry::Value;
use kernel::Timestamp;
use serde_json::{Map, Value as Json, json};

use super::Row;

/// One row as `{ts, values}`, several as an array of those: the ThingsBoard dialect.
pub(super) fn json(rows: &[Row]) -> Vec<u8> {
    let mut sets: Vec<Json> = rows.iter().map(set).collect();
    let message = if sets.len() == 1 { sets.remove(0) } else { Json::Array(sets) };
    message.to_string().into_bytes()
}

fn set(row: &Row) -> Json {
    let values: Map<String, Json> = row.values.iter().map(|(name, value)| (name.to_string(), plain(value))).collect();
    json!({ "ts": row.at.millis(), "values": values })
}

fn plain(value: &Value) -> Json {
    match value {
        Value::Bool(v) => json!(v),
        Value::I64(v) => json!(v),
        Value::F64(v) => json!(v),
        Value::Str(v) => json!(v),
    }
}

/// A line per row in InfluxDB line protocol, times in nanoseconds.
pub(super) fn line(measurement: &str, rows: &[Row]) -> Vec<u8> {
    let mut text = String::new();
    for row in rows {
        escaped(&mut text, measurement, &[',', ' ']);
        for (index, (name, value)) in row.values.iter().enumerate() {
            text.push(if index == 0 { ' ' } else { ',' });
            escaped(&mut text, name, &[',', ' ', '=']);
            text.push('=');
            // Writing to a string cannot fail.
            let _ = match value {
                Value::Bool(v) => write!(text, "{v}"),
                Value::I64(v) => write!(text, "{v}i"),
                Value::F64(v) => write!(text, "{v}"),
                Value::Str(v) => write!(text, "\"{}\"", v.replace('\\', "\\\\").replace('"', "\\\"")),
            };
        }
        let _ = writeln!(text, " {}", row.at.micros().saturating_mul(1000));
    }
    text.into_bytes()
}

fn escaped(text: &mut String, name: &str, special: &[char]) {
    for c in name.chars() {
        if special.contains(&c) {
            text.push('\\');
        }
        text.push(c);
    }
}

/// Reads back what [`json`] wrote: time, metric, value.
pub(super) fn points(body: &[u8]) -> Option<Vec<(Timestamp, String, Value)>> {
    let message: Json = serde_json::from_slice(body).ok()?;
    let sets = match message {
        Json::Array(sets) => sets,
        one => vec![one],
    };
    let mut points = Vec::new();
    for set in &sets {
        let at = Timestamp::from_millis(set.get("ts")?.as_i64()?);
        for (name, value) in set.get("values")?.as_object()? {
            let value = match value {
                Json::Bool(v) => Value::Bool(*v),
                Json::Number(n) => n.as_i64().map(Value::I64).or_else(|| n.as_f64().map(Value::F64))?,
                Json::String(v) => Value::Str(v.as_str().into()),
                _ => return None,
            };
            points.push((at, name.clone(), value));
        }
    }
    Some(points)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Row> {
        let row = |ms, temperature: f64| Row {
            at: Timestamp::from_millis(ms),
            values: vec![
                ("temp".into(), Value::F64(temperature)),
                ("run".into(), Value::I64(2)),
                ("name".into(), Value::Str("a \"b\"".into())),
            ],
        };
        vec![row(1_700_000_000_000, 45.0), row(1_700_000_001_000, 45.25)]
    }

    #[test]
    fn json_in_the_thingsboard_dialect() {
        let text = String::from_utf8(json(&rows()[..1])).unwrap();
        assert_eq!(text, r#"{"ts":1700000000000,"values":{"temp":45.0,"run":2,"name":"a \"b\""}}"#);
        let back = points(&json(&rows())).unwrap();
        assert_eq!(back.len(), 6);
        assert_eq!(back[3], (Timestamp::from_millis(1_700_000_001_000), "temp".to_owned(), Value::F64(45.25)));
        assert!(points(b"[1]").is_none() && points(b"{").is_none());
    }

    #[test]
    fn line_protocol_with_nanoseconds() {
        let text = String::from_utf8(line("IMM 01", &rows()[1..])).unwrap();
        assert_eq!(text, "IMM\\ 01 temp=45.25,run=2i,name=\"a \\\"b\\\"\" 1700000001000000000\n");
    }
}
