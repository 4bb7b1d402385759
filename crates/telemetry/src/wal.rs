//! The log: framed records, checksummed, appended and synced by one thread.
//!
//! File `wal-<index>.log`: 16 bytes `BGWAL002` + index, then frames:
//! `magic u16 = 0xB61C | length u32 | crc32c u32 | kind u8 | payload`, the checksum over kind and payload.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use contracts::telemetry::{Position, Quality, Sample, SeriesKey, Stored, Value, ValueType};
use kernel::{Timestamp, id::AssetId};

use crate::{
    catalogue::{SeriesNo, type_of_tag, type_tag},
    files::{Reader, put_text},
};

const FILE_MAGIC: &[u8; 8] = b"BGWAL002";
const FILE_HEADER_BYTES: usize = 16;
const FRAME_MAGIC: u16 = 0xB61C;
const FRAME_HEADER_BYTES: usize = 10;
/// No frame is longer; a length beyond it is damage.
const PAYLOAD_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What the log records.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Record {
    /// A series got its number.
    Define { no: SeriesNo, key: SeriesKey, value_type: ValueType },
    /// Points were accepted, in this order, at consecutive positions.
    Points(Vec<(SeriesNo, Stored)>),
    /// The store was closed in order; nothing follows.
    Closed,
}

/// The open log file.
pub(crate) struct Wal {
    file: File,
    pub index: u64,
    pub bytes: u64,
}

pub(crate) fn path_of(folder: &Path, index: u64) -> PathBuf {
    folder.join(format!("wal-{index:010}.log"))
}

/// The log files of a folder, oldest first.
pub(crate) fn list(folder: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if let Some(index) =
            name.strip_prefix("wal-").and_then(|rest| rest.strip_suffix(".log")).and_then(|n| n.parse().ok())
        {
            found.push((index, entry.path()));
        }
    }
    found.sort();
    Ok(found)
}

impl Wal {
    /// Begins a new file; its name is durable before anything is written to it.
    pub(crate) fn create(folder: &Path, index: u64) -> io::Result<Self> {
        let mut file = OpenOptions::new().write(true).create_new(true).open(path_of(folder, index))?;
        file.write_all(FILE_MAGIC)?;
        file.write_all(&index.to_le_bytes())?;
        file.sync_all()?;
        crate::files::sync_folder(folder)?;
        Ok(Self { file, index, bytes: FILE_HEADER_BYTES as u64 })
    }

    /// Appends bytes made by [`encode`]; not durable before [`sync`](Wal::sync).
    pub(crate) fn append(&mut self, frames: &[u8]) -> io::Result<()> {
        self.file.write_all(frames)?;
        self.bytes += frames.len() as u64;
        Ok(())
    }

    /// The one place where appended points become durable. An error is final.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }
}

/// Appends a frame to a buffer.
pub(crate) fn encode(record: &Record, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&FRAME_MAGIC.to_le_bytes());
    out.extend_from_slice(&[0; 8]);
    let body = out.len();
    match record {
        Record::Define { no, key, value_type } => {
            out.push(1);
            out.extend_from_slice(&no.0.to_le_bytes());
            out.push(type_tag(*value_type));
            out.extend_from_slice(key.asset.uuid().as_bytes());
            put_text(out, &key.property);
        }
        Record::Points(points) => {
            out.push(2);
            out.extend_from_slice(&(points.len() as u32).to_le_bytes());
            let first = points.first().map_or(0, |(_, stored)| stored.position.0);
            out.extend_from_slice(&first.to_le_bytes());
            for (no, stored) in points {
                out.extend_from_slice(&no.0.to_le_bytes());
                put_sample(out, &stored.sample);
            }
        }
        Record::Closed => out.push(3),
    }
    let length = (out.len() - body) as u32;
    let crc = crc32c::crc32c(&out[body..]);
    out[start + 2..start + 6].copy_from_slice(&length.to_le_bytes());
    out[start + 6..start + 10].copy_from_slice(&crc.to_le_bytes());
}

/// Appends a sample in the form that log and conflict file share.
pub(crate) fn put_sample(out: &mut Vec<u8>, sample: &Sample) {
    out.push(quality_tag(sample.quality));
    out.extend_from_slice(&sample.source_time.micros().to_le_bytes());
    out.extend_from_slice(&sample.receive_time.micros().to_le_bytes());
    out.extend_from_slice(&sample.sequence.to_le_bytes());
    out.push(type_tag(sample.value.value_type()));
    match &sample.value {
        Value::F64(v) => out.extend_from_slice(&v.to_bits().to_le_bytes()),
        Value::I64(v) => out.extend_from_slice(&v.to_le_bytes()),
        Value::Bool(v) => out.push(u8::from(*v)),
        Value::Str(v) => put_text(out, v),
    }
}

pub(crate) fn take_sample(reader: &mut Reader<'_>) -> Option<Sample> {
    let quality = quality_of_tag(reader.u8()?)?;
    let source_time = Timestamp::from_micros(reader.i64()?);
    let receive_time = Timestamp::from_micros(reader.i64()?);
    let sequence = reader.u64()?;
    let value = match type_of_tag(reader.u8()?)? {
        ValueType::F64 => Value::F64(reader.f64()?),
        ValueType::I64 => Value::I64(reader.i64()?),
        ValueType::Bool => Value::Bool(reader.u8()? != 0),
        ValueType::Str => Value::Str(Arc::from(reader.text()?)),
    };
    Some(Sample { source_time, receive_time, value, quality, sequence })
}

pub(crate) fn quality_tag(quality: Quality) -> u8 {
    match quality {
        Quality::Good => 0,
        Quality::Uncertain => 1,
        Quality::Bad => 2,
    }
}

pub(crate) fn quality_of_tag(tag: u8) -> Option<Quality> {
    [Quality::Good, Quality::Uncertain, Quality::Bad].get(usize::from(tag)).copied()
}

fn decode(body: &[u8]) -> Option<Record> {
    let mut reader = Reader(body);
    let record = match reader.u8()? {
        1 => {
            let no = SeriesNo(reader.u32()?);
            let value_type = type_of_tag(reader.u8()?)?;
            let asset = AssetId::from_uuid(uuid::Uuid::from_slice(reader.take(16)?).ok()?);
            Record::Define { no, key: SeriesKey::new(asset, reader.text()?), value_type }
        }
        2 => {
            let count = reader.u32()? as usize;
            let first = reader.u64()?;
            // Every point takes more than thirty bytes: the count cannot be trusted further than that.
            if count > body.len() / 30 + 1 {
                return None;
            }
            let mut points = Vec::with_capacity(count);
            for index in 0..count {
                let no = SeriesNo(reader.u32()?);
                let sample = take_sample(&mut reader)?;
                points.push((no, Stored { position: Position(first + index as u64), sample }));
            }
            Record::Points(points)
        }
        3 => Record::Closed,
        _ => return None,
    };
    reader.0.is_empty().then_some(record)
}

/// What a log file holds.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub records: Vec<Record>,
    /// Stretches that are no valid frames although valid frames follow: damage, `(offset, length)`.
    pub damaged: Vec<(u64, u64)>,
    /// Where the last valid frame ends.
    pub valid_bytes: u64,
    /// How long the file is.
    pub file_bytes: u64,
    /// Whether it ends with the mark of an orderly close.
    pub closed: bool,
}

impl Contents {
    /// Bytes after the last valid frame: a write that a crash cut short (it was never acknowledged), unless the file was closed.
    pub(crate) fn torn_bytes(&self) -> u64 {
        self.file_bytes - self.valid_bytes
    }
}

/// Reads a whole file, stepping over what is damaged.
pub(crate) fn read(path: &Path, index: u64) -> io::Result<Contents> {
    let bytes = std::fs::read(path)?;
    let mut contents = Contents { file_bytes: bytes.len() as u64, ..Contents::default() };
    let header = bytes.get(..FILE_HEADER_BYTES);
    let header_holds = header.is_some_and(|h| h[..8] == *FILE_MAGIC && h[8..] == index.to_le_bytes());
    let mut at = FILE_HEADER_BYTES.min(bytes.len());
    contents.valid_bytes = at as u64;
    let mut gap_from = None;
    if !header_holds && bytes.len() > FILE_HEADER_BYTES {
        contents.damaged.push((0, FILE_HEADER_BYTES as u64));
    }
    while at < bytes.len() {
        match frame_at(&bytes, at) {
            Some((record, end)) => {
                if let Some(from) = gap_from.take() {
                    contents.damaged.push((from as u64, (at - from) as u64));
                }
                contents.closed = record == Record::Closed;
                contents.records.push(record);
                at = end;
                contents.valid_bytes = end as u64;
            }
            None => {
                gap_from.get_or_insert(at);
                at += 1;
            }
        }
    }
    Ok(contents)
}

fn frame_at(bytes: &[u8], at: usize) -> Option<(Record, usize)> {
    let mut reader = Reader(bytes.get(at..)?);
    if reader.u16()? != FRAME_MAGIC {
        return None;
    }
    let (length, crc) = (reader.u32()? as usize, reader.u32()?);
    if length == 0 || length > PAYLOAD_BYTES_MAX {
        return None;
    }
    let body = reader.take(length)?;
    if crc32c::crc32c(body) != crc {
        return None;
    }
    Some((decode(body)?, at + FRAME_HEADER_BYTES + length))
}
