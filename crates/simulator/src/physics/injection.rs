//! An injection moulding machine, servo-hydraulic, 100–300 t.
//!
//! Figures and where they come from:
//! - Cycle of 20–40 s in the order close, inject, pack, plasticise while cooling, cool, open and eject; cooling is more than half.
//! - Energy per kilogram: Socks ("The promise of all-electric injection molding machines") measured side by side 0.278 kWh/lb
//!   (0.61 kWh/kg) on a hydraulic and 0.073 kWh/lb (0.16 kWh/kg) on an all-electric machine; servo pumps need a little more than
//!   half of what constant pumps need. The demo machines come out at 0.4–0.7 kWh/kg.
//! - Barrel at 200–240 °C for polypropylene and ABS; 20–25 minutes from cold, which with the heater rating fixes heat capacity
//!   (about 75 kJ/K, 150 kg of steel) and loss (about 20 W/K with a jacket): one time constant of an hour heats, holds and cools.
//! - Injection pressure 700–1 200 bar, holding about half of it, back pressure below 100 bar; mould at 40–60 °C.
//! - Shot weight scatters by 0.1–0.3 % on a sound machine; the first shots after heating up are scrap.

use kernel::Result;
use serde::{Deserialize, Serialize};

use super::{
    Lag, Model, Noise, Phases, Readings,
    faults::FaultMode,
    hours::Calendar,
    impossible,
    math::{ln, pow},
    round_to,
    shop::{Activity, Closed, Load, Needs, Shop},
};

/// Ratings of an injection moulding machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plate {
    /// Clamping force in kN.
    pub clamp_kn: f64,
    /// Servo pump in kW.
    pub pump_kw: f64,
    /// Barrel heaters in kW.
    pub heater_kw: f64,
    /// Mean cycle time in seconds.
    pub cycle_s: f64,
    /// Part weight in grams.
    pub part_g: f64,
    /// Permitted deviation of the part's weight in per cent.
    pub tolerance_pct: f64,
    /// Barrel set point in °C.
    pub barrel_c: f64,
}

/// What breaks.
pub const FAULTS: &[FaultMode] = &[
    FaultMode {
        code: 111,
        zh: "模具保护动作",
        en: "mould protection tripped",
        shape: 1.0,
        scale_h: 35.0,
        repair_min: 10.0,
    },
    FaultMode {
        code: 221,
        zh: "料筒加热圈断路",
        en: "barrel heater band open",
        shape: 2.5,
        scale_h: 700.0,
        repair_min: 80.0,
    },
    FaultMode {
        code: 231, zh: "液压油温高", en: "hydraulic oil hot", shape: 2.0, scale_h: 500.0, repair_min: 55.0
    },
    FaultMode {
        code: 314,
        zh: "螺杆止逆环磨损",
        en: "check ring worn",
        shape: 3.0,
        scale_h: 1500.0,
        repair_min: 300.0,
    },
    FaultMode { code: 401, zh: "料斗缺料", en: "hopper empty", shape: 1.2, scale_h: 30.0, repair_min: 9.0 },
];
const HEATER: usize = 1;
const CHECK_RING: usize = 3;

const BARREL_TAU_S: f64 = 3600.0;
/// Where the barrel would settle at full heater power, above the hall.
const FULL_HEAT_K: f64 = 675.0;
const MOULD_TAU_S: f64 = 600.0;
const STANDBY_KW: f64 = 0.6;
const OFF_KW: f64 = 0.02;
const FIRST_SHOTS: u32 = 8;
const SCRAP_OTHER: f64 = 0.006;

// close, inject, pack, plasticise, cool, open and eject
const SHARE: [f64; 6] = [0.10, 0.07, 0.22, 0.33, 0.16, 0.12];
const PUMP: [f64; 6] = [0.55, 1.00, 0.35, 0.70, 0.08, 0.40];
const PRESSURE_BAR: [f64; 6] = [0.0, 930.0, 480.0, 80.0, 0.0, 0.0];
const CLAMPED: [bool; 6] = [false, true, true, true, true, false];

pub(crate) struct Moulding {
    plate: Plate,
    shop: Shop,
    noise: Noise,
    barrel: Lag,
    mould: Lag,
    viscosity: f64,
    cycle_s: f64,
    last_cycle_s: f64,
    shots_since_warm: u32,
    energy_kj: f64,
    pieces: i64,
    good: i64,
    part_g: f64,
    cushion_mm: f64,
    needs_heat: bool,
}

impl Moulding {
    pub fn new(plate: &Plate, calendar: &Calendar, seed: u64, origin_us: i64) -> Result<Self> {
        if !(plate.clamp_kn > 0.0
            && plate.cycle_s >= 4.0
            && plate.part_g > 0.0
            && (120.0..400.0).contains(&plate.barrel_c))
        {
            return Err(impossible(
                "a moulding machine needs clamping force, a cycle of 4 s or more and a barrel at 120-400 °C",
            ));
        }
        let load = Load { batch: (900.0, 5200.0), set_up_min: (35.0, 80.0), wait: (0.25, 60.0) };
        let shop = Shop::new(calendar, FAULTS, load, seed, origin_us)?;
        let ambient = shop.hours.ambient_c(origin_us);
        let mut moulding = Self {
            plate: plate.clone(),
            shop,
            noise: Noise(seed),
            barrel: Lag::resting(ambient, BARREL_TAU_S),
            mould: Lag::resting(ambient, MOULD_TAU_S),
            viscosity: 1.0,
            cycle_s: plate.cycle_s,
            last_cycle_s: plate.cycle_s,
            shots_since_warm: 0,
            energy_kj: 0.0,
            pieces: 0,
            good: 0,
            part_g: plate.part_g,
            cushion_mm: 5.2,
            needs_heat: true,
        };
        moulding.open();
        Ok(moulding)
    }

    fn open(&mut self) {
        let warm_s = if self.needs_heat { self.heating_s() } else { 0.0 };
        self.cycle_s = self.plate.cycle_s * (1.0 + 0.006 * self.shop.draw.normal());
        self.shop.open(Needs { warm_s, service_s: 0.0, cycle_s: self.cycle_s, pieces: 1 });
        let ambient = self.shop.hours.ambient_c(self.shop.from_us);
        // Heated machines are controlled to the set point; a dying heater band no longer reaches it.
        let lost = 14.0 * pow(self.shop.faults.severity(HEATER), 20.0);
        self.barrel.target = match self.shop.activity {
            Activity::Off => ambient,
            Activity::Warm => ambient + FULL_HEAT_K,
            _ => self.plate.barrel_c - lost,
        };
        self.barrel.tau_s =
            if matches!(self.shop.activity, Activity::Off | Activity::Warm) { BARREL_TAU_S } else { 240.0 };
        self.mould.target = if self.shop.activity == Activity::Cycle { 52.0 } else { ambient + 4.0 };
    }

    /// Seconds of full power until the set point is reached, from first-order heating.
    fn heating_s(&self) -> f64 {
        let ambient = self.shop.hours.ambient_c(self.shop.until_us);
        let end = ambient + FULL_HEAT_K;
        if self.barrel.start >= self.plate.barrel_c - 3.0 {
            return 0.0;
        }
        BARREL_TAU_S * ln((end - self.barrel.start) / (end - self.plate.barrel_c))
    }

    /// Heater power that balances the loss at the set point.
    fn holding_kw(&self) -> f64 {
        let ambient = self.shop.hours.ambient_c(self.shop.from_us);
        self.plate.heater_kw * (self.plate.barrel_c - ambient) / FULL_HEAT_K
    }

    fn phases(&self) -> Phases<6> {
        // Shear in the screw gives the melt part of its heat, so heaters rest while cycles run.
        let base = STANDBY_KW + 0.6 * self.holding_kw();
        let mut phases = [(0.0, 0.0); 6];
        for (index, phase) in phases.iter_mut().enumerate() {
            let stiff = if index == 1 { self.viscosity } else { 1.0 };
            *phase = (SHARE[index], base + PUMP[index] * stiff * self.plate.pump_kw);
        }
        Phases(phases)
    }

    fn steady_kw(&self) -> f64 {
        match self.shop.activity {
            Activity::Off => OFF_KW,
            Activity::Warm => STANDBY_KW + self.plate.heater_kw,
            _ => STANDBY_KW + self.holding_kw(),
        }
    }

    fn energy_at(&self, dt_s: f64) -> f64 {
        self.energy_kj
            + match self.shop.activity {
                Activity::Cycle => self.phases().energy_kj(dt_s, self.cycle_s),
                _ => self.steady_kw() * dt_s,
            }
    }

    fn shot_done(&mut self) {
        let worn = pow(self.shop.faults.severity(CHECK_RING), 4.0);
        let cold = (self.plate.barrel_c - self.barrel.start).max(0.0);
        let spread = self.plate.part_g * (0.0014 + 0.0014 * worn);
        let mean = self.plate.part_g * (1.0 - 0.0012 * worn - 0.0006 * cold - 0.0009 * (self.viscosity - 1.0));
        self.part_g = round_to(mean + spread * self.shop.draw.normal(), 2);
        self.cushion_mm = 5.2 - 2.2 * worn + 0.18 * self.shop.draw.normal();
        self.last_cycle_s = self.cycle_s;
        self.shots_since_warm += 1;
        self.pieces += 1;
        let deviation_pct = (self.part_g / self.plate.part_g - 1.0).abs() * 100.0;
        let first = self.shots_since_warm <= FIRST_SHOTS;
        if !first && deviation_pct <= self.plate.tolerance_pct && !self.shop.draw.chance(SCRAP_OTHER) {
            self.good += 1;
        }
    }
}

impl Model for Moulding {
    fn segment(&self) -> (i64, i64) {
        (self.shop.from_us, self.shop.until_us)
    }

    fn advance(&mut self) {
        let length = self.shop.length_s();
        self.energy_kj = self.energy_at(length);
        self.barrel.carry(length);
        self.mould.carry(length);
        match self.shop.activity {
            Activity::Off => self.needs_heat = true,
            Activity::Warm if self.barrel.start >= self.plate.barrel_c - 3.0 => {
                self.needs_heat = false;
                self.shots_since_warm = 0;
            }
            _ => {}
        }
        match self.shop.close() {
            Closed::Completed => self.shot_done(),
            Closed::NewBatch => {
                self.viscosity = self.shop.draw.between(0.9, 1.12);
                self.shots_since_warm = 0;
            }
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
        let clamp = if cycling && CLAMPED[phase] { 0.82 * self.plate.clamp_kn * (1.0 + 0.003 * noise(2)) } else { 0.0 };
        let pressure = if cycling { PRESSURE_BAR[phase] * self.viscosity * (1.0 + 0.012 * noise(3)) } else { 0.0 };
        out.int(self.shop.state())
            .int(self.shop.fault_code())
            .float((power * (1.0 + 0.008 * noise(1))).max(0.0))
            .float(self.energy_at(dt) / 3600.0)
            .float(self.barrel.at(dt) + 0.5 * noise(4))
            .float(self.mould.at(dt) + 0.3 * noise(5))
            .float(clamp)
            .float(pressure)
            .float(self.last_cycle_s)
            .float(self.cushion_mm)
            .float(self.part_g)
            .int(self.pieces)
            .int(self.good)
            .float(self.shop.run_seconds(at_us) / 3600.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plate() -> Plate {
        Plate {
            clamp_kn: 2000.0,
            pump_kw: 12.0,
            heater_kw: 14.0,
            cycle_s: 27.0,
            part_g: 120.0,
            tolerance_pct: 0.8,
            barrel_c: 230.0,
        }
    }

    #[test]
    fn heats_in_20_to_25_minutes_and_uses_a_plausible_energy_per_kilogram() {
        let moulding = Moulding::new(&plate(), &Calendar::always(), 1, 1_770_000_000_000_000).unwrap();
        let minutes = moulding.shop.length_s() / 60.0;
        // The first segment is the heating, cut at a quarter of an hour.
        assert_eq!(moulding.shop.activity, Activity::Warm);
        assert!((14.9..=15.0).contains(&minutes), "{minutes}");
        assert!((1200.0..1500.0).contains(&moulding.heating_s()), "{}", moulding.heating_s());
        let per_kg = moulding.phases().energy_kj(27.0, 27.0) / 3600.0 / 0.12;
        assert!((0.3..0.9).contains(&per_kg), "{per_kg} kWh/kg");
        assert!((SHARE.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }
}
