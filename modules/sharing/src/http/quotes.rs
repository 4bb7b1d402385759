use appkit::{Caller, Host, Json, Policy, Problem, Routes, routes};
use axum::extract::State;
use kernel::{Money, Window, id::CapabilityId};
use record::wire::{MoneySchema, WindowSchema};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::wire::{BasisBody, CostView, PriceBody};
use crate::app;

pub(super) fn routes() -> Routes {
    Routes::new("sharing").add(Policy::view("sharing.quote.ask"), routes!(quote_ask))
}

/// What to quote.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SharingQuoteRequest)]
struct QuoteRequest {
    /// Which capability.
    #[schema(value_type = String)]
    capability: CapabilityId,
    /// What is counted.
    basis: BasisBody,
    /// Which slots, 1–50.
    #[schema(value_type = Vec<WindowSchema>)]
    slots: Vec<Window>,
    /// How many pieces.
    pieces: u32,
}

/// A quote: what a booking would put into escrow. Asking for it keeps nothing; hold the slots to keep them.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SharingQuote)]
struct QuoteView {
    /// The price that applies.
    price: PriceBody,
    /// Set-up charge in it, net.
    #[schema(value_type = MoneySchema)]
    setup: Money,
    /// The most it can cost.
    most: CostView,
}

/// What slots and pieces cost at most.
#[utoipa::path(post, path = "/api/v1/sharing/quotes", tag = "sharing", request_body = QuoteRequest,
    responses((status = 200, body = QuoteView), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn quote_ask(
    State(host): State<Host>,
    caller: Caller,
    Json(request): Json<QuoteRequest>,
) -> appkit::Result<Json<QuoteView>> {
    let terms = app::capability_visible(&host, caller.tenant, request.capability).await?.terms;
    let basis = request.basis.into();
    let most = app::quote(&terms, basis, request.slots, request.pieces, host.now())?;
    Ok(Json(QuoteView { price: terms.price(basis)?.into(), setup: terms.setup, most: (&most).into() }))
}
