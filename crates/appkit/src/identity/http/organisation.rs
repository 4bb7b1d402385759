use axum::extract::State;
use kernel::id::PartyId;
use serde::{Deserialize, Serialize};

use crate::{
    Caller, Host, Json, Path, Policy, Problem, Reply, Role, Routes,
    identity::{
        NewUser, Organisation, OrganisationState,
        organisation::{installation_check, organisation_enrol, organisation_list as list, organisation_state_in_tx},
    },
    routes,
};

// Creating and suspending need the platform role, which is about the installation and not about the caller's organisation:
// the route admits whoever is signed in, and the use case asks for the role.
pub(super) fn routes() -> Routes {
    Routes::new("identity")
        .add(Policy::view("identity.organisation.list"), routes!(organisation_list))
        .add(Policy::signed_in("identity.organisation.create"), routes!(organisation_create))
        .add(Policy::signed_in("identity.organisation.state"), routes!(organisation_state))
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
    /// `active` or `suspended`: of the caller's own, and of all for those who look after the installation.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'static str>,
}

fn view(organisation: Organisation, caller: &Caller, all: bool) -> OrganisationView {
    let own = organisation.id == caller.tenant;
    OrganisationView {
        own,
        id: organisation.id.to_string(),
        name_zh: organisation.name_zh,
        name_en: organisation.name_en,
        demo: organisation.demo,
        state: (own || all).then(|| organisation.state.name()),
    }
}

/// The names of all organisations here: whom one can trade with and grant something to. Nothing but names.
#[utoipa::path(get, path = "/api/v1/organisations", tag = "identity", responses((status = 200, body = [OrganisationView])))]
async fn organisation_list(State(host): State<Host>, caller: Caller) -> crate::Result<Json<Vec<OrganisationView>>> {
    let all = installation_check(&host, &caller, "identity.organisation.state").is_ok();
    Ok(Json(list(&host).await?.into_iter().map(|organisation| view(organisation, &caller, all)).collect()))
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct OrganisationRequest {
    /// Name in Chinese (or in any language).
    name_zh: String,
    /// Name in English; the other one when absent.
    name_en: Option<String>,
    /// Its first administrator.
    admin: AdminRequest,
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = identity::AdminRequest)]
struct AdminRequest {
    /// 3 to 80 letters, digits or @ . _ - +
    login: String,
    name: String,
    /// `zh` or `en`.
    language: String,
}

/// A new organisation. The administrator's password is shown this once.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct OrganisationMade {
    organisation: OrganisationView,
    /// The administrator's user id.
    user: String,
    password: String,
}

/// Adds an organisation with its first administrator, whose password is in this answer and nowhere else. For those who look
/// after the installation.
#[utoipa::path(post, path = "/api/v1/organisations", tag = "identity", request_body = OrganisationRequest,
    responses((status = 201, body = OrganisationMade), (status = 400, body = Problem), (status = 403, body = Problem), (status = 409, body = Problem)))]
async fn organisation_create(
    State(host): State<Host>,
    caller: Caller,
    Json(request): Json<OrganisationRequest>,
) -> crate::Result<Reply> {
    let admin = NewUser {
        login: request.admin.login,
        name: request.admin.name,
        password: String::new(),
        roles: vec![Role::Admin],
        language: request.admin.language,
    };
    let english = request.name_en.as_deref().unwrap_or(&request.name_zh);
    let (organisation, user, password) = organisation_enrol(&host, &caller, &request.name_zh, english, admin).await?;
    let organisation = view(organisation, &caller, true);
    Reply::new(201, &OrganisationMade { organisation, user: user.to_string(), password })
}

#[derive(Debug, Clone, Copy, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = identity::WantedState)]
enum WantedState {
    Active,
    Suspended,
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = identity::StateRequest)]
struct StateRequest {
    state: WantedState,
}

/// Suspends an organisation, which can then sign in and nothing else, or reinstates it. For those who look after the
/// installation; never their own.
#[utoipa::path(post, path = "/api/v1/organisations/{id}/state", tag = "identity", params(("id" = String, Path)),
    request_body = StateRequest,
    responses((status = 200, body = OrganisationView), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn organisation_state(
    State(host): State<Host>,
    caller: Caller,
    Path(id): Path<PartyId>,
    Json(request): Json<StateRequest>,
) -> crate::Result<Reply> {
    let wanted = match request.state {
        WantedState::Active => OrganisationState::Active,
        WantedState::Suspended => OrganisationState::Suspended,
    };
    let mut tx = host.begin(&caller).await?;
    let organisation = organisation_state_in_tx(&mut tx, id, wanted).await?;
    tx.commit().await?;
    Reply::new(200, &view(organisation, &caller, true))
}
