use axum::extract::State;
use kernel::id::UserId;
use serde::{Deserialize, Serialize};

use crate::{
    Caller, Host, IdemKey, Json, Path, Policy, Problem, Reply, Role, Routes,
    identity::{
        NewUser,
        user::{self, User, user_activate_in_tx, user_insert_in_tx, user_list as list, user_prepare, user_roles_in_tx},
    },
    routes,
};

pub(super) fn routes() -> Routes {
    Routes::new("identity")
        .add(Policy::admin("identity.user.list"), routes!(user_list))
        .add(Policy::admin("identity.user.create"), routes!(user_create))
        .add(Policy::admin("identity.user.activate"), routes!(user_activate))
        .add(Policy::admin("identity.user.roles"), routes!(user_roles))
        .add(Policy::admin("identity.user.password-reset"), routes!(user_password_reset))
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
struct UserView {
    id: String,
    login: String,
    name: String,
    roles: Vec<Role>,
    language: String,
    active: bool,
}

impl From<User> for UserView {
    fn from(user: User) -> Self {
        Self {
            id: user.id.to_string(),
            login: user.login,
            name: user.name,
            roles: user.roles,
            language: user.language,
            active: user.active,
        }
    }
}

/// The organisation's users.
#[utoipa::path(get, path = "/api/v1/users", tag = "identity", responses((status = 200, body = [UserView])))]
async fn user_list(State(host): State<Host>, caller: Caller) -> crate::Result<Json<Vec<UserView>>> {
    Ok(Json(list(&host, caller.tenant).await?.into_iter().map(Into::into).collect()))
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct UserRequest {
    /// 3 to 80 letters, digits or @ . _ - +
    login: String,
    name: String,
    /// 12 to 128 characters.
    password: String,
    roles: Vec<Role>,
    /// `zh` or `en`.
    language: String,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
struct UserMade {
    id: String,
}

/// Adds a user to the organisation.
#[utoipa::path(post, path = "/api/v1/users", tag = "identity", request_body = UserRequest,
    responses((status = 201, body = UserMade), (status = 400, body = Problem), (status = 409, body = Problem)))]
async fn user_create(
    State(host): State<Host>,
    caller: Caller,
    key: IdemKey,
    Json(request): Json<UserRequest>,
) -> crate::Result<Reply> {
    let new = NewUser {
        login: request.login,
        name: request.name,
        password: request.password,
        roles: request.roles,
        language: request.language,
    };
    let hash = user_prepare(&host, &new).await?;
    // Without the password: not even a fast hash of it may be kept beside the slow one.
    let body =
        serde_json::json!({ "login": new.login, "name": new.name, "roles": new.roles, "language": new.language });
    let mut command = host.command(&caller, "identity.user.create", &key, &body).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let id = user_insert_in_tx(command.tx(), caller.tenant, &new, &hash).await?;
    command.reply(201, &UserMade { id: id.to_string() }).await
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Activation {
    active: bool,
}

/// Switches a user off, with all their sessions, or on again.
#[utoipa::path(post, path = "/api/v1/users/{id}/activation", tag = "identity", params(("id" = String, Path)),
    request_body = Activation, responses((status = 200), (status = 404, body = Problem)))]
async fn user_activate(
    State(host): State<Host>,
    caller: Caller,
    Path(id): Path<UserId>,
    Json(request): Json<Activation>,
) -> crate::Result<Reply> {
    let mut tx = host.begin(&caller).await?;
    user_activate_in_tx(&mut tx, id, request.active).await?;
    tx.commit().await?;
    Reply::new(200, &serde_json::json!({}))
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = identity::RolesRequest)]
struct RolesRequest {
    /// None beyond the caller's own.
    roles: Vec<Role>,
}

/// Gives a user other roles; they act at their next request.
#[utoipa::path(post, path = "/api/v1/users/{id}/roles", tag = "identity", params(("id" = String, Path)),
    request_body = RolesRequest, responses((status = 200), (status = 400, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn user_roles(
    State(host): State<Host>,
    caller: Caller,
    Path(id): Path<UserId>,
    Json(request): Json<RolesRequest>,
) -> crate::Result<Reply> {
    let mut tx = host.begin(&caller).await?;
    user_roles_in_tx(&mut tx, id, &request.roles).await?;
    tx.commit().await?;
    Reply::new(200, &serde_json::json!({}))
}

/// A password that nobody chose. It is shown this once.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct PasswordMade {
    password: String,
}

/// Replaces a user's forgotten password and ends their sessions. The new one is in this answer and nowhere else.
#[utoipa::path(post, path = "/api/v1/users/{id}/password-reset", tag = "identity", params(("id" = String, Path)),
    responses((status = 200, body = PasswordMade), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn user_password_reset(State(host): State<Host>, caller: Caller, Path(id): Path<UserId>) -> crate::Result<Reply> {
    let password = user::user_password_reset(&host, &caller, id).await?;
    Reply::new(200, &PasswordMade { password })
}
