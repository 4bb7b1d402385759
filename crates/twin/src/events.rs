//! What the twin states in the journal, version 1 each. Subjects are the ids of what the fact is about.

use kernel::{
    Timestamp,
    id::{AlarmId, AlarmRuleId, AssetId, DeviceId, ThingModelId},
};
use serde::Serialize;

/// A version of a thing model was recorded.
pub const MODEL_VERSIONED: &str = "twin.thing-model.versioned";
/// A node was put into the equipment tree.
pub const NODE_CREATED: &str = "twin.equipment.created";
/// A node was renamed, moved, upgraded, or given a state rule.
pub const NODE_CHANGED: &str = "twin.equipment.changed";
/// A device was registered.
pub const DEVICE_REGISTERED: &str = "twin.device.registered";
/// A device's mapping, poll configuration, credential or right to connect changed.
pub const DEVICE_CHANGED: &str = "twin.device.changed";
/// An alarm rule was created, changed or removed.
pub const RULE_CHANGED: &str = "twin.alarm-rule.changed";
/// An alarm was raised: said once until it is acknowledged, however often it repeats.
pub const ALARM_RAISED: &str = "twin.alarm.raised";
/// An alarm returned to normal: said once until it is acknowledged.
pub const ALARM_RETURNED: &str = "twin.alarm.returned";
/// An alarm was acknowledged.
pub const ALARM_ACKNOWLEDGED: &str = "twin.alarm.acknowledged";
/// An alarm was put on the shelf.
pub const ALARM_SHELVED: &str = "twin.alarm.shelved";
/// An alarm came off the shelf, by hand or because its time was over.
pub const ALARM_UNSHELVED: &str = "twin.alarm.unshelved";
/// An alarm was taken out of service, or put back.
pub const ALARM_SERVICE_CHANGED: &str = "twin.alarm.service-changed";
/// A latched alarm was reset.
pub const ALARM_RESET: &str = "twin.alarm.reset";

#[derive(Serialize)]
pub struct ModelVersioned<'a> {
    pub model: ThingModelId,
    pub code: &'a str,
    pub version: u32,
    pub digest: &'a str,
}

#[derive(Serialize)]
pub struct NodeFact<'a> {
    pub asset: AssetId,
    pub code: &'a str,
    pub level: &'a str,
    pub parent: Option<AssetId>,
    pub model: Option<ThingModelId>,
    pub model_version: Option<u32>,
    pub what: &'a str,
}

#[derive(Serialize)]
pub struct DeviceFact<'a> {
    pub device: DeviceId,
    pub name: &'a str,
    pub enabled: bool,
    pub what: &'a str,
}

#[derive(Serialize)]
pub struct RuleFact<'a> {
    pub rule: AlarmRuleId,
    pub name: &'a str,
    pub version: u32,
    pub what: &'a str,
}

#[derive(Serialize)]
pub struct AlarmFact<'a> {
    pub alarm: AlarmId,
    pub rule: AlarmRuleId,
    pub asset: AssetId,
    pub name: &'a str,
    pub priority: u8,
    pub state: &'a str,
    pub at: Timestamp,
    pub occurrences: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}
