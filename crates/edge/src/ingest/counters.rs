use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering::Relaxed},
    },
};

use kernel::{Timestamp, id::DeviceId};
use serde::Serialize;

use super::Door;

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Counts since the start of the process, of one door or one device.
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $(pub(crate) $name: AtomicU64,)*
            quarantine_minute: AtomicI64,
            quarantine_in_minute: AtomicU32,
        }

        /// A reading of the counters.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
        pub struct CounterView {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Counters {
            pub(crate) fn view(&self) -> CounterView {
                CounterView { $($name: self.$name.load(Relaxed),)* }
            }
        }
    };
}

counters! {
    /// Messages (or poll answers) that were decoded, whole or in part.
    messages,
    /// Their bytes.
    bytes,
    /// Points stored.
    accepted,
    /// Points that were already stored.
    duplicates,
    /// Points that contradict a stored one.
    conflicts,
    /// Points set aside.
    quarantined,
    /// Messages that could not be read, or came to a topic that is not the device's.
    refused,
    /// Messages that the store could not make durable; nothing was acknowledged.
    failed,
    /// Quarantine records that were left out because the device had left too many.
    quarantine_suppressed,
    /// Polls that brought no answer.
    polls_missed,
}

pub(crate) fn add(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Relaxed);
}

impl Counters {
    /// How many of `wanted` quarantine records may be written in this minute.
    pub(crate) fn quarantine_room(&self, wanted: usize, now: Timestamp, per_minute_max: u32) -> usize {
        let minute = now.micros().div_euclid(60_000_000);
        if self.quarantine_minute.swap(minute, Relaxed) != minute {
            self.quarantine_in_minute.store(0, Relaxed);
        }
        let used = self.quarantine_in_minute.load(Relaxed);
        let room = per_minute_max.saturating_sub(used).min(u32::try_from(wanted).unwrap_or(u32::MAX));
        self.quarantine_in_minute.fetch_add(room, Relaxed);
        room as usize
    }
}

/// What the edge has done since it started.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct EdgeStats {
    /// By door.
    pub doors: BTreeMap<&'static str, CounterView>,
    /// By device that has sent anything.
    pub devices: BTreeMap<DeviceId, CounterView>,
    /// Bytes of messages under way.
    pub in_flight_bytes: u64,
    /// Points under way.
    pub in_flight_points: u64,
}

/// Counters of every door and of every device that was authenticated; so there are never more than devices exist.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    doors: [Counters; Door::ALL.len()],
    devices: Mutex<HashMap<DeviceId, Arc<Counters>>>,
}

impl Ledger {
    pub(crate) fn door(&self, door: Door) -> &Counters {
        &self.doors[door as usize]
    }

    pub(crate) fn device(&self, device: DeviceId) -> Arc<Counters> {
        self.locked().entry(device).or_default().clone()
    }

    pub(crate) fn view(&self) -> EdgeStats {
        EdgeStats {
            doors: Door::ALL.iter().map(|door| (door.name(), self.door(*door).view())).collect(),
            devices: self.locked().iter().map(|(device, counters)| (*device, counters.view())).collect(),
            ..EdgeStats::default()
        }
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<DeviceId, Arc<Counters>>> {
        // Counters stay usable after a panic elsewhere.
        self.devices.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
