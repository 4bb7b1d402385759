use kernel::{
    Error, Result, Timestamp,
    id::{PartyId, SessionId, UserId},
};

use super::{
    access::not_found,
    authenticate::{ABSOLUTE, IDLE},
    password, secret,
    user::User,
};
use crate::{Caller, Host, Tx, params};

/// A session that holds.
pub(super) struct Session {
    pub id: SessionId,
    pub created_at: Timestamp,
    pub seen_at: Timestamp,
}

/// Signs in; the secret goes into the cookie and nowhere else.
///
/// # Errors
/// `identity.session.refused`, the same for an unknown login and a wrong password; `identity.session.throttled`.
pub(super) async fn session_open(host: &Host, login: &str, given: String, network: &str) -> Result<(String, User)> {
    let (login, now, throttle) = (login.to_lowercase(), host.now(), &host.access().throttle);
    throttle.check(&login, now)?;
    throttle.check(network, now)?;
    let refused = || {
        throttle.failed(&login, now);
        throttle.failed(network, now);
        Error::unauthenticated("identity.session.refused", "login or password is wrong")
            .hint("check both and try again")
    };
    let row = host.db().one("SELECT * FROM identity_user WHERE login = $1 AND active = 1", params![&login]).await?;
    let Some(row) = row else {
        password::verify_nothing(given).await;
        return Err(refused());
    };
    if !password::verify(given, &row.get::<String>("password")?).await? {
        return Err(refused());
    }
    throttle.succeeded(&login);
    let user = User::from_row(&row)?;
    let secret = secret::new(&**host.chance(), "");
    let mut tx = host.begin(&Caller::user(user.organisation, user.id, user.roles.clone())).await?;
    let (id, now) = (tx.new_id::<kernel::id::Session>(), tx.now());
    tx.exec(
        "INSERT INTO identity_session (id, secret_hash, user_id, created_at, seen_at) VALUES ($1, $2, $3, $4, $4)",
        params![id, secret::hash(&secret), user.id, now],
    )
    .await?;
    tx.publish("identity.session.opened", 1, user.id.to_string(), user.organisation, &serde_json::json!({}))?;
    tx.commit().await?;
    Ok((secret, user))
}

/// Signs out the session of this secret.
pub(super) async fn session_close(host: &Host, caller: &Caller, secret: &str) -> Result<()> {
    let mut tx = host.begin(caller).await?;
    let now = tx.now();
    tx.exec(
        "UPDATE identity_session SET ended_at = $2 WHERE secret_hash = $1 AND ended_at IS NULL",
        params![secret::hash(secret), now],
    )
    .await?;
    tx.commit().await
}

pub(super) async fn session_list(host: &Host, user: UserId) -> Result<Vec<Session>> {
    let now = host.now();
    let rows = host
        .db()
        .rows(
            "SELECT id, created_at, seen_at FROM identity_session
             WHERE user_id = $1 AND ended_at IS NULL AND seen_at > $2 AND created_at > $3 ORDER BY id",
            params![user, now - IDLE, now - ABSOLUTE],
        )
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Session { id: row.id("id")?, created_at: row.time("created_at")?, seen_at: row.time("seen_at")? })
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
