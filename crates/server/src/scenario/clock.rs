use std::sync::atomic::{AtomicI64, Ordering};

use appkit::SystemClock;
use kernel::{Clock, Timestamp};

/// A clock that is turned by hand while the past is being made, and then lets the real time show.
pub struct SteppedClock(AtomicI64);

const REAL: i64 = i64::MIN;

impl SteppedClock {
    /// Stands at a moment.
    pub fn at(moment: Timestamp) -> Self {
        Self(AtomicI64::new(moment.micros()))
    }
    /// Moves to a moment.
    pub fn set(&self, moment: Timestamp) {
        self.0.store(moment.micros(), Ordering::SeqCst);
    }
    /// Shows the real time from now on.
    pub fn release(&self) {
        self.0.store(REAL, Ordering::SeqCst);
    }
}

impl Clock for SteppedClock {
    fn now(&self) -> Timestamp {
        match self.0.load(Ordering::SeqCst) {
            REAL => SystemClock.now(),
            moment => Timestamp::from_micros(moment),
        }
    }
}
