//! Machines and recordings over real loopback sockets.

mod common;
mod live;
mod replay;
