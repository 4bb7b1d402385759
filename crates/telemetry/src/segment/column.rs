//! Columns: the simplest codec that says it exactly.

use std::sync::Arc;

use pco::{
    ChunkConfig,
    standalone::{simple_compress, simple_decompress},
};

use crate::files::{Reader, put_text};

const CONSTANT: u8 = 0;
const LINEAR: u8 = 1;
const PCO: u8 = 2;
const BITS: u8 = 3;
const TEXT: u8 = 4;

fn config() -> ChunkConfig {
    // Level 6 of 12: within a few per cent of the best on sensor data at about twice the speed.
    ChunkConfig::default().with_compression_level(6)
}

fn put(out: &mut Vec<u8>, codec: u8, bytes: &[u8]) {
    out.push(codec);
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
}

fn take<'a>(reader: &mut Reader<'a>) -> Option<(u8, &'a [u8])> {
    let codec = reader.u8()?;
    let length = reader.u32()? as usize;
    Some((codec, reader.take(length)?))
}

/// Integers: constant, linear, or compressed.
pub(super) fn put_i64(out: &mut Vec<u8>, values: &[i64]) {
    let first = values.first().copied().unwrap_or(0);
    let step = values.get(1).map_or(0, |second| second.wrapping_sub(first));
    let linear = values.iter().enumerate().all(|(n, v)| *v == first.wrapping_add(step.wrapping_mul(n as i64)));
    if linear && step == 0 {
        put(out, CONSTANT, &first.to_le_bytes());
    } else if linear {
        put(out, LINEAR, &[first.to_le_bytes(), step.to_le_bytes()].concat());
    } else {
        // Fails only for configurations that do not exist here; then the constant codec of one value is never reached.
        let bytes = simple_compress(values, &config()).unwrap_or_default();
        put(out, PCO, &bytes);
    }
}

pub(super) fn take_i64(reader: &mut Reader<'_>, count: usize) -> Option<Vec<i64>> {
    let (codec, bytes) = take(reader)?;
    let mut inner = Reader(bytes);
    match codec {
        CONSTANT => Some(vec![inner.i64()?; count]),
        LINEAR => {
            let (first, step) = (inner.i64()?, inner.i64()?);
            Some((0..count as i64).map(|n| first.wrapping_add(step.wrapping_mul(n))).collect())
        }
        PCO => simple_decompress::<i64>(bytes).ok().filter(|values| values.len() == count),
        _ => None,
    }
}

/// Floats, bit for bit.
pub(super) fn put_f64(out: &mut Vec<u8>, values: &[f64]) {
    let first = values.first().copied().unwrap_or(0.0);
    if values.iter().all(|value| value.to_bits() == first.to_bits()) {
        put(out, CONSTANT, &first.to_bits().to_le_bytes());
    } else {
        let bytes = simple_compress(values, &config()).unwrap_or_default();
        put(out, PCO, &bytes);
    }
}

pub(super) fn take_f64(reader: &mut Reader<'_>, count: usize) -> Option<Vec<f64>> {
    let (codec, bytes) = take(reader)?;
    match codec {
        CONSTANT => Some(vec![Reader(bytes).f64()?; count]),
        PCO => simple_decompress::<f64>(bytes).ok().filter(|values| values.len() == count),
        _ => None,
    }
}

pub(super) fn put_bools(out: &mut Vec<u8>, values: &[bool]) {
    let mut bytes = vec![0u8; values.len().div_ceil(8)];
    for (index, value) in values.iter().enumerate() {
        bytes[index / 8] |= u8::from(*value) << (index % 8);
    }
    put(out, BITS, &bytes);
}

pub(super) fn take_bools(reader: &mut Reader<'_>, count: usize) -> Option<Vec<bool>> {
    let (codec, bytes) = take(reader)?;
    if codec != BITS || bytes.len() != count.div_ceil(8) {
        return None;
    }
    Some((0..count).map(|index| bytes[index / 8] >> (index % 8) & 1 == 1).collect())
}

pub(super) fn put_texts(out: &mut Vec<u8>, values: &[Arc<str>]) {
    let mut plain = Vec::new();
    for value in values {
        put_text(&mut plain, value);
    }
    let mut bytes = (plain.len() as u32).to_le_bytes().to_vec();
    bytes.extend(zstd::bulk::compress(&plain, 3).unwrap_or_default());
    put(out, TEXT, &bytes);
}

pub(super) fn take_texts(reader: &mut Reader<'_>, count: usize) -> Option<Vec<Arc<str>>> {
    let (codec, bytes) = take(reader)?;
    let mut inner = Reader(bytes);
    let length = inner.u32()? as usize;
    // A block's texts are at most 4 096 × 4 KiB.
    if codec != TEXT || length > 32 * 1024 * 1024 {
        return None;
    }
    let plain = zstd::bulk::decompress(inner.0, length).ok()?;
    let mut inner = Reader(&plain);
    (0..count).map(|_| inner.text().map(Arc::from)).collect()
}
