//! The common life of machines that make pieces: shifts, warm-up, set-ups, batches, waiting, cycles, faults.
//!
//! Time is cut into segments in which nothing is decided. A model is evaluated inside a segment in closed form and changes
//! state only between segments, so what a machine does never depends on how often it is looked at.

use kernel::Result;

use super::{
    draw::Draw,
    faults::{FaultMode, Faults},
    hours::{Calendar, Hours},
};

/// What the machine is doing in the current segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Activity {
    /// Switched off between shifts.
    Off,
    /// Coming to temperature.
    Warm,
    /// A pause within the working day.
    Pause,
    /// No order, no material or no operator.
    Wait,
    /// Change-over to the next batch.
    SetUp,
    /// Short service: tool change, coil change, cleaning.
    Service,
    /// Producing.
    Cycle,
    /// Stopped by the fault mode of this index.
    Down(usize),
}

/// How a shop is loaded.
pub(crate) struct Load {
    pub batch: (f64, f64),
    pub set_up_min: (f64, f64),
    /// Probability that no order is ready when a batch ends, and the mean wait in minutes.
    pub wait: (f64, f64),
}

/// What the model needs before the next cycle.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Needs {
    /// Seconds to come to temperature; 0 when it is there.
    pub warm_s: f64,
    /// Seconds of service that is due; 0 when none is.
    pub service_s: f64,
    /// Length of the next cycle in seconds.
    pub cycle_s: f64,
    /// Pieces the next cycle makes.
    pub pieces: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Batch {
    Ended,
    Waited,
    Running(u32),
}

/// Segments longer than this are cut, so that the hall's temperature is followed.
const SEGMENT_MAX_US: i64 = 900_000_000;
/// A gap in the calendar from which on machines are switched off.
const OFF_GAP_US: i64 = 7_200_000_000;

pub(crate) struct Shop {
    pub draw: Draw,
    pub hours: Hours,
    pub faults: Faults,
    pub activity: Activity,
    /// The segment, microseconds since 1970.
    pub from_us: i64,
    pub until_us: i64,
    /// Producing seconds before this segment.
    pub run_s: f64,
    planned_us: i64,
    breaks: Option<usize>,
    batch: Batch,
    load: Load,
}

/// How the segment that was just closed ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closed {
    /// A cycle came to its end.
    Completed,
    /// A cycle was cut short by a fault.
    Broken,
    /// A set-up ended: another batch begins.
    NewBatch,
    /// A service ended.
    Serviced,
    /// Anything else.
    Other,
}

impl Shop {
    pub fn new(
        calendar: &Calendar,
        modes: &'static [FaultMode],
        load: Load,
        seed: u64,
        origin_us: i64,
    ) -> Result<Self> {
        let mut draw = Draw::new(seed);
        let faults = Faults::new(modes, &mut draw);
        let batch = Batch::Running(draw.between(load.batch.0, load.batch.1) as u32);
        Ok(Self {
            draw,
            hours: Hours::new(calendar)?,
            faults,
            activity: Activity::Off,
            from_us: origin_us,
            until_us: origin_us,
            planned_us: origin_us,
            run_s: 0.0,
            breaks: None,
            batch,
            load,
        })
    }

    /// Seconds since the segment began.
    pub fn since(&self, at_us: i64) -> f64 {
        (at_us - self.from_us) as f64 / 1e6
    }

    /// Length of the segment in seconds.
    pub fn length_s(&self) -> f64 {
        self.since(self.until_us)
    }

    /// Producing seconds up to a moment of this segment.
    pub fn run_seconds(&self, at_us: i64) -> f64 {
        if self.activity == Activity::Cycle { self.run_s + self.since(at_us) } else { self.run_s }
    }

    /// The state as controllers number it: 0 off, 1 idle, 2 running, 3 down.
    pub fn state(&self) -> i64 {
        match self.activity {
            Activity::Off => 0,
            Activity::Cycle => 2,
            Activity::Down(_) => 3,
            _ => 1,
        }
    }

    pub fn fault_code(&self) -> i64 {
        if let Activity::Down(mode) = self.activity { self.faults.code(mode) } else { 0 }
    }

    /// Ends the segment. The model books what the segment brought and then calls [`open`](Self::open).
    pub fn close(&mut self) -> Closed {
        let length = self.length_s();
        if self.activity == Activity::Cycle {
            self.run_s += length;
            self.faults.run(length);
        }
        let whole = self.until_us >= self.planned_us;
        match self.activity {
            Activity::Cycle if self.breaks.is_some() => Closed::Broken,
            Activity::Cycle => Closed::Completed,
            Activity::SetUp if whole => Closed::NewBatch,
            Activity::Service if whole => Closed::Serviced,
            _ => Closed::Other,
        }
    }

    /// Begins the next segment.
    pub fn open(&mut self, needs: Needs) {
        self.from_us = self.until_us;
        if let Some(mode) = self.breaks.take() {
            let seconds = self.faults.repair(mode, &mut self.draw);
            return self.begin(Activity::Down(mode), seconds);
        }
        if self.from_us < self.planned_us {
            self.until_us = self.planned_us.min(self.from_us + SEGMENT_MAX_US);
            return;
        }
        let (manned, change) = self.hours.at(self.from_us);
        if !manned {
            self.activity = if change - self.from_us >= OFF_GAP_US || self.activity == Activity::Off {
                Activity::Off
            } else {
                Activity::Pause
            };
            self.planned_us = change;
            self.until_us = change.min(self.from_us + SEGMENT_MAX_US);
            return;
        }
        if needs.warm_s > 0.0 {
            return self.begin(Activity::Warm, needs.warm_s);
        }
        if needs.service_s > 0.0 {
            return self.begin(Activity::Service, needs.service_s);
        }
        match self.batch {
            Batch::Ended => {
                self.batch = Batch::Waited;
                if self.draw.chance(self.load.wait.0) {
                    let seconds = self.draw.weibull(1.0, self.load.wait.1 * 60.0).clamp(60.0, 14_400.0);
                    return self.begin(Activity::Wait, seconds);
                }
                self.open_set_up();
            }
            Batch::Waited => self.open_set_up(),
            Batch::Running(left) => {
                let left = left.saturating_sub(needs.pieces);
                self.batch = if left == 0 { Batch::Ended } else { Batch::Running(left) };
                let (mode, healthy_s) = self.faults.next();
                self.breaks = (healthy_s < needs.cycle_s).then_some(mode);
                self.activity = Activity::Cycle;
                // Cycles are never cut: a model finds its phase by the time since the segment began.
                self.until_us = self.from_us + micros(healthy_s.min(needs.cycle_s));
                self.planned_us = self.until_us;
            }
        }
    }

    fn open_set_up(&mut self) {
        let pieces = self.draw.between(self.load.batch.0, self.load.batch.1) as u32;
        self.batch = Batch::Running(pieces.max(1));
        let minutes = self.draw.between(self.load.set_up_min.0, self.load.set_up_min.1);
        self.begin(Activity::SetUp, minutes * 60.0);
    }

    fn begin(&mut self, activity: Activity, seconds: f64) {
        self.activity = activity;
        self.planned_us = self.from_us + micros(seconds);
        self.until_us = self.planned_us.min(self.from_us + SEGMENT_MAX_US);
    }
}

/// Whole microseconds, at least one, so that time always moves.
pub(crate) fn micros(seconds: f64) -> i64 {
    ((seconds * 1e6) as i64).max(1)
}
