//! The description of a simulated machine: everything a server needs to register it, and everything a model needs to run.

use std::collections::BTreeMap;

use contracts::{
    devices::{ModbusFormat, ModbusPoll, ModbusRegister},
    telemetry::{Value, ValueType},
};
use kernel::{Error, Result, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    kinds::{Kind, PropertySpec},
    physics::{Calendar, Nameplate},
};

/// How a machine speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// MQTT 5, QoS 1, JSON in the ThingsBoard dialect.
    MqttV5,
    /// MQTT 3.1.1, otherwise the same.
    MqttV311,
    /// HTTP POST of the same JSON.
    HttpJson,
    /// HTTP POST of line protocol.
    HttpLine,
    /// Modbus TCP: the machine is asked.
    ModbusTcp,
}

/// A simulated machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MachineSpec {
    /// Code of the company it belongs to.
    pub company: String,
    /// Its own code, unique in the company.
    pub code: String,
    /// Name in Chinese.
    pub name_zh: String,
    /// Name in English.
    pub name_en: String,
    /// Ratings; they also say of which kind it is.
    pub nameplate: Nameplate,
    /// When it is manned.
    pub calendar: Calendar,
    /// How it speaks.
    pub protocol: Protocol,
    /// Time between samples in milliseconds.
    pub interval_ms: u32,
    /// What it calls its values, and how they become properties.
    pub metrics: Vec<Metric>,
    /// Where its values are found, for Modbus.
    pub modbus: Option<ModbusSpec>,
    /// What it can make, for machines whose time is offered.
    pub capability: Option<Capability>,
    /// What counters showed at the origin, in whole units of the property.
    pub counter_bases: BTreeMap<String, i64>,
    /// Seed of its fate.
    pub seed: u64,
    /// When its simulated life began; before that it has no values.
    pub origin: Timestamp,
}

/// A metric of a machine and the property it feeds: property = metric × scale + offset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// Name on the wire.
    pub metric: String,
    /// Property id of the thing model.
    pub property: String,
    /// Factor; 1 leaves the value untouched.
    pub scale: f64,
    /// Summand; 0 leaves the value untouched.
    pub offset: f64,
    /// Smallest plausible value of the property.
    pub min: f64,
    /// Largest plausible value of the property.
    pub max: f64,
}

/// Where a Modbus machine is found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModbusSpec {
    /// Added to the park's base port.
    pub port_offset: u16,
    /// Unit id, 1–247.
    pub unit_id: u8,
    /// How often it should be asked, in milliseconds.
    pub interval_ms: u32,
    /// The register map.
    pub registers: Vec<ModbusRegister>,
}

/// What a machine can make and for how much: hints for listings, all amounts in minor units.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Capability {
    /// Process: `milling`, `injection_moulding`, `stamping`.
    pub process: String,
    /// Materials it is set up for.
    pub materials: Vec<String>,
    /// Largest part, x × y × z in mm.
    pub envelope_mm: [i64; 3],
    /// Tightest tolerance that is promised, ± µm.
    pub tolerance_um: i64,
    /// Surface roughness Ra that is promised, in hundredths of a µm.
    pub roughness_ra_centi_um: Option<i64>,
    /// Smallest and largest lot in pieces.
    pub lot: [i64; 2],
    /// Certificates.
    pub certificates: Vec<String>,
    /// ISO 4217 code of the prices.
    pub currency: String,
    /// Price of a machine hour.
    pub hour_minor: i64,
    /// Price of a good piece of ordinary size.
    pub piece_minor: i64,
    /// Price of a set-up.
    pub set_up_minor: i64,
}

impl MachineSpec {
    /// Its kind.
    pub fn kind(&self) -> Kind {
        self.nameplate.kind()
    }

    /// Its properties, in the order in which samples carry them.
    pub fn properties(&self) -> &'static [PropertySpec] {
        self.kind().properties()
    }

    /// The metric that feeds a property.
    pub fn metric(&self, property: &str) -> Option<&Metric> {
        self.metrics.iter().find(|metric| metric.property == property)
    }

    /// How the platform should poll it at an address, for Modbus machines.
    pub fn poll(&self, address: std::net::SocketAddr) -> Option<ModbusPoll> {
        let map = self.modbus.as_ref()?;
        let (unit_id, interval_ms, registers) = (map.unit_id, map.interval_ms, map.registers.clone());
        Some(ModbusPoll { address: address.to_string(), unit_id, interval_ms, registers })
    }

    /// Metrics named like their properties.
    pub(crate) fn plain_metrics(kind: Kind) -> Vec<Metric> {
        kind.properties().iter().map(|property| Metric::of(property, property.id, 1.0)).collect()
    }

    /// Refuses what no machine could be.
    ///
    /// # Errors
    /// `simulator.machine.malformed`.
    pub fn check(&self) -> Result<()> {
        let malformed =
            |what: String| Err(Error::invalid("simulator.machine.malformed", format!("{}: {what}", self.code)));
        if self.interval_ms < 50 {
            return malformed(format!("an interval of {} ms is too short", self.interval_ms));
        }
        for metric in &self.metrics {
            let Some(property) = self.kind().property(&metric.property) else {
                return malformed(format!(
                    "metric {:?} feeds the unknown property {:?}",
                    metric.metric, metric.property
                ));
            };
            let whole = property.value_type == ValueType::I64;
            if !(metric.scale.is_finite() && metric.scale != 0.0 && metric.offset.is_finite())
                || (whole && (metric.scale, metric.offset) != (1.0, 0.0))
            {
                return malformed(format!("metric {:?} cannot be scaled so", metric.metric));
            }
        }
        match (&self.protocol, &self.modbus) {
            (Protocol::ModbusTcp, None) => malformed("a Modbus machine needs a register map".to_owned()),
            (Protocol::ModbusTcp, Some(map)) => {
                match map.registers.iter().find(|r| !self.metrics.iter().any(|m| m.metric == r.metric)) {
                    Some(register) => {
                        malformed(format!("register {} has no metric {:?}", register.address, register.metric))
                    }
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    /// What the platform will store for a property value that this machine reports: the value after its way through the
    /// metric's scale and, for Modbus, through a register of limited width.
    pub fn as_reported(&self, property: usize, value: &Value) -> Option<Value> {
        let property = &self.properties()[property];
        let metric = self.metric(property.id)?;
        let register = match &self.modbus {
            Some(map) => Some(map.registers.iter().find(|register| register.metric == metric.metric)?),
            None => None,
        };
        let raw = metric.raw(value, register.map(|register| register.format));
        Some(match (raw, property.value_type) {
            (Value::I64(raw), ValueType::F64) => Value::F64(metric.scaled(raw as f64)),
            (Value::F64(raw), ValueType::F64) => Value::F64(metric.scaled(raw)),
            (raw, _) => raw,
        })
    }
}

impl Metric {
    pub(crate) fn of(property: &PropertySpec, name: &str, scale: f64) -> Self {
        Self {
            metric: name.to_owned(),
            property: property.id.to_owned(),
            scale,
            offset: 0.0,
            min: property.min,
            max: property.max,
        }
    }

    fn scaled(&self, raw: f64) -> f64 {
        if (self.scale, self.offset) == (1.0, 0.0) { raw } else { raw * self.scale + self.offset }
    }

    /// The value on the wire: scaled, and for registers a whole number that wraps like the register does.
    pub(crate) fn raw(&self, value: &Value, format: Option<ModbusFormat>) -> Value {
        let number = match value {
            Value::F64(v) => (*v - self.offset) / self.scale,
            Value::I64(v) if format.is_none() => return Value::I64(*v),
            Value::I64(v) => *v as f64,
            other => return other.clone(),
        };
        let whole = number.round() as i64;
        match format {
            None => {
                // Undo the division's noise: what was shown with six decimals is sent with six decimals.
                Value::F64(if (self.scale, self.offset) == (1.0, 0.0) {
                    number
                } else {
                    crate::physics::round_to(number, 6)
                })
            }
            Some(ModbusFormat::Bool) => Value::Bool(whole != 0),
            Some(ModbusFormat::U16) => Value::I64(i64::from(whole as u16)),
            Some(ModbusFormat::I16) => Value::I64(whole.clamp(-32_768, 32_767)),
            Some(ModbusFormat::U32 | ModbusFormat::U32Swapped) => Value::I64(i64::from(whole as u32)),
            Some(ModbusFormat::I32) => Value::I64(whole.clamp(i64::from(i32::MIN), i64::from(i32::MAX))),
            Some(ModbusFormat::U64) => Value::I64(whole.max(0)),
            Some(ModbusFormat::F32 | ModbusFormat::F32Swapped) => Value::F64(f64::from(number as f32)),
        }
    }
}
