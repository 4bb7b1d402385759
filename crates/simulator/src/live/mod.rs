//! Machines on the wire: each a task that speaks its protocol to the platform, or a Modbus server that waits to be asked.
//!
//! Nothing is buffered. What a machine would say is a function of time, so a sender only remembers up to which moment the
//! platform has acknowledged; after an outage it goes on from there, in larger messages, until it has caught up.
//!
//! Modbus carries no time: the platform stamps what it reads. Modbus machines therefore always show the present, whatever the speed.

mod doors;
mod feed;
mod ledger;
mod message;
mod modbus;
mod pace;
mod sender;

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use kernel::{Clock, Error, Result, Timestamp};
use tokio::{net::TcpListener, sync::watch, task::JoinSet};

pub(crate) use feed::{Feed, Row};
pub use ledger::{AckLedger, Fate, LedgerEntry};
pub(crate) use pace::Pace;

use crate::{
    physics::{Machine, seed_of},
    spec::{MachineSpec, Protocol},
};

/// What to run, and where the platform is.
pub struct RunConfig {
    /// The machines and their device tokens (Modbus machines need none).
    pub machines: Vec<(MachineSpec, String)>,
    /// The platform.
    pub target: Target,
    /// Address and base port on which Modbus machines listen; port 0 takes any free ports.
    pub modbus_bind: SocketAddr,
    /// When simulated time starts; none means now.
    pub start: Option<Timestamp>,
}

/// Where a run sends to, and how fast.
#[derive(Clone)]
pub struct Target {
    /// The platform's MQTT listener.
    pub mqtt: SocketAddr,
    /// The platform's HTTP listener.
    pub http: SocketAddr,
    /// Simulated seconds per second, until simulated time has caught up with the clock.
    pub speed: f64,
    /// Seed of the pauses between attempts.
    pub seed: u64,
    /// Tells what now is. Samples are never stamped later.
    pub clock: Arc<dyn Clock>,
    /// Where to keep the acknowledgement ledger, if it is wanted.
    pub ledger: Option<PathBuf>,
}

/// What a run has done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Messages handed to the network, repetitions included.
    pub sent: u64,
    /// Messages the platform acknowledged.
    pub acknowledged: u64,
    /// Values in acknowledged messages.
    pub points: u64,
    /// Attempts that ended without an answer and were repeated.
    pub repeated: u64,
    /// Messages the platform refused for good.
    pub refused: u64,
    /// Modbus requests answered.
    pub asked: u64,
}

#[derive(Default)]
pub(crate) struct Tally {
    sent: AtomicU64,
    acknowledged: AtomicU64,
    points: AtomicU64,
    repeated: AtomicU64,
    refused: AtomicU64,
    asked: AtomicU64,
}

/// A running park.
pub struct RunHandle {
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
    tally: Arc<Tally>,
    ledger: Option<Arc<AckLedger>>,
    modbus: Vec<(String, String, SocketAddr)>,
}

/// Starts the machines; returns once every Modbus machine listens. The others connect on their own, as often as it takes.
///
/// # Errors
/// `simulator.run.malformed` for an impossible speed, `simulator.modbus.unbound` when a port is taken,
/// `simulator.ledger.unwritable`, and what [`MachineSpec::check`] refuses.
pub async fn run(config: RunConfig) -> Result<RunHandle> {
    let mut handle = RunHandle::new(&config.target)?;
    let pace = Pace::new(&config.target, config.start);
    for (spec, token) in config.machines {
        spec.check()?;
        let name = format!("{}/{}", spec.company, spec.code);
        match (spec.protocol, &spec.modbus) {
            (Protocol::ModbusTcp, Some(map)) => {
                let address = modbus_address(config.modbus_bind, map.port_offset)?;
                let listener = TcpListener::bind(address).await.map_err(|error| {
                    Error::unavailable("simulator.modbus.unbound", format!("{name} cannot listen on {address}"))
                        .hint("choose another base port, or 0 for any free ports")
                        .because(error)
                })?;
                let bound = listener.local_addr().unwrap_or(address);
                handle.modbus.push((spec.company.clone(), spec.code.clone(), bound));
                let machine = forwarded(spec.clone(), config.target.clock.now()).await?;
                let (clock, tally, stop) = (config.target.clock.clone(), handle.tally.clone(), handle.stop.subscribe());
                handle.tasks.spawn(modbus::serve(listener, machine, clock, tally, stop));
            }
            _ => {
                let machine = forwarded(spec.clone(), pace.now()).await?;
                let feed = feed::MachineFeed::new(machine, pace.now());
                handle.send(Box::new(feed), spec.protocol, name, token, &config.target, pace.clone());
            }
        }
    }
    Ok(handle)
}

/// A machine brought to a moment: up to some tenths of a second of computing, so not on the async threads.
async fn forwarded(spec: MachineSpec, to: Timestamp) -> Result<Machine> {
    let forward = move || {
        let mut machine = Machine::new(&spec)?;
        machine.observe(to, &mut Vec::new())?;
        Ok(machine)
    };
    let lost = |error| {
        Error::internal("simulator.run.malformed", "a machine could not be brought to the present").because(error)
    };
    tokio::task::spawn_blocking(forward).await.map_err(lost)?
}

/// Where a Modbus machine with this offset listens.
///
/// # Errors
/// `simulator.modbus.unbound` when there is no such port.
pub fn modbus_address(base: SocketAddr, port_offset: u16) -> Result<SocketAddr> {
    if base.port() == 0 {
        return Ok(base);
    }
    let port = base.port().checked_add(port_offset).ok_or_else(|| {
        Error::invalid("simulator.modbus.unbound", format!("port {} + {port_offset} does not exist", base.port()))
            .hint("choose a lower base port")
    })?;
    Ok(SocketAddr::new(base.ip(), port))
}

impl RunHandle {
    pub(crate) fn new(target: &Target) -> Result<Self> {
        if !(0.001..=1e9).contains(&target.speed) {
            return Err(Error::invalid(
                "simulator.run.malformed",
                format!("a speed of {} is not possible", target.speed),
            )
            .hint("1 is real time, 1000 catches up with a day in a minute and a half"));
        }
        let ledger = target.ledger.as_ref().map(|path| AckLedger::open(path)).transpose()?.map(Arc::new);
        Ok(Self {
            stop: watch::channel(false).0,
            tasks: JoinSet::new(),
            tally: Arc::default(),
            ledger,
            modbus: Vec::new(),
        })
    }

    /// Starts a sender for a feed.
    pub(crate) fn send(
        &mut self,
        feed: Box<dyn Feed>,
        protocol: Protocol,
        name: String,
        token: String,
        target: &Target,
        pace: Pace,
    ) {
        let door = doors::Door::new(protocol, &name, token, target);
        let sender = sender::Sender {
            feed,
            door,
            pace,
            line: matches!(protocol, Protocol::HttpLine),
            seed: seed_of(target.seed, &name),
            name,
            tally: self.tally.clone(),
            ledger: self.ledger.clone(),
            stop: self.stop.subscribe(),
        };
        self.tasks.spawn(sender.run());
    }

    /// What has been done so far.
    pub fn counters(&self) -> Counters {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counters {
            sent: read(&self.tally.sent),
            acknowledged: read(&self.tally.acknowledged),
            points: read(&self.tally.points),
            repeated: read(&self.tally.repeated),
            refused: read(&self.tally.refused),
            asked: read(&self.tally.asked),
        }
    }

    /// Where the Modbus machines listen: company, code, address.
    pub fn modbus(&self) -> &[(String, String, SocketAddr)] {
        &self.modbus
    }

    /// True when every sender has said all it had to say (recordings end; machines do not).
    pub fn finished(&mut self) -> bool {
        while self.tasks.try_join_next().is_some() {}
        self.tasks.is_empty()
    }

    /// Stops every machine and writes the ledger's last group.
    ///
    /// # Errors
    /// `simulator.ledger.unwritable` when the ledger could not be kept.
    pub async fn stop(mut self) -> Result<Counters> {
        // No receiver left means that every task has ended already.
        self.stop.send_replace(true);
        let ended = tokio::time::timeout(std::time::Duration::from_secs(5), async {
            while self.tasks.join_next().await.is_some() {}
        });
        if ended.await.is_err() {
            self.tasks.shutdown().await;
        }
        if let Some(ledger) = &self.ledger {
            let ledger = ledger.clone();
            // The ledger's thread answers after its fsync: wait off the async threads.
            tokio::task::spawn_blocking(move || ledger.sync()).await.map_err(|error| {
                Error::internal("simulator.ledger.unwritable", "the ledger's last group is lost").because(error)
            })??;
        }
        Ok(self.counters())
    }
}
