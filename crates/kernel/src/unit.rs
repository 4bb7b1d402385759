//! Units of measure by UN/ECE Recommendation 20 code, each with a dimension and an exact factor to the dimension's base.
//!
//! The base of a dimension is the coherent SI unit where one exists. Factors are exact decimals or exact fractions.
//! Source of codes: UN/ECE Rec 20 revision 17. To add a unit, add one line to [`TABLE`].

use std::{fmt, str::FromStr};

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::Error;

/// What is measured. Only quantities of one dimension can be added or compared.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names of physical dimensions speak for themselves")]
pub enum Dimension {
    Count,
    Ratio,
    Time,
    Length,
    Area,
    Volume,
    Mass,
    Temperature,
    TemperatureDifference,
    Energy,
    Power,
    ReactivePower,
    Voltage,
    Current,
    Frequency,
    RotationalSpeed,
    Speed,
    Acceleration,
    Force,
    Torque,
    Pressure,
    VolumeFlow,
    MassFlow,
    Angle,
    Roughness,
    SoundLevel,
    TransportWork,
    Data,
}

/// One row of the table.
#[derive(Debug)]
pub struct Entry {
    /// Rec 20 common code.
    pub code: &'static str,
    /// Symbol for people.
    pub symbol: &'static str,
    /// Name in English.
    pub en: &'static str,
    /// Name in Chinese.
    pub zh: &'static str,
    /// Dimension.
    pub dimension: Dimension,
    /// Base = value × numerator ÷ denominator + offset.
    numerator: (i64, u32),
    denominator: i64,
    offset: (i64, u32),
}

const fn e(
    code: &'static str,
    symbol: &'static str,
    en: &'static str,
    zh: &'static str,
    dimension: Dimension,
    numerator: (i64, u32),
    denominator: i64,
) -> Entry {
    Entry { code, symbol, en, zh, dimension, numerator, denominator, offset: (0, 0) }
}

use Dimension::*;

/// Every unit the platform knows. `(n, s)` is the decimal n × 10⁻ˢ.
pub const TABLE: &[Entry] = &[
    e("C62", "1", "one", "个(无量纲)", Count, (1, 0), 1),
    e("H87", "pc", "piece", "件", Count, (1, 0), 1),
    e("EA", "ea", "each", "每个", Count, (1, 0), 1),
    e("DZN", "doz", "dozen", "打", Count, (12, 0), 1),
    e("P1", "%", "per cent", "百分比", Ratio, (1, 2), 1),
    e("C65", "ratio", "ratio", "比率", Ratio, (1, 0), 1),
    e("59", "ppm", "part per million", "百万分之一", Ratio, (1, 6), 1),
    e("SEC", "s", "second", "秒", Time, (1, 0), 1),
    e("C26", "ms", "millisecond", "毫秒", Time, (1, 3), 1),
    e("MIN", "min", "minute", "分钟", Time, (60, 0), 1),
    e("HUR", "h", "hour", "小时", Time, (3600, 0), 1),
    e("DAY", "d", "day", "天", Time, (86400, 0), 1),
    e("WEE", "wk", "week", "周", Time, (604800, 0), 1),
    e("MTR", "m", "metre", "米", Length, (1, 0), 1),
    e("MMT", "mm", "millimetre", "毫米", Length, (1, 3), 1),
    e("CMT", "cm", "centimetre", "厘米", Length, (1, 2), 1),
    e("KMT", "km", "kilometre", "千米", Length, (1000, 0), 1),
    e("4H", "µm", "micrometre", "微米", Length, (1, 6), 1),
    e("INH", "in", "inch", "英寸", Length, (254, 4), 1),
    e("MTK", "m²", "square metre", "平方米", Area, (1, 0), 1),
    e("MMK", "mm²", "square millimetre", "平方毫米", Area, (1, 6), 1),
    e("MTQ", "m³", "cubic metre", "立方米", Volume, (1, 0), 1),
    e("LTR", "l", "litre", "升", Volume, (1, 3), 1),
    e("CMQ", "cm³", "cubic centimetre", "立方厘米", Volume, (1, 6), 1),
    e("NM3", "Nm³", "normalised cubic metre", "标准立方米", Volume, (1, 0), 1),
    e("KGM", "kg", "kilogram", "千克", Mass, (1, 0), 1),
    e("GRM", "g", "gram", "克", Mass, (1, 3), 1),
    e("TNE", "t", "tonne", "吨", Mass, (1000, 0), 1),
    e("KEL", "K", "kelvin", "开尔文", Temperature, (1, 0), 1),
    Entry {
        code: "CEL",
        symbol: "°C",
        en: "degree Celsius",
        zh: "摄氏度",
        dimension: Temperature,
        numerator: (1, 0),
        denominator: 1,
        offset: (27315, 2),
    },
    e("JOU", "J", "joule", "焦耳", Energy, (1, 0), 1),
    e("KJO", "kJ", "kilojoule", "千焦", Energy, (1000, 0), 1),
    e("3B", "MJ", "megajoule", "兆焦", Energy, (1_000_000, 0), 1),
    e("WHR", "Wh", "watt hour", "瓦时", Energy, (3600, 0), 1),
    e("KWH", "kWh", "kilowatt hour", "千瓦时", Energy, (3_600_000, 0), 1),
    e("MWH", "MWh", "megawatt hour", "兆瓦时", Energy, (3_600_000_000, 0), 1),
    e("WTT", "W", "watt", "瓦", Power, (1, 0), 1),
    e("KWT", "kW", "kilowatt", "千瓦", Power, (1000, 0), 1),
    e("MAW", "MW", "megawatt", "兆瓦", Power, (1_000_000, 0), 1),
    e("KVR", "kvar", "kilovar", "千乏", ReactivePower, (1000, 0), 1),
    e("VLT", "V", "volt", "伏", Voltage, (1, 0), 1),
    e("KVT", "kV", "kilovolt", "千伏", Voltage, (1000, 0), 1),
    e("AMP", "A", "ampere", "安", Current, (1, 0), 1),
    e("4K", "mA", "milliampere", "毫安", Current, (1, 3), 1),
    e("HTZ", "Hz", "hertz", "赫兹", Frequency, (1, 0), 1),
    e("KHZ", "kHz", "kilohertz", "千赫", Frequency, (1000, 0), 1),
    e("RPM", "r/min", "revolutions per minute", "转每分", RotationalSpeed, (1, 0), 60),
    e("RPS", "r/s", "revolutions per second", "转每秒", RotationalSpeed, (1, 0), 1),
    e("MTS", "m/s", "metre per second", "米每秒", Speed, (1, 0), 1),
    e("C16", "mm/s", "millimetre per second", "毫米每秒", Speed, (1, 3), 1),
    e("H81", "mm/min", "millimetre per minute", "毫米每分", Speed, (1, 3), 60),
    e("2X", "m/min", "metre per minute", "米每分", Speed, (1, 0), 60),
    e("KMH", "km/h", "kilometre per hour", "千米每小时", Speed, (1000, 0), 3600),
    e("MSK", "m/s²", "metre per second squared", "米每二次方秒", Acceleration, (1, 0), 1),
    e("K40", "gₙ", "standard acceleration of free fall", "标准重力加速度", Acceleration, (980665, 5), 1),
    e("NEW", "N", "newton", "牛", Force, (1, 0), 1),
    e("B47", "kN", "kilonewton", "千牛", Force, (1000, 0), 1),
    e("NU", "N·m", "newton metre", "牛米", Torque, (1, 0), 1),
    e("PAL", "Pa", "pascal", "帕", Pressure, (1, 0), 1),
    e("KPA", "kPa", "kilopascal", "千帕", Pressure, (1000, 0), 1),
    e("MPA", "MPa", "megapascal", "兆帕", Pressure, (1_000_000, 0), 1),
    e("BAR", "bar", "bar", "巴", Pressure, (100_000, 0), 1),
    e("MQS", "m³/s", "cubic metre per second", "立方米每秒", VolumeFlow, (1, 0), 1),
    e("MQH", "m³/h", "cubic metre per hour", "立方米每小时", VolumeFlow, (1, 0), 3600),
    e("G53", "m³/min", "cubic metre per minute", "立方米每分", VolumeFlow, (1, 0), 60),
    e("L2", "l/min", "litre per minute", "升每分", VolumeFlow, (1, 3), 60),
    e("KGS", "kg/s", "kilogram per second", "千克每秒", MassFlow, (1, 0), 1),
    e("E93", "kg/h", "kilogram per hour", "千克每小时", MassFlow, (1, 0), 3600),
    e("E18", "t/h", "tonne per hour", "吨每小时", MassFlow, (1000, 0), 3600),
    e("DD", "°", "degree of arc", "度", Angle, (1, 0), 1),
    e("2N", "dB", "decibel", "分贝", SoundLevel, (1, 0), 1),
    e("TKM", "t·km", "tonne kilometre", "吨公里", TransportWork, (1, 0), 1),
    e("AD", "B", "byte", "字节", Data, (1, 0), 1),
    e("4L", "MB", "megabyte", "兆字节", Data, (1_000_000, 0), 1),
];

/// A known unit.
#[derive(Clone, Copy)]
pub struct Unit(&'static Entry);

impl Unit {
    /// The dimensionless one.
    pub fn one() -> Self {
        Self(&TABLE[0])
    }

    /// Looks a Rec 20 code up.
    pub fn of(code: &str) -> Result<Self, Error> {
        TABLE.iter().find(|entry| entry.code == code).map(Self).ok_or_else(|| {
            Error::invalid("kernel.unit.unknown", format!("{code:?} is not a known UN/ECE Rec 20 unit code"))
                .hint("use a common code such as HUR, KWH, H87, CEL or BAR")
        })
    }

    /// Every known unit.
    pub fn all() -> impl Iterator<Item = Unit> {
        TABLE.iter().map(Unit)
    }

    /// The row behind it: code, symbol, names, dimension.
    pub fn entry(&self) -> &'static Entry {
        self.0
    }

    /// The code.
    pub fn code(&self) -> &'static str {
        self.0.code
    }

    /// The dimension.
    pub fn dimension(&self) -> Dimension {
        self.0.dimension
    }

    /// Converts an exact decimal; refuses another dimension.
    pub fn convert(&self, value: Decimal, to: Unit) -> Result<Decimal, Error> {
        self.compatible(to)?;
        if self.code() == to.code() {
            return Ok(value);
        }
        let (a, b) = (self.0, to.0);
        let d = |(n, s): (i64, u32)| Decimal::new(n, s);
        // One division at the very end, so that exact results stay exact (1 kWh = 3.6 MJ).
        (|| {
            let shifted = d(a.offset).checked_sub(d(b.offset))?.checked_mul(Decimal::from(a.denominator))?;
            let above =
                value.checked_mul(d(a.numerator))?.checked_add(shifted)?.checked_mul(Decimal::from(b.denominator))?;
            let below = Decimal::from(a.denominator).checked_mul(d(b.numerator))?;
            Some(above.checked_div(below)?.normalize())
        })()
        .ok_or_else(|| {
            Error::invalid("kernel.quantity.overflow", format!("{value} {} is too large to convert", a.code))
        })
    }

    /// Converts a float: for telemetry and display, never for what is billed.
    pub fn convert_f64(&self, value: f64, to: Unit) -> Result<f64, Error> {
        self.compatible(to)?;
        if self.code() == to.code() {
            return Ok(value);
        }
        let f = |(n, s): (i64, u32)| n as f64 / 10f64.powi(s as i32);
        let base = value * f(self.0.numerator) / self.0.denominator as f64 + f(self.0.offset);
        Ok((base - f(to.0.offset)) * to.0.denominator as f64 / f(to.0.numerator))
    }

    /// Refuses another dimension, naming both units.
    pub fn compatible(&self, other: Unit) -> Result<(), Error> {
        if self.dimension() == other.dimension() {
            return Ok(());
        }
        Err(Error::invalid(
            "kernel.unit.dimension-mixed",
            format!(
                "{} ({:?}) and {} ({:?}) measure different things",
                self.code(),
                self.dimension(),
                other.code(),
                other.dimension()
            ),
        )
        .hint("use units of one dimension"))
    }
}

impl PartialEq for Unit {
    fn eq(&self, other: &Self) -> bool {
        self.code() == other.code()
    }
}
impl Eq for Unit {}
impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
impl fmt::Debug for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
impl FromStr for Unit {
    type Err = Error;
    fn from_str(code: &str) -> Result<Self, Error> {
        Self::of(code)
    }
}
impl Serialize for Unit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}
impl<'de> Deserialize<'de> for Unit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = std::borrow::Cow::<str>::deserialize(deserializer)?;
        code.parse().map_err(|error: Error| de::Error::custom(error.message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn convert(value: &str, from: &str, to: &str) -> String {
        Unit::of(from).unwrap().convert(value.parse().unwrap(), Unit::of(to).unwrap()).unwrap().to_string()
    }

    #[test]
    fn codes_are_unique() {
        let mut seen = std::collections::HashSet::new();
        assert!(TABLE.iter().all(|entry| seen.insert(entry.code)));
    }

    #[test]
    fn exact_conversions() {
        assert_eq!(convert("1", "KWH", "3B"), "3.6");
        assert_eq!(convert("1", "KWH", "JOU"), "3600000");
        assert_eq!(convert("3.6", "3B", "KWH"), "1");
        assert_eq!(convert("90", "MIN", "HUR"), "1.5");
        assert_eq!(convert("25", "CEL", "KEL"), "298.15");
        assert_eq!(convert("0", "KEL", "CEL"), "-273.15");
        assert_eq!(convert("1500", "RPM", "RPS"), "25");
        assert_eq!(convert("36", "KMH", "MTS"), "10");
    }

    #[test]
    fn mixed_dimensions_are_refused_by_name() {
        let error = Unit::of("KWH").unwrap().convert(Decimal::ONE, Unit::of("KWT").unwrap()).unwrap_err();
        assert_eq!(error.code, "kernel.unit.dimension-mixed");
        assert!(error.message.contains("KWH") && error.message.contains("KWT"));
    }

    #[test]
    fn float_conversion_agrees_with_the_exact_one() {
        for (a, b) in [("CEL", "KEL"), ("RPM", "RPS"), ("INH", "MMT"), ("KMH", "MTS")] {
            let (a, b) = (Unit::of(a).unwrap(), Unit::of(b).unwrap());
            let exact: f64 = a.convert("12.5".parse().unwrap(), b).unwrap().to_string().parse().unwrap();
            assert!((a.convert_f64(12.5, b).unwrap() - exact).abs() < 1e-9);
        }
    }
}
