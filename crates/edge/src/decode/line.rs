//! InfluxDB line protocol: `measurement[,tag=value…] field=value[,field=value…] [time]`, one per line.
//!
//! Rules of ours: a point's metric is `measurement_field` when the device has a metric of that name, else `field`; a field
//! called `value` is the metric `measurement`. Tags are read and dropped: the credential says whose point it is. Times are
//! kept in microseconds, so two points less than that apart are one moment. A line that cannot be read is reported and
//! the next one is read; a message without a single readable line is refused.

use std::borrow::Cow;

use kernel::{Error, ErrorKind, Result, Timestamp};

use super::{DecodeLimits, Decoded, Fault, RawPoint, RawValue, checked_float, checked_text, shorten, too_many};

/// The unit of line-protocol times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// Nanoseconds, the protocol's default.
    #[default]
    Nanos,
    /// Microseconds.
    Micros,
    /// Milliseconds.
    Millis,
    /// Seconds.
    Seconds,
}

impl Precision {
    /// From the `precision` parameter: `ns`, `us`, `ms` or `s` (also `n`, `u`, `µs`).
    ///
    /// # Errors
    /// `edge.precision.unknown`.
    pub fn of(text: &str) -> Result<Self> {
        match text {
            "ns" | "n" => Ok(Self::Nanos),
            "us" | "u" | "µs" => Ok(Self::Micros),
            "ms" => Ok(Self::Millis),
            "s" => Ok(Self::Seconds),
            _ => Err(Error::new(
                ErrorKind::Invalid,
                "edge.precision.unknown",
                format!("{:?} is not a precision", shorten(text, 32)),
            )
            .hint("use ns, us, ms or s")),
        }
    }

    fn time(self, count: i64) -> Option<Timestamp> {
        let micros = match self {
            Self::Nanos => Some(count.div_euclid(1000)),
            Self::Micros => Some(count),
            Self::Millis => count.checked_mul(1000),
            Self::Seconds => count.checked_mul(1_000_000),
        };
        micros.map(Timestamp::from_micros)
    }
}

pub(super) fn decode<'a>(payload: &'a [u8], precision: Precision, limits: &DecodeLimits) -> Result<Decoded<'a>> {
    let text = std::str::from_utf8(payload).map_err(|error| {
        Error::invalid(
            "edge.payload.malformed",
            format!("the message is not UTF-8 from byte {} on", error.valid_up_to()),
        )
    })?;
    let mut decoded = Decoded::default();
    let mut first_fault = None;
    let mut scan = Scan { text, at: 0 };
    while scan.skip_to_content() {
        let (start, kept) = (scan.at, decoded.points.len());
        match scan.line(precision, limits, &mut decoded.points) {
            Ok(()) => {}
            Err(LineError::TooMany) => return Err(too_many(limits)),
            Err(LineError::Fault(detail)) => {
                decoded.points.truncate(kept);
                scan.skip_line();
                let fault =
                    Fault::new("edge.payload.malformed", format!("the line at byte {start} is not readable: {detail}"));
                first_fault.get_or_insert_with(|| fault.clone());
                if decoded.unread.len() >= limits.points_max {
                    return Err(too_many(limits));
                }
                decoded.unread.push((shorten(&text[start..], 64).to_owned(), fault));
            }
        }
    }
    match first_fault {
        Some(fault) if decoded.points.is_empty() => Err(Error::invalid("edge.payload.malformed", fault.detail)
            .hint("a line looks like: measurement,tag=value field=1.5,other=2i 1700000000000000000")),
        _ => Ok(decoded),
    }
}

enum LineError {
    Fault(&'static str),
    TooMany,
}

/// A place in the text. Every step moves forward, so reading always ends.
struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn at_line_end(&self) -> bool {
        matches!(self.peek(), None | Some(b'\n' | b'\r'))
    }

    fn skip_line(&mut self) {
        self.at = self.text[self.at..].find('\n').map_or(self.text.len(), |found| self.at + found + 1);
    }

    /// Moves past blank lines and comments; false at the end.
    fn skip_to_content(&mut self) -> bool {
        loop {
            match self.peek() {
                None => return false,
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                Some(b'#') => self.skip_line(),
                Some(_) => return true,
            }
        }
    }

    fn spaces(&mut self) -> bool {
        let start = self.at;
        while self.take(b' ') {}
        self.at > start
    }

    fn line(
        &mut self,
        precision: Precision,
        limits: &DecodeLimits,
        points: &mut Vec<RawPoint<'a>>,
    ) -> Result<(), LineError> {
        use LineError::Fault as Bad;
        let first = points.len();
        let measurement = self.name(b", ").ok_or(Bad("it has no measurement"))?;
        while self.take(b',') {
            self.name(b"=, ").ok_or(Bad("a tag has no name"))?;
            if !self.take(b'=') {
                return Err(Bad("a tag has no `=`"));
            }
            self.name(b", ").ok_or(Bad("a tag has no value"))?;
        }
        if !self.spaces() {
            return Err(Bad("it has no fields"));
        }
        loop {
            let field = self.name(b"=, ").ok_or(Bad("a field has no name"))?;
            if !self.take(b'=') {
                return Err(Bad("a field has no `=`"));
            }
            let value = self.value(limits).map_err(Bad)?;
            if points.len() >= limits.points_max {
                return Err(LineError::TooMany);
            }
            points.push(point(&measurement, field, value, limits));
            if !self.take(b',') {
                break;
            }
        }
        if self.spaces() && !self.at_line_end() {
            let digits = self.until(b" \n\r");
            let time = digits.parse().ok().and_then(|count| precision.time(count));
            self.spaces();
            for point in &mut points[first..] {
                match time {
                    Some(time) => point.time = Some(time),
                    None => {
                        point.value =
                            Err(Fault::new("edge.time.malformed", format!("{:?} is not a time", shorten(digits, 32))));
                    }
                }
            }
        }
        if self.at_line_end() { Ok(()) } else { Err(Bad("something follows the time")) }
    }

    /// Text up to one of the bytes.
    fn until(&mut self, stops: &[u8]) -> &'a str {
        let start = self.at;
        while let Some(byte) = self.peek() {
            if stops.contains(&byte) {
                break;
            }
            self.at += 1;
        }
        &self.text[start..self.at]
    }

    /// A name up to an unescaped stop or the line's end; a backslash before `,`, `=` or space takes that character along.
    fn name(&mut self, stops: &[u8]) -> Option<Cow<'a, str>> {
        let start = self.at;
        let mut escaped = false;
        while let Some(byte) = self.peek() {
            if byte == b'\\' && matches!(self.text.as_bytes().get(self.at + 1), Some(b',' | b'=' | b' ')) {
                escaped = true;
                self.at += 2;
            } else if stops.contains(&byte) || byte == b'\n' || byte == b'\r' {
                break;
            } else {
                self.at += 1;
            }
        }
        let raw = &self.text[start..self.at];
        (!raw.is_empty()).then(|| if escaped { Cow::Owned(unescape(raw, b",= ")) } else { Cow::Borrowed(raw) })
    }

    fn value(&mut self, limits: &DecodeLimits) -> Result<Result<RawValue<'a>, Fault>, &'static str> {
        if self.take(b'"') {
            return self.quoted(limits);
        }
        let raw = self.until(b", \n\r");
        Ok(match raw {
            "" => return Err("a field has no value"),
            "t" | "T" | "true" | "True" | "TRUE" => Ok(RawValue::Bool(true)),
            "f" | "F" | "false" | "False" | "FALSE" => Ok(RawValue::Bool(false)),
            _ => match raw.as_bytes()[raw.len() - 1] {
                b'i' | b'u' => {
                    let digits = &raw[..raw.len() - 1];
                    if !digits.trim_start_matches(['-', '+']).bytes().all(|b| b.is_ascii_digit()) || digits.is_empty() {
                        return Err("a field's value is not an integer");
                    }
                    digits.parse().map(RawValue::Int).map_err(|_| {
                        Fault::new(
                            "edge.value.out-of-range",
                            format!("{} does not fit a signed 64-bit integer", shorten(digits, 40)),
                        )
                    })
                }
                // The standard parser also takes `nan` and `inf`, which then fail for what they are.
                _ => checked_float(raw.parse().map_err(|_| "a field's value is not a number, text or truth value")?),
            },
        })
    }

    /// Text after its opening quote; `\"` and `\\` are escapes, line breaks are text.
    fn quoted(&mut self, limits: &DecodeLimits) -> Result<Result<RawValue<'a>, Fault>, &'static str> {
        let start = self.at;
        let mut escaped = false;
        loop {
            match self.peek() {
                None => {
                    // An unclosed quote would swallow every following line; give those lines a chance instead.
                    self.at = start;
                    return Err("a text value is not closed");
                }
                Some(b'"') => break,
                Some(b'\\') if matches!(self.text.as_bytes().get(self.at + 1), Some(b'"' | b'\\')) => {
                    escaped = true;
                    self.at += 2;
                }
                Some(_) => self.at += 1,
            }
        }
        let raw = &self.text[start..self.at];
        self.at += 1;
        let text = if escaped { Cow::Owned(unescape(raw, b"\"\\")) } else { Cow::Borrowed(raw) };
        Ok(checked_text(text, limits))
    }
}

fn unescape(raw: &str, special: &[u8]) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut chars = raw.chars().peekable();
    while let Some(c) = chars.next() {
        match chars.peek() {
            Some(next) if c == '\\' && next.is_ascii() && special.contains(&(*next as u8)) => {
                out.push(*next);
                chars.next();
            }
            _ => out.push(c),
        }
    }
    out
}

fn point<'a>(
    measurement: &Cow<'a, str>,
    field: Cow<'a, str>,
    value: Result<RawValue<'a>, Fault>,
    limits: &DecodeLimits,
) -> RawPoint<'a> {
    let plain = field == "value";
    let length = if plain { measurement.len() } else { measurement.len() + 1 + field.len() };
    if length > limits.name_bytes_max {
        let name = shorten(if plain { measurement } else { &field }, limits.name_bytes_max).to_owned();
        let fault =
            Fault::new("edge.metric.name-too-long", format!("measurement and field together have {length} bytes"));
        return RawPoint { metric: name.into(), short_from: 0, value: Err(fault), time: None, sequence: 0 };
    }
    if plain {
        return RawPoint { metric: measurement.clone(), short_from: 0, value, time: None, sequence: 0 };
    }
    let metric = format!("{measurement}_{field}");
    RawPoint { metric: metric.into(), short_from: measurement.len() + 1, value, time: None, sequence: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Decoded<'_>> {
        decode(text.as_bytes(), Precision::Nanos, &DecodeLimits::default())
    }

    fn show(text: &str) -> Vec<String> {
        let decoded = read(text).unwrap();
        let value = |p: &RawPoint<'_>| match &p.value {
            Ok(RawValue::Bool(v)) => format!("{v}"),
            Ok(RawValue::Int(v)) => format!("{v}i"),
            Ok(RawValue::Float(v)) => format!("{v:?}"),
            Ok(RawValue::Text(v)) => format!("{v:?}"),
            Err(fault) => fault.code.to_owned(),
        };
        decoded
            .points
            .iter()
            .map(|p| {
                format!("{}|{} {} {}", p.metric, &p.metric[p.short_from..], value(p), p.time.map_or(0, |t| t.micros()))
            })
            .chain(decoded.unread.iter().map(|(line, fault)| format!("unread {:?} {}", shorten(line, 8), fault.code)))
            .collect()
    }

    #[test]
    fn lines_as_data() {
        for (line, expect) in [
            ("m,host=a f=1.5 1700000000000000123", vec!["m_f|f 1.5 1700000000000000"]),
            ("m f=2i,g=t,h=\"x, y=z\",k=-3u", vec!["m_f|f 2i 0", "m_g|g true 0", "m_h|h \"x, y=z\" 0", "m_k|k -3i 0"]),
            ("temp value=21", vec!["temp|temp 21.0 0"]),
            ("my\\ m,t\\ a=b\\=c f\\,1=FALSE 5000", vec!["my m_f,1|f,1 false 5"]),
            ("m f=\"a\\\"b\\\\c\nd\" 1000\n", vec!["m_f|f \"a\\\"b\\\\c\\nd\" 1"]),
            ("# comment\r\n\r\n  m f=1 -1\r\n", vec!["m_f|f 1.0 -1"]),
            (
                "m f=nan,g=inf,h=-inf",
                vec!["m_f|f edge.value.not-finite 0", "m_g|g edge.value.not-finite 0", "m_h|h edge.value.not-finite 0"],
            ),
            ("m f=99999999999999999999i", vec!["m_f|f edge.value.out-of-range 0"]),
            ("m f=1 soon", vec!["m_f|f edge.time.malformed 0"]),
            (
                "m f=1\nbroken\nm f=2",
                vec!["m_f|f 1.0 0", "m_f|f 2.0 0", "unread \"broken\\nm\" edge.payload.malformed"],
            ),
            ("m f=1,g=\nm f=2", vec!["m_f|f 2.0 0", "unread \"m f=1,g=\" edge.payload.malformed"]),
            ("m f=\"open\nm f=2", vec!["m_f|f 2.0 0", "unread \"m f=\\\"ope\" edge.payload.malformed"]),
            ("设备,地点=北京 温度=3i 7000", vec!["设备_温度|温度 3i 7"]),
            ("", vec![]),
        ] {
            assert_eq!(show(line), expect, "{line}");
        }
    }

    #[test]
    fn messages_without_one_good_line_are_refused() {
        for text in [
            "m",
            "m ",
            "m f",
            "m f=",
            "m f=x",
            "m f=1 2 3",
            ",a=b f=1",
            "m,=b f=1",
            "m,a f=1",
            "m =1",
            "m f=i",
            "m f=1,",
            "=",
            "\\",
        ] {
            assert_eq!(read(text).unwrap_err().code, "edge.payload.malformed", "{text}");
        }
        assert_eq!(
            decode(b"m f=\xff", Precision::Nanos, &DecodeLimits::default()).unwrap_err().code,
            "edge.payload.malformed"
        );
    }

    #[test]
    fn precision_and_limits() {
        let time = |precision: Precision, text: &str| {
            decode(text.as_bytes(), precision, &DecodeLimits::default()).unwrap().points[0].time
        };
        assert_eq!(time(Precision::of("s").unwrap(), "m f=1 7"), Some(Timestamp::from_micros(7_000_000)));
        assert_eq!(time(Precision::of("ms").unwrap(), "m f=1 7"), Some(Timestamp::from_micros(7000)));
        assert_eq!(time(Precision::of("us").unwrap(), "m f=1 7"), Some(Timestamp::from_micros(7)));
        assert_eq!(Precision::of("h").unwrap_err().code, "edge.precision.unknown");
        let limits = DecodeLimits { points_max: 2, name_bytes_max: 4, text_bytes_max: 2 };
        let refuse = |text: &str| -> Result<&'static str> {
            let decoded = decode(text.as_bytes(), Precision::Nanos, &limits)?;
            Ok(decoded.points[0].value.as_ref().map_or_else(|fault| fault.code, |_| "fine"))
        };
        assert_eq!(refuse("m a=1,b=2,c=3").unwrap_err().code, "edge.payload.too-many-points");
        assert_eq!(refuse("mm cc=3").unwrap(), "edge.metric.name-too-long");
        assert_eq!(refuse("m c=\"123\"").unwrap(), "edge.value.too-long");
        // Seconds that overflow microseconds are a fault of the point, not a panic.
        assert_eq!(time(Precision::Seconds, "m f=1 9223372036854775807"), None);
    }
}
