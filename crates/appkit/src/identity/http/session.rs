use axum::{
    extract::State,
    http::{Extensions, HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use kernel::{Error, id::SessionId};
use serde::{Deserialize, Serialize};

use crate::{
    Caller, Host, Json, Path, Policy, Problem, Reply, Role, Routes, Subject,
    identity::{
        Config,
        authenticate::{COOKIE, cookie, refuse_foreign_page},
        network::network_of,
        organisation_get, session,
        user::{User, user_get},
    },
    routes,
};

pub(super) fn routes() -> Routes {
    Routes::new("identity")
        .add(Policy::public("identity.session.open"), routes!(session_open))
        .add(Policy::signed_in("identity.session.read"), routes!(session_get))
        .add(Policy::signed_in("identity.session.close"), routes!(session_close))
        .add(Policy::signed_in("identity.password.change"), routes!(password_change))
        .add(Policy::signed_in("identity.session.list"), routes!(session_list))
        .add(Policy::signed_in("identity.session.end"), routes!(session_end))
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct SignIn {
    login: String,
    password: String,
}

/// Who is signed in.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct SessionView {
    user: PersonView,
    organisation: OrganisationName,
    roles: Vec<Role>,
    /// `zh` or `en`.
    language: String,
    /// Whether the installation shows demo data.
    demo: bool,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
struct PersonView {
    id: String,
    login: String,
    name: String,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
struct OrganisationName {
    id: String,
    name_zh: String,
    name_en: String,
}

async fn view(host: &Host, user: User) -> crate::Result<SessionView> {
    let organisation = organisation_get(host, user.organisation).await?;
    Ok(SessionView {
        user: PersonView { id: user.id.to_string(), login: user.login, name: user.name },
        organisation: OrganisationName {
            id: organisation.id.to_string(),
            name_zh: organisation.name_zh,
            name_en: organisation.name_en,
        },
        roles: user.roles,
        language: user.language,
        demo: host.is_demo(),
    })
}

/// Signs in. The session is a cookie that scripts cannot read.
#[utoipa::path(post, path = "/api/v1/session", tag = "identity", request_body = SignIn,
    responses((status = 200, body = SessionView), (status = 401, body = Problem), (status = 429, body = Problem)))]
async fn session_open(
    State(host): State<Host>,
    headers: HeaderMap,
    extensions: Extensions,
    Json(request): Json<SignIn>,
) -> crate::Result<Response> {
    refuse_foreign_page(&headers)?;
    let config = Config::of(&host);
    let network = network_of(&config, &extensions, &headers);
    let (secret, user) = session::session_open(&host, &request.login, request.password, &network).await?;
    let seconds = config.absolute().micros() / 1_000_000;
    set_cookie(&config, Json(view(&host, user).await?).into_response(), &secret, seconds)
}

fn set_cookie(config: &Config, mut response: Response, secret: &str, seconds: i64) -> crate::Result<Response> {
    let secure = if config.cookie_secure { "; Secure" } else { "" };
    let cookie = format!("{COOKIE}={secret}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}");
    let cookie = HeaderValue::from_str(&cookie)
        .map_err(|error| Error::internal("identity.session.cookie", "the cookie cannot be written").because(error))?;
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}

fn user_of(caller: &Caller) -> crate::Result<kernel::id::UserId> {
    match caller.subject {
        Subject::User(id) => Ok(id),
        _ => Err(Error::denied("identity.session.people-only", "this is for people who are signed in").into()),
    }
}

/// Who is signed in.
#[utoipa::path(get, path = "/api/v1/session", tag = "identity", responses((status = 200, body = SessionView), (status = 401, body = Problem)))]
async fn session_get(State(host): State<Host>, caller: Caller) -> crate::Result<Json<SessionView>> {
    let user = user_get(&host, user_of(&caller)?).await?;
    Ok(Json(view(&host, user).await?))
}

/// Signs out.
#[utoipa::path(delete, path = "/api/v1/session", tag = "identity", responses((status = 204)))]
async fn session_close(State(host): State<Host>, caller: Caller, headers: HeaderMap) -> crate::Result<Response> {
    if let (Some(secret), Subject::User(user)) = (cookie(&headers), caller.subject) {
        session::session_close(&host, &caller, user, secret).await?;
    }
    set_cookie(&Config::of(&host), axum::http::StatusCode::NO_CONTENT.into_response(), "", 0)
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct PasswordChange {
    current: String,
    /// 12 to 128 characters.
    new: String,
}

/// Changes the signed-in user's own password. All their other sessions end.
#[utoipa::path(post, path = "/api/v1/session/password", tag = "identity", request_body = PasswordChange,
    responses((status = 200), (status = 400, body = Problem), (status = 401, body = Problem), (status = 429, body = Problem)))]
async fn password_change(
    State(host): State<Host>,
    caller: Caller,
    headers: HeaderMap,
    Json(request): Json<PasswordChange>,
) -> crate::Result<Reply> {
    let user = user_of(&caller)?;
    let secret = cookie(&headers).unwrap_or_default();
    session::password_change(&host, &caller, user, secret, request.current, request.new).await?;
    Reply::new(200, &serde_json::json!({}))
}

/// A session of the signed-in user.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct SessionLine {
    id: String,
    created_at: String,
    seen_at: String,
    /// Where it was opened from.
    network: String,
    /// Whether it is the one that asks.
    current: bool,
}

/// The signed-in user's sessions.
#[utoipa::path(get, path = "/api/v1/sessions", tag = "identity", responses((status = 200, body = [SessionLine])))]
async fn session_list(
    State(host): State<Host>,
    caller: Caller,
    headers: HeaderMap,
) -> crate::Result<Json<Vec<SessionLine>>> {
    let sessions = session::session_list(&host, user_of(&caller)?, cookie(&headers)).await?;
    let line = |s: session::Session| SessionLine {
        id: s.id.to_string(),
        created_at: s.created_at.to_string(),
        seen_at: s.seen_at.to_string(),
        network: s.network,
        current: s.current,
    };
    Ok(Json(sessions.into_iter().map(line).collect()))
}

/// Ends one of the signed-in user's sessions.
#[utoipa::path(delete, path = "/api/v1/sessions/{id}", tag = "identity", params(("id" = String, Path)),
    responses((status = 200), (status = 404, body = Problem)))]
async fn session_end(State(host): State<Host>, caller: Caller, Path(id): Path<SessionId>) -> crate::Result<Reply> {
    let user = user_of(&caller)?;
    let mut tx = host.begin(&caller).await?;
    session::session_end_in_tx(&mut tx, user, caller.tenant, id).await?;
    tx.commit().await?;
    Reply::new(200, &serde_json::json!({}))
}
