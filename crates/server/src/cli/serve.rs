use std::{future::IntoFuture, net::SocketAddr, process::ExitCode, sync::Arc, time::Instant};

use appkit::{OsChance, SystemClock, identity};
use clap::Args;
use kernel::{Clock, Error, Result};
use tokio::net::TcpListener;

use crate::{config::Config, console, platform::Platform};

/// Serve the platform.
#[derive(Debug, Args)]
pub struct Serve {
    /// Address and port of the console and API; loopback unless stated otherwise.
    #[arg(long)]
    http: Option<SocketAddr>,
    /// Address and port of the MQTT door.
    #[arg(long)]
    mqtt: Option<SocketAddr>,
}

impl Serve {
    pub async fn run(self, mut config: Config) -> Result<ExitCode> {
        config.http.bind = self.http.unwrap_or(config.http.bind);
        config.edge.mqtt_bind = self.mqtt.unwrap_or(config.edge.mqtt_bind);
        let started = Instant::now();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let platform = Platform::open(&config, clock, Arc::new(OsChance), false).await?;
        if let Some(code) = identity::setup_code_issue(&platform.host).await? {
            println!("setup code (30 minutes, works once): {code}");
        }
        serve(platform, &config, async |_| Ok(()), |url| println!("ready in {:.1?}: {url}", started.elapsed())).await
    }
}

/// Opens every door, runs until a signal comes, closes in order.
///
/// `beside` starts what runs next to the doors (the simulator); it is given the address of the MQTT door. `ready` is told the URL.
pub async fn serve<T>(
    platform: Platform,
    config: &Config,
    beside: impl AsyncFnOnce(Option<SocketAddr>) -> Result<T>,
    ready: impl FnOnce(&str),
) -> Result<ExitCode> {
    for warning in config.warnings() {
        eprintln!("warning: {warning}");
    }
    let listener = TcpListener::bind(config.http.bind).await.map_err(|error| {
        Error::unavailable("server.http.in-use", format!("{} cannot be opened", config.http.bind))
            .hint("stop what uses it, or choose another with --http")
            .because(error)
    })?;
    let address = listener.local_addr().unwrap_or(config.http.bind);
    let tasks = platform.host.start();
    let edge = edge::open(config.edge.clone(), platform.ingest.clone(), platform.host.chance().clone()).await?;
    let rest = axum::Router::new().fallback(console::serve);
    let router = platform.host.router_with(rest).into_make_service_with_connect_info::<SocketAddr>();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = axum::serve(listener, router).with_graceful_shutdown(async move {
        let _ = stopped.await;
    });
    let server = tokio::spawn(server.into_future());
    let running = beside(edge.mqtt().map(|handle| handle.local_addr())).await?;
    ready(&format!("http://{address}"));
    signal().await;
    println!("closing");
    drop(running);
    let _ = stop.send(());
    edge.stop().await;
    drop(tasks);
    // Open pages hold their sockets: they are given a moment, not for ever.
    let _ = tokio::time::timeout(std::time::Duration::from_secs(3), server).await;
    platform.close().await;
    Ok(ExitCode::SUCCESS)
}

async fn signal() {
    let interrupt = tokio::signal::ctrl_c();
    let mut terminate = match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(terminate) => terminate,
        Err(_) => {
            let _ = interrupt.await;
            return;
        }
    };
    tokio::select! {
        _ = interrupt => {}
        _ = terminate.recv() => {}
    }
}
