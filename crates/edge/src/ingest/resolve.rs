//! From a raw point to a typed point of a property, or the reason why not. Pure.
//!
//! Conversion never loses anything silently: a number changes its kind only when the new one says exactly the same, and
//! `scale` 1 with `offset` 0 leaves every bit as it came. A scaled integer property is computed in integers when scale and
//! offset are whole, and otherwise rounded to the nearest integer (a float property keeps the fraction).

use std::borrow::Cow;

use contracts::{
    devices::{DeviceBinding, MetricBinding},
    telemetry::{Point, Quality, Sample, SeriesKey, Value, ValueType},
};
use kernel::Timestamp;

use super::IngestLimits;
use crate::decode::{Fault, RawPoint, RawValue};

/// Integers up to here have an exact float.
const EXACT_MAX: i64 = 1 << 53;

/// A point that did not pass.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Refused {
    pub(crate) metric: String,
    pub(crate) fault: Fault,
    pub(crate) value: Option<Value>,
    pub(crate) time: Option<Timestamp>,
}

pub(crate) fn resolve(
    raw: RawPoint<'_>,
    device: &DeviceBinding,
    received: Timestamp,
    limits: &IngestLimits,
) -> Result<Point, Refused> {
    let RawPoint { metric, short_from, value, time, sequence } = raw;
    let attempt = || -> Result<Point, Fault> {
        let given = value.as_ref().map_err(Fault::clone)?;
        let binding = binding(device, &metric, short_from).ok_or_else(|| {
            Fault::new(
                "edge.metric.unknown",
                format!("device {:?} has no metric {:?}", device.name, &metric[short_from..]),
            )
        })?;
        let source_time = checked_time(time, received, limits)?;
        let value = convert(given, binding)?;
        let series = SeriesKey { asset: binding.asset, property: binding.property.clone() };
        let sample = Sample { source_time, receive_time: received, value, quality: Quality::Good, sequence };
        Ok(Point { series, sample })
    };
    attempt().map_err(|fault| Refused {
        metric: metric[short_from..].to_owned(),
        fault,
        value: value.as_ref().ok().map(plain),
        time,
    })
}

/// The long name first, then the short one.
fn binding<'d>(device: &'d DeviceBinding, metric: &str, short_from: usize) -> Option<&'d MetricBinding> {
    let long = device.metrics.get(metric);
    if short_from == 0 { long } else { long.or_else(|| device.metrics.get(&metric[short_from..])) }
}

fn checked_time(time: Option<Timestamp>, received: Timestamp, limits: &IngestLimits) -> Result<Timestamp, Fault> {
    let Some(time) = time else { return Ok(received) };
    if time > received + limits.future_skew_max {
        return Err(Fault::new("edge.time.future", format!("{time} is ahead of our clock, which shows {received}")));
    }
    if time < received - limits.age_max {
        return Err(Fault::new(
            "edge.time.too-old",
            format!("{time} is older than telemetry is kept; are the units of time right?"),
        ));
    }
    Ok(time)
}

fn convert(raw: &RawValue<'_>, binding: &MetricBinding) -> Result<Value, Fault> {
    let value = match (binding.value_type, raw) {
        (ValueType::Bool, RawValue::Bool(v)) => return Ok(Value::Bool(*v)),
        (ValueType::Bool, RawValue::Int(v @ (0 | 1))) => return Ok(Value::Bool(*v == 1)),
        (ValueType::Bool, RawValue::Float(v)) if *v == 0.0 || *v == 1.0 => return Ok(Value::Bool(*v == 1.0)),
        (ValueType::Str, RawValue::Text(text)) => return Ok(Value::Str(text.as_ref().into())),
        (ValueType::F64, RawValue::Float(v)) => float(*v, binding)?,
        (ValueType::F64, RawValue::Int(v)) => float(exact_float(*v)?, binding)?,
        (ValueType::F64, RawValue::Bool(v)) => float(f64::from(u8::from(*v)), binding)?,
        (ValueType::I64, RawValue::Int(v)) => integer(*v, binding)?,
        (ValueType::I64, RawValue::Float(v)) => integer(exact_integer(*v)?, binding)?,
        (ValueType::I64, RawValue::Bool(v)) => integer(i64::from(*v), binding)?,
        (wanted, given) => {
            return Err(Fault::new(
                "edge.value.type",
                format!("{} does not fit a property of type {wanted:?}", kind(given)),
            ));
        }
    };
    in_range(&value, binding)?;
    Ok(value)
}

fn untouched(binding: &MetricBinding) -> bool {
    binding.scale == 1.0 && binding.offset == 0.0
}

fn float(value: f64, binding: &MetricBinding) -> Result<Value, Fault> {
    let value = if untouched(binding) { value } else { value * binding.scale + binding.offset };
    if value.is_finite() {
        Ok(Value::F64(value))
    } else {
        Err(Fault::new("edge.value.not-finite", format!("{value} is not a finite number")))
    }
}

fn integer(value: i64, binding: &MetricBinding) -> Result<Value, Fault> {
    if untouched(binding) {
        return Ok(Value::I64(value));
    }
    let overflow = || Fault::new("edge.value.out-of-range", "the scaled value does not fit a signed 64-bit integer");
    if let (Ok(scale), Ok(offset)) = (exact_integer(binding.scale), exact_integer(binding.offset)) {
        return value.checked_mul(scale).and_then(|v| v.checked_add(offset)).map(Value::I64).ok_or_else(overflow);
    }
    let scaled = (exact_float(value)? * binding.scale + binding.offset).round();
    if scaled.abs() <= EXACT_MAX as f64 { Ok(Value::I64(scaled as i64)) } else { Err(overflow()) }
}

fn exact_float(value: i64) -> Result<f64, Fault> {
    if (-EXACT_MAX..=EXACT_MAX).contains(&value) {
        Ok(value as f64)
    } else {
        Err(Fault::new("edge.value.inexact", format!("{value} has no exact float; make the property an integer")))
    }
}

fn exact_integer(value: f64) -> Result<i64, Fault> {
    if value.fract() == 0.0 && value.abs() <= EXACT_MAX as f64 {
        Ok(value as i64)
    } else {
        Err(Fault::new("edge.value.inexact", format!("{value} is not a whole number; make the property a float")))
    }
}

fn in_range(value: &Value, binding: &MetricBinding) -> Result<(), Fault> {
    let Some(number) = value.number() else { return Ok(()) };
    let below = binding.min.is_some_and(|min| number < min);
    let above = binding.max.is_some_and(|max| number > max);
    if !below && !above {
        return Ok(());
    }
    let bound = |bound: Option<f64>| bound.map_or_else(|| "…".to_owned(), |b| b.to_string());
    Err(Fault::new(
        "edge.value.out-of-range",
        format!("{number} is outside {} to {}", bound(binding.min), bound(binding.max)),
    ))
}

fn kind(raw: &RawValue<'_>) -> &'static str {
    match raw {
        RawValue::Bool(_) => "a truth value",
        RawValue::Int(_) => "an integer",
        RawValue::Float(_) => "a float",
        RawValue::Text(_) => "text",
    }
}

fn plain(raw: &RawValue<'_>) -> Value {
    match raw {
        RawValue::Bool(v) => Value::Bool(*v),
        RawValue::Int(v) => Value::I64(*v),
        RawValue::Float(v) => Value::F64(*v),
        RawValue::Text(text) => Value::Str(Cow::as_ref(text).into()),
    }
}

#[cfg(test)]
mod tests {
    use kernel::{
        Duration, SeededChance,
        id::{AssetId, DeviceId, PartyId},
    };

    use super::*;

    fn metric(value_type: ValueType, scale: f64, offset: f64) -> MetricBinding {
        let asset = AssetId::at(Timestamp::from_micros(0), &SeededChance::new(1));
        MetricBinding {
            asset,
            property: "p".into(),
            value_type,
            unit: None,
            scale,
            offset,
            min: Some(-1e6),
            max: Some(1e6),
        }
    }

    fn run(binding: MetricBinding, raw: RawValue<'_>) -> Result<Value, &'static str> {
        convert(&raw, &binding).map_err(|fault| fault.code)
    }

    #[test]
    fn conversions_as_data() {
        use RawValue::{Bool, Float, Int, Text};
        use ValueType::{F64, I64, Str};
        let exact = |t| metric(t, 1.0, 0.0);
        let wide = |t| MetricBinding { min: None, max: None, ..exact(t) };
        for (binding, raw, expect) in [
            (exact(F64), Float(0.1), Ok(Value::F64(0.1))),
            (exact(F64), Int(3), Ok(Value::F64(3.0))),
            (wide(F64), Int(EXACT_MAX + 1), Err("edge.value.inexact")),
            (wide(I64), Int(i64::MAX), Ok(Value::I64(i64::MAX))),
            (exact(I64), Float(5.0), Ok(Value::I64(5))),
            (exact(I64), Float(5.5), Err("edge.value.inexact")),
            (exact(I64), Bool(true), Ok(Value::I64(1))),
            (exact(I64), Text("5".into()), Err("edge.value.type")),
            (exact(Str), Int(5), Err("edge.value.type")),
            (exact(Str), Text("x".into()), Ok(Value::Str("x".into()))),
            (exact(ValueType::Bool), Int(1), Ok(Value::Bool(true))),
            (exact(ValueType::Bool), Int(2), Err("edge.value.type")),
            (exact(ValueType::Bool), Float(0.0), Ok(Value::Bool(false))),
            (exact(F64), Float(1e6), Ok(Value::F64(1e6))),
            (exact(F64), Float(1_000_000.1), Err("edge.value.out-of-range")),
            (exact(I64), Int(-1_000_001), Err("edge.value.out-of-range")),
            (metric(F64, 0.1, -40.0), Int(650), Ok(Value::F64(25.0))),
            (metric(I64, 10.0, 1.0), Int(7), Ok(Value::I64(71))),
            (metric(I64, 0.1, 0.0), Int(26), Ok(Value::I64(3))),
            (metric(I64, 1e9, 0.0), Int(i64::MAX / 2), Err("edge.value.out-of-range")),
            (metric(F64, f64::MAX, 0.0), Float(1e300), Err("edge.value.not-finite")),
        ] {
            assert_eq!(run(binding.clone(), raw.clone()), expect, "{raw:?} into {binding:?}");
        }
    }

    #[test]
    fn an_untouched_float_keeps_every_bit() {
        for bits in [1u64, 0x8000_0000_0000_0000, 0x3ff0_0000_0000_0001, 0x7fef_ffff_ffff_ffff] {
            let binding = MetricBinding { min: None, max: None, ..metric(ValueType::F64, 1.0, 0.0) };
            let Ok(Value::F64(value)) = run(binding, RawValue::Float(f64::from_bits(bits))) else { panic!("{bits:x}") };
            assert_eq!(value.to_bits(), bits);
        }
    }

    #[test]
    fn names_times_and_reasons() {
        let chance = SeededChance::new(2);
        let now = Timestamp::from_micros(1_700_000_000_000_000);
        let mut metrics = std::collections::BTreeMap::new();
        metrics.insert("temp".to_owned(), metric(ValueType::F64, 1.0, 0.0));
        metrics.insert(
            "oven_temp".to_owned(),
            MetricBinding { property: "long".into(), ..metric(ValueType::F64, 1.0, 0.0) },
        );
        let device = DeviceBinding {
            device: DeviceId::at(now, &chance),
            tenant: PartyId::at(now, &chance),
            name: "d".into(),
            enabled: true,
            metrics,
            poll: None,
        };
        let limits = IngestLimits::default();
        let run = |name: &'static str, short_from: usize, time: Option<Timestamp>| {
            let raw = RawPoint { metric: name.into(), short_from, value: Ok(RawValue::Float(1.0)), time, sequence: 0 };
            resolve(raw, &device, now, &limits)
                .map(|p| (p.series.property.to_string(), p.sample.source_time))
                .map_err(|refused| (refused.metric, refused.fault.code))
        };
        assert_eq!(run("oven_temp", 5, None), Ok(("long".into(), now)));
        assert_eq!(run("mill_temp", 5, None), Ok(("p".into(), now)));
        assert_eq!(run("mill_speed", 5, None), Err(("speed".into(), "edge.metric.unknown")));
        let at = |span: Duration| Some(now + span);
        assert_eq!(run("temp", 0, at(Duration::from_mins(10))), Ok(("p".into(), now + Duration::from_mins(10))));
        assert_eq!(run("temp", 0, at(Duration::from_micros(600_000_001))), Err(("temp".into(), "edge.time.future")));
        assert_eq!(run("temp", 0, at(Duration::from_days(-400))), Ok(("p".into(), now - Duration::from_days(400))));
        assert_eq!(run("temp", 0, at(Duration::from_days(-3650))), Err(("temp".into(), "edge.time.too-old")));
        assert_eq!(run("temp", 0, Some(Timestamp::from_micros(i64::MAX))), Err(("temp".into(), "edge.time.future")));
        assert_eq!(run("temp", 0, Some(Timestamp::from_micros(i64::MIN))), Err(("temp".into(), "edge.time.too-old")));
    }
}
