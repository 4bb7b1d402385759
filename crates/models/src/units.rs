//! Dimensions as exponent vectors, and units as written by people: `80 °C`, `80[CEL]`, `2 K/min`, `0.12 kWh/m³`.
//!
//! Angle is a base dimension with the radian as its unit. That is what makes torque × rotational speed a power without a
//! forgotten 2π, and what keeps a torque from being compared with an energy, or r/min with Hz.

use std::{fmt, sync::Arc, sync::LazyLock};

use kernel::{Decimal, Dimension, Unit};
use rust_decimal::prelude::ToPrimitive;

const BASES: usize = 9;
const BASE_SYMBOLS: [&str; BASES] = ["kg", "m", "s", "A", "K", "rad", "reactive", "dB", "B"];
/// Beyond this no physical quantity goes; it bounds `x * x * x * …`.
const EXPONENT_MAX: i8 = 12;

/// Exponents over mass, length, time, current, temperature, angle, reactive marker, sound level, data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Dims([i8; BASES]);

impl Dims {
    /// Dimensionless: counts, ratios, plain numbers.
    pub const NONE: Dims = Dims([0; BASES]);

    /// The vector of one of the kernel's dimensions.
    pub const fn of(dimension: Dimension) -> Self {
        const fn d(kg: i8, m: i8, s: i8) -> [i8; BASES] {
            [kg, m, s, 0, 0, 0, 0, 0, 0]
        }
        const fn with(mut dims: [i8; BASES], base: usize, exponent: i8) -> [i8; BASES] {
            dims[base] = exponent;
            dims
        }
        Dims(match dimension {
            Dimension::Count | Dimension::Ratio => d(0, 0, 0),
            Dimension::Time => d(0, 0, 1),
            Dimension::Length | Dimension::Roughness => d(0, 1, 0),
            Dimension::Area => d(0, 2, 0),
            Dimension::Volume => d(0, 3, 0),
            Dimension::Mass => d(1, 0, 0),
            Dimension::Temperature | Dimension::TemperatureDifference => with(d(0, 0, 0), 4, 1),
            Dimension::Energy => d(1, 2, -2),
            Dimension::Power => d(1, 2, -3),
            Dimension::ReactivePower => with(d(1, 2, -3), 6, 1),
            Dimension::Voltage => with(d(1, 2, -3), 3, -1),
            Dimension::Current => with(d(0, 0, 0), 3, 1),
            Dimension::Frequency => d(0, 0, -1),
            Dimension::RotationalSpeed => with(d(0, 0, -1), 5, 1),
            Dimension::Speed => d(0, 1, -1),
            Dimension::Acceleration => d(0, 1, -2),
            Dimension::Force => d(1, 1, -2),
            Dimension::Torque => with(d(1, 2, -2), 5, -1),
            Dimension::Pressure => d(1, -1, -2),
            Dimension::VolumeFlow => d(0, 3, -1),
            Dimension::MassFlow => d(1, 0, -1),
            Dimension::Angle => with(d(0, 0, 0), 5, 1),
            Dimension::SoundLevel => with(d(0, 0, 0), 7, 1),
            Dimension::TransportWork => d(1, 1, 0),
            Dimension::Data => with(d(0, 0, 0), 8, 1),
        })
    }

    /// The dimension of a product with `other` raised to `power`; none when an exponent runs away.
    pub fn times(self, other: Dims, power: i8) -> Option<Dims> {
        let mut sum = self;
        for (mine, theirs) in sum.0.iter_mut().zip(other.0) {
            *mine = mine.checked_add(theirs.checked_mul(power)?)?;
            if mine.abs() > EXPONENT_MAX {
                return None;
            }
        }
        Some(sum)
    }

    /// The dimension of a square root; none when an exponent is odd.
    pub fn root(self) -> Option<Dims> {
        self.0.iter().all(|e| e % 2 == 0).then(|| Dims(self.0.map(|e| e / 2)))
    }

    /// The angle's exponent, and the vector without it.
    pub(crate) fn without_angle(self) -> (i8, Dims) {
        let mut rest = self;
        rest.0[5] = 0;
        (self.0[5], rest)
    }
}

impl fmt::Display for Dims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        let parts = || BASE_SYMBOLS.iter().zip(self.0);
        for (symbol, exponent) in parts().filter(|(_, e)| *e > 0).chain(parts().filter(|(_, e)| *e < 0)) {
            write!(f, "{}{symbol}", if first { "" } else { "·" })?;
            first = false;
            if exponent != 1 {
                let digits = exponent.to_string();
                for c in digits.chars() {
                    let up = match c {
                        '-' => '⁻',
                        '1' => '¹',
                        '2' => '²',
                        '3' => '³',
                        c => char::from_u32('⁰' as u32 + (c as u32 - '0' as u32)).unwrap_or(c),
                    };
                    write!(f, "{up}")?;
                }
            }
        }
        if first { f.write_str("no unit") } else { Ok(()) }
    }
}

/// Whether a number of kelvins is a point on the temperature scale or an amount.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// An amount: it can be added and multiplied.
    Amount,
    /// A point on a scale (°C): two of them differ by an amount; adding or multiplying them means nothing.
    Point,
    /// A literal in kelvins: whichever its neighbour needs.
    Either,
}

/// What a number measures: dimension, and how the number relates to the coherent SI unit (`si = number × factor + offset`).
#[derive(Clone, Debug)]
pub struct Measure {
    pub(crate) dims: Dims,
    pub(crate) factor: f64,
    pub(crate) offset: f64,
    pub(crate) kind: Kind,
    /// The one unit it is in, when it is in one; conversions to it are exact.
    pub(crate) unit: Option<Unit>,
    /// As somebody wrote it, for messages.
    pub(crate) written: Option<Arc<str>>,
}

impl Measure {
    /// A plain number.
    pub fn none() -> Self {
        Self::amount(Dims::NONE, 1.0)
    }

    pub(crate) fn amount(dims: Dims, factor: f64) -> Self {
        Self { dims, factor, offset: 0.0, kind: Kind::Amount, unit: None, written: None }
    }

    /// A number in a unit. Temperatures are points on their scale.
    pub fn of(unit: Unit) -> Self {
        let (factor, offset) = to_si(unit);
        let kind = if unit.dimension() == Dimension::Temperature { Kind::Point } else { Kind::Amount };
        Self { dims: Dims::of(unit.dimension()), factor, offset, kind, unit: Some(unit), written: None }
    }

    /// A number in a unit as written: a symbol, a code, or a product and quotient of them without spaces (`kWh/m³`).
    pub fn parse(text: &str) -> Option<Self> {
        let (measure, length) = Self::at(text)?;
        (length == text.len()).then_some(measure)
    }

    /// The unit that `text` starts with, and how many bytes it takes.
    pub(crate) fn at(text: &str) -> Option<(Self, usize)> {
        let (first, mut length) = unit_at(text)?;
        let mut measure = Self::of(first);
        loop {
            let power = match text[length..].chars().next() {
                Some('/') => -1,
                Some('·') => 1,
                _ => break,
            };
            let sign_length = if power == 1 { '·'.len_utf8() } else { 1 };
            let Some((next, next_length)) = unit_at(&text[length + sign_length..]) else { break };
            let next = Self::of(next);
            let factor = if power == 1 { measure.factor * next.factor } else { measure.factor / next.factor };
            measure = Self::amount(measure.dims.times(next.dims, power)?, factor);
            length += sign_length + next_length;
        }
        if measure.unit.is_none() {
            measure.written = Some(text[..length].into());
        }
        Some((measure, length))
    }

    /// The same measure with the point on its scale forgotten.
    pub(crate) fn as_amount(&self) -> Self {
        match self.kind {
            Kind::Amount => self.clone(),
            Kind::Point | Kind::Either => Self::amount(self.dims, self.factor),
        }
    }

    /// True for a number that nobody gave a unit.
    pub(crate) fn is_bare(&self) -> bool {
        self.unit.is_none() && self.written.is_none() && self.dims == Dims::NONE && self.factor == 1.0
    }
}

impl fmt::Display for Measure {
    /// `°C (CEL)`, `kWh/m³`, `kg·m²·s⁻³` or `no unit`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.unit, &self.written) {
            (Some(unit), _) => write!(f, "{} ({})", unit.entry().symbol, unit.code()),
            (None, Some(written)) => f.write_str(written),
            (None, None) if self.kind == Kind::Amount && self.dims == Dims::of(Dimension::Temperature) => {
                f.write_str("K as a difference")
            }
            (None, None) => fmt::Display::fmt(&self.dims, f),
        }
    }
}

/// Factor and offset to the coherent SI unit. The kernel converts within a dimension; this table says which of its units is
/// the coherent one, and how far off the nearest is where it has none.
fn to_si(unit: Unit) -> (f64, f64) {
    use std::f64::consts::PI;
    let (base, coherent) = match unit.dimension() {
        Dimension::Count => ("C62", 1.0),
        Dimension::Ratio => ("C65", 1.0),
        Dimension::Time => ("SEC", 1.0),
        Dimension::Length => ("MTR", 1.0),
        Dimension::Area => ("MTK", 1.0),
        Dimension::Volume => ("MTQ", 1.0),
        Dimension::Mass => ("KGM", 1.0),
        Dimension::Temperature => ("KEL", 1.0),
        Dimension::Energy => ("JOU", 1.0),
        Dimension::Power => ("WTT", 1.0),
        Dimension::ReactivePower => ("KVR", 1e3),
        Dimension::Voltage => ("VLT", 1.0),
        Dimension::Current => ("AMP", 1.0),
        Dimension::Frequency => ("HTZ", 1.0),
        Dimension::RotationalSpeed => ("RPS", 2.0 * PI),
        Dimension::Speed => ("MTS", 1.0),
        Dimension::Acceleration => ("MSK", 1.0),
        Dimension::Force => ("NEW", 1.0),
        Dimension::Torque => ("NU", 1.0),
        Dimension::Pressure => ("PAL", 1.0),
        Dimension::VolumeFlow => ("MQS", 1.0),
        Dimension::MassFlow => ("KGS", 1.0),
        Dimension::Angle => ("DD", PI / 180.0),
        Dimension::SoundLevel => ("2N", 1.0),
        Dimension::TransportWork => ("TKM", 1e6),
        Dimension::Data => ("AD", 1.0),
        // The kernel lists no unit of these yet; the first one it lists is taken as coherent.
        Dimension::TemperatureDifference | Dimension::Roughness => (unit.code(), 1.0),
    };
    let exact =
        Unit::of(base).and_then(|base| Ok((unit.convert(Decimal::ONE, base)?, unit.convert(Decimal::ZERO, base)?)));
    match exact {
        Ok((one, zero)) => {
            let f = |d: Decimal| d.to_f64().unwrap_or(1.0);
            (f(one - zero) * coherent, f(zero) * coherent)
        }
        Err(_) => (1.0, 0.0),
    }
}

/// Spellings that keyboards and data sheets use, and the symbol each stands for.
const ALIASES: &[(&str, &str)] = &[
    ("℃", "CEL"),
    ("degC", "CEL"),
    ("rpm", "RPM"),
    ("um", "4H"),
    ("μm", "4H"),
    ("m2", "MTK"),
    ("m3", "MTQ"),
    ("m^2", "MTK"),
    ("m^3", "MTQ"),
    ("m3/h", "MQH"),
    ("m3/s", "MQS"),
    ("m3/min", "G53"),
    ("L", "LTR"),
    ("L/min", "L2"),
    ("m/s2", "MSK"),
    ("m/s^2", "MSK"),
    ("Nm", "NU"),
    ("N.m", "NU"),
    ("sec", "SEC"),
    ("hour", "HUR"),
    ("day", "DAY"),
    ("pcs", "H87"),
];

/// Every spelling, longest first, so that `m/min` is not read as `m`.
static SPELLINGS: LazyLock<Vec<(&'static str, Unit)>> = LazyLock::new(|| {
    let symbols = Unit::all().map(|unit| (unit.entry().symbol, unit)).filter(|(symbol, _)| *symbol != "1");
    let codes = Unit::all().map(|unit| (unit.code(), unit)).filter(|(code, _)| code.starts_with(char::is_alphabetic));
    let aliases = ALIASES.iter().filter_map(|(spelling, code)| Some((*spelling, Unit::of(code).ok()?)));
    // A stable sort keeps symbols before codes before aliases where two are of one length.
    let mut all: Vec<_> = symbols.chain(codes).chain(aliases).collect();
    all.sort_by_key(|(spelling, _)| std::cmp::Reverse(spelling.len()));
    all
});

pub(crate) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn unit_at(text: &str) -> Option<(Unit, usize)> {
    let ends = |length: usize| {
        let last_is_word = text[..length].chars().next_back().is_some_and(is_word);
        !(last_is_word && text[length..].chars().next().is_some_and(is_word))
    };
    SPELLINGS
        .iter()
        .find(|(spelling, _)| text.starts_with(spelling) && ends(spelling.len()))
        .map(|(spelling, unit)| (*unit, spelling.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Measure {
        Measure::parse(text).unwrap_or_else(|| panic!("{text} is a unit"))
    }

    #[test]
    fn every_unit_of_the_kernel_is_understood_by_symbol_and_keeps_its_dimension() {
        for unit in Unit::all().filter(|unit| unit.entry().symbol != "1") {
            let measure = parse(unit.entry().symbol);
            assert_eq!(measure.dims, Dims::of(unit.dimension()), "{}", unit.code());
            assert!(measure.factor.is_finite() && measure.factor > 0.0);
        }
    }

    #[test]
    fn products_and_quotients() {
        assert_eq!(parse("kWh/m³").dims, Dims::of(Dimension::Pressure));
        assert_eq!(parse("kWh/m³").factor, 3.6e6);
        assert_eq!(parse("kW·min/m³").factor, 60_000.0);
        assert_eq!(parse("K/min").factor, 1.0 / 60.0);
        assert_eq!(parse("m³/h").unit.map(|u| u.code()), Some("MQH"));
        assert_eq!(parse("V·A").dims, Dims::of(Dimension::Power));
        assert!(Measure::parse("mins").is_none() && Measure::parse("").is_none() && Measure::parse("kW/").is_none());
    }

    #[test]
    fn torque_times_speed_is_power_with_its_two_pi() {
        let dims = parse("N·m").dims.times(parse("r/min").dims, 1).unwrap();
        assert_eq!(dims, Dims::of(Dimension::Power));
        let watts = 100.0 * parse("N·m").factor * 1500.0 * parse("r/min").factor;
        assert!((watts - 15_707.963).abs() < 1e-3);
    }

    #[test]
    fn different_things_with_the_same_si_unit_stay_different() {
        for (a, b) in [("N·m", "J"), ("r/min", "Hz"), ("kvar", "kW"), ("dB", "%")] {
            assert_ne!(parse(a).dims, parse(b).dims, "{a} and {b}");
        }
    }

    #[test]
    fn display() {
        assert_eq!(parse("°C").to_string(), "°C (CEL)");
        assert_eq!(Dims::of(Dimension::Power).to_string(), "kg·m²·s⁻³");
        assert_eq!(Measure::none().to_string(), "no unit");
    }
}
