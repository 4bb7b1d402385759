//! Loads an HTTP line-protocol door and prints what came of it as one line of JSON.
//!
//! ```text
//! line_load --address 127.0.0.1:7400 --path /api/v1/ingest/line?precision=ms --tokens tokens.txt --connections 4 --batch 1000 --requests 200
//! ```
//! Every point has its own time. One request is under way per connection; latency is from writing it to reading its answer.
//! Any server that takes line protocol by POST can be loaded: with another `--path`, and without `--tokens`.

use std::{
    collections::HashMap,
    fmt::Write as _,
    time::{Duration, Instant},
};

use appkit::SystemClock;
use kernel::Clock;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

#[tokio::main]
async fn main() -> Result<()> {
    let given = arguments()?;
    let text = |name: &str, default: &str| given.get(name).cloned().unwrap_or_else(|| default.to_owned());
    let number = |name: &str, default: usize| given.get(name).map_or(Ok(default), |text| text.parse::<usize>());
    let (connections, batch, requests) = (number("connections", 4)?, number("batch", 1000)?, number("requests", 100)?);
    let tokens: Vec<String> = match given.get("tokens") {
        Some(file) => std::fs::read_to_string(file)?.split_whitespace().map(str::to_owned).collect(),
        None => Vec::new(),
    };
    let started = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for index in 0..connections {
        let head = Head {
            address: text("address", "127.0.0.1:7400"),
            path: text("path", "/api/v1/ingest/line?precision=ms"),
            token: tokens.get(index % tokens.len().max(1)).cloned(),
        };
        let metric = text("metric", "temp");
        tasks.spawn(async move { job(head, &metric, index, batch, requests).await });
    }
    let mut latencies = Vec::new();
    while let Some(done) = tasks.join_next().await {
        latencies.extend(done??);
    }
    let seconds = started.elapsed().as_secs_f64();
    latencies.sort_unstable();
    let percentile = |p: usize| {
        latencies.get(latencies.len().saturating_sub(1) * p / 100).map_or(0, |latency: &Duration| latency.as_micros())
    };
    let points = latencies.len() * batch;
    println!(
        "{}",
        serde_json::json!({
            "door": "http-line", "connections": connections, "batch": batch, "requests": latencies.len(), "points": points,
            "seconds": (seconds * 1000.0).round() / 1000.0, "points_per_s": (points as f64 / seconds).round(),
            "ack_p50_us": percentile(50) as u64, "ack_p99_us": percentile(99) as u64, "ack_max_us": percentile(100) as u64,
        })
    );
    Ok(())
}

fn arguments() -> Result<HashMap<String, String>> {
    let mut given = HashMap::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let name = name.strip_prefix("--").ok_or("arguments look like --name value")?.to_owned();
        given.insert(name, arguments.next().ok_or("the last argument has no value")?);
    }
    Ok(given)
}

struct Head {
    address: String,
    path: String,
    token: Option<String>,
}

async fn job(head: Head, metric: &str, lane: usize, batch: usize, requests: usize) -> Result<Vec<Duration>> {
    let mut stream = TcpStream::connect(&head.address).await?;
    stream.set_nodelay(true)?;
    let mut moment = SystemClock.now().millis() - (batch * requests) as i64 * (lane as i64 + 1);
    let authorization =
        head.token.as_ref().map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
    let mut latencies = Vec::with_capacity(requests);
    let mut answer = vec![0; 64 * 1024];
    for _ in 0..requests {
        let mut body = String::with_capacity(batch * 40);
        for _ in 0..batch {
            let value = 20.0 + (moment % 1000) as f64 / 100.0;
            writeln!(body, "load,lane={lane} {metric}={value:?} {moment}")?;
            moment += 1;
        }
        let request = format!(
            "POST {} HTTP/1.1\r\nhost: {}\r\ncontent-type: text/plain; charset=utf-8\r\n{authorization}content-length: {}\r\n\r\n{body}",
            head.path,
            head.address,
            body.len()
        );
        let began = Instant::now();
        stream.write_all(request.as_bytes()).await?;
        let status = read_answer(&mut stream, &mut answer).await?;
        if !(200..300).contains(&status) {
            return Err(format!("refused with {status}: {}", String::from_utf8_lossy(&answer[..600])).into());
        }
        latencies.push(began.elapsed());
    }
    Ok(latencies)
}

/// Reads one answer to its end and says its status.
async fn read_answer(stream: &mut TcpStream, buffer: &mut [u8]) -> Result<u16> {
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..]).await?;
        if read == 0 {
            return Err("the server closed the connection".into());
        }
        filled += read;
        let Some(end) = buffer[..filled].windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = std::str::from_utf8(&buffer[..end])?.to_ascii_lowercase();
        let status = head.split(' ').nth(1).ok_or("no status")?.parse()?;
        let length: usize = match head.lines().find_map(|line| line.strip_prefix("content-length:")) {
            Some(length) => length.trim().parse()?,
            None if status == 204 => 0,
            None => return Err("an answer without a length".into()),
        };
        if filled >= end + 4 + length {
            return Ok(status);
        }
    }
}
