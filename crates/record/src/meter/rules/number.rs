//! Where a telemetry float becomes an exact number, and where an exact number is rounded: once each, as stated here.
//!
//! In: the shortest decimal text that reads back as the same f64; digits after the twelfth decimal place are rounded half
//! away from zero. Between: integers of 10⁻¹² only, checked for overflow. Out: one rounding half away from zero.

use contracts::telemetry::Value;
use kernel::{Decimal, Error, Result};

/// Decimal places that a sample keeps.
pub const SAMPLE_PLACES: u32 = 12;
const SCALE: i128 = 10i128.pow(SAMPLE_PLACES);
/// Beyond it an f64 no longer tells neighbouring whole numbers apart reliably; no machine measures that.
const SAMPLE_MAX: f64 = 1e15;

/// An exact amount as a fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exact {
    /// Above the line.
    pub numerator: i128,
    /// Below the line; positive.
    pub denominator: i128,
}

impl Exact {
    /// An integer number of 10⁻¹².
    pub fn fixed(numerator: i128) -> Self {
        Self { numerator, denominator: SCALE }
    }

    /// Times an exact decimal.
    pub fn times(self, factor: Decimal) -> Result<Self> {
        let factor = factor.normalize();
        let numerator = self.numerator.checked_mul(factor.mantissa()).ok_or_else(too_large)?;
        let scale = 10i128.checked_pow(factor.scale()).ok_or_else(too_large)?;
        let denominator = self.denominator.checked_mul(scale).ok_or_else(too_large)?;
        Ok(Self { numerator, denominator })
    }

    /// Divided by a positive integer.
    pub fn over(self, divisor: i128) -> Result<Self> {
        let denominator = self.denominator.checked_mul(divisor).ok_or_else(too_large)?;
        Ok(Self { denominator, ..self })
    }

    /// The one rounding: half away from zero.
    pub fn rounded(self, decimals: u32) -> Result<Decimal> {
        let divisor = gcd(self.numerator.unsigned_abs(), self.denominator.unsigned_abs()).max(1) as i128;
        let (above, below) = (self.numerator / divisor, self.denominator / divisor);
        let above = above.checked_mul(10i128.pow(decimals)).ok_or_else(too_large)?;
        let (whole, rest) = (above / below, above % below);
        let up = rest.unsigned_abs() >= below.unsigned_abs() - rest.unsigned_abs();
        let rounded = whole + if up && rest != 0 { above.signum() } else { 0 };
        let (mut rounded, mut decimals) = (rounded, decimals);
        while decimals > 0 && rounded % 10 == 0 {
            (rounded, decimals) = (rounded / 10, decimals - 1);
        }
        Decimal::try_from_i128_with_scale(rounded, decimals).map_err(|_| too_large())
    }
}

/// A sample value as an integer number of 10⁻¹²; true is 1.
///
/// # Errors
/// `record.meter.not-a-number` for text, `record.meter.too-large` for a float beyond 10¹⁵.
pub fn sample_fixed(value: &Value) -> Result<i128> {
    match value {
        Value::Bool(flag) => Ok(i128::from(*flag) * SCALE),
        Value::I64(number) => Ok(i128::from(*number) * SCALE),
        Value::F64(number) if number.is_finite() && number.abs() <= SAMPLE_MAX => Ok(parse_fixed(&format!("{number}"))),
        Value::F64(_) => Err(too_large()),
        Value::Str(_) => Err(Error::unprocessable("record.meter.not-a-number", "the metered property holds text")
            .hint("meter a numeric property, or use time_in_state for text")),
    }
}

/// A decimal as an integer number of 10⁻¹².
pub fn decimal_fixed(value: Decimal) -> Result<i128> {
    let value = value.round_dp_with_strategy(SAMPLE_PLACES, rust_decimal::RoundingStrategy::MidpointAwayFromZero);
    value.mantissa().checked_mul(10i128.pow(SAMPLE_PLACES - value.scale())).ok_or_else(too_large)
}

/// The exact decimal behind an integer number of 10⁻¹².
pub fn fixed_decimal(fixed: i128) -> Result<Decimal> {
    Exact::fixed(fixed).rounded(SAMPLE_PLACES)
}

pub(super) fn too_large() -> Error {
    Error::unprocessable("record.meter.too-large", "a metered number is too large for exact arithmetic")
        .hint("check the sensor's scale and the meter's multiplier")
}

/// Reads digits as Rust prints an f64: never an exponent.
fn parse_fixed(text: &str) -> i128 {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let number = |digits: &str| digits.bytes().fold(0i128, |sum, digit| sum * 10 + i128::from(digit - b'0'));
    let places = SAMPLE_PLACES as usize;
    let kept = &fraction[..fraction.len().min(places)];
    let mut fixed = number(whole) * SCALE + number(kept) * 10i128.pow((places - kept.len()) as u32);
    if fraction.as_bytes().get(places).is_some_and(|digit| *digit >= b'5') {
        fixed += 1;
    }
    if negative { -fixed } else { fixed }
}

fn gcd(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decimal(value: f64) -> String {
        fixed_decimal(sample_fixed(&Value::F64(value)).unwrap()).unwrap().to_string()
    }

    #[test]
    fn floats_become_the_decimal_that_people_read() {
        assert_eq!(decimal(0.1), "0.1");
        assert_eq!(decimal(-33.335), "-33.335");
        assert_eq!(decimal(1e15), "1000000000000000");
        assert_eq!(decimal(1.0 / 3.0), "0.333333333333");
        assert_eq!(decimal(2.0 / 3.0), "0.666666666667");
        assert_eq!(decimal(5e-13), "0.000000000001");
        assert_eq!(decimal(-5e-13), "-0.000000000001");
        assert_eq!(decimal(4.9e-13), "0");
        assert_eq!(decimal(5e-324), "0");
        assert_eq!(sample_fixed(&Value::F64(1e19)).unwrap_err().code, "record.meter.too-large");
        assert_eq!(sample_fixed(&Value::Str("on".into())).unwrap_err().code, "record.meter.not-a-number");
    }

    #[test]
    fn rounding_is_half_away_from_zero() {
        for (above, below, decimals, text) in [
            (1, 8, 2, "0.13"),
            (-1, 8, 2, "-0.13"),
            (1, 3, 4, "0.3333"),
            (2, 3, 0, "1"),
            (5, 10, 0, "1"),
            (49, 100, 0, "0"),
            (100, 1, 0, "100"),
        ] {
            assert_eq!(Exact { numerator: above, denominator: below }.rounded(decimals).unwrap().to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn conversion_agrees_with_the_printed_text(value in -1e15f64..1e15) {
            let printed: Decimal = format!("{value}").parse().unwrap();
            let expected = printed.round_dp_with_strategy(12, rust_decimal::RoundingStrategy::MidpointAwayFromZero);
            prop_assert_eq!(fixed_decimal(sample_fixed(&Value::F64(value)).unwrap()).unwrap(), expected.normalize());
        }
    }
}
