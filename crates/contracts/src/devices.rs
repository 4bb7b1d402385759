//! What `edge` asks about devices, answered by `twin`: who a credential belongs to, and where its metrics go.

use std::{collections::BTreeMap, sync::Arc};

use kernel::{
    Result, Timestamp, Unit,
    id::{AssetId, DeviceId, PartyId},
};
use serde::{Deserialize, Serialize};

use crate::{
    BoxFuture,
    telemetry::{Value, ValueType},
};

/// One metric of a device and the property it feeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricBinding {
    /// The asset whose property it is.
    pub asset: AssetId,
    /// The property id.
    pub property: Arc<str>,
    /// The property's type.
    pub value_type: ValueType,
    /// The property's unit; none for booleans and text.
    pub unit: Option<Unit>,
    /// Stored value = received × scale + offset (numeric metrics only). Exactly 1 and 0 leave the value untouched.
    pub scale: f64,
    /// See `scale`.
    pub offset: f64,
    /// Values outside are quarantined.
    pub min: Option<f64>,
    /// Values outside are quarantined.
    pub max: Option<f64>,
}

/// A device as the edge sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeviceBinding {
    /// The device.
    pub device: DeviceId,
    /// The organisation it belongs to.
    pub tenant: PartyId,
    /// Its name in topics and logs.
    pub name: String,
    /// Whether it may connect at all.
    pub enabled: bool,
    /// Metric name → property.
    pub metrics: BTreeMap<String, MetricBinding>,
    /// Poll configuration, for devices that we ask (Modbus TCP); none for devices that speak first.
    pub poll: Option<ModbusPoll>,
}

/// A Modbus TCP register map and how often to read it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModbusPoll {
    /// Host and port, such as `127.0.0.1:1502`.
    pub address: String,
    /// Unit id (slave address), 1–247.
    pub unit_id: u8,
    /// Pause between polls in milliseconds, 100–3 600 000.
    pub interval_ms: u32,
    /// What to read.
    pub registers: Vec<ModbusRegister>,
}

/// One value in the register map.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModbusRegister {
    /// Metric name it becomes.
    pub metric: String,
    /// Which table.
    pub table: ModbusTable,
    /// Zero-based address.
    pub address: u16,
    /// How the words are read.
    pub format: ModbusFormat,
}

/// The four Modbus tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the standard's")]
pub enum ModbusTable {
    Coil,
    DiscreteInput,
    HoldingRegister,
    InputRegister,
}

/// Word formats; 32- and 64-bit ones are big-endian words unless named `_swapped`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the formats")]
pub enum ModbusFormat {
    Bool,
    U16,
    I16,
    U32,
    I32,
    U64,
    F32,
    F32Swapped,
    U32Swapped,
}

/// Why a message or point was set aside instead of stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quarantined {
    /// The device, when it is known.
    pub device: Option<DeviceId>,
    /// The organisation, when it is known.
    pub tenant: Option<PartyId>,
    /// The door it came through: `mqtt`, `http-json`, `http-line`, `modbus`.
    pub door: String,
    /// Stable code of the reason, such as `edge.metric.unknown`.
    pub code: String,
    /// What was wrong.
    pub detail: String,
    /// The metric, when the reason is about one.
    pub metric: Option<String>,
    /// The value, when there was one.
    pub value: Option<Value>,
    /// The time it claimed.
    pub source_time: Option<Timestamp>,
    /// When it came.
    pub received_at: Timestamp,
    /// Up to 512 bytes of the payload, lossily as text.
    pub excerpt: String,
}

/// The directory of devices.
pub trait DeviceDirectory: Send + Sync {
    /// The device that a token belongs to (tokens are stored hashed). Answered from memory: called per connection or request.
    fn by_token(&self, token: &str) -> Option<Arc<DeviceBinding>>;

    /// The device's current binding; a change of mapping or of `enabled` shows at the next call.
    fn by_id(&self, device: DeviceId) -> Option<Arc<DeviceBinding>>;

    /// Every enabled device that has to be polled.
    fn polled(&self) -> Vec<Arc<DeviceBinding>>;

    /// Counts up with every change of any device, so that the edge knows when to look again.
    fn revision(&self) -> u64;

    /// Keeps what could not be stored, for people to look at. Bounded per device: old records make room.
    ///
    /// # Errors
    /// When the database refuses.
    fn quarantine(&self, records: Vec<Quarantined>) -> BoxFuture<'_, Result<()>>;

    /// Notes that a device connected or disconnected.
    fn presence(&self, device: DeviceId, online: bool, at: Timestamp);
}
