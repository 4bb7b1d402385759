//! The MQTT door: 3.1.1 and 5 on one listener, for devices only.
//!
//! It is a broker towards a device and nothing else: no messages between devices, no retained messages, no stored
//! sessions. What a device publishes goes to [`Ingest`]; the acknowledgement leaves only when `Ingest` has answered. Up to
//! `receive_max` messages of a connection are under way at once and are acknowledged in their order, so a connection is
//! not held to one message per commit.

mod codec;
mod doorway;
mod handshake;
mod registry;
mod session;
mod topics;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use contracts::BoxFuture;
use kernel::{Error, Result, id::DeviceId};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::{JoinHandle, JoinSet},
};

use crate::ingest::Ingest;
use doorway::{Doorway, Pace, Place};
use registry::{Down, Registry};

/// Limits of the listener. There is no switch for anonymous devices.
#[derive(Debug, Clone)]
pub struct MqttConfig {
    /// Where to listen; port 0 takes any free one.
    pub bind: SocketAddr,
    /// Connections in all.
    pub connections_max: usize,
    /// Connections from one address.
    pub connections_per_address_max: usize,
    /// Connections of one device (each with its own client id).
    pub connections_per_device_max: usize,
    /// New connections per second; more wait in the operating system's queue.
    pub connect_rate_per_s_max: u32,
    /// Connections that have not said who they are yet.
    pub handshakes_max: usize,
    /// How long they have for it.
    pub handshake_ms_max: u32,
    /// Messages of one connection under way at once; then its socket is not read.
    pub receive_max: u16,
    /// Bytes of one packet, header included.
    pub packet_bytes_max: usize,
    /// Bytes of large packets (above 16 KiB) that may be half received, over all connections.
    pub partial_bytes_max: usize,
    /// How long one packet may take to arrive.
    pub packet_ms_max: u32,
    /// How often it is checked that a connection's credential still holds; at most 5 000.
    pub recheck_ms: u32,
}

impl Default for MqttConfig {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from(([127, 0, 0, 1], 1883)),
            connections_max: 5000,
            connections_per_address_max: 1000,
            connections_per_device_max: 8,
            connect_rate_per_s_max: 200,
            handshakes_max: 256,
            handshake_ms_max: 5000,
            receive_max: 64,
            packet_bytes_max: 1 << 20,
            partial_bytes_max: 64 << 20,
            packet_ms_max: 30_000,
            recheck_ms: 1000,
        }
    }
}

/// A running listener. Dropping it stops it without waiting.
pub struct Handle {
    address: SocketAddr,
    registry: Arc<Registry>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// Starts listening.
pub fn start(config: MqttConfig, ingest: Arc<Ingest>) -> BoxFuture<'static, Result<Handle>> {
    Box::pin(async move {
        let listener = TcpListener::bind(config.bind).await.map_err(|cause| {
            Error::unavailable("edge.mqtt.bind", format!("the MQTT door cannot listen on {}", config.bind))
                .hint("choose another address, or stop what is listening there")
                .because(cause)
        })?;
        let address = listener
            .local_addr()
            .map_err(|cause| Error::internal("edge.mqtt.bind", "the listener has no address").because(cause))?;
        let registry =
            Registry::new(ingest.directory().clone(), ingest.clock().clone(), config.connections_per_device_max);
        let (stop, stopped) = watch::channel(false);
        let shared = Arc::new(Shared {
            doorway: Doorway::new(&config),
            registry: registry.clone(),
            partial: Arc::new(Semaphore::new(config.partial_bytes_max)),
            ingest,
            config,
            stopped,
        });
        tracing::info!(%address, "MQTT door open");
        let task = tokio::spawn(listen(listener, shared));
        Ok(Handle { address, registry, stop, task })
    })
}

impl Handle {
    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// How many devices' sessions are open.
    pub fn sessions(&self) -> usize {
        self.registry.len()
    }

    /// Hands a message to a device's subscribed sessions, at most once; how many sessions were there to take it.
    pub fn send(&self, device: DeviceId, topic: &str, payload: Bytes) -> usize {
        self.registry.send(device, &Down { topic: topic.into(), payload })
    }

    /// Stops listening, lets what is under way become durable and be acknowledged, says goodbye, and returns.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        if let Err(cause) = self.task.await {
            tracing::error!(%cause, "the MQTT door ended badly");
        }
    }
}

/// What every session needs.
pub(crate) struct Shared {
    config: MqttConfig,
    ingest: Arc<Ingest>,
    registry: Arc<Registry>,
    doorway: Arc<Doorway>,
    partial: Arc<Semaphore>,
    /// True, or without a sender, when the listener is stopping.
    stopped: watch::Receiver<bool>,
}

/// Resolves when the listener is to stop, or its handle is gone.
async fn stopping(stopped: &mut watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stop| *stop).await;
}

async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    let mut sessions = JoinSet::new();
    let mut pace = Pace::new(shared.config.connect_rate_per_s_max);
    let mut stopped = shared.stopped.clone();
    loop {
        let accepted = tokio::select! {
            () = stopping(&mut stopped) => break,
            Some(done) = sessions.join_next() => {
                if let Err(cause) = done {
                    tracing::error!(%cause, "an MQTT session ended badly");
                }
                continue;
            }
            accepted = listener.accept() => accepted,
        };
        if accepted.is_ok() {
            pace.wait().await;
        }
        match accepted {
            Ok((stream, peer)) => match shared.doorway.enter(peer.ip()) {
                Some(place) => {
                    sessions.spawn(welcome(shared.clone(), stream, place));
                }
                None => tracing::debug!(%peer, "too many MQTT connections"),
            },
            Err(cause) => {
                // Out of file descriptors, mostly: waiting is all that helps.
                tracing::warn!(%cause, "the MQTT door cannot accept");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(listener);
    while sessions.join_next().await.is_some() {}
}

async fn welcome(shared: Arc<Shared>, mut stream: TcpStream, mut place: Place) {
    if let Err(cause) = stream.set_nodelay(true) {
        tracing::debug!(%cause, "cannot switch delay off");
    }
    let limit = Duration::from_millis(u64::from(shared.config.handshake_ms_max));
    match tokio::time::timeout(limit, handshake::shake(&shared, &mut stream)).await {
        Ok(Some(guest)) => {
            place.handshake = None;
            session::run(&shared, stream, guest).await;
        }
        Ok(None) => {}
        Err(_) => tracing::debug!("an MQTT connection did not say who it is in time"),
    }
}
