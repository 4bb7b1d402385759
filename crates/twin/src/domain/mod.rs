//! Nouns and rules of the twin: pure, synchronous, no SQL, no HTTP.

pub mod device;
pub mod kpi;
pub mod latest;
pub mod model;
pub mod naming;
pub mod poll;
pub mod timeline;
pub mod tree;
