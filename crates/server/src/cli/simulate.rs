use std::{net::SocketAddr, path::PathBuf, process::ExitCode, sync::Arc};

use appkit::SystemClock;
use clap::Args;
use kernel::{Error, Result, Timestamp};
use simulator::live::{RunConfig, Target};

use crate::{config::Config, scenario::Registered};

/// Run the machines of a registered park against a running platform.
#[derive(Debug, Args)]
pub struct Simulate {
    /// The park with its device tokens; `demo-park.json` in the data directory when absent.
    #[arg(long)]
    park: Option<PathBuf>,
    /// The platform's HTTP door.
    #[arg(long, default_value = "127.0.0.1:7400")]
    http: SocketAddr,
    /// The platform's MQTT door.
    #[arg(long, default_value = "127.0.0.1:1883")]
    mqtt: SocketAddr,
    /// First port of the Modbus machines.
    #[arg(long, default_value_t = 15_020)]
    modbus_port: u16,
    /// Simulated seconds per second, 1–1000, until simulated time has caught up with the clock.
    #[arg(long, default_value_t = 1.0)]
    speed: f64,
    /// When simulated time starts (RFC 3339); now when absent.
    #[arg(long)]
    from: Option<String>,
    /// Stop after this many seconds.
    #[arg(long)]
    seconds: Option<u64>,
    /// Keep every sent and acknowledged message in this file, outside the platform.
    #[arg(long)]
    ledger: Option<PathBuf>,
    /// Seed of the pauses between attempts.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only machines whose code begins with this.
    #[arg(long)]
    only: Option<String>,
}

impl Simulate {
    pub async fn run(self, config: &Config) -> Result<ExitCode> {
        let path = self.park.clone().unwrap_or_else(|| config.data.join("demo-park.json"));
        let unreadable = |error: &dyn std::fmt::Display| {
            Error::not_found("server.simulate.park", format!("{} cannot be read", path.display()))
                .hint("`baigong demo` writes demo-park.json into its data directory")
                .because(error)
        };
        let bytes = std::fs::read(&path).map_err(|error| unreadable(&error))?;
        let registered: Registered = serde_json::from_slice(&bytes).map_err(|error| unreadable(&error))?;
        let wanted = |code: &str| self.only.as_deref().is_none_or(|only| code.starts_with(only));
        let machines = registered
            .park
            .machines
            .into_iter()
            .zip(registered.machines)
            .filter(|(spec, _)| wanted(&spec.code))
            .map(|(spec, (_, token))| (spec, token))
            .collect();
        let target = Target {
            mqtt: self.mqtt,
            http: self.http,
            speed: self.speed,
            seed: self.seed,
            clock: Arc::new(SystemClock),
            ledger: self.ledger,
        };
        let start = self.from.as_deref().map(str::parse::<Timestamp>).transpose()?;
        let modbus_bind = SocketAddr::from(([127, 0, 0, 1], self.modbus_port));
        let running = simulator::live::run(RunConfig { machines, target, modbus_bind, start }).await?;
        match self.seconds {
            Some(seconds) => tokio::time::sleep(std::time::Duration::from_secs(seconds)).await,
            None => {
                let _ = tokio::signal::ctrl_c().await;
            }
        }
        let counters = running.stop().await?;
        println!("{counters:?}");
        Ok(ExitCode::SUCCESS)
    }
}
