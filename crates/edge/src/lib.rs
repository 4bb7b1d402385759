//! The only place that speaks field protocols: MQTT 3.1.1 and 5, HTTP JSON and line protocol, Modbus TCP polling.
//!
//! Promises:
//! 1. **Acknowledged means durable.** A positive answer (PUBACK, PUBREC, HTTP 200) is written only with the store's receipt
//!    in hand. When the store fails there is none.
//! 2. **Every point is accounted for**: accepted, duplicate, conflict, or in quarantine with a stable code. One bad point
//!    does not take its neighbours along.
//! 3. **A device is its credential.** `me` in a topic is the device of the connection; there is no router that could carry a
//!    message to another one; a client id cannot be taken over by another credential; a withdrawn credential is out
//!    within five seconds.
//! 4. **Limits come before allocation.** Lengths are compared before they are believed; when room in memory runs out the
//!    doors stop reading or say "later"; nothing queues without bound.
//! 5. **Machines are only read.** There is no code here that writes a register.
//!
//! To add a dialect: a pure decoder in [`decode`] that yields [`decode::RawPoint`]s, with a corpus of malformed messages.
//! To add a protocol that reaches out or listens: implement [`connector::Connector`], hand points to
//! [`ingest::Ingest::take_points`] (or bytes to [`ingest::Ingest::take`]), add a [`ingest::Door`] and a line in [`open`].

#![deny(missing_docs)]

mod config;
pub mod connector;
pub mod decode;
mod http;
pub mod ingest;
pub mod modbus;
pub mod mqtt;

pub use config::{Edge, EdgeConfig, open};

/// The HTTP doors, for the host. Needs the port [`ingest::Ingest`].
pub fn module() -> appkit::Module {
    appkit::Module::named("edge").routes(http::routes()).texts(include_str!("../locale/zh.json"))
}
