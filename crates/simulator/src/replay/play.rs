//! Recordings as feeds of the live senders.

use std::sync::Arc;

use kernel::{Duration, Error, Result, Timestamp};

use super::Recording;
use crate::{
    live::{Feed, Pace, Row, RunHandle, Target},
    spec::Protocol,
};

/// Where a recording's first row is put in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// The first row is now; the recording plays in real time.
    StartNow,
    /// The last row is now; the recording plays at the run's speed until it has caught up.
    EndNow,
    /// The first row is at this moment, which must not be later than now.
    StartAt(Timestamp),
}

/// What to play, and how.
pub struct ReplayConfig {
    /// The recordings and the device tokens they are played with.
    pub recordings: Vec<(Recording, String)>,
    /// How they speak: MQTT or HTTP; a recording cannot be asked by Modbus.
    pub protocol: Protocol,
    /// Where to, and how fast.
    pub target: Target,
    /// Where in time.
    pub align: Align,
}

/// Starts playing. The run ends by itself when everything has been acknowledged: see [`RunHandle::finished`].
///
/// # Errors
/// `simulator.run.malformed`, `simulator.ledger.unwritable`.
pub async fn run(config: ReplayConfig) -> Result<RunHandle> {
    if config.protocol == Protocol::ModbusTcp {
        return Err(Error::invalid(
            "simulator.run.malformed",
            "recordings cannot be played over Modbus, which carries no time",
        )
        .hint("use MQTT or HTTP"));
    }
    let mut handle = RunHandle::new(&config.target)?;
    for (recording, token) in config.recordings {
        let now = config.target.clock.now();
        let base = match config.align {
            Align::StartNow => now,
            Align::EndNow => now - recording.length(),
            Align::StartAt(at) => at.min(now),
        };
        // JSON carries milliseconds.
        let base = base.floor_to(Duration::from_millis(1));
        let pace = Pace::new(&config.target, Some(base));
        let name = format!("replay/{}", recording.name);
        let names = recording.properties.iter().map(|property| Arc::from(property.id.as_str())).collect();
        let feed = RecordingFeed { recording, names, base };
        handle.send(Box::new(feed), config.protocol, name, token, &config.target, pace);
    }
    Ok(handle)
}

struct RecordingFeed {
    recording: Recording,
    names: Vec<Arc<str>>,
    base: Timestamp,
}

impl RecordingFeed {
    fn at(&self, row: usize) -> Timestamp {
        self.base + Duration::from_millis(self.recording.rows[row].0)
    }

    /// The first row after a moment.
    fn after(&self, moment: Timestamp) -> usize {
        self.recording.rows.partition_point(|(offset, _)| self.base + Duration::from_millis(*offset) <= moment)
    }
}

impl Feed for RecordingFeed {
    fn rows(&mut self, after: Timestamp, until: Timestamp, limit: usize) -> Vec<Row> {
        let first = self.after(after);
        let last = self.after(until).min(first + limit);
        let row = |number: usize| {
            let cells = self.names.iter().zip(&self.recording.rows[number].1);
            let values = cells.filter_map(|(name, cell)| Some((name.clone(), cell.clone()?))).collect();
            Row { at: self.at(number), values }
        };
        (first..last).map(row).collect()
    }

    fn due(&self, after: Timestamp) -> Option<Timestamp> {
        let next = self.after(after);
        (next < self.recording.rows()).then(|| self.at(next))
    }

    fn start(&self) -> Timestamp {
        self.base - Duration::from_micros(1)
    }

    fn width(&self) -> usize {
        self.names.len()
    }
}
