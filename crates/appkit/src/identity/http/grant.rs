use axum::extract::State;
use kernel::{
    Timestamp,
    id::{GrantId, PartyId},
};
use serde::{Deserialize, Serialize};

use crate::{
    Caller, Host, IdemKey, Json, Path, Policy, Problem, Reply, Routes,
    identity::{
        grant::{self, Grant, NewGrant},
        look,
    },
    routes,
};

pub(super) fn routes() -> Routes {
    Routes::new("identity")
        .add(Policy::view("identity.grant.list"), routes!(grant_list))
        .add(Policy::admin("identity.grant.create"), routes!(grant_create))
        .add(Policy::admin("identity.grant.revoke"), routes!(grant_revoke))
        .add(Policy::view("identity.grant.access-log"), routes!(grant_access_log))
}

/// A grant.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct GrantView {
    id: String,
    grantor: String,
    grantee: String,
    /// `given` or `received`, as the caller sees it.
    direction: &'static str,
    /// Kinds of object: `machine`, `reading`, …
    kinds: Vec<String>,
    /// Which ones; empty means all of the kinds.
    ids: Vec<String>,
    /// Which fields (metrics); empty means all.
    fields: Vec<String>,
    purpose: String,
    not_before: String,
    expires_at: String,
    revoked_at: Option<String>,
    /// `waiting`, `active`, `expired` or `revoked`.
    state: &'static str,
    /// Its place in the journal; in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<i64>,
    /// The place in the journal where its end is stated; in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    end_position: Option<i64>,
}

fn view(grant: Grant, caller: &Caller, now: Timestamp) -> GrantView {
    let state = grant.state(now).name();
    GrantView {
        id: grant.id.to_string(),
        grantor: grant.grantor.to_string(),
        grantee: grant.grantee.to_string(),
        direction: if grant.grantor == caller.tenant { "given" } else { "received" },
        kinds: grant.kinds,
        ids: grant.ids,
        fields: grant.fields,
        purpose: grant.purpose,
        not_before: grant.not_before.to_string(),
        expires_at: grant.expires_at.to_string(),
        revoked_at: grant.revoked_at.map(|at| at.to_string()),
        state,
        position: None,
        end_position: None,
    }
}

/// Grants that the organisation gave and received, newest first.
#[utoipa::path(get, path = "/api/v1/grants", tag = "identity", responses((status = 200, body = [GrantView])))]
async fn grant_list(State(host): State<Host>, caller: Caller) -> crate::Result<Json<Vec<GrantView>>> {
    let now = host.now();
    let grants = grant::grant_list(&host, caller.tenant).await?;
    let placed = |one: grant::Placed| GrantView {
        position: one.position,
        end_position: one.end_position,
        ..view(one.grant, &caller, now)
    };
    Ok(Json(grants.into_iter().map(placed).collect()))
}

#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct GrantRequest {
    /// The organisation that may look.
    #[schema(value_type = String)]
    grantee: PartyId,
    /// Kinds of object: `machine`, `reading`, `evidence`, …
    kinds: Vec<String>,
    /// Which ones; all of the kinds when empty.
    #[serde(default)]
    ids: Vec<String>,
    /// Which fields (metrics); all when empty.
    #[serde(default)]
    fields: Vec<String>,
    /// One word: `credit`, `service`, `quality`, …; `any` when it does not matter.
    purpose: String,
    /// RFC 3339; at once when absent.
    #[schema(value_type = Option<String>)]
    not_before: Option<Timestamp>,
    /// RFC 3339; 90 days when absent, thirteen months at most.
    #[schema(value_type = Option<String>)]
    expires_at: Option<Timestamp>,
}

/// Lets another organisation look at a slice of this organisation's data, for a purpose and a time.
#[utoipa::path(post, path = "/api/v1/grants", tag = "identity", request_body = GrantRequest,
    responses((status = 201, body = GrantView), (status = 400, body = Problem)))]
async fn grant_create(
    State(host): State<Host>,
    caller: Caller,
    key: IdemKey,
    Json(request): Json<GrantRequest>,
) -> crate::Result<Reply> {
    let mut command = host.command(&caller, "identity.grant.create", &key, &request).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let new = NewGrant {
        grantee: Some(request.grantee),
        kinds: request.kinds,
        ids: request.ids,
        fields: request.fields,
        purpose: request.purpose,
        not_before: request.not_before,
        expires_at: request.expires_at,
    };
    let grant = grant::grant_create_in_tx(command.tx(), new).await?;
    let now = command.tx().now();
    command.reply(201, &view(grant, &caller, now)).await
}

/// Takes a grant back; nothing is delivered under it from now on.
#[utoipa::path(post, path = "/api/v1/grants/{id}/revoke", tag = "identity", params(("id" = String, Path)),
    responses((status = 200, body = GrantView), (status = 404, body = Problem)))]
async fn grant_revoke(State(host): State<Host>, caller: Caller, Path(id): Path<GrantId>) -> crate::Result<Reply> {
    let mut tx = host.begin(&caller).await?;
    let grant = grant::grant_revoke_in_tx(&mut tx, id).await?;
    let now = tx.now();
    tx.commit().await?;
    Reply::new(200, &view(grant, &caller, now))
}

/// One line of the log: who looked at what, in which minute, how often.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct LookView {
    grant: String,
    /// The other organisation.
    grantee: String,
    /// Who: its user or token.
    subject: String,
    /// What.
    object: String,
    /// How.
    action: String,
    /// What for, as it said; empty when it did not.
    purpose: String,
    minute: String,
    count: i64,
}

/// Who looked at what under the grants that the organisation gave, newest first.
#[utoipa::path(get, path = "/api/v1/grants/access-log", tag = "identity", responses((status = 200, body = [LookView])))]
async fn grant_access_log(State(host): State<Host>, caller: Caller) -> crate::Result<Json<Vec<LookView>>> {
    let looks = look::look_list(&host, caller.tenant).await?.into_iter().map(|look| LookView {
        grant: look.grant.to_string(),
        grantee: look.grantee.to_string(),
        subject: look.subject,
        object: look.object,
        action: look.action,
        purpose: look.purpose,
        minute: look.minute.to_string(),
        count: look.count,
    });
    Ok(Json(looks.collect()))
}
