//! How a device's metrics become properties: the mapping, with units converted exactly.

use std::sync::Arc;

use kernel::{Decimal, Error, Result, Unit, id::AssetId};
use serde::{Deserialize, Serialize};

use super::{model::Property, naming::Problems};
use contracts::{devices::MetricBinding, telemetry::ValueType};

/// Most metrics of one device.
pub const METRICS_MAX: usize = 2000;
/// Longest metric name, in bytes.
pub const METRIC_NAME_MAX: usize = 128;

/// One metric of a device and the property it feeds, as configured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricMapping {
    /// Name of the metric as the device sends it.
    pub metric: String,
    /// The asset.
    pub asset: AssetId,
    /// The property id.
    pub property: String,
    /// The unit the metric comes in; the property's own when absent.
    pub unit: Option<Unit>,
    /// Raw value × factor + bias = value in `unit`. For registers that send tenths, 0.1.
    pub factor: Decimal,
    /// See `factor`.
    pub bias: Decimal,
}

impl MetricMapping {
    /// A metric that arrives as the property expects it.
    pub fn direct(metric: impl Into<String>, asset: AssetId, property: impl Into<String>) -> Self {
        let (factor, bias) = (Decimal::ONE, Decimal::ZERO);
        Self { metric: metric.into(), asset, property: property.into(), unit: None, factor, bias }
    }

    /// The same metric arriving in another unit.
    pub fn in_unit(self, unit: Unit) -> Self {
        Self { unit: Some(unit), ..self }
    }

    /// The binding for the edge, or why there is none.
    ///
    /// # Errors
    /// `twin.mapping.unit-mismatch` naming both units; `twin.mapping.not-numeric`, `twin.mapping.not-recorded`, `twin.mapping.scale`.
    pub fn bind(&self, property: &Property) -> Result<MetricBinding> {
        let Some(value_type) = property.data_type.value_type() else {
            return Err(Error::unprocessable(
                "twin.mapping.not-recorded",
                format!("values of {} are not recorded", property.id),
            )
            .hint("map to a property with a simple type"));
        };
        let (scale, offset) = self.conversion(property)?;
        if (scale, offset) != (Decimal::ONE, Decimal::ZERO) && !property.data_type.is_number() {
            return Err(Error::unprocessable(
                "twin.mapping.not-numeric",
                format!("{} is not a number and cannot be scaled", property.id),
            )
            .hint("leave unit, factor and bias away"));
        }
        Ok(MetricBinding {
            asset: self.asset,
            property: property.id.clone(),
            value_type,
            unit: property.unit,
            scale: float(scale),
            offset: float(offset),
            min: property.min.filter(|_| value_type != ValueType::Str),
            max: property.max.filter(|_| value_type != ValueType::Str),
        })
    }

    /// Stored = received × scale + offset, worked out in decimals: first the raw scale, then the unit.
    fn conversion(&self, property: &Property) -> Result<(Decimal, Decimal)> {
        if self.factor.is_zero() {
            return Err(Error::unprocessable("twin.mapping.scale", "a factor of 0 would erase every value")
                .hint("use 1 for no scaling"));
        }
        let Some(unit) = self.unit else { return Ok((self.factor, self.bias)) };
        let Some(target) = property.unit else {
            return Err(mismatch(unit, None, &property.id));
        };
        unit.compatible(target).map_err(|_| mismatch(unit, Some(target), &property.id))?;
        let zero = unit.convert(Decimal::ZERO, target)?;
        let one = unit.convert(Decimal::ONE, target)?;
        let combined = (|| {
            let slope = one.checked_sub(zero)?;
            let offset = self.bias.checked_mul(slope)?.checked_add(zero)?;
            Some((self.factor.checked_mul(slope)?.normalize(), offset.normalize()))
        })();
        combined.ok_or_else(|| {
            Error::unprocessable("twin.mapping.scale", format!("factor and bias of {} are too large", self.metric))
                .hint("use smaller numbers")
        })
    }
}

fn mismatch(from: Unit, to: Option<Unit>, property: &Arc<str>) -> Error {
    let target = match to {
        Some(unit) => format!("{} ({:?})", unit.code(), unit.dimension()),
        None => "no unit".to_owned(),
    };
    Error::unprocessable(
        "twin.mapping.unit-mismatch",
        format!("the metric comes in {} ({:?}), but {property} is in {target}", from.code(), from.dimension()),
    )
    .hint("map to a property of the same dimension, or correct the unit of the metric")
}

/// The float nearest to a decimal; reading its text rounds once, which arithmetic on its parts would not.
fn float(value: Decimal) -> f64 {
    value.to_string().parse().unwrap_or(f64::NAN)
}

/// Checks the form of a whole mapping: names, and that nothing stands twice.
pub fn mapping_check(mappings: &[MetricMapping], problems: &mut Problems) {
    if mappings.len() > METRICS_MAX {
        problems.add("/metrics", format!("at most {METRICS_MAX} metrics"));
        return;
    }
    let mut metrics = std::collections::HashSet::new();
    let mut targets = std::collections::HashSet::new();
    for (index, mapping) in mappings.iter().enumerate() {
        let name = &mapping.metric;
        if name.is_empty() || name.len() > METRIC_NAME_MAX || name.chars().any(char::is_control) {
            problems.add(
                format!("/metrics/{index}/metric"),
                format!("1 to {METRIC_NAME_MAX} visible characters are needed"),
            );
        }
        if !metrics.insert(name) {
            problems.add(format!("/metrics/{index}/metric"), format!("the metric {name} stands here twice"));
        }
        if !targets.insert((mapping.asset, &mapping.property)) {
            problems.add(format!("/metrics/{index}/property"), "two metrics cannot feed one property");
        }
    }
}

#[cfg(test)]
mod tests {
    use kernel::{SeededChance, Timestamp};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::domain::model::ThingModel;

    fn property(kind: &str, rec20: &str) -> Property {
        let expands = if rec20.is_empty() { json!({}) } else { json!({ "rec20": rec20 }) };
        let document = json!({ "properties": [{ "id": "p", "valueType": { "type": kind, "min": 0, "max": 9 }, "expands": expands }] });
        ThingModel::import(&document).unwrap().model.properties.remove(0)
    }

    fn mapping(unit: &str, factor: &str, bias: &str) -> MetricMapping {
        let asset = AssetId::at(Timestamp::from_micros(0), &SeededChance::new(1));
        let unit = (!unit.is_empty()).then(|| Unit::of(unit).unwrap());
        MetricMapping {
            unit,
            factor: factor.parse().unwrap(),
            bias: bias.parse().unwrap(),
            ..MetricMapping::direct("m", asset, "p")
        }
    }

    #[test]
    fn conversions_are_exact() {
        for (from, factor, bias, to, scale, offset) in [
            ("", "1", "0", "CEL", 1.0, 0.0),
            ("CEL", "1", "0", "CEL", 1.0, 0.0),
            ("KEL", "1", "0", "CEL", 1.0, -273.15),
            ("CEL", "0.1", "0", "KEL", 0.1, 273.15),
            ("RPS", "1", "0", "RPM", 60.0, 0.0),
            ("RPM", "1", "0", "RPS", 1.0 / 60.0, 0.0),
            ("PAL", "1", "0", "BAR", 1e-5, 0.0),
            ("WHR", "1", "0", "KWH", 0.001, 0.0),
            ("INH", "2", "1", "MMT", 50.8, 25.4),
        ] {
            let binding = mapping(from, factor, bias).bind(&property("double", to)).unwrap();
            assert_eq!((binding.scale, binding.offset), (scale, offset), "{from} → {to}");
        }
    }

    #[test]
    fn a_unit_of_another_dimension_is_refused_and_both_are_named() {
        let error = mapping("BAR", "1", "0").bind(&property("double", "CEL")).unwrap_err();
        assert_eq!(error.code, "twin.mapping.unit-mismatch");
        assert!(error.message.contains("BAR") && error.message.contains("CEL"), "{}", error.message);
        let error = mapping("BAR", "1", "0").bind(&property("int", "")).unwrap_err();
        assert!(error.message.contains("BAR") && error.message.contains("no unit"));
        assert_eq!(mapping("", "2", "0").bind(&property("boolean", "")).unwrap_err().code, "twin.mapping.not-numeric");
        assert_eq!(mapping("", "0", "0").bind(&property("int", "")).unwrap_err().code, "twin.mapping.scale");
        assert_eq!(mapping("", "1", "0").bind(&property("object", "")).unwrap_err().code, "twin.mapping.not-recorded");
    }

    #[test]
    fn a_metric_and_a_property_stand_once() {
        let mut problems = Problems::new();
        let one = mapping("", "1", "0");
        mapping_check(
            &[one.clone(), one.clone(), MetricMapping { metric: "".into(), property: "q".into(), ..one }],
            &mut problems,
        );
        let error = problems.refuse("twin.device.malformed", "x", "y").unwrap_err();
        let pointers: Vec<_> = error.fields.iter().map(|field| field.pointer.as_str()).collect();
        assert_eq!(pointers, ["/metrics/1/metric", "/metrics/1/property", "/metrics/2/metric"]);
    }

    proptest! {
        /// The float that the edge uses agrees with the exact conversion of any reading.
        #[test]
        fn scaled_floats_agree_with_exact_decimals(raw in -1_000_000i64..1_000_000, pair in 0..6usize) {
            let (from, to) = [("CEL", "KEL"), ("RPM", "RPS"), ("INH", "MMT"), ("KWH", "3B"), ("BAR", "KPA"), ("KMH", "MTS")][pair];
            let binding = mapping(from, "0.01", "0").bind(&property("double", to)).unwrap();
            let exact = Unit::of(from).unwrap().convert(Decimal::new(raw, 2), Unit::of(to).unwrap()).unwrap();
            let got = raw as f64 * binding.scale + binding.offset;
            prop_assert!((got - float(exact)).abs() <= 1e-9 * (1.0 + got.abs()), "{got} against {exact}");
        }
    }
}
