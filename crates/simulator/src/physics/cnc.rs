//! A vertical machining centre.
//!
//! Figures and where they come from:
//! - Spindle 11–15 kW, 8 000–12 000 r/min: the usual rating plates of 40-taper vertical machining centres with 1 000 mm travel.
//! - Base load: controls, drives and pumps draw about 1 kW standing by and 2–3 kW in automatic, so that a good part of the energy
//!   is not cutting (Gutowski, Dahmus, Thiriez 2006, "Electrical energy requirements for manufacturing processes"; Lv et al. 2016,
//!   "Experimental study on energy consumption of CNC machine tools").
//! - Tool life by Taylor's equation V·Tⁿ = C with n = 0.25 for carbide and C around 400 m/min for coated carbide in medium carbon
//!   steel; criterion 0.3 mm flank wear (ISO 3685). Wear over life has the three zones of the same standard: break-in, steady,
//!   accelerated.
//! - Spindle housing: first order with a time constant of half an hour, rise 20–30 K at normal load; thermal tests after
//!   ISO 230-3 run for hours because that is how long a machine takes to settle.
//! - Vibration zones after ISO 10816-3 / 20816-3, group 2: new below 1.4, unrestricted below 2.8, alarm at 4.5 mm/s.

use kernel::Result;
use serde::{Deserialize, Serialize};

use super::{
    Lag, Model, Noise, Phases, Readings,
    faults::FaultMode,
    hours::Calendar,
    impossible,
    math::{exp, pow},
    round_to,
    shop::{Activity, Closed, Load, Needs, Shop},
};

/// Ratings of a machining centre.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plate {
    /// Spindle motor, continuous rating in kW.
    pub spindle_kw: f64,
    /// Highest spindle speed in r/min.
    pub spindle_rpm_max: f64,
    /// Mean cycle time in seconds.
    pub cycle_s: f64,
    /// Cutting speed of the roughing tool in m/min.
    pub cutting_speed_m_min: f64,
    /// Permitted deviation of the measured diameter, ± µm.
    pub tolerance_um: f64,
    /// Standard deviation of the process at constant wear and temperature, µm.
    pub spread_um: f64,
}

/// What breaks.
pub const FAULTS: &[FaultMode] = &[
    FaultMode { code: 101, zh: "刀具破损", en: "tool breakage", shape: 1.3, scale_h: 55.0, repair_min: 18.0 },
    FaultMode {
        code: 203,
        zh: "主轴过热",
        en: "spindle over-temperature",
        shape: 3.0,
        scale_h: 500.0,
        repair_min: 95.0,
    },
    FaultMode {
        code: 204,
        zh: "主轴轴承振动超限",
        en: "spindle bearing vibration",
        shape: 2.5,
        scale_h: 1800.0,
        repair_min: 360.0,
    },
    FaultMode { code: 305, zh: "伺服报警", en: "servo alarm", shape: 1.0, scale_h: 110.0, repair_min: 35.0 },
    FaultMode {
        code: 412, zh: "切削液液位低", en: "coolant level low", shape: 2.0, scale_h: 70.0, repair_min: 15.0
    },
];
const BREAKAGE: usize = 0;
const OVERHEAT: usize = 1;
const BEARING: usize = 2;

const TAYLOR_N: f64 = 0.25;
const TAYLOR_C: f64 = 420.0;
const SPINDLE_TAU_S: f64 = 1800.0;
const STANDBY_KW: f64 = 0.95;
const AUTOMATIC_KW: f64 = 2.4;
const OFF_KW: f64 = 0.02;
const TOOL_CHANGE_S: f64 = 210.0;
const SCRAP_OTHER: f64 = 0.004;

// load, approach, rough, approach, semi-finish, finish, unload
const SHARE: [f64; 7] = [0.12, 0.06, 0.38, 0.06, 0.18, 0.14, 0.06];
const CUT: [f64; 7] = [0.0, 0.0, 0.62, 0.0, 0.38, 0.18, 0.0];
const SPEED: [f64; 7] = [0.0, 0.55, 0.45, 0.75, 0.70, 0.95, 0.0];
const FEED: [f64; 7] = [0.0, 15_000.0, 950.0, 15_000.0, 1_400.0, 1_100.0, 0.0];

pub(crate) struct Cnc {
    plate: Plate,
    shop: Shop,
    noise: Noise,
    spindle: Lag,
    /// Drawn per batch: how hard the material is to cut.
    hardness: f64,
    cycle_s: f64,
    /// Cutting seconds of the roughing tool so far.
    tool_s: f64,
    tool_life_s: f64,
    energy_kj: f64,
    pieces: i64,
    good: i64,
    deviation_um: f64,
    cold_s: f64,
}

impl Cnc {
    pub fn new(plate: &Plate, calendar: &Calendar, seed: u64, origin_us: i64) -> Result<Self> {
        if !(plate.spindle_kw > 0.0
            && plate.cycle_s >= 20.0
            && plate.cutting_speed_m_min > 20.0
            && plate.spread_um > 0.0)
        {
            return Err(impossible("a machining centre needs power, a cycle of 20 s or more and a cutting speed"));
        }
        let load = Load { batch: (40.0, 160.0), set_up_min: (22.0, 55.0), wait: (0.22, 45.0) };
        let shop = Shop::new(calendar, FAULTS, load, seed, origin_us)?;
        let ambient = shop.hours.ambient_c(origin_us);
        let mut cnc = Self {
            plate: plate.clone(),
            shop,
            noise: Noise(seed),
            spindle: Lag::resting(ambient, SPINDLE_TAU_S),
            hardness: 1.0,
            cycle_s: plate.cycle_s,
            tool_s: 0.0,
            tool_life_s: taylor_life_s(plate.cutting_speed_m_min),
            energy_kj: 0.0,
            pieces: 0,
            good: 0,
            deviation_um: 0.0,
            cold_s: 86_400.0,
        };
        cnc.open();
        Ok(cnc)
    }

    fn open(&mut self) {
        let worn = self.tool_s >= self.tool_life_s;
        let warm_s = if self.cold_s > 7200.0 { 900.0 } else { 0.0 };
        self.cycle_s = self.plate.cycle_s * self.shop.draw.between(0.97, 1.03);
        let service_s = if worn { TOOL_CHANGE_S } else { 0.0 };
        self.shop.open(Needs { warm_s, service_s, cycle_s: self.cycle_s, pieces: 1 });
        let ambient = self.shop.hours.ambient_c(self.shop.from_us);
        self.spindle.target = ambient + self.rise_k();
    }

    /// Temperature rise the current activity would reach if it lasted. Cooling weakens towards an over-temperature fault.
    fn rise_k(&self) -> f64 {
        match self.shop.activity {
            Activity::Cycle => {
                let load: f64 = SHARE.iter().zip(CUT).map(|(share, cut)| share * cut).sum::<f64>() * self.hardness;
                let weak = pow(self.shop.faults.severity(OVERHEAT), 10.0);
                (9.0 + 46.0 * load) * (1.0 + 1.5 * weak)
            }
            Activity::Warm => 12.0,
            Activity::Off => 0.0,
            _ => 3.0,
        }
    }

    fn wear_um(&self, tool_s: f64) -> f64 {
        let x = tool_s / self.tool_life_s;
        40.0 * (1.0 - exp(-x / 0.05)) + 200.0 * x + 60.0 * pow(x, 6.0)
    }

    /// Power of the cycle's phases. A worn tool needs up to a quarter more.
    fn phases(&self) -> Phases<7> {
        let blunt = 1.0 + 0.25 * (self.tool_s / self.tool_life_s).min(1.1);
        let mut phases = [(0.0, 0.0); 7];
        for (index, phase) in phases.iter_mut().enumerate() {
            let idle_spindle = 0.09 * self.plate.spindle_kw * SPEED[index];
            let cutting = CUT[index] * self.hardness * blunt * self.plate.spindle_kw / 0.88;
            let axes = if FEED[index] > 5000.0 { 1.1 } else { 0.0 };
            *phase = (SHARE[index], AUTOMATIC_KW + idle_spindle + cutting + axes);
        }
        Phases(phases)
    }

    fn steady_kw(&self) -> f64 {
        match self.shop.activity {
            Activity::Off => OFF_KW,
            Activity::Warm => AUTOMATIC_KW + 0.09 * self.plate.spindle_kw * 0.5,
            _ => STANDBY_KW,
        }
    }

    fn energy_at(&self, dt_s: f64) -> f64 {
        self.energy_kj
            + match self.shop.activity {
                Activity::Cycle => self.phases().energy_kj(dt_s, self.cycle_s),
                _ => self.steady_kw() * dt_s,
            }
    }

    /// Roughing seconds within the current cycle.
    fn roughed_s(&self, dt_s: f64) -> f64 {
        let start = (SHARE[0] + SHARE[1]) * self.cycle_s;
        (dt_s - start).clamp(0.0, SHARE[2] * self.cycle_s) * self.hardness
    }

    /// Tools of one grade differ as if they were run a few per cent faster or slower.
    fn new_tool(&mut self) {
        self.tool_s = 0.0;
        self.tool_life_s = taylor_life_s(self.plate.cutting_speed_m_min * self.shop.draw.between(0.93, 1.07));
    }

    fn part_done(&mut self) {
        let warm = self.spindle.start;
        let drift = -0.16 * (warm - 44.0) + 0.018 * (self.wear_um(self.tool_s) - 150.0);
        self.deviation_um = round_to(drift + self.plate.spread_um * self.shop.draw.normal(), 1);
        let within = self.deviation_um.abs() <= self.plate.tolerance_um;
        self.pieces += 1;
        if within && !self.shop.draw.chance(SCRAP_OTHER) {
            self.good += 1;
        }
    }
}

/// Taylor: T = (C/V)^(1/n), in seconds of cutting.
pub(crate) fn taylor_life_s(cutting_speed_m_min: f64) -> f64 {
    pow(TAYLOR_C / cutting_speed_m_min, 1.0 / TAYLOR_N) * 60.0
}

impl Model for Cnc {
    fn segment(&self) -> (i64, i64) {
        (self.shop.from_us, self.shop.until_us)
    }

    fn advance(&mut self) {
        let length = self.shop.length_s();
        self.energy_kj = self.energy_at(length);
        self.spindle.carry(length);
        match self.shop.activity {
            Activity::Off => self.cold_s += length,
            Activity::Warm => self.cold_s = 0.0,
            Activity::Cycle => self.tool_s += self.roughed_s(length),
            _ => {}
        }
        match self.shop.close() {
            Closed::Completed => self.part_done(),
            // The repair of a broken tool is a new tool.
            Closed::Broken if self.shop.faults.next().0 == BREAKAGE => self.new_tool(),
            Closed::NewBatch => self.hardness = self.shop.draw.between(0.75, 1.12),
            Closed::Serviced => self.new_tool(),
            _ => {}
        }
        self.open();
    }

    fn observe(&self, at_us: i64, out: &mut Readings) {
        let dt = self.shop.since(at_us);
        let noise = |channel| self.noise.at(channel, at_us);
        let cycling = self.shop.activity == Activity::Cycle;
        let phases = self.phases();
        let phase = phases.index(dt / self.cycle_s);
        let power = if cycling { phases.0[phase].1 } else { self.steady_kw() };
        let speed = match self.shop.activity {
            Activity::Cycle => SPEED[phase] * self.plate.spindle_rpm_max,
            Activity::Warm => 0.5 * self.plate.spindle_rpm_max,
            _ => 0.0,
        };
        let load = if cycling { (CUT[phase] * self.hardness * 100.0).min(120.0) } else { 0.0 };
        let bearing = pow(self.shop.faults.severity(BEARING), 5.0);
        let vibration = match self.shop.activity {
            Activity::Off => 0.03,
            _ if speed > 0.0 => {
                0.45 + 0.9 * CUT[phase] * f64::from(u8::from(cycling))
                    + 0.35 * self.tool_s / self.tool_life_s
                    + 4.2 * bearing
            }
            _ => 0.12,
        };
        let tool_s = if cycling { self.tool_s + self.roughed_s(dt) } else { self.tool_s };
        out.int(self.shop.state())
            .int(self.shop.fault_code())
            .float((power * (1.0 + 0.006 * noise(1))).max(0.0))
            .float(self.energy_at(dt) / 3600.0)
            .float((speed * (1.0 + 0.002 * noise(2))).max(0.0))
            .float((load * (1.0 + 0.03 * noise(3))).max(0.0))
            .float(self.spindle.at(dt) + 0.15 * noise(4))
            .float(if cycling { (FEED[phase] * (1.0 + 0.004 * noise(5))).max(0.0) } else { 0.0 })
            .float(self.wear_um(tool_s))
            .float((vibration * (1.0 + 0.06 * noise(6))).max(0.0))
            .float(self.deviation_um)
            .int(self.pieces)
            .int(self.good)
            .float(self.shop.run_seconds(at_us) / 3600.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taylor_halves_life_with_a_fifth_more_speed() {
        // n = 0.25: twenty per cent more speed costs 1 − 1/1.2⁴ = 52 % of the life.
        let (slow, fast) = (taylor_life_s(150.0), taylor_life_s(180.0));
        assert!((fast / slow - 1.0 / 1.2f64.powi(4)).abs() < 1e-9);
        assert!((slow / 60.0 - 61.47).abs() < 0.1, "{slow}");
        assert!((SHARE.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }
}
