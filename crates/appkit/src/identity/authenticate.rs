use axum::http::{HeaderMap, Method, header};
use kernel::{
    Duration, Error, Result,
    id::{ApiTokenId, PartyId, SessionId, UserId},
};

use super::{config::Config, secret, token::roles_now, user::roles_parse};
use crate::{Caller, Host, Subject, params};

/// The session cookie's name.
pub(crate) const COOKIE: &str = "baigong_session";
/// `seen_at` is written at most this often.
const TOUCH: Duration = Duration::from_mins(1);

/// Who is asking, by bearer token or cookie; anonymous when there is no credential at all.
///
/// # Errors
/// `identity.credential.unknown` for a credential that does not (or no longer) hold; `identity.request.cross-site` for a
/// change that another site tries to make with somebody's cookie.
pub async fn authenticate(host: &Host, method: &Method, headers: &HeaderMap) -> Result<Caller> {
    let purpose = text(headers, "baigong-purpose").filter(|p| p.len() <= 64).map(str::to_owned);
    let caller = if let Some(token) = text(headers, "authorization").and_then(bearer) {
        by_token(host, token).await?
    } else if let Some(secret) = cookie(headers) {
        // A live socket asks again and again on its own: that is not somebody being there.
        let somebody = text(headers, "upgrade").is_none();
        let caller = by_session(host, secret, somebody).await?;
        if !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
            refuse_cross_site(headers)?;
        }
        caller
    } else {
        Caller::anonymous()
    };
    Ok(Caller { purpose, ..caller })
}

/// The token of `Bearer <token>`; the scheme's case does not matter.
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
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

/// Refuses a change unless the browser says that it comes from a page of this site.
///
/// Cookies travel with requests that other sites cause: those may read nothing (SameSite) and change nothing (here).
fn refuse_cross_site(headers: &HeaderMap) -> Result<()> {
    let same_site = matches!(text(headers, "sec-fetch-site"), Some("same-origin" | "none"));
    if same_site || from_own_origin(headers) == Some(true) {
        return Ok(());
    }
    Err(cross_site())
}

/// Refuses a request without credentials that a page of another site makes: nobody is signed in to somebody else's account.
/// Programs, which say nothing about where they come from, may pass.
pub(super) fn refuse_foreign_page(headers: &HeaderMap) -> Result<()> {
    let foreign = matches!(text(headers, "sec-fetch-site"), Some("cross-site" | "same-site"));
    if foreign || from_own_origin(headers) == Some(false) { Err(cross_site()) } else { Ok(()) }
}

/// Whether `Origin` is where the request goes to; none when there is no such header.
fn from_own_origin(headers: &HeaderMap) -> Option<bool> {
    let origin = text(headers, "origin")?;
    let own = origin.split_once("://").map(|(_, host)| host);
    Some(own.is_some() && own == text(headers, "host"))
}

fn cross_site() -> Error {
    Error::denied("identity.request.cross-site", "a change made with a cookie must come from this site itself")
        .hint("programs use Authorization: Bearer with an API token")
}

async fn by_token(host: &Host, token: &str) -> Result<Caller> {
    let row = host
        .db()
        .one(
            "SELECT t.id, t.organisation, t.roles, u.roles AS maker_roles, u.active AS maker_active
             FROM identity_token t LEFT JOIN identity_user u ON u.id = t.created_by
             WHERE t.secret_hash = $1 AND t.revoked_at IS NULL AND t.expires_at > $2",
            params![secret::hash(token), host.now()],
        )
        .await?
        .ok_or_else(unknown)?;
    let (id, tenant): (ApiTokenId, PartyId) = (row.id("id")?, row.id("organisation")?);
    let maker = match row.get::<Option<String>>("maker_roles")? {
        Some(roles) => Some((roles_parse(&roles)?, row.bool("maker_active")?)),
        None => None,
    };
    let given = roles_parse(&row.get::<String>("roles")?)?;
    let roles = roles_now(given, maker.as_ref().map(|(roles, active)| (roles.as_slice(), *active)));
    Ok(Caller { tenant, subject: Subject::Token(id), roles: roles.ok_or_else(unknown)?, purpose: None })
}

async fn by_session(host: &Host, secret: &str, somebody: bool) -> Result<Caller> {
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
    let (now, config) = (host.now(), Config::of(host));
    let (idle, age) = (now - row.time("seen_at")?, now - row.time("created_at")?);
    // A clock that went backwards must not keep a session alive: one that was seen far in the future counts as idle.
    if idle > config.idle() || idle.micros() < -config.idle().micros() || age > config.absolute() {
        return Err(unknown());
    }
    let (session, user): (SessionId, UserId) = (row.id("id")?, row.id("user_id")?);
    let caller = Caller::user(row.id("organisation")?, user, roles_parse(&row.get::<String>("roles")?)?);
    if somebody && idle > TOUCH {
        let mut tx = host.begin(&caller).await?;
        tx.exec("UPDATE identity_session SET seen_at = $2 WHERE id = $1 AND seen_at < $2", params![session, now])
            .await?;
        tx.commit().await?;
    }
    Ok(caller)
}
