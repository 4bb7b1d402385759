use appkit::{Caller, Host, IdemKey, Json, Object, Path, Policy, Problem, Reply, Routes, routes};
use axum::extract::State;
use kernel::{
    Decimal, NiUri, Quantity, Result, Timestamp,
    id::{BookingId, CaseId, InvoiceId, JobId, PartyId, ReadingId},
};
use record::{
    meter::{Reading, reading_get},
    wire::QuantitySchema,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::wire::{CostView, MachineView, as_unknown};
use crate::{
    app::{self, JobMeter},
    domain::{booking::Booking, job::Job},
    store::{
        booking::booking_get,
        job::{job_get as stored_get, unknown},
    },
};

pub(super) fn routes() -> Routes {
    Routes::new("sharing")
        .add(Policy::view("sharing.job.read"), routes!(job_get))
        .add(Policy::operate("sharing.job.start"), routes!(job_start))
        .add(Policy::operate("sharing.job.finish"), routes!(job_finish))
}

/// What the meters show: of a running job up to now, also pushed on the live topic `job/<id>`. Never billed: sealed readings are.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SharingJobMeter)]
pub(crate) struct MeterView {
    /// Up to when.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Running time.
    #[schema(value_type = QuantitySchema)]
    running: Quantity,
    /// Good pieces, when the machine counts them.
    #[schema(value_type = Option<QuantitySchema>)]
    pieces: Option<Quantity>,
    /// What that costs.
    cost: CostView,
}

impl MeterView {
    pub fn of(meter: &JobMeter) -> Self {
        Self { at: meter.at, running: meter.running, pieces: meter.pieces, cost: (&meter.cost).into() }
    }
}

/// A reading in short; `/api/v1/readings/{id}` has all of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SharingJobReading)]
struct ReadingView {
    /// Its id.
    #[schema(value_type = String)]
    id: ReadingId,
    /// How much.
    #[schema(value_type = QuantitySchema)]
    quantity: Quantity,
    /// Covered share of the job, 0–1.
    #[schema(value_type = String)]
    coverage: Decimal,
    /// `provisional`, `sealed`, `billed`, `disputed` or `superseded`.
    state: String,
    /// Its evidence.
    #[schema(value_type = String)]
    evidence: NiUri,
}

impl From<Reading> for ReadingView {
    fn from(reading: Reading) -> Self {
        let statement = &reading.statement;
        Self {
            id: reading.id(),
            quantity: Quantity::new(statement.quantity, statement.unit),
            coverage: statement.coverage,
            state: reading.state.to_string(),
            evidence: statement.evidence,
        }
    }
}

/// The work of a booking on its machine.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SharingJob)]
struct JobView {
    /// Its id.
    #[schema(value_type = String)]
    id: JobId,
    /// Its booking.
    #[schema(value_type = String)]
    booking: BookingId,
    /// The booking's state.
    state: &'static str,
    /// Who provides.
    #[schema(value_type = String)]
    provider: PartyId,
    /// Who pays.
    #[schema(value_type = String)]
    buyer: PartyId,
    /// The machine.
    machine: MachineView,
    /// What the part is called.
    part: String,
    /// Pieces ordered.
    ordered: u32,
    /// When it began.
    #[schema(value_type = Option<String>, format = DateTime)]
    started_at: Option<Timestamp>,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    finished_at: Option<Timestamp>,
    /// What the meters show, once it began.
    meter: Option<MeterView>,
    /// Running time, once read.
    reading_time: Option<ReadingView>,
    /// Good pieces, once read.
    reading_pieces: Option<ReadingView>,
    /// The invoice, once issued.
    #[schema(value_type = Option<String>)]
    invoice: Option<InvoiceId>,
    /// The dispute, open or decided.
    #[schema(value_type = Option<String>)]
    dispute: Option<CaseId>,
    /// Why it is not billed yet, or was never.
    note: Option<String>,
}

async fn view(host: &Host, job: &Job, booking: &Booking) -> Result<JobView> {
    let mut readings = [None, None];
    for (view, id) in readings.iter_mut().zip([job.reading_time, job.reading_pieces]) {
        if let Some(id) = id {
            *view = Some(ReadingView::from(reading_get(&mut host.db(), id).await?));
        }
    }
    let [reading_time, reading_pieces] = readings;
    Ok(JobView {
        id: job.id,
        booking: job.booking,
        state: booking.state.name(),
        provider: job.provider,
        buyer: job.buyer,
        machine: MachineView::of(host, job.asset),
        part: booking.part.clone(),
        ordered: booking.pieces,
        started_at: job.started_at,
        finished_at: job.finished_at,
        meter: app::job_meter(host, booking, job).await?.as_ref().map(MeterView::of),
        reading_time,
        reading_pieces,
        invoice: job.invoice,
        dispute: job.dispute,
        note: job.note.clone(),
    })
}

/// A job of yours, on either side.
#[utoipa::path(get, path = "/api/v1/sharing/jobs/{id}", tag = "sharing", params(("id" = String, Path)),
    responses((status = 200, body = JobView), (status = 404, body = Problem)))]
async fn job_get(State(host): State<Host>, caller: Caller, Path(id): Path<JobId>) -> appkit::Result<Json<JobView>> {
    let job = stored_get(host.db(), id).await?;
    let object = Object::owned("job", job.provider).id(id).participants([job.buyer]);
    host.access().check(&caller, "sharing.job.read", &object).await.map_err(as_unknown(unknown))?;
    let booking = booking_get(host.db(), job.booking).await?;
    Ok(Json(view(&host, &job, &booking).await?))
}

/// What became of a job.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SharingJobMoved)]
struct MovedView {
    /// The job.
    #[schema(value_type = String)]
    id: JobId,
    /// Its booking.
    #[schema(value_type = String)]
    booking: BookingId,
    /// When it began.
    #[schema(value_type = Option<String>, format = DateTime)]
    started_at: Option<Timestamp>,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    finished_at: Option<Timestamp>,
}

impl From<Job> for MovedView {
    fn from(job: Job) -> Self {
        Self { id: job.id, booking: job.booking, started_at: job.started_at, finished_at: job.finished_at }
    }
}

/// Begins the work, as its provider: the meters count for the buyer from now on.
#[utoipa::path(post, path = "/api/v1/sharing/jobs/{id}/start", tag = "sharing", params(("id" = String, Path)),
    responses((status = 200, body = MovedView), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn job_start(
    State(host): State<Host>,
    caller: Caller,
    key: IdemKey,
    Path(id): Path<JobId>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "sharing.job.start", &key, &id).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let job = app::job_start(command.tx(), caller.tenant, id).await?;
    command.reply(200, &MovedView::from(job)).await
}

/// Ends the work, as its provider: readings are sealed and invoiced a moment later.
#[utoipa::path(post, path = "/api/v1/sharing/jobs/{id}/finish", tag = "sharing", params(("id" = String, Path)),
    responses((status = 200, body = MovedView), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn job_finish(
    State(host): State<Host>,
    caller: Caller,
    key: IdemKey,
    Path(id): Path<JobId>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "sharing.job.finish", &key, &id).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let job = app::job_finish(command.tx(), caller.tenant, id).await?;
    command.reply(200, &MovedView::from(job)).await
}
