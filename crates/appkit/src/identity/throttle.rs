use std::{collections::HashMap, sync::Mutex};

use kernel::{Duration, Error, Result, Timestamp};

/// Failures before waiting begins.
const FREE_TRIES: u32 = 5;
/// Longest wait: nobody is locked out for ever.
const WAIT_MAX: Duration = Duration::from_mins(15);
/// Names remembered.
const NAMES_MAX: usize = 10_000;

/// Slows down guessing: after five failures each further one doubles the wait, per login and per network.
#[derive(Default)]
pub(super) struct Throttle(Mutex<HashMap<String, (u32, Timestamp)>>);

impl Throttle {
    /// Refuses while the wait lasts.
    pub(super) fn check(&self, name: &str, now: Timestamp) -> Result<()> {
        let state = self.lock();
        match state.get(name) {
            Some((failures, last)) if now < *last + wait(*failures) => {
                Err(Error::throttled("identity.session.throttled", "too many failed attempts")
                    .hint("wait a little, then try again"))
            }
            _ => Ok(()),
        }
    }

    /// Notes a failure.
    pub(super) fn failed(&self, name: &str, now: Timestamp) {
        let mut state = self.lock();
        if state.len() >= NAMES_MAX {
            state.retain(|_, (failures, last)| now < *last + wait(*failures));
        }
        let entry = state.entry(name.to_owned()).or_insert((0, now));
        *entry = (entry.0.saturating_add(1), now);
    }

    /// Forgets the failures of a name.
    pub(super) fn succeeded(&self, name: &str) {
        self.lock().remove(name);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, (u32, Timestamp)>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

fn wait(failures: u32) -> Duration {
    if failures < FREE_TRIES {
        return Duration::default();
    }
    Duration::from_secs(1 << (failures - FREE_TRIES).min(16)).min(WAIT_MAX)
}
