//! A tiny MQTT client that writes whatever bytes a test wants and shows every byte that comes back.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

pub const PATIENCE: Duration = Duration::from_secs(5);
pub const TELEMETRY: &str = "v1/devices/me/telemetry";

pub struct Wire {
    stream: TcpStream,
    pub v5: bool,
}

/// What came back: first byte and body.
pub type Frame = (u8, Vec<u8>);

pub fn text(value: &str) -> Vec<u8> {
    let mut out = (value.len() as u16).to_be_bytes().to_vec();
    out.extend_from_slice(value.as_bytes());
    out
}

pub fn packet(first: u8, body: &[u8]) -> Vec<u8> {
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

/// A CONNECT; a will is (topic, payload).
pub fn connect(
    v5: bool,
    client_id: &str,
    user: Option<&str>,
    password: Option<&str>,
    keep_alive_s: u16,
    will: Option<(&str, &str)>,
) -> Vec<u8> {
    let mut body = text("MQTT");
    let flags = 0x02
        | if user.is_some() { 0x80 } else { 0 }
        | if password.is_some() { 0x40 } else { 0 }
        | if will.is_some() { 0x04 } else { 0 };
    body.extend([if v5 { 5 } else { 4 }, flags]);
    body.extend(keep_alive_s.to_be_bytes());
    if v5 {
        body.push(0);
    }
    body.extend(text(client_id));
    if let Some((topic, payload)) = will {
        if v5 {
            body.push(0);
        }
        body.extend(text(topic));
        body.extend(text(payload));
    }
    for field in [user, password].into_iter().flatten() {
        body.extend(text(field));
    }
    packet(0x10, &body)
}

impl Wire {
    pub async fn open(address: SocketAddr, v5: bool) -> Self {
        Self { stream: TcpStream::connect(address).await.unwrap(), v5 }
    }

    /// Connected as the device of the token.
    pub async fn device(address: SocketAddr, v5: bool, token: &str, client_id: &str) -> Self {
        let mut wire = Self::open(address, v5).await;
        wire.send(&connect(v5, client_id, Some(token), None, 60, None)).await;
        let (first, body) = wire.frame().await.expect("a CONNACK");
        assert_eq!((first, body[1]), (0x20, 0), "{body:02x?}");
        wire
    }

    pub async fn send(&mut self, bytes: &[u8]) {
        // The server may hang up in the middle of what we write; the test then sees it when reading.
        let _ = self.stream.write_all(bytes).await;
    }

    pub async fn publish(&mut self, topic: &str, qos: u8, id: u16, payload: &[u8]) {
        let mut body = text(topic);
        if qos > 0 {
            body.extend(id.to_be_bytes());
        }
        if self.v5 {
            body.push(0);
        }
        body.extend_from_slice(payload);
        self.send(&packet(0x30 | qos << 1, &body)).await;
    }

    /// The next packet; none when the server hung up. Panics when nothing happens.
    pub async fn frame(&mut self) -> Option<Frame> {
        timeout(PATIENCE, self.read()).await.expect("the server answers or hangs up")
    }

    /// Whether nothing at all comes for a while.
    pub async fn silent(&mut self, wait: Duration) -> bool {
        timeout(wait, self.read()).await.is_err()
    }

    async fn read(&mut self) -> Option<Frame> {
        let first = self.stream.read_u8().await.ok()?;
        let (mut length, mut shift) = (0usize, 0);
        loop {
            let byte = self.stream.read_u8().await.ok()?;
            length |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await.ok()?;
        Some((first, body))
    }

    /// Expects an acknowledgement (PUBACK 0x40, PUBREC 0x50, PUBCOMP 0x70) and gives its identifier and reason.
    pub async fn ack(&mut self, kind: u8) -> (u16, u8) {
        let (first, body) = self.frame().await.expect("an acknowledgement");
        assert_eq!(first, kind, "{body:02x?}");
        (u16::from_be_bytes([body[0], body[1]]), body.get(2).copied().unwrap_or(0))
    }

    /// Expects the server to hang up; in MQTT 5 with this reason.
    pub async fn hung_up(&mut self, reason: u8) {
        loop {
            match self.frame().await {
                None => return,
                Some((0xe0, body)) if self.v5 => assert_eq!(body.first().copied().unwrap_or(0), reason),
                Some(other) => panic!("{other:02x?} instead of the end"),
            }
        }
    }

    pub async fn ping(&mut self) -> bool {
        self.send(&[0xc0, 0]).await;
        matches!(self.frame().await, Some((0xd0, _)))
    }
}
