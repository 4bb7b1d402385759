//! The demo park: fictional companies and their machines, as data.
//!
//! To add a machine, add a line in [`machines`]; its code decides its fate together with the seed, so other machines do not change.

mod machines;

use kernel::{Error, Result, Timestamp};
use serde::{Deserialize, Serialize};

use crate::spec::MachineSpec;

/// When the machines of [`Park::demo`] came to life.
pub const DEMO_ORIGIN: Timestamp = Timestamp::from_millis(1_767_225_600_000); // 2026-01-01T00:00:00Z

/// Companies and machines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Park {
    /// The companies.
    pub companies: Vec<Company>,
    /// All their machines.
    pub machines: Vec<MachineSpec>,
}

/// A fictional company.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Company {
    /// Short code, used in machine specifications.
    pub code: String,
    /// Name in Chinese.
    pub name_zh: String,
    /// Name in English.
    pub name_en: String,
    /// What it does, in Chinese.
    pub trade_zh: String,
    /// What it does, in English.
    pub trade_en: String,
    /// City of its plant, in Chinese.
    pub city_zh: String,
    /// City of its plant, in English.
    pub city_en: String,
    /// Latitude and longitude in millionths of a degree, for distances.
    pub place_e6: [i32; 2],
}

impl Park {
    /// The demo park for a seed, with lives that began at [`DEMO_ORIGIN`].
    pub fn demo(seed: u64) -> Self {
        Self::demo_from(seed, DEMO_ORIGIN)
    }

    /// The demo park for a seed, with lives that begin at `origin`. Whoever backfills and later runs live must use the same
    /// origin both times: keep it, or keep the whole park as JSON.
    pub fn demo_from(seed: u64, origin: Timestamp) -> Self {
        Self { companies: machines::companies(), machines: machines::machines(seed, origin) }
    }

    /// A machine by company and code.
    ///
    /// # Errors
    /// `simulator.machine.unknown`.
    pub fn machine(&self, company: &str, code: &str) -> Result<&MachineSpec> {
        self.machines.iter().find(|m| m.company == company && m.code == code).ok_or_else(|| {
            Error::not_found(
                "simulator.machine.unknown",
                format!("there is no machine {code:?} of {company:?} in the park"),
            )
            .hint("codes are listed in the park's description")
        })
    }
}
