//! The platform's side of the sockets, small enough to read at once.

use std::{
    future::Future,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use kernel::{Clock, Timestamp};
use mqtt5::broker::{
    BrokerConfig, MqttBroker,
    config::{StorageBackend, StorageConfig},
    events::{BrokerEventHandler, ClientPublishEvent, PublishAction},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};

/// A clock that runs with the test, from a fixed moment.
pub struct TestClock(Timestamp, std::time::Instant);

impl TestClock {
    pub fn starting(at: Timestamp) -> Arc<Self> {
        Arc::new(Self(at, std::time::Instant::now()))
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        self.0 + kernel::Duration::from_micros(self.1.elapsed().as_micros() as i64)
    }
}

/// What a broker has heard: client id, topic, payload.
pub type Heard = Arc<Mutex<Vec<(String, String, Vec<u8>)>>>;

struct Ear(Heard);

impl BrokerEventHandler for Ear {
    fn on_client_publish<'a>(
        &'a self,
        event: ClientPublishEvent,
    ) -> Pin<Box<dyn Future<Output = PublishAction> + Send + 'a>> {
        self.0.lock().unwrap().push((event.client_id.to_string(), event.topic.to_string(), event.payload.to_vec()));
        Box::pin(async { PublishAction::Handled })
    }
}

/// A broker on a loopback port; aborting the task takes it away without a goodbye.
pub async fn broker(address: SocketAddr, heard: Heard) -> (SocketAddr, JoinHandle<()>) {
    let config = BrokerConfig::default()
        .with_bind_address(address)
        .with_storage(StorageConfig {
            backend: StorageBackend::Memory,
            enable_persistence: false,
            ..StorageConfig::default()
        })
        .with_event_handler(Arc::new(Ear(heard)));
    // A port that was just in use may need a moment.
    let mut broker = loop {
        match MqttBroker::with_config(config.clone()).await {
            Ok(broker) => break broker,
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    };
    let address = broker.local_addr().unwrap();
    let task = tokio::spawn(async move {
        broker.run().await.unwrap();
    });
    (address, task)
}

/// One request as the stub saw it: first line, authorization header, body.
pub type Request = (String, Option<String>, Vec<u8>);

/// An HTTP server that answers each request with the next of these statuses, then with the last one for ever.
pub async fn http(statuses: Vec<&'static str>) -> (SocketAddr, Arc<Mutex<Vec<Request>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let seen: Arc<Mutex<Vec<Request>>> = Arc::default();
    let all = seen.clone();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (all, statuses) = (all.clone(), statuses.clone());
            tokio::spawn(async move {
                let mut buffer = Vec::new();
                while let Some(request) = read(&mut stream, &mut buffer).await {
                    let status = {
                        let mut all = all.lock().unwrap();
                        all.push(request);
                        statuses[(all.len() - 1).min(statuses.len() - 1)]
                    };
                    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\nok");
                    if stream.write_all(answer.as_bytes()).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    (address, seen)
}

async fn read(stream: &mut tokio::net::TcpStream, buffer: &mut Vec<u8>) -> Option<Request> {
    loop {
        if let Some(end) = buffer.windows(4).position(|w| w == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
            let header = |name: &str| {
                head.lines().find_map(|line| {
                    line.to_lowercase().starts_with(name).then(|| line[name.len()..].trim().to_owned())
                })
            };
            let length: usize = header("content-length:")?.parse().ok()?;
            if buffer.len() >= end + 4 + length {
                let body = buffer[end + 4..end + 4 + length].to_vec();
                buffer.drain(..end + 4 + length);
                return Some((head.lines().next()?.to_owned(), header("authorization:"), body));
            }
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}

/// Waits for something that a task will bring about.
pub async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..1500 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("waited 15 s in vain: {what}");
}
