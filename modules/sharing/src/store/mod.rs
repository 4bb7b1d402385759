//! SQL and private row structs: the tables `sharing_*` and no others.

pub mod booking;
pub mod capability;
pub mod hold;
pub mod job;
pub mod meters;
mod row;
pub mod slot;
