use appkit::{Caller, Host, IdemKey, Json, Page, Path, Policy, Problem, Query, Reply, Routes, routes};
use axum::extract::State;
use contracts::twin::MachineDirectory;
use kernel::{
    Timestamp, Unit, Window,
    id::{AssetId, MeterId},
};
use serde::{Deserialize, Serialize};

use super::{
    Meter, NewMeter, Preview, app,
    reading_http::ReadingView,
    rules::{Adjustment, Rule},
    store,
};
use crate::{
    claim::{Earned, earned_by_asset},
    http::{get_handler, list_handler, same_answer, takes_part, visible},
    wire::{number_check, text_check},
};

pub(crate) fn routes() -> Routes {
    Routes::new("record")
        .add(Policy::view("record.meter.list"), routes!(meter_list))
        .add(Policy::view("record.meter.read"), routes!(meter_get))
        .add(Policy::view("record.meter.preview"), routes!(meter_preview))
        .add(Policy::view("record.earnings.read"), routes!(earnings_get))
        .add(Policy::operate("record.meter.create"), routes!(meter_create))
        .add(Policy::operate("record.meter.retire"), routes!(meter_retire))
        .add(Policy::operate("record.meter.adjust"), routes!(meter_adjust))
}

list_handler! {
    /// The organisation's meters.
    meter_list, "/api/v1/meters", "record", Meter, store::meter_list
}
get_handler! {
    /// One meter.
    meter_get, "/api/v1/meters/{id}", "record", MeterId, Meter, store::meter_get, "meter", "record.meter.read", |meter| vec![meter.tenant]
}

/// A meter.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct MeterRequest {
    /// The metered asset, the organisation's own.
    #[schema(value_type = String)]
    asset: AssetId,
    /// What it is called, 1–120 characters.
    name: String,
    /// Unit of its readings, UN/ECE Rec 20.
    #[schema(value_type = String)]
    unit: Unit,
    /// How it counts.
    rule: Rule,
    /// Readings begin here at the earliest; now when absent.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    active_from: Option<Timestamp>,
}

/// Creates a meter on one of the organisation's machines.
#[utoipa::path(post, path = "/api/v1/meters", tag = "record", request_body = MeterRequest,
    responses((status = 201, body = Meter), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn meter_create(
    State(host): State<Host>,
    caller: Caller,
    key: IdemKey,
    Json(request): Json<MeterRequest>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "record.meter.create", &key, &request).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let MeterRequest { asset, name, unit, rule, active_from } = request;
    text_check(&name, 120, "/name")?;
    let machine = host.try_port::<dyn MachineDirectory>().and_then(|machines| machines.machine(asset));
    let owner = machine.as_ref().map(|machine| machine.tenant);
    takes_part(&caller, &owner.map_or(Vec::new(), |owner| vec![owner]))?;
    if let Some(machine) = machine
        && !machine.properties.iter().any(|property| *property.id == *rule.property)
    {
        return Err(kernel::Error::unprocessable(
            "record.meter.property-unknown",
            format!("the machine has no property {:?}", rule.property),
        )
        .field("/rule/property", "must be a property of the machine")
        .into());
    }
    let new = NewMeter { tenant: caller.tenant, asset, name, unit, rule, active_from };
    let meter = app::meter_create(command.tx(), new).await?;
    command.reply(201, &meter).await
}

/// Retires a meter; its readings stay.
#[utoipa::path(post, path = "/api/v1/meters/{id}/retire", tag = "record", params(("id" = String, Path)),
    responses((status = 200, body = Meter), (status = 404, body = Problem)))]
async fn meter_retire(
    State(host): State<Host>,
    caller: Caller,
    key: IdemKey,
    Path(id): Path<MeterId>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "record.meter.retire", &key, &id).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let meter = same_answer(store::meter_get(command.tx(), id).await)?;
    takes_part(&caller, &[meter.tenant])?;
    let meter = app::meter_retire(command.tx(), id).await?;
    command.reply(200, &meter).await
}

/// Records a reset or replacement of a counter, so that readings across it can be computed.
#[utoipa::path(post, path = "/api/v1/meters/{id}/adjustments", tag = "record", params(("id" = String, Path)), request_body = Adjustment,
    responses((status = 201, body = Adjustment), (status = 409, body = Problem)))]
async fn meter_adjust(
    State(host): State<Host>,
    caller: Caller,
    key: IdemKey,
    Path(id): Path<MeterId>,
    Json(adjustment): Json<Adjustment>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "record.meter.adjust", &key, &(id, &adjustment)).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let meter = same_answer(store::meter_get(command.tx(), id).await)?;
    takes_part(&caller, &[meter.tenant])?;
    number_check(adjustment.closing, "/closing")?;
    number_check(adjustment.opening, "/opening")?;
    app::meter_adjust(command.tx(), id, adjustment.clone()).await?;
    command.reply(201, &adjustment).await
}

/// A window of time.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct WindowQuery {
    /// First moment inside.
    #[param(value_type = String, format = DateTime)]
    from: Timestamp,
    /// First moment after; for previews at most 31 days later.
    #[param(value_type = String, format = DateTime)]
    to: Timestamp,
}

/// What the meter would read for a window now: nothing is sealed or kept. For live pages.
#[utoipa::path(get, path = "/api/v1/meters/{id}/preview", tag = "record", params(("id" = String, Path), WindowQuery),
    responses((status = 200, body = Preview), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn meter_preview(
    State(host): State<Host>,
    caller: Caller,
    Path(id): Path<MeterId>,
    Query(window): Query<WindowQuery>,
) -> appkit::Result<Json<Preview>> {
    let meter = same_answer(store::meter_get(&mut host.db(), id).await)?;
    visible(&host, &caller, "record.meter.preview", "meter", id, &[meter.tenant]).await?;
    let window = Window::new(window.from, window.to)?;
    if window.length() > kernel::Duration::from_days(31) {
        return Err(kernel::Error::invalid("record.meter.preview-window", "a preview spans at most 31 days").into());
    }
    Ok(Json(app::meter_preview(&host, &meter, window).await?))
}

/// What a machine earned.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Earnings {
    /// The machine.
    #[schema(value_type = String)]
    asset: AssetId,
    /// Per currency.
    sums: Vec<Earned>,
    /// Its meters.
    meters: Vec<Meter>,
    /// Its newest readings, newest first, at most 20.
    readings: Vec<ReadingView>,
}

/// What one of the organisation's machines earned with the work of a window, with its meters and newest readings.
#[utoipa::path(get, path = "/api/v1/earnings/{asset}", tag = "record", params(("asset" = String, Path), WindowQuery),
    responses((status = 200, body = Earnings), (status = 404, body = Problem)))]
async fn earnings_get(
    State(host): State<Host>,
    caller: Caller,
    Path(asset): Path<AssetId>,
    Query(window): Query<WindowQuery>,
) -> appkit::Result<Json<Earnings>> {
    let owner = host
        .try_port::<dyn MachineDirectory>()
        .and_then(|machines| machines.machine(asset))
        .map(|machine| machine.tenant);
    takes_part(&caller, &owner.map_or(Vec::new(), |owner| vec![owner]))?;
    let window = Window::new(window.from, window.to)?;
    let mut db = host.db();
    let readings = store::reading_list_by_asset(&mut db, caller.tenant, asset, 20).await?;
    Ok(Json(Earnings {
        asset,
        sums: earned_by_asset(&mut db, caller.tenant, asset, window).await?,
        meters: store::meter_list_by_asset(&mut db, asset).await?,
        readings: readings.into_iter().map(ReadingView::from).collect(),
    }))
}
