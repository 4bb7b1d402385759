//! One database behind plain SQL text: SQLite by default, PostgreSQL when one machine is too small.
//!
//! One writer, one order: every change goes through [`Tx`], of which one exists at a time (on PostgreSQL a session lock keeps
//! a second process out). Readers never wait for it. Statements use `$1` binds and only what both engines share; tables use
//! `TEXT`, `BIGINT`, `DOUBLE PRECISION` and `BLOB` (which becomes `BYTEA` on PostgreSQL).

mod connect;
mod migrate;
mod params;
mod row;
mod tx;

pub use connect::{Db, DbConfig};
pub use migrate::Migrations;
pub(crate) use migrate::run as migrate;
pub use params::Param;
pub use row::Row;
pub use sea_orm::Value;
pub use tx::Tx;

use kernel::Error;
use sea_orm::DbErr;

/// Turns a driver's error into ours; the text stays in the log.
fn refused(error: DbErr) -> Error {
    let text = error.to_string();
    let full = ["disk is full", "disk full", "No space left"].iter().any(|needle| text.contains(needle));
    if full {
        return Error::unavailable("appkit.database.full", "the disk that holds the business records is full")
            .hint("free space on the data directory; nothing was changed")
            .because(text);
    }
    if text.contains("UNIQUE constraint failed") || text.contains("duplicate key value") {
        return Error::conflict("appkit.database.exists", "a record with this key exists already")
            .hint("choose another code, or read the existing record")
            .because(text);
    }
    Error::internal("appkit.database.refused", "the database refused the operation").because(text)
}
