use appkit::{Caller, Host, IdemKey, Json, Page, PageQuery, Path, Policy, Problem, Query, Reply, Routes, routes};
use axum::extract::State;
use kernel::{
    Decimal, Duration, Money, Timestamp, Window,
    id::{AssetId, CapabilityId, OfferId, PartyId},
};
use record::wire::{MoneySchema, WindowSchema};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::wire::{MachineView, PlaceBody, PriceBody};
use crate::{
    app,
    config::ASSURE_PARTS,
    domain::{
        calendar::Opening,
        capability::{Assurance, Capability, Certificate, EnvelopeMm, Terms},
    },
    store::capability::{capability_list as stored_list, unknown},
};

pub(super) fn routes() -> Routes {
    Routes::new("sharing")
        .add(Policy::view("sharing.capability.list"), routes!(capability_list))
        .add(Policy::trade("sharing.capability.create"), routes!(capability_create))
        .add(Policy::view("sharing.capability.read"), routes!(capability_get))
        .add(Policy::trade("sharing.capability.update"), routes!(capability_update))
        .add(Policy::trade("sharing.capability.publish"), routes!(capability_publish))
        .add(Policy::trade("sharing.capability.withdraw"), routes!(capability_withdraw))
        .add(Policy::operate("sharing.capability.assure"), routes!(capability_assure))
        .add(Policy::view("sharing.capability.calendar"), routes!(calendar_get))
        .add(Policy::operate("sharing.capability.opening"), routes!(opening_put))
}

/// A certificate and how long it holds.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SharingCertificate)]
struct CertificateBody {
    /// Scheme, such as `ISO 9001`.
    scheme: String,
    /// First moment at which it no longer holds.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// What is offered, as its owner states it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SharingTerms)]
struct TermsBody {
    /// Title, 1–120 characters.
    title: String,
    /// Process: a level-3 code of the catalogue.
    class: String,
    /// Materials it takes, such as `metal.aluminium.6061`; parents cover children.
    materials: Vec<String>,
    /// Sides of the largest part, in any order.
    envelope_mm: [u32; 3],
    /// Finest tolerance, half width in micrometres.
    tolerance_um: u32,
    /// Finest roughness Ra, in nanometres.
    roughness_nm: u32,
    /// Smallest lot.
    lot_min: u32,
    /// Largest lot.
    lot_max: u32,
    /// Certificates.
    #[serde(default)]
    certificates: Vec<CertificateBody>,
    /// Where the machine stands.
    place: PlaceBody,
    /// One price per basis offered.
    prices: Vec<PriceBody>,
    /// Set-up charge per booking, net.
    #[schema(value_type = MoneySchema)]
    setup: Money,
    /// Value-added tax, per cent.
    #[schema(value_type = String)]
    tax_percent: Decimal,
    /// Pieces per hour, for estimates.
    #[schema(value_type = String)]
    pieces_per_hour: Decimal,
    /// Hours in which a buyer may object to the invoice, 1–2160.
    dispute_window_h: u32,
}

impl From<TermsBody> for Terms {
    fn from(body: TermsBody) -> Self {
        let certificate = |c: CertificateBody| Certificate { scheme: c.scheme, expires_at: c.expires_at };
        Self {
            title: body.title,
            class: body.class,
            materials: body.materials,
            envelope: EnvelopeMm { sides: body.envelope_mm },
            tolerance_um: body.tolerance_um,
            roughness_nm: body.roughness_nm,
            lot_min: body.lot_min,
            lot_max: body.lot_max,
            certificates: body.certificates.into_iter().map(certificate).collect(),
            place: body.place.into(),
            prices: body.prices.into_iter().map(Into::into).collect(),
            setup: body.setup,
            tax_percent: body.tax_percent,
            pieces_per_hour: body.pieces_per_hour,
            dispute_window: Duration::from_hours(i64::from(body.dispute_window_h)),
        }
    }
}

impl From<&Terms> for TermsBody {
    fn from(terms: &Terms) -> Self {
        let certificate = |c: &Certificate| CertificateBody { scheme: c.scheme.clone(), expires_at: c.expires_at };
        Self {
            title: terms.title.clone(),
            class: terms.class.clone(),
            materials: terms.materials.clone(),
            envelope_mm: terms.envelope.sides,
            tolerance_um: terms.tolerance_um,
            roughness_nm: terms.roughness_nm,
            lot_min: terms.lot_min,
            lot_max: terms.lot_max,
            certificates: terms.certificates.iter().map(certificate).collect(),
            place: terms.place.into(),
            prices: terms.prices.iter().map(Into::into).collect(),
            setup: terms.setup,
            tax_percent: terms.tax_percent,
            pieces_per_hour: terms.pieces_per_hour,
            dispute_window_h: (terms.dispute_window.micros() / Duration::from_hours(1).micros()) as u32,
        }
    }
}

/// Measured quality.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = SharingAssurance)]
struct AssuranceView {
    /// Measured Cpk for the stated tolerance.
    #[schema(value_type = String)]
    cpk: Decimal,
    /// Parts measured.
    parts: u32,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    measured_at: Timestamp,
    /// First moment at which it no longer counts.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

impl From<&Assurance> for AssuranceView {
    fn from(a: &Assurance) -> Self {
        Self { cpk: a.cpk, parts: a.parts, measured_at: a.measured_at, expires_at: a.expires_at }
    }
}

/// A capability of a connected machine.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = SharingCapability)]
pub(super) struct CapabilityView {
    /// Its id.
    #[schema(value_type = String)]
    id: CapabilityId,
    /// Whose.
    #[schema(value_type = String)]
    provider: PartyId,
    /// Whether it is the caller's own.
    own: bool,
    /// The machine behind it.
    machine: MachineView,
    /// `draft`, `published`, `assured`, `lapsed` or `withdrawn`.
    state: &'static str,
    /// What is offered.
    terms: TermsBody,
    /// Measured quality, when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    assurance: Option<AssuranceView>,
    /// The offer in the record, while it is offered.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    offer: Option<OfferId>,
}

impl CapabilityView {
    pub fn of(host: &Host, viewer: PartyId, capability: &Capability) -> Self {
        Self {
            id: capability.id,
            provider: capability.provider,
            own: capability.provider == viewer,
            machine: MachineView::of(host, capability.asset),
            state: capability.state.name(),
            terms: (&capability.terms).into(),
            assurance: capability.assurance.as_ref().map(Into::into),
            offer: capability.offer,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct CapabilityQuery {
    /// Only those of this machine.
    #[param(value_type = Option<String>)]
    asset: Option<AssetId>,
    /// Rows wanted, 1–500; 50 when absent.
    limit: Option<u32>,
    /// Where to go on.
    cursor: Option<String>,
}

/// The capabilities of your own machines.
#[utoipa::path(get, path = "/api/v1/sharing/capabilities", tag = "sharing", params(CapabilityQuery),
    responses((status = 200, body = Page<CapabilityView>), (status = 400, body = Problem)))]
async fn capability_list(
    State(host): State<Host>,
    caller: Caller,
    Query(query): Query<CapabilityQuery>,
) -> appkit::Result<Json<Page<CapabilityView>>> {
    let page = PageQuery { limit: query.limit, cursor: query.cursor };
    let (limit, now) = (page.limit()?, host.now());
    let rows = stored_list(host.db(), caller.tenant, query.asset, page.after(), limit + 1).await?;
    let views = rows.into_iter().map(|row| CapabilityView::of(&host, caller.tenant, &row.as_of(now))).collect();
    Ok(Json(Page::of(views, limit, |view: &CapabilityView| view.id.to_string())))
}

/// A capability to be written down.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SharingCapabilityRequest)]
struct CapabilityRequest {
    /// The machine: connected, and your own.
    #[schema(value_type = String)]
    asset: AssetId,
    /// What is offered.
    terms: TermsBody,
}

/// Writes down what a machine of yours can do, as a draft.
#[utoipa::path(post, path = "/api/v1/sharing/capabilities", tag = "sharing", request_body = CapabilityRequest,
    responses((status = 201, body = CapabilityView), (status = 400, body = Problem), (status = 404, body = Problem)))]
async fn capability_create(
    State(host): State<Host>,
    caller: Caller,
    key: IdemKey,
    Json(request): Json<CapabilityRequest>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "sharing.capability.create", &key, &request).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let (asset, terms) = (request.asset, request.terms.into());
    let capability = app::capability_create(command.tx(), caller.tenant, asset, terms).await?;
    command.reply(201, &CapabilityView::of(&host, caller.tenant, &capability)).await
}

/// A capability: your own, or one that another organisation offers.
#[utoipa::path(get, path = "/api/v1/sharing/capabilities/{id}", tag = "sharing", params(("id" = String, Path)),
    responses((status = 200, body = CapabilityView), (status = 404, body = Problem)))]
async fn capability_get(
    State(host): State<Host>,
    caller: Caller,
    Path(id): Path<CapabilityId>,
) -> appkit::Result<Json<CapabilityView>> {
    let capability = app::capability_visible(&host, caller.tenant, id).await?;
    Ok(Json(CapabilityView::of(&host, caller.tenant, &capability)))
}

/// States other terms. A measured quality ends when the tolerance changes.
#[utoipa::path(put, path = "/api/v1/sharing/capabilities/{id}", tag = "sharing", params(("id" = String, Path)),
    request_body = TermsBody,
    responses((status = 200, body = CapabilityView), (status = 400, body = Problem), (status = 404, body = Problem)))]
async fn capability_update(
    State(host): State<Host>,
    caller: Caller,
    key: IdemKey,
    Path(id): Path<CapabilityId>,
    Json(terms): Json<TermsBody>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "sharing.capability.update", &key, &(id, &terms)).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let capability = app::capability_update(command.tx(), caller.tenant, id, terms.into()).await?;
    command.reply(200, &CapabilityView::of(&host, caller.tenant, &capability)).await
}

/// Offers it to every organisation.
#[utoipa::path(post, path = "/api/v1/sharing/capabilities/{id}/publish", tag = "sharing", params(("id" = String, Path)),
    responses((status = 200, body = CapabilityView), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn capability_publish(
    State(host): State<Host>,
    caller: Caller,
    key: IdemKey,
    Path(id): Path<CapabilityId>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "sharing.capability.publish", &key, &id).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let capability = app::capability_publish(command.tx(), caller.tenant, id).await?;
    command.reply(200, &CapabilityView::of(&host, caller.tenant, &capability)).await
}

/// Takes it off the market; bookings that were made go on.
#[utoipa::path(post, path = "/api/v1/sharing/capabilities/{id}/withdraw", tag = "sharing", params(("id" = String, Path)),
    responses((status = 200, body = CapabilityView), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn capability_withdraw(
    State(host): State<Host>,
    caller: Caller,
    key: IdemKey,
    Path(id): Path<CapabilityId>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "sharing.capability.withdraw", &key, &id).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let capability = app::capability_withdraw(command.tx(), caller.tenant, id).await?;
    command.reply(200, &CapabilityView::of(&host, caller.tenant, &capability)).await
}

/// What to measure.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SharingAssureRequest)]
struct AssureRequest {
    /// Over how many of the last parts, 30–1000; 50 when absent.
    #[serde(default)]
    parts: Option<u32>,
}

/// Measures Cpk over the last parts, from telemetry; from 1.33 the capability is assured for thirty days.
#[utoipa::path(post, path = "/api/v1/sharing/capabilities/{id}/assure", tag = "sharing", params(("id" = String, Path)),
    request_body = AssureRequest,
    responses((status = 200, body = CapabilityView), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn capability_assure(
    State(host): State<Host>,
    caller: Caller,
    key: IdemKey,
    Path(id): Path<CapabilityId>,
    Json(request): Json<AssureRequest>,
) -> appkit::Result<Reply> {
    let capability = app::capability_visible(&host, caller.tenant, id).await?;
    if capability.provider != caller.tenant {
        return Err(unknown().into());
    }
    // Measured before the transaction begins: reading telemetry must not keep writers waiting.
    let measured = app::capability_measure(&host, &capability, request.parts.unwrap_or(ASSURE_PARTS)).await;
    let mut command = host.command(&caller, "sharing.capability.assure", &key, &(id, &request)).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let capability = app::capability_assure(command.tx(), caller.tenant, id, measured?).await?;
    command.reply(200, &CapabilityView::of(&host, caller.tenant, &capability)).await
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct CalendarQuery {
    /// From when.
    #[param(value_type = String, format = DateTime)]
    from: Timestamp,
    /// Until before when, at most 92 days later.
    #[param(value_type = String, format = DateTime)]
    to: Timestamp,
}

/// Weekly opening hours.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SharingOpening)]
struct OpeningBody {
    /// Minutes east of UTC.
    utc_offset_min: i32,
    /// Stretches in minutes from Monday 00:00, sorted, within 0–10080; none means always open.
    minutes: Vec<(u32, u32)>,
}

/// A machine's calendar: what is neither free nor busy is closed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SharingCalendar)]
struct CalendarView {
    /// The machine.
    #[schema(value_type = String)]
    asset: AssetId,
    /// Its opening hours.
    opening: OpeningBody,
    /// Free stretches.
    #[schema(value_type = Vec<WindowSchema>)]
    free: Vec<Window>,
    /// Taken stretches; by whom is nobody's business.
    #[schema(value_type = Vec<WindowSchema>)]
    busy: Vec<Window>,
}

impl CalendarView {
    fn of(calendar: app::Calendar) -> Self {
        let opening =
            OpeningBody { utc_offset_min: calendar.opening.utc_offset_min, minutes: calendar.opening.minutes };
        Self { asset: calendar.asset, opening, free: calendar.free, busy: calendar.busy }
    }
}

/// The calendar of a capability's machine.
#[utoipa::path(get, path = "/api/v1/sharing/capabilities/{id}/calendar", tag = "sharing",
    params(("id" = String, Path), CalendarQuery),
    responses((status = 200, body = CalendarView), (status = 400, body = Problem), (status = 404, body = Problem)))]
async fn calendar_get(
    State(host): State<Host>,
    caller: Caller,
    Path(id): Path<CapabilityId>,
    Query(query): Query<CalendarQuery>,
) -> appkit::Result<Json<CalendarView>> {
    let capability = app::capability_visible(&host, caller.tenant, id).await?;
    let window = Window { from: query.from, to: query.to };
    Ok(Json(CalendarView::of(app::calendar_get(&host, capability.asset, window).await?)))
}

/// Sets the opening hours of a capability's machine.
#[utoipa::path(put, path = "/api/v1/sharing/capabilities/{id}/opening", tag = "sharing", params(("id" = String, Path)),
    request_body = OpeningBody,
    responses((status = 200, body = OpeningBody), (status = 400, body = Problem), (status = 404, body = Problem)))]
async fn opening_put(
    State(host): State<Host>,
    caller: Caller,
    key: IdemKey,
    Path(id): Path<CapabilityId>,
    Json(request): Json<OpeningBody>,
) -> appkit::Result<Reply> {
    let capability = app::capability_visible(&host, caller.tenant, id).await?;
    if capability.provider != caller.tenant {
        return Err(unknown().into());
    }
    let mut command = host.command(&caller, "sharing.capability.opening", &key, &(id, &request)).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let opening = Opening { utc_offset_min: request.utc_offset_min, minutes: request.minutes.clone() };
    app::opening_set(command.tx(), caller.tenant, capability.asset, &opening).await?;
    command.reply(200, &request).await
}
