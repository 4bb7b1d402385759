//! The endpoints of this room under `/api/v1/sharing`, one file per noun: its request and answer types, their documentation, its
//! handlers. A handler decides who may see what, calls one use case and shows the result; it knows no rules and no SQL.

mod bookings;
mod capabilities;
mod classes;
mod holds;
mod jobs;
mod quotes;
mod search;
mod wire;

use appkit::Routes;
pub(crate) use jobs::MeterView;

/// All of them.
pub(crate) fn routes() -> Routes {
    Routes::new("sharing")
        .merge(classes::routes())
        .merge(capabilities::routes())
        .merge(search::routes())
        .merge(quotes::routes())
        .merge(holds::routes())
        .merge(bookings::routes())
        .merge(jobs::routes())
}
