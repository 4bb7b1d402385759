//! Wiring: the only place that names implementations with side effects.

use std::{path::PathBuf, sync::Arc};

use appkit::{Db, Host};
use contracts::{devices::DeviceDirectory, telemetry::TelemetryStore};
use edge::ingest::{Ingest, IngestLimits};
use kernel::{Chance, Clock, Error, Result};
use telemetry::{Engine, Options};
use twin::Twin;

use crate::{config::Config, rooms};

/// Everything that one process holds.
pub struct Platform {
    /// The host of all floors and rooms.
    pub host: Host,
    /// The time-series store.
    pub telemetry: Arc<Engine>,
    /// Machines and alarms.
    pub twin: Arc<Twin>,
    /// The way of points into the store.
    pub ingest: Arc<Ingest>,
    db: Db,
}

impl Platform {
    /// Opens the stores, applies migrations, loads what is recorded. Nothing listens yet.
    ///
    /// # Errors
    /// `server.data.unusable`, and what stores and modules refuse.
    pub async fn open(config: &Config, clock: Arc<dyn Clock>, chance: Arc<dyn Chance>, demo: bool) -> Result<Self> {
        std::fs::create_dir_all(&config.data).map_err(|error| {
            Error::unavailable("server.data.unusable", format!("{} cannot be used", config.data.display()))
                .hint("choose another folder with --data")
                .because(error)
        })?;
        let telemetry = Engine::open(&telemetry_folder(config), options())?;
        let db = Db::open(&config.db()).await?;
        let twin = Twin::new();
        let ingest = Ingest::new(
            telemetry.clone() as Arc<dyn TelemetryStore>,
            twin.clone() as Arc<dyn DeviceDirectory>,
            clock.clone(),
            IngestLimits::default(),
        );
        let mut builder = Host::builder(db.clone(), clock, chance)
            .demo(demo)
            .port::<dyn TelemetryStore>(telemetry.clone())
            .port::<Ingest>(ingest.clone())
            .module(record::module())
            .module(edge::module());
        builder = twin.wire(builder);
        for room in rooms::all() {
            builder = builder.module(room);
        }
        let host = builder.build().await?;
        twin.start(&host).await?;
        Ok(Self { host, telemetry, twin, ingest, db })
    }

    /// Does everything that is due: events, jobs, evaluation. Where no background task runs.
    ///
    /// # Errors
    /// The first refusal.
    pub async fn settle(&self) -> Result<()> {
        self.twin.settle(&self.host).await?;
        self.host.settle().await
    }

    /// Closes in order, so that the next start finds nothing to recover.
    pub async fn close(self) {
        self.twin.stop().await;
        let telemetry = self.telemetry.clone();
        // Joining the writer's thread may take a sync or two.
        let _ = tokio::task::spawn_blocking(move || telemetry.close()).await;
        self.db.close().await;
    }
}

/// Where telemetry lives.
pub fn telemetry_folder(config: &Config) -> PathBuf {
    config.data.join("telemetry")
}

fn options() -> Options {
    Options {
        // After a failed sync nothing can be promised any more: end, and recover from the log at the next start (P10).
        on_fatal: Arc::new(|error| {
            tracing::error!(?error, "telemetry cannot be made durable; the process ends");
            std::process::exit(74);
        }),
        ..Options::default()
    }
}
