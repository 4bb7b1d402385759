use kernel::Duration;

use crate::decode::DecodeLimits;

/// What passes and how much may be under way. The defaults are the documented promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IngestLimits {
    /// Limits inside one message.
    pub decode: DecodeLimits,
    /// Bytes of one message.
    pub message_bytes_max: usize,
    /// Bytes of all messages under way together; more wait outside.
    pub in_flight_bytes_max: usize,
    /// Bytes of HTTP bodies that are still being received.
    pub receiving_bytes_max: usize,
    /// Points of all messages under way together; more wait outside.
    pub in_flight_points_max: usize,
    /// How far ahead of our clock a point's time may be.
    pub future_skew_max: Duration,
    /// How old a point may be.
    pub age_max: Duration,
    /// Quarantine records one message may leave; the rest is summed up in one more.
    pub quarantine_per_message_max: usize,
    /// Quarantine records a device may leave in a minute; beyond that refusals are only counted.
    pub quarantine_per_minute_max: u32,
}

impl Default for IngestLimits {
    fn default() -> Self {
        Self {
            decode: DecodeLimits::default(),
            message_bytes_max: 1 << 20,
            in_flight_bytes_max: 64 << 20,
            receiving_bytes_max: 64 << 20,
            in_flight_points_max: 200_000,
            future_skew_max: Duration::from_mins(10),
            age_max: Duration::from_days(400),
            quarantine_per_message_max: 32,
            quarantine_per_minute_max: 120,
        }
    }
}
