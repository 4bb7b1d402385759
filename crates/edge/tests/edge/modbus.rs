//! Polling a well-behaved Modbus server, and several that lie.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use contracts::{
    devices::{ModbusFormat, ModbusPoll, ModbusRegister, ModbusTable},
    telemetry::Value,
};
use edge::{
    connector::{Connector, ConnectorContext},
    modbus::{ModbusConfig, ModbusPolling, Reach},
};
use kernel::SeededChance;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};
use tokio_modbus::{
    ExceptionCode, Request, Response, SlaveRequest,
    server::{
        Service,
        tcp::{Server, accept_tcp_connection},
    },
};

use crate::fakes::{Mood, World, until};

fn register(metric: &str, table: ModbusTable, address: u16, format: ModbusFormat) -> ModbusRegister {
    ModbusRegister { metric: metric.into(), table, address, format }
}

fn poll(address: SocketAddr) -> ModbusPoll {
    ModbusPoll {
        address: address.to_string(),
        unit_id: 17,
        interval_ms: 100,
        registers: vec![
            register("temp", ModbusTable::HoldingRegister, 10, ModbusFormat::F32),
            register("count", ModbusTable::HoldingRegister, 12, ModbusFormat::U32),
            register("running", ModbusTable::Coil, 3, ModbusFormat::Bool),
        ],
    }
}

struct Polling {
    switch: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Polling {
    fn start(world: &World) -> Self {
        let config = ModbusConfig {
            reach: Reach::Loopback,
            request_ms_max: 200,
            connect_ms_max: 500,
            retry_ms: (50, 200),
            review_ms: 20,
            ..ModbusConfig::default()
        };
        let (context, switch) = ConnectorContext::new(world.ingest.clone(), Arc::new(SeededChance::new(3)));
        Self { switch, task: tokio::spawn(ModbusPolling::new(config).run(context)) }
    }
    async fn stop(self) {
        self.switch.send_replace(true);
        self.task.await.unwrap();
    }
}

/// A machine: registers in memory, and a count of the requests it got.
#[derive(Clone, Default)]
struct Machine {
    words: Arc<Mutex<Vec<u16>>>,
    requests: Arc<AtomicUsize>,
    writes: Arc<AtomicUsize>,
    exceptional: Arc<AtomicBool>,
}

impl Service for Machine {
    type Request = SlaveRequest<'static>;
    type Response = Response;
    type Exception = ExceptionCode;
    type Future = std::future::Ready<Result<Response, ExceptionCode>>;

    fn call(&self, request: Self::Request) -> Self::Future {
        self.requests.fetch_add(1, SeqCst);
        let words = self.words.lock().unwrap();
        std::future::ready(match request.request {
            _ if request.slave != 17 => Err(ExceptionCode::GatewayTargetDevice),
            Request::ReadHoldingRegisters(..) if self.exceptional.load(SeqCst) => {
                Err(ExceptionCode::IllegalDataAddress)
            }
            Request::ReadHoldingRegisters(from, count) => {
                Ok(Response::ReadHoldingRegisters(words[usize::from(from)..usize::from(from + count)].to_vec()))
            }
            Request::ReadCoils(_, count) => Ok(Response::ReadCoils(vec![true; usize::from(count)])),
            _ => {
                self.writes.fetch_add(1, SeqCst);
                Err(ExceptionCode::IllegalFunction)
            }
        })
    }
}

impl Machine {
    fn new(temp: f32, count: u32) -> Self {
        let machine = Machine::default();
        machine.show(temp, count);
        machine
    }
    fn show(&self, temp: f32, count: u32) {
        let mut words = vec![0; 20];
        words[10..12].copy_from_slice(&[(temp.to_bits() >> 16) as u16, temp.to_bits() as u16]);
        words[12..14].copy_from_slice(&[(count >> 16) as u16, count as u16]);
        *self.words.lock().unwrap() = words;
    }
    async fn serve(&self) -> (SocketAddr, JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let machine = self.clone();
        let task = tokio::spawn(async move {
            let accept = move |stream, peer| {
                let machine = machine.clone();
                async move { accept_tcp_connection(stream, peer, move |_| Ok(Some(machine.clone()))) }
            };
            Server::new(listener).serve(&accept, |_| {}).await.ok();
        });
        (address, task)
    }
}

#[tokio::test]
async fn a_register_map_becomes_points() {
    let world = World::new();
    let machine = Machine::new(36.5, 70_000);
    let (address, _server) = machine.serve().await;
    let device = world.device_with("m", Some(poll(address)));
    let polling = Polling::start(&world);
    until("values", || world.store.values("running").len() + world.store.values("count").len() >= 2).await;
    assert_eq!(world.store.values("temp"), [Value::F64(36.5)]);
    assert_eq!(world.store.values("count"), [Value::I64(70_000)]);
    assert_eq!(world.store.values("running"), [Value::Bool(true)]);
    assert_eq!(world.directory.presence_of(device), [true]);
    // Two neighbouring values are one request; coils are another; nothing is ever written.
    let before = machine.requests.load(SeqCst);
    let accepted = world.ingest.stats().doors["modbus"].messages;
    until("more polls", || world.ingest.stats().doors["modbus"].messages >= accepted + 5).await;
    let polls = (world.ingest.stats().doors["modbus"].messages - accepted) as usize;
    assert!(machine.requests.load(SeqCst) - before <= 2 * (polls + 2));
    assert_eq!(machine.writes.load(SeqCst), 0);
    polling.stop().await;
    assert_eq!(world.directory.presence_of(device), [true, false]);
    assert_eq!(world.directory.codes(), Vec::<String>::new());
}

#[tokio::test]
async fn changes_of_the_directory_are_followed() {
    let world = World::new();
    let (first, second) = (Machine::new(1.0, 1), Machine::new(2.0, 2));
    let ((at_first, _a), (at_second, _b)) = (first.serve().await, second.serve().await);
    let device = world.device_with("m", Some(poll(at_first)));
    let polling = Polling::start(&world);
    until("the first machine", || first.requests.load(SeqCst) > 0).await;
    world.directory.change(device, |binding| binding.poll = Some(poll(at_second)));
    until("the second machine", || second.requests.load(SeqCst) > 0).await;
    let before = first.requests.load(SeqCst);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(first.requests.load(SeqCst), before);
    world.directory.change(device, |binding| binding.enabled = false);
    until("the end", || world.directory.presence_of(device).last() == Some(&false)).await;
    let before = second.requests.load(SeqCst);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(second.requests.load(SeqCst), before);
    polling.stop().await;
}

#[tokio::test]
async fn an_exception_concerns_its_block_only_and_is_reported_once() {
    let world = World::new();
    let machine = Machine::new(1.0, 1);
    machine.exceptional.store(true, SeqCst);
    let (address, _server) = machine.serve().await;
    let device = world.device_with("m", Some(poll(address)));
    let polling = Polling::start(&world);
    until("several polls", || world.ingest.stats().doors["modbus"].polls_missed >= 4).await;
    assert_eq!(world.directory.codes(), ["edge.modbus.exception"]);
    assert_eq!((world.store.values("temp").len(), world.store.values("running").len()), (0, 1));
    assert_eq!(world.directory.presence_of(device), [true]);
    machine.exceptional.store(false, SeqCst);
    until("the block again", || world.store.values("temp").len() == 1).await;
    polling.stop().await;
}

/// What a lying server makes of a request.
type Lie = fn(&[u8; 12]) -> Vec<u8>;

/// An honest answer to a question for words or coils.
fn honest(request: &[u8; 12]) -> Vec<u8> {
    let count = u16::from_be_bytes([request[10], request[11]]);
    let data =
        if request[7] == 1 { vec![1; usize::from(count.div_ceil(8))] } else { vec![0x41; usize::from(count) * 2] };
    let mut answer = request[..4].to_vec();
    answer.extend((data.len() as u16 + 3).to_be_bytes());
    answer.extend([request[6], request[7], data.len() as u8]);
    answer.extend(data);
    answer
}

fn changed(request: &[u8; 12], at: usize, by: u8) -> Vec<u8> {
    let mut answer = honest(request);
    answer[at] = answer[at].wrapping_add(by);
    answer
}

async fn liar(lie: Lie) -> (SocketAddr, Arc<AtomicUsize>, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let count = connections.clone();
    let task = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            count.fetch_add(1, SeqCst);
            tokio::spawn(async move { tell(&mut stream, lie).await });
        }
    });
    (address, connections, task)
}

async fn tell(stream: &mut TcpStream, lie: Lie) {
    let mut request = [0; 12];
    while stream.read_exact(&mut request).await.is_ok() {
        if stream.write_all(&lie(&request)).await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn liars_are_never_believed_and_disturb_nobody() {
    let lies: [(&str, Lie, Option<&str>); 12] = [
        ("wrong transaction id", |r| changed(r, 1, 1), Some("edge.modbus.mismatch")),
        ("wrong unit id", |r| changed(r, 6, 1), Some("edge.modbus.mismatch")),
        ("wrong function", |r| changed(r, 7, 1), None),
        ("wrong protocol id", |r| changed(r, 2, 1), None),
        (
            "fewer words than asked for",
            |r| {
                let mut shorter = *r;
                shorter[11] -= 1;
                if r[7] == 1 { Vec::new() } else { honest(&shorter) }
            },
            Some("edge.modbus.mismatch"),
        ),
        (
            "more words than asked for",
            |r| {
                let mut longer = *r;
                longer[11] += 1;
                if r[7] == 1 { Vec::new() } else { honest(&longer) }
            },
            None,
        ),
        ("a byte count beyond the packet", |r| changed(r, 8, 100), None),
        ("half an answer", |r| honest(r)[..9].to_vec(), None),
        ("length zero", |r| [&r[..4], &[0, 0, r[6]]].concat(), None),
        ("an empty answer", |r| [&r[..4], &[0, 1, r[6]]].concat(), None),
        ("silence", |_| Vec::new(), None),
        ("noise", |_| vec![0xff; 300], None),
    ];
    let world = World::new();
    let machine = Machine::new(5.0, 5);
    let (honest_address, _server) = machine.serve().await;
    world.device_with("honest", Some(poll(honest_address)));
    let mut liars = Vec::new();
    for (what, lie, code) in lies {
        let (address, connections, task) = liar(lie).await;
        let mut poll = poll(address);
        // One block, so that a lie is the first and only thing this device ever says.
        poll.registers.truncate(2);
        liars.push((what, world.device_with(what, Some(poll)), connections, code, task));
    }
    let polling = Polling::start(&world);
    for (what, device, connections, code, _) in &liars {
        until(what, || world.directory.presence_of(*device) == [false]).await;
        let view = world.ingest.stats().devices[device];
        assert!(view.accepted == 0 && view.polls_missed >= 3, "{what}: {view:?}");
        let mine: Vec<_> =
            world.directory.records().into_iter().filter(|r| r.device == Some(*device)).map(|r| r.code).collect();
        assert!(mine.contains(&"edge.modbus.gap".to_owned()), "{what}: {mine:?}");
        if let Some(code) = code {
            assert!(mine.iter().any(|c| c == code), "{what}: {mine:?}");
        }
        // Each lie ends its connection: a late answer can never be taken for the next one.
        until(what, || connections.load(SeqCst) >= 2).await;
    }
    // Only the honest machine's values are in the store.
    assert_eq!(world.store.values("temp"), [Value::F64(5.0)]);
    polling.stop().await;
}

#[tokio::test]
async fn a_machine_that_goes_and_comes_back() {
    let world = World::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let device = world.device_with("m", Some(poll(address)));
    let polling = Polling::start(&world);
    until("its absence to be noticed", || world.directory.presence_of(device) == [false]).await;
    assert_eq!(world.directory.codes(), ["edge.modbus.gap"]);
    let machine = Machine::new(9.0, 9);
    let listener = TcpListener::bind(address).await.unwrap();
    let service = machine.clone();
    let server = tokio::spawn(async move {
        let accept = move |stream, peer| {
            let service = service.clone();
            async move { accept_tcp_connection(stream, peer, move |_| Ok(Some(service.clone()))) }
        };
        Server::new(listener).serve(&accept, |_| {}).await.ok();
    });
    until("its return", || world.directory.presence_of(device) == [false, true]).await;
    server.abort();
    polling.stop().await;
}

#[tokio::test]
async fn a_full_store_keeps_the_value_waiting() {
    let world = World::new();
    let machine = Machine::new(7.0, 7);
    let (address, _server) = machine.serve().await;
    world.store.set(Mood::Full);
    let device = world.device_with("m", Some(poll(address)));
    let polling = Polling::start(&world);
    until("the store to refuse", || world.ingest.stats().doors["modbus"].failed >= 1).await;
    machine.show(8.0, 8);
    world.store.set(Mood::Durable);
    until("the values", || world.store.count() >= 3).await;
    // What was read first is there first: the waiting value was not dropped for the newer one.
    assert_eq!(world.store.values("temp")[0], Value::F64(7.0));
    until("missed polls to be counted", || world.ingest.stats().devices[&device].polls_missed >= 1).await;
    polling.stop().await;
}

#[tokio::test]
async fn addresses_out_of_reach_and_impossible_registers() {
    let world = World::new();
    let mut far = poll("192.0.2.1:502".parse().unwrap());
    far.registers.push(register("note", ModbusTable::Coil, 1, ModbusFormat::F32));
    let device = world.device_with("far", Some(far));
    let polling = Polling::start(&world);
    until("the refusal", || world.directory.presence_of(device) == [false]).await;
    let details: Vec<_> = world.directory.records().into_iter().map(|r| (r.code, r.detail)).collect();
    assert_eq!(details[0].0, "edge.modbus.register");
    assert!(details[1].1.contains("outside what may be polled"), "{details:?}");
    polling.stop().await;
}
