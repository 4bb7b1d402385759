use axum::http::{HeaderMap, Method, header};
use kernel::{
    Duration, Error, Result,
    id::{ApiTokenId, PartyId, SessionId, UserId},
};

use super::{secret, user::roles_parse};
use crate::{Caller, Host, Subject, params};

/// The session cookie's name.
pub(super) const COOKIE: &str = "baigong_session";
/// A session ends after this long without a request …
pub(super) const IDLE: Duration = Duration::from_mins(30);
/// … and after this long in any case.
pub(super) const ABSOLUTE: Duration = Duration::from_hours(12);
/// `seen_at` is written at most this often.
const TOUCH: Duration = Duration::from_mins(1);

/// Who is asking, by bearer token or cookie; anonymous when there is no credential at all.
///
/// # Errors
/// `identity.credential.unknown` for a credential that does not (or no longer) hold; `identity.request.cross-site` for a
/// change that another site tries to make with somebody's cookie.
pub async fn authenticate(host: &Host, method: &Method, headers: &HeaderMap) -> Result<Caller> {
    let purpose = text(headers, "baigong-purpose").filter(|p| p.len() <= 64).map(str::to_owned);
    let caller = if let Some(token) = text(headers, "authorization").and_then(|value| value.strip_prefix("Bearer ")) {
        by_token(host, token.trim()).await?
    } else if let Some(secret) = cookie(headers) {
        let caller = by_session(host, secret).await?;
        refuse_cross_site(method, headers)?;
        caller
    } else {
        Caller::anonymous()
    };
    Ok(Caller { purpose, ..caller })
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The secret in the session cookie.
pub(super) fn cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
    cookies
        .split(';')
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE)
        .map(|(_, value)| value)
}

fn unknown() -> Error {
    Error::unauthenticated("identity.credential.unknown", "this session or token is unknown, expired or revoked")
        .hint("sign in again, or make a new token")
}

/// Cookies travel with requests that other sites cause: those may read nothing (SameSite) and change nothing (here).
fn refuse_cross_site(method: &Method, headers: &HeaderMap) -> Result<()> {
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    let same_site = matches!(text(headers, "sec-fetch-site"), Some("same-origin" | "none"));
    let origin = text(headers, "origin").and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
    if same_site || (origin.is_some() && origin == text(headers, "host")) {
        return Ok(());
    }
    Err(Error::denied("identity.request.cross-site", "a change made with a cookie must come from this site itself")
        .hint("programs use Authorization: Bearer with an API token"))
}

async fn by_token(host: &Host, token: &str) -> Result<Caller> {
    let row = host
        .db()
        .one(
            "SELECT id, organisation, roles FROM identity_token
             WHERE secret_hash = $1 AND revoked_at IS NULL AND expires_at > $2",
            params![secret::hash(token), host.now()],
        )
        .await?
        .ok_or_else(unknown)?;
    let (id, tenant): (ApiTokenId, PartyId) = (row.id("id")?, row.id("organisation")?);
    Ok(Caller { tenant, subject: Subject::Token(id), roles: roles_parse(&row.get::<String>("roles")?)?, purpose: None })
}

async fn by_session(host: &Host, secret: &str) -> Result<Caller> {
    let row = host
        .db()
        .one(
            "SELECT s.id, s.created_at, s.seen_at, u.id AS user_id, u.organisation, u.roles
             FROM identity_session s JOIN identity_user u ON u.id = s.user_id
             WHERE s.secret_hash = $1 AND s.ended_at IS NULL AND u.active = 1",
            params![secret::hash(secret)],
        )
        .await?
        .ok_or_else(unknown)?;
    let (now, seen) = (host.now(), row.time("seen_at")?);
    // A clock that went backwards must not keep a session alive: `seen` in the future counts as idle.
    let idle = now - seen;
    if idle > IDLE || idle < Duration::from_micros(-IDLE.micros()) || now - row.time("created_at")? > ABSOLUTE {
        return Err(unknown());
    }
    let (session, user): (SessionId, UserId) = (row.id("id")?, row.id("user_id")?);
    let caller = Caller::user(row.id("organisation")?, user, roles_parse(&row.get::<String>("roles")?)?);
    if idle > TOUCH {
        let mut tx = host.begin(&caller).await?;
        tx.exec("UPDATE identity_session SET seen_at = $2 WHERE id = $1", params![session, now]).await?;
        tx.commit().await?;
    }
    Ok(caller)
}
