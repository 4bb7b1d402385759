//! Slows guessing down, and nobody is locked out for good.
//!
//! Every attempt is counted before its password is looked at, so that attempts made at the same time count as well; a success
//! takes its own count back. After some free failures each further one doubles the wait. A wait is refused, not queued, and
//! what happens during it is not counted: it ends when it said it would. Failures are forgiven one by one as time passes.

use std::{collections::HashMap, sync::Mutex};

use kernel::{Duration, Error, Result, Timestamp};

/// Names remembered. When there are more, the one that was quiet for longest is forgotten.
const NAMES_MAX: usize = 10_000;

/// What failures are counted for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Name {
    /// An account, from networks where it was never signed in.
    Account(String),
    /// An account, from a network where it was signed in lately: strangers elsewhere do not slow its owner down.
    AccountAt(String, String),
    /// A network, whatever the account.
    Network(String),
    /// The setup code.
    Setup,
}

struct Rule {
    free: u32,
    wait_max: Duration,
    forgive_every: Duration,
}

impl Name {
    fn rule(&self) -> Rule {
        match self {
            // Many people share one network: it is given more room, and is forgiven sooner.
            Name::Network(_) => {
                Rule { free: 30, wait_max: Duration::from_mins(5), forgive_every: Duration::from_secs(30) }
            }
            _ => Rule { free: 5, wait_max: Duration::from_mins(15), forgive_every: Duration::from_mins(30) },
        }
    }
}

/// Failures of a name, and when they were last counted.
#[derive(Clone, Copy)]
struct Gauge {
    failures: u32,
    last: Timestamp,
}

impl Gauge {
    /// What is left of the failures now.
    fn left(self, rule: &Rule, now: Timestamp) -> u32 {
        let forgiven = (now - self.last).micros().max(0) / rule.forgive_every.micros();
        self.failures.saturating_sub(u32::try_from(forgiven).unwrap_or(u32::MAX))
    }

    /// How much longer it has to wait.
    fn wait(&mut self, rule: &Rule, now: Timestamp) -> Option<Duration> {
        // When the clock went backwards the wait begins anew; otherwise it could last as long as the jump.
        self.last = self.last.min(now);
        let over = self.failures.checked_sub(rule.free)?;
        let free_at = self.last + Duration::from_secs(1 << over.min(20)).min(rule.wait_max);
        (now < free_at).then(|| free_at - now)
    }
}

#[derive(Default)]
pub(super) struct Throttle(Mutex<HashMap<Name, Gauge>>);

impl Throttle {
    /// Counts an attempt for all of these names, or refuses while one of them has to wait.
    pub(super) fn attempt(&self, names: &[Name], now: Timestamp) -> Result<()> {
        let mut gauges = self.lock();
        let wait = names.iter().filter_map(|name| gauges.get_mut(name)?.wait(&name.rule(), now)).max();
        if let Some(wait) = wait {
            let seconds = (wait.micros() + 999_999) / 1_000_000;
            return Err(Error::throttled(
                "identity.session.throttled",
                format!("too many failed attempts: the next is looked at in {seconds} s"),
            )
            .hint("wait a little, then try again"));
        }
        for name in names {
            make_room(&mut gauges, name, now);
            let gauge = gauges.entry(name.clone()).or_insert(Gauge { failures: 0, last: now });
            *gauge = Gauge { failures: gauge.left(&name.rule(), now).saturating_add(1), last: now };
        }
        Ok(())
    }

    /// The attempt was right: accounts start afresh, a network gets this one attempt back.
    pub(super) fn succeeded(&self, names: &[Name]) {
        self.undo(names);
        let mut gauges = self.lock();
        for name in names.iter().filter(|name| !matches!(name, Name::Network(_))) {
            gauges.remove(name);
        }
    }

    /// The attempt was not looked at, for a reason of our own.
    pub(super) fn undo(&self, names: &[Name]) {
        let mut gauges = self.lock();
        for name in names {
            if let Some(gauge) = gauges.get_mut(name) {
                gauge.failures = gauge.failures.saturating_sub(1);
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Name, Gauge>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

fn make_room(gauges: &mut HashMap<Name, Gauge>, name: &Name, now: Timestamp) {
    if gauges.len() < NAMES_MAX || gauges.contains_key(name) {
        return;
    }
    gauges.retain(|name, gauge| gauge.left(&name.rule(), now) > 0);
    if gauges.len() >= NAMES_MAX
        && let Some(quietest) = gauges.iter().min_by_key(|(_, gauge)| gauge.last).map(|(name, _)| name.clone())
    {
        gauges.remove(&quietest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(0) + Duration::from_secs(seconds)
    }
    fn account(login: &str) -> Name {
        Name::Account(login.into())
    }

    #[test]
    fn a_hundred_thousand_guesses_in_a_day_get_through_about_a_hundred_times() {
        let throttle = Throttle::default();
        let through = (0..100_000).filter(|second| throttle.attempt(&[account("lin")], at(*second)).is_ok()).count();
        assert!((90..150).contains(&through), "{through}");
        // From as many networks as there are guesses it is no different.
        let throttle = Throttle::default();
        let guess =
            |second: &i64| throttle.attempt(&[account("lin"), Name::Network(second.to_string())], at(*second)).is_ok();
        assert!((0..100_000).filter(guess).count() < 150);
    }

    #[test]
    fn attempts_at_the_same_moment_count_before_their_outcome_is_known() {
        let throttle = Throttle::default();
        let through = (0..1000).filter(|_| throttle.attempt(&[account("lin")], at(0)).is_ok()).count();
        assert_eq!(through, 5);
    }

    #[test]
    fn the_wait_doubles_to_a_limit_and_ends_when_it_said_it_would() {
        let throttle = Throttle::default();
        let (mut now, mut waits) = (0, Vec::new());
        for _ in 0..20 {
            let begin = now;
            while throttle.attempt(&[account("lin")], at(now)).is_err() {
                now += 1;
            }
            waits.push(now - begin);
        }
        assert_eq!(waits[..12], [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64]);
        assert!(waits.iter().all(|wait| *wait <= 900) && *waits.last().unwrap() == 900, "{waits:?}");
    }

    #[test]
    fn strangers_do_not_slow_down_the_owner_at_a_known_network_and_success_starts_afresh() {
        let throttle = Throttle::default();
        for second in 0..1000 {
            let _ = throttle.attempt(&[account("lin"), Name::Network("far".into())], at(second));
        }
        let own = [Name::AccountAt("lin".into(), "office".into()), Name::Network("office".into())];
        throttle.attempt(&own, at(1000)).unwrap();
        throttle.succeeded(&own);
        for _ in 0..5 {
            throttle.attempt(&own, at(1000)).unwrap();
        }
        assert!(throttle.attempt(&own, at(1000)).is_err());
        assert!(throttle.attempt(&own, at(1001)).is_ok());
    }

    #[test]
    fn colleagues_behind_one_address_may_mistype_and_are_forgiven() {
        let throttle = Throttle::default();
        let office = |person: i64| [account(&person.to_string()), Name::Network("office".into())];
        for person in 0..30 {
            throttle.attempt(&office(person), at(0)).unwrap();
        }
        assert!(throttle.attempt(&office(99), at(0)).is_err());
        for person in 100..115 {
            throttle.attempt(&office(person), at(15 * 60)).unwrap();
        }
    }

    #[test]
    fn a_clock_that_goes_backwards_locks_nobody_out() {
        let throttle = Throttle::default();
        for second in 0..20 {
            let _ = throttle.attempt(&[account("lin")], at(1_000_000 + second));
        }
        assert!((0..=900).any(|second| throttle.attempt(&[account("lin")], at(second)).is_ok()));
    }

    #[test]
    fn memory_is_bounded_and_keeps_the_latest() {
        let throttle = Throttle::default();
        for number in 0..30_000 {
            throttle.attempt(&[account(&number.to_string())], at(number)).unwrap();
        }
        assert!(throttle.lock().len() <= NAMES_MAX);
        assert!(throttle.lock().contains_key(&account("29999")));
    }
}
