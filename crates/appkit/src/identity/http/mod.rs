//! Endpoints of identity: one file per noun.

mod grant;
mod organisation;
mod session;
mod setup;
mod token;
mod user;

use crate::Routes;

pub(super) fn routes() -> Routes {
    Routes::new("identity")
        .merge(setup::routes())
        .merge(session::routes())
        .merge(user::routes())
        .merge(token::routes())
        .merge(organisation::routes())
        .merge(grant::routes())
}
