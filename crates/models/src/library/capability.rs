//! Process capability: how a process fits its tolerance, and how sure the sample makes us of it.

use kernel::{Error, Result};

use super::{
    Card, formula, in_range,
    statistics::{chi_square_quantile, normal_quantile},
    symbol,
};

/// What it is.
pub const CARD: Card = Card {
    id: "process-capability",
    name_zh: "过程能力指数",
    name_en: "Process capability indices",
    inputs: &[
        symbol("usl", "mm", "upper specification limit"),
        symbol("lsl", "mm", "lower specification limit"),
        symbol("mean", "mm", "sample mean"),
        symbol("s", "mm", "sample standard deviation"),
    ],
    results: &[
        formula("cp", "", "capability if centred", "(usl - lsl) / (6 * s)"),
        formula("cpk", "", "capability as it is", "min(usl - mean, mean - lsl) / (3 * s)"),
    ],
    assumptions: &[
        "the process is in statistical control",
        "the characteristic is normally distributed",
        "samples are independent",
    ],
    validity: &[
        "at least 2 samples; below 30 the bounds are wide",
        "any characteristic in one unit, not lengths alone",
    ],
    source: "D. C. Montgomery, Introduction to Statistical Quality Control, chapter on process capability; lower bound of Cp by \
             the chi-square distribution, of Cpk after A. F. Bissell, Applied Statistics 39 (1990)",
};

/// The limits of a characteristic; one of them may be missing.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Limits {
    /// Lower specification limit.
    pub lower: Option<f64>,
    /// Upper specification limit.
    pub upper: Option<f64>,
}

/// What a sample says of a process.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Capability {
    /// Sample size.
    pub n: usize,
    /// Sample mean.
    pub mean: f64,
    /// Sample standard deviation (n − 1).
    pub s: f64,
    /// Cp; none for a one-sided tolerance.
    pub cp: Option<f64>,
    /// Cp is at least this, with the confidence asked for.
    pub cp_lower: Option<f64>,
    /// Cpk.
    pub cpk: f64,
    /// Cpk is at least this, with the confidence asked for.
    pub cpk_lower: f64,
}

/// The capability from measured values, with one-sided lower bounds of a confidence such as 0.95.
pub fn capability(samples: &[f64], limits: Limits, confidence: f64) -> Result<Capability> {
    let n = samples.len();
    if n < 2 {
        return Err(Error::unprocessable("models.library.sample-too-small", "capability needs at least 2 samples")
            .hint("measure at least 30 parts"));
    }
    if samples.iter().any(|x| !x.is_finite()) {
        return Err(Error::unprocessable("models.library.out-of-range", "a sample is not a finite number"));
    }
    // Deviations from the first sample: parts differ in the last digits only, and squares of the whole would lose them.
    let first = samples[0];
    let mean = first + samples.iter().map(|x| x - first).sum::<f64>() / n as f64;
    let s = (samples.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1) as f64).sqrt();
    from_statistics(n, mean, s, limits, confidence)
}

/// The capability from sample size, mean and standard deviation.
pub fn from_statistics(n: usize, mean: f64, s: f64, limits: Limits, confidence: f64) -> Result<Capability> {
    in_range("n", n as f64, 2.0..=1e9)?;
    in_range("confidence", confidence, 0.5..=0.9999)?;
    in_range("mean", mean, -1e300..=1e300)?;
    if !(s.is_finite() && s > 0.0) {
        return Err(Error::unprocessable(
            "models.library.no-spread",
            "the samples do not differ, so capability is undefined",
        )
        .hint("use an instrument that resolves at least a tenth of the tolerance"));
    }
    let Limits { lower, upper } = limits;
    if [lower, upper].into_iter().flatten().any(|limit| !limit.is_finite()) || (lower, upper) == (None, None) {
        return Err(Error::unprocessable("models.library.limits", "a tolerance needs at least one finite limit"));
    }
    if lower.zip(upper).is_some_and(|(lower, upper)| lower >= upper) {
        return Err(Error::unprocessable("models.library.limits", "the lower limit must be below the upper one"));
    }
    let size = n as f64;
    let cp = lower.zip(upper).map(|(lower, upper)| (upper - lower) / (6.0 * s));
    let to_upper = upper.map_or(f64::INFINITY, |upper| upper - mean);
    let to_lower = lower.map_or(f64::INFINITY, |lower| mean - lower);
    let cpk = to_upper.min(to_lower) / (3.0 * s);
    let shrink = (chi_square_quantile(size - 1.0, 1.0 - confidence) / (size - 1.0)).sqrt();
    let cpk_lower = cpk - normal_quantile(confidence) * cpk_error(size, cpk);
    Ok(Capability { n, mean, s, cp, cp_lower: cp.map(|cp| cp * shrink), cpk, cpk_lower })
}

/// The standard error of Cpk (Bissell).
fn cpk_error(n: f64, cpk: f64) -> f64 {
    (1.0 / (9.0 * n) + cpk * cpk / (2.0 * (n - 1.0))).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::tests::by_formula;

    const BOTH: Limits = Limits { lower: Some(90.0), upper: Some(100.0) };

    fn close(a: f64, b: f64, tolerance: f64) {
        assert!((a - b).abs() <= tolerance, "{a} is not {b}");
    }

    #[test]
    fn published_intervals_of_cpk() {
        // Quality Digest, May 2000, last word: Cpk 1.15 from 45 samples lies between 0.89 and 1.41 with 95 % confidence.
        let error = normal_quantile(0.975) * cpk_error(45.0, 1.15);
        close(1.15 - error, 0.89, 0.005);
        close(1.15 + error, 1.41, 0.005);
        // A one-sided bound of 97.5 % is the lower end of a two-sided interval of 95 %.
        let limits = Limits { lower: Some(0.0), upper: Some(6.9) };
        let bound = from_statistics(45, 3.45, 1.0, limits, 0.975).unwrap();
        close(bound.cpk, 1.15, 1e-12);
        close(bound.cpk_lower, 0.89, 0.005);
    }

    #[test]
    fn published_interval_of_cp() {
        // Montgomery's example: limits 38 and 62, s = 1.75, n = 20: Cp 2.29, between 1.57 and 3.01 with 95 % confidence. (The
        // book rounds Cp before it takes the bound.)
        let limits = Limits { lower: Some(38.0), upper: Some(62.0) };
        let result = from_statistics(20, 50.0, 1.75, limits, 0.975).unwrap();
        close(result.cp.unwrap(), 2.29, 0.005);
        close(result.cp_lower.unwrap(), 1.57, 0.0051);
    }

    #[test]
    fn published_point_estimates() {
        // NIST/SEMATECH e-Handbook 6.1.6: limits 8 and 20, mean 16, s = 2: Cp 1.0, Cpk 0.6667.
        let limits = Limits { lower: Some(8.0), upper: Some(20.0) };
        let result = from_statistics(50, 16.0, 2.0, limits, 0.95).unwrap();
        close(result.cp.unwrap(), 1.0, 1e-12);
        close(result.cpk, 0.6667, 5e-5);
        let by_formula = by_formula(&CARD, &[("usl", 20.0), ("lsl", 8.0), ("mean", 16.0), ("s", 2.0)]);
        close(by_formula[0], 1.0, 1e-12);
        close(by_formula[1], result.cpk, 1e-12);
    }

    #[test]
    fn from_samples_and_one_sided() {
        let samples = [10.0, 12.0, 9.0, 11.0, 8.0];
        let result = capability(&samples, Limits { lower: None, upper: Some(16.0) }, 0.95).unwrap();
        close(result.mean, 10.0, 1e-12);
        close(result.s, 2.5_f64.sqrt(), 1e-12);
        close(result.cpk, 6.0 / (3.0 * 2.5_f64.sqrt()), 1e-12);
        assert!(result.cp.is_none() && result.cpk_lower < result.cpk);
    }

    #[test]
    fn larger_samples_and_lower_confidence_give_higher_bounds() {
        let bound = |n, confidence| from_statistics(n, 95.0, 1.0, BOTH, confidence).unwrap().cpk_lower;
        assert!(bound(30, 0.95) < bound(100, 0.95) && bound(100, 0.95) < bound(100, 0.90));
    }

    #[test]
    fn nonsense_is_refused() {
        let code = |result: Result<Capability>| result.unwrap_err().code;
        assert_eq!(code(capability(&[1.0], BOTH, 0.95)), "models.library.sample-too-small");
        assert_eq!(code(capability(&[1.0, 1.0], BOTH, 0.95)), "models.library.no-spread");
        assert_eq!(code(capability(&[1.0, f64::NAN], BOTH, 0.95)), "models.library.out-of-range");
        assert_eq!(
            code(capability(&[1.0, 2.0], Limits { lower: Some(2.0), upper: Some(1.0) }, 0.95)),
            "models.library.limits"
        );
        assert_eq!(code(capability(&[1.0, 2.0], Limits { lower: None, upper: None }, 0.95)), "models.library.limits");
    }
}
