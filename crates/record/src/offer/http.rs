use appkit::{Caller, Host, IdemKey, Json, Page, Path, Policy, Problem, Reply, Routes, routes};
use axum::extract::State;
use kernel::{Timestamp, id::OfferId};
use serde::{Deserialize, Serialize};

use super::{NewOffer, Offer, OfferKind, OfferLine, OfferState, app};
use crate::{
    agreement::Clause,
    http::{StepRequest, list_handler, same_answer, takes_part, visible},
    wire::{quantity_check, text_check},
};

pub(crate) fn routes() -> Routes {
    Routes::new("record")
        .add(Policy::view("record.offer.list"), routes!(offer_list))
        .add(Policy::view("record.offer.read"), routes!(offer_get))
        .add(Policy::trade("record.offer.create"), routes!(offer_create))
        .add(Policy::trade("record.offer.step"), routes!(offer_step))
}

list_handler! {
    /// Published offers of everybody, and all of one's own.
    offer_list, "/api/v1/offers", "record", Offer, app::offer_list
}

/// One offer: one's own, or a published one.
#[utoipa::path(get, path = "/api/v1/offers/{id}", tag = "record", params(("id" = String, Path)),
    responses((status = 200, body = Offer), (status = 404, body = Problem)))]
async fn offer_get(State(host): State<Host>, caller: Caller, Path(id): Path<OfferId>) -> appkit::Result<Json<Offer>> {
    let offer = same_answer(app::offer_get(&mut host.db(), id).await)?;
    let mut parties = vec![offer.provider];
    if offer.state == OfferState::Published {
        // Publishing an offer invites every organisation of the installation to look at it.
        parties.push(caller.tenant);
    }
    visible(&host, &caller, "record.offer.read", "offer", id, &parties).await?;
    Ok(Json(offer))
}

/// An offer.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct OfferRequest {
    /// What kind of wish.
    kind: OfferKind,
    /// In a few words.
    title: String,
    /// What is offered or wanted, 1–200 lines.
    lines: Vec<OfferLine>,
    /// On which terms.
    #[serde(default)]
    clauses: Vec<Clause>,
    /// Until before when.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    valid_to: Option<Timestamp>,
}

/// Writes an offer as a draft.
#[utoipa::path(post, path = "/api/v1/offers", tag = "record", request_body = OfferRequest,
    responses((status = 201, body = Offer), (status = 422, body = Problem)))]
async fn offer_create(
    State(host): State<Host>,
    caller: Caller,
    key: IdemKey,
    Json(request): Json<OfferRequest>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "record.offer.create", &key, &request).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let OfferRequest { kind, title, lines, clauses, valid_to } = request;
    text_check(&title, 200, "/title")?;
    for (index, line) in lines.iter().enumerate() {
        text_check(&line.description, 1000, &format!("/lines/{index}/description"))?;
        if let Some(quantity) = line.quantity {
            quantity_check(quantity, &format!("/lines/{index}/quantity"))?;
        }
    }
    let new = NewOffer { kind, provider: caller.tenant, title, lines, clauses, valid_to };
    let offer = app::offer_create(command.tx(), new).await?;
    command.reply(201, &offer).await
}

/// Takes a step: published, closed, withdrawn, …
#[utoipa::path(post, path = "/api/v1/offers/{id}/state", tag = "record", params(("id" = String, Path)), request_body = StepRequest,
    responses((status = 200, body = Offer), (status = 409, body = Problem)))]
async fn offer_step(
    State(host): State<Host>,
    caller: Caller,
    key: IdemKey,
    Path(id): Path<OfferId>,
    Json(step): Json<StepRequest>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "record.offer.step", &key, &(id, &step)).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let offer = same_answer(app::offer_get(command.tx(), id).await)?;
    takes_part(&caller, &[offer.provider])?;
    let offer = app::offer_step(command.tx(), id, step.to.parse::<OfferState>()?).await?;
    command.reply(200, &offer).await
}
