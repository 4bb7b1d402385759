use std::{sync::Arc, time::Duration as Wait};

use contracts::{
    devices::{DeviceBinding, DeviceDirectory},
    telemetry::{Outcome, Point, Position, TelemetryStore},
};
use kernel::{Clock, Error, ErrorKind, Result, Timestamp, id::DeviceId};
use serde::Serialize;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};

use super::{
    Door, EdgeStats, IngestLimits,
    counters::{Counters, Ledger, add},
    resolve::{Refused, resolve},
};
use crate::decode::{Decoded, Dialect, Fault, RawPoint, decode};

/// How many refused points an answer names; all are counted.
const ANSWER_REFUSALS_MAX: usize = 100;

/// The one way into the store.
///
/// Guarantees: [`take`](Self::take) answers only after every point that it calls accepted or duplicate is durable and every
/// refused point is in quarantine (or, past the per-minute limit, counted). An error means that nothing may be
/// acknowledged, except errors for which [`is_final`](Self::is_final) holds: those will not change by sending again.
pub struct Ingest {
    store: Arc<dyn TelemetryStore>,
    pub(super) directory: Arc<dyn DeviceDirectory>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) limits: IngestLimits,
    bytes: Arc<Semaphore>,
    points: Arc<Semaphore>,
    receiving: Arc<Semaphore>,
    pub(super) ledger: Ledger,
}

/// The answer to a message: what became of its points.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// New and durable.
    pub accepted: u64,
    /// Already stored; nothing changed.
    pub duplicate: u64,
    /// Contradicts what is stored; kept as conflict records.
    pub conflict: u64,
    /// The first refused points, by name.
    pub quarantined: Vec<Refusal>,
    /// How many were refused in all.
    pub quarantined_total: u64,
    /// The store's position after this message: a query from here on sees it.
    pub position: Position,
}

/// A refused point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// Its metric as sent.
    pub metric: String,
    /// Stable code.
    pub code: &'static str,
    /// What was wrong.
    pub detail: String,
}

/// Room in memory for one message; given back when dropped.
#[derive(Debug)]
pub struct Admission {
    _bytes: OwnedSemaphorePermit,
    deadline: Option<Instant>,
}

impl Ingest {
    /// Ties the doors to a store and a directory.
    pub fn new(
        store: Arc<dyn TelemetryStore>,
        directory: Arc<dyn DeviceDirectory>,
        clock: Arc<dyn Clock>,
        limits: IngestLimits,
    ) -> Arc<Self> {
        Arc::new(Self {
            store,
            directory,
            clock,
            limits,
            bytes: Arc::new(Semaphore::new(limits.in_flight_bytes_max)),
            points: Arc::new(Semaphore::new(limits.in_flight_points_max)),
            receiving: Arc::new(Semaphore::new(limits.receiving_bytes_max)),
            ledger: Ledger::default(),
        })
    }

    /// The directory of devices.
    pub fn directory(&self) -> &Arc<dyn DeviceDirectory> {
        &self.directory
    }

    /// The clock that receive times come from.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// The limits in force.
    pub fn limits(&self) -> &IngestLimits {
        &self.limits
    }

    /// Counters of doors and devices.
    pub fn stats(&self) -> EdgeStats {
        let used = |max: usize, room: &Semaphore| (max - room.available_permits().min(max)) as u64;
        EdgeStats {
            in_flight_bytes: used(self.limits.in_flight_bytes_max, &self.bytes),
            in_flight_points: used(self.limits.in_flight_points_max, &self.points),
            ..self.ledger.view()
        }
    }

    /// Whether sending the same message again would meet the same refusal. Such a message is in quarantine, so a door may
    /// tell the sender to forget it.
    pub fn is_final(error: &Error) -> bool {
        matches!(error.kind, ErrorKind::Invalid | ErrorKind::TooLarge | ErrorKind::Unprocessable)
    }

    /// Waits for room for a message of this size; a door that can be slowed down does not read on until it has it.
    ///
    /// # Errors
    /// `edge.payload.too-large`.
    pub async fn admit(&self, bytes: usize) -> Result<Admission> {
        let permit = self.bytes.clone().acquire_many_owned(self.size(bytes)?).await.map_err(|_| stopping())?;
        Ok(Admission { _bytes: permit, deadline: None })
    }

    /// Like [`admit`](Self::admit), for doors whose senders can be told to come again: waits at most this long, here and
    /// for the store's turn.
    ///
    /// # Errors
    /// `edge.payload.too-large`, `edge.ingest.busy`.
    pub async fn admit_within(&self, bytes: usize, wait: Wait) -> Result<Admission> {
        let deadline = Instant::now() + wait;
        let mut admission = timeout_at(deadline, self.admit(bytes)).await.map_err(|_| busy())??;
        admission.deadline = Some(deadline);
        Ok(admission)
    }

    /// Room for a message that is still being received, apart from the room of those that are complete.
    pub(crate) async fn receive_within(&self, bytes: usize, wait: Wait) -> Result<OwnedSemaphorePermit> {
        let acquire = self.receiving.clone().acquire_many_owned(self.size(bytes)?);
        timeout_at(Instant::now() + wait, acquire).await.map_err(|_| busy())?.map_err(|_| stopping())
    }

    fn size(&self, bytes: usize) -> Result<u32> {
        if bytes > self.limits.message_bytes_max {
            return Err(Error::too_large(
                "edge.payload.too-large",
                format!("the message has {bytes} bytes; at most {} are taken", self.limits.message_bytes_max),
            )
            .hint("send several smaller messages"));
        }
        // An empty message still costs something.
        Ok(u32::try_from(bytes.max(64)).unwrap_or(u32::MAX))
    }

    /// Takes a message of a device.
    ///
    /// # Errors
    /// `edge.device.unknown` and `edge.device.disabled`; what the decoder refuses; `edge.ingest.busy`; what the store and
    /// the quarantine refuse.
    pub async fn take(
        &self,
        admission: &Admission,
        door: Door,
        device: DeviceId,
        dialect: Dialect,
        payload: &[u8],
    ) -> Result<Answer> {
        let received = self.clock.now();
        let binding = self.device(device)?;
        match decode(dialect, payload, &self.limits.decode) {
            Ok(decoded) => self.settle(admission.deadline, door, &binding, decoded, payload, received).await,
            Err(error) => {
                self.refuse(door, &binding, &error, payload).await?;
                Err(error)
            }
        }
    }

    /// Takes points that a door read itself.
    ///
    /// # Errors
    /// As [`take`](Self::take).
    pub async fn take_points(&self, door: Door, device: DeviceId, points: Vec<RawPoint<'_>>) -> Result<Answer> {
        let binding = self.device(device)?;
        let decoded = Decoded { points, unread: Vec::new() };
        self.settle(None, door, &binding, decoded, b"", self.clock.now()).await
    }

    /// Notes polls without an answer.
    pub(crate) fn poll_missed(&self, device: DeviceId) {
        for ledger in [self.ledger.door(Door::Modbus), &self.ledger.device(device)] {
            add(&ledger.polls_missed, 1);
        }
    }

    fn device(&self, device: DeviceId) -> Result<Arc<DeviceBinding>> {
        let binding = self.directory.by_id(device).ok_or_else(|| {
            Error::unauthenticated("edge.device.unknown", "the device is not known any more")
                .hint("register the device again")
        })?;
        if !binding.enabled {
            return Err(Error::denied("edge.device.disabled", "the device is disabled").hint("enable it on its page"));
        }
        Ok(binding)
    }

    async fn settle(
        &self,
        deadline: Option<Instant>,
        door: Door,
        device: &DeviceBinding,
        decoded: Decoded<'_>,
        payload: &[u8],
        received: Timestamp,
    ) -> Result<Answer> {
        let counters = self.ledger.device(device.device);
        let _room = self.room(decoded.points.len(), deadline).await?;
        let mut refused: Vec<Refused> = Vec::new();
        let mut batch: Vec<Point> = Vec::with_capacity(decoded.points.len());
        for (line, fault) in decoded.unread {
            refused.push(Refused { metric: line, fault, value: None, time: None });
        }
        for raw in decoded.points {
            match resolve(raw, device, received, &self.limits) {
                Ok(point) => batch.push(point),
                Err(reason) => refused.push(reason),
            }
        }
        let mut answer = Answer { position: self.store.position(), ..Answer::default() };
        if !batch.is_empty() {
            // Kept only to say which points the store itself refused.
            let names: Vec<_> = batch.iter().map(|p| (p.series.property.clone(), p.sample.source_time)).collect();
            let receipt = match self.store.append(batch).await {
                Ok(receipt) => receipt,
                Err(error) => {
                    self.count(door, &counters, |c| add(&c.failed, 1));
                    return Err(error);
                }
            };
            if receipt.outcomes.len() != names.len() {
                return Err(Error::internal("edge.store.receipt", "the store's receipt does not match the message")
                    .because(format!("{} outcomes for {} points", receipt.outcomes.len(), names.len())));
            }
            answer.position = receipt.position;
            for (outcome, (property, time)) in receipt.outcomes.iter().zip(names) {
                match outcome {
                    Outcome::Accepted => answer.accepted += 1,
                    Outcome::Duplicate => answer.duplicate += 1,
                    Outcome::Conflict => answer.conflict += 1,
                    Outcome::Rejected => refused.push(Refused {
                        metric: property.to_string(),
                        fault: Fault::new(
                            "edge.store.rejected",
                            "the store refused the point: wrong type for its series, or too many series",
                        ),
                        value: None,
                        time: Some(time),
                    }),
                }
            }
        }
        answer.quarantined_total = refused.len() as u64;
        self.count(door, &counters, |c| {
            add(&c.messages, 1);
            add(&c.bytes, payload.len() as u64);
            add(&c.accepted, answer.accepted);
            add(&c.duplicates, answer.duplicate);
            add(&c.conflicts, answer.conflict);
            add(&c.quarantined, answer.quarantined_total);
        });
        if !refused.is_empty() {
            let records = self.records(door, device, &refused, payload, received);
            self.quarantine(door, &counters, records).await?;
            answer.quarantined = refused
                .into_iter()
                .take(ANSWER_REFUSALS_MAX)
                .map(|r| Refusal { metric: r.metric, code: r.fault.code, detail: r.fault.detail.into_owned() })
                .collect();
        }
        Ok(answer)
    }

    pub(super) fn count(&self, door: Door, device: &Counters, change: impl Fn(&Counters)) {
        change(self.ledger.door(door));
        change(device);
    }

    async fn room(&self, points: usize, deadline: Option<Instant>) -> Result<OwnedSemaphorePermit> {
        // A message never has more points than the decoder's limit; a larger limit than the room must not lock up.
        let wanted = u32::try_from(points.min(self.limits.in_flight_points_max)).unwrap_or(u32::MAX);
        let acquire = self.points.clone().acquire_many_owned(wanted);
        match deadline {
            None => acquire.await.map_err(|_| stopping()),
            Some(deadline) => timeout_at(deadline, acquire).await.map_err(|_| busy())?.map_err(|_| stopping()),
        }
    }
}

fn busy() -> Error {
    Error::unavailable("edge.ingest.busy", "too many points are under way").hint("send the message again in a moment")
}

fn stopping() -> Error {
    Error::unavailable("edge.ingest.stopping", "the server is stopping").hint("send the message again in a moment")
}
