use appkit::{Caller, Host, IdemKey, Json, Path, Policy, Problem, Reply, Routes, routes};
use axum::extract::State;
use kernel::{
    Timestamp, Window,
    id::{AssetId, CapabilityId, HoldId},
};
use record::wire::WindowSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    app::{self, NewHold},
    domain::hold::Hold,
    store::hold::hold_list as stored_list,
};

pub(super) fn routes() -> Routes {
    Routes::new("sharing")
        .add(Policy::view("sharing.hold.list"), routes!(hold_list))
        .add(Policy::trade("sharing.hold.create"), routes!(hold_create))
        .add(Policy::trade("sharing.hold.release"), routes!(hold_release))
}

/// Slots to be held.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SharingHoldRequest)]
struct HoldRequest {
    /// Of which capability.
    #[schema(value_type = String)]
    capability: CapabilityId,
    /// Which slots, 1–50.
    #[schema(value_type = Vec<WindowSchema>)]
    slots: Vec<Window>,
    /// For how many minutes, 1–30; 10 when absent.
    #[serde(default)]
    minutes: Option<u32>,
}

/// Slots kept for you while you decide.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SharingHold)]
struct HoldView {
    /// Its id.
    #[schema(value_type = String)]
    id: HoldId,
    /// Of which capability.
    #[schema(value_type = String)]
    capability: CapabilityId,
    /// The machine.
    #[schema(value_type = String)]
    asset: AssetId,
    /// Which slots.
    #[schema(value_type = Vec<WindowSchema>)]
    slots: Vec<Window>,
    /// First moment at which they are no longer kept.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// `held`, `used`, `released` or `expired`.
    state: &'static str,
}

impl From<Hold> for HoldView {
    fn from(hold: Hold) -> Self {
        Self {
            id: hold.id,
            capability: hold.capability,
            asset: hold.asset,
            slots: hold.slots,
            expires_at: hold.expires_at,
            state: hold.state.name(),
        }
    }
}

/// Your holds that still keep slots.
#[utoipa::path(get, path = "/api/v1/sharing/holds", tag = "sharing", responses((status = 200, body = Vec<HoldView>)))]
async fn hold_list(State(host): State<Host>, caller: Caller) -> appkit::Result<Json<Vec<HoldView>>> {
    let holds = stored_list(host.db(), caller.tenant, host.now()).await?;
    Ok(Json(holds.into_iter().map(Into::into).collect()))
}

/// Holds slots while you decide.
#[utoipa::path(post, path = "/api/v1/sharing/holds", tag = "sharing", request_body = HoldRequest,
    responses((status = 201, body = HoldView), (status = 400, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn hold_create(
    State(host): State<Host>,
    caller: Caller,
    key: IdemKey,
    Json(request): Json<HoldRequest>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "sharing.hold.create", &key, &request).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let new = NewHold { capability: request.capability, slots: request.slots, minutes: request.minutes };
    let hold = app::hold_make(command.tx(), caller.tenant, new).await?;
    command.reply(201, &HoldView::from(hold)).await
}

/// Gives held slots back.
#[utoipa::path(post, path = "/api/v1/sharing/holds/{id}/release", tag = "sharing", params(("id" = String, Path)),
    responses((status = 200, body = HoldView), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn hold_release(
    State(host): State<Host>,
    caller: Caller,
    key: IdemKey,
    Path(id): Path<HoldId>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "sharing.hold.release", &key, &id).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let hold = app::hold_release(command.tx(), caller.tenant, id).await?;
    command.reply(200, &HoldView::from(hold)).await
}
