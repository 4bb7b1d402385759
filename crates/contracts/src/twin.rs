//! What rooms ask about machines, answered by `twin`.

use std::sync::Arc;

use kernel::{
    Result, Timestamp, Unit, Window,
    id::{AssetId, PartyId},
};
use serde::{Deserialize, Serialize};

use crate::{BoxFuture, telemetry::ValueType};

/// Machine states of the timeline, in the words of ISO 22400 and shop floors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MachineState {
    /// Producing.
    Running,
    /// Switched on, not producing.
    Idle,
    /// Stopped by a fault.
    Down,
    /// Switched off.
    Off,
    /// Nothing heard for longer than the rule allows.
    Unknown,
}

/// A stretch of time in one state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateSpan {
    /// When.
    pub window: Window,
    /// Which state.
    pub state: MachineState,
}

/// What a room may know about a machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MachineFacts {
    /// The asset.
    pub asset: AssetId,
    /// Its owner.
    pub tenant: PartyId,
    /// Name.
    pub name: String,
    /// Code plate, unique in its organisation.
    pub code: String,
    /// Kind of machine: `cnc`, `injection_moulding`, `compressor`, `pump`, `press`, `robot`, …
    pub kind: String,
    /// Properties with type and unit, in the order of the thing model.
    pub properties: Vec<PropertyFacts>,
}

/// One property of a machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PropertyFacts {
    /// Property id, the `property` of its series key.
    pub id: Arc<str>,
    /// Name in Chinese.
    pub name_zh: String,
    /// Name in English.
    pub name_en: String,
    /// Type.
    pub value_type: ValueType,
    /// Unit, for numbers.
    pub unit: Option<Unit>,
    /// True when it only counts up (until it rolls over or is reset).
    pub counter: bool,
}

/// The directory of machines.
pub trait MachineDirectory: Send + Sync {
    /// The facts of a machine, whoever asks; callers decide what they may show.
    fn machine(&self, asset: AssetId) -> Option<Arc<MachineFacts>>;

    /// All machines of an organisation.
    fn machines(&self, tenant: PartyId) -> Vec<Arc<MachineFacts>>;

    /// The state now.
    fn state(&self, asset: AssetId) -> MachineState;

    /// The timeline of a window, without holes (`Unknown` where nothing is known).
    ///
    /// # Errors
    /// When telemetry cannot be read.
    fn timeline(&self, asset: AssetId, window: Window) -> BoxFuture<'_, Result<Vec<StateSpan>>>;

    /// When the newest value of the machine was measured.
    fn last_heard(&self, asset: AssetId) -> Option<Timestamp>;
}
