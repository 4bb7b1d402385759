use axum::{extract::State, response::IntoResponse};
use serde::Serialize;
use utoipa::openapi::{
    ComponentsBuilder, InfoBuilder, OpenApi, OpenApiBuilder,
    security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
};

use super::{live, policy::Policy};
use crate::{
    Caller, Host, JournalEntry, Json, Path, Routes, http::error, identity::authenticate::COOKIE, journal, routes,
};

/// The host's own endpoints.
pub(crate) fn own_routes() -> Routes {
    Routes::new("appkit")
        .add(Policy::public("appkit.health.read"), routes!(healthz))
        .add(Policy::public("appkit.ready.read"), routes!(readyz))
        .add(Policy::public("appkit.openapi.read"), routes!(openapi_json))
        .add(Policy::view("appkit.live.read"), routes!(live::live))
        .add(Policy::view("appkit.history.read"), routes!(history))
}

pub(super) fn document() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Baigong 百工")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("Industrial internet platform: from a machine's signal to a settled invoice."))
        .build();
    let bearer = |words: &str| {
        SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(words)).build())
    };
    let session = ApiKeyValue::with_description(COOKIE, "the session of somebody who signed in, POST /api/v1/session");
    let components = ComponentsBuilder::new()
        .security_scheme("token", bearer("an API token, POST /api/v1/tokens"))
        .security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(session)))
        .security_scheme("device", bearer("a device's token, shown once when the device is registered"))
        .build();
    OpenApiBuilder::new().info(info).components(Some(components)).build()
}

/// Health of the process.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Health {
    /// `ok`
    status: &'static str,
    /// Version of the program.
    version: &'static str,
    /// Whether the installation shows demo data.
    demo: bool,
}

/// The process is alive.
#[utoipa::path(get, path = "/healthz", tag = "platform", responses((status = 200, body = Health)))]
async fn healthz(State(host): State<Host>) -> Json<Health> {
    Json(Health { status: "ok", version: env!("CARGO_PKG_VERSION"), demo: host.is_demo() })
}

/// The process can serve: the database answers.
#[utoipa::path(get, path = "/readyz", tag = "platform", responses((status = 200, body = Health), (status = 503, body = error::Problem)))]
async fn readyz(State(host): State<Host>) -> crate::Result<Json<Health>> {
    host.db().one("SELECT 1 AS one", vec![]).await?;
    Ok(Json(Health { status: "ok", version: env!("CARGO_PKG_VERSION"), demo: host.is_demo() }))
}

/// This document.
#[utoipa::path(get, path = "/api/openapi.json", tag = "platform", responses((status = 200, description = "OpenAPI 3.1 document")))]
async fn openapi_json(State(host): State<Host>) -> impl IntoResponse {
    axum::Json(host.openapi().clone())
}

/// One line of an object's history.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct HistoryLine {
    /// Place in the journal.
    seq: i64,
    /// When it was recorded (RFC 3339).
    recorded_at: String,
    /// Who acted.
    actor: String,
    /// What happened.
    kind: String,
}

/// What happened to an object, oldest first; only the facts of the caller's own organisation.
#[utoipa::path(get, path = "/api/v1/history/{subject}", tag = "platform", params(("subject" = String, Path, description = "any id")),
    responses((status = 200, body = [HistoryLine])))]
async fn history(
    State(host): State<Host>,
    caller: Caller,
    Path(subject): Path<String>,
) -> crate::Result<Json<Vec<HistoryLine>>> {
    let line = |entry: JournalEntry| HistoryLine {
        seq: entry.seq,
        recorded_at: entry.recorded_at.to_string(),
        actor: entry.actor,
        kind: entry.kind,
    };
    let entries = journal::entries_about(&host, &subject).await?;
    Ok(Json(entries.into_iter().filter(|entry| entry.tenant == caller.tenant).map(line).collect()))
}
