//! The host of a room: database with one writer, journal and outbox, idempotent commands, jobs, HTTP with a policy on every
//! route, OpenAPI, live data, identity and access, configuration, texts.
//!
//! Promises:
//! 1. A change, its journal entries, its idempotency key and its jobs are committed together or not at all.
//! 2. The same SQL text and migrations run on SQLite and PostgreSQL; tests run on both.
//! 3. A route cannot be declared without a [`Policy`]; the tenant comes from the credential and from nowhere else.
//! 4. Time and chance are those of the [`Host`]; a test turns them by hand.
//!
//! To add a room: write `pub fn module() -> Module` and add it to `crates/server/src/rooms.rs`.
//! To add an endpoint: a function with `#[utoipa::path]` in `http/<noun>.rs`, and one `.add(Policy::…, routes!(…))` line.

pub mod caller;
mod chance;
mod clock;
mod command;
pub mod config;
pub mod db;
pub mod host;
pub mod http;
pub mod identity;
pub mod jobs;
pub mod journal;
pub mod live;
mod module;
mod texts;

pub use caller::{Caller, Role, Subject};
pub use chance::OsChance;
pub use clock::SystemClock;
pub use command::{Command, IdemKey, Reply};
pub use db::{Db, DbConfig, Row, Tx};
pub use host::{Host, HostBuilder};
pub use http::{
    error::{ApiError, Problem, Result},
    extract::{Json, Path, Query},
    page::{Page, PageQuery},
    policy::{Policy, Right},
    routes::{RouteInfo, Routes},
};
pub use identity::{Access, Object};
pub use journal::JournalEntry;
pub use live::Live;
pub use module::Module;
pub use utoipa_axum::routes;
