//! From a fresh socket to a known device, or to nothing. Nothing a stranger sends is kept, and no CONNECT is larger than
//! 16 KiB.

use bytes::{Bytes, BytesMut};
use contracts::devices::DeviceBinding;
use kernel::id::DeviceId;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    Shared,
    codec::{self, Connect, Incoming, Outgoing, Progress, Reason, Version, Will},
    registry::Seat,
    topics,
};

const CLIENT_ID_BYTES_MAX: usize = 256;
const TOKEN_BYTES_MAX: usize = 256;
/// Asked of MQTT 5 clients that want no keep-alive or a very long one.
const KEEP_ALIVE_S_MAX: u16 = 900;
/// A client that promises no signs of life is dropped after this long without any.
const IDLE_S_MAX: u64 = 3600;

/// A device that has come in.
pub(super) struct Guest {
    pub(super) version: Version,
    pub(super) device: DeviceId,
    pub(super) token: String,
    pub(super) will: Option<Will>,
    pub(super) explain: bool,
    /// Largest packet it takes.
    pub(super) packet_bytes_max: usize,
    /// How long it may stay silent.
    pub(super) idle_s_max: u64,
    pub(super) seat: Seat,
    /// What has arrived after its CONNECT.
    pub(super) inbox: BytesMut,
}

pub(super) async fn shake(shared: &Shared, stream: &mut TcpStream) -> Option<Guest> {
    let mut inbox = BytesMut::with_capacity(1024);
    let connect = loop {
        if !codec::starts_like_connect(&inbox) {
            return None;
        }
        // The version is in the packet itself; the library reads CONNECT the same way for both.
        match codec::next(&mut inbox, Version::V5, shared.config.packet_bytes_max) {
            Ok(Progress::Packet(Incoming::Connect(connect))) => break connect,
            Ok(Progress::Packet(Incoming::ConnectOtherwise)) => {
                answer(stream, Version::V311, Outgoing::Refused(Reason::UnsupportedProtocolVersion)).await;
                return None;
            }
            Ok(Progress::Packet(_)) => return None,
            Ok(Progress::Partial(_)) => {}
            Err(error) => {
                tracing::debug!(reason = %error.detail, "not a CONNECT");
                return None;
            }
        }
        inbox.reserve(1024);
        if stream.read_buf(&mut inbox).await.ok()? == 0 {
            return None;
        }
    };
    let version = connect.version;
    match admit(shared, &connect, version) {
        Ok((binding, token, client_id, assigned)) => {
            let Some(seat) = shared.registry.enter(binding.device, &client_id) else {
                tracing::info!(device = %binding.device, "too many sessions of one device");
                answer(stream, version, Outgoing::Refused(Reason::QuotaExceeded)).await;
                return None;
            };
            let (keep_alive_s, asked) = keep_alive(connect.keep_alive_s, version);
            let accepted = Outgoing::Accepted {
                receive_max: shared.config.receive_max,
                packet_bytes_max: u32::try_from(shared.config.packet_bytes_max).unwrap_or(u32::MAX),
                assigned_client_id: assigned.then_some(client_id.as_str()),
                keep_alive_s: asked,
            };
            answer(stream, version, accepted).await;
            tracing::debug!(device = %binding.device, %client_id, ?version, "device connected");
            Some(Guest {
                version,
                device: binding.device,
                token,
                will: connect.will,
                explain: connect.explain,
                packet_bytes_max: connect.packet_bytes_max.map_or(usize::MAX, |max| max as usize),
                idle_s_max: if keep_alive_s == 0 { IDLE_S_MAX } else { u64::from(keep_alive_s) * 3 / 2 },
                seat,
                inbox,
            })
        }
        Err(reason) => {
            tracing::debug!(?reason, "device refused");
            answer(stream, version, Outgoing::Refused(reason)).await;
            None
        }
    }
}

type Admitted = (std::sync::Arc<DeviceBinding>, String, String, bool);

/// Everything that is decided from the CONNECT alone.
fn admit(shared: &Shared, connect: &Connect, version: Version) -> Result<Admitted, Reason> {
    if connect.enhanced_auth {
        return Err(Reason::BadAuthenticationMethod);
    }
    if connect.client_id.len() > CLIENT_ID_BYTES_MAX
        || (connect.client_id.is_empty() && version == Version::V311 && !connect.clean_start)
    {
        return Err(Reason::ClientIdentifierNotValid);
    }
    if connect.packet_bytes_max == Some(0) {
        return Err(Reason::ProtocolError);
    }
    let (binding, token) = authenticate(shared, connect)?;
    if connect.will.as_ref().is_some_and(|will| !topics::may_publish(&will.topic)) {
        return Err(Reason::NotAuthorized);
    }
    let assigned = connect.client_id.is_empty();
    let client_id = if assigned { format!("auto-{}", shared.registry.serial()) } else { connect.client_id.clone() };
    Ok((binding, token, client_id, assigned))
}

/// The token is the password, or else the user name; the directory compares digests.
fn authenticate(shared: &Shared, connect: &Connect) -> Result<(std::sync::Arc<DeviceBinding>, String), Reason> {
    let password = connect.password.as_deref().and_then(|bytes| std::str::from_utf8(bytes).ok());
    let candidates = [password, connect.username.as_deref()];
    let mut any = false;
    for token in candidates.into_iter().flatten().filter(|token| !token.is_empty()) {
        any = true;
        if token.len() > TOKEN_BYTES_MAX {
            continue;
        }
        if let Some(binding) = shared.ingest.directory().by_token(token) {
            return if binding.enabled { Ok((binding, token.to_owned())) } else { Err(Reason::NotAuthorized) };
        }
    }
    Err(if any { Reason::BadUsernameOrPassword } else { Reason::NotAuthorized })
}

/// The keep-alive in force, and the one to ask an MQTT 5 client for when it is not its own.
fn keep_alive(wanted_s: u16, version: Version) -> (u16, Option<u16>) {
    match version {
        Version::V5 if wanted_s == 0 || wanted_s > KEEP_ALIVE_S_MAX => (KEEP_ALIVE_S_MAX, Some(KEEP_ALIVE_S_MAX)),
        _ => (wanted_s, None),
    }
}

async fn answer(stream: &mut TcpStream, version: Version, packet: Outgoing<'_>) {
    let mut out = BytesMut::new();
    if let Err(error) = codec::put(&mut out, version, packet) {
        tracing::error!(reason = %error.detail, "cannot write an MQTT packet");
        return;
    }
    // A peer that is gone will show when it is read.
    if let Err(cause) = stream.write_all(&Bytes::from(out)).await {
        tracing::debug!(%cause, "cannot answer a CONNECT");
    }
}
