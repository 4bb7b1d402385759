use std::{
    net::IpAddr,
    sync::{Arc, LazyLock},
};

use kernel::{Duration, Error, Result};
use serde::Deserialize;

use crate::Host;

const IDLE_MINUTES_MAX: u32 = 24 * 60;
const ABSOLUTE_HOURS_MAX: u32 = 7 * 24;

/// Section `[identity]` of the configuration. The binary wires it with `builder.port(Arc::new(config))`; without it the
/// defaults hold.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// A session ends after this long without a request (1–1440; 30).
    pub idle_minutes: u32,
    /// … and after this long in any case (1–168; 12).
    pub absolute_hours: u32,
    /// Whether browsers may send the session cookie over TLS only; set it when a TLS proxy stands before this program.
    pub cookie_secure: bool,
    /// Proxies whose `X-Forwarded-For` is believed, by address. Without it everybody behind a proxy is one network.
    pub trusted_proxies: Vec<IpAddr>,
}

impl Default for Config {
    fn default() -> Self {
        Self { idle_minutes: 30, absolute_hours: 12, cookie_secure: false, trusted_proxies: Vec::new() }
    }
}

impl Config {
    /// Refuses what would make sessions endless or useless.
    ///
    /// # Errors
    /// `identity.config.out-of-range`, naming the keys.
    pub fn check(&self) -> Result<()> {
        let mut error = Error::invalid("identity.config.out-of-range", "section [identity] has values out of range")
            .hint("idle_minutes is 1 to 1440, absolute_hours is 1 to 168");
        if !(1..=IDLE_MINUTES_MAX).contains(&self.idle_minutes) {
            error = error.field("/identity/idle_minutes", "1 to 1440");
        }
        if !(1..=ABSOLUTE_HOURS_MAX).contains(&self.absolute_hours) {
            error = error.field("/identity/absolute_hours", "1 to 168");
        }
        if error.fields.is_empty() { Ok(()) } else { Err(error) }
    }

    /// The configuration of this host.
    pub(super) fn of(host: &Host) -> Arc<Self> {
        static DEFAULT: LazyLock<Arc<Config>> = LazyLock::new(Arc::default);
        host.try_port::<Config>().unwrap_or_else(|| DEFAULT.clone())
    }

    pub(super) fn idle(&self) -> Duration {
        Duration::from_mins(i64::from(self.idle_minutes.clamp(1, IDLE_MINUTES_MAX)))
    }

    pub(super) fn absolute(&self) -> Duration {
        Duration::from_hours(i64::from(self.absolute_hours.clamp(1, ABSOLUTE_HOURS_MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endless_sessions_are_refused() {
        Config::default().check().unwrap();
        let error = Config { idle_minutes: 0, absolute_hours: 10_000, ..Config::default() }.check().unwrap_err();
        assert_eq!((error.code, error.fields.len()), ("identity.config.out-of-range", 2));
    }
}
