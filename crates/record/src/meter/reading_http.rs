use appkit::{Caller, Host, IdemKey, Json, Page, Path, Policy, Problem, Reply, Routes, routes};
use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use contracts::telemetry::TelemetryStore;
use kernel::{
    Decimal, Window,
    id::{AgreementId, MeterId, PartyId, ReadingId},
};
use serde::{Deserialize, Serialize};

use super::{Reading, Recomputed, proving, sealing, store};
use crate::{
    evidence::{ChunkProof, chunk_prove},
    http::{get_handler, list_handler, same_answer, takes_part, visible},
};

pub(crate) fn routes() -> Routes {
    Routes::new("record")
        .add(Policy::view("record.reading.list"), routes!(reading_list))
        .add(Policy::view("record.reading.read"), routes!(reading_get))
        .add(Policy::operate("record.reading.seal"), routes!(reading_seal))
        .add(Policy::view("record.reading.recompute"), routes!(reading_recompute))
        .add(Policy::operate("record.reading.correct"), routes!(reading_correct))
        .add(Policy::view("record.evidence.export"), routes!(reading_export))
        .add(Policy::view("record.evidence.prove"), routes!(reading_prove))
}

/// A reading with its id.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub(crate) struct ReadingView {
    /// The reading.
    #[schema(value_type = String)]
    pub id: ReadingId,
    /// What it says and what became of it.
    #[serde(flatten)]
    pub reading: Reading,
}

impl From<Reading> for ReadingView {
    fn from(reading: Reading) -> Self {
        Self { id: reading.id(), reading }
    }
}

fn sides(reading: &Reading) -> Vec<PartyId> {
    let mut parties = vec![reading.provider];
    parties.extend(reading.receiver);
    parties
}

list_handler! {
    /// Readings of the organisation's machines, and readings of others' machines that worked for it.
    reading_list, "/api/v1/readings", "record", ReadingView, store::reading_list
}
get_handler! {
    /// One reading.
    reading_get, "/api/v1/readings/{id}", "record", ReadingId, ReadingView, store::reading_get, "reading", "record.reading.read",
    |reading| sides(&reading)
}

/// A window to seal.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct SealRequest {
    /// The meters, all on one machine of the organisation; they share the evidence.
    #[schema(value_type = Vec<String>)]
    meters: Vec<MeterId>,
    /// The agreement it is for.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    agreement: Option<AgreementId>,
    /// When; in the past.
    #[schema(value_type = crate::wire::WindowSchema)]
    window: Window,
}

/// Computes readings from telemetry and seals those that are covered well enough.
#[utoipa::path(post, path = "/api/v1/readings", tag = "record", request_body = SealRequest,
    responses((status = 201, body = [ReadingView]), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn reading_seal(
    State(host): State<Host>,
    caller: Caller,
    key: IdemKey,
    Json(request): Json<SealRequest>,
) -> appkit::Result<Reply> {
    if request.meters.is_empty() || request.meters.len() > 20 {
        return Err(kernel::Error::unprocessable(
            "record.reading.meters",
            "between 1 and 20 meters are sealed together",
        )
        .field("/meters", "1–20 meters")
        .into());
    }
    for meter in &request.meters {
        let meter = same_answer(store::meter_get(&mut host.db(), *meter).await)?;
        takes_part(&caller, &[meter.tenant])?;
    }
    if request.window.to > host.now() {
        return Err(kernel::Error::unprocessable("record.reading.window", "the window ends in the future")
            .field("/window/to", "must not be later than now")
            .into());
    }
    // Telemetry is read before the one writer's turn is taken.
    let collected = sealing::readings_collect(&host, &request.meters, request.window).await?;
    let mut command = host.command(&caller, "record.reading.seal", &key, &request).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let readings =
        sealing::readings_seal_collected(command.tx(), &request.meters, request.agreement, &collected).await?;
    let views: Vec<ReadingView> = readings.into_iter().map(ReadingView::from).collect();
    command.reply(201, &views).await
}

/// Reads the evidence again, hashes it and runs the cited rule: identical to the last digit, or what differs.
#[utoipa::path(post, path = "/api/v1/readings/{id}/recompute", tag = "record", params(("id" = String, Path)),
    responses((status = 200, body = Recomputed), (status = 404, body = Problem)))]
async fn reading_recompute(
    State(host): State<Host>,
    caller: Caller,
    Path(id): Path<ReadingId>,
) -> appkit::Result<Json<Recomputed>> {
    let reading = same_answer(store::reading_get(&mut host.db(), id).await)?;
    visible(&host, &caller, "record.reading.recompute", "reading", id, &sides(&reading)).await?;
    Ok(Json(proving::reading_recompute(&host, id).await?))
}

/// A correction.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct CorrectionView {
    /// The new reading.
    reading: ReadingView,
    /// The one it takes the place of.
    original: ReadingView,
    /// New quantity less old quantity.
    #[schema(value_type = String)]
    difference: Decimal,
}

/// Computes a reading again with what telemetry knows now; the old one stays as it was and says that it is superseded.
#[utoipa::path(post, path = "/api/v1/readings/{id}/correct", tag = "record", params(("id" = String, Path)),
    responses((status = 201, body = CorrectionView), (status = 409, body = Problem)))]
async fn reading_correct(
    State(host): State<Host>,
    caller: Caller,
    key: IdemKey,
    Path(id): Path<ReadingId>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "record.reading.correct", &key, &id).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let reading = same_answer(store::reading_get(command.tx(), id).await)?;
    takes_part(&caller, &[reading.provider])?;
    let telemetry = host.port::<dyn TelemetryStore>();
    let correction = proving::reading_correct(command.tx(), telemetry, id).await?;
    let view = CorrectionView {
        reading: correction.reading.into(),
        original: correction.original.into(),
        difference: correction.difference,
    };
    command.reply(201, &view).await
}

/// The reading with its evidence in one file that proves it without the platform.
#[utoipa::path(get, path = "/api/v1/readings/{id}/export", tag = "record", params(("id" = String, Path)),
    responses((status = 200, description = "evidence bundle, canonical JSON", content_type = "application/json"), (status = 404, body = Problem)))]
async fn reading_export(
    State(host): State<Host>,
    caller: Caller,
    Path(id): Path<ReadingId>,
) -> appkit::Result<Response> {
    let reading = same_answer(store::reading_get(&mut host.db(), id).await)?;
    // Content of evidence is a kind of its own: a grant for readings shows hashes, not samples.
    visible(&host, &caller, "record.evidence.export", "evidence", id, &sides(&reading)).await?;
    let bytes = proving::reading_export(&host, id).await?;
    let name = format!("attachment; filename=\"{id}.evidence.json\"");
    Ok(([(header::CONTENT_TYPE, "application/json".to_owned()), (header::CONTENT_DISPOSITION, name)], bytes)
        .into_response())
}

/// One chunk of the evidence with its path to the root: shows a disputed hour without the rest.
#[utoipa::path(get, path = "/api/v1/readings/{id}/chunks/{index}", tag = "record",
    params(("id" = String, Path), ("index" = u32, Path)), responses((status = 200, body = ChunkProof), (status = 404, body = Problem)))]
async fn reading_prove(
    State(host): State<Host>,
    caller: Caller,
    Path((id, index)): Path<(ReadingId, u32)>,
) -> appkit::Result<Json<ChunkProof>> {
    let reading = same_answer(store::reading_get(&mut host.db(), id).await)?;
    visible(&host, &caller, "record.evidence.prove", "evidence", id, &sides(&reading)).await?;
    let collected = proving::recollect(&host, &reading).await?;
    Ok(Json(chunk_prove(&collected, index as usize)?))
}
