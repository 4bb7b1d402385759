use std::{borrow::Cow, net::SocketAddr, time::Duration};

use contracts::devices::{ModbusPoll, ModbusTable};
use kernel::{Error, ErrorKind, id::DeviceId};
use tokio::{
    net::TcpStream,
    time::{Instant, sleep_until, timeout},
};
use tokio_modbus::{
    ExceptionCode, ProtocolError, Request, Response, Slave,
    client::{Client, Context, tcp},
};

use super::{
    ModbusConfig,
    plan::{Block, plan},
    words,
};
use crate::{
    connector::ConnectorContext,
    decode::{Fault, RawPoint},
    ingest::Door,
};

/// Polls one device until it is told to stop.
pub(super) struct Actor {
    context: ConnectorContext,
    config: ModbusConfig,
    device: DeviceId,
    poll: ModbusPoll,
    blocks: Vec<Block>,
    line: Line,
    missed_in_row: u32,
    /// None before the first poll: neither known to be there nor to be gone.
    online: Option<bool>,
    /// Blocks whose exception has been reported and not gone since.
    reported: Vec<bool>,
}

enum Line {
    Open(Context),
    /// Not before this moment, after this many failures.
    Closed(Instant, u32),
}

/// Why a poll brought nothing.
#[derive(Debug)]
enum Miss {
    /// No connection, no answer in time, or the connection broke: the usual.
    Silent(String),
    /// An answer that is not one to our question. It is never taken for ours.
    Foreign(String),
}

impl Actor {
    pub(super) fn new(context: ConnectorContext, config: ModbusConfig, device: DeviceId, poll: ModbusPoll) -> Self {
        let line = Line::Closed(Instant::now(), 0);
        Self {
            context,
            config,
            device,
            poll,
            blocks: Vec::new(),
            line,
            missed_in_row: 0,
            online: None,
            reported: Vec::new(),
        }
    }

    pub(super) async fn run(mut self) {
        let (blocks, refused) = plan(&self.poll.registers);
        self.reported = vec![false; blocks.len()];
        self.blocks = blocks;
        for (metric, fault) in refused {
            let error = Error::invalid(fault.code, format!("register {metric:?}: {}", fault.detail));
            self.note(&error).await;
        }
        let mut context = self.context.clone();
        tokio::select! {
            () = context.stopping() => {}
            () = self.poll_for_ever() => {}
        }
        if self.online == Some(true) {
            self.presence(false);
        }
    }

    async fn poll_for_ever(&mut self) {
        let interval = Duration::from_millis(u64::from(self.poll.interval_ms.clamp(100, 3_600_000)));
        // Devices with the same interval are spread over its first second.
        let mut due = Instant::now() + interval.min(Duration::from_secs(1)).mul_f64(self.context.fraction());
        loop {
            sleep_until(due).await;
            match self.poll_once().await {
                Ok(points) => {
                    self.store(points).await;
                    self.missed_in_row = 0;
                    if self.online != Some(true) {
                        self.presence(true);
                    }
                }
                Err(miss) => self.missed(miss).await,
            }
            due += interval;
            let late = Instant::now().saturating_duration_since(due);
            let skipped = u32::try_from(late.as_nanos() / interval.as_nanos()).unwrap_or(u32::MAX);
            for _ in 0..skipped.min(1000) {
                self.context.ingest.poll_missed(self.device);
            }
            due += interval * skipped;
        }
    }

    async fn poll_once(&mut self) -> Result<Vec<RawPoint<'static>>, Miss> {
        self.connect().await?;
        let mut points = Vec::new();
        for index in 0..self.blocks.len() {
            match self.ask(index).await {
                Ok(Ok(found)) => {
                    self.reported[index] = false;
                    points.extend(found);
                }
                Ok(Err(exception)) => self.exception(index, exception).await,
                Err(miss) => {
                    // What comes later on this connection might be the answer to an earlier question.
                    self.line = Line::Closed(self.retry_at(0), 1);
                    // What other blocks have brought is true all the same.
                    if !points.is_empty() {
                        self.store(points).await;
                    }
                    return Err(miss);
                }
            }
        }
        Ok(points)
    }

    async fn connect(&mut self) -> Result<(), Miss> {
        let failures = match self.line {
            Line::Open(_) => return Ok(()),
            Line::Closed(not_before, _) if Instant::now() < not_before => {
                return Err(Miss::Silent("waiting to connect again".into()));
            }
            Line::Closed(_, failures) => failures,
        };
        let limit = Duration::from_millis(u64::from(self.config.connect_ms_max));
        let opened = match timeout(limit, self.open()).await {
            Ok(opened) => opened,
            Err(_) => Err("no connection in time".to_owned()),
        };
        match opened {
            Ok(stream) => {
                self.line = Line::Open(tcp::attach_slave(stream, Slave(self.poll.unit_id)));
                Ok(())
            }
            Err(reason) => {
                self.line = Line::Closed(self.retry_at(failures), failures.saturating_add(1));
                Err(Miss::Silent(reason))
            }
        }
    }

    async fn open(&mut self) -> Result<TcpStream, String> {
        let found = tokio::net::lookup_host(&self.poll.address).await.map_err(|cause| cause.to_string())?;
        // The address that was checked is the one that is used, whatever the name means a moment later.
        let allowed: Vec<SocketAddr> = found.filter(|address| self.config.reach.allows(*address)).collect();
        if allowed.is_empty() {
            return Err(format!("{} is outside what may be polled", self.poll.address));
        }
        let stream = TcpStream::connect(&allowed[..]).await.map_err(|cause| cause.to_string())?;
        stream.set_nodelay(true).map_err(|cause| cause.to_string())?;
        Ok(stream)
    }

    /// Doubling pauses, each shortened by up to half at random so that a fleet does not come back in step.
    fn retry_at(&self, failures: u32) -> Instant {
        let (first, longest) = self.config.retry_ms;
        let pause = u64::from(first).saturating_mul(1 << failures.min(16)).min(u64::from(longest));
        Instant::now() + Duration::from_millis(pause).mul_f64(1.0 - self.context.fraction() / 2.0)
    }

    async fn ask(&mut self, index: usize) -> Result<Result<Vec<RawPoint<'static>>, ExceptionCode>, Miss> {
        let Line::Open(line) = &mut self.line else { return Err(Miss::Silent("not connected".into())) };
        let block = &self.blocks[index];
        let request = match block.table {
            ModbusTable::Coil => Request::ReadCoils(block.start, block.count),
            ModbusTable::DiscreteInput => Request::ReadDiscreteInputs(block.start, block.count),
            ModbusTable::HoldingRegister => Request::ReadHoldingRegisters(block.start, block.count),
            ModbusTable::InputRegister => Request::ReadInputRegisters(block.start, block.count),
        };
        let limit = Duration::from_millis(u64::from(self.config.request_ms_max));
        // `call` and not the named readers: those trust the length of the answer.
        let answer = match timeout(limit, line.call(request)).await {
            Err(_) => return Err(Miss::Silent("no answer in time".into())),
            Ok(Err(tokio_modbus::Error::Transport(cause))) => return Err(Miss::Silent(cause.to_string())),
            Ok(Err(tokio_modbus::Error::Protocol(error))) => return Err(foreign(&error)),
            Ok(Ok(Err(exception))) => return Ok(Err(exception)),
            Ok(Ok(Ok(answer))) => answer,
        };
        let count = usize::from(block.count);
        let bits: Vec<u16> = match (block.table, answer) {
            (ModbusTable::HoldingRegister, Response::ReadHoldingRegisters(words))
            | (ModbusTable::InputRegister, Response::ReadInputRegisters(words))
                if words.len() == count =>
            {
                words
            }
            // Bits come in whole bytes, so up to seven more than asked for are usual.
            (ModbusTable::Coil, Response::ReadCoils(bits))
            | (ModbusTable::DiscreteInput, Response::ReadDiscreteInputs(bits))
                if bits.len().div_ceil(8) == count.div_ceil(8) =>
            {
                bits.into_iter().map(u16::from).collect()
            }
            _ => return Err(Miss::Foreign("an answer of another kind or length than asked for".into())),
        };
        let now = self.context.ingest.clock().now();
        let read = |item: &super::plan::Item| {
            let from = usize::from(item.offset);
            let to = from + usize::from(words::width(item.format));
            let value = match bits.get(from..to) {
                Some(words) => words::read(item.format, words),
                None => Err(Fault::new("edge.modbus.malformed", "the answer is too short")),
            };
            RawPoint { metric: Cow::Owned(item.metric.clone()), short_from: 0, value, time: Some(now), sequence: 0 }
        };
        Ok(Ok(block.items.iter().map(read).collect()))
    }

    /// Offers the points until the store takes them: a value that was read is not dropped because a disk is full.
    async fn store(&mut self, points: Vec<RawPoint<'static>>) {
        loop {
            match self.context.ingest.take_points(Door::Modbus, self.device, points.clone()).await {
                Ok(_) => return,
                Err(error) if matches!(error.kind, ErrorKind::Denied | ErrorKind::Unauthenticated) => {
                    tracing::info!(device = %self.device, ?error, "polled values are not wanted any more");
                    return;
                }
                Err(error) => {
                    tracing::warn!(device = %self.device, ?error, "polled values are not durable yet; offering them again");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }

    async fn missed(&mut self, miss: Miss) {
        self.context.ingest.poll_missed(self.device);
        self.missed_in_row = self.missed_in_row.saturating_add(1);
        let reason = match miss {
            Miss::Silent(reason) => reason,
            Miss::Foreign(reason) => {
                let error = Error::invalid("edge.modbus.mismatch", reason.clone())
                    .hint("look for an address conflict or a faulty gateway");
                self.note(&error).await;
                reason
            }
        };
        tracing::debug!(device = %self.device, reason, "poll missed");
        if self.missed_in_row >= self.config.offline_after && self.online != Some(false) {
            self.presence(false);
            let error = Error::unavailable(
                "edge.modbus.gap",
                format!("{} does not answer: {reason}; the series have a gap from here", self.poll.address),
            );
            self.note(&error).await;
        }
    }

    /// An exception concerns its block only. It is reported once until the block answers again.
    async fn exception(&mut self, index: usize, exception: ExceptionCode) {
        self.context.ingest.poll_missed(self.device);
        if std::mem::replace(&mut self.reported[index], true) {
            return;
        }
        let block = &self.blocks[index];
        let error = Error::invalid(
            "edge.modbus.exception",
            format!(
                "{:?} {} to {}: {exception}",
                block.table,
                block.start,
                u32::from(block.start) + u32::from(block.count) - 1
            ),
        )
        .hint("compare the register map with the machine's documentation");
        self.note(&error).await;
    }

    async fn note(&mut self, error: &Error) {
        let Some(binding) = self.context.ingest.directory().by_id(self.device) else { return };
        if let Err(cause) = self.context.ingest.refuse(Door::Modbus, &binding, error, b"").await {
            tracing::warn!(?cause, "a Modbus report could not be put into quarantine");
        }
    }

    fn presence(&mut self, online: bool) {
        self.online = Some(online);
        self.context.ingest.directory().presence(self.device, online, self.context.ingest.clock().now());
    }
}

fn foreign(error: &ProtocolError) -> Miss {
    Miss::Foreign(match error {
        ProtocolError::HeaderMismatch { .. } => {
            "an answer with another transaction or unit id than the question".into()
        }
        ProtocolError::FunctionCodeMismatch { .. } => "an answer to another function than asked for".into(),
    })
}
