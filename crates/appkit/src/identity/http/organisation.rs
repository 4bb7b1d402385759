use axum::extract::State;
use serde::Serialize;

use crate::{
    Caller, Host, Json, Policy, Routes,
    identity::{Organisation, organisation_list as list},
    routes,
};

pub(super) fn routes() -> Routes {
    Routes::new("identity").add(Policy::view("identity.organisation.list"), routes!(organisation_list))
}

/// An organisation's public face.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct OrganisationView {
    id: String,
    name_zh: String,
    name_en: String,
    /// Whether it exists for demonstration only.
    demo: bool,
    /// Whether it is the caller's own.
    own: bool,
}

/// The names of all organisations here: whom one can trade with and grant something to. Nothing but names.
#[utoipa::path(get, path = "/api/v1/organisations", tag = "identity", responses((status = 200, body = [OrganisationView])))]
async fn organisation_list(State(host): State<Host>, caller: Caller) -> crate::Result<Json<Vec<OrganisationView>>> {
    let view = |organisation: Organisation| OrganisationView {
        own: organisation.id == caller.tenant,
        id: organisation.id.to_string(),
        name_zh: organisation.name_zh,
        name_en: organisation.name_en,
        demo: organisation.demo,
    };
    Ok(Json(list(&host).await?.into_iter().map(view).collect()))
}
