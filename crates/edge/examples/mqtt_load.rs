//! Loads the MQTT door with QoS 1 messages and prints what came of it as one line of JSON.
//!
//! ```text
//! mqtt_load --address 127.0.0.1:1883 --tokens tokens.txt --metric temp --connections 8 --batch 100 --messages 500 --window 32
//! mqtt_load --connections 8 --batch 100 --messages 500            # without --address: a door of its own, in memory
//! ```
//! Every point has its own time, so every point counts. Latency is from writing a PUBLISH to reading its PUBACK. The door of
//! its own has a store in memory that commits every `--commit-ms` (5): it shows what the door costs, not the disk.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use appkit::SystemClock;
use contracts::{
    BoxFuture,
    devices::{DeviceBinding, DeviceDirectory, MetricBinding, Quarantined},
    telemetry::*,
};
use edge::{
    ingest::{Ingest, IngestLimits},
    mqtt::{MqttConfig, start},
};
use kernel::{
    Clock, SeededChance, Timestamp, Window,
    id::{AssetId, DeviceId, PartyId},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::read()?;
    let own = match options.address {
        Some(_) => None,
        None => Some(own_door(&options).await?),
    };
    let address = options.address.or(own.as_ref().map(|door| door.local_addr())).ok_or("no address")?;
    let tokens = options.tokens()?;
    let started = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for index in 0..options.connections {
        let job = Job {
            address,
            token: tokens[index % tokens.len()].clone(),
            client_id: format!("load-{index}"),
            // Connections that share a token must not send the same moments.
            lane: (index / tokens.len()) as i64,
            options: options.clone(),
        };
        tasks.spawn(job.run());
    }
    let mut latencies: Vec<u64> = Vec::new();
    while let Some(done) = tasks.join_next().await {
        latencies.extend(done??);
    }
    let seconds = started.elapsed().as_secs_f64();
    latencies.sort_unstable();
    let percentile = |p: usize| latencies.get((latencies.len().saturating_sub(1)) * p / 100).copied().unwrap_or(0);
    let points = latencies.len() * options.batch;
    println!(
        "{}",
        serde_json::json!({
            "door": "mqtt-qos1", "connections": options.connections, "batch": options.batch, "window": options.window,
            "messages": latencies.len(), "points": points, "seconds": (seconds * 1000.0).round() / 1000.0,
            "points_per_s": (points as f64 / seconds).round(), "messages_per_s": (latencies.len() as f64 / seconds).round(),
            "ack_p50_us": percentile(50), "ack_p99_us": percentile(99), "ack_max_us": percentile(100),
        })
    );
    if let Some(door) = own {
        door.stop().await;
    }
    Ok(())
}

#[derive(Clone)]
struct Options {
    address: Option<SocketAddr>,
    tokens_file: Option<String>,
    metric: String,
    connections: usize,
    batch: usize,
    messages: usize,
    window: usize,
    commit_ms: u64,
}

impl Options {
    fn read() -> Result<Self> {
        let mut given: HashMap<String, String> = HashMap::new();
        let mut arguments = std::env::args().skip(1);
        while let Some(name) = arguments.next() {
            let name = name.strip_prefix("--").ok_or("arguments look like --name value")?.to_owned();
            given.insert(name, arguments.next().ok_or("the last argument has no value")?);
        }
        let mut number = |name: &str, default: usize| -> Result<usize> {
            given.remove(name).map_or(Ok(default), |text| Ok(text.parse::<usize>()?.max(1)))
        };
        let (connections, batch) = (number("connections", 8)?, number("batch", 100)?);
        let (messages, window, commit_ms) = (number("messages", 200)?, number("window", 32)?, number("commit-ms", 5)?);
        let options = Self {
            address: given.remove("address").map(|text| text.parse()).transpose()?,
            tokens_file: given.remove("tokens"),
            metric: given.remove("metric").unwrap_or_else(|| "temp".into()),
            connections,
            batch,
            messages,
            window,
            commit_ms: commit_ms as u64,
        };
        match given.keys().next() {
            Some(unknown) => Err(format!("--{unknown} is not an option").into()),
            None => Ok(options),
        }
    }

    /// Device tokens, one a line; of the door of one's own, one per connection.
    fn tokens(&self) -> Result<Vec<String>> {
        let Some(file) = &self.tokens_file else {
            return Ok((0..self.connections).map(|index| format!("load-token-{index}")).collect());
        };
        let tokens: Vec<String> = std::fs::read_to_string(file)?.split_whitespace().map(str::to_owned).collect();
        if tokens.is_empty() { Err("the token file is empty".into()) } else { Ok(tokens) }
    }
}

/// One connection: keeps `window` messages under way until all are acknowledged.
struct Job {
    address: SocketAddr,
    token: String,
    client_id: String,
    lane: i64,
    options: Options,
}

impl Job {
    async fn run(self) -> Result<Vec<u64>> {
        let mut stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let mut connect = text("MQTT");
        connect.extend([4, 0x82, 0, 60]);
        connect.extend(text(&self.client_id));
        connect.extend(text(&self.token));
        stream.write_all(&packet(0x10, &connect)).await?;
        let mut connack = [0; 4];
        stream.read_exact(&mut connack).await?;
        if connack[3] != 0 {
            return Err(format!("the door refused {}: code {}", self.client_id, connack[3]).into());
        }
        let Options { batch, messages, window, .. } = self.options;
        let mut moment = SystemClock.now().millis() - (batch * messages) as i64 * (self.lane + 1);
        let (mut sent, mut latencies, mut under_way) = (0, Vec::with_capacity(messages), VecDeque::new());
        while latencies.len() < messages {
            while sent < messages && under_way.len() < window {
                let id = (sent % 65_535) as u16 + 1;
                let message = self.message(&mut moment, id);
                under_way.push_back((id, Instant::now()));
                stream.write_all(&message).await?;
                sent += 1;
            }
            let mut ack = [0; 4];
            stream.read_exact(&mut ack).await?;
            let (id, since) = under_way.pop_front().ok_or("an acknowledgement too many")?;
            if ack != [0x40, 2, (id >> 8) as u8, id as u8] {
                return Err(format!("{ack:02x?} instead of the acknowledgement of {id}").into());
            }
            latencies.push(since.elapsed().as_micros() as u64);
        }
        stream.write_all(&[0xe0, 0]).await?;
        Ok(latencies)
    }

    fn message(&self, moment: &mut i64, id: u16) -> Vec<u8> {
        let mut body = text("v1/devices/me/telemetry");
        body.extend(id.to_be_bytes());
        for index in 0..self.options.batch {
            let value = 20.0 + (*moment % 1000) as f64 / 100.0;
            let start = if index == 0 { '[' } else { ',' };
            let set = format!("{start}{{\"ts\":{moment},\"values\":{{\"{}\":{value:?}}}}}", self.options.metric);
            body.extend(set.as_bytes());
            *moment += 1;
        }
        body.push(b']');
        packet(0x32, &body)
    }
}

fn text(value: &str) -> Vec<u8> {
    let mut out = (value.len() as u16).to_be_bytes().to_vec();
    out.extend_from_slice(value.as_bytes());
    out
}

fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    let mut length = body.len();
    loop {
        let byte = (length % 128) as u8;
        length /= 128;
        out.push(if length > 0 { byte | 0x80 } else { byte });
        if length == 0 {
            break;
        }
    }
    out.extend_from_slice(body);
    out
}

async fn own_door(options: &Options) -> Result<edge::mqtt::Handle> {
    let tick = Duration::from_millis(options.commit_ms);
    let store = Arc::new(MemoryStore { tick, began: tokio::time::Instant::now() });
    let directory = Arc::new(OneDevicePerToken::new(options));
    let ingest = Ingest::new(store, directory, Arc::new(SystemClock), IngestLimits::default());
    let config = MqttConfig { bind: ([127, 0, 0, 1], 0).into(), ..MqttConfig::default() };
    start(config, ingest).await.map_err(|error| error.to_string().into())
}

/// Keeps nothing; answers at the next tick, as a store with group commit does.
struct MemoryStore {
    tick: Duration,
    began: tokio::time::Instant,
}

impl TelemetryStore for MemoryStore {
    fn append(&self, batch: Vec<Point>) -> BoxFuture<'_, kernel::Result<Receipt>> {
        let ticks = self.began.elapsed().as_micros() / self.tick.as_micros() + 1;
        let at = self.began + self.tick * ticks as u32;
        Box::pin(async move {
            tokio::time::sleep_until(at).await;
            Ok(Receipt { position: Position::new(1, 1), outcomes: vec![Outcome::Accepted; batch.len()] })
        })
    }
    fn append_bulk(&self, batch: Vec<Point>) -> BoxFuture<'_, kernel::Result<Receipt>> {
        self.append(batch)
    }
    fn latest(&self, _: &SeriesKey) -> Option<Stored> {
        None
    }
    fn range(&self, _: &RangeQuery) -> kernel::Result<RangeAnswer> {
        Ok(RangeAnswer::default())
    }
    fn last_before(&self, _: &SeriesKey, _: Timestamp, _: Position) -> kernel::Result<Option<Stored>> {
        Ok(None)
    }
    fn aggregate(&self, _: &SeriesKey, _: Window, _: kernel::Duration) -> kernel::Result<Buckets> {
        Ok(Buckets::default())
    }
    fn series(&self, _: AssetId) -> Vec<SeriesInfo> {
        Vec::new()
    }
    fn conflicts(&self, _: AssetId, _: usize) -> Vec<ConflictRecord> {
        Vec::new()
    }
    fn position(&self) -> Position {
        Position::new(1, 1)
    }
    fn stats(&self) -> StoreStats {
        StoreStats::default()
    }
    fn listen(&self, _: Listener) {}
    fn scrub(&self) -> kernel::Result<Vec<Damage>> {
        Ok(Vec::new())
    }
}

struct OneDevicePerToken {
    by_token: HashMap<String, Arc<DeviceBinding>>,
    by_id: HashMap<DeviceId, Arc<DeviceBinding>>,
}

impl OneDevicePerToken {
    fn new(options: &Options) -> Self {
        let (chance, now) = (SeededChance::new(1), Timestamp::from_micros(0));
        let mut all = Self { by_token: HashMap::new(), by_id: HashMap::new() };
        for index in 0..options.connections {
            let metric = MetricBinding {
                asset: AssetId::at(now, &chance),
                property: options.metric.as_str().into(),
                value_type: ValueType::F64,
                unit: None,
                scale: 1.0,
                offset: 0.0,
                min: None,
                max: None,
            };
            let binding = Arc::new(DeviceBinding {
                device: DeviceId::at(now, &chance),
                tenant: PartyId::at(now, &chance),
                name: format!("load-{index}"),
                enabled: true,
                metrics: BTreeMap::from([(options.metric.clone(), metric)]),
                poll: None,
            });
            all.by_token.insert(format!("load-token-{index}"), binding.clone());
            all.by_id.insert(binding.device, binding);
        }
        all
    }
}

impl DeviceDirectory for OneDevicePerToken {
    fn by_token(&self, token: &str) -> Option<Arc<DeviceBinding>> {
        self.by_token.get(token).cloned()
    }
    fn by_id(&self, device: DeviceId) -> Option<Arc<DeviceBinding>> {
        self.by_id.get(&device).cloned()
    }
    fn polled(&self) -> Vec<Arc<DeviceBinding>> {
        Vec::new()
    }
    fn revision(&self) -> u64 {
        1
    }
    fn quarantine(&self, records: Vec<Quarantined>) -> BoxFuture<'_, kernel::Result<()>> {
        Box::pin(async move {
            if let Some(first) = records.first() {
                eprintln!("set aside: {} {}", first.code, first.detail);
            }
            Ok(())
        })
    }
    fn presence(&self, _: DeviceId, _: bool, _: Timestamp) {}
}
