use kernel::{
    Duration, Error, Result, Timestamp,
    id::{PartyId, SessionId, UserId},
};

use super::{access::not_found, config::Config, password, secret, throttle::Name, user::User};
use crate::{Caller, Host, Tx, params};

/// Sessions of one user at the same time; one more ends the oldest.
const SESSIONS_MAX: usize = 20;
/// A network is known for this long after somebody signed in from it.
pub(super) const KNOWN: Duration = Duration::from_days(30);
/// No login is longer.
const LOGIN_MAX: usize = 80;
/// No password is longer.
const PASSWORD_MAX: usize = 128;

/// A session that holds.
pub(super) struct Session {
    pub id: SessionId,
    pub created_at: Timestamp,
    pub seen_at: Timestamp,
    pub network: String,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// Signs in; the secret goes into the cookie and nowhere else.
///
/// # Errors
/// `identity.session.refused`, the same for an unknown login and a wrong password; `identity.session.throttled`.
pub(super) async fn session_open(host: &Host, login: &str, given: String, network: &str) -> Result<(String, User)> {
    let login = login.trim().to_lowercase();
    if login.chars().count() > LOGIN_MAX || given.chars().count() > PASSWORD_MAX {
        return Err(refused());
    }
    let names = [account_name(host, &login, network).await?, Name::Network(network.to_owned())];
    let user = match_password(host, &names, &login, given).await?;

    let secret = secret::new(&**host.chance(), "");
    let mut tx = host.begin(&Caller::user(user.organisation, user.id, user.roles.clone())).await?;
    let (id, now) = (tx.new_id::<kernel::id::Session>(), tx.now());
    end_oldest_in_tx(&mut tx, user.id, SESSIONS_MAX - 1).await?;
    tx.exec(
        "INSERT INTO identity_session (id, secret_hash, user_id, network, created_at, seen_at)
         VALUES ($1, $2, $3, $4, $5, $5)",
        params![id, secret::hash(&secret), user.id, network, now],
    )
    .await?;
    tx.publish("identity.session.opened", 1, user.id.to_string(), user.organisation, &serde_json::json!({}))?;
    tx.commit().await?;
    Ok((secret, user))
}

fn refused() -> Error {
    Error::unauthenticated("identity.session.refused", "login or password is wrong").hint("check both and try again")
}

/// The account as this network's guesses count for it.
async fn account_name(host: &Host, login: &str, network: &str) -> Result<Name> {
    let known = host
        .db()
        .one(
            "SELECT s.id FROM identity_session s JOIN identity_user u ON u.id = s.user_id
             WHERE u.login = $1 AND s.network = $2 AND s.created_at > $3 LIMIT 1",
            params![login, network, host.now() - KNOWN],
        )
        .await?;
    Ok(match known {
        Some(_) => Name::AccountAt(login.to_owned(), network.to_owned()),
        None => Name::Account(login.to_owned()),
    })
}

/// The active user with this login and password, if these names may try. Unknown logins take the same time.
async fn match_password(host: &Host, names: &[Name], login: &str, given: String) -> Result<User> {
    let throttle = &host.access().throttle;
    throttle.attempt(names, host.now())?;
    let row = host.db().one("SELECT * FROM identity_user WHERE login = $1 AND active = 1", params![login]).await?;
    let matched = match &row {
        Some(row) => password::verify(given, &row.get::<String>("password")?).await,
        None => password::verify_nothing(given).await.map(|()| false),
    };
    match (matched, row) {
        (Ok(true), Some(row)) => {
            throttle.succeeded(names);
            User::from_row(&row)
        }
        (Ok(_), _) => Err(refused()),
        (Err(error), _) => {
            throttle.undo(names);
            Err(error)
        }
    }
}

async fn end_oldest_in_tx(tx: &mut Tx, user: UserId, keep: usize) -> Result<()> {
    let now = tx.now();
    let sql =
        "SELECT id FROM identity_session WHERE user_id = $1 AND ended_at IS NULL ORDER BY created_at DESC, id DESC";
    for row in tx.rows(sql, params![user]).await?.iter().skip(keep) {
        let id: SessionId = row.id("id")?;
        tx.exec("UPDATE identity_session SET ended_at = $2 WHERE id = $1", params![id, now]).await?;
    }
    Ok(())
}

/// Changes the signed-in user's own password, which ends all their sessions but this one.
///
/// # Errors
/// `identity.session.refused` when the current password is wrong, `identity.password.weak`.
pub(super) async fn password_change(
    host: &Host,
    caller: &Caller,
    user: UserId,
    secret: &str,
    current: String,
    new: String,
) -> Result<()> {
    let known = super::user::user_get(host, user).await?;
    password::check(&new, &[&known.login, &known.name])?;
    if current.chars().count() > PASSWORD_MAX {
        return Err(refused());
    }
    // Whoever found an open console must not guess here what they could not guess at the door.
    let names = [Name::AccountAt(known.login.clone(), "own session".into())];
    match_password(host, &names, &known.login, current).await?;
    let hash = password::hash(new, &**host.chance()).await?;
    let mut tx = host.begin(caller).await?;
    let now = tx.now();
    tx.exec("UPDATE identity_user SET password = $2 WHERE id = $1", params![user, hash]).await?;
    tx.exec(
        "UPDATE identity_session SET ended_at = $3 WHERE user_id = $1 AND secret_hash <> $2 AND ended_at IS NULL",
        params![user, secret::hash(secret), now],
    )
    .await?;
    tx.publish("identity.user.password-changed", 1, user.to_string(), caller.tenant, &serde_json::json!({}))?;
    tx.commit().await
}

/// Signs out the session of this secret.
pub(super) async fn session_close(host: &Host, caller: &Caller, user: UserId, secret: &str) -> Result<()> {
    let mut tx = host.begin(caller).await?;
    let now = tx.now();
    let ended = tx
        .exec(
            "UPDATE identity_session SET ended_at = $3 WHERE secret_hash = $1 AND user_id = $2 AND ended_at IS NULL",
            params![secret::hash(secret), user, now],
        )
        .await?;
    if ended > 0 {
        tx.publish("identity.session.ended", 1, user.to_string(), caller.tenant, &serde_json::json!({}))?;
    }
    tx.commit().await
}

/// The sessions of a user that hold, oldest first.
pub(super) async fn session_list(host: &Host, user: UserId, secret: Option<&str>) -> Result<Vec<Session>> {
    let (now, config) = (host.now(), Config::of(host));
    let own = secret.map(secret::hash);
    let rows = host
        .db()
        .rows(
            "SELECT id, secret_hash, created_at, seen_at, network FROM identity_session
             WHERE user_id = $1 AND ended_at IS NULL AND seen_at >= $2 AND created_at >= $3 ORDER BY id",
            params![user, now - config.idle(), now - config.absolute()],
        )
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Session {
                id: row.id("id")?,
                created_at: row.time("created_at")?,
                seen_at: row.time("seen_at")?,
                network: row.get("network")?,
                current: own == Some(row.get("secret_hash")?),
            })
        })
        .collect()
}

/// Ends one of a user's own sessions.
pub(super) async fn session_end_in_tx(tx: &mut Tx, user: UserId, tenant: PartyId, id: SessionId) -> Result<()> {
    let now = tx.now();
    let ended = tx
        .exec(
            "UPDATE identity_session SET ended_at = $3 WHERE id = $1 AND user_id = $2 AND ended_at IS NULL",
            params![id, user, now],
        )
        .await?;
    if ended == 0 {
        return Err(not_found());
    }
    tx.publish("identity.session.ended", 1, user.to_string(), tenant, &serde_json::json!({}))
}

/// Ends every session of a user: switched off, or given another password.
pub(super) async fn session_end_all_in_tx(tx: &mut Tx, user: UserId) -> Result<()> {
    let now = tx.now();
    tx.exec("UPDATE identity_session SET ended_at = $2 WHERE user_id = $1 AND ended_at IS NULL", params![user, now])
        .await?;
    Ok(())
}

/// Forgets sessions that can neither be used any more nor make a network known.
pub(super) async fn session_sweep(host: &Host) -> Result<u64> {
    let oldest = host.now() - KNOWN - Config::of(host).absolute();
    let mut tx = host.begin(&Caller::system()).await?;
    let forgotten = tx.exec("DELETE FROM identity_session WHERE created_at < $1", params![oldest]).await?;
    tx.commit().await?;
    Ok(forgotten)
}
