//! A centrifugal pump on a frequency converter, lifting water against a static head and friction.
//!
//! Figures and where they come from:
//! - Head falls with the square of flow, H = H₀·s² − a·Q²; affinity laws: flow ∝ speed, head ∝ speed², power ∝ speed³. The duty
//!   point is where this meets the system curve H = Hₛ + r·Q²; with static head the cube law is not reached (US DOE "Improving
//!   pumping system performance").
//! - Efficiency is a parabola in Q/(s·Q_best) with its top at 78–82 %, usual for end-suction pumps of 200–300 m³/h; motor 94.6 %
//!   (IEC 60034-30-1, IE3, 55 kW, four poles), converter 97 %.
//! - Bearings settle 25–35 K above the hall, alarm at 75–85 °C; vibration zones after ISO 10816-7, category II, up to 200 kW:
//!   3.2, 5.1 and 8.5 mm/s.

use kernel::Result;
use serde::{Deserialize, Serialize};

use super::{
    Lag, Model, Noise, Readings,
    draw::Draw,
    faults::{FaultMode, Faults},
    hours::{Calendar, Hours},
    impossible,
    math::pow,
    shop::micros,
};

/// Ratings of a pump.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plate {
    /// Speed at 50 Hz in r/min.
    pub speed_rpm: f64,
    /// Flow of best efficiency at that speed in m³/h.
    pub best_m3_h: f64,
    /// Head at that flow in m.
    pub best_head_m: f64,
    /// Head without flow in m.
    pub shutoff_head_m: f64,
    /// Static head of the system in m.
    pub static_head_m: f64,
    /// Best efficiency of the wet end, 0–1.
    pub efficiency: f64,
    /// Mean demand in working hours as a share of `best_m3_h`.
    pub demand: f64,
}

/// What breaks.
pub const FAULTS: &[FaultMode] = &[
    FaultMode {
        code: 151,
        zh: "机械密封泄漏",
        en: "mechanical seal leaking",
        shape: 2.0,
        scale_h: 1700.0,
        repair_min: 180.0,
    },
    FaultMode {
        code: 152,
        zh: "轴承温度高",
        en: "bearing temperature high",
        shape: 3.0,
        scale_h: 2600.0,
        repair_min: 240.0,
    },
    FaultMode {
        code: 253,
        zh: "变频器故障",
        en: "frequency converter tripped",
        shape: 1.0,
        scale_h: 900.0,
        repair_min: 18.0,
    },
    FaultMode {
        code: 354,
        zh: "进口压力低（汽蚀）",
        en: "suction pressure low (cavitation)",
        shape: 1.2,
        scale_h: 1100.0,
        repair_min: 25.0,
    },
];
const SEAL: usize = 0;
const BEARING: usize = 1;
const SUCTION: usize = 3;

const WATER_KN_M3: f64 = 9.789;
const MOTOR: f64 = 0.946;
const CONVERTER: f64 = 0.97;
const OFF_KW: f64 = 0.03;
const BEARING_TAU_S: f64 = 1500.0;

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Off,
    Running,
    Down(usize),
}

/// Where pump and system meet.
#[derive(Debug, Clone, Copy, Default)]
struct Duty {
    speed: f64,
    flow_m3_h: f64,
    head_m: f64,
    efficiency: f64,
    kw: f64,
}

pub(crate) struct Pump {
    plate: Plate,
    hours: Hours,
    draw: Draw,
    faults: Faults,
    noise: Noise,
    state: State,
    from_us: i64,
    until_us: i64,
    down_until_us: i64,
    breaks: Option<usize>,
    duty: Duty,
    bearing: Lag,
    energy_kj: f64,
    water_m3: f64,
    run_s: f64,
}

impl Pump {
    pub fn new(plate: &Plate, calendar: &Calendar, seed: u64, origin_us: i64) -> Result<Self> {
        let heads = plate.shutoff_head_m > plate.best_head_m && plate.best_head_m > plate.static_head_m;
        if !(plate.best_m3_h > 0.0 && plate.static_head_m >= 0.0 && heads && (0.2..0.95).contains(&plate.efficiency)) {
            return Err(impossible("a pump's heads fall from shut-off over best point to static head"));
        }
        let mut draw = Draw::new(seed);
        let faults = Faults::new(FAULTS, &mut draw);
        let hours = Hours::new(calendar)?;
        let ambient = hours.ambient_c(origin_us);
        let mut pump = Self {
            plate: plate.clone(),
            hours,
            draw,
            faults,
            noise: Noise(seed),
            state: State::Off,
            from_us: origin_us,
            until_us: origin_us,
            down_until_us: origin_us,
            breaks: None,
            duty: Duty::default(),
            bearing: Lag::resting(ambient, BEARING_TAU_S),
            energy_kj: 0.0,
            water_m3: 0.0,
            run_s: 0.0,
        };
        pump.open();
        Ok(pump)
    }

    /// The converter's speed for a wanted flow, and everything that follows from it.
    fn duty_for(plate: &Plate, wanted_m3_h: f64, worn: f64) -> Duty {
        let shutoff = plate.shutoff_head_m * (1.0 - 0.07 * worn);
        let square = plate.best_m3_h * plate.best_m3_h;
        let fall = (plate.shutoff_head_m - plate.best_head_m) / square;
        let friction = (plate.best_head_m - plate.static_head_m) / square;
        let head_for = |flow: f64| plate.static_head_m + friction * flow * flow;
        // H₀s² − aQ² = Hₛ + rQ², solved for the speed, then for the flow when the speed is at its limit.
        let speed = ((head_for(wanted_m3_h) + fall * wanted_m3_h * wanted_m3_h) / shutoff).sqrt().clamp(0.5, 1.0);
        let flow = ((shutoff * speed * speed - plate.static_head_m) / (fall + friction)).max(0.0).sqrt();
        let head = head_for(flow);
        let x = flow / (speed * plate.best_m3_h);
        let efficiency = (plate.efficiency * (1.0 - (x - 1.0) * (x - 1.0)) * (1.0 - 0.06 * worn)).max(0.05);
        let hydraulic_kw = WATER_KN_M3 * flow / 3600.0 * head;
        Duty {
            speed,
            flow_m3_h: flow,
            head_m: head,
            efficiency,
            kw: hydraulic_kw / efficiency / MOTOR / CONVERTER + 0.4,
        }
    }

    fn since(&self, at_us: i64) -> f64 {
        (at_us - self.from_us) as f64 / 1e6
    }

    fn kw(&self) -> f64 {
        if self.state == State::Running { self.duty.kw } else { OFF_KW }
    }

    fn flow(&self) -> f64 {
        if self.state == State::Running { self.duty.flow_m3_h } else { 0.0 }
    }

    fn open(&mut self) {
        self.from_us = self.until_us;
        if let Some(mode) = self.breaks.take() {
            self.down_until_us = self.from_us + micros(self.faults.repair(mode, &mut self.draw));
            self.state = State::Down(mode);
        }
        let (manned, change) = self.hours.at(self.from_us);
        let stretch = self.from_us + micros(self.draw.between(240.0, 600.0));
        let ambient = self.hours.ambient_c(self.from_us);
        if self.from_us < self.down_until_us {
            self.until_us = stretch.min(self.down_until_us);
            self.bearing.target = ambient;
            return;
        }
        self.until_us = stretch.min(change);
        if !manned {
            self.state = State::Off;
            self.bearing.target = ambient;
            return;
        }
        self.state = State::Running;
        let hour = self.hours.hour_of_day(self.from_us);
        let daytime = if (7.5..20.0).contains(&hour) { 1.0 } else { 0.72 };
        let wanted = self.plate.demand * daytime * (1.0 + 0.07 * self.draw.normal()) * self.plate.best_m3_h;
        self.duty = Self::duty_for(&self.plate, wanted.max(0.1 * self.plate.best_m3_h), self.faults.severity(SEAL));
        let hot = pow(self.faults.severity(BEARING), 9.0);
        self.bearing.target = ambient + 32.0 * self.duty.speed * self.duty.speed * (1.0 + 0.9 * hot);
        let (mode, healthy_s) = self.faults.next();
        if healthy_s < self.since(self.until_us) {
            self.breaks = Some(mode);
            self.until_us = self.from_us + micros(healthy_s);
        }
    }
}

impl Model for Pump {
    fn segment(&self) -> (i64, i64) {
        (self.from_us, self.until_us)
    }

    fn advance(&mut self) {
        let length = self.since(self.until_us);
        self.energy_kj += self.kw() * length;
        self.water_m3 += self.flow() / 3600.0 * length;
        self.bearing.carry(length);
        if self.state == State::Running {
            self.run_s += length;
            self.faults.run(length);
        }
        self.open();
    }

    fn observe(&self, at_us: i64, out: &mut Readings) {
        let dt = self.since(at_us);
        let noise = |channel| self.noise.at(channel, at_us);
        let running = self.state == State::Running;
        let (state, fault) = match self.state {
            State::Off => (0, 0),
            State::Running => (2, 0),
            State::Down(mode) => (3, self.faults.code(mode)),
        };
        let starved = pow(self.faults.severity(SUCTION), 10.0);
        let suction = 0.62 - if running { 0.10 + 0.45 * starved } else { 0.0 };
        let head = if running { self.duty.head_m } else { self.plate.static_head_m };
        let discharge = 0.62 + WATER_KN_M3 * head / 100.0;
        let worn = pow(self.faults.severity(BEARING), 5.0);
        let vibration =
            if running { 1.3 * self.duty.speed * self.duty.speed + 0.6 + 3.8 * worn + 1.5 * starved } else { 0.06 };
        let speed = self.plate.speed_rpm * self.duty.speed;
        out.int(state)
            .int(fault)
            .float((self.kw() * (1.0 + 0.006 * noise(1))).max(0.0))
            .float((self.energy_kj + self.kw() * dt) / 3600.0)
            .float(if running { speed * (1.0 + 0.0015 * noise(2)) } else { 0.0 })
            .float(if running { self.duty.flow_m3_h * (1.0 + 0.008 * noise(3)) } else { 0.0 })
            .float(suction + 0.01 * noise(4))
            .float(discharge + 0.02 * noise(5))
            .float(self.bearing.at(dt) + 0.2 * noise(6))
            .float((vibration * (1.0 + 0.05 * noise(7))).max(0.0))
            .float(if running { 100.0 * self.duty.efficiency } else { 0.0 })
            .float(self.water_m3 + self.flow() / 3600.0 * dt)
            .float((self.run_s + if running { dt } else { 0.0 }) / 3600.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plate(static_head_m: f64) -> Plate {
        Plate {
            speed_rpm: 1480.0,
            best_m3_h: 280.0,
            best_head_m: 40.0,
            shutoff_head_m: 52.0,
            static_head_m,
            efficiency: 0.8,
            demand: 0.85,
        }
    }

    #[test]
    fn duty_points_obey_the_affinity_laws() {
        // Without static head the duty point moves along one parabola: flow ∝ speed, head ∝ speed², hydraulic power ∝ speed³.
        let (full, half) = (Pump::duty_for(&plate(0.0), 280.0, 0.0), Pump::duty_for(&plate(0.0), 168.0, 0.0));
        let s = half.speed / full.speed;
        assert!((half.flow_m3_h / full.flow_m3_h - s).abs() < 1e-9);
        assert!((half.head_m / full.head_m - s * s).abs() < 1e-9);
        assert!((half.efficiency - full.efficiency).abs() < 1e-9);
        assert!(((half.kw - 0.4) / (full.kw - 0.4) - s * s * s).abs() < 1e-9);
    }

    #[test]
    fn static_head_spoils_the_cube_law_and_the_best_point_is_met() {
        let full = Pump::duty_for(&plate(15.0), 280.0, 0.0);
        assert!(
            (full.speed - 1.0).abs() < 1e-9
                && (full.head_m - 40.0).abs() < 1e-9
                && (full.efficiency - 0.8).abs() < 1e-9
        );
        // 9.789 kN/m³ × 280/3600 m³/s × 40 m = 30.5 kW hydraulic; 38.1 kW at the shaft.
        assert!((full.kw - 0.4 - 30.46 / 0.8 / MOTOR / CONVERTER).abs() < 0.05, "{}", full.kw);
        let half = Pump::duty_for(&plate(15.0), 168.0, 0.0);
        assert!((half.flow_m3_h - 168.0).abs() < 1e-6);
        let s = half.speed / full.speed;
        assert!((half.kw - 0.4) / (full.kw - 0.4) < s * s && s > 0.6);
        let beyond = Pump::duty_for(&plate(15.0), 400.0, 0.0);
        assert!((beyond.flow_m3_h - 280.0).abs() < 1e-6, "the converter stops at 50 Hz");
    }
}
