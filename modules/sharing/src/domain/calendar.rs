//! When a machine is free: opening hours minus what is reserved. Availability is checked for the whole of a request at once (I9).

use kernel::{Duration, Error, Result, Timestamp, Window};

/// Weekly opening hours of a machine, in minutes from Monday 00:00 UTC + offset; empty means always open.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Opening {
    /// Minutes east of UTC.
    pub utc_offset_min: i32,
    /// Half-open stretches of the week in minutes, sorted, not overlapping, within 0–10 080.
    pub minutes: Vec<(u32, u32)>,
}

const WEEK_MIN: i64 = 7 * 24 * 60;
/// 1970-01-01 was a Thursday: the first Monday is four days later.
const FIRST_MONDAY_MIN: i64 = 4 * 24 * 60;

impl Opening {
    /// Refuses hours that cannot be read.
    pub fn check(&self) -> Result<()> {
        let sorted = self.minutes.windows(2).all(|pair| pair[0].1 <= pair[1].0);
        let sane = self.minutes.iter().all(|(from, to)| from < to && i64::from(*to) <= WEEK_MIN);
        if sorted && sane && self.minutes.len() <= 100 && (-14 * 60..=14 * 60).contains(&self.utc_offset_min) {
            return Ok(());
        }
        Err(Error::invalid("sharing.opening.malformed", "the opening hours overlap or leave the week")
            .hint("give sorted stretches of minutes from Monday 00:00, each within 0–10080"))
    }

    /// The open stretches of a window, joined where they touch.
    pub fn within(&self, window: Window) -> Vec<Window> {
        if self.minutes.is_empty() {
            return vec![window];
        }
        let minute = |at: Timestamp| at.micros().div_euclid(60_000_000) + i64::from(self.utc_offset_min);
        let week = |at: Timestamp| (minute(at) - FIRST_MONDAY_MIN).div_euclid(WEEK_MIN);
        let moment = |week: i64, of_week: u32| {
            let minutes = week * WEEK_MIN + FIRST_MONDAY_MIN + i64::from(of_week) - i64::from(self.utc_offset_min);
            Timestamp::from_micros(minutes * 60_000_000)
        };
        let mut open: Vec<Window> = Vec::new();
        for number in week(window.from)..=week(window.to) {
            for (from, to) in &self.minutes {
                let stretch = Window { from: moment(number, *from), to: moment(number, *to) };
                let Some(part) = stretch.intersect(&window) else { continue };
                match open.last_mut() {
                    Some(last) if last.to == part.from => last.to = part.to,
                    _ => open.push(part),
                }
            }
        }
        open
    }
}

/// The free stretches of a window, given what is reserved (in any order, overlapping or not).
pub fn free(opening: &Opening, window: Window, reserved: &[Window]) -> Vec<Window> {
    let mut reserved: Vec<Window> = reserved.to_vec();
    reserved.sort();
    let mut free = Vec::new();
    for stretch in opening.within(window) {
        let mut from = stretch.from;
        for taken in reserved.iter().filter(|taken| taken.overlaps(&stretch)) {
            if taken.from > from {
                free.push(Window { from, to: taken.from });
            }
            from = from.max(taken.to);
        }
        if from < stretch.to {
            free.push(Window { from, to: stretch.to });
        }
    }
    free
}

/// Taken stretches as one sees them: clipped to a window, sorted, joined where they touch or overlap.
pub fn joined(window: Window, taken: &[Window]) -> Vec<Window> {
    let mut parts: Vec<Window> = taken.iter().filter_map(|stretch| stretch.intersect(&window)).collect();
    parts.sort();
    let mut joined: Vec<Window> = Vec::new();
    for part in parts {
        match joined.last_mut() {
            Some(last) if part.from <= last.to => last.to = last.to.max(part.to),
            _ => joined.push(part),
        }
    }
    joined
}

/// Refuses a request unless every one of its slots lies in free time and no two of them overlap.
pub fn admit(opening: &Opening, reserved: &[Window], slots: &[Window]) -> Result<()> {
    let mut taken = reserved.to_vec();
    for slot in slots {
        let fits = free(opening, *slot, &taken).first() == Some(slot);
        if !fits {
            return Err(Error::conflict(
                "sharing.slot.taken",
                format!("the slot from {} to {} is not free", slot.from, slot.to),
            )
            .hint("read the calendar again and choose a free slot"));
        }
        taken.push(*slot);
    }
    Ok(())
}

/// The first free slot of a length, not before a moment and within a horizon.
pub fn first_free(
    opening: &Opening,
    reserved: &[Window],
    from: Timestamp,
    length: Duration,
    horizon: Duration,
) -> Option<Window> {
    let window = Window { from, to: from + horizon };
    free(opening, window, reserved)
        .into_iter()
        .find(|stretch| stretch.length() >= length)
        .map(|stretch| Window { from: stretch.from, to: stretch.from + length })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn w(from: i64, to: i64) -> Window {
        Window { from: Timestamp::from_micros(from * 60_000_000), to: Timestamp::from_micros(to * 60_000_000) }
    }

    #[test]
    fn shop_hours_in_beijing() {
        // Monday 2026-01-05, 08:00–17:00 at UTC+8 is 00:00–09:00 UTC.
        let opening = Opening { utc_offset_min: 480, minutes: vec![(480, 1020)] };
        opening.check().unwrap();
        let monday: Timestamp = "2026-01-05T00:00:00Z".parse().unwrap();
        let day = Window { from: monday, to: monday + Duration::from_days(1) };
        assert_eq!(opening.within(day), [Window { from: monday, to: monday + Duration::from_hours(9) }]);
    }

    #[test]
    fn two_slots_of_one_request_count_together() {
        let always = Opening::default();
        assert!(admit(&always, &[], &[w(0, 10), w(10, 20)]).is_ok());
        assert_eq!(admit(&always, &[], &[w(0, 10), w(5, 20)]).unwrap_err().code, "sharing.slot.taken");
        assert!(admit(&always, &[w(15, 30)], &[w(0, 10), w(10, 20)]).is_err());
    }

    #[test]
    fn what_is_taken_is_shown_joined_and_clipped() {
        let taken = [w(10, 20), w(0, 5), w(15, 30), w(30, 31)];
        assert_eq!(joined(w(2, 25), &taken), [w(2, 5), w(10, 25)]);
    }

    proptest! {
        #[test]
        fn free_and_reserved_never_meet_and_cover_everything(taken in proptest::collection::vec((0i64..200, 1i64..40), 0..12)) {
            let reserved: Vec<Window> = taken.iter().map(|(from, length)| w(*from, from + length)).collect();
            let window = w(0, 200);
            let free = free(&Opening::default(), window, &reserved);
            for minute in 0..200 {
                let at = Timestamp::from_micros(minute * 60_000_000);
                let is_free = free.iter().any(|stretch| stretch.contains(at));
                let is_taken = reserved.iter().any(|stretch| stretch.contains(at));
                prop_assert!(is_free != is_taken, "minute {minute}");
            }
        }
    }
}
