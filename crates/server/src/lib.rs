//! `baigong`: the whole platform in one program. A library only so that the program and its tests link the same code.

pub mod cli;
pub mod config;
mod console;
pub mod platform;
pub mod rooms;
pub mod scenario;
