//! The doors of the edge, knocked on through real sockets on the loopback interface.

mod decoders;
mod fakes;
mod http;
mod ingest;
mod modbus;
mod mqtt;
mod mqtt_hostile;
mod wire;
