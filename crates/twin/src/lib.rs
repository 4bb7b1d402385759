//! twin
pub mod domain;
