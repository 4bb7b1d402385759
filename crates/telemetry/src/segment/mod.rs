//! Immutable columnar files. Layout of `seg-<id>.bts`:
//!
//! | part | bytes |
//! | --- | --- |
//! | magic `BGSEG002` | 8 |
//! | blocks, one after the other: up to 4 096 samples of one series, six columns | – |
//! | footer: series and block table | – |
//! | trailer: footer length u64, footer crc32c u32, magic `BGSEGEND` | 20 |
//!
//! A block is `time | receive | position | sequence | quality | value`, each column `codec u8, length u32, bytes`; its
//! checksum, counts, bounds and statistics are in the footer.

mod block;
mod column;
mod read;
mod write;

pub(crate) use block::{BlockMeta, Stats};
pub(crate) use read::Segment;
pub(crate) use write::{SegmentWriter, name_of};

/// Statistics of samples of one series, in order.
pub(crate) fn stats(samples: &[contracts::telemetry::Stored]) -> Option<Stats> {
    block::stats_of(samples.iter())
}

pub(crate) const MAGIC: &[u8; 8] = b"BGSEG002";
pub(crate) const MAGIC_END: &[u8; 8] = b"BGSEGEND";
pub(crate) const TRAILER_BYTES: usize = 20;
/// Samples per block.
pub(crate) const BLOCK_SAMPLES: usize = 4096;
