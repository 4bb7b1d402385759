use std::{net::SocketAddr, path::PathBuf, process::ExitCode, sync::Arc};

use appkit::SystemClock;
use clap::Args;
use kernel::{Error, Result, Timestamp};
use serde_json::json;
use simulator::{
    Protocol,
    live::{RunConfig, Target},
    replay::{self, Align, ReplayConfig, ReplayOptions},
};

use crate::{config::Config, scenario::Registered};

/// Run the machines of a registered park, or recorded series, against a running platform.
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
    /// Simulated seconds per second, 0.001–1000000000, until simulated time has caught up with the clock.
    #[arg(long, default_value_t = 1.0)]
    speed: f64,
    /// Instead of the park, play the recorded series of this folder (.csv, .tsv, .txt, also .gz) as machines of their own. The
    /// last row of each is now. Needs an API token with the operator's right: `--token`, or BAIGONG_TOKEN in the environment.
    #[arg(long, value_name = "DIR")]
    replay: Option<PathBuf>,
    /// API token that registers the recorded machines.
    #[arg(long, requires = "replay")]
    token: Option<String>,
    /// Play the recorded series over HTTP line protocol instead of MQTT 5.
    #[arg(long, requires = "replay")]
    line: bool,
    /// At most this many recorded series.
    #[arg(long, default_value_t = 100, requires = "replay")]
    recordings: usize,
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
    pub async fn run(self, config: &Config, as_json: bool) -> Result<ExitCode> {
        if let Some(folder) = &self.replay {
            return self.play(folder, as_json).await;
        }
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
        let target = target_of(&self);
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

    async fn play(&self, folder: &std::path::Path, as_json: bool) -> Result<ExitCode> {
        let token = self.token.clone().or_else(|| std::env::var("BAIGONG_TOKEN").ok()).ok_or_else(|| {
            Error::unauthenticated("server.simulate.token", "recorded series are registered with an API token")
                .hint("make one under Settings, with the operator's right, and name it with --token or BAIGONG_TOKEN")
        })?;
        let options = ReplayOptions { recordings_max: self.recordings, ..ReplayOptions::default() };
        let found = replay::open(folder, &options)?;
        let recordings = replay::register(self.http, &token, found.recordings).await?;
        let played = recordings.len();
        let expected: usize = recordings.iter().map(|(recording, _)| recording.rows()).sum();
        let protocol = if self.line { Protocol::HttpLine } else { Protocol::MqttV5 };
        let config = ReplayConfig { recordings, protocol, target: target_of(self), align: Align::EndNow };
        let mut running = replay::run(config).await?;
        let began = std::time::Instant::now();
        let out_of_time = || self.seconds.is_some_and(|seconds| began.elapsed().as_secs() >= seconds);
        while !running.finished() && !out_of_time() {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        let counters = running.stop().await?;
        if as_json {
            let left_out: Vec<_> =
                found.left_out.iter().map(|(file, why)| json!({ "file": file, "why": why })).collect();
            super::print_json(&json!({
                "series": played, "rows": expected, "points": counters.points, "acknowledged": counters.acknowledged,
                "refused": counters.refused, "left_out": left_out,
            }));
        } else {
            println!("{played} recorded series with {expected} rows: {counters:?}");
            for (file, why) in &found.left_out {
                println!("left out: {} ({why})", file.display());
            }
        }
        Ok(if counters.refused == 0 { ExitCode::SUCCESS } else { ExitCode::from(2) })
    }
}

fn target_of(options: &Simulate) -> Target {
    Target {
        mqtt: options.mqtt,
        http: options.http,
        speed: options.speed,
        seed: options.seed,
        clock: Arc::new(SystemClock),
        ledger: options.ledger.clone(),
    }
}
