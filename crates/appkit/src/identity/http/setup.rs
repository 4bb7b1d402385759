use axum::{extract::State, http::HeaderMap};
use serde::{Deserialize, Serialize};

use crate::{
    Host, Json, Policy, Problem, Reply, Routes,
    identity::{NewUser, authenticate::refuse_foreign_page, setup},
    routes,
};

pub(super) fn routes() -> Routes {
    Routes::new("identity")
        .add(Policy::public("identity.setup.read"), routes!(setup_state))
        .add(Policy::public("identity.setup.create"), routes!(setup_create))
}

/// Whether the installation waits for its first administrator.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct SetupState {
    /// True until somebody has an account.
    needed: bool,
    /// Whether the installation shows demo data.
    demo: bool,
}

/// Whether the installation waits for its first administrator.
#[utoipa::path(get, path = "/api/v1/setup/state", tag = "identity", responses((status = 200, body = SetupState)))]
async fn setup_state(State(host): State<Host>) -> crate::Result<Json<SetupState>> {
    Ok(Json(SetupState { needed: setup::setup_needed(&host).await?, demo: host.is_demo() }))
}

/// The first organisation and its administrator.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct SetupRequest {
    /// The one-time code from the console of the server.
    code: String,
    /// Name of the organisation in Chinese (or in any language).
    organisation_name: String,
    /// Name in English; the other one when absent.
    organisation_name_en: Option<String>,
    /// What the administrator signs in with.
    login: String,
    /// What the administrator is called.
    name: String,
    /// 12 to 128 characters.
    password: String,
    /// `zh` or `en`.
    language: String,
}

/// What was made.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct SetupDone {
    /// The organisation's party id.
    organisation: String,
    /// The administrator's user id.
    user: String,
}

/// Sets the installation up, once, with the code that the server printed on its console.
#[utoipa::path(post, path = "/api/v1/setup", tag = "identity", request_body = SetupRequest,
    responses((status = 201, body = SetupDone), (status = 403, body = Problem), (status = 409, body = Problem)))]
async fn setup_create(
    State(host): State<Host>,
    headers: HeaderMap,
    Json(request): Json<SetupRequest>,
) -> crate::Result<Reply> {
    refuse_foreign_page(&headers)?;
    let admin = NewUser {
        login: request.login,
        name: request.name,
        password: request.password,
        roles: Vec::new(),
        language: request.language,
    };
    let english = request.organisation_name_en.as_deref().unwrap_or(&request.organisation_name);
    let (organisation, user) = setup::setup(&host, &request.code, &request.organisation_name, english, admin).await?;
    Reply::new(201, &SetupDone { organisation: organisation.to_string(), user: user.to_string() })
}
