//! Values that lost against an earlier one for the same identity: kept for ever in `conflicts.log`, the newest in memory.
//!
//! Frames of `length u32 | crc32c u32 | body`, the body: series number, kept position and sample, refused sample.

use std::{
    collections::VecDeque,
    fs::{File, OpenOptions},
    io::{self, Write},
    path::Path,
};

use contracts::telemetry::{Position, Sample, Stored};

use crate::{
    catalogue::SeriesNo,
    files::Reader,
    wal::{put_sample, take_sample},
};

pub(crate) const NAME: &str = "conflicts.log";
const IN_MEMORY: usize = 10_000;

/// One conflict.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Conflict {
    pub series: SeriesNo,
    pub kept: Stored,
    pub refused: Sample,
}

/// The newest conflicts and their file.
#[derive(Debug)]
pub(crate) struct Conflicts {
    file: File,
    newest: VecDeque<Conflict>,
    pub total: u64,
}

impl Conflicts {
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        let path = folder.join(NAME);
        let bytes = std::fs::read(&path).or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => Ok(Vec::new()),
            _ => Err(error),
        })?;
        let mut newest = VecDeque::new();
        let (found, _) = parse(&bytes);
        let total = found.len() as u64;
        newest.extend(found.into_iter().rev().take(IN_MEMORY).rev());
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        crate::files::sync_folder(folder)?;
        Ok(Self { file, newest, total })
    }

    /// Known already? Sending a conflicting value again is counted once.
    pub(crate) fn known(&self, series: SeriesNo, refused: &Sample) -> bool {
        self.newest.iter().rev().any(|c| {
            c.series == series
                && c.refused.source_time == refused.source_time
                && c.refused.sequence == refused.sequence
                && crate::writer::same_value(&c.refused.value, &refused.value)
        })
    }

    /// Appends and syncs.
    pub(crate) fn add(&mut self, conflicts: Vec<Conflict>) -> io::Result<()> {
        let mut out = Vec::new();
        for conflict in &conflicts {
            let mut body = conflict.series.0.to_le_bytes().to_vec();
            body.extend_from_slice(&conflict.kept.position.0.to_le_bytes());
            put_sample(&mut body, &conflict.kept.sample);
            put_sample(&mut body, &conflict.refused);
            out.extend_from_slice(&(body.len() as u32).to_le_bytes());
            out.extend_from_slice(&crc32c::crc32c(&body).to_le_bytes());
            out.extend_from_slice(&body);
        }
        self.file.write_all(&out)?;
        self.file.sync_data()?;
        self.total += conflicts.len() as u64;
        self.newest.extend(conflicts);
        while self.newest.len() > IN_MEMORY {
            self.newest.pop_front();
        }
        Ok(())
    }

    pub(crate) fn newest(&self) -> impl Iterator<Item = &Conflict> {
        self.newest.iter().rev()
    }
}

/// Every frame that holds, and where the first one that does not begins.
pub(crate) fn parse(bytes: &[u8]) -> (Vec<Conflict>, Option<u64>) {
    let mut reader = Reader(bytes);
    let mut found = Vec::new();
    while !reader.0.is_empty() {
        let at = (bytes.len() - reader.0.len()) as u64;
        let Some((length, crc)) = reader.u32().zip(reader.u32()) else { return (found, Some(at)) };
        let Some(body) = reader.take(length as usize) else { return (found, Some(at)) };
        match (crc32c::crc32c(body) == crc).then(|| decode(body)).flatten() {
            Some(conflict) => found.push(conflict),
            None => return (found, Some(at)),
        }
    }
    (found, None)
}

fn decode(body: &[u8]) -> Option<Conflict> {
    let mut reader = Reader(body);
    let series = SeriesNo(reader.u32()?);
    let position = Position(reader.u64()?);
    let kept = Stored { position, sample: take_sample(&mut reader)? };
    Some(Conflict { series, kept, refused: take_sample(&mut reader)? })
}
