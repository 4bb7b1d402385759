//! Canonical JSON (RFC 8785) for what is hashed: keys sorted by UTF-16 code units, no white space, shortest escapes.
//!
//! Absent on purpose: numbers with a fraction or beyond 2⁵³. Exact values travel as decimal text, so two programs never
//! disagree about how a float is written.

use kernel::{Error, NiUri, Result, sha256};
use serde::Serialize;
use serde_json::Value;

/// The canonical bytes of a value.
///
/// # Errors
/// `record.canonical.number` for a float or an integer that JSON programs cannot carry exactly.
pub fn canonical_json<T: Serialize>(value: &T) -> Result<String> {
    let value = serde_json::to_value(value).map_err(|error| {
        Error::internal("record.canonical.unwritable", "a record cannot be written as json").because(error)
    })?;
    let mut out = String::new();
    write(&value, &mut out)?;
    Ok(out)
}

/// The name of a value: the SHA-256 of its canonical bytes as a `ni:` URI.
///
/// # Errors
/// As [`canonical_json`].
pub fn canonical_ni<T: Serialize>(value: &T) -> Result<NiUri> {
    Ok(NiUri(sha256(&[canonical_json(value)?.as_bytes()])))
}

const SAFE_INTEGER: u64 = (1 << 53) - 1;

fn write(value: &Value, out: &mut String) -> Result<()> {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => {
            let safe =
                number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs)).is_some_and(|n| n <= SAFE_INTEGER);
            if !safe {
                return Err(Error::invalid("record.canonical.number", format!("{number} has no canonical form"))
                    .hint("write exact numbers as text"));
            }
            out.push_str(&number.to_string());
        }
        Value::String(text) => out.push_str(&serde_json::to_string(text).unwrap_or_default()),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(item, out)?;
            }
            out.push(']');
        }
        Value::Object(fields) => {
            let mut keys: Vec<&String> = fields.keys().collect();
            keys.sort_by(|a, b| a.encode_utf16().cmp(b.encode_utf16()));
            out.push('{');
            for (index, key) in keys.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                out.push_str(&serde_json::to_string(key).unwrap_or_default());
                out.push(':');
                write(&fields[key], out)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_are_sorted_by_utf16_and_escapes_are_the_shortest() {
        // The key order of the example in RFC 8785 §3.2.3.
        let value = json!({"\u{20ac}": "Euro Sign", "\r": "Carriage Return", "\u{fb33}": "Hebrew", "1": "One",
            "\u{1f600}": "Emoji", "\u{80}": "Control", "\u{f6}": "Latin"});
        let text = canonical_json(&value).unwrap();
        let order: Vec<usize> = ["Carriage", "One", "Control", "Latin", "Euro", "Emoji", "Hebrew"]
            .iter()
            .map(|w| text.find(w).unwrap())
            .collect();
        assert!(order.is_sorted(), "{text}");
        assert_eq!(
            canonical_json(&json!({"b": "\u{1}\n\"\\/é", "a": [1, -2, null, true]})).unwrap(),
            "{\"a\":[1,-2,null,true],\"b\":\"\\u0001\\n\\\"\\\\/é\"}"
        );
    }

    #[test]
    fn floats_and_unsafe_integers_are_refused() {
        assert_eq!(canonical_json(&json!(1.5)).unwrap_err().code, "record.canonical.number");
        assert!(canonical_json(&json!(9_007_199_254_740_992u64)).is_err());
        assert_eq!(canonical_json(&json!(9_007_199_254_740_991u64)).unwrap(), "9007199254740991");
    }
}
