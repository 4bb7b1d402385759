use std::{
    collections::HashMap,
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use contracts::telemetry::{Position, Stored};
use kernel::{Timestamp, Window};

use super::{BlockMeta, MAGIC, MAGIC_END, Stats, TRAILER_BYTES, block::decode};
use crate::{
    catalogue::{SeriesNo, type_of_tag},
    files::Reader,
};

/// An open segment: its block table in memory, its blocks read when asked for.
#[derive(Debug)]
pub(crate) struct Segment {
    pub id: u64,
    pub path: PathBuf,
    pub bytes: u64,
    pub points: u64,
    file: File,
    blocks: HashMap<SeriesNo, Vec<BlockMeta>>,
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

impl Segment {
    /// Opens a segment and reads its footer. `InvalidData` when the footer does not hold.
    pub(crate) fn open(path: &Path, id: u64) -> io::Result<Self> {
        let file = File::open(path)?;
        let bytes = file.metadata()?.len();
        if bytes < (MAGIC.len() + TRAILER_BYTES) as u64 {
            return Err(damaged("the file is too short"));
        }
        let mut trailer = [0; TRAILER_BYTES];
        file.read_exact_at(&mut trailer, bytes - TRAILER_BYTES as u64)?;
        let mut reader = Reader(&trailer);
        let (length, crc) = (reader.u64().unwrap_or(0), reader.u32().unwrap_or(0));
        let mut magic = [0; 8];
        file.read_exact_at(&mut magic, 0)?;
        let room = bytes - (MAGIC.len() + TRAILER_BYTES) as u64;
        if reader.0 != MAGIC_END || magic != *MAGIC || length > room {
            return Err(damaged("header or trailer is damaged"));
        }
        let mut footer = vec![0; length as usize];
        file.read_exact_at(&mut footer, bytes - TRAILER_BYTES as u64 - length)?;
        if crc32c::crc32c(&footer) != crc {
            return Err(damaged("the footer is damaged"));
        }
        let all = read_footer(&footer).ok_or_else(|| damaged("the footer cannot be read"))?;
        let points = all.iter().map(|block| u64::from(block.count)).sum();
        let mut blocks: HashMap<SeriesNo, Vec<BlockMeta>> = HashMap::new();
        for block in all {
            blocks.entry(block.series).or_default().push(block);
        }
        Ok(Self { id, path: path.to_owned(), bytes, points, file, blocks })
    }

    pub(crate) fn name(&self) -> String {
        self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// The blocks of a series, in order of time.
    pub(crate) fn blocks(&self, series: SeriesNo) -> &[BlockMeta] {
        self.blocks.get(&series).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn series(&self) -> Vec<SeriesNo> {
        let mut all: Vec<SeriesNo> = self.blocks.keys().copied().collect();
        all.sort();
        all
    }

    /// Reads a block; `InvalidData` when its checksum or content does not hold.
    pub(crate) fn load(&self, block: &BlockMeta) -> io::Result<Vec<Stored>> {
        let mut bytes = vec![0; block.length as usize];
        self.file.read_exact_at(&mut bytes, block.offset)?;
        if crc32c::crc32c(&bytes) != block.crc {
            return Err(damaged("a block's checksum does not hold"));
        }
        decode(block.value_type, block.count as usize, &bytes).ok_or_else(|| damaged("a block cannot be decoded"))
    }

    /// Reads everything; which blocks do not hold.
    pub(crate) fn check(&self) -> Vec<(u64, SeriesNo, String)> {
        let mut found = Vec::new();
        for series in self.series() {
            for block in self.blocks(series) {
                if let Err(error) = self.load(block) {
                    found.push((block.offset, series, error.to_string()));
                }
            }
        }
        found
    }

    /// From its first sample to just after its last; none when it is empty.
    pub(crate) fn span(&self) -> Option<Window> {
        let blocks = || self.blocks.values().flatten();
        let from = blocks().map(|block| block.min_time).min()?;
        let to = blocks().map(|block| block.max_time).max()? + kernel::Duration::from_micros(1);
        Some(Window { from, to })
    }

    pub(crate) fn max_position(&self) -> Position {
        self.blocks.values().flatten().map(|block| block.max_position).max().unwrap_or_default()
    }
}

fn read_footer(bytes: &[u8]) -> Option<Vec<BlockMeta>> {
    let mut reader = Reader(bytes);
    let count = reader.u32()? as usize;
    let mut blocks = Vec::with_capacity(count.min(bytes.len() / 50 + 1));
    for _ in 0..count {
        let series = SeriesNo(reader.u32()?);
        let value_type = type_of_tag(reader.u8()?)?;
        let (offset, length, crc, count) = (reader.u64()?, reader.u32()?, reader.u32()?, reader.u32()?);
        let time = |reader: &mut Reader<'_>| reader.i64().map(Timestamp::from_micros);
        let (min_time, max_time) = (time(&mut reader)?, time(&mut reader)?);
        let (min_position, max_position) = (Position(reader.u64()?), Position(reader.u64()?));
        let stats = match reader.u8()? {
            0 => None,
            _ => {
                let count = reader.u64()?;
                let (min, max, sum) = (reader.f64()?, reader.f64()?, reader.f64()?);
                let (first, last) = (reader.f64()?, reader.f64()?);
                let (first_at, last_at) = (time(&mut reader)?, time(&mut reader)?);
                Some(Stats { count, min, max, sum, first, last, first_at, last_at })
            }
        };
        blocks.push(BlockMeta {
            series,
            value_type,
            offset,
            length,
            crc,
            count,
            min_time,
            max_time,
            min_position,
            max_position,
            stats,
        });
    }
    reader.0.is_empty().then_some(blocks)
}
