use std::process::ExitCode;

use clap::Args;
use kernel::Result;

use crate::config::Config;

/// Run the whole chain headless in an empty directory.
#[derive(Debug, Args)]
pub struct Story {
    /// Seed: the same seed gives the same digest.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl Story {
    pub async fn run(self, _config: Config, _as_json: bool) -> Result<ExitCode> {
        Ok(ExitCode::from(u8::try_from(self.seed).unwrap_or(0)))
    }
}
