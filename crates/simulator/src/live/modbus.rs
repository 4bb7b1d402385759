//! A machine as a Modbus TCP server.

use std::{
    collections::BTreeMap,
    future::{Ready, ready},
    sync::{Arc, Mutex, atomic::Ordering},
};

use contracts::{
    devices::{ModbusFormat, ModbusTable},
    telemetry::Value,
};
use kernel::{Clock, Duration, Timestamp};
use tokio::{net::TcpListener, sync::watch};
use tokio_modbus::{
    ExceptionCode, Request, Response, SlaveRequest,
    server::{
        Service,
        tcp::{Server, accept_tcp_connection},
    },
};

use super::Tally;
use crate::physics::Machine;

/// Answers until stopped. A failing accept (out of file handles) is tried again after a moment.
pub(super) async fn serve(
    listener: TcpListener,
    machine: Machine,
    clock: Arc<dyn Clock>,
    tally: Arc<Tally>,
    mut stop: watch::Receiver<bool>,
) {
    let name = machine.spec().code.clone();
    let device = Arc::new(Device::new(machine, clock, tally));
    let server = Server::new(listener);
    let connected = |stream, peer| {
        let device = device.clone();
        async move { accept_tcp_connection(stream, peer, move |_| Ok(Some(device.clone()))) }
    };
    let answering = async {
        loop {
            let failed = server.serve(&connected, |error| tracing::debug!(%error, "a Modbus connection ended")).await;
            tracing::warn!(machine = %name, ?failed, "Modbus connections cannot be accepted");
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        }
    };
    tokio::select! {
        // An error means that the handle is gone: stop as well.
        _ = stop.wait_for(|stopped| *stopped) => {}
        () = answering => {}
    }
}

struct Device {
    unit_id: u8,
    interval: Duration,
    clock: Arc<dyn Clock>,
    tally: Arc<Tally>,
    state: Mutex<State>,
}

struct State {
    machine: Machine,
    values: Vec<Value>,
    /// The moment whose values the registers show; they are refreshed once per interval, like a controller's scan.
    shown: Option<Timestamp>,
    words: BTreeMap<u16, u16>,
    holding: BTreeMap<u16, u16>,
    inputs: BTreeMap<u16, bool>,
    coils: BTreeMap<u16, bool>,
}

impl Device {
    fn new(machine: Machine, clock: Arc<dyn Clock>, tally: Arc<Tally>) -> Self {
        let (unit_id, interval_ms) =
            machine.spec().modbus.as_ref().map_or((1, 1000), |map| (map.unit_id, map.interval_ms));
        let state = State {
            machine,
            values: Vec::new(),
            shown: None,
            words: BTreeMap::new(),
            holding: BTreeMap::new(),
            inputs: BTreeMap::new(),
            coils: BTreeMap::new(),
        };
        let interval = Duration::from_millis(i64::from(interval_ms.max(1)));
        Self { unit_id, interval, clock, tally, state: Mutex::new(state) }
    }

    fn answer(&self, request: SlaveRequest<'_>) -> Result<Response, ExceptionCode> {
        if request.slave != self.unit_id {
            return Err(ExceptionCode::GatewayTargetDevice);
        }
        let mut state = self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        state.show(self.clock.now().floor_to(self.interval))?;
        self.tally.asked.fetch_add(1, Ordering::Relaxed);
        match request.request {
            Request::ReadInputRegisters(address, count) => {
                words(&state.words, address, count).map(Response::ReadInputRegisters)
            }
            Request::ReadHoldingRegisters(address, count) => {
                words(&state.holding, address, count).map(Response::ReadHoldingRegisters)
            }
            Request::ReadDiscreteInputs(address, count) => {
                bits(&state.inputs, address, count).map(Response::ReadDiscreteInputs)
            }
            Request::ReadCoils(address, count) => bits(&state.coils, address, count).map(Response::ReadCoils),
            // Nobody commands these machines.
            _ => Err(ExceptionCode::IllegalFunction),
        }
    }
}

impl Service for Device {
    type Request = SlaveRequest<'static>;
    type Response = Response;
    type Exception = ExceptionCode;
    type Future = Ready<Result<Response, ExceptionCode>>;

    fn call(&self, request: SlaveRequest<'static>) -> Self::Future {
        ready(self.answer(request))
    }
}

impl State {
    /// Refreshes the registers.
    fn show(&mut self, at: Timestamp) -> Result<(), ExceptionCode> {
        if self.shown == Some(at) {
            return Ok(());
        }
        match self.machine.observe(at, &mut self.values) {
            Ok(true) => {}
            Ok(false) => return Err(ExceptionCode::ServerDeviceBusy),
            Err(_) => return Err(ExceptionCode::ServerDeviceFailure),
        }
        let spec = self.machine.spec();
        let Some(map) = &spec.modbus else { return Err(ExceptionCode::ServerDeviceFailure) };
        for register in &map.registers {
            let Some(metric) = spec.metrics.iter().find(|metric| metric.metric == register.metric) else { continue };
            let Some(index) = spec.properties().iter().position(|property| property.id == metric.property) else {
                continue;
            };
            let raw = metric.raw(&self.values[index], Some(register.format));
            match register.table {
                ModbusTable::Coil | ModbusTable::DiscreteInput => {
                    let table = if register.table == ModbusTable::Coil { &mut self.coils } else { &mut self.inputs };
                    table.insert(register.address, raw.number().is_some_and(|v| v != 0.0));
                }
                ModbusTable::InputRegister | ModbusTable::HoldingRegister => {
                    let table =
                        if register.table == ModbusTable::InputRegister { &mut self.words } else { &mut self.holding };
                    for (offset, word) in encode(&raw, register.format).into_iter().enumerate() {
                        table.insert(register.address.wrapping_add(offset as u16), word);
                    }
                }
            }
        }
        self.shown = Some(at);
        Ok(())
    }
}

/// A raw value as words, high word first unless swapped.
fn encode(raw: &Value, format: ModbusFormat) -> Vec<u16> {
    let whole = match raw {
        Value::I64(v) => *v as u64,
        Value::F64(v) => u64::from((*v as f32).to_bits()),
        Value::Bool(v) => u64::from(*v),
        Value::Str(_) => 0,
    };
    let word = |shift: u32| (whole >> shift) as u16;
    match format {
        ModbusFormat::Bool | ModbusFormat::U16 | ModbusFormat::I16 => vec![word(0)],
        ModbusFormat::U32 | ModbusFormat::I32 | ModbusFormat::F32 => vec![word(16), word(0)],
        ModbusFormat::U32Swapped | ModbusFormat::F32Swapped => vec![word(0), word(16)],
        ModbusFormat::U64 => vec![word(48), word(32), word(16), word(0)],
    }
}

/// Reads a stretch of a table. Gaps inside the table read as zero; outside it there is nothing.
fn words(table: &BTreeMap<u16, u16>, address: u16, count: u16) -> Result<Vec<u16>, ExceptionCode> {
    stretch(table, address, count, 125)
}

fn bits(table: &BTreeMap<u16, bool>, address: u16, count: u16) -> Result<Vec<bool>, ExceptionCode> {
    stretch(table, address, count, 2000)
}

fn stretch<T: Copy + Default>(
    table: &BTreeMap<u16, T>,
    address: u16,
    count: u16,
    limit: u16,
) -> Result<Vec<T>, ExceptionCode> {
    if count == 0 || count > limit {
        return Err(ExceptionCode::IllegalDataValue);
    }
    let last = address.checked_add(count - 1).ok_or(ExceptionCode::IllegalDataAddress)?;
    let inside = table.first_key_value().is_some_and(|(first, _)| address >= *first)
        && table.last_key_value().is_some_and(|(end, _)| last <= *end);
    if !inside {
        return Err(ExceptionCode::IllegalDataAddress);
    }
    Ok((address..=last).map(|at| table.get(&at).copied().unwrap_or_default()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_big_endian_unless_swapped() {
        assert_eq!(encode(&Value::I64(0x1234_5678), ModbusFormat::U32), [0x1234, 0x5678]);
        assert_eq!(encode(&Value::I64(0x1234_5678), ModbusFormat::U32Swapped), [0x5678, 0x1234]);
        assert_eq!(encode(&Value::I64(-2), ModbusFormat::I16), [0xfffe]);
        assert_eq!(encode(&Value::F64(1.5), ModbusFormat::F32), [0x3fc0, 0]);
        assert_eq!(encode(&Value::I64(1), ModbusFormat::U64), [0, 0, 0, 1]);
    }

    #[test]
    fn tables_end_where_they_end() {
        let table = BTreeMap::from([(10, 7u16), (12, 9)]);
        assert_eq!(words(&table, 10, 3), Ok(vec![7, 0, 9]));
        assert_eq!(words(&table, 10, 4), Err(ExceptionCode::IllegalDataAddress));
        assert_eq!(words(&table, 9, 2), Err(ExceptionCode::IllegalDataAddress));
        assert_eq!(words(&table, 10, 0), Err(ExceptionCode::IllegalDataValue));
        assert_eq!(words(&table, 10, 126), Err(ExceptionCode::IllegalDataValue));
        assert_eq!(words(&table, 65_535, 2), Err(ExceptionCode::IllegalDataAddress));
    }
}
