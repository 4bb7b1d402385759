//! Physical models of machines: what they do is a function of nameplate, calendar, seed and time, and of nothing else.
//!
//! A model's life is a chain of segments (a cycle, a pause, a repair, a stretch of steady demand). Chance is drawn only where a
//! segment begins; inside, temperatures, pressures and counters follow closed formulas. Two consequences carry the whole crate:
//! looking often or seldom gives the same values at the same times, and energy is the exact integral of power.
//!
//! To add a kind: a file here with its nameplate, fault modes and `Model`; a file in [`crate::kinds`] with its properties in
//! the order in which the model reports them; a line each in [`Nameplate`], [`model`] and [`crate::kinds::Kind`].

pub mod cnc;
pub mod compressor;
mod draw;
mod faults;
mod hours;
pub mod injection;
mod math;
pub mod press;
pub mod pump;
mod shop;

use contracts::telemetry::Value;
use kernel::{Result, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{kinds::Kind, spec::MachineSpec};

pub(crate) use draw::{Draw, Noise, seed_of};
pub use faults::FaultMode;
pub use hours::{Calendar, Shift};
pub(crate) use math::round_to;

/// A machine's ratings, by kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Nameplate {
    /// A vertical machining centre.
    Cnc(cnc::Plate),
    /// An injection moulding machine.
    InjectionMoulding(injection::Plate),
    /// A screw compressor with its receiver.
    Compressor(compressor::Plate),
    /// A centrifugal pump on a frequency converter.
    Pump(pump::Plate),
    /// A mechanical stamping press.
    Press(press::Plate),
}

impl Nameplate {
    /// The kind it is a plate of.
    pub fn kind(&self) -> Kind {
        match self {
            Nameplate::Cnc(_) => Kind::Cnc,
            Nameplate::InjectionMoulding(_) => Kind::InjectionMoulding,
            Nameplate::Compressor(_) => Kind::Compressor,
            Nameplate::Pump(_) => Kind::Pump,
            Nameplate::Press(_) => Kind::Press,
        }
    }
}

/// What every physical model answers.
pub(crate) trait Model: Send {
    /// The current segment, `[from, until)`, in microseconds since 1970.
    fn segment(&self) -> (i64, i64);

    /// Books what the segment brought and opens the next one.
    fn advance(&mut self);

    /// The values of all properties at a moment of the segment, in the order of the kind's list, before any rounding.
    fn observe(&self, at_us: i64, out: &mut Readings);
}

/// The values of one moment, in the order of the kind's properties.
#[derive(Default)]
pub(crate) struct Readings(Vec<Reading>);

#[derive(Clone, Copy)]
enum Reading {
    Int(i64),
    Float(f64),
}

impl Readings {
    fn int(&mut self, value: i64) -> &mut Self {
        self.0.push(Reading::Int(value));
        self
    }

    fn float(&mut self, value: f64) -> &mut Self {
        self.0.push(Reading::Float(value));
        self
    }
}

fn model(spec: &MachineSpec) -> Result<Box<dyn Model>> {
    let (seed, origin) = (seed_of(spec.seed, &format!("{}/{}", spec.company, spec.code)), spec.origin.micros());
    Ok(match &spec.nameplate {
        Nameplate::Cnc(plate) => Box::new(cnc::Cnc::new(plate, &spec.calendar, seed, origin)?),
        Nameplate::InjectionMoulding(plate) => Box::new(injection::Moulding::new(plate, &spec.calendar, seed, origin)?),
        Nameplate::Compressor(plate) => Box::new(compressor::Compressor::new(plate, &spec.calendar, seed, origin)?),
        Nameplate::Pump(plate) => Box::new(pump::Pump::new(plate, &spec.calendar, seed, origin)?),
        Nameplate::Press(plate) => Box::new(press::Press::new(plate, &spec.calendar, seed, origin)?),
    })
}

/// A machine that can be looked at at any moment since its origin.
pub struct Machine {
    spec: MachineSpec,
    model: Box<dyn Model>,
    readings: Readings,
}

impl Machine {
    /// The machine at its origin.
    ///
    /// # Errors
    /// `simulator.calendar.malformed`, `simulator.nameplate.impossible`.
    pub fn new(spec: &MachineSpec) -> Result<Self> {
        Ok(Self { spec: spec.clone(), model: model(spec)?, readings: Readings::default() })
    }

    /// Its description.
    pub fn spec(&self) -> &MachineSpec {
        &self.spec
    }

    /// The values of all properties, in the order of the kind's list; false (and nothing) before its origin.
    ///
    /// Looking back behind the current segment starts again at the origin: right, but slow.
    pub fn observe(&mut self, at: Timestamp, out: &mut Vec<Value>) -> Result<bool> {
        out.clear();
        if at < self.spec.origin {
            return Ok(false);
        }
        let at_us = at.micros();
        if at_us < self.model.segment().0 {
            self.model = model(&self.spec)?;
        }
        while self.model.segment().1 <= at_us {
            self.model.advance();
        }
        self.readings.0.clear();
        self.model.observe(at_us, &mut self.readings);
        for (reading, property) in self.readings.0.iter().zip(self.spec.kind().properties()) {
            let base = self.spec.counter_bases.get(property.id).copied().unwrap_or(0);
            out.push(match *reading {
                Reading::Int(value) => Value::I64(value + base),
                Reading::Float(value) => Value::F64(round_to(value + base as f64, property.decimals)),
            });
        }
        Ok(true)
    }
}

/// A refusal of a nameplate that no machine could have.
pub(crate) fn impossible(what: &'static str) -> kernel::Error {
    kernel::Error::invalid("simulator.nameplate.impossible", what)
        .hint("ratings are positive and within the kind's range")
}

/// A first-order lag that is re-started at every segment.
#[derive(Clone, Copy)]
pub(crate) struct Lag {
    pub start: f64,
    pub target: f64,
    pub tau_s: f64,
}

impl Lag {
    pub fn resting(value: f64, tau_s: f64) -> Self {
        Self { start: value, target: value, tau_s }
    }

    pub fn at(&self, dt_s: f64) -> f64 {
        math::follow(self.start, self.target, dt_s, self.tau_s)
    }

    /// Carries the value over a segment's end.
    pub fn carry(&mut self, length_s: f64) {
        self.start = self.at(length_s);
    }
}

/// Phases of a cycle: share of the cycle's time and electric power in kW.
pub(crate) struct Phases<const N: usize>(pub [(f64, f64); N]);

impl<const N: usize> Phases<N> {
    /// The phase in which a share of the cycle falls.
    pub fn index(&self, share: f64) -> usize {
        let mut end = 0.0;
        for (index, (length, _)) in self.0.iter().enumerate() {
            end += length;
            if share < end {
                return index;
            }
        }
        N - 1
    }

    /// kJ used from the cycle's start, given its length.
    pub fn energy_kj(&self, dt_s: f64, cycle_s: f64) -> f64 {
        let (mut start, mut energy) = (0.0, 0.0);
        for (length, power) in &self.0 {
            let seconds = length * cycle_s;
            energy += power * (dt_s - start).clamp(0.0, seconds);
            start += seconds;
        }
        energy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: i64 = 1_770_000_000_000_000;

    /// A cycle is complete when no fault follows it; counted here from the outside, segment by segment.
    fn completed(model: &mut dyn Model, segments: usize, activity: impl Fn(&dyn Model) -> (i64, i64)) -> (i64, i64) {
        let (mut cycles, mut broken) = (0, 0);
        let mut before = activity(model);
        for _ in 0..segments {
            model.advance();
            let after = activity(model);
            if before.0 == 2 {
                if after.0 == 3 { broken += 1 } else { cycles += 1 }
            }
            before = after;
        }
        (cycles, broken)
    }

    fn seen(model: &dyn Model, state: usize, pieces: usize) -> (i64, i64) {
        let mut readings = Readings::default();
        model.observe(model.segment().0, &mut readings);
        let int =
            |index: usize| if let Reading::Int(value) = readings.0[index] { value } else { panic!("not an integer") };
        (int(state), int(pieces))
    }

    #[test]
    fn pieces_are_completed_cycles() {
        let park = crate::Park::demo(4);
        for (company, code) in [("precision", "CNC-01"), ("plastics", "IMM-01")] {
            let spec = park.machine(company, code).unwrap();
            let pieces = spec.properties().iter().position(|p| p.id == "piece_total").unwrap();
            let mut model = model(spec).unwrap();
            let (cycles, broken) = completed(&mut *model, 30_000, |m| seen(m, 0, pieces));
            assert_eq!(seen(&*model, 0, pieces).1, cycles, "{code}");
            assert!(cycles > 10_000 && broken > 1, "{code}: {cycles} cycles, {broken} broken");
        }
    }

    #[test]
    fn strokes_are_counted_whole() {
        let plate = press::Plate {
            force_kn: 1600.0,
            strokes_min: 45.0,
            motor_kw: 15.0,
            die_life_strokes: 1e5,
            tolerance_um: 50.0,
            spread_um: 9.0,
        };
        let mut press = press::Press::new(&plate, &Calendar::always(), 9, ORIGIN).unwrap();
        let (mut running_s, mut broken, mut ran) = (0.0, 0.0, false);
        for _ in 0..3000 {
            let (from, until) = press.segment();
            let state = seen(&press, 0, 11).0;
            if state == 2 {
                running_s += (until - from) as f64 / 1e6;
            }
            if state == 3 && ran {
                broken += 1.0;
            }
            ran = state == 2;
            press.advance();
        }
        // Only the stroke in which a fault falls is lost.
        let lost = running_s * 45.0 / 60.0 - seen(&press, 0, 11).1 as f64;
        assert!(broken > 3.0 && (-0.01..broken + 1.0).contains(&lost), "{lost} lost, {broken} broken");
    }

    #[test]
    fn the_hall_is_followed_and_nothing_stands_still() {
        for spec in &crate::Park::demo(1).machines {
            let mut model = model(spec).unwrap();
            for _ in 0..2000 {
                let (from, until) = model.segment();
                assert!(until > from && until - from <= 3_600_000_000, "{}: {from} {until}", spec.code);
                model.advance();
                assert_eq!(model.segment().0, until);
            }
        }
    }

    #[test]
    fn activities_are_numbered_like_controllers_do() {
        let mut spec = crate::Park::demo(1).machines[0].clone();
        spec.calendar = Calendar::week(1, &[(8, 9)]);
        let Nameplate::Cnc(plate) = &spec.nameplate else { panic!("the first machine is a machining centre") };
        let cnc = cnc::Cnc::new(plate, &spec.calendar, 1, ORIGIN).unwrap();
        // 2026-02-02 is a Monday, 10:40 in China: an hour after the only shift.
        assert_eq!(seen(&cnc, 0, 11), (0, 0));
    }
}
