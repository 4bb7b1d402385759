use std::{
    fs::{File, OpenOptions},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use contracts::telemetry::{Position, Stored, ValueType};

use super::{
    BLOCK_SAMPLES, BlockMeta, MAGIC, MAGIC_END, Segment,
    block::{encode, stats_of},
};
use crate::{
    catalogue::{SeriesNo, type_tag},
    files::sync_folder,
};

/// Writes one segment under a temporary name; it exists only after [`finish`](SegmentWriter::finish).
pub(crate) struct SegmentWriter {
    folder: PathBuf,
    id: u64,
    out: BufWriter<File>,
    offset: u64,
    blocks: Vec<BlockMeta>,
}

pub(crate) fn name_of(id: u64) -> String {
    format!("seg-{id:010}.bts")
}

impl SegmentWriter {
    pub(crate) fn create(folder: &Path, id: u64) -> io::Result<Self> {
        let path = folder.join(format!("{}.tmp", name_of(id)));
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
        let mut out = BufWriter::with_capacity(1 << 20, file);
        out.write_all(MAGIC)?;
        Ok(Self { folder: folder.to_owned(), id, out, offset: MAGIC.len() as u64, blocks: Vec::new() })
    }

    /// Adds samples of one series, ordered by (time, sequence). A series may come in several calls if they are ordered too.
    pub(crate) fn add(&mut self, series: SeriesNo, value_type: ValueType, samples: &[Stored]) -> io::Result<()> {
        for chunk in samples.chunks(BLOCK_SAMPLES) {
            let bytes = encode(value_type, chunk);
            let positions = || chunk.iter().map(|stored| stored.position);
            self.blocks.push(BlockMeta {
                series,
                value_type,
                offset: self.offset,
                length: bytes.len() as u32,
                crc: crc32c::crc32c(&bytes),
                count: chunk.len() as u32,
                min_time: chunk[0].sample.source_time,
                max_time: chunk[chunk.len() - 1].sample.source_time,
                min_position: positions().min().unwrap_or(Position(0)),
                max_position: positions().max().unwrap_or(Position(0)),
                stats: stats_of(chunk.iter()),
            });
            self.out.write_all(&bytes)?;
            self.offset += bytes.len() as u64;
        }
        Ok(())
    }

    /// Makes the segment durable, reads it back completely, and only then gives it its name.
    pub(crate) fn finish(mut self) -> io::Result<Segment> {
        let footer = footer(&self.blocks);
        self.out.write_all(&footer)?;
        self.out.write_all(&(footer.len() as u64).to_le_bytes())?;
        self.out.write_all(&crc32c::crc32c(&footer).to_le_bytes())?;
        self.out.write_all(MAGIC_END)?;
        let file = self.out.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        drop(file);
        let name = name_of(self.id);
        let temporary = self.folder.join(format!("{name}.tmp"));
        let written = Segment::open(&temporary, self.id)?;
        if let Some(damage) = written.check().first() {
            return Err(io::Error::other(format!("the new segment does not read back: {damage:?}")));
        }
        let path = self.folder.join(name);
        std::fs::rename(&temporary, &path)?;
        sync_folder(&self.folder)?;
        Segment::open(&path, self.id)
    }
}

fn footer(blocks: &[BlockMeta]) -> Vec<u8> {
    let mut out = (blocks.len() as u32).to_le_bytes().to_vec();
    for block in blocks {
        out.extend_from_slice(&block.series.0.to_le_bytes());
        out.push(type_tag(block.value_type));
        out.extend_from_slice(&block.offset.to_le_bytes());
        out.extend_from_slice(&block.length.to_le_bytes());
        out.extend_from_slice(&block.crc.to_le_bytes());
        out.extend_from_slice(&block.count.to_le_bytes());
        for time in [block.min_time, block.max_time] {
            out.extend_from_slice(&time.micros().to_le_bytes());
        }
        for position in [block.min_position, block.max_position] {
            out.extend_from_slice(&position.0.to_le_bytes());
        }
        out.push(u8::from(block.stats.is_some()));
        if let Some(stats) = &block.stats {
            out.extend_from_slice(&stats.count.to_le_bytes());
            for value in [stats.min, stats.max, stats.sum, stats.first, stats.last] {
                out.extend_from_slice(&value.to_bits().to_le_bytes());
            }
            for time in [stats.first_at, stats.last_at] {
                out.extend_from_slice(&time.micros().to_le_bytes());
            }
        }
    }
    out
}
