//! One device's connection from CONNACK to its end.
//!
//! ```text
//! read ──► decode ──► [room in memory?] ──no──► wait, do not read
//!                          │ yes
//!                          ▼
//!                 under way (≤ receive_max, in order) ──► durable ──► acknowledge
//! ```
//! An acknowledgement is written only from [`Session::done`], with `Ingest`'s answer in hand.

use std::{collections::HashSet, future::Future, pin::Pin, time::Duration};

use bytes::{Bytes, BytesMut};
use futures_util::{FutureExt, StreamExt, stream::FuturesOrdered};
use kernel::{Error, ErrorKind, Result as Outcome};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::OwnedSemaphorePermit,
    time::{Instant, timeout},
};

use super::{
    Shared,
    codec::{self, Delivery, Incoming, Outgoing, Progress, Publish, Reason, Version, WireError},
    handshake::Guest,
    registry::Down,
    topics,
};
use crate::{
    decode::Dialect,
    ingest::{Admission, Answer, Door, Ingest},
};

/// Packets above this size need room before they are received whole.
const SMALL_BYTES: usize = 16 * 1024;
const READ_BYTES: usize = 8 * 1024;
const SUBSCRIPTIONS_MAX: usize = 16;
const FOREIGN: &str = "edge.topic.foreign";
const WRITE_LIMIT: Duration = Duration::from_secs(10);
const DRAIN_LIMIT: Duration = Duration::from_secs(10);

type Waiting<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// How a session ends.
enum End {
    /// The socket is gone.
    Lost,
    /// The device said goodbye.
    Left,
    /// We end it; what is under way is acknowledged first.
    Close(Reason),
    /// A message could not be made durable and the dialect has no way to say so: hang up without acknowledging.
    Withhold,
}

/// A message whose fate is decided.
struct Done {
    delivery: Delivery,
    result: Outcome<Answer>,
}

struct Session<'s> {
    shared: &'s Shared,
    guest: Guest,
    inbox: BytesMut,
    outbox: BytesMut,
    under_way: FuturesOrdered<Waiting<Done>>,
    /// A message that waits for room; until it has it, the socket is not read.
    for_room: Option<(Publish, Waiting<Outcome<Admission>>)>,
    /// Room for a large packet that is being received.
    partial: Option<OwnedSemaphorePermit>,
    for_partial: Option<Waiting<Option<OwnedSemaphorePermit>>>,
    /// Exactly-once messages that are durable and wait for their release.
    released_later: HashSet<u16>,
    subscriptions: Vec<String>,
    heard_at: Instant,
    packet_since: Option<Instant>,
    checked_at: Instant,
}

pub(super) async fn run(shared: &Shared, mut stream: TcpStream, mut guest: Guest) {
    let now = Instant::now();
    let inbox = std::mem::take(&mut guest.inbox);
    let mut session = Session {
        shared,
        guest,
        inbox,
        outbox: BytesMut::new(),
        under_way: FuturesOrdered::new(),
        for_room: None,
        partial: None,
        for_partial: None,
        released_later: HashSet::new(),
        subscriptions: Vec::new(),
        heard_at: now,
        packet_since: None,
        checked_at: now,
    };
    let end = session.serve(&mut stream).await;
    session.finish(&mut stream, end).await;
}

impl Session<'_> {
    async fn serve(&mut self, stream: &mut TcpStream) -> End {
        let (mut read, mut write) = stream.split();
        let mut stopped = self.shared.stopped.clone();
        let mut tick = tokio::time::interval(Duration::from_millis(500));
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            if let Err(end) = self.packets().await {
                return end;
            }
            if !self.outbox.is_empty() {
                match timeout(WRITE_LIMIT, write.write_all(&self.outbox)).await {
                    Ok(Ok(())) => self.outbox.clear(),
                    _ => return End::Lost,
                }
            }
            let reading = self.may_read();
            if reading {
                self.inbox.reserve(READ_BYTES);
            }
            tokio::select! {
                received = read.read_buf(&mut self.inbox), if reading => match received {
                    Ok(0) | Err(_) => return End::Lost,
                    Ok(_) => {}
                },
                Some(done) = self.under_way.next(), if !self.under_way.is_empty() => {
                    if let Err(end) = self.done(done) {
                        return end;
                    }
                    // Whatever else is decided by now leaves in the same write.
                    while let Some(Some(done)) = self.under_way.next().now_or_never() {
                        if let Err(end) = self.done(done) {
                            return end;
                        }
                    }
                }
                room = wait(self.for_room.as_mut().map(|(_, room)| room)), if self.for_room.is_some() => {
                    if let Some((publish, _)) = self.for_room.take() {
                        match room {
                            Ok(room) => self.start(publish, room),
                            Err(error) => self.decided(publish.delivery, Err(error)),
                        }
                    }
                }
                permit = wait(self.for_partial.as_mut()), if self.for_partial.is_some() => {
                    self.for_partial = None;
                    self.partial = permit;
                }
                Some(down) = self.guest.seat.down.recv() => {
                    if let Err(end) = self.deliver(down) {
                        return end;
                    }
                }
                _ = self.guest.seat.ended.changed() => {
                    let reason = *self.guest.seat.ended.borrow();
                    return End::Close(reason.unwrap_or(Reason::SessionTakenOver));
                }
                () = super::stopping(&mut stopped) => return End::Close(Reason::ServerShuttingDown),
                _ = tick.tick() => {
                    if let Err(end) = self.check() {
                        return end;
                    }
                }
            }
        }
    }

    fn may_read(&self) -> bool {
        self.under_way.len() < usize::from(self.shared.config.receive_max)
            && self.for_room.is_none()
            && self.for_partial.is_none()
    }

    /// Handles every whole packet in the inbox, as far as there is room.
    async fn packets(&mut self) -> Result<(), End> {
        while self.may_read() {
            match codec::next(&mut self.inbox, self.guest.version, self.shared.config.packet_bytes_max) {
                Ok(Progress::Packet(packet)) => {
                    (self.partial, self.packet_since) = (None, None);
                    self.heard_at = Instant::now();
                    self.packet(packet).await?;
                }
                Ok(Progress::Partial(size)) => {
                    if !self.inbox.is_empty() {
                        self.packet_since.get_or_insert_with(Instant::now);
                    }
                    self.reserve_partial(size);
                    break;
                }
                Err(error) => return Err(self.violated(error).await),
            }
        }
        Ok(())
    }

    /// A large packet is received only when all large packets together leave room for it.
    fn reserve_partial(&mut self, size: Option<usize>) {
        let Some(size) = size.filter(|size| *size > SMALL_BYTES) else { return };
        if self.partial.is_some() {
            return;
        }
        let permits = u32::try_from(size.min(self.shared.config.partial_bytes_max)).unwrap_or(u32::MAX);
        match self.shared.partial.clone().try_acquire_many_owned(permits) {
            Ok(permit) => self.partial = Some(permit),
            Err(_) => {
                let semaphore = self.shared.partial.clone();
                self.for_partial = Some(Box::pin(async move { semaphore.acquire_many_owned(permits).await.ok() }));
            }
        }
    }

    async fn packet(&mut self, packet: Incoming) -> Result<(), End> {
        match packet {
            Incoming::Publish(publish) => self.publish(publish).await,
            Incoming::Release(id) => {
                let reason =
                    if self.released_later.remove(&id) { Reason::Success } else { Reason::PacketIdentifierNotFound };
                self.put(Outgoing::Complete(id, reason))
            }
            Incoming::Subscribe(id, filters) => {
                let granted: Vec<bool> = filters.into_iter().map(|filter| self.subscribe(filter)).collect();
                self.put(Outgoing::Subscribed(id, &granted))
            }
            Incoming::Unsubscribe(id, filters) => {
                let existed: Vec<bool> = filters
                    .iter()
                    .map(|filter| {
                        let before = self.subscriptions.len();
                        self.subscriptions.retain(|kept| kept != filter);
                        self.subscriptions.len() < before
                    })
                    .collect();
                self.put(Outgoing::Unsubscribed(id, &existed))
            }
            Incoming::Ping => self.put(Outgoing::Pong),
            Incoming::Disconnect(with_will) => {
                if !with_will {
                    self.guest.will = None;
                }
                Err(End::Left)
            }
            Incoming::Connect(_) | Incoming::ConnectOtherwise => Err(End::Close(Reason::ProtocolError)),
            Incoming::Unexpected(kind) => {
                tracing::debug!(device = %self.guest.device, kind, "a packet that a device has no business sending");
                Err(End::Close(Reason::ProtocolError))
            }
        }
    }

    async fn publish(&mut self, publish: Publish) -> Result<(), End> {
        let v5 = self.guest.version == Version::V5;
        if publish.aliased {
            // We announced that we keep no aliases.
            return Err(End::Close(Reason::TopicAliasInvalid));
        }
        if publish.retain && v5 {
            return Err(End::Close(Reason::RetainNotSupported));
        }
        if !topics::may_publish(&publish.topic) {
            let error = Error::denied(FOREIGN, format!("{:?} is not a topic of this device", shown(&publish.topic)))
                .hint("publish to v1/devices/me/telemetry or v1/devices/me/attributes");
            self.refuse(&error, &publish.payload).await;
            if !v5 {
                return Err(End::Withhold);
            }
            // In its turn: answers keep the order of their messages.
            self.decided(publish.delivery, Err(error));
            return Ok(());
        }
        if let Delivery::Assured(id) = publish.delivery
            && self.released_later.contains(&id)
        {
            // Sent again although it is durable: the first answer was lost.
            return self.put(Outgoing::Received(id, Reason::Success, None));
        }
        let mut room: Waiting<Outcome<Admission>> = {
            let (ingest, bytes) = (self.shared.ingest.clone(), publish.payload.len());
            Box::pin(async move { ingest.admit(bytes).await })
        };
        match (&mut room).now_or_never() {
            Some(Ok(room)) => self.start(publish, room),
            Some(Err(error)) => self.decided(publish.delivery, Err(error)),
            None => self.for_room = Some((publish, room)),
        }
        Ok(())
    }

    fn start(&mut self, publish: Publish, room: Admission) {
        let (ingest, device) = (self.shared.ingest.clone(), self.guest.device);
        let Publish { payload, delivery, .. } = publish;
        self.under_way.push_back(Box::pin(async move {
            let result = ingest.take(&room, Door::Mqtt, device, Dialect::Json, &payload).await;
            Done { delivery, result }
        }));
    }

    fn decided(&mut self, delivery: Delivery, result: Outcome<Answer>) {
        let done = Done { delivery, result };
        self.under_way.push_back(Box::pin(async { done }));
    }

    /// Answers a message whose fate is decided. The only place that acknowledges.
    fn done(&mut self, done: Done) -> Result<(), End> {
        let (reason, text) = match done.result {
            Ok(answer) if answer.quarantined_total == 0 => (Reason::Success, None),
            Ok(answer) => {
                let first = answer.quarantined.first().map_or("", |refusal| refusal.code);
                (Reason::Success, Some(format!("{} points set aside, first {first}", answer.quarantined_total)))
            }
            // In quarantine, and no better when sent again: an MQTT 3.1.1 device is told to forget it.
            Err(error) if Ingest::is_final(&error) => match self.guest.version {
                Version::V5 => (Reason::PayloadFormatInvalid, Some(error.to_string())),
                Version::V311 => (Reason::Success, None),
            },
            Err(error) if error.code == FOREIGN => (Reason::NotAuthorized, Some(error.to_string())),
            Err(error) if matches!(error.kind, ErrorKind::Denied | ErrorKind::Unauthenticated) => {
                return Err(End::Close(Reason::NotAuthorized));
            }
            Err(error) => {
                tracing::warn!(device = %self.guest.device, ?error, "a message is not durable; not acknowledged");
                match self.guest.version {
                    // Nobody waits for an answer; the counters know.
                    _ if done.delivery == Delivery::Unanswered => return Ok(()),
                    Version::V5 if error.kind == ErrorKind::Unavailable => {
                        (Reason::QuotaExceeded, Some(error.to_string()))
                    }
                    Version::V5 => (Reason::UnspecifiedError, None),
                    Version::V311 => return Err(End::Withhold),
                }
            }
        };
        let text = text.filter(|_| self.guest.explain);
        match done.delivery {
            Delivery::Unanswered => Ok(()),
            Delivery::Acknowledged(id) => self.put(Outgoing::Ack(id, reason, text)),
            Delivery::Assured(id) => {
                if (reason as u8) < 0x80 {
                    self.released_later.insert(id);
                }
                self.put(Outgoing::Received(id, reason, text))
            }
        }
    }

    fn subscribe(&mut self, filter: String) -> bool {
        if !topics::may_subscribe(&filter) {
            return false;
        }
        if self.subscriptions.contains(&filter) {
            return true;
        }
        let room = self.subscriptions.len() < SUBSCRIPTIONS_MAX;
        if room {
            self.subscriptions.push(filter);
        }
        room
    }

    fn deliver(&mut self, down: Down) -> Result<(), End> {
        if !self.subscriptions.iter().any(|filter| topics::matches(filter, &down.topic)) {
            return Ok(());
        }
        if down.topic.len() + down.payload.len() + 16 > self.guest.packet_bytes_max {
            return Ok(());
        }
        self.put(Outgoing::Message { topic: &down.topic, payload: down.payload })
    }

    /// Twice a second: is the device still allowed to be here, and is it still there?
    fn check(&mut self) -> Result<(), End> {
        let now = Instant::now();
        if now - self.checked_at >= Duration::from_millis(u64::from(self.shared.config.recheck_ms.min(5000))) {
            self.checked_at = now;
            let known = self.shared.ingest.directory().by_token(&self.guest.token);
            if known.is_none_or(|binding| binding.device != self.guest.device || !binding.enabled) {
                tracing::info!(device = %self.guest.device, "credential withdrawn; connection closed");
                return Err(End::Close(Reason::NotAuthorized));
            }
        }
        if !self.may_read() {
            // We are the ones who do not listen.
            self.heard_at = now;
            self.packet_since = self.packet_since.map(|_| now);
        }
        if now - self.heard_at > Duration::from_secs(self.guest.idle_s_max) {
            return Err(End::Close(Reason::KeepAliveTimeout));
        }
        let limit = Duration::from_millis(u64::from(self.shared.config.packet_ms_max));
        if self.packet_since.is_some_and(|since| now - since > limit) {
            return Err(End::Close(Reason::ProtocolError));
        }
        Ok(())
    }

    async fn violated(&mut self, violation: WireError) -> End {
        let WireError { reason, detail } = violation;
        let error = match reason {
            Reason::PacketTooLarge => {
                Error::too_large("edge.payload.too-large", detail).hint("send several smaller messages")
            }
            _ => Error::invalid("edge.mqtt.malformed", detail).hint("the connection was closed"),
        };
        let beginning = self.inbox.split().freeze();
        self.refuse(&error, &beginning).await;
        End::Close(reason)
    }

    async fn refuse(&mut self, error: &Error, payload: &Bytes) {
        let Some(binding) = self.shared.ingest.directory().by_id(self.guest.device) else { return };
        if let Err(cause) = self.shared.ingest.refuse(Door::Mqtt, &binding, error, payload).await {
            tracing::warn!(?cause, "a refusal could not be put into quarantine");
        }
    }

    fn put(&mut self, packet: Outgoing<'_>) -> Result<(), End> {
        codec::put(&mut self.outbox, self.guest.version, packet).map_err(|error| {
            tracing::error!(reason = %error.detail, "cannot write an MQTT packet");
            End::Close(Reason::UnspecifiedError)
        })
    }

    /// Lets what has been received become durable, says goodbye where that is possible, publishes the will.
    async fn finish(mut self, stream: &mut TcpStream, end: End) {
        let polite = match end {
            End::Close(reason) => Some(reason),
            End::Lost | End::Left | End::Withhold => None,
        };
        let withdrawn = polite == Some(Reason::NotAuthorized);
        if withdrawn {
            self.guest.will = None;
        }
        // A withdrawn credential closes its connections within five seconds, whatever the store does.
        let limit = if withdrawn { Duration::from_secs(2) } else { DRAIN_LIMIT };
        if let Some((publish, room)) = self.for_room.take()
            && !withdrawn
            && let Ok(Ok(room)) = timeout(limit, room).await
        {
            self.start(publish, room);
        }
        let drain = async {
            let mut answering = polite.is_some();
            while let Some(done) = self.under_way.next().await {
                // After a first message without an acknowledgement the following ones would be out of order.
                answering = answering && self.done(done).is_ok();
            }
        };
        if timeout(limit, drain).await.is_err() {
            tracing::warn!(device = %self.guest.device, "messages were still under way at the end of a connection");
        }
        if let Some(reason) = polite {
            let said = self.put(Outgoing::Goodbye(reason)).is_ok();
            if said && timeout(WRITE_LIMIT, stream.write_all(&self.outbox)).await.is_err() {
                tracing::debug!("a device did not hear our goodbye");
            }
        }
        if timeout(Duration::from_secs(1), stream.shutdown()).await.is_err() {
            tracing::debug!("a socket did not close in time");
        }
        if let Some(will) = self.guest.will.take() {
            self.publish_will(&will.payload).await;
        }
    }

    async fn publish_will(&mut self, payload: &Bytes) {
        let taken = async {
            let room = self.shared.ingest.admit_within(payload.len(), DRAIN_LIMIT).await?;
            self.shared.ingest.take(&room, Door::Mqtt, self.guest.device, Dialect::Json, payload).await
        };
        if let Err(error) = taken.await {
            tracing::warn!(device = %self.guest.device, ?error, "a device's will could not be stored");
        }
    }
}

/// Waits for an optional future; the caller asks only when there is one.
async fn wait<T>(future: Option<&mut Waiting<T>>) -> T {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

fn shown(topic: &str) -> &str {
    crate::decode::shorten(topic, 128)
}
