//! A mechanical stamping press with coil feed, 1 000–2 500 kN.
//!
//! Figures and where they come from:
//! - 30–70 strokes a minute and an 11–22 kW main motor are the usual plates of straight-side and C-frame presses of 110–250 t.
//! - Cutting force = shear strength × cut length × thickness; the energy of a stroke is force × penetration (30–50 % of the
//!   sheet), 1–3 kJ here, so that most of the power is flywheel friction, clutch and feeder (Schuler, "Metal Forming Handbook").
//! - Burr height grows with punch edge wear from about 10 % of the sheet's thickness being tolerable; regrinding every
//!   50 000–200 000 strokes, force up by a fifth to a quarter when blunt.
//! - Crank bearings settle 20–30 K above the hall with a time constant of 40 minutes; trip at 75 °C; lubrication at 2–3 bar.

use kernel::Result;
use serde::{Deserialize, Serialize};

use super::{
    Lag, Model, Noise, Readings,
    faults::FaultMode,
    hours::Calendar,
    impossible,
    math::pow,
    round_to,
    shop::{Activity, Closed, Load, Needs, Shop},
};

/// Ratings of a press.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plate {
    /// Nominal force in kN.
    pub force_kn: f64,
    /// Strokes a minute in production.
    pub strokes_min: f64,
    /// Main motor in kW.
    pub motor_kw: f64,
    /// Strokes until the die is reground.
    pub die_life_strokes: f64,
    /// Permitted deviation of the part, ± µm.
    pub tolerance_um: f64,
    /// Standard deviation of the process, µm.
    pub spread_um: f64,
}

/// What breaks.
pub const FAULTS: &[FaultMode] = &[
    FaultMode { code: 121, zh: "送料错位", en: "misfeed", shape: 1.0, scale_h: 12.0, repair_min: 7.0 },
    FaultMode {
        code: 122, zh: "过载保护动作", en: "overload tripped", shape: 1.0, scale_h: 120.0, repair_min: 20.0
    },
    FaultMode {
        code: 232, zh: "曲轴轴承过热", en: "crank bearing hot", shape: 3.0, scale_h: 800.0, repair_min: 150.0
    },
    FaultMode {
        code: 315,
        zh: "离合器制动器磨损",
        en: "clutch and brake worn",
        shape: 2.5,
        scale_h: 1200.0,
        repair_min: 240.0,
    },
    FaultMode {
        code: 421,
        zh: "润滑压力低",
        en: "lubrication pressure low",
        shape: 2.0,
        scale_h: 350.0,
        repair_min: 30.0,
    },
];
const BEARING: usize = 2;
const LUBRICATION: usize = 4;

const BEARING_TAU_S: f64 = 2400.0;
const OFF_KW: f64 = 0.02;
const STANDBY_KW: f64 = 0.5;
const COIL_CHANGE_S: f64 = 420.0;
const REGRIND_S: f64 = 7_200.0;

pub(crate) struct Press {
    plate: Plate,
    shop: Shop,
    noise: Noise,
    bearing: Lag,
    /// Force of the current part as a share of the nominal force.
    force: f64,
    /// Strokes of the run under way and how many of them are scrap, spread evenly.
    run: (i64, i64),
    run_s: f64,
    /// Strokes left on the coil.
    coil: i64,
    die_strokes: f64,
    energy_kj: f64,
    strokes: i64,
    scrap: i64,
    cold_s: f64,
}

impl Press {
    pub fn new(plate: &Plate, calendar: &Calendar, seed: u64, origin_us: i64) -> Result<Self> {
        if !(plate.force_kn > 0.0
            && plate.strokes_min >= 1.0
            && plate.motor_kw > 0.0
            && plate.die_life_strokes >= 1000.0)
        {
            return Err(impossible("a press needs force, strokes, a motor and a die that lasts 1000 strokes or more"));
        }
        let load = Load { batch: (4_000.0, 16_000.0), set_up_min: (20.0, 45.0), wait: (0.3, 50.0) };
        let shop = Shop::new(calendar, FAULTS, load, seed, origin_us)?;
        let ambient = shop.hours.ambient_c(origin_us);
        let mut press = Self {
            plate: plate.clone(),
            shop,
            noise: Noise(seed),
            bearing: Lag::resting(ambient, BEARING_TAU_S),
            force: 0.6,
            run: (0, 0),
            run_s: 0.0,
            coil: 2000,
            die_strokes: 0.0,
            energy_kj: 0.0,
            strokes: 0,
            scrap: 0,
            cold_s: 86_400.0,
        };
        press.open();
        Ok(press)
    }

    fn open(&mut self) {
        let blunt = self.die_strokes >= self.plate.die_life_strokes;
        let service_s = if blunt {
            REGRIND_S
        } else if self.coil <= 0 {
            COIL_CHANGE_S
        } else {
            0.0
        };
        let warm_s = if self.cold_s > 7200.0 { 420.0 } else { 0.0 };
        // A run is a stretch of strokes between two looks of the operator at the parts.
        let strokes = (self.shop.draw.between(150.0, 400.0) as i64).clamp(1, self.coil.max(1));
        let scrap_share = 0.004 + 0.02 * pow((self.die_strokes / self.plate.die_life_strokes).min(1.2), 6.0);
        let expected = strokes as f64 * scrap_share;
        let scrap = expected as i64 + i64::from(self.shop.draw.chance(expected.fract()));
        self.run = (strokes, scrap);
        self.run_s = strokes as f64 * self.stroke_s();
        self.shop.open(Needs { warm_s, service_s, cycle_s: self.run_s, pieces: strokes as u32 });
        let hot = pow(self.shop.faults.severity(BEARING), 9.0);
        let rise = match self.shop.activity {
            Activity::Cycle => 24.0 * (0.7 + 0.5 * self.force) * (1.0 + 1.3 * hot),
            Activity::Warm => 10.0,
            Activity::Off => 0.0,
            _ => 6.0,
        };
        self.bearing.target = self.shop.hours.ambient_c(self.shop.from_us) + rise;
    }

    fn stroke_s(&self) -> f64 {
        60.0 / self.plate.strokes_min
    }

    /// Whole strokes done since the run began.
    fn strokes_in(&self, dt_s: f64) -> i64 {
        if self.shop.activity == Activity::Cycle {
            // A rounding error of the clock must not lose the run's last stroke.
            ((dt_s / self.stroke_s() + 1e-4) as i64).min(self.run.0)
        } else {
            0
        }
    }

    fn scrap_in(&self, strokes: i64) -> i64 {
        if self.run.0 == 0 { 0 } else { strokes * self.run.1 / self.run.0 }
    }

    fn peak_kn(&self) -> f64 {
        let blunt = 1.0 + 0.24 * (self.die_strokes / self.plate.die_life_strokes).min(1.2);
        self.force * blunt * self.plate.force_kn
    }

    fn steady_kw(&self) -> f64 {
        match self.shop.activity {
            Activity::Off => OFF_KW,
            Activity::Cycle => {
                // Force acts over about 2 mm with a triangular rise; 80 % of it comes back from the motor.
                let stroke_kj = 0.5 * self.peak_kn() * 0.002 / 0.8;
                0.24 * self.plate.motor_kw + 1.4 + stroke_kj / self.stroke_s()
            }
            Activity::Warm => 0.2 * self.plate.motor_kw + STANDBY_KW,
            _ => STANDBY_KW,
        }
    }

    fn wear_um(&self, strokes: f64) -> f64 {
        let x = strokes / self.plate.die_life_strokes;
        8.0 + 55.0 * x + 40.0 * pow(x, 5.0)
    }

    /// The deviation of the part of one stroke: a function of the stroke's number.
    fn part_um(&self, stroke: i64) -> f64 {
        let worn = (self.die_strokes / self.plate.die_life_strokes).min(1.2);
        round_to(
            0.35 * self.plate.spread_um
                + 1.3 * worn * self.plate.spread_um
                + self.plate.spread_um * self.noise.at(90, stroke),
            1,
        )
    }
}

impl Model for Press {
    fn segment(&self) -> (i64, i64) {
        (self.shop.from_us, self.shop.until_us)
    }

    fn advance(&mut self) {
        let length = self.shop.length_s();
        self.energy_kj += self.steady_kw() * length;
        self.bearing.carry(length);
        let strokes = self.strokes_in(length);
        self.scrap += self.scrap_in(strokes);
        self.strokes += strokes;
        self.coil -= strokes;
        self.die_strokes += strokes as f64;
        match self.shop.activity {
            Activity::Off => self.cold_s += length,
            Activity::Warm => self.cold_s = 0.0,
            _ => {}
        }
        match self.shop.close() {
            Closed::NewBatch => {
                self.force = self.shop.draw.between(0.42, 0.68);
                self.coil = self.shop.draw.between(1_800.0, 3_600.0) as i64;
            }
            Closed::Serviced => {
                if self.die_strokes >= self.plate.die_life_strokes {
                    self.die_strokes = 0.0;
                }
                self.coil = self.shop.draw.between(1_800.0, 3_600.0) as i64;
            }
            _ => {}
        }
        self.open();
    }

    fn observe(&self, at_us: i64, out: &mut Readings) {
        let dt = self.shop.since(at_us);
        let noise = |channel| self.noise.at(channel, at_us);
        let strokes = self.strokes_in(dt);
        let number = self.strokes + strokes;
        let cycling = self.shop.activity == Activity::Cycle;
        let dry = pow(self.shop.faults.severity(LUBRICATION), 8.0);
        let lubricated = !matches!(self.shop.activity, Activity::Off);
        out.int(self.shop.state())
            .int(self.shop.fault_code())
            .float((self.steady_kw() * (1.0 + 0.01 * noise(1))).max(0.0))
            .float((self.energy_kj + self.steady_kw() * dt) / 3600.0)
            .float(if cycling { self.plate.strokes_min * (1.0 + 0.004 * noise(2)) } else { 0.0 })
            .float(if cycling { self.peak_kn() * (1.0 + 0.015 * self.noise.at(3, number)) } else { 0.0 })
            .float(self.bearing.at(dt) + 0.2 * noise(4))
            .float(if lubricated { (2.5 - 1.1 * dry) * (1.0 + 0.01 * noise(5)) } else { 0.0 })
            .float(self.wear_um(self.die_strokes + strokes as f64))
            .float(0.35 * self.wear_um(self.die_strokes) * (1.0 + 0.08 * self.noise.at(6, number)))
            .float(if number > 0 { self.part_um(number) } else { 0.0 })
            .int(number)
            .int(number - self.scrap - self.scrap_in(strokes))
            .float(self.shop.run_seconds(at_us) / 3600.0);
    }
}
