use std::{
    fmt,
    ops::{Add, Sub},
    str::FromStr,
    sync::atomic::{AtomicI64, Ordering},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::Error;

/// A point in time: microseconds since 1970-01-01T00:00:00Z. Text form RFC 3339 in UTC with microseconds trimmed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

/// A length of time in microseconds; may be negative.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Duration(i64);

impl Timestamp {
    /// From microseconds since the epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// From milliseconds since the epoch; saturates.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1000))
    }

    /// Microseconds since the epoch.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Milliseconds since the epoch, rounded down.
    pub const fn millis(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// The start of the period this moment is in, periods counted from the epoch.
    pub const fn floor_to(self, period: Duration) -> Self {
        Self(self.0 - self.0.rem_euclid(period.0))
    }
}

impl Duration {
    /// From microseconds.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }
    /// From milliseconds.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis * 1000)
    }
    /// From seconds.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs * 1_000_000)
    }
    /// From minutes.
    pub const fn from_mins(mins: i64) -> Self {
        Self::from_secs(mins * 60)
    }
    /// From hours.
    pub const fn from_hours(hours: i64) -> Self {
        Self::from_secs(hours * 3600)
    }
    /// From days of 24 hours.
    pub const fn from_days(days: i64) -> Self {
        Self::from_secs(days * 86_400)
    }
    /// Microseconds.
    pub const fn micros(self) -> i64 {
        self.0
    }
    /// Seconds as a float, for display and physics only.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }
    /// The standard library's duration; negative becomes zero.
    pub fn to_std(self) -> std::time::Duration {
        std::time::Duration::from_micros(self.0.max(0) as u64)
    }
}

impl Add<Duration> for Timestamp {
    type Output = Timestamp;
    fn add(self, span: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(span.0))
    }
}
impl Sub<Duration> for Timestamp {
    type Output = Timestamp;
    fn sub(self, span: Duration) -> Timestamp {
        Timestamp(self.0.saturating_sub(span.0))
    }
}
impl Sub for Timestamp {
    type Output = Duration;
    fn sub(self, earlier: Timestamp) -> Duration {
        Duration(self.0.saturating_sub(earlier.0))
    }
}
impl Add for Duration {
    type Output = Duration;
    fn add(self, other: Duration) -> Duration {
        Duration(self.0.saturating_add(other.0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(time) => fmt::Display::fmt(&time, f),
            Err(_) => write!(f, "{}us", self.0),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Timestamp {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        let time: jiff::Timestamp = text.parse().map_err(|_| {
            Error::invalid("kernel.time.malformed", format!("{text:?} is not a time"))
                .hint("write RFC 3339 with an offset, such as 2026-11-23T08:00:00Z")
        })?;
        Ok(Self(time.as_microsecond()))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(|error: Error| de::Error::custom(error.message))
    }
}

/// A half-open window of time, `[from, to)`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Window {
    /// First moment inside.
    pub from: Timestamp,
    /// First moment after.
    pub to: Timestamp,
}

impl Window {
    /// A window that is not empty.
    pub fn new(from: Timestamp, to: Timestamp) -> Result<Self, Error> {
        if from < to {
            Ok(Self { from, to })
        } else {
            Err(Error::invalid("kernel.window.empty", format!("the window from {from} to {to} is empty"))
                .hint("the end must be after the start"))
        }
    }

    /// Whether the moment lies inside.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.to
    }

    /// Whether the two have a moment in common.
    pub fn overlaps(&self, other: &Window) -> bool {
        self.from < other.to && other.from < self.to
    }

    /// The common part.
    pub fn intersect(&self, other: &Window) -> Option<Window> {
        let (from, to) = (self.from.max(other.from), self.to.min(other.to));
        (from < to).then_some(Window { from, to })
    }

    /// How long it is.
    pub fn length(&self) -> Duration {
        self.to - self.from
    }
}

/// Tells the time. The wall clock lives in `appkit`; tests and the story turn a [`ManualClock`] by hand.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// A clock that moves only when told to.
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows this moment.
    pub fn new(start: Timestamp) -> Self {
        Self(AtomicI64::new(start.micros()))
    }
    /// Moves forward (or back, for tests of clock jumps).
    pub fn advance(&self, span: Duration) {
        self.0.fetch_add(span.micros(), Ordering::SeqCst);
    }
    /// Jumps to a moment.
    pub fn set(&self, to: Timestamp) {
        self.0.store(to.micros(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trip() {
        let time = Timestamp::from_micros(1_700_000_000_123_456);
        assert_eq!(time.to_string(), "2023-11-14T22:13:20.123456Z");
        assert_eq!(time.to_string().parse::<Timestamp>().unwrap(), time);
        assert_eq!("nonsense".parse::<Timestamp>().unwrap_err().code, "kernel.time.malformed");
    }

    #[test]
    fn windows_are_half_open() {
        let t = Timestamp::from_micros;
        let a = Window::new(t(0), t(10)).unwrap();
        let b = Window::new(t(10), t(20)).unwrap();
        assert!(!a.overlaps(&b) && a.contains(t(0)) && !a.contains(t(10)));
        assert_eq!(a.intersect(&Window { from: t(5), to: t(15) }), Some(Window { from: t(5), to: t(10) }));
        assert!(Window::new(t(1), t(1)).is_err());
    }

    #[test]
    fn floor_works_before_the_epoch() {
        assert_eq!(Timestamp::from_micros(-1).floor_to(Duration::from_secs(1)), Timestamp::from_micros(-1_000_000));
    }
}
