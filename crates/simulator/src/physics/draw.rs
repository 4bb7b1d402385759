//! Chance, in two forms that must not be mixed: a stream that is read at events only, and noise that depends on the time alone.
//!
//! Because measurement noise never reads the stream, how often a machine is looked at cannot change what happens to it.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{RngCore, SeedableRng},
};

use super::math::{exp, ln, pow};

/// The stream of one machine's fate.
pub(crate) struct Draw(ChaCha8Rng);

impl Draw {
    pub fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// Uniform in the open interval (0, 1).
    pub fn unit(&mut self) -> f64 {
        unit_of(self.0.next_u64())
    }

    /// Uniform between two numbers.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// True with this probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Standard normal: the sum of twelve uniforms has variance one, and no tail beyond six sigma that would look like a fault.
    pub fn normal(&mut self) -> f64 {
        (0..6).map(|_| self.0.next_u64()).map(|w| (w >> 32) as f64 + (w & 0xffff_ffff) as f64).sum::<f64>()
            / 4_294_967_296.0
            - 6.0
    }

    /// Weibull with shape and scale; shape 1 is the exponential distribution.
    pub fn weibull(&mut self, shape: f64, scale: f64) -> f64 {
        scale * pow(-ln(self.unit()), 1.0 / shape)
    }

    /// Lognormal by its median and the sigma of its logarithm.
    pub fn lognormal(&mut self, median: f64, sigma: f64) -> f64 {
        median * exp(sigma * self.normal())
    }
}

/// Measurement noise of one machine: a standard normal number that is a function of channel and time.
#[derive(Clone, Copy)]
pub(crate) struct Noise(pub u64);

impl Noise {
    pub fn at(self, channel: u64, key: i64) -> f64 {
        let bits = mix(mix(self.0 ^ channel.wrapping_mul(0x9e37_79b9_7f4a_7c15)) ^ key as u64);
        // Four 16-bit uniforms: variance 4/12, hence the factor √3.
        let sum = (bits & 0xffff) + ((bits >> 16) & 0xffff) + ((bits >> 32) & 0xffff) + (bits >> 48);
        (sum as f64 / 65_536.0 - 2.0) * 1.732_050_807_568_877_2
    }
}

/// A seed of its own for every machine.
pub(crate) fn seed_of(seed: u64, name: &str) -> u64 {
    name.bytes().fold(mix(seed), |hash, byte| mix(hash ^ u64::from(byte)))
}

fn unit_of(word: u64) -> f64 {
    ((word >> 12) as f64 + 0.5) / 4_503_599_627_370_496.0
}

/// The finaliser of splitmix64: every input bit reaches every output bit.
pub(crate) fn mix(value: u64) -> u64 {
    let z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(values: impl Iterator<Item = f64>) -> (f64, f64) {
        let values: Vec<f64> = values.collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        (mean, (values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / values.len() as f64).sqrt())
    }

    #[test]
    fn distributions_have_their_moments() {
        let mut draw = Draw::new(7);
        let (mean, deviation) = moments((0..50_000).map(|_| draw.normal()));
        assert!(mean.abs() < 0.02 && (deviation - 1.0).abs() < 0.02, "{mean} {deviation}");
        // Mean of Weibull(2, 1) is √π/2, of the exponential its scale.
        let (mean, _) = moments((0..50_000).map(|_| draw.weibull(2.0, 1.0)));
        assert!((mean - 0.8862).abs() < 0.01, "{mean}");
        let (mean, deviation) = moments((0..50_000).map(|_| draw.weibull(1.0, 10.0)));
        assert!((mean - 10.0).abs() < 0.2 && (deviation - 10.0).abs() < 0.3, "{mean} {deviation}");
        let noise = Noise(3);
        let (mean, deviation) = moments((0..50_000).map(|t| noise.at(4, t * 1_000_000)));
        assert!(mean.abs() < 0.02 && (deviation - 1.0).abs() < 0.02, "{mean} {deviation}");
    }

    #[test]
    fn machines_have_their_own_seeds() {
        assert_ne!(seed_of(1, "CNC-01"), seed_of(1, "CNC-02"));
        assert_ne!(seed_of(1, "CNC-01"), seed_of(2, "CNC-01"));
    }
}
