use appkit::{Caller, Host, IdemKey, Json, Page, Path, Policy, Problem, Reply, Routes, routes};
use axum::extract::State;
use kernel::{Unit, id::ItemId};
use serde::{Deserialize, Serialize};

use super::{Item, ItemKind, ItemState, NewItem, Tracking, app};
use crate::{
    http::{StepRequest, get_handler, list_handler, same_answer, takes_part},
    wire::text_check,
};

pub(crate) fn routes() -> Routes {
    Routes::new("record")
        .add(Policy::view("record.item.list"), routes!(item_list))
        .add(Policy::view("record.item.read"), routes!(item_get))
        .add(Policy::trade("record.item.create"), routes!(item_create))
        .add(Policy::trade("record.item.step"), routes!(item_step))
}

list_handler! {
    /// The organisation's items.
    item_list, "/api/v1/items", "record", Item, app::item_list
}
get_handler! {
    /// One revision of an item.
    item_get, "/api/v1/items/{id}", "record", ItemId, Item, app::item_get, "item", "record.item.read", |item| vec![item.tenant]
}

/// A revision of an item.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct ItemRequest {
    /// Code, 1–80 characters; unique with its revision.
    code: String,
    /// Revision, 1–40 characters.
    revision: String,
    /// What kind.
    kind: ItemKind,
    /// Name in Chinese.
    #[serde(default)]
    name_zh: String,
    /// Name in English.
    #[serde(default)]
    name_en: String,
    /// Base unit, UN/ECE Rec 20.
    #[schema(value_type = String)]
    unit: Unit,
    /// How finely it is followed.
    tracking: Tracking,
}

/// Enters an item as a draft.
#[utoipa::path(post, path = "/api/v1/items", tag = "record", request_body = ItemRequest,
    responses((status = 201, body = Item), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn item_create(
    State(host): State<Host>,
    caller: Caller,
    key: IdemKey,
    Json(request): Json<ItemRequest>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "record.item.create", &key, &request).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let ItemRequest { code, revision, kind, name_zh, name_en, unit, tracking } = request;
    for (text, pointer) in [(&code, "/code"), (&revision, "/revision"), (&name_zh, "/name_zh"), (&name_en, "/name_en")]
    {
        text_check(text, 200, pointer)?;
    }
    let new = NewItem { tenant: caller.tenant, code, revision, kind, name_zh, name_en, unit, tracking };
    let item = app::item_create(command.tx(), new).await?;
    command.reply(201, &item).await
}

/// Takes a step: in_review, released, superseded, obsolete.
#[utoipa::path(post, path = "/api/v1/items/{id}/state", tag = "record", params(("id" = String, Path)), request_body = StepRequest,
    responses((status = 200, body = Item), (status = 409, body = Problem)))]
async fn item_step(
    State(host): State<Host>,
    caller: Caller,
    key: IdemKey,
    Path(id): Path<ItemId>,
    Json(step): Json<StepRequest>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "record.item.step", &key, &(id, &step)).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let item = same_answer(app::item_get(command.tx(), id).await)?;
    takes_part(&caller, &[item.tenant])?;
    let item = app::item_step(command.tx(), id, step.to.parse::<ItemState>()?).await?;
    command.reply(200, &item).await
}
