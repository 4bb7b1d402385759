use contracts::telemetry::{Quality, Stored, Value};
use kernel::Timestamp;

/// A stored value as a metering rule and its evidence see it. When it was received is left out: the position in the log
/// already fixes the order of arrival.
#[derive(Debug, Clone, PartialEq)]
pub struct MeterSample {
    /// When the world was so.
    pub at: Timestamp,
    /// Its place in the telemetry log.
    pub position: u64,
    /// The sender's sequence number.
    pub sequence: u64,
    /// Its quality.
    pub quality: Quality,
    /// Its value.
    pub value: Value,
}

impl MeterSample {
    /// Bad values are evidence of a gap, never of a quantity.
    pub fn usable(&self) -> bool {
        self.quality != Quality::Bad
    }
}

impl From<Stored> for MeterSample {
    fn from(stored: Stored) -> Self {
        let Stored { position, sample } = stored;
        Self {
            at: sample.source_time,
            position: position.0,
            sequence: sample.sequence,
            quality: sample.quality,
            value: sample.value,
        }
    }
}
