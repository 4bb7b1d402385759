//! What breaks, when, and for how long.
//!
//! Each mode has a life in running hours drawn from a Weibull distribution (shape 1: comes out of the blue; shape 2–4: wears
//! out) and a lognormal repair time. The share of its life a mode has lived is its severity; models let temperature,
//! vibration or pressure drift with it, so that most failures announce themselves.

use super::draw::Draw;

/// One way to fail.
#[derive(Debug)]
pub struct FaultMode {
    /// The code the controller shows; 0 is no fault.
    pub code: i64,
    /// Name in Chinese.
    pub zh: &'static str,
    /// Name in English.
    pub en: &'static str,
    /// Weibull shape.
    pub shape: f64,
    /// Weibull scale in running hours (63 % have failed by then).
    pub scale_h: f64,
    /// Median repair time in minutes.
    pub repair_min: f64,
}

/// The ages and lives of a machine's modes.
pub(crate) struct Faults {
    modes: &'static [FaultMode],
    age_s: Vec<f64>,
    life_s: Vec<f64>,
}

impl Faults {
    pub fn new(modes: &'static [FaultMode], draw: &mut Draw) -> Self {
        let life_s: Vec<f64> = modes.iter().map(|mode| life(mode, draw)).collect();
        // Nobody's machines are all new: each mode starts somewhere in the first 60 % of its life.
        let age_s = life_s.iter().map(|life| life * draw.between(0.0, 0.6)).collect();
        Self { modes, age_s, life_s }
    }

    /// The mode that fails next and the running seconds until then.
    pub fn next(&self) -> (usize, f64) {
        let mut best = (0, f64::INFINITY);
        for (index, (age, life)) in self.age_s.iter().zip(&self.life_s).enumerate() {
            if life - age < best.1 {
                best = (index, life - age);
            }
        }
        best
    }

    /// Running time has passed.
    pub fn run(&mut self, seconds: f64) {
        for age in &mut self.age_s {
            *age += seconds;
        }
    }

    /// How far a mode is through its life, 0 to 1.
    pub fn severity(&self, mode: usize) -> f64 {
        (self.age_s[mode] / self.life_s[mode]).clamp(0.0, 1.0)
    }

    pub fn code(&self, mode: usize) -> i64 {
        self.modes[mode].code
    }

    /// Repairs a mode as good as new; answers how many seconds that takes.
    pub fn repair(&mut self, mode: usize, draw: &mut Draw) -> f64 {
        self.age_s[mode] = 0.0;
        self.life_s[mode] = life(&self.modes[mode], draw);
        (draw.lognormal(self.modes[mode].repair_min, 0.5) * 60.0).clamp(120.0, 28_800.0)
    }
}

fn life(mode: &FaultMode, draw: &mut Draw) -> f64 {
    // A life of less than a quarter of an hour would be an installation error, not a fault.
    (draw.weibull(mode.shape, mode.scale_h) * 3600.0).max(900.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODES: &[FaultMode] = &[
        FaultMode { code: 101, zh: "甲", en: "a", shape: 1.0, scale_h: 10.0, repair_min: 20.0 },
        FaultMode { code: 102, zh: "乙", en: "b", shape: 3.0, scale_h: 100.0, repair_min: 60.0 },
    ];

    #[test]
    fn mean_time_between_failures_follows_the_scale() {
        let mut draw = Draw::new(11);
        let mut faults = Faults::new(MODES, &mut draw);
        let (mut failures, mut hours) = ([0u32; 2], 0.0);
        while hours < 50_000.0 {
            let (mode, left) = faults.next();
            faults.run(left);
            hours += left / 3600.0;
            assert!((faults.severity(mode) - 1.0).abs() < 1e-9);
            failures[mode] += 1;
            let repair = faults.repair(mode, &mut draw);
            assert!((120.0..=28_800.0).contains(&repair));
        }
        let mtbf = [hours / f64::from(failures[0]), hours / f64::from(failures[1])];
        assert!((mtbf[0] - 10.0).abs() < 0.6, "{mtbf:?}");
        // Mean of Weibull(3, 100) is 89.3.
        assert!((mtbf[1] - 89.3).abs() < 5.0, "{mtbf:?}");
    }
}
