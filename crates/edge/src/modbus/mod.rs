//! Modbus TCP: we ask, machines answer. Reading only; there is no code here that could write.
//!
//! One actor per polled device: connects (with growing, jittered pauses), asks for as few blocks as the register map allows,
//! and stores what came back under the time it came. A poll without an answer leaves nothing in the series: no value is
//! invented, not even a bad one. It is counted; after `offline_after` of them in a row the device is reported offline and
//! the gap is noted in quarantine. When the store refuses, the polled values are kept and offered again; meanwhile no new
//! poll is made, and the missed ones are counted.

mod actor;
mod fleet;
mod plan;
mod words;

use std::net::{IpAddr, SocketAddr};

use serde::Deserialize;

pub use fleet::ModbusPolling;

/// Limits of polling.
#[derive(Debug, Clone)]
pub struct ModbusConfig {
    /// Which addresses may be polled.
    pub reach: Reach,
    /// How long to wait for a connection.
    pub connect_ms_max: u32,
    /// How long to wait for one answer.
    pub request_ms_max: u32,
    /// Polls in a row without an answer after which a device is offline.
    pub offline_after: u32,
    /// First and longest pause between attempts to connect.
    pub retry_ms: (u32, u32),
    /// Devices polled at once.
    pub devices_max: usize,
    /// How often to look whether the directory has changed.
    pub review_ms: u32,
}

impl Default for ModbusConfig {
    fn default() -> Self {
        Self {
            reach: Reach::Private,
            connect_ms_max: 3000,
            request_ms_max: 2000,
            offline_after: 3,
            retry_ms: (1000, 60_000),
            devices_max: 2000,
            review_ms: 500,
        }
    }
}

/// Where pollers may go. Modbus knows no credentials, so whoever may write a register map could otherwise make the server
/// knock on any door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// This machine only.
    Loopback,
    /// This machine and private networks.
    #[default]
    Private,
    /// Anywhere.
    Any,
}

impl Reach {
    fn allows(self, address: SocketAddr) -> bool {
        let address = address.ip().to_canonical();
        let private = match address {
            IpAddr::V4(v4) => v4.is_private(),
            IpAddr::V6(v6) => v6.is_unique_local(),
        };
        match self {
            Reach::Loopback => address.is_loopback(),
            Reach::Private => address.is_loopback() || private,
            Reach::Any => !address.is_multicast() && !address.is_unspecified(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reach() {
        let allows = |reach: Reach, address: &str| reach.allows(address.parse().unwrap());
        for address in ["127.0.0.1:502", "[::1]:502", "[::ffff:127.0.0.1]:502"] {
            assert!(allows(Reach::Loopback, address) && allows(Reach::Private, address), "{address}");
        }
        for address in ["10.1.2.3:502", "192.168.0.9:502", "[fd00::1]:502"] {
            assert!(!allows(Reach::Loopback, address) && allows(Reach::Private, address), "{address}");
        }
        for address in ["8.8.8.8:502", "169.254.169.254:80", "[2001:db8::1]:502"] {
            assert!(!allows(Reach::Private, address) && allows(Reach::Any, address), "{address}");
        }
    }
}
