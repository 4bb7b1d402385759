use std::{net::SocketAddr, path::Path, process::ExitCode, sync::Arc, time::Instant};

use appkit::OsChance;
use clap::Args;
use kernel::{Clock, Duration, Error, Result, Timestamp, Window};
use sharing::app::Basis;
use simulator::{
    Park,
    live::{RunConfig, Target},
};

use super::serve::serve;
use crate::{
    config::Config,
    platform::Platform,
    scenario::{Plan, Registered, SignIn, SteppedClock, backfill, carry_out, fund, offer, register},
};

const PARK: &str = "demo-park.json";
const SIGN_INS: &str = "demo-sign-ins.json";
const STEP: Duration = Duration::from_secs(60);

/// Serve a demo park.
#[derive(Debug, Args)]
pub struct Demo {
    /// Seed of the park's fate.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Address and port of the console and API.
    #[arg(long)]
    http: Option<SocketAddr>,
    /// Address and port of the MQTT door.
    #[arg(long)]
    mqtt: Option<SocketAddr>,
    /// First port of the simulated Modbus machines.
    #[arg(long, default_value_t = 15_020)]
    modbus_port: u16,
    /// Days of history to fill in, 0–400.
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u32).range(0..=400))]
    history_days: u32,
    /// Do not run the machines; only register and fill the history in.
    #[arg(long)]
    no_simulation: bool,
}

impl Demo {
    pub async fn run(self, mut config: Config) -> Result<ExitCode> {
        config.http.bind = self.http.unwrap_or(config.http.bind);
        config.edge.mqtt_bind = self.mqtt.unwrap_or(config.edge.mqtt_bind);
        let started = Instant::now();
        let now = appkit::SystemClock.now();
        let clock = Arc::new(SteppedClock::at(now));
        let modbus = SocketAddr::from(([127, 0, 0, 1], self.modbus_port));
        let platform = Platform::open(&config, clock.clone(), Arc::new(OsChance), true).await?;
        let registered: Registered = match read(&config.data.join(PARK))? {
            Some(known) => known,
            None => self.begin(&config, &platform, &clock, now, modbus).await?,
        };
        clock.release();
        for sign_in in read::<Vec<SignIn>>(&config.data.join(SIGN_INS))?.unwrap_or_default() {
            println!(
                "demo sign-in: {:<22} {}   ({} · {})",
                sign_in.login, sign_in.password, sign_in.organisation_zh, sign_in.organisation_en
            );
        }
        let http = config.http.bind;
        let (simulate, seed) = (!self.no_simulation, self.seed);
        let beside = async move |mqtt: Option<SocketAddr>| {
            let Some(mqtt) = mqtt.filter(|_| simulate) else { return Ok(None) };
            let tokens = registered.machines.iter().map(|(_, token)| token.clone());
            let machines = registered.park.machines.iter().cloned().zip(tokens).collect();
            let clock: Arc<dyn Clock> = Arc::new(appkit::SystemClock);
            let target = Target { mqtt, http, speed: 1.0, seed, clock, ledger: None };
            simulator::live::run(RunConfig { machines, target, modbus_bind: modbus, start: None }).await.map(Some)
        };
        serve(platform, &config, beside, |url| {
            println!("demo data: fictional companies, simulated machines");
            println!("ready in {:.1?}: {url}", started.elapsed());
        })
        .await
    }

    async fn begin(
        &self,
        config: &Config,
        platform: &Platform,
        clock: &SteppedClock,
        now: Timestamp,
        modbus: SocketAddr,
    ) -> Result<Registered> {
        println!("preparing the demo park: {} days of history …", self.history_days);
        // Machines have lived for a day at least, so that their counters and tools are under way.
        let origin = (now - Duration::from_days(i64::from(self.history_days.max(1)))).floor_to(STEP);
        clock.set(origin);
        let (registered, sign_ins) = register(platform, Park::demo_from(self.seed, origin), modbus).await?;
        if self.history_days > 0 {
            let window = Window { from: origin, to: now.floor_to(STEP) };
            let began = Instant::now();
            let points = backfill(platform, &registered, window, STEP).await?;
            println!("{points} points in {:.1?}", began.elapsed());
        }
        trade(platform, clock, &registered, now).await?;
        clock.set(now);
        platform.settle().await?;
        write(&config.data, SIGN_INS, &sign_ins)?;
        // Last: what is there when this file is, is complete.
        write(&config.data, PARK, &registered)?;
        Ok(registered)
    }
}

/// The last three weeks' business: a job about every other day, in turn over machines, buyers and billing bases.
async fn trade(platform: &Platform, clock: &SteppedClock, registered: &Registered, now: Timestamp) -> Result<()> {
    fund(platform, registered, 80_000_000).await?;
    let offered = offer(platform, registered).await?;
    let capabilities: Vec<_> = offered.values().collect();
    let buyers: Vec<_> = registered.companies.values().copied().collect();
    let began = registered.park.machines.first().map_or(now, |machine| machine.origin);
    let day = Duration::from_days(1);
    let mut done = 0;
    for number in 0..12u32 {
        let back = Duration::from_days(i64::from(24 - number * 2));
        // 09:00 in China, when the shops are manned.
        let from = (now - back).floor_to(day) + Duration::from_hours(1);
        let slot = Window { from, to: from + Duration::from_hours(3) };
        if capabilities.is_empty()
            || slot.from - Duration::from_hours(3) < began
            || slot.to + Duration::from_hours(1) > now
        {
            continue;
        }
        let capability = capabilities[number as usize % capabilities.len()];
        let others: Vec<_> = buyers.iter().filter(|party| **party != capability.provider).collect();
        let basis = [Basis::Time, Basis::Pieces, Basis::Value][number as usize % 3];
        let plan = Plan {
            capability: capability.id,
            buyer: *others[number as usize % others.len()],
            basis,
            slot,
            pieces: capability.terms.lot_max.min(120).max(capability.terms.lot_min),
            part: format!("HX-{:03}", 100 + number),
        };
        carry_out(platform, clock, plan).await?;
        done += 1;
    }
    println!("{} capabilities offered, {done} jobs done and paid", offered.len());
    Ok(())
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let malformed = |error: &dyn std::fmt::Display| {
        Error::corrupt("server.demo.unreadable", format!("{} cannot be read", path.display()))
            .hint("remove the demo's data directory and start again")
            .because(error)
    };
    match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| malformed(&error)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(malformed(&error)),
    }
}

/// Writes a file that only its owner may read.
fn write<T: serde::Serialize>(folder: &Path, name: &str, value: &T) -> Result<()> {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};
    let unwritable = |error: &dyn std::fmt::Display| {
        Error::unavailable("server.demo.unwritable", format!("{name} cannot be written")).because(error)
    };
    let temporary = folder.join(format!("{name}.tmp"));
    let json = serde_json::to_vec_pretty(value).map_err(|error| unwritable(&error))?;
    let mut file = std::fs::File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)
        .map_err(|error| unwritable(&error))?;
    file.write_all(&json).and_then(|()| file.sync_all()).map_err(|error| unwritable(&error))?;
    std::fs::rename(&temporary, folder.join(name)).map_err(|error| unwritable(&error))
}
