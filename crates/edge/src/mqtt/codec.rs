//! MQTT packets on the wire. The only file that knows which library reads and writes them.
//!
//! The rest of the module sees [`Incoming`], [`Outgoing`] and [`Reason`]; exchanging the library means rewriting this file.

use bytes::{Buf, Bytes, BytesMut};
use mqtt5::{
    QoS,
    packet::{
        FixedHeader, Packet, PacketType, connack::ConnAckPacket, connect::ConnectPacket, disconnect::DisconnectPacket,
        puback::PubAckPacket, pubcomp::PubCompPacket, publish::PublishPacket, pubrec::PubRecPacket,
        suback::SubAckPacket, suback::SubAckReasonCode, unsuback::UnsubAckPacket, unsuback::UnsubAckReasonCode,
    },
    transport::packet_io::encode_packet_to_buffer,
};

pub(crate) use mqtt5::protocol::v5::reason_codes::ReasonCode as Reason;

/// Largest packet of any kind other than PUBLISH, and largest property section of a PUBLISH.
const SMALL_BYTES_MAX: usize = 16 * 1024;
const PROPERTY_BYTES_MAX: usize = 4 * 1024;

/// The two dialects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    V311,
    V5,
}

impl Version {
    fn number(self) -> u8 {
        match self {
            Version::V311 => 4,
            Version::V5 => 5,
        }
    }
}

/// How hard the sender wants to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// QoS 0: not at all.
    Unanswered,
    /// QoS 1, with the packet's identifier.
    Acknowledged(u16),
    /// QoS 2, with the packet's identifier.
    Assured(u16),
}

#[derive(Debug)]
pub(crate) struct Connect {
    pub(crate) version: Version,
    pub(crate) clean_start: bool,
    pub(crate) keep_alive_s: u16,
    pub(crate) client_id: String,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<Vec<u8>>,
    pub(crate) will: Option<Will>,
    pub(crate) enhanced_auth: bool,
    /// Largest packet the client takes.
    pub(crate) packet_bytes_max: Option<u32>,
    /// Whether reasons may be spelled out to it.
    pub(crate) explain: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Will {
    pub(crate) topic: String,
    pub(crate) payload: Bytes,
}

#[derive(Debug)]
pub(crate) struct Publish {
    pub(crate) topic: String,
    pub(crate) payload: Bytes,
    pub(crate) delivery: Delivery,
    pub(crate) retain: bool,
    pub(crate) aliased: bool,
}

/// What a device may say.
#[derive(Debug)]
pub(crate) enum Incoming {
    Connect(Box<Connect>),
    /// A CONNECT of a version that we do not speak.
    ConnectOtherwise,
    Publish(Publish),
    /// Second half of exactly-once.
    Release(u16),
    Subscribe(u16, Vec<String>),
    Unsubscribe(u16, Vec<String>),
    Ping,
    /// True when the will is to be published all the same.
    Disconnect(bool),
    /// Acknowledges something we never send, or has no business here.
    Unexpected(&'static str),
}

/// What we say.
#[derive(Debug)]
pub(crate) enum Outgoing<'a> {
    Accepted { receive_max: u16, packet_bytes_max: u32, assigned_client_id: Option<&'a str>, keep_alive_s: Option<u16> },
    Refused(Reason),
    Ack(u16, Reason, Option<String>),
    Received(u16, Reason, Option<String>),
    Complete(u16, Reason),
    Subscribed(u16, &'a [bool]),
    Unsubscribed(u16, &'a [bool]),
    Pong,
    Message { topic: &'a str, payload: Bytes },
    Goodbye(Reason),
}

/// Why a connection cannot go on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct WireError {
    pub(crate) reason: Reason,
    pub(crate) detail: String,
}

fn wire(reason: Reason, detail: impl Into<String>) -> WireError {
    WireError { reason, detail: detail.into() }
}

/// What the bytes received so far amount to.
#[derive(Debug)]
pub(crate) enum Progress {
    /// Not a packet yet; its whole size when that is known.
    Partial(Option<usize>),
    Packet(Incoming),
}

/// Takes the next packet off the buffer. No length is believed before it is compared with `bytes_max`, and nothing is
/// reserved for bytes that have not arrived.
pub(crate) fn next(buffer: &mut BytesMut, version: Version, bytes_max: usize) -> Result<Progress, WireError> {
    let Some((header_bytes, body_bytes)) = frame(buffer)? else { return Ok(Progress::Partial(None)) };
    let total = header_bytes + body_bytes;
    let publish = buffer[0] >> 4 == 3;
    let limit = if publish { bytes_max } else { bytes_max.min(SMALL_BYTES_MAX) };
    if total > limit {
        return Err(wire(Reason::PacketTooLarge, format!("a packet of {total} bytes; at most {limit} are taken")));
    }
    if buffer.len() < total {
        return Ok(Progress::Partial(Some(total)));
    }
    let mut packet = buffer.split_to(total).freeze();
    let header = FixedHeader::decode(&mut packet).map_err(malformed)?;
    if header.packet_type == PacketType::Connect && speaks_otherwise(&packet) {
        return Ok(Progress::Packet(Incoming::ConnectOtherwise));
    }
    if publish && version == Version::V5 {
        small_properties(&packet, header.flags)?;
    }
    let packet = Packet::decode_from_body_with_version(header.packet_type, &header, &mut packet, version.number())
        .map_err(malformed)?;
    incoming(packet).map(Progress::Packet)
}

/// Sizes of header and body, when the header has arrived.
fn frame(buffer: &[u8]) -> Result<Option<(usize, usize)>, WireError> {
    let mut length = 0usize;
    for index in 0..4 {
        let Some(byte) = buffer.get(1 + index) else { return Ok(None) };
        length |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Ok(Some((2 + index, length)));
        }
    }
    Err(wire(Reason::MalformedPacket, "a remaining length of more than four bytes"))
}

/// Whether the body of a CONNECT names MQTT 3.1 or a version after 5: what follows then may mean anything.
fn speaks_otherwise(body: &[u8]) -> bool {
    body.starts_with(b"\0\x06MQIsdp")
        || body.strip_prefix(b"\0\x04MQTT").is_some_and(|rest| rest.first().is_some_and(|v| !matches!(v, 4 | 5)))
}

/// Looks at the size of a PUBLISH's properties before a list is made of them.
fn small_properties(mut body: &[u8], flags: u8) -> Result<(), WireError> {
    let short = || wire(Reason::MalformedPacket, "a PUBLISH that ends in its header");
    let identifier = if flags & 0x06 == 0 { 0 } else { 2 };
    if body.len() < 2 {
        return Err(short());
    }
    let skip = usize::from(body.get_u16()) + identifier;
    let rest = body.get(skip..).ok_or_else(short)?;
    let mut length = 0usize;
    for index in 0..4 {
        let byte = rest.get(index).ok_or_else(short)?;
        length |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            break;
        }
    }
    if length > PROPERTY_BYTES_MAX {
        return Err(wire(
            Reason::PacketTooLarge,
            format!("{length} bytes of properties; at most {PROPERTY_BYTES_MAX} are taken"),
        ));
    }
    Ok(())
}

fn malformed(error: mqtt5::MqttError) -> WireError {
    wire(Reason::MalformedPacket, error.to_string())
}

fn incoming(packet: Packet) -> Result<Incoming, WireError> {
    Ok(match packet {
        Packet::Connect(packet) => Incoming::Connect(Box::new(connect(*packet))),
        Packet::Publish(packet) => Incoming::Publish(publish(packet)?),
        Packet::PubRel(packet) => Incoming::Release(packet.packet_id),
        Packet::Subscribe(packet) => {
            Incoming::Subscribe(packet.packet_id, packet.filters.into_iter().map(|filter| filter.filter).collect())
        }
        Packet::Unsubscribe(packet) => Incoming::Unsubscribe(packet.packet_id, packet.filters),
        Packet::PingReq => Incoming::Ping,
        Packet::Disconnect(packet) => Incoming::Disconnect(packet.reason_code == Reason::DisconnectWithWillMessage),
        other => Incoming::Unexpected(other.packet_type_name()),
    })
}

fn connect(packet: ConnectPacket) -> Connect {
    Connect {
        version: if packet.protocol_version == 5 { Version::V5 } else { Version::V311 },
        clean_start: packet.clean_start,
        keep_alive_s: packet.keep_alive,
        client_id: packet.client_id,
        username: packet.username,
        password: packet.password,
        will: packet.will.map(|will| Will { topic: will.topic, payload: will.payload.into() }),
        enhanced_auth: packet.properties.get_authentication_method().is_some(),
        packet_bytes_max: packet.properties.get_maximum_packet_size(),
        explain: packet.properties.get_request_problem_information().unwrap_or(true),
    }
}

fn publish(packet: PublishPacket) -> Result<Publish, WireError> {
    let aliased = packet.topic_alias().is_some();
    if packet.topic_name.is_empty() && !aliased {
        return Err(wire(Reason::ProtocolError, "a PUBLISH without a topic"));
    }
    let delivery = match (packet.qos, packet.packet_id) {
        (QoS::AtMostOnce, _) => Delivery::Unanswered,
        (_, None | Some(0)) => {
            return Err(wire(Reason::ProtocolError, "a PUBLISH that wants an answer but has no identifier"));
        }
        (QoS::AtLeastOnce, Some(id)) => Delivery::Acknowledged(id),
        (QoS::ExactlyOnce, Some(id)) => Delivery::Assured(id),
    };
    Ok(Publish { topic: packet.topic_name, payload: packet.payload, delivery, retain: packet.retain, aliased })
}

/// Appends a packet to the bytes to be written. Reasons are only spelled out to MQTT 5 clients.
///
/// # Errors
/// When the library cannot encode it; the connection should then end.
pub(crate) fn put(out: &mut BytesMut, version: Version, packet: Outgoing<'_>) -> Result<(), WireError> {
    let v5 = version == Version::V5;
    let packet = match packet {
        Outgoing::Accepted { receive_max, packet_bytes_max, assigned_client_id, keep_alive_s } => {
            let mut connack = if v5 {
                ConnAckPacket::new(false, Reason::Success)
            } else {
                ConnAckPacket::new_v311(false, Reason::Success)
            };
            if v5 {
                connack = connack
                    .with_session_expiry_interval(0)
                    .with_receive_maximum(receive_max)
                    .with_maximum_packet_size(packet_bytes_max)
                    .with_retain_available(false)
                    .with_subscription_identifier_available(false)
                    .with_shared_subscription_available(false);
                if let Some(id) = assigned_client_id {
                    connack = connack.with_assigned_client_id(id.to_owned());
                }
                if let Some(seconds) = keep_alive_s {
                    connack = connack.with_server_keep_alive(seconds);
                }
            }
            Packet::ConnAck(connack)
        }
        Outgoing::Refused(reason) if v5 => Packet::ConnAck(ConnAckPacket::new(false, reason)),
        Outgoing::Refused(reason) => Packet::ConnAck(ConnAckPacket::new_v311(false, reason)),
        Outgoing::Ack(id, reason, text) => {
            let packet = PubAckPacket::new_with_reason(id, reason);
            Packet::PubAck(match text {
                Some(text) if v5 => packet.with_reason_string(text),
                _ => packet,
            })
        }
        Outgoing::Received(id, reason, text) => {
            let packet = PubRecPacket::new_with_reason(id, reason);
            Packet::PubRec(match text {
                Some(text) if v5 => packet.with_reason_string(text),
                _ => packet,
            })
        }
        // MQTT 3.1.1 has no room for a reason.
        Outgoing::Complete(id, reason) if v5 => Packet::PubComp(PubCompPacket::new_with_reason(id, reason)),
        Outgoing::Complete(id, _) => Packet::PubComp(PubCompPacket::new(id)),
        Outgoing::Subscribed(id, granted) => {
            let mut packet = if v5 { SubAckPacket::new(id) } else { SubAckPacket::new_v311(id) };
            let code =
                |granted: &bool| if *granted { SubAckReasonCode::GrantedQoS0 } else { SubAckReasonCode::NotAuthorized };
            packet.reason_codes = granted.iter().map(code).collect();
            Packet::SubAck(packet)
        }
        Outgoing::Unsubscribed(id, existed) => {
            let mut packet = if v5 { UnsubAckPacket::new(id) } else { UnsubAckPacket::new_v311(id) };
            let code = |existed: &bool| {
                if *existed { UnsubAckReasonCode::Success } else { UnsubAckReasonCode::NoSubscriptionExisted }
            };
            packet.reason_codes = existed.iter().map(code).collect();
            Packet::UnsubAck(packet)
        }
        Outgoing::Pong => Packet::PingResp,
        Outgoing::Message { topic, payload } if v5 => {
            Packet::Publish(PublishPacket::new(topic, payload, QoS::AtMostOnce))
        }
        Outgoing::Message { topic, payload } => {
            Packet::Publish(PublishPacket::new_v311(topic, payload, QoS::AtMostOnce))
        }
        // MQTT 3.1.1 servers just hang up.
        Outgoing::Goodbye(_) if !v5 => return Ok(()),
        Outgoing::Goodbye(reason) => Packet::Disconnect(DisconnectPacket::new(reason)),
    };
    encode_packet_to_buffer(&packet, out).map_err(|error| wire(Reason::UnspecifiedError, error.to_string()))
}

/// Whether the buffer starts like a CONNECT: anything else is hung up on at its first byte.
pub(crate) fn starts_like_connect(buffer: &[u8]) -> bool {
    buffer.first().is_none_or(|byte| *byte == (PacketType::Connect as u8) << 4)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(bytes: &[u8], version: Version) -> Result<Progress, WireError> {
        next(&mut BytesMut::from(bytes), version, 1 << 20)
    }

    #[test]
    fn lengths_are_checked_before_they_are_believed() {
        // Five-byte length; a length beyond the limit; a CONNECT that would be larger than any.
        assert_eq!(
            read(&[0x30, 0xff, 0xff, 0xff, 0xff, 0x01], Version::V5).unwrap_err().reason,
            Reason::MalformedPacket
        );
        assert_eq!(read(&[0x30, 0xff, 0xff, 0xff, 0x7f], Version::V5).unwrap_err().reason, Reason::PacketTooLarge);
        assert_eq!(read(&[0x10, 0x81, 0x80, 0x01], Version::V5).unwrap_err().reason, Reason::PacketTooLarge);
        assert!(matches!(read(&[0x30, 0x80], Version::V5), Ok(Progress::Partial(None))));
        assert!(matches!(read(&[0x30, 0x05, 0], Version::V5), Ok(Progress::Partial(Some(7)))));
    }

    #[test]
    fn known_attack_shapes_are_refused() {
        for (bytes, version) in [
            (&[0x30, 0x02, 0x00, 0x00][..], Version::V311),         // empty topic
            (&[0x30, 0x03, 0x00, 0x01, 0xff], Version::V311),       // topic is not UTF-8
            (&[0x36, 0x04, 0x00, 0x01, b'a', 0x00], Version::V311), // QoS 3
            (&[0x32, 0x05, 0x00, 0x01, b'a', 0x00, 0x00], Version::V311), // identifier 0
            (&[0x32, 0x03, 0x00, 0x01, b'a'], Version::V311),       // no identifier
            (&[0x30, 0x04, 0x00, 0x09, b'a', b'b'], Version::V311), // topic longer than the packet
            (&[0x30, 0x04, 0x00, 0x01, b'a', 0x05], Version::V5),   // properties longer than the packet
            (&[0x30, 0x06, 0x00, 0x01, b'a', 0xff, 0xff, 0x7f], Version::V5), // huge properties
            (&[0x82, 0x02, 0x00, 0x01], Version::V311),             // SUBSCRIBE to nothing
            (&[0x80, 0x05, 0x00, 0x01, 0x00, 0x00, 0x00], Version::V311), // wrong flags
            (&[0x00, 0x00], Version::V5),                           // type 0
            (&[0x38, 0x03, 0x00, 0x01, b'a'], Version::V311),       // DUP without QoS
        ] {
            assert!(read(bytes, version).is_err(), "{bytes:02x?}");
        }
    }

    #[test]
    fn round_trips_of_what_we_send() {
        for version in [Version::V311, Version::V5] {
            let mut out = BytesMut::new();
            for packet in [
                Outgoing::Accepted {
                    receive_max: 64,
                    packet_bytes_max: 1,
                    assigned_client_id: Some("x"),
                    keep_alive_s: Some(9),
                },
                Outgoing::Refused(Reason::BadUsernameOrPassword),
                Outgoing::Ack(1, Reason::Success, Some("2 set aside".into())),
                Outgoing::Received(1, Reason::Success, None),
                Outgoing::Complete(1, Reason::PacketIdentifierNotFound),
                Outgoing::Subscribed(1, &[true, false]),
                Outgoing::Unsubscribed(1, &[true, false]),
                Outgoing::Pong,
                Outgoing::Message { topic: "t", payload: Bytes::from_static(b"{}") },
                Outgoing::Goodbye(Reason::ServerShuttingDown),
            ] {
                put(&mut out, version, packet).unwrap();
            }
            let mut count = 0;
            while !out.is_empty() {
                let (header, body) = frame(&out).unwrap().unwrap();
                let _ = out.split_to(header + body);
                count += 1;
            }
            assert_eq!(count, if version == Version::V5 { 10 } else { 9 });
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), v5: bool) {
            let version = if v5 { Version::V5 } else { Version::V311 };
            let mut buffer = BytesMut::from(&bytes[..]);
            while let Ok(Progress::Packet(_)) = next(&mut buffer, version, 4096) {}
        }

        #[test]
        fn no_body_of_a_known_packet_makes_it_panic(kind in 1u8..16, flags in 0u8..16, body in proptest::collection::vec(any::<u8>(), 0..120), v5: bool) {
            let version = if v5 { Version::V5 } else { Version::V311 };
            let mut buffer = BytesMut::from(&[kind << 4 | flags, body.len() as u8][..]);
            buffer.extend_from_slice(&body);
            let _ = next(&mut buffer, version, 4096);
        }

        #[test]
        fn no_mangled_connect_makes_it_panic(at in 0usize..40, byte: u8) {
            let mut bytes = *b"\x10\x26\x00\x04MQTT\x05\xc2\x00\x3c\x05\x11\x00\x00\x00\x0a\x00\x04abcd\x00\x05token\x00\x04word\x00";
            if at < bytes.len() { bytes[at] = byte; }
            let _ = read(&bytes, Version::V5);
        }
    }
}
