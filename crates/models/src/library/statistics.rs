//! Quantiles of the normal and chi-square distributions, by bisection on the incomplete gamma function: slow and sure.

/// ln Γ(x) for x > 0 (Lanczos approximation, g = 7, nine terms; relative error below 1e-13).
fn ln_gamma(x: f64) -> f64 {
    const TERMS: [f64; 8] = [
        676.5203681218851,
        -1259.1392167224028,
        771.3234287776531,
        -176.6150291621406,
        12.507343278686905,
        -0.13857109526572012,
        9.984369578019572e-6,
        1.5056327351493116e-7,
    ];
    let x = x - 1.0;
    let series = TERMS.iter().enumerate().fold(0.9999999999998099, |sum, (i, term)| sum + term / (x + i as f64 + 1.0));
    let t = x + 7.5;
    0.5 * (2.0 * std::f64::consts::PI).ln() + (x + 0.5) * t.ln() - t + series.ln()
}

/// The regularised lower incomplete gamma function P(a, x), by its series or its continued fraction.
fn gamma_p(a: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    let scale = (a * x.ln() - x - ln_gamma(a)).exp();
    if x < a + 1.0 {
        let (mut term, mut sum, mut n) = (1.0 / a, 1.0 / a, a);
        while term.abs() > sum.abs() * 1e-16 {
            n += 1.0;
            term *= x / n;
            sum += term;
        }
        return sum * scale;
    }
    // Lentz's method for the upper function.
    let mut b = x + 1.0 - a;
    let (mut c, mut d) = (1e300, 1.0 / b);
    let mut fraction = d;
    for i in 1..10_000 {
        let an = -f64::from(i) * (f64::from(i) - a);
        b += 2.0;
        d = 1.0 / (an * d + b);
        c = b + an / c;
        fraction *= d * c;
        if (d * c - 1.0).abs() < 1e-15 {
            break;
        }
    }
    1.0 - scale * fraction
}

/// Where a rising function reaches `p`.
fn bisect(mut low: f64, mut high: f64, p: f64, f: impl Fn(f64) -> f64) -> f64 {
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if f(middle) < p { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

/// The value that a chi-square variable with `n` degrees of freedom stays below with probability `p`.
pub(super) fn chi_square_quantile(n: f64, p: f64) -> f64 {
    bisect(0.0, n + 40.0 * (2.0 * n).sqrt() + 100.0, p, |x| gamma_p(n / 2.0, x / 2.0))
}

/// The value that a standard normal variable stays below with probability `p`.
pub(super) fn normal_quantile(p: f64) -> f64 {
    // The square of a normal variable is chi-square with one degree of freedom.
    let half = |z: f64| 0.5 * gamma_p(0.5, z * z / 2.0);
    bisect(-40.0, 40.0, p, |z| if z < 0.0 { 0.5 - half(z) } else { 0.5 + half(z) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_printed_tables() {
        for (p, z) in [(0.5, 0.0), (0.90, 1.2816), (0.95, 1.6449), (0.975, 1.9600), (0.99, 2.3263), (0.025, -1.9600)] {
            assert!((normal_quantile(p) - z).abs() < 5e-5, "{p}");
        }
        for (n, p, x) in [
            (19.0, 0.025, 8.907),
            (19.0, 0.975, 32.852),
            (1.0, 0.95, 3.841),
            (10.0, 0.05, 3.940),
            (100.0, 0.05, 77.929),
            (100.0, 0.95, 124.342),
        ] {
            let quantile = chi_square_quantile(n, p);
            assert!((quantile - x).abs() < 6e-4, "{n} {p}: {quantile}");
        }
    }
}
