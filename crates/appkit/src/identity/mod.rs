//! Who somebody is, and what they may see: organisations, users, sessions, API tokens, grants, decisions.
//!
//! Secrets (session cookies, tokens, setup codes) are shown once and stored as SHA-256; passwords as argon2id. There is no
//! default account: the first administrator needs the one-time code that the first start prints on the local console.

mod access;
pub(crate) mod authenticate;
mod config;
mod grant;
mod http;
mod look;
mod network;
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
pub use config::Config;
pub use grant::{Grant, GrantState, NewGrant, grant_create_in_tx, grant_revoke_in_tx};
pub use organisation::{
    Organisation, OrganisationState, installation_check, organisation_create_in_tx, organisation_get, organisation_list,
};
pub use password::password_random;
pub use setup::setup_code_issue;
pub use token::token_create_in_tx;
pub use user::{NewUser, user_create_in_tx};

use crate::{Host, Module};

/// The module: tables, routes, the end of grants, texts.
pub fn module() -> Module {
    Module::named("identity")
        .migrations(&[
            ("0101_identity", include_str!("../../migrations/0101_identity.sql")),
            ("0102_identity_looks", include_str!("../../migrations/0102_identity_looks.sql")),
        ])
        .routes(http::routes())
        .job(grant::EXPIRE, |_, payload, tx| Box::pin(async move { grant::grant_expire_in_tx(tx, &payload).await }))
        .task("identity.looks", look::look_flush_for_ever)
        .task("identity.sweep", sweep_for_ever)
        .texts(include_str!("../../locale/identity.zh.json"))
}

async fn sweep_for_ever(host: Host) {
    loop {
        if let Err(error) = session::session_sweep(&host).await {
            tracing::error!(?error, "old sessions could not be forgotten");
        }
        tokio::time::sleep(std::time::Duration::from_secs(3600)).await;
    }
}
