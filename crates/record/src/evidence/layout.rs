//! The canonical bytes of samples, `samples@1`: the same samples give the same bytes on every machine, for ever.
//!
//! Little-endian. A chunk stands on its own, so that one disputed hour can be shown without the month:
//!
//! | Field | Bytes |
//! | --- | --- |
//! | magic `BGS1` | 4 |
//! | asset, the UUID's bytes in their written order | 16 |
//! | length of the property's name, name in UTF-8 | 1 + n |
//! | type of the series: 1 f64, 2 i64, 3 bool, 4 text | 1 |
//! | index of the first sample in its channel | 8 |
//! | number of samples | 4 |
//! | per sample: source time in µs (i64), position (u64), sequence (u64), quality (0 good, 1 uncertain, 2 bad), type | 26 |
//! | then its value: f64 bits 8, i64 8, bool 1, text 4 + n | |

use contracts::telemetry::{Quality, Value, ValueType};
use kernel::{Error, Id, Result, Timestamp, id::AssetId};

use crate::meter::MeterSample;

/// Samples in a full chunk.
pub const CHUNK_SAMPLES: usize = 1024;
const MAGIC: &[u8; 4] = b"BGS1";

/// A chunk as read back from its bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Chunk {
    /// The asset.
    pub asset: AssetId,
    /// The property.
    pub property: String,
    /// The series' type.
    pub value_type: ValueType,
    /// Index of the first sample in its channel.
    pub first: u64,
    /// The samples.
    pub samples: Vec<MeterSample>,
}

/// Writes a chunk.
pub fn chunk_encode(
    asset: AssetId,
    property: &str,
    value_type: ValueType,
    first: u64,
    samples: &[MeterSample],
) -> Vec<u8> {
    let mut out = Vec::with_capacity(64 + property.len() + samples.len() * 34);
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(asset.uuid().as_bytes());
    out.push(property.len() as u8);
    out.extend_from_slice(property.as_bytes());
    out.push(type_code(value_type));
    out.extend_from_slice(&first.to_le_bytes());
    out.extend_from_slice(&(samples.len() as u32).to_le_bytes());
    for sample in samples {
        out.extend_from_slice(&sample.at.micros().to_le_bytes());
        out.extend_from_slice(&sample.position.to_le_bytes());
        out.extend_from_slice(&sample.sequence.to_le_bytes());
        out.push(quality_code(sample.quality));
        out.push(type_code(sample.value.value_type()));
        match &sample.value {
            Value::F64(v) => out.extend_from_slice(&v.to_bits().to_le_bytes()),
            Value::I64(v) => out.extend_from_slice(&v.to_le_bytes()),
            Value::Bool(v) => out.push(u8::from(*v)),
            Value::Str(v) => {
                out.extend_from_slice(&(v.len() as u32).to_le_bytes());
                out.extend_from_slice(v.as_bytes());
            }
        }
    }
    out
}

/// Reads a chunk; every byte must be accounted for.
///
/// # Errors
/// `record.evidence.layout` naming the byte where the layout does not hold.
pub fn chunk_decode(bytes: &[u8]) -> Result<Chunk> {
    let mut reader = Reader { bytes, at: 0 };
    if reader.take(4)? != MAGIC {
        return Err(malformed(0));
    }
    let asset = Id::from_uuid(uuid::Uuid::from_bytes(reader.array::<16>()?));
    let name_len = reader.array::<1>()?[0] as usize;
    let property = reader.text(name_len)?;
    let value_type = reader.value_type()?;
    let first = u64::from_le_bytes(reader.array()?);
    let count = u32::from_le_bytes(reader.array()?) as usize;
    let mut samples = Vec::with_capacity(count.min(CHUNK_SAMPLES));
    for _ in 0..count {
        samples.push(reader.sample()?);
    }
    if reader.at != bytes.len() {
        return Err(malformed(reader.at));
    }
    Ok(Chunk { asset, property, value_type, first, samples })
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8]> {
        let end = self.at.checked_add(len).filter(|end| *end <= self.bytes.len()).ok_or_else(|| malformed(self.at))?;
        let part = &self.bytes[self.at..end];
        self.at = end;
        Ok(part)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let at = self.at;
        self.take(N)?.try_into().map_err(|_| malformed(at))
    }

    fn text(&mut self, len: usize) -> Result<String> {
        let at = self.at;
        String::from_utf8(self.take(len)?.to_vec()).map_err(|_| malformed(at))
    }

    fn value_type(&mut self) -> Result<ValueType> {
        let at = self.at;
        match self.array::<1>()?[0] {
            1 => Ok(ValueType::F64),
            2 => Ok(ValueType::I64),
            3 => Ok(ValueType::Bool),
            4 => Ok(ValueType::Str),
            _ => Err(malformed(at)),
        }
    }

    fn sample(&mut self) -> Result<MeterSample> {
        let at = Timestamp::from_micros(i64::from_le_bytes(self.array()?));
        let position = u64::from_le_bytes(self.array()?);
        let sequence = u64::from_le_bytes(self.array()?);
        let here = self.at;
        let quality = match self.array::<1>()?[0] {
            0 => Quality::Good,
            1 => Quality::Uncertain,
            2 => Quality::Bad,
            _ => return Err(malformed(here)),
        };
        let value_type = self.value_type()?;
        let here = self.at;
        let value = match value_type {
            ValueType::F64 => Value::F64(f64::from_bits(u64::from_le_bytes(self.array()?))),
            ValueType::I64 => Value::I64(i64::from_le_bytes(self.array()?)),
            ValueType::Bool => match self.array::<1>()?[0] {
                0 => Value::Bool(false),
                1 => Value::Bool(true),
                _ => return Err(malformed(here)),
            },
            ValueType::Str => {
                let len = u32::from_le_bytes(self.array()?) as usize;
                Value::Str(self.text(len)?.into())
            }
        };
        Ok(MeterSample { at, position, sequence, quality, value })
    }
}

fn type_code(value_type: ValueType) -> u8 {
    match value_type {
        ValueType::F64 => 1,
        ValueType::I64 => 2,
        ValueType::Bool => 3,
        ValueType::Str => 4,
    }
}

fn quality_code(quality: Quality) -> u8 {
    match quality {
        Quality::Good => 0,
        Quality::Uncertain => 1,
        Quality::Bad => 2,
    }
}

fn malformed(at: usize) -> Error {
    Error::unprocessable("record.evidence.layout", format!("the sample bytes do not follow the layout at byte {at}"))
        .hint("the file was damaged or is not an evidence bundle of this version")
}
