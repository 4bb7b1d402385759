//! Who somebody is, and what they may see: organisations, users, sessions, API tokens, grants, decisions.
//!
//! Secrets (session cookies, tokens, setup codes) are shown once and stored as SHA-256; passwords as argon2id. There is no
//! default account: the first administrator needs the one-time code that the first start prints on the local console.

mod access;
mod authenticate;
mod grant;
mod http;
mod organisation;
mod password;
mod secret;
mod session;
mod setup;
mod throttle;
mod token;
mod user;

pub use access::{Access, Object};
pub use authenticate::authenticate;
pub use grant::{Grant, NewGrant, grant_create_in_tx, grant_revoke_in_tx};
pub use organisation::{Organisation, organisation_create_in_tx, organisation_get, organisation_list};
pub use setup::setup_code_issue;
pub use token::token_create_in_tx;
pub use user::{NewUser, user_create_in_tx};

use crate::Module;

/// The module: tables, routes, texts.
pub fn module() -> Module {
    Module::named("identity")
        .migrations(&[("0101_identity", include_str!("../../migrations/0101_identity.sql"))])
        .routes(http::routes())
        .texts(include_str!("../../locale/identity.zh.json"))
}

/// A password that nobody chose: for demo users and recovery, shown once.
pub fn password_random(chance: &dyn kernel::Chance) -> String {
    secret::readable(chance, 4)
}
