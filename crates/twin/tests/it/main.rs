//! The twin through its doors, on every engine that is there.

mod alarms;
mod devices;
mod isolation;
mod machines;
mod memory;
mod models;
mod park;
mod texts;
