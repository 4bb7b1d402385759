//! Decoders: bytes of one message in, candidate points out. Pure; every limit is checked before anything is kept.
//!
//! A decoder knows nothing of devices, units or the store. What is wrong with the message as a whole is an error; what is
//! wrong with one value is a [`Fault`] in that value's place, so that its neighbours live.

mod json;
mod line;

use std::borrow::Cow;

use kernel::{Result, Timestamp};

pub use line::Precision;

/// How the bytes of a message are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// ThingsBoard's JSON; times in milliseconds.
    Json,
    /// InfluxDB line protocol; times in this precision.
    Line(Precision),
}

/// What a message may contain at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeLimits {
    /// Points in one message.
    pub points_max: usize,
    /// Bytes of a metric name.
    pub name_bytes_max: usize,
    /// Bytes of a text value.
    pub text_bytes_max: usize,
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self { points_max: 10_000, name_bytes_max: 256, text_bytes_max: 4096 }
    }
}

/// A value as the sender wrote it. Integers and floats are kept apart.
#[derive(Debug, Clone, PartialEq)]
pub enum RawValue<'a> {
    /// True or false.
    Bool(bool),
    /// A number written without fraction or exponent.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// Text.
    Text(Cow<'a, str>),
}

/// Why a single value cannot be a point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Stable code.
    pub code: &'static str,
    /// What was wrong.
    pub detail: Cow<'static, str>,
}

impl Fault {
    pub(crate) fn new(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: detail.into() }
    }
}

/// One value of a message, not yet tied to a property.
#[derive(Debug, Clone, PartialEq)]
pub struct RawPoint<'a> {
    /// The metric's name as sent.
    pub metric: Cow<'a, str>,
    /// Where a shorter name starts in `metric`, to be tried second; 0 when there is only one.
    pub short_from: usize,
    /// The value, or what is wrong with it.
    pub value: Result<RawValue<'a>, Fault>,
    /// The time as sent; none when the message has none.
    pub time: Option<Timestamp>,
    /// The sender's sequence number; 0 when it sends none.
    pub sequence: u64,
}

/// What a message contained.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Decoded<'a> {
    /// In the order of the message.
    pub points: Vec<RawPoint<'a>>,
    /// Parts that could not be read although the rest could (line protocol): the part, shortened, and what was wrong.
    pub unread: Vec<(String, Fault)>,
}

/// Reads one message.
///
/// # Errors
/// `edge.payload.malformed` when it cannot be read at all, `edge.payload.too-many-points` above the limit.
pub fn decode<'a>(dialect: Dialect, payload: &'a [u8], limits: &DecodeLimits) -> Result<Decoded<'a>> {
    match dialect {
        Dialect::Json => json::decode(payload, limits),
        Dialect::Line(precision) => line::decode(payload, precision, limits),
    }
}

fn too_many(limits: &DecodeLimits) -> kernel::Error {
    kernel::Error::too_large(
        "edge.payload.too-many-points",
        format!("the message has more than {} points", limits.points_max),
    )
    .hint("send several smaller messages")
}

fn checked_text<'a>(text: Cow<'a, str>, limits: &DecodeLimits) -> Result<RawValue<'a>, Fault> {
    if text.len() > limits.text_bytes_max {
        return Err(Fault::new(
            "edge.value.too-long",
            format!("the text has {} bytes; at most {} are kept", text.len(), limits.text_bytes_max),
        ));
    }
    Ok(RawValue::Text(text))
}

pub(crate) fn checked_float<'a>(value: f64) -> Result<RawValue<'a>, Fault> {
    if value.is_finite() {
        Ok(RawValue::Float(value))
    } else {
        Err(Fault::new("edge.value.not-finite", format!("{value} is not a finite number")))
    }
}

/// Cuts a name down to its limit at a character border.
pub(crate) fn shorten(text: &str, bytes_max: usize) -> &str {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
