//! The first start: a one-time code on the local console makes the first organisation and its administrator.

use kernel::{
    Duration, Error, Result,
    id::{PartyId, UserId},
};

use super::{
    NewUser, organisation_create_in_tx, secret,
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
    host.access().throttle.check("setup", now)?;
    if !setup_needed(host).await? {
        return Err(Error::conflict("identity.setup.done", "this installation is set up already").hint("sign in"));
    }
    let hash = user_prepare(host, &admin).await?;
    let mut tx = host.begin(&Caller::system()).await?;
    let code = code.trim().to_uppercase();
    let used = tx
        .exec("DELETE FROM identity_setup WHERE code_hash = $1 AND expires_at > $2", params![secret::hash(&code), now])
        .await?;
    if used == 0 {
        host.access().throttle.failed("setup", now);
        return Err(Error::denied("identity.setup.code", "the setup code is wrong, used or older than 30 minutes")
            .hint("restart the server: it prints a new code on its console"));
    }
    let organisation = tx.new_id();
    organisation_create_in_tx(&mut tx, organisation, name_zh, name_en, false).await?;
    let admin = NewUser { roles: vec![Role::Admin], ..admin };
    let user = user_insert_in_tx(&mut tx, organisation, &admin, &hash).await?;
    tx.commit().await?;
    host.access().throttle.succeeded("setup");
    Ok((organisation, user))
}
