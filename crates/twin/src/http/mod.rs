//! The twin's doors. Lists are of the caller's own organisation; a single machine is also for those to whom its owner granted
//! it, property by property. What is not for the caller is answered as if it were not there.

pub mod alarm;
pub mod alarm_rule;
mod bodies;
mod device;
mod equipment;
mod machine;
mod quarantine;
mod series;
mod thing_model;
mod timeline;

use std::sync::Arc;

use appkit::{Host, Routes};
use kernel::{Error, Result, Timestamp, Window};

use crate::Twin;

/// Every endpoint of the twin.
pub fn routes() -> Routes {
    Routes::new("twin")
        .merge(thing_model::routes())
        .merge(equipment::routes())
        .merge(machine::routes())
        .merge(series::routes())
        .merge(timeline::routes())
        .merge(device::routes())
        .merge(quarantine::routes())
        .merge(alarm_rule::routes())
        .merge(alarm::routes())
}

fn twin(host: &Host) -> Result<Arc<Twin>> {
    host.try_port::<Twin>()
        .ok_or_else(|| Error::internal("twin.start.unwired", "the twin is not among the host's ports"))
}

/// A window from optional ends: the last day when nothing is said.
fn window(host: &Host, from: Option<Timestamp>, to: Option<Timestamp>) -> Result<Window> {
    let to = to.unwrap_or(host.now());
    Window::new(from.unwrap_or(to - kernel::Duration::from_days(1)), to)
}
