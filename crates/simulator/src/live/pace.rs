use std::sync::Arc;

use kernel::{Clock, Duration, Timestamp};

use super::Target;

/// Simulated time: starts somewhere, runs at a speed, and never passes the clock.
#[derive(Clone)]
pub(crate) struct Pace {
    clock: Arc<dyn Clock>,
    start: Timestamp,
    began: Timestamp,
    speed: f64,
}

impl Pace {
    pub fn new(target: &Target, start: Option<Timestamp>) -> Self {
        let began = target.clock.now();
        Self { clock: target.clock.clone(), start: start.unwrap_or(began).min(began), began, speed: target.speed }
    }

    pub fn now(&self) -> Timestamp {
        let now = self.clock.now();
        let ran = (now - self.began).micros().max(0) as f64 * self.speed;
        (self.start + Duration::from_micros(ran.min(9.0e17) as i64)).min(now)
    }

    /// How long to sleep until a simulated moment has come. Short enough to notice a clock that is turned by hand; long
    /// enough, while catching up, that a message gathers some rows.
    pub fn until(&self, moment: Timestamp) -> std::time::Duration {
        let now = self.now();
        let behind = now < self.clock.now();
        let left = (moment - now).micros().max(0) as f64 / if behind || self.speed < 1.0 { self.speed } else { 1.0 };
        let shortest = if behind { 50_000 } else { 2_000 };
        std::time::Duration::from_micros((left as u64).clamp(shortest, 200_000))
    }
}

#[cfg(test)]
mod tests {
    use kernel::ManualClock;

    use super::*;

    #[test]
    fn runs_fast_until_it_has_caught_up_and_never_ahead() {
        let t = Timestamp::from_millis;
        let clock = Arc::new(ManualClock::new(t(1_000_000)));
        let any = "127.0.0.1:0".parse().unwrap();
        let target = Target { mqtt: any, http: any, speed: 100.0, seed: 0, clock: clock.clone(), ledger: None };
        let pace = Pace::new(&target, Some(t(0)));
        assert_eq!(pace.now(), t(0));
        clock.advance(Duration::from_secs(5));
        assert_eq!(pace.now(), t(500_000));
        clock.advance(Duration::from_secs(6));
        assert_eq!(pace.now(), t(1_011_000), "caught up: the clock's time");
        let eager = Pace::new(&target, Some(t(9_000_000)));
        assert_eq!(eager.now(), t(1_011_000), "a start in the future is now");
        clock.advance(Duration::from_secs(-500));
        assert!(pace.now() <= clock.now(), "also when the clock is turned back");
    }
}
