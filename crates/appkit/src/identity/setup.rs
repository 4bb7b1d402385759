//! The first start: a one-time code on the local console makes the first organisation and its administrator.

use kernel::{
    Duration, Error, Result,
    id::{PartyId, UserId},
};

use super::{
    NewUser, organisation_create_in_tx, secret,
    throttle::Name,
    user::{user_insert_in_tx, user_prepare},
};
use crate::{Caller, Host, Role, params};

const CODE_LIFE: Duration = Duration::from_mins(30);

/// Whether nobody has an account yet.
///
/// # Errors
/// When the database refuses.
pub(super) async fn setup_needed(host: &Host) -> Result<bool> {
    Ok(host.db().one("SELECT id FROM identity_user LIMIT 1", params![]).await?.is_none())
}

/// Makes a new one-time code (the ones before stop working), to be printed on the local console; none when somebody has an
/// account already.
///
/// # Errors
/// When the database refuses.
pub async fn setup_code_issue(host: &Host) -> Result<Option<String>> {
    if !setup_needed(host).await? {
        return Ok(None);
    }
    let code = secret::readable(&**host.chance(), 3);
    let mut tx = host.begin(&Caller::system()).await?;
    let expires = tx.now() + CODE_LIFE;
    tx.exec("DELETE FROM identity_setup", params![]).await?;
    tx.exec(
        "INSERT INTO identity_setup (code_hash, expires_at) VALUES ($1, $2)",
        params![secret::hash(&code), expires],
    )
    .await?;
    tx.commit().await?;
    Ok(Some(code))
}

/// Uses the code up.
///
/// # Errors
/// `identity.setup.code` (wrong, used or expired), `identity.setup.done`, or what is wrong with the names or password.
pub(super) async fn setup(
    host: &Host,
    code: &str,
    name_zh: &str,
    name_en: &str,
    admin: NewUser,
) -> Result<(PartyId, UserId)> {
    let now = host.now();
    let done = || Error::conflict("identity.setup.done", "this installation is set up already").hint("sign in");
    if !setup_needed(host).await? {
        return Err(done());
    }
    host.access().throttle.attempt(&[Name::Setup], now)?;
    let wrong = || {
        Error::denied("identity.setup.code", "the setup code is wrong, used or older than 30 minutes")
            .hint("restart the server: it prints a new code on its console")
    };
    let code = secret::hash(&code.trim().to_uppercase());
    // Looked at before the password is hashed: strangers get no work done.
    let sql = "SELECT code_hash FROM identity_setup WHERE code_hash = $1 AND expires_at > $2";
    if host.db().one(sql, params![&code, now]).await?.is_none() {
        return Err(wrong());
    }
    host.access().throttle.succeeded(&[Name::Setup]);
    let hash = user_prepare(host, &admin).await?;
    let mut tx = host.begin(&Caller::system()).await?;
    if tx.one("SELECT id FROM identity_user LIMIT 1", params![]).await?.is_some() {
        return Err(done());
    }
    if tx.exec("DELETE FROM identity_setup WHERE code_hash = $1", params![&code]).await? == 0 {
        return Err(wrong());
    }
    let organisation = tx.new_id();
    organisation_create_in_tx(&mut tx, organisation, name_zh, name_en, false).await?;
    // The first administrator also looks after the installation; both roles can be handed on and split later.
    let admin = NewUser { roles: vec![Role::Admin, Role::Platform], ..admin };
    let user = user_insert_in_tx(&mut tx, organisation, &admin, &hash).await?;
    tx.commit().await?;
    Ok((organisation, user))
}
