use axum::extract::State;
use kernel::id::ApiTokenId;
use serde::{Deserialize, Serialize};

use crate::{
    Caller, Host, Json, Path, Policy, Problem, Reply, Role, Routes,
    identity::token::{token_create_in_tx, token_list as list, token_revoke_in_tx},
    routes,
};

pub(super) fn routes() -> Routes {
    Routes::new("identity")
        .add(Policy::admin("identity.token.list"), routes!(token_list))
        .add(Policy::admin("identity.token.create"), routes!(token_create))
        .add(Policy::admin("identity.token.revoke"), routes!(token_revoke))
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
struct TokenView {
    id: String,
    name: String,
    roles: Vec<Role>,
    created_at: String,
    expires_at: String,
}

/// The organisation's API tokens that hold.
#[utoipa::path(get, path = "/api/v1/tokens", tag = "identity", responses((status = 200, body = [TokenView])))]
async fn token_list(State(host): State<Host>, caller: Caller) -> crate::Result<Json<Vec<TokenView>>> {
    let tokens = list(&host, caller.tenant).await?.into_iter().map(|token| TokenView {
        id: token.id.to_string(),
        name: token.name,
        roles: token.roles,
        created_at: token.created_at.to_string(),
        expires_at: token.expires_at.to_string(),
    });
    Ok(Json(tokens.collect()))
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct TokenRequest {
    name: String,
    /// None beyond the maker's own.
    roles: Vec<Role>,
    /// 1 to 400; 90 when absent.
    days: Option<u32>,
}

/// A new token. The secret is shown this once.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct TokenMade {
    id: String,
    /// Send it as `Authorization: Bearer`.
    token: String,
    expires_at: String,
}

/// Makes an API token. Its secret is in this answer and nowhere else.
#[utoipa::path(post, path = "/api/v1/tokens", tag = "identity", request_body = TokenRequest,
    responses((status = 201, body = TokenMade), (status = 400, body = Problem)))]
async fn token_create(
    State(host): State<Host>,
    caller: Caller,
    Json(request): Json<TokenRequest>,
) -> crate::Result<Reply> {
    let mut tx = host.begin(&caller).await?;
    let (id, token, expires) = token_create_in_tx(&mut tx, &request.name, &request.roles, request.days).await?;
    tx.commit().await?;
    Reply::new(201, &TokenMade { id: id.to_string(), token, expires_at: expires.to_string() })
}

/// Revokes a token at once.
#[utoipa::path(delete, path = "/api/v1/tokens/{id}", tag = "identity", params(("id" = String, Path)),
    responses((status = 200), (status = 404, body = Problem)))]
async fn token_revoke(State(host): State<Host>, caller: Caller, Path(id): Path<ApiTokenId>) -> crate::Result<Reply> {
    let mut tx = host.begin(&caller).await?;
    token_revoke_in_tx(&mut tx, id).await?;
    tx.commit().await?;
    Reply::new(200, &serde_json::json!({}))
}
