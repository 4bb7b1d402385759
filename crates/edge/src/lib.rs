//! The only place that speaks field protocols: MQTT 3.1.1 and 5, HTTP JSON and line protocol, Modbus TCP polling.

pub mod connector;
pub mod decode;
pub mod ingest;
pub mod modbus;
pub mod mqtt;
