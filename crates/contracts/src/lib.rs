//! What floors and rooms may say to one another: read-only ports (traits), facts (events, past tense) and shared view types.
//!
//! Pure data and traits; grows by addition; one file per owner. Nothing here does anything.

#![deny(missing_docs)]

pub mod devices;
pub mod telemetry;
pub mod twin;

use std::{future::Future, pin::Pin};

/// The boxed future of every asynchronous port: ports are `dyn`, so that callers never recompile an implementation.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
