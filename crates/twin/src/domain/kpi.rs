//! Key figures of a machine over a window, named after ISO 22400-2 and computed from its timeline.
//!
//! APT (actual production time) is time running; ADET (actual unit delay time) is time idle or down; AUBT (actual unit busy
//! time) is both; PBT (planned busy time) is given, or else the whole window less what is unknown. No time element is rounded;
//! a ratio is rounded once, to four places, half away from zero.

use contracts::twin::{MachineState, StateSpan};
use kernel::{Decimal, Duration, Window};

use super::timeline::time_in;

/// Time elements and ratios of one machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kpi {
    /// The window.
    pub window: Window,
    /// APT: running.
    pub production_time: Duration,
    /// Part of ADET: on, not producing.
    pub idle_time: Duration,
    /// Part of ADET: stopped by a fault.
    pub down_time: Duration,
    /// Switched off.
    pub off_time: Duration,
    /// Nothing known.
    pub unknown_time: Duration,
    /// PBT.
    pub planned_busy_time: Duration,
    /// How often it went down.
    pub failures: u32,
    /// APT / PBT.
    pub availability: Option<Decimal>,
    /// Utilisation efficiency: APT / AUBT.
    pub utilisation: Option<Decimal>,
    /// Allocation efficiency: AUBT / PBT.
    pub allocation: Option<Decimal>,
    /// Mean time to repair: down time per failure that began in the window, in seconds.
    pub mean_time_to_repair_s: Option<Decimal>,
}

impl Kpi {
    /// The figures of a filled timeline.
    pub fn of(spans: &[StateSpan], window: Window, planned_busy_time: Option<Duration>) -> Self {
        let [production, idle, down, off, unknown] =
            [MachineState::Running, MachineState::Idle, MachineState::Down, MachineState::Off, MachineState::Unknown]
                .map(|state| time_in(spans, state));
        let known = Duration::from_micros(window.length().micros() - unknown.micros());
        let planned = planned_busy_time.unwrap_or(known);
        let busy = production + idle + down;
        // A stop that began before the window is not a new failure.
        let began = spans.iter().skip(1).filter(|span| span.state == MachineState::Down);
        let failures = began.clone().count() as u32;
        let repair = began.fold(Duration::default(), |sum, span| sum + span.window.length());
        Self {
            window,
            production_time: production,
            idle_time: idle,
            down_time: down,
            off_time: off,
            unknown_time: unknown,
            planned_busy_time: planned,
            failures,
            availability: ratio(production, planned),
            utilisation: ratio(production, busy),
            allocation: ratio(busy, planned),
            mean_time_to_repair_s: quotient(repair.micros(), i64::from(failures) * 1_000_000, 1),
        }
    }
}

fn ratio(part: Duration, whole: Duration) -> Option<Decimal> {
    quotient(part.micros(), whole.micros(), 4)
}

fn quotient(part: i64, whole: i64, places: i64) -> Option<Decimal> {
    if whole <= 0 {
        return None;
    }
    // Scaled integers: one rounding, at the end.
    let scale = 10i128.pow(places as u32);
    let twice = (2 * i128::from(part) * scale + i128::from(whole)) / (2 * i128::from(whole));
    Some(Decimal::from_i128_with_scale(twice, places as u32))
}

#[cfg(test)]
mod tests {
    use kernel::Timestamp;

    use super::*;

    fn spans(parts: &[(i64, MachineState)]) -> (Vec<StateSpan>, Window) {
        let mut at = 0;
        let list = parts
            .iter()
            .map(|(minutes, state)| {
                let from = Timestamp::default() + Duration::from_mins(at);
                at += minutes;
                StateSpan { window: Window { from, to: Timestamp::default() + Duration::from_mins(at) }, state: *state }
            })
            .collect();
        (list, Window { from: Timestamp::default(), to: Timestamp::default() + Duration::from_mins(at) })
    }

    #[test]
    fn a_shift_worked_out_by_hand() {
        use MachineState::*;
        // 480 min: 300 running, 60 idle, 40 + 20 down, 30 off, 30 unknown.
        let (list, window) =
            spans(&[(100, Running), (40, Down), (60, Idle), (200, Running), (20, Down), (30, Off), (30, Unknown)]);
        let kpi = Kpi::of(&list, window, None);
        assert_eq!(kpi.planned_busy_time, Duration::from_mins(450));
        assert_eq!(kpi.availability.unwrap().to_string(), "0.6667"); // 300 / 450
        assert_eq!(kpi.utilisation.unwrap().to_string(), "0.7143"); // 300 / 420
        assert_eq!(kpi.allocation.unwrap().to_string(), "0.9333"); // 420 / 450
        assert_eq!((kpi.failures, kpi.mean_time_to_repair_s.unwrap().to_string().as_str()), (2, "1800.0"));
        let planned = Kpi::of(&list, window, Some(Duration::from_mins(400)));
        assert_eq!(planned.availability.unwrap().to_string(), "0.7500");
    }

    #[test]
    fn nothing_known_gives_no_ratio() {
        let (list, window) = spans(&[(60, MachineState::Unknown)]);
        let kpi = Kpi::of(&list, window, None);
        assert_eq!((kpi.availability, kpi.utilisation, kpi.mean_time_to_repair_s), (None, None, None));
        let (list, window) = spans(&[(60, MachineState::Down)]);
        assert_eq!(Kpi::of(&list, window, None).failures, 0, "it was down before the window began");
    }
}
