//! Use cases: load → rules → save and publish, each inside the caller's transaction. The registry follows at commit.

pub mod alarm;
pub mod alarm_rule;
pub mod device;
pub mod equipment;
pub mod thing_model;

use appkit::Tx;

use crate::{Twin, registry::Registry};

/// Lets the in-memory picture follow, right after the commit.
fn follow(tx: &mut Tx, change: impl FnOnce(&Registry) + Send + 'static) {
    tx.after_commit(move |host| {
        // Absent only in tests of other crates that use our tables without the twin.
        if let Some(twin) = host.try_port::<Twin>() {
            change(twin.registry());
        }
    });
}
