//! An oil-injected screw compressor at fixed speed with load/unload control and its receiver.
//!
//! Figures and where they come from:
//! - 7.5 bar and a specific power of 6–7 kW per m³/min: CAGI data sheets of 37–110 kW air-cooled packages.
//! - Power rises by about 7 % per bar of discharge pressure ("one per cent for two psi", US DOE sourcebook "Improving compressed air
//!   system performance"); the same source gives 15–35 % of full power when unloaded. Here 28 %.
//! - Receiver by mass balance, isothermal: dp/dt = (supply − demand) · 1.013 bar / volume, volumes at intake conditions.
//! - Discharge 75–95 °C in normal service, alarm at 105 °C, trip at 110 °C: the usual settings of oil-injected packages.
//! - Intake filter 1–5 kPa; change at 6 kPa or two thousand hours.

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

/// Ratings of a compressor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plate {
    /// Free air delivery in m³/min at intake conditions.
    pub delivery_m3_min: f64,
    /// Package input power per delivery at 7 bar, kW per m³/min.
    pub specific_kw: f64,
    /// Loads below this pressure, bar gauge.
    pub load_bar: f64,
    /// Unloads above this pressure, bar gauge.
    pub unload_bar: f64,
    /// Receiver and mains in m³.
    pub receiver_m3: f64,
    /// Mean demand in working hours as a share of the delivery.
    pub demand: f64,
}

/// What breaks.
pub const FAULTS: &[FaultMode] = &[
    FaultMode {
        code: 141,
        zh: "排气温度高",
        en: "discharge temperature high",
        shape: 3.0,
        scale_h: 1100.0,
        repair_min: 60.0,
    },
    FaultMode { code: 142, zh: "电机过流", en: "motor overcurrent", shape: 1.0, scale_h: 1500.0, repair_min: 40.0 },
    FaultMode {
        code: 243, zh: "进气阀卡滞", en: "intake valve stuck", shape: 1.5, scale_h: 1800.0, repair_min: 90.0
    },
    FaultMode {
        code: 344,
        zh: "主机轴承磨损",
        en: "air end bearing worn",
        shape: 3.0,
        scale_h: 5200.0,
        repair_min: 420.0,
    },
];
const HOT: usize = 0;
const BEARING: usize = 3;

/// Held by the neighbouring supply when this machine is out or short.
const MAINS_FLOOR_BAR: f64 = 5.8;
const OFF_KW: f64 = 0.03;
const UNLOADED_SHARE: f64 = 0.28;
const PER_BAR: f64 = 0.07;
const UNLOADED_MAX_S: f64 = 600.0;
const FILTER_LIFE_H: f64 = 2000.0;
const TEMPERATURE_TAU_S: f64 = 480.0;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Standby,
    Unloaded,
    Loaded,
    Down(usize),
}

pub(crate) struct Compressor {
    plate: Plate,
    hours: Hours,
    draw: Draw,
    faults: Faults,
    noise: Noise,
    state: State,
    from_us: i64,
    until_us: i64,
    /// Until when the current demand holds, and what it is in m³/min.
    demand_until_us: i64,
    demand: f64,
    down_until_us: i64,
    unloaded_since_us: i64,
    breaks: Option<usize>,
    bar: f64,
    discharge: Lag,
    energy_kj: f64,
    air_m3: f64,
    run_s: f64,
    load_s: f64,
    filter_h: f64,
}

impl Compressor {
    pub fn new(plate: &Plate, calendar: &Calendar, seed: u64, origin_us: i64) -> Result<Self> {
        let band = plate.unload_bar - plate.load_bar;
        if !(plate.delivery_m3_min > 0.0 && plate.receiver_m3 > 0.0 && band > 0.1 && plate.load_bar > MAINS_FLOOR_BAR) {
            return Err(impossible("a compressor needs delivery, a receiver and a pressure band above 5.8 bar"));
        }
        let mut draw = Draw::new(seed);
        let faults = Faults::new(FAULTS, &mut draw);
        let hours = Hours::new(calendar)?;
        let ambient = hours.ambient_c(origin_us);
        let filter_h = draw.between(0.0, FILTER_LIFE_H);
        let mut compressor = Self {
            plate: plate.clone(),
            hours,
            draw,
            faults,
            noise: Noise(seed),
            state: State::Loaded,
            from_us: origin_us,
            until_us: origin_us,
            demand_until_us: origin_us,
            demand: 0.0,
            down_until_us: origin_us,
            unloaded_since_us: origin_us,
            breaks: None,
            bar: plate.load_bar,
            discharge: Lag::resting(ambient, TEMPERATURE_TAU_S),
            energy_kj: 0.0,
            air_m3: 0.0,
            run_s: 0.0,
            load_s: 0.0,
            filter_h,
        };
        compressor.open();
        Ok(compressor)
    }

    fn supply(&self) -> f64 {
        if self.state == State::Loaded { self.plate.delivery_m3_min } else { 0.0 }
    }

    /// Change of pressure in bar per second, from the receiver's mass balance.
    fn slope(&self) -> f64 {
        (self.supply() - self.demand) * 1.013 / self.plate.receiver_m3 / 60.0
    }

    fn bar_at(&self, dt_s: f64) -> f64 {
        (self.bar + self.slope() * dt_s).max(MAINS_FLOOR_BAR.min(self.bar))
    }

    fn kw_at_bar(&self, bar: f64) -> f64 {
        let full = self.plate.specific_kw * self.plate.delivery_m3_min;
        match self.state {
            State::Loaded => full * (1.0 + PER_BAR * (bar - 7.0)),
            State::Unloaded => full * UNLOADED_SHARE,
            State::Standby | State::Down(_) => OFF_KW,
        }
    }

    /// kJ since the segment began: power is linear in pressure and pressure linear in time until the mains' floor.
    fn energy_in(&self, dt_s: f64) -> f64 {
        let floor_s = match self.slope() {
            slope if slope < 0.0 && self.bar > MAINS_FLOOR_BAR => ((MAINS_FLOOR_BAR - self.bar) / slope).min(dt_s),
            slope if slope < 0.0 => 0.0,
            _ => dt_s,
        };
        let mean = 0.5 * (self.kw_at_bar(self.bar) + self.kw_at_bar(self.bar_at(floor_s)));
        mean * floor_s + self.kw_at_bar(self.bar_at(dt_s)) * (dt_s - floor_s)
    }

    fn since(&self, at_us: i64) -> f64 {
        (at_us - self.from_us) as f64 / 1e6
    }

    /// A plant's demand over its week, with a leak that never sleeps.
    fn next_demand(&mut self) {
        let (manned, _) = self.hours.at(self.from_us);
        let hour = self.hours.hour_of_day(self.from_us);
        let lunch = (11.75..12.75).contains(&hour);
        let share = if !manned {
            0.09
        } else if lunch {
            0.55 * self.plate.demand
        } else {
            self.plate.demand
        };
        let jitter = 1.0 + 0.14 * self.draw.normal();
        self.demand = (share * jitter).clamp(0.03, 1.08) * self.plate.delivery_m3_min;
        self.demand_until_us = self.from_us + micros(self.draw.between(180.0, 480.0));
    }

    fn open(&mut self) {
        self.from_us = self.until_us;
        if let Some(mode) = self.breaks.take() {
            self.down_until_us = self.from_us + micros(self.faults.repair(mode, &mut self.draw));
            self.state = State::Down(mode);
        }
        if self.from_us >= self.demand_until_us {
            self.next_demand();
        }
        self.switch();
        let slope = self.slope();
        let mut until = self.demand_until_us;
        match self.state {
            State::Down(_) => until = until.min(self.down_until_us),
            State::Loaded if slope > 0.0 => {
                until = until.min(self.from_us + micros((self.plate.unload_bar - self.bar) / slope));
            }
            State::Unloaded | State::Standby if slope < 0.0 => {
                until = until.min(self.from_us + micros((self.plate.load_bar - self.bar) / slope));
                if self.state == State::Unloaded {
                    until = until.min(self.unloaded_since_us + micros(UNLOADED_MAX_S));
                }
            }
            _ => {}
        }
        self.until_us = until.max(self.from_us + 1);
        if matches!(self.state, State::Loaded | State::Unloaded) {
            let (mode, healthy_s) = self.faults.next();
            if healthy_s < self.since(self.until_us) {
                self.breaks = Some(mode);
                self.until_us = self.from_us + micros(healthy_s);
            }
        }
        let fouled = 30.0 * pow(self.faults.severity(HOT), 9.0);
        let rise = match self.state {
            State::Loaded => 60.0 + fouled,
            State::Unloaded => 44.0 + fouled,
            _ => 0.0,
        };
        self.discharge.target = self.hours.ambient_c(self.from_us) + rise;
    }

    /// The controller: load below the band, unload above it, stop after ten minutes without need.
    fn switch(&mut self) {
        // Event times are whole microseconds; a pressure that misses its limit by that much has reached it.
        const REACHED: f64 = 1e-5;
        match self.state {
            State::Down(_) if self.from_us < self.down_until_us => {}
            State::Down(_) => self.state = State::Loaded,
            State::Loaded if self.bar >= self.plate.unload_bar - REACHED => {
                self.state = State::Unloaded;
                self.unloaded_since_us = self.from_us;
            }
            State::Unloaded | State::Standby if self.bar <= self.plate.load_bar + REACHED => self.state = State::Loaded,
            State::Unloaded if self.from_us - self.unloaded_since_us >= micros(UNLOADED_MAX_S) => {
                self.state = State::Standby
            }
            _ => {}
        }
    }
}

impl Model for Compressor {
    fn segment(&self) -> (i64, i64) {
        (self.from_us, self.until_us)
    }

    fn advance(&mut self) {
        let length = self.since(self.until_us);
        self.energy_kj += self.energy_in(length);
        self.air_m3 += self.supply() / 60.0 * length;
        self.discharge.carry(length);
        if matches!(self.state, State::Loaded | State::Unloaded) {
            self.run_s += length;
            self.faults.run(length);
            self.filter_h += length / 3600.0;
            if self.filter_h >= FILTER_LIFE_H {
                self.filter_h = 0.0;
            }
        }
        if self.state == State::Loaded {
            self.load_s += length;
        }
        self.bar = self.bar_at(length);
        self.open();
    }

    fn observe(&self, at_us: i64, out: &mut Readings) {
        let dt = self.since(at_us);
        let noise = |channel| self.noise.at(channel, at_us);
        let bar = self.bar_at(dt);
        let (state, fault) = match self.state {
            State::Standby => (0, 0),
            State::Unloaded => (1, 0),
            State::Loaded => (2, 0),
            State::Down(mode) => (3, self.faults.code(mode)),
        };
        let turning = matches!(self.state, State::Loaded | State::Unloaded);
        let filter = self.filter_h / FILTER_LIFE_H;
        let worn = pow(self.faults.severity(BEARING), 5.0);
        let vibration = if turning { 2.0 + 0.5 * f64::from(u8::from(state == 2)) + 3.6 * worn } else { 0.05 };
        let air = self.supply();
        let loaded_s = if self.state == State::Loaded { dt } else { 0.0 };
        out.int(state)
            .int(fault)
            .float((self.kw_at_bar(bar) * (1.0 + 0.006 * noise(1))).max(0.0))
            .float((self.energy_kj + self.energy_in(dt)) / 3600.0)
            .float(bar + 0.01 * noise(2))
            .float(self.discharge.at(dt) + 0.3 * noise(3))
            .float((air * (1.0 + 0.01 * noise(4))).max(0.0))
            .float(self.air_m3 + air / 60.0 * dt)
            .float(if air > 0.0 { 1.2 + 4.0 * filter * filter + 0.05 * noise(5) } else { 0.0 })
            .float((vibration * (1.0 + 0.05 * noise(6))).max(0.0))
            .float((self.run_s + if turning { dt } else { 0.0 }) / 3600.0)
            .float((self.load_s + loaded_s) / 3600.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pressure_stays_in_its_band_while_supply_exceeds_demand() {
        let plate = Plate {
            delivery_m3_min: 12.5,
            specific_kw: 6.5,
            load_bar: 7.0,
            unload_bar: 7.6,
            receiver_m3: 6.0,
            demand: 0.6,
        };
        let mut compressor = Compressor::new(&plate, &Calendar::always(), 5, 1_770_000_000_000_000).unwrap();
        let (mut loads, mut inside) = (0, 0);
        for _ in 0..5000 {
            let before = compressor.state;
            compressor.advance();
            loads += usize::from(before != State::Loaded && compressor.state == State::Loaded);
            let healthy = !matches!(compressor.state, State::Down(_)) && compressor.demand < plate.delivery_m3_min;
            inside +=
                usize::from(!healthy || (6.99..7.61).contains(&compressor.bar) || compressor.bar < plate.load_bar);
        }
        assert_eq!(inside, 5000);
        assert!(loads > 500, "{loads} load changes");
    }

    #[test]
    fn full_load_power_matches_the_data_sheet() {
        let plate = Plate {
            delivery_m3_min: 12.5,
            specific_kw: 6.5,
            load_bar: 7.0,
            unload_bar: 7.6,
            receiver_m3: 6.0,
            demand: 0.6,
        };
        let compressor = Compressor::new(&plate, &Calendar::always(), 5, 1_770_000_000_000_000).unwrap();
        assert_eq!(compressor.state, State::Loaded);
        assert!((compressor.kw_at_bar(7.5) / plate.delivery_m3_min - 6.73).abs() < 0.01);
    }
}
