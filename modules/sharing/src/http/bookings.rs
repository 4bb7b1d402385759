use appkit::{
    Caller, Command, Host, IdemKey, Json, Object, Page, PageQuery, Path, Policy, Problem, Query, Reply, Routes, routes,
};
use axum::extract::State;
use kernel::{
    Decimal, Duration, Money, Result, Timestamp, Window,
    id::{
        AgreementId, AssetId, BookingId, CapabilityId, CaseId, CommitmentId, HoldId, InvoiceId, JobId, PartyId,
        TransferId,
    },
};
use record::wire::{MoneySchema, WindowSchema};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::wire::{BasisBody, CostView, MachineView, PriceBody, as_unknown};
use crate::{
    app::{self, NewBooking},
    domain::{
        booking::{Booking, State as BookingState},
        job::Job,
    },
    store::{
        booking::{Filter, booking_get as stored_get, booking_list as stored_list, unknown},
        job::{job_of_booking, job_of_booking_in_tx},
    },
};

pub(super) fn routes() -> Routes {
    Routes::new("sharing")
        .add(Policy::view("sharing.booking.list"), routes!(booking_list))
        .add(Policy::trade("sharing.booking.create"), routes!(booking_create))
        .add(Policy::view("sharing.booking.read"), routes!(booking_get))
        .add(Policy::trade("sharing.booking.cancel"), routes!(booking_cancel))
        .add(Policy::finance("sharing.booking.accept"), routes!(booking_accept))
        .add(Policy::trade("sharing.booking.dispute"), routes!(booking_dispute))
        .add(Policy::finance("sharing.booking.concede"), routes!(booking_concede))
        .add(Policy::trade("sharing.booking.withdraw-dispute"), routes!(booking_withdraw_dispute))
}

/// What became of the escrow.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SharingPaid)]
struct PaidView {
    /// What the provider got and kept.
    #[schema(value_type = MoneySchema)]
    released: Money,
    /// What went back to the buyer.
    #[schema(value_type = MoneySchema)]
    refunded: Money,
}

/// The job of a booking in short; `/api/v1/sharing/jobs/{id}` has all of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SharingBookingJob)]
struct JobBrief {
    /// Its id.
    #[schema(value_type = String)]
    id: JobId,
    /// When it began.
    #[schema(value_type = Option<String>, format = DateTime)]
    started_at: Option<Timestamp>,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    finished_at: Option<Timestamp>,
    /// The invoice, once issued.
    #[schema(value_type = Option<String>)]
    invoice: Option<InvoiceId>,
    /// The dispute, open or decided.
    #[schema(value_type = Option<String>)]
    dispute: Option<CaseId>,
    /// Why it is not billed yet, or was never.
    note: Option<String>,
}

/// A booking.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SharingBooking)]
struct BookingView {
    /// Its id.
    #[schema(value_type = String)]
    id: BookingId,
    /// `booked`, `running`, `finished`, `invoiced`, `settled`, `disputed` or `cancelled`.
    state: &'static str,
    /// The caller's side: `provider` or `buyer`.
    side: &'static str,
    /// What was booked.
    #[schema(value_type = String)]
    capability: CapabilityId,
    /// The machine.
    machine: MachineView,
    /// Who provides.
    #[schema(value_type = String)]
    provider: PartyId,
    /// Who pays.
    #[schema(value_type = String)]
    buyer: PartyId,
    /// What the part is called.
    part: String,
    /// Pieces ordered.
    pieces: u32,
    /// The slots.
    #[schema(value_type = Vec<WindowSchema>)]
    slots: Vec<Window>,
    /// The agreed price.
    price: PriceBody,
    /// Set-up charge, net.
    #[schema(value_type = MoneySchema)]
    setup: Money,
    /// Value-added tax, per cent.
    #[schema(value_type = String)]
    tax_percent: Decimal,
    /// The most it can cost: what was put into escrow.
    most: CostView,
    /// Hours in which the buyer may object to the invoice.
    dispute_window_h: i64,
    /// The agreement with its clauses.
    #[schema(value_type = String)]
    agreement: AgreementId,
    /// The promises that reserve the machine, one per slot.
    #[schema(value_type = Vec<String>)]
    reserved: Vec<CommitmentId>,
    /// The promise of the pieces.
    #[schema(value_type = String)]
    promised: CommitmentId,
    /// The transfer that funded the escrow.
    #[schema(value_type = String)]
    escrow: TransferId,
    /// What became of the escrow, once it is empty.
    paid: Option<PaidView>,
    /// Its job.
    job: JobBrief,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

fn view(host: &Host, viewer: PartyId, booking: &Booking, job: Job) -> BookingView {
    BookingView {
        id: booking.id,
        state: booking.state.name(),
        side: if booking.provider == viewer { "provider" } else { "buyer" },
        capability: booking.capability,
        machine: MachineView::of(host, booking.asset),
        provider: booking.provider,
        buyer: booking.buyer,
        part: booking.part.clone(),
        pieces: booking.pieces,
        slots: booking.slots.clone(),
        price: (&booking.price).into(),
        setup: booking.setup,
        tax_percent: booking.tax_percent,
        most: (&booking.most).into(),
        dispute_window_h: booking.dispute_window.micros() / Duration::from_hours(1).micros(),
        agreement: booking.agreement,
        reserved: booking.reserved.clone(),
        promised: booking.promised,
        escrow: booking.escrow,
        paid: booking.paid.map(|paid| PaidView { released: paid.released, refunded: paid.refunded }),
        job: JobBrief {
            id: job.id,
            started_at: job.started_at,
            finished_at: job.finished_at,
            invoice: job.invoice,
            dispute: job.dispute,
            note: job.note,
        },
        created_at: booking.created_at,
    }
}

/// Shows a booking as its command leaves it, and commits.
async fn reply(
    mut command: Command,
    host: &Host,
    caller: &Caller,
    status: u16,
    booking: Booking,
) -> appkit::Result<Reply> {
    let job = job_of_booking_in_tx(command.tx(), booking.id).await?;
    command.reply(status, &view(host, caller.tenant, &booking, job)).await
}

/// Your side of bookings.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SharingSide)]
enum SideQuery {
    /// Those of your machines.
    Provider,
    /// Those that you pay.
    Buyer,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct BookingQuery {
    /// Only those in which you provide, or buy.
    #[param(inline)]
    side: Option<SideQuery>,
    /// Only those of this machine.
    #[param(value_type = Option<String>)]
    asset: Option<AssetId>,
    /// Only those in this state.
    state: Option<String>,
    /// Rows wanted, 1–500; 50 when absent.
    limit: Option<u32>,
    /// Where to go on.
    cursor: Option<String>,
}

impl BookingQuery {
    fn filter(&self) -> Result<Filter> {
        let state = self.state.as_deref().map(|name| {
            name.parse::<BookingState>().map_err(|_| {
                kernel::Error::invalid("sharing.booking.state-query", format!("{name:?} is not a state of a booking"))
                    .hint("use booked, running, finished, invoiced, settled, disputed or cancelled")
            })
        });
        let provides = self.side.map(|side| matches!(side, SideQuery::Provider));
        Ok(Filter { provides, asset: self.asset, state: state.transpose()? })
    }
}

/// Your bookings on either side, newest first.
#[utoipa::path(get, path = "/api/v1/sharing/bookings", tag = "sharing", params(BookingQuery),
    responses((status = 200, body = Page<BookingView>), (status = 400, body = Problem)))]
async fn booking_list(
    State(host): State<Host>,
    caller: Caller,
    Query(query): Query<BookingQuery>,
) -> appkit::Result<Json<Page<BookingView>>> {
    let filter = query.filter()?;
    let page = PageQuery { limit: query.limit, cursor: query.cursor };
    let limit = page.limit()?;
    let mut views = Vec::new();
    for booking in stored_list(host.db(), caller.tenant, filter, page.after(), limit + 1).await? {
        let job = job_of_booking(host.db(), booking.id).await?;
        views.push(view(&host, caller.tenant, &booking, job));
    }
    Ok(Json(Page::of(views, limit, |view: &BookingView| view.id.to_string())))
}

/// A booking to be made.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SharingBookingRequest)]
struct BookingRequest {
    /// Of which capability.
    #[schema(value_type = String)]
    capability: CapabilityId,
    /// What is counted.
    basis: BasisBody,
    /// Which slots, 1–50; left out to take those of the hold.
    #[serde(default)]
    #[schema(value_type = Vec<WindowSchema>)]
    slots: Vec<Window>,
    /// Your hold on them.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    hold: Option<HoldId>,
    /// Pieces ordered.
    pieces: u32,
    /// What the part is called, 1–60 characters.
    part: String,
}

/// Books a machine: the agreement is signed, the slots reserved and the most it can cost put into escrow, or nothing happens.
#[utoipa::path(post, path = "/api/v1/sharing/bookings", tag = "sharing", request_body = BookingRequest,
    responses((status = 201, body = BookingView), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn booking_create(
    State(host): State<Host>,
    caller: Caller,
    key: IdemKey,
    Json(request): Json<BookingRequest>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "sharing.booking.create", &key, &request).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let new = NewBooking {
        capability: request.capability,
        basis: request.basis.into(),
        slots: request.slots,
        hold: request.hold,
        pieces: request.pieces,
        part: request.part,
    };
    let booking = app::booking_make(command.tx(), caller.tenant, new).await?;
    reply(command, &host, &caller, 201, booking).await
}

/// A booking of yours, on either side.
#[utoipa::path(get, path = "/api/v1/sharing/bookings/{id}", tag = "sharing", params(("id" = String, Path)),
    responses((status = 200, body = BookingView), (status = 404, body = Problem)))]
async fn booking_get(
    State(host): State<Host>,
    caller: Caller,
    Path(id): Path<BookingId>,
) -> appkit::Result<Json<BookingView>> {
    let booking = stored_get(host.db(), id).await?;
    let object = Object::owned("booking", booking.provider).id(id).participants([booking.buyer]);
    host.access().check(&caller, "sharing.booking.read", &object).await.map_err(as_unknown(unknown))?;
    let job = job_of_booking(host.db(), id).await?;
    Ok(Json(view(&host, caller.tenant, &booking, job)))
}

/// Why.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SharingReason)]
struct ReasonRequest {
    /// In words.
    #[serde(default)]
    reason: String,
}

/// Gives a booking up before it runs, from either side: the whole escrow returns.
#[utoipa::path(post, path = "/api/v1/sharing/bookings/{id}/cancel", tag = "sharing", params(("id" = String, Path)),
    request_body = ReasonRequest,
    responses((status = 200, body = BookingView), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn booking_cancel(
    State(host): State<Host>,
    caller: Caller,
    key: IdemKey,
    Path(id): Path<BookingId>,
    Json(request): Json<ReasonRequest>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "sharing.booking.cancel", &key, &(id, &request)).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let booking = app::booking_cancel(command.tx(), caller.tenant, id, &request.reason).await?;
    reply(command, &host, &caller, 200, booking).await
}

/// Accepts the invoice, as the buyer: the provider is paid from escrow and the rest returns.
#[utoipa::path(post, path = "/api/v1/sharing/bookings/{id}/accept", tag = "sharing", params(("id" = String, Path)),
    responses((status = 200, body = BookingView), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn booking_accept(
    State(host): State<Host>,
    caller: Caller,
    key: IdemKey,
    Path(id): Path<BookingId>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "sharing.booking.accept", &key, &id).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let booking = app::booking_accept(command.tx(), caller.tenant, id).await?;
    reply(command, &host, &caller, 200, booking).await
}

/// Objects, as the buyer, before the escrow is paid out: a case is opened and the escrow frozen.
#[utoipa::path(post, path = "/api/v1/sharing/bookings/{id}/dispute", tag = "sharing", params(("id" = String, Path)),
    request_body = ReasonRequest,
    responses((status = 200, body = BookingView), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn booking_dispute(
    State(host): State<Host>,
    caller: Caller,
    key: IdemKey,
    Path(id): Path<BookingId>,
    Json(request): Json<ReasonRequest>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "sharing.booking.dispute", &key, &(id, &request)).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let booking = app::booking_dispute(command.tx(), caller.tenant, id, &request.reason).await?;
    reply(command, &host, &caller, 200, booking).await
}

/// What the provider gives back.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SharingConcedeRequest)]
struct ConcedeRequest {
    /// Net amount, tax comes on top; everything when absent.
    #[serde(default)]
    #[schema(value_type = Option<MoneySchema>)]
    refund_net: Option<Money>,
}

/// Concedes a dispute, as the provider: a credit note over the amount is issued and paid back at once, the rest is paid.
#[utoipa::path(post, path = "/api/v1/sharing/bookings/{id}/concede", tag = "sharing", params(("id" = String, Path)),
    request_body = ConcedeRequest,
    responses((status = 200, body = BookingView), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn booking_concede(
    State(host): State<Host>,
    caller: Caller,
    key: IdemKey,
    Path(id): Path<BookingId>,
    Json(request): Json<ConcedeRequest>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "sharing.booking.concede", &key, &(id, &request)).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let booking = app::dispute_concede(command.tx(), caller.tenant, id, request.refund_net).await?;
    reply(command, &host, &caller, 200, booking).await
}

/// Withdraws a dispute, as the buyer: what was metered stands and is paid.
#[utoipa::path(post, path = "/api/v1/sharing/bookings/{id}/withdraw-dispute", tag = "sharing", params(("id" = String, Path)),
    responses((status = 200, body = BookingView), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn booking_withdraw_dispute(
    State(host): State<Host>,
    caller: Caller,
    key: IdemKey,
    Path(id): Path<BookingId>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "sharing.booking.withdraw-dispute", &key, &id).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let booking = app::dispute_withdraw(command.tx(), caller.tenant, id).await?;
    reply(command, &host, &caller, 200, booking).await
}
