use appkit::{Caller, Host, IdemKey, Json, Page, PageQuery, Path, Policy, Problem, Query, Reply, Routes, routes};
use axum::extract::State;
use kernel::{
    Quantity, Timestamp,
    id::{AgreementId, AssetId, EventId, ItemId, PartyId, ResourceId},
};
use serde::{Deserialize, Serialize};

use super::{Action, Event, Fulfilment, NewEvent, app, store};
use crate::{
    http::{get_handler, same_answer, seq_cursor, takes_part},
    resource::resource_get,
    wire::{quantity_check, text_check},
};

pub(crate) fn routes() -> Routes {
    Routes::new("record")
        .add(Policy::view("record.event.list"), routes!(event_list))
        .add(Policy::view("record.event.read"), routes!(event_get))
        .add(Policy::operate("record.event.create"), routes!(event_create))
        .add(Policy::operate("record.event.attest"), routes!(event_attest))
}

/// The organisation's facts in the order they were recorded.
#[utoipa::path(get, path = "/api/v1/events", tag = "record", params(PageQuery), responses((status = 200, body = Page<Event>)))]
async fn event_list(
    State(host): State<Host>,
    caller: Caller,
    Query(page): Query<PageQuery>,
) -> appkit::Result<Json<Page<Event>>> {
    let limit = page.limit()?;
    let rows = store::event_list(&mut host.db(), Some(caller.tenant), seq_cursor(&page)?, limit + 1).await?;
    Ok(Json(Page::of(rows, limit, |event| event.seq.to_string())))
}

get_handler! {
    /// One fact.
    event_get, "/api/v1/events/{id}", "record", EventId, Event, store::event_get, "event", "record.event.read",
    |event| vec![event.content.provider, event.content.receiver]
}

/// A fact. Readings are recorded by the platform, not here.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct EventRequest {
    /// The verb.
    action: Action,
    /// Who gives or does.
    #[schema(value_type = String)]
    provider: PartyId,
    /// Who gets.
    #[schema(value_type = String)]
    receiver: PartyId,
    /// The agreement it happens under.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    agreement: Option<AgreementId>,
    /// What kind of thing.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    item: Option<ItemId>,
    /// The thing; in the caller's custody.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    resource: Option<ResourceId>,
    /// The thing it goes to.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    to_resource: Option<ResourceId>,
    /// The machine.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    asset: Option<AssetId>,
    /// How much.
    #[serde(default)]
    #[schema(value_type = Option<crate::wire::QuantitySchema>)]
    quantity: Option<Quantity>,
    /// For how long.
    #[serde(default)]
    #[schema(value_type = Option<crate::wire::QuantitySchema>)]
    effort: Option<Quantity>,
    /// When it happened; now when absent.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    occurred_at: Option<Timestamp>,
    /// Where.
    #[serde(default)]
    location: String,
    /// What it counts towards.
    #[serde(default)]
    fulfilments: Vec<Fulfilment>,
    /// The event it corrects.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    corrects: Option<EventId>,
    /// A remark, or the verdict of an inspection.
    #[serde(default)]
    note: String,
}

/// Records a fact on behalf of one of its sides.
#[utoipa::path(post, path = "/api/v1/events", tag = "record", request_body = EventRequest,
    responses((status = 201, body = Event), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn event_create(
    State(host): State<Host>,
    caller: Caller,
    key: IdemKey,
    Json(request): Json<EventRequest>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "record.event.create", &key, &request).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    text_check(&request.location, 200, "/location")?;
    text_check(&request.note, 1000, "/note")?;
    if ![request.provider, request.receiver].contains(&caller.tenant) {
        return Err(kernel::Error::unprocessable(
            "record.event.parties",
            "the caller's organisation is no side of the event",
        )
        .field("/provider", "or /receiver must be your organisation")
        .into());
    }
    if request.fulfilments.len() > 100 {
        return Err(kernel::Error::unprocessable(
            "record.event.overallocated",
            "an event counts towards at most 100 commitments",
        )
        .into());
    }
    for (quantity, pointer) in [(request.quantity, "/quantity"), (request.effort, "/effort")] {
        if let Some(quantity) = quantity {
            quantity_check(quantity, pointer)?;
        }
    }
    for (index, fulfilment) in request.fulfilments.iter().enumerate() {
        quantity_check(fulfilment.quantity, &format!("/fulfilments/{index}/quantity"))?;
    }
    if let Some(resource) = request.resource {
        let resource = same_answer(resource_get(command.tx(), resource).await)?;
        // Rights are the owner's to give away, custody and the thing itself the custodian's.
        let rule = request.action.rule();
        let giver = if rule.moves_owner { resource.owner } else { resource.custodian };
        takes_part(&caller, &[giver])?;
    }
    if let Some(resource) = request.to_resource {
        let resource = same_answer(resource_get(command.tx(), resource).await)?;
        takes_part(&caller, &[request.receiver, request.provider])?;
        if resource.custodian != request.receiver {
            return Err(kernel::Error::unprocessable(
                "record.event.mismatch",
                "the thing it goes to is not the receiver's",
            )
            .field("/to_resource", "must be in the receiver's custody")
            .into());
        }
    }
    if let Some(corrected) = request.corrects {
        let event = same_answer(store::event_get(command.tx(), corrected).await)?;
        takes_part(&caller, &[event.content.provider, event.content.receiver])?;
    }
    let now = command.tx().now();
    let new = NewEvent {
        agreement: request.agreement,
        item: request.item,
        resource: request.resource,
        to_resource: request.to_resource,
        asset: request.asset,
        quantity: request.quantity,
        effort: request.effort,
        location: request.location,
        fulfilments: request.fulfilments,
        corrects: request.corrects,
        note: request.note,
        ..NewEvent::new(request.action, request.provider, request.receiver, request.occurred_at.unwrap_or(now))
    };
    let event = app::event_record(command.tx(), caller.tenant, new).await?;
    command.reply(201, &event).await
}

/// Confirms a fact for the caller's organisation.
#[utoipa::path(post, path = "/api/v1/events/{id}/attest", tag = "record", params(("id" = String, Path)),
    responses((status = 200, body = Event), (status = 404, body = Problem)))]
async fn event_attest(
    State(host): State<Host>,
    caller: Caller,
    key: IdemKey,
    Path(id): Path<EventId>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "record.event.attest", &key, &id).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let event = same_answer(store::event_get(command.tx(), id).await)?;
    takes_part(&caller, &[event.content.provider, event.content.receiver])?;
    let event = app::event_attest(command.tx(), id, caller.tenant).await?;
    command.reply(200, &event).await
}
