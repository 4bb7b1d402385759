//! Measured quality: the process capability index of the last parts, exact in decimals.

use kernel::{Decimal, Error, Result, Timestamp};
use rust_decimal::{MathematicalOps, RoundingStrategy};

/// A capability counts as assured from here: the usual demand on a running process.
pub const CPK_LEAST: Decimal = Decimal::from_parts(133, 0, 0, false, 2);
/// Fewer parts say too little about scatter.
pub const PARTS_LEAST: usize = 30;

/// Cpk of deviations from nominal for a tolerance of ± so many micrometres: distance of the mean from the nearer limit over
/// three unbiased sample standard deviations. Rounded down to three decimals, so that it never flatters.
pub fn cpk(deviations_um: &[Decimal], tolerance_um: u32) -> Result<Decimal> {
    if deviations_um.len() < PARTS_LEAST {
        return Err(Error::conflict(
            "sharing.assurance.too-few",
            format!("{} measured parts are known, {PARTS_LEAST} are needed", deviations_um.len()),
        )
        .hint("measure again when the machine has made more parts"));
    }
    let count = Decimal::from(deviations_um.len());
    let mean = deviations_um.iter().sum::<Decimal>() / count;
    let squares: Decimal = deviations_um.iter().map(|value| (value - mean) * (value - mean)).sum();
    let sigma = (squares / (count - Decimal::ONE)).sqrt().unwrap_or_default();
    if sigma.is_zero() {
        return Err(Error::conflict("sharing.assurance.no-scatter", "every part deviates by the same amount")
            .hint("check the gauge: real parts scatter"));
    }
    let limit = Decimal::from(tolerance_um);
    let nearer = (limit - mean).min(mean + limit);
    Ok((nearer / (Decimal::from(3) * sigma)).round_dp_with_strategy(3, RoundingStrategy::ToNegativeInfinity))
}

/// One deviation per part, oldest first: a gauge repeats the last part's value until the next one, so the moments at which the
/// counter rises say which values are new. Both series are ordered by time.
pub fn last_parts(counter: &[(Timestamp, Decimal)], deviations: &[(Timestamp, Decimal)]) -> Vec<Decimal> {
    let (mut parts, mut next) = (Vec::new(), 0);
    for pair in counter.windows(2).filter(|pair| pair[1].1 > pair[0].1) {
        while deviations.get(next).is_some_and(|(at, _)| *at <= pair[1].0) {
            next += 1;
        }
        parts.extend(next.checked_sub(1).map(|index| deviations[index].1));
    }
    parts
}

/// Refuses what does not hold the stated tolerance.
pub fn require(cpk: Decimal, tolerance_um: u32) -> Result<()> {
    if cpk >= CPK_LEAST {
        return Ok(());
    }
    Err(Error::conflict(
        "sharing.assurance.below",
        format!("the measured Cpk for ±{tolerance_um} µm is {cpk}, {CPK_LEAST} is needed"),
    )
    .hint("state a wider tolerance, or improve the process and measure again"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(values: &[i64]) -> Vec<Decimal> {
        values.iter().cycle().take(30).map(|value| Decimal::from(*value)).collect()
    }

    #[test]
    fn the_textbook_case() {
        // Half at −1, half at 3: mean 1, Σ(x−x̄)² = 120, s = √(120/29) = 2.03419…, limits ±10: Cpk = 9 / (3 s) = 1.47478…
        assert_eq!(cpk(&parts(&[-1, 3]), 10).unwrap().to_string(), "1.474");
        // The same scatter about the lower limit's side gives the same index.
        assert_eq!(cpk(&parts(&[1, -3]), 10).unwrap().to_string(), "1.474");
        // A mean outside of the limits is negative.
        assert!(cpk(&parts(&[11, 15]), 10).unwrap() < Decimal::ZERO);
    }

    #[test]
    fn each_part_counts_once_even_when_its_value_repeats() {
        let series = |values: &[(i64, i64)]| -> Vec<(Timestamp, Decimal)> {
            values.iter().map(|(at, value)| (Timestamp::from_micros(*at), Decimal::from(*value))).collect()
        };
        let counter = series(&[(0, 10), (1, 10), (2, 11), (3, 11), (4, 12), (5, 0), (6, 1)]);
        let gauge = series(&[(0, 5), (1, 5), (2, 7), (3, 7), (4, 7), (6, 8)]);
        let expected: Vec<Decimal> = [7, 7, 8].map(Decimal::from).to_vec();
        assert_eq!(last_parts(&counter, &gauge), expected);
        assert!(last_parts(&counter, &[]).is_empty());
    }

    #[test]
    fn what_says_nothing_is_refused() {
        assert_eq!(cpk(&parts(&[1, 2])[..29], 10).unwrap_err().code, "sharing.assurance.too-few");
        assert_eq!(cpk(&parts(&[7]), 10).unwrap_err().code, "sharing.assurance.no-scatter");
        assert_eq!(require("1.329".parse().unwrap(), 10).unwrap_err().code, "sharing.assurance.below");
        assert!(require("1.33".parse().unwrap(), 10).is_ok());
    }
}
