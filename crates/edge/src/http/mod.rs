//! The HTTP doors. One file per noun.

mod telemetry;

use appkit::Routes;

pub(crate) fn routes() -> Routes {
    telemetry::routes()
}
