//! Everything between a decoded message and the store, the same for every door: which property a metric feeds, whether the
//! value may pass, room in memory, the append, the quarantine and the counting.

mod counters;
mod flow;
mod limits;
mod quarantine;
mod resolve;

pub use counters::{CounterView, EdgeStats};
pub use flow::{Admission, Answer, Ingest, Refusal};
pub use limits::IngestLimits;

use serde::Serialize;

/// Where a message came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Door {
    /// MQTT 3.1.1 or 5.
    Mqtt,
    /// JSON over HTTP.
    HttpJson,
    /// Line protocol over HTTP.
    HttpLine,
    /// Modbus TCP polling.
    Modbus,
}

impl Door {
    /// Every door.
    pub const ALL: [Door; 4] = [Door::Mqtt, Door::HttpJson, Door::HttpLine, Door::Modbus];

    /// Its name in quarantine records and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Door::Mqtt => "mqtt",
            Door::HttpJson => "http-json",
            Door::HttpLine => "http-line",
            Door::Modbus => "modbus",
        }
    }
}
