//! The kinds of machine: their properties as a thing model, their state rule, their default alarms, the meaning of their fault codes.
//!
//! This is what a maker would deliver with a machine. It is data; nothing here knows how the values come about.

mod cnc;
mod compressor;
mod injection;
mod press;
mod pump;

use contracts::{telemetry::ValueType, twin::MachineState};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::physics::{self, FaultMode};

/// A kind of machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the kinds")]
pub enum Kind {
    Cnc,
    InjectionMoulding,
    Compressor,
    Pump,
    Press,
}

/// A property of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PropertySpec {
    /// Id, `[a-zA-Z0-9_]`.
    pub id: &'static str,
    /// Name in Chinese.
    pub zh: &'static str,
    /// Name in English.
    pub en: &'static str,
    /// Type, as the store keeps it.
    pub value_type: ValueType,
    /// UN/ECE Rec 20 code; none for states and codes.
    pub unit: Option<&'static str>,
    /// Only counts up, until it rolls over or is reset.
    pub counter: bool,
    /// Decimals shown by the instrument (floats).
    pub decimals: u8,
    /// Smallest plausible value.
    pub min: f64,
    /// Largest plausible value.
    pub max: f64,
}

/// An alarm that a machine of the kind should have from the first day, in the platform's expression language.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct AlarmSpec {
    /// Short id, unique within the kind.
    pub id: &'static str,
    /// Name in Chinese.
    pub zh: &'static str,
    /// Name in English.
    pub en: &'static str,
    /// `urgent`, `high`, `medium` or `low`.
    pub priority: &'static str,
    /// The condition, with units.
    pub when: &'static str,
    /// The condition under which it returns; differs from the negation by the hysteresis.
    pub until: &'static str,
    /// How long the condition must hold, in seconds.
    pub delay_s: u32,
}

/// What a property's values are: id, names, unit, decimals and plausible range.
type Row = (&'static str, &'static str, &'static str, &'static str, u8, (f64, f64));

const fn measured(row: Row) -> PropertySpec {
    let (id, zh, en, unit, decimals, (min, max)) = row;
    PropertySpec { id, zh, en, value_type: ValueType::F64, unit: Some(unit), counter: false, decimals, min, max }
}

const fn metered(row: Row) -> PropertySpec {
    PropertySpec { counter: true, ..measured(row) }
}

const fn counted(id: &'static str, zh: &'static str, en: &'static str) -> PropertySpec {
    let whole = (id, zh, en, "H87", 0, (0.0, 9.0e15));
    PropertySpec { value_type: ValueType::I64, counter: true, ..measured(whole) }
}

const fn code(id: &'static str, zh: &'static str, en: &'static str, max: f64) -> PropertySpec {
    PropertySpec { id, zh, en, value_type: ValueType::I64, unit: None, counter: false, decimals: 0, min: 0.0, max }
}

const RUN_STATE: PropertySpec = code("run_state", "运行状态", "Run state", 3.0);
const FAULT_CODE: PropertySpec = code("fault_code", "故障代码", "Fault code", 9999.0);
const ENERGY: PropertySpec = metered(("energy_total", "累计电能", "Energy", "KWH", 3, (0.0, 1.0e9)));
const PIECES: PropertySpec = counted("piece_total", "累计产量", "Pieces made");
const GOOD: PropertySpec = counted("piece_good", "合格品数", "Good pieces");
const HOURS: PropertySpec = metered(("run_hours", "累计运行小时", "Operating hours", "HUR", 3, (0.0, 1.0e6)));

const FAULT_ALARM: AlarmSpec = AlarmSpec {
    id: "fault",
    zh: "设备故障停机",
    en: "Machine stopped by a fault",
    priority: "high",
    when: "fault_code > 0",
    until: "fault_code == 0",
    delay_s: 0,
};

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 5] = [Kind::Cnc, Kind::InjectionMoulding, Kind::Compressor, Kind::Pump, Kind::Press];

    /// Stable name: `cnc`, `injection_moulding`, `compressor`, `pump`, `press`.
    pub fn id(self) -> &'static str {
        match self {
            Kind::Cnc => "cnc",
            Kind::InjectionMoulding => "injection_moulding",
            Kind::Compressor => "compressor",
            Kind::Pump => "pump",
            Kind::Press => "press",
        }
    }

    /// Names for people, Chinese and English.
    pub fn names(self) -> (&'static str, &'static str) {
        match self {
            Kind::Cnc => ("立式加工中心", "Vertical machining centre"),
            Kind::InjectionMoulding => ("注塑机", "Injection moulding machine"),
            Kind::Compressor => ("螺杆空压机", "Screw compressor"),
            Kind::Pump => ("离心泵", "Centrifugal pump"),
            Kind::Press => ("冲压机", "Stamping press"),
        }
    }

    /// Its properties, in the order in which its model reports them.
    pub fn properties(self) -> &'static [PropertySpec] {
        match self {
            Kind::Cnc => cnc::PROPERTIES,
            Kind::InjectionMoulding => injection::PROPERTIES,
            Kind::Compressor => compressor::PROPERTIES,
            Kind::Pump => pump::PROPERTIES,
            Kind::Press => press::PROPERTIES,
        }
    }

    /// The property with this id.
    pub fn property(self, id: &str) -> Option<&'static PropertySpec> {
        self.properties().iter().find(|property| property.id == id)
    }

    /// The alarms it should have from the first day.
    pub fn alarms(self) -> &'static [AlarmSpec] {
        match self {
            Kind::Cnc => cnc::ALARMS,
            Kind::InjectionMoulding => injection::ALARMS,
            Kind::Compressor => compressor::ALARMS,
            Kind::Pump => pump::ALARMS,
            Kind::Press => press::ALARMS,
        }
    }

    /// How the machine's state follows from its properties; the first condition that holds decides.
    pub fn state_rule(self) -> &'static str {
        "down: fault_code > 0; off: power < 0.05 kW; running: run_state == 2; idle: true"
    }

    /// The same rule case by case; none of them means idle.
    pub fn state_cases(self) -> &'static [(MachineState, &'static str)] {
        &[
            (MachineState::Down, "fault_code > 0"),
            (MachineState::Off, "power < 0.05 kW"),
            (MachineState::Running, "run_state == 2"),
        ]
    }

    /// What breaks on it, with codes and names.
    pub fn faults(self) -> &'static [FaultMode] {
        match self {
            Kind::Cnc => physics::cnc::FAULTS,
            Kind::InjectionMoulding => physics::injection::FAULTS,
            Kind::Compressor => physics::compressor::FAULTS,
            Kind::Pump => physics::pump::FAULTS,
            Kind::Press => physics::press::FAULTS,
        }
    }

    /// The property whose scatter against the tolerance tells the process capability (Cpk), where pieces are measured.
    pub fn quality_property(self) -> Option<&'static str> {
        match self {
            Kind::Cnc => Some("diameter_dev"),
            Kind::InjectionMoulding => Some("part_weight"),
            Kind::Press => Some("part_dev"),
            Kind::Compressor | Kind::Pump => None,
        }
    }

    /// The thing model in the JetLinks JSON form.
    pub fn thing_model(self) -> String {
        thing_model(self.properties().iter().map(PropertySpec::json))
    }
}

impl PropertySpec {
    fn json(&self) -> Json {
        let kind = match self.value_type {
            ValueType::F64 => "double",
            ValueType::I64 if self.counter => "long",
            ValueType::I64 => "int",
            ValueType::Bool => "boolean",
            ValueType::Str => "string",
        };
        let mut value_type = json!({ "type": kind });
        let mut expands = json!({ "nameEn": self.en, "counter": self.counter, "min": self.min, "max": self.max });
        if let Some(unit) = self.unit {
            let symbol = kernel::Unit::of(unit).map_or(unit, |unit| unit.entry().symbol);
            value_type["unit"] = json!(symbol);
            expands["rec20"] = json!(unit);
        }
        if self.value_type == ValueType::F64 {
            value_type["scale"] = json!(self.decimals);
        }
        json!({ "id": self.id, "name": self.zh, "valueType": value_type, "expands": expands })
    }
}

/// A thing model around properties that are already JSON.
pub(crate) fn thing_model(properties: impl Iterator<Item = Json>) -> String {
    json!({ "properties": properties.collect::<Vec<_>>(), "functions": [], "events": [], "tags": [] }).to_string()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_kind_is_well_formed() {
        for kind in Kind::ALL {
            let mut ids = HashSet::new();
            assert!((7..=14).contains(&kind.properties().len()), "{kind:?}");
            for property in kind.properties() {
                assert!(ids.insert(property.id) && property.id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
                assert!(property.min < property.max && property.decimals <= 6);
                if let Some(unit) = property.unit {
                    kernel::Unit::of(unit).unwrap();
                }
            }
            let codes: HashSet<i64> = kind.faults().iter().map(|fault| fault.code).collect();
            assert!(codes.len() == kind.faults().len() && !codes.contains(&0));
            for alarm in kind.alarms() {
                let told = |rule: &str| kind.properties().iter().filter(|p| rule.contains(p.id)).map(|p| p.id).next();
                assert!(told(alarm.when).is_some(), "{kind:?} {}", alarm.when);
                assert_eq!(told(alarm.until), told(alarm.when));
            }
            assert!(kind.quality_property().is_none_or(|id| ids.contains(id)));
        }
    }

    #[test]
    fn the_thing_model_has_the_documented_form() {
        let model: Json = serde_json::from_str(&Kind::Cnc.thing_model()).unwrap();
        let property = &model["properties"][6];
        assert_eq!(property["id"], "spindle_temp");
        assert_eq!(property["valueType"], json!({ "type": "double", "unit": "°C", "scale": 1 }));
        assert_eq!(property["expands"]["rec20"], "CEL");
        assert_eq!(property["expands"]["counter"], false);
        assert_eq!(model["properties"][0]["valueType"], json!({ "type": "int" }));
        assert_eq!(model["properties"][11]["valueType"]["type"], "long");
        assert_eq!(model["tags"], json!([]));
    }
}
