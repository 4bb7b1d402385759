//! Limits before anyone is known: connections in all and per address, connections that have not said who they are, and
//! how fast new ones may come.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use super::MqttConfig;

pub(crate) struct Doorway {
    total: Arc<Semaphore>,
    handshakes: Arc<Semaphore>,
    addresses: Mutex<HashMap<IpAddr, usize>>,
    per_address_max: usize,
}

/// A connection's place; given back when dropped.
pub(crate) struct Place {
    doorway: Arc<Doorway>,
    address: IpAddr,
    _total: OwnedSemaphorePermit,
    /// Given back as soon as the device is known.
    pub(crate) handshake: Option<OwnedSemaphorePermit>,
}

impl Doorway {
    pub(crate) fn new(config: &MqttConfig) -> Arc<Self> {
        Arc::new(Self {
            total: Arc::new(Semaphore::new(config.connections_max)),
            handshakes: Arc::new(Semaphore::new(config.handshakes_max)),
            addresses: Mutex::default(),
            per_address_max: config.connections_per_address_max,
        })
    }

    /// A place for a new connection, or none.
    pub(crate) fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let total = self.total.clone().try_acquire_owned().ok()?;
        let handshake = self.handshakes.clone().try_acquire_owned().ok()?;
        let mut addresses = self.locked();
        let count = addresses.entry(address).or_insert(0);
        if *count >= self.per_address_max {
            return None;
        }
        *count += 1;
        drop(addresses);
        Some(Place { doorway: self.clone(), address, _total: total, handshake: Some(handshake) })
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        // Counts stay usable after a panic elsewhere.
        self.addresses.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut addresses = self.doorway.locked();
        if let Some(count) = addresses.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                addresses.remove(&self.address);
            }
        }
    }
}

/// Lets at most so many connections per second in; the others wait in the operating system's queue.
pub(crate) struct Pace {
    gap: Duration,
    next: Instant,
    burst: Duration,
}

impl Pace {
    pub(crate) fn new(per_second: u32) -> Self {
        let gap = Duration::from_secs(1) / per_second.max(1);
        Self { gap, next: Instant::now(), burst: Duration::from_secs(1) }
    }

    pub(crate) async fn wait(&mut self) {
        let now = Instant::now();
        // A quiet door saves up at most one second's worth.
        self.next = self.next.max(now.checked_sub(self.burst).unwrap_or(now)) + self.gap;
        if self.next > now {
            tokio::time::sleep_until(self.next).await;
        }
    }
}
