use appkit::{Caller, Host, IdemKey, Json, Page, Path, Policy, Problem, Reply, Routes, routes};
use axum::extract::State;
use kernel::{
    Quantity,
    id::{AssetId, ItemId, ResourceId},
};
use serde::{Deserialize, Serialize};

use super::{NewResource, Resource, ResourceKind, ResourceState, store};
use crate::{
    event::{Event, event_list_by_resource},
    http::{StepRequest, get_handler, list_handler, same_answer, takes_part, visible},
    wire::{quantity_check, text_check},
};

pub(crate) fn routes() -> Routes {
    Routes::new("record")
        .add(Policy::view("record.resource.list"), routes!(resource_list))
        .add(Policy::view("record.resource.read"), routes!(resource_get))
        .add(Policy::view("record.resource.track"), routes!(resource_track))
        .add(Policy::operate("record.resource.create"), routes!(resource_create))
        .add(Policy::operate("record.resource.step"), routes!(resource_step))
}

list_handler! {
    /// What the organisation owns or has in its custody.
    resource_list, "/api/v1/resources", "record", Resource, store::resource_list
}
get_handler! {
    /// One resource.
    resource_get, "/api/v1/resources/{id}", "record", ResourceId, Resource, store::resource_get, "resource", "record.resource.read",
    |resource| vec![resource.owner, resource.custodian]
}

/// The events that touched a resource, oldest first; of others' events only those the caller takes part in.
#[utoipa::path(get, path = "/api/v1/resources/{id}/events", tag = "record", params(("id" = String, Path)),
    responses((status = 200, body = Page<Event>), (status = 404, body = Problem)))]
async fn resource_track(
    State(host): State<Host>,
    caller: Caller,
    Path(id): Path<ResourceId>,
) -> appkit::Result<Json<Page<Event>>> {
    let resource = same_answer(store::resource_get(&mut host.db(), id).await)?;
    visible(&host, &caller, "record.resource.track", "resource", id, &[resource.owner, resource.custodian]).await?;
    let mut events = event_list_by_resource(&mut host.db(), id).await?;
    events.retain(|event| [event.content.provider, event.content.receiver].contains(&caller.tenant));
    Ok(Json(Page::whole(events)))
}

/// A resource.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct ResourceRequest {
    /// What kind.
    kind: ResourceKind,
    /// What it is: an item of the organisation.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    item: Option<ItemId>,
    /// Serial, lot number or code plate.
    identifier: String,
    /// How much there is.
    #[schema(value_type = crate::wire::QuantitySchema)]
    quantity: Quantity,
    /// Where.
    #[serde(default)]
    location: String,
    /// Its twin on the shop floor.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    asset: Option<AssetId>,
}

/// Registers a resource of the organisation.
#[utoipa::path(post, path = "/api/v1/resources", tag = "record", request_body = ResourceRequest,
    responses((status = 201, body = Resource), (status = 422, body = Problem)))]
async fn resource_create(
    State(host): State<Host>,
    caller: Caller,
    key: IdemKey,
    Json(request): Json<ResourceRequest>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "record.resource.create", &key, &request).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    text_check(&request.identifier, 120, "/identifier")?;
    text_check(&request.location, 200, "/location")?;
    if let Some(item) = request.item {
        let item = same_answer(crate::item::item_get(command.tx(), item).await)?;
        takes_part(&caller, &[item.tenant])?;
    }
    let new = NewResource {
        kind: request.kind,
        item: request.item,
        identifier: request.identifier,
        owner: caller.tenant,
        quantity: quantity_check(request.quantity, "/quantity")?,
        location: request.location,
        asset: request.asset,
    };
    let resource = store::resource_register(command.tx(), new).await?;
    command.reply(201, &resource).await
}

/// Takes a step of the state machine; the custodian does, who has the thing.
#[utoipa::path(post, path = "/api/v1/resources/{id}/state", tag = "record", params(("id" = String, Path)), request_body = StepRequest,
    responses((status = 200, body = Resource), (status = 409, body = Problem)))]
async fn resource_step(
    State(host): State<Host>,
    caller: Caller,
    key: IdemKey,
    Path(id): Path<ResourceId>,
    Json(step): Json<StepRequest>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "record.resource.step", &key, &(id, &step)).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let resource = same_answer(store::resource_get(command.tx(), id).await)?;
    takes_part(&caller, &[resource.custodian])?;
    let resource = store::resource_step(command.tx(), id, step.to.parse::<ResourceState>()?).await?;
    command.reply(200, &resource).await
}
