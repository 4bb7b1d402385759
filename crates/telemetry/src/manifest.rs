//! Which segments exist and what the numbers of series mean: one small file, replaced whole.

use std::{collections::BTreeMap, io, path::Path};

use contracts::telemetry::{SeriesKey, ValueType};
use kernel::Window;
use serde::{Deserialize, Serialize};

use crate::{catalogue::Catalogue, files, segment::Segment};

const NAME: &str = "manifest.json";

/// The truth about the folder; what it does not name is a leftover of a crash and is removed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// Epoch of positions given since the last start.
    pub epoch: u16,
    /// Positions below this offset were given out.
    pub next_offset: u64,
    /// Segments, oldest first.
    pub segments: Vec<u64>,
    /// What time each of them covers: still known when a segment cannot be opened any more.
    #[serde(default)]
    pub spans: BTreeMap<u64, Window>,
    /// Number of the next segment.
    pub next_segment: u64,
    /// Log files below this index are contained in segments.
    pub wal_from: u64,
    /// Series in order of their numbers.
    pub series: Vec<SeriesRow>,
    /// Points and series refused so far are counted elsewhere; these counters survive restarts.
    pub duplicates: u64,
    /// See `duplicates`.
    pub rejected: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SeriesRow {
    #[serde(flatten)]
    key: SeriesKey,
    value_type: ValueType,
}

/// The file: a checksum line, then JSON.
impl Manifest {
    pub(crate) fn load(folder: &Path) -> io::Result<Option<Self>> {
        let text = match std::fs::read_to_string(folder.join(NAME)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let damaged = |what: &str| io::Error::new(io::ErrorKind::InvalidData, format!("{NAME}: {what}"));
        let (crc, json) = text.split_once('\n').ok_or_else(|| damaged("no checksum line"))?;
        if crc != format!("{:08x}", crc32c::crc32c(json.as_bytes())) {
            return Err(damaged("the checksum does not hold"));
        }
        serde_json::from_str(json).map(Some).map_err(|error| damaged(&error.to_string()))
    }

    /// Names a segment that is complete on disk.
    pub(crate) fn add(&mut self, segment: &Segment) {
        self.segments.push(segment.id);
        self.spans.extend(segment.span().map(|span| (segment.id, span)));
    }

    /// Forgets segments that others replace.
    pub(crate) fn remove(&mut self, gone: &[u64]) {
        self.segments.retain(|known| !gone.contains(known));
        self.spans.retain(|known, _| !gone.contains(known));
    }

    pub(crate) fn save(&self, folder: &Path) -> io::Result<()> {
        let json = serde_json::to_string(self).map_err(io::Error::other)?;
        let text = format!("{:08x}\n{json}", crc32c::crc32c(json.as_bytes()));
        files::publish(folder, NAME, text.as_bytes())
    }

    pub(crate) fn remember(&mut self, catalogue: &Catalogue) {
        let rows = catalogue.iter().skip(self.series.len());
        let rows: Vec<SeriesRow> =
            rows.map(|(_, series)| SeriesRow { key: series.key.clone(), value_type: series.value_type }).collect();
        self.series.extend(rows);
    }

    pub(crate) fn catalogue(&self) -> Catalogue {
        let mut catalogue = Catalogue::default();
        for row in &self.series {
            catalogue.define(row.key.clone(), row.value_type);
        }
        catalogue
    }
}
