//! When a machine is manned: a weekly shift calendar with a fixed offset from UTC.

use kernel::{Error, Result};
use serde::{Deserialize, Serialize};

/// A weekly calendar. Outside its shifts the machine is off (gaps of two hours and more) or pauses (shorter gaps).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calendar {
    /// Local time minus UTC, in minutes: 480 for China.
    pub utc_offset_min: i32,
    /// The shifts; none means around the clock.
    pub shifts: Vec<Shift>,
}

/// One shift on some days of the week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shift {
    /// Days on which it starts: 1 Monday … 7 Sunday.
    pub days: Vec<u8>,
    /// Start, minutes after local midnight, 0–1439.
    pub start_min: u16,
    /// End, minutes after the same midnight; above 1440 it reaches into the next day.
    pub end_min: u16,
}

impl Calendar {
    /// Around the clock.
    pub fn always() -> Self {
        Self { utc_offset_min: 480, shifts: Vec::new() }
    }

    /// Monday to `last_day`, each `(start hour, end hour)` a shift.
    pub fn week(last_day: u8, hours: &[(u16, u16)]) -> Self {
        let shifts = hours
            .iter()
            .map(|(from, to)| Shift { days: (1..=last_day).collect(), start_min: from * 60, end_min: to * 60 })
            .collect();
        Self { utc_offset_min: 480, shifts }
    }
}

const WEEK_MIN: usize = 7 * 1440;
const MINUTE_US: i64 = 60_000_000;

/// The calendar unrolled to the minutes of a week.
pub(crate) struct Hours {
    offset_us: i64,
    /// For each minute: manned, and how many minutes until that changes (0: never).
    minutes: Vec<(bool, u16)>,
}

impl Hours {
    pub fn new(calendar: &Calendar) -> Result<Self> {
        let mut manned = vec![calendar.shifts.is_empty(); WEEK_MIN];
        for shift in &calendar.shifts {
            let length = usize::from(shift.end_min).saturating_sub(usize::from(shift.start_min));
            if shift.start_min >= 1440 || length == 0 || length > 1440 {
                return Err(Error::invalid(
                    "simulator.calendar.malformed",
                    format!("a shift from minute {} to {} is not possible", shift.start_min, shift.end_min),
                )
                .hint("start between 0 and 1439, end after it and at most a day later"));
            }
            for day in &shift.days {
                if !(1..=7).contains(day) {
                    return Err(Error::invalid(
                        "simulator.calendar.malformed",
                        format!("{day} is not a day of the week"),
                    )
                    .hint("days go from 1 (Monday) to 7 (Sunday)"));
                }
                let start = (usize::from(*day) - 1) * 1440 + usize::from(shift.start_min);
                for minute in start..start + length {
                    manned[minute % WEEK_MIN] = true;
                }
            }
        }
        let mut minutes = vec![(false, 0u16); WEEK_MIN];
        let changes = manned.iter().any(|m| *m != manned[0]);
        let mut left = 0u16;
        // Twice around, from the end: the second round knows what the week's beginning looks like.
        for minute in (0..2 * WEEK_MIN).rev() {
            let (here, next) = (minute % WEEK_MIN, (minute + 1) % WEEK_MIN);
            left = if !changes {
                0
            } else if manned[here] == manned[next] {
                (left + 1).min(WEEK_MIN as u16)
            } else {
                1
            };
            minutes[here] = (manned[here], left);
        }
        Ok(Self { offset_us: i64::from(calendar.utc_offset_min) * MINUTE_US, minutes })
    }

    /// Whether it is manned at a moment, and when that changes (`i64::MAX`: never).
    pub fn at(&self, at_us: i64) -> (bool, i64) {
        // 1970-01-01 was a Thursday.
        let local = at_us + self.offset_us + 3 * 1440 * MINUTE_US;
        let minute = local.div_euclid(MINUTE_US);
        let (manned, left) = self.minutes[minute.rem_euclid(WEEK_MIN as i64) as usize];
        let change =
            if left == 0 { i64::MAX } else { at_us - local.rem_euclid(MINUTE_US) + i64::from(left) * MINUTE_US };
        (manned, change)
    }

    /// The hour of the local day, with its fraction.
    pub fn hour_of_day(&self, at_us: i64) -> f64 {
        (at_us + self.offset_us).rem_euclid(86_400_000_000) as f64 / 3.6e9
    }

    /// The air of the hall: a year's and a day's wave, warmest at the end of July and in mid-afternoon.
    pub fn ambient_c(&self, at_us: i64) -> f64 {
        use super::math::sin_turns;
        let year = (at_us as f64 / 86_400e6 - 120.0) / 365.2425;
        let day = (self.hour_of_day(at_us) - 9.0) / 24.0;
        22.0 + 6.0 * sin_turns(year) + 2.5 * sin_turns(day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn us(text: &str) -> i64 {
        text.parse::<kernel::Timestamp>().unwrap().micros()
    }

    #[test]
    fn shifts_open_and_close_in_local_time() {
        let hours = Hours::new(&Calendar::week(6, &[(8, 12), (13, 24)])).unwrap();
        // Monday 2026-11-23, 08:00 in China is midnight UTC.
        assert_eq!(hours.at(us("2026-11-23T00:00:00Z")), (true, us("2026-11-23T04:00:00Z")));
        assert_eq!(hours.at(us("2026-11-23T04:30:30Z")), (false, us("2026-11-23T05:00:00Z")));
        // Saturday's last shift ends at midnight; nothing on Sunday.
        assert_eq!(hours.at(us("2026-11-28T16:00:00Z")), (false, us("2026-11-30T00:00:00Z")));
        assert!((hours.hour_of_day(us("2026-11-23T00:30:00Z")) - 8.5).abs() < 1e-9);
        assert_eq!(Hours::new(&Calendar::always()).unwrap().at(5), (true, i64::MAX));
    }

    #[test]
    fn a_night_shift_reaches_into_the_next_day() {
        let hours = Hours::new(&Calendar::week(5, &[(20, 28)])).unwrap();
        // Tuesday 03:00 local belongs to Monday's shift.
        assert_eq!(hours.at(us("2026-11-23T19:00:00Z")), (true, us("2026-11-23T20:00:00Z")));
    }

    #[test]
    fn impossible_shifts_are_refused() {
        let mut calendar = Calendar::week(5, &[(8, 8)]);
        assert_eq!(Hours::new(&calendar).err().map(|e| e.code), Some("simulator.calendar.malformed"));
        calendar = Calendar::week(8, &[(8, 9)]);
        assert_eq!(Hours::new(&calendar).err().map(|e| e.code), Some("simulator.calendar.malformed"));
    }

    #[test]
    fn summers_are_warmer_than_winters() {
        let hours = Hours::new(&Calendar::always()).unwrap();
        let july = hours.ambient_c(us("2026-07-30T07:00:00Z"));
        let january = hours.ambient_c(us("2026-01-30T21:00:00Z"));
        assert!(july > 29.0 && july < 31.0 && january > 13.0 && january < 15.0, "{july} {january}");
    }
}
