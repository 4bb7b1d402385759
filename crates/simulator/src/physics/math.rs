//! Elementary functions from additions, multiplications and square roots only.
//!
//! The standard library's `exp`, `ln` and `sin` come from the platform and may differ in the last bit; event times follow from
//! them, so one bit would grow into another history. These are the same everywhere, and accurate to about 1e-15 relative.

const LN_2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// e to the x.
pub(crate) fn exp(x: f64) -> f64 {
    if x < -700.0 {
        return 0.0;
    }
    let x = x.min(700.0);
    let k = (x / std::f64::consts::LN_2).round();
    let r = x - k * LN_2_HIGH - k * LN_2_LOW;
    // Taylor series, |r| ≤ 0.35: the fourteenth term is below 1e-17.
    let mut sum = 1.0;
    let mut n = 13.0;
    while n >= 1.0 {
        sum = 1.0 + r * sum / n;
        n -= 1.0;
    }
    sum * f64::from_bits(((k as i64 + 1023) as u64) << 52)
}

/// The natural logarithm of a positive, normal number.
pub(crate) fn ln(x: f64) -> f64 {
    let bits = x.max(f64::MIN_POSITIVE).to_bits();
    let mut exponent = ((bits >> 52) & 0x7ff) as i64 - 1023;
    let mut mantissa = f64::from_bits((bits & 0x000f_ffff_ffff_ffff) | (1023 << 52));
    if mantissa > std::f64::consts::SQRT_2 {
        mantissa *= 0.5;
        exponent += 1;
    }
    // ln m = 2 artanh((m-1)/(m+1)), |s| ≤ 0.172.
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let square = s * s;
    let mut sum = 0.0;
    let mut n = 21.0;
    while n >= 1.0 {
        sum = sum * square + 1.0 / n;
        n -= 2.0;
    }
    let k = exponent as f64;
    k * LN_2_HIGH + (2.0 * s * sum + k * LN_2_LOW)
}

/// x to the y, for positive x.
pub(crate) fn pow(x: f64, y: f64) -> f64 {
    if x <= 0.0 { 0.0 } else { exp(y * ln(x)) }
}

/// The sine of an angle given in full turns.
pub(crate) fn sin_turns(turns: f64) -> f64 {
    let mut t = turns - turns.round();
    // Fold into a quarter turn either side, where the series converges fast.
    if t > 0.25 {
        t = 0.5 - t;
    } else if t < -0.25 {
        t = -0.5 - t;
    }
    let x = t * std::f64::consts::TAU;
    let square = x * x;
    let mut sum = 1.0;
    let mut n = 10.0;
    while n >= 1.0 {
        sum = 1.0 - square / ((2.0 * n) * (2.0 * n + 1.0)) * sum;
        n -= 1.0;
    }
    x * sum
}

/// Rounds to a number of decimals, as an instrument's display does.
pub(crate) fn round_to(x: f64, decimals: u8) -> f64 {
    const POWERS: [f64; 7] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6];
    let power = POWERS[usize::from(decimals.min(6))];
    (x * power).round() / power
}

/// A value that follows its input with one time constant: where it is `dt_s` after it was at `start`, heading for `target`.
pub(crate) fn follow(start: f64, target: f64, dt_s: f64, tau_s: f64) -> f64 {
    target + (start - target) * exp(-dt_s / tau_s)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_platform() {
        let mut x = -30.0;
        while x < 30.0 {
            assert!((exp(x) / x.exp() - 1.0).abs() < 4e-15, "exp {x}");
            assert!((sin_turns(x) - (x * std::f64::consts::TAU).sin()).abs() < 1e-13, "sin {x}");
            let y = (x + 31.0) * 12.7;
            assert!((ln(y) - y.ln()).abs() <= 4e-15 * y.ln().abs().max(1.0), "ln {y}");
            assert!((pow(y, 0.37) / y.powf(0.37) - 1.0).abs() < 1e-14, "pow {y}");
            x += 0.037;
        }
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(ln(1.0), 0.0);
    }

    #[test]
    fn a_time_constant_covers_63_per_cent() {
        assert!((follow(20.0, 120.0, 600.0, 600.0) - 83.212).abs() < 0.001);
        assert_eq!(round_to(1.2345, 2), 1.23);
    }
}
