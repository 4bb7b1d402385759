//! Who is connected. A session belongs to (device, client id): the same client id under another credential is another
//! session, so nobody can take over a stranger's.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};

use bytes::Bytes;
use contracts::devices::DeviceDirectory;
use kernel::{Clock, id::DeviceId};
use tokio::sync::{mpsc, watch};

use super::codec::Reason;

/// A message to a device, waiting for its session to write it.
#[derive(Debug, Clone)]
pub(crate) struct Down {
    pub(crate) topic: Arc<str>,
    pub(crate) payload: Bytes,
}

/// How many messages to a device may wait.
const DOWN_MAX: usize = 64;

struct Entry {
    serial: u64,
    client_id: String,
    end: watch::Sender<Option<Reason>>,
    down: mpsc::Sender<Down>,
}

#[derive(Default)]
struct Sessions {
    serial: u64,
    by_device: HashMap<DeviceId, Vec<Entry>>,
}

/// Every session of the listener.
pub(crate) struct Registry {
    sessions: Mutex<Sessions>,
    directory: Arc<dyn DeviceDirectory>,
    clock: Arc<dyn Clock>,
    per_device_max: usize,
}

/// A registered session; leaving is dropping it.
pub(crate) struct Seat {
    registry: Arc<Registry>,
    device: DeviceId,
    serial: u64,
    /// Says why when someone else ends the session.
    pub(crate) ended: watch::Receiver<Option<Reason>>,
    /// Messages to the device.
    pub(crate) down: mpsc::Receiver<Down>,
}

impl Registry {
    pub(crate) fn new(directory: Arc<dyn DeviceDirectory>, clock: Arc<dyn Clock>, per_device_max: usize) -> Arc<Self> {
        Arc::new(Self { sessions: Mutex::default(), directory, clock, per_device_max })
    }

    /// Enters a session; one of the same device with the same client id ends. None when the device has too many.
    pub(crate) fn enter(self: &Arc<Self>, device: DeviceId, client_id: &str) -> Option<Seat> {
        let mut sessions = self.locked();
        sessions.serial += 1;
        let serial = sessions.serial;
        let entries = sessions.by_device.entry(device).or_default();
        let first = entries.is_empty();
        if let Some(index) = entries.iter().position(|entry| entry.client_id == client_id) {
            let old = entries.swap_remove(index);
            old.end.send_replace(Some(Reason::SessionTakenOver));
        } else if entries.len() >= self.per_device_max {
            return None;
        }
        let (end, ended) = watch::channel(None);
        let (down, down_rx) = mpsc::channel(DOWN_MAX);
        entries.push(Entry { serial, client_id: client_id.to_owned(), end, down });
        if first {
            // Under the lock, so that "online" and "offline" reach the directory in the order they happened.
            self.directory.presence(device, true, self.clock.now());
        }
        Some(Seat { registry: self.clone(), device, serial, ended, down: down_rx })
    }

    /// Hands a message to the sessions of a device; how many took it.
    pub(crate) fn send(&self, device: DeviceId, message: &Down) -> usize {
        let sessions = self.locked();
        let entries = sessions.by_device.get(&device).map(Vec::as_slice).unwrap_or_default();
        entries.iter().filter(|entry| entry.down.try_send(message.clone()).is_ok()).count()
    }

    /// A number that no other session has; for clients that leave the choice of their id to us.
    pub(crate) fn serial(&self) -> u64 {
        let mut sessions = self.locked();
        sessions.serial += 1;
        sessions.serial
    }

    /// How many sessions there are.
    pub(crate) fn len(&self) -> usize {
        self.locked().by_device.values().map(Vec::len).sum()
    }

    fn leave(&self, device: DeviceId, serial: u64) {
        let mut sessions = self.locked();
        let Some(entries) = sessions.by_device.get_mut(&device) else { return };
        entries.retain(|entry| entry.serial != serial);
        if entries.is_empty() {
            sessions.by_device.remove(&device);
            self.directory.presence(device, false, self.clock.now());
        }
    }

    fn locked(&self) -> MutexGuard<'_, Sessions> {
        // A list of sessions stays usable after a panic elsewhere.
        self.sessions.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.registry.leave(self.device, self.serial);
    }
}
