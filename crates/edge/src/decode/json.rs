//! ThingsBoard's JSON dialect, read in one pass without building a tree.
//!
//! ```text
//! message  = set | [ set, … ]
//! set      = { metric: value, … }                                   time of receipt
//!          | { "ts": milliseconds, "values": { metric: value, … } } stated time; "seq": n may stand beside it
//! value    = true | false | integer | float | "text"
//! ```
//! A nested object or array as a value, and `null`, are faults of that value: the store has no type for them. Beside
//! `values` only `ts` and `seq` mean something; other keys there are faults too, so that nothing disappears silently.

use std::{borrow::Cow, cell::Cell, fmt};

use kernel::{Error, Result, Timestamp};
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{DecodeLimits, Decoded, Fault, RawPoint, RawValue, checked_float, checked_text, shorten, too_many};

type Scalar<'a> = Result<RawValue<'a>, Fault>;

pub(super) fn decode<'a>(payload: &'a [u8], limits: &DecodeLimits) -> Result<Decoded<'a>> {
    let mut sink = Sink { points: Vec::new(), limits, overflow: Cell::new(false) };
    let mut reader = serde_json::Deserializer::from_slice(payload);
    let read = Message { sink: &mut sink }.deserialize(&mut reader).and_then(|()| reader.end());
    match read {
        _ if sink.overflow.get() => Err(too_many(limits)),
        Ok(()) => Ok(Decoded { points: sink.points, unread: Vec::new() }),
        Err(error) => {
            Err(Error::invalid("edge.payload.malformed", format!("the message is not readable JSON: {error}"))
                .hint("send an object of metrics, {\"ts\": milliseconds, \"values\": {…}}, or an array of either"))
        }
    }
}

struct Sink<'a, 'l> {
    points: Vec<RawPoint<'a>>,
    limits: &'l DecodeLimits,
    overflow: Cell<bool>,
}

impl<'a> Sink<'a, '_> {
    fn push<E: de::Error>(
        &mut self,
        metric: Cow<'a, str>,
        value: Scalar<'a>,
        time: Option<Timestamp>,
        sequence: u64,
    ) -> Result<(), E> {
        self.room::<E>(1)?;
        let (metric, value) = if metric.len() > self.limits.name_bytes_max {
            let fault = Fault::new("edge.metric.name-too-long", format!("the name has {} bytes", metric.len()));
            (Cow::Owned(shorten(&metric, self.limits.name_bytes_max).to_owned()), Err(fault))
        } else {
            (metric, value)
        };
        self.points.push(RawPoint { metric, short_from: 0, value, time, sequence });
        Ok(())
    }

    /// Fails as soon as `more` values on top of those kept would break the limit.
    fn room<E: de::Error>(&mut self, more: usize) -> Result<(), E> {
        if self.points.len() + more > self.limits.points_max {
            self.overflow.set(true);
            return Err(E::custom("too many points"));
        }
        Ok(())
    }
}

/// The whole message: a set, or an array of sets.
struct Message<'s, 'a, 'l> {
    sink: &'s mut Sink<'a, 'l>,
}

impl<'de> DeserializeSeed<'de> for Message<'_, 'de, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Message<'_, 'de, '_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of metrics or an array of such objects")
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        Set { sink: self.sink }.visit_map(map)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(Set { sink: &mut *self.sink })?.is_some() {}
        Ok(())
    }
}

/// One set of metrics, with or without a time.
struct Set<'s, 'a, 'l> {
    sink: &'s mut Sink<'a, 'l>,
}

impl<'de> DeserializeSeed<'de> for Set<'_, 'de, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Set<'_, 'de, '_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of metrics")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Set { sink } = self;
        let mut plain: Vec<(Cow<'de, str>, Scalar<'de>)> = Vec::new();
        let mut values: Option<Vec<(Cow<'de, str>, Scalar<'de>)>> = None;
        while let Some(key) = map.next_key_seed(Name)? {
            let kept = plain.len() + values.as_ref().map_or(0, Vec::len);
            sink.room::<A::Error>(kept + 1)?;
            let room = sink.limits.points_max - sink.points.len() - kept;
            let open = if key == "values" { Some((room, &sink.overflow)) } else { None };
            let node = map.next_value_seed(Node { limits: sink.limits, open })?;
            match node {
                NodeValue::Scalar(value) => plain.push((key, value)),
                NodeValue::Map(map) if values.is_none() => values = Some(map),
                NodeValue::Map(_) => return Err(de::Error::custom("`values` is there twice")),
            }
        }
        let Some(values) = values else {
            return plain.into_iter().try_for_each(|(key, value)| sink.push(key, value, None, 0));
        };
        let (mut time, mut sequence) = (Ok(None), Ok(0));
        for (key, value) in plain {
            match &*key {
                "ts" => time = stated_time(&value).map(Some),
                "seq" => sequence = stated_sequence(&value),
                _ => {
                    let fault =
                        Fault::new("edge.payload.stray-key", format!("{key:?} stands beside `values`, not in it"));
                    sink.push(key, Err(fault), None, 0)?;
                }
            }
        }
        for (key, value) in values {
            match (&time, &sequence) {
                (Ok(time), Ok(sequence)) => sink.push(key, value, *time, *sequence)?,
                (Err(fault), _) | (_, Err(fault)) => sink.push(key, Err(fault.clone()), None, 0)?,
            }
        }
        Ok(())
    }
}

fn stated_time(value: &Scalar<'_>) -> Result<Timestamp, Fault> {
    match value {
        Ok(RawValue::Int(millis)) => Ok(Timestamp::from_millis(*millis)),
        // Some senders write 1.7e12; it is taken when nothing is lost.
        Ok(RawValue::Float(millis)) if millis.fract() == 0.0 && millis.abs() < 9e15 => {
            Ok(Timestamp::from_millis(*millis as i64))
        }
        _ => Err(Fault::new("edge.time.malformed", "`ts` is not a whole number of milliseconds since 1970")),
    }
}

fn stated_sequence(value: &Scalar<'_>) -> Result<u64, Fault> {
    match value {
        Ok(RawValue::Int(sequence)) if *sequence >= 0 => Ok(*sequence as u64),
        _ => Err(Fault::new("edge.payload.sequence", "`seq` is not a whole number from 0 up")),
    }
}

/// A key, borrowed from the message when it has no escapes.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cow<'de, str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }
    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(text))
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

enum NodeValue<'a> {
    Scalar(Scalar<'a>),
    Map(Vec<(Cow<'a, str>, Scalar<'a>)>),
}

/// A value: a scalar, or (only under `values`) the metrics of a timed set. Anything deeper is skipped without recursion
/// into our own types and becomes a fault.
struct Node<'l> {
    limits: &'l DecodeLimits,
    /// Under `values`: how many metrics may still come, and where to say that there were more.
    open: Option<(usize, &'l Cell<bool>)>,
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = NodeValue<'de>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<NodeValue<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

fn nested<'a>() -> Scalar<'a> {
    Err(Fault::new("edge.value.nested", "the value is an object or array; a metric has one plain value"))
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = NodeValue<'de>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }
    fn visit_bool<E>(self, value: bool) -> Result<NodeValue<'de>, E> {
        Ok(NodeValue::Scalar(Ok(RawValue::Bool(value))))
    }
    fn visit_i64<E>(self, value: i64) -> Result<NodeValue<'de>, E> {
        Ok(NodeValue::Scalar(Ok(RawValue::Int(value))))
    }
    fn visit_u64<E>(self, value: u64) -> Result<NodeValue<'de>, E> {
        Ok(NodeValue::Scalar(i64::try_from(value).map(RawValue::Int).map_err(|_| {
            Fault::new("edge.value.out-of-range", format!("{value} does not fit a signed 64-bit integer"))
        })))
    }
    fn visit_f64<E>(self, value: f64) -> Result<NodeValue<'de>, E> {
        Ok(NodeValue::Scalar(checked_float(value)))
    }
    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<NodeValue<'de>, E> {
        Ok(NodeValue::Scalar(checked_text(Cow::Borrowed(text), self.limits)))
    }
    fn visit_str<E>(self, text: &str) -> Result<NodeValue<'de>, E> {
        Ok(NodeValue::Scalar(checked_text(Cow::Owned(text.to_owned()), self.limits)))
    }
    fn visit_unit<E>(self) -> Result<NodeValue<'de>, E> {
        Ok(NodeValue::Scalar(Err(Fault::new("edge.value.null", "null is not a value; leave the metric out instead"))))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<NodeValue<'de>, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(NodeValue::Scalar(nested()))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<NodeValue<'de>, A::Error> {
        let mut metrics = Vec::new();
        while let Some(name) = map.next_key_seed(Name)? {
            let Some((room, overflow)) = self.open else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            if metrics.len() >= room {
                overflow.set(true);
                return Err(de::Error::custom("too many points"));
            }
            match map.next_value_seed(Node { limits: self.limits, open: None })? {
                NodeValue::Scalar(value) => metrics.push((name, value)),
                NodeValue::Map(_) => metrics.push((name, nested())),
            }
        }
        Ok(if self.open.is_some() { NodeValue::Map(metrics) } else { NodeValue::Scalar(nested()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<RawPoint<'_>>> {
        decode(text.as_bytes(), &DecodeLimits::default()).map(|decoded| decoded.points)
    }
    fn point<'a>(metric: &'a str, value: RawValue<'a>, millis: Option<i64>, sequence: u64) -> RawPoint<'a> {
        RawPoint {
            metric: metric.into(),
            short_from: 0,
            value: Ok(value),
            time: millis.map(Timestamp::from_millis),
            sequence,
        }
    }
    fn code(text: &str) -> &'static str {
        read(text).unwrap()[0].value.as_ref().unwrap_err().code
    }

    #[test]
    fn a_number_is_the_nearest_double_of_its_digits() {
        // Readers that take a short cut are one unit in the last place away for each of these.
        for text in ["21.9536839759", "-18.0835620283", "20.6376918483", "18.0648015894", "21.5596535055", "8.8e-324"] {
            let exact: f64 = text.parse().unwrap();
            let message = format!(r#"{{"a":{text}}}"#);
            let points = read(&message).unwrap();
            assert_eq!(points[0].value, Ok(RawValue::Float(exact)), "{text}");
        }
    }

    #[test]
    fn the_three_shapes() {
        use RawValue::{Bool, Float, Int, Text};
        assert_eq!(
            read(r#"{"a":1,"b":1.0,"c":true,"d":"x"}"#).unwrap(),
            [
                point("a", Int(1), None, 0),
                point("b", Float(1.0), None, 0),
                point("c", Bool(true), None, 0),
                point("d", Text("x".into()), None, 0)
            ]
        );
        assert_eq!(
            read(r#"{"values":{"a":1},"seq":7,"ts":1700000000123}"#).unwrap(),
            [point("a", Int(1), Some(1_700_000_000_123), 7)]
        );
        assert_eq!(
            read(r#"[{"ts":1,"values":{"a":1}},{"a":2}]"#).unwrap(),
            [point("a", Int(1), Some(1), 0), point("a", Int(2), None, 0)]
        );
        assert_eq!(read("{}").unwrap(), []);
        assert_eq!(read("[]").unwrap(), []);
        // Without `values`, `ts` is a metric like any other.
        assert_eq!(read(r#"{"ts":5}"#).unwrap(), [point("ts", Int(5), None, 0)]);
    }

    #[test]
    fn one_bad_value_leaves_its_neighbours() {
        let points = read(r#"{"a":{"deep":[1,{"x":2}]},"b":2,"c":null,"d":[1],"e":18446744073709551615}"#).unwrap();
        let codes: Vec<_> = points.iter().map(|p| p.value.as_ref().map_or_else(|f| f.code, |_| "ok")).collect();
        assert_eq!(
            codes,
            ["edge.value.nested", "ok", "edge.value.null", "edge.value.nested", "edge.value.out-of-range"]
        );
    }

    #[test]
    fn times_and_strays() {
        assert_eq!(code(r#"{"ts":"1","values":{"a":1}}"#), "edge.time.malformed");
        assert_eq!(code(r#"{"ts":1.5,"values":{"a":1}}"#), "edge.time.malformed");
        assert_eq!(code(r#"{"ts":1,"seq":-1,"values":{"a":1}}"#), "edge.payload.sequence");
        assert_eq!(code(r#"{"ts":1,"x":2,"values":{"a":1}}"#), "edge.payload.stray-key");
        assert_eq!(
            read(r#"{"ts":1.7e12,"values":{"a":1}}"#).unwrap()[0].time,
            Some(Timestamp::from_millis(1_700_000_000_000))
        );
    }

    #[test]
    fn limits() {
        let limits = DecodeLimits { points_max: 3, name_bytes_max: 4, text_bytes_max: 4 };
        let refuse = |text: &str| decode(text.as_bytes(), &limits).unwrap_err().code;
        for text in [
            r#"{"a":1,"b":1,"c":1,"d":1}"#,
            r#"{"ts":1,"values":{"a":1,"b":1,"c":1,"d":1}}"#,
            r#"[{"a":1},{"a":1},{"a":1},{"a":1}]"#,
        ] {
            assert_eq!(refuse(text), "edge.payload.too-many-points", "{text}");
        }
        let decoded = decode("{\"äää\":1,\"b\":\"12345\"}".as_bytes(), &limits).unwrap();
        assert_eq!(decoded.points[0].metric, "ää");
        assert_eq!(decoded.points[0].value.as_ref().unwrap_err().code, "edge.metric.name-too-long");
        assert_eq!(decoded.points[1].value.as_ref().unwrap_err().code, "edge.value.too-long");
    }

    #[test]
    fn unreadable_messages() {
        let deep = "[".repeat(100_000);
        let deep_value = format!("{{\"a\":{}", "[".repeat(100_000));
        for text in [
            "",
            "x",
            "1",
            "\"a\"",
            "null",
            "{",
            "{\"a\"}",
            "[1]",
            "[[{}]]",
            "{}x",
            "{\"a\":NaN}",
            "{\"a\":1e999}",
            "{\"a\":tru",
            &deep,
            &deep_value,
        ] {
            assert_eq!(read(text).unwrap_err().code, "edge.payload.malformed", "{}", shorten(text, 40));
        }
        assert!(decode(b"{\"a\":\"\xff\"}", &DecodeLimits::default()).is_err());
    }
}
