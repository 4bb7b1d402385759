//! Telemetry over HTTP. 200 means durable; what was refused is in the body. When not a single point could be stored the
//! answer is 422, so that a sender who looks at the status only is not misled.

use std::{sync::Arc, time::Duration};

use appkit::{Caller, Host, Json, Policy, Query, Routes, Subject, routes};
use axum::{
    body::{Body, Bytes, to_bytes},
    extract::State,
    http::{HeaderMap, Request, header},
};
use contracts::devices::DeviceBinding;
use kernel::{Error, Result, id::DeviceId};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use crate::{
    decode::{Dialect, Precision},
    ingest::{Answer, Door, Ingest},
};

/// How long a request waits for room before it is told to come again.
const WAIT: Duration = Duration::from_secs(2);
/// How long a body may take to arrive.
const BODY_LIMIT: Duration = Duration::from_secs(10);
/// Refused points that a 422 names.
const FIELDS_MAX: usize = 20;

pub(super) fn routes() -> Routes {
    Routes::new("edge")
        .add(Policy::device("edge.telemetry.send"), routes!(device_telemetry_send))
        .add(Policy::device("edge.telemetry.send"), routes!(telemetry_json_send))
        .add(Policy::device("edge.telemetry.send"), routes!(telemetry_line_send))
}

/// What became of the points of a message. Everything counted here as accepted, duplicate or conflict is durable.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct IngestAnswer {
    /// New and durable.
    accepted: u64,
    /// Already stored; nothing changed.
    duplicate: u64,
    /// Another value is stored for that moment; both are kept, the first one counts.
    conflict: u64,
    /// Points that were set aside, the first hundred by name.
    quarantined: Vec<QuarantinedPoint>,
    /// How many were set aside in all.
    quarantined_total: u64,
    /// The store's position (a decimal number as text): a query that names it sees these points.
    position: String,
}

/// A point that was set aside.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct QuarantinedPoint {
    /// Its metric as sent.
    metric: String,
    /// Stable code.
    code: String,
    /// What was wrong.
    detail: String,
}

/// Parameters of line protocol.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
struct LineQuery {
    /// Unit of the times: ns (default), us, ms or s.
    precision: Option<String>,
}

/// Sends telemetry in the ThingsBoard dialect, with the device's token in the address.
#[utoipa::path(post, path = "/api/v1/{token}/telemetry", tag = "edge",
    params(("token" = String, Path, description = "the device's token")),
    request_body(content = serde_json::Value, description = "{metric: value}, {ts, values}, or an array of either"),
    responses((status = 200, body = IngestAnswer), (status = 422, body = appkit::Problem), (status = 503, body = appkit::Problem)))]
async fn device_telemetry_send(
    State(host): State<Host>,
    caller: Caller,
    request: Request<Body>,
) -> appkit::Result<Json<IngestAnswer>> {
    send(&host, &caller, Door::HttpJson, Dialect::Json, request).await
}

/// Sends telemetry as JSON.
#[utoipa::path(post, path = "/api/v1/ingest/json", tag = "edge",
    request_body(content = serde_json::Value, description = "{metric: value}, {ts, values}, or an array of either"),
    responses((status = 200, body = IngestAnswer), (status = 422, body = appkit::Problem), (status = 503, body = appkit::Problem)))]
async fn telemetry_json_send(
    State(host): State<Host>,
    caller: Caller,
    request: Request<Body>,
) -> appkit::Result<Json<IngestAnswer>> {
    send(&host, &caller, Door::HttpJson, Dialect::Json, request).await
}

/// Sends telemetry as InfluxDB line protocol.
#[utoipa::path(post, path = "/api/v1/ingest/line", tag = "edge", params(LineQuery),
    request_body(content = String, content_type = "text/plain", description = "measurement,tag=value field=1.5 1700000000000000000"),
    responses((status = 200, body = IngestAnswer), (status = 422, body = appkit::Problem), (status = 503, body = appkit::Problem)))]
async fn telemetry_line_send(
    State(host): State<Host>,
    caller: Caller,
    Query(query): Query<LineQuery>,
    request: Request<Body>,
) -> appkit::Result<Json<IngestAnswer>> {
    let precision = query.precision.as_deref().map_or(Ok(Precision::default()), Precision::of)?;
    send(&host, &caller, Door::HttpLine, Dialect::Line(precision), request).await
}

async fn send(
    host: &Host,
    caller: &Caller,
    door: Door,
    dialect: Dialect,
    request: Request<Body>,
) -> appkit::Result<Json<IngestAnswer>> {
    let ingest = host.port::<Ingest>();
    let device = device_of(&ingest, caller)?;
    let payload = match body(&ingest, request).await {
        Ok(payload) => payload,
        Err(error) => {
            if Ingest::is_final(&error) {
                ingest.refuse(door, &device, &error, b"").await?;
            }
            return Err(error.into());
        }
    };
    let room = ingest.admit_within(payload.len(), WAIT).await?;
    let answer = ingest.take(&room, door, device.device, dialect, &payload).await?;
    if answer.quarantined_total > 0 && answer.accepted + answer.duplicate + answer.conflict == 0 {
        return Err(nothing_stored(answer).into());
    }
    Ok(Json(shown(answer)))
}

fn device_of(ingest: &Ingest, caller: &Caller) -> Result<Arc<DeviceBinding>> {
    let unknown = || {
        Error::unauthenticated("edge.device.unknown", "the device is not known any more")
            .hint("register the device again")
    };
    let Subject::Device(device) = caller.subject else { return Err(unknown()) };
    let device: DeviceId = device;
    ingest.directory().by_id(device).filter(|binding| binding.tenant == caller.tenant).ok_or_else(unknown)
}

/// Receives a body no larger than a message may be. Bodies under way have room of their own, so that slow senders cannot
/// take the other doors' room.
async fn body(ingest: &Ingest, request: Request<Body>) -> Result<Bytes> {
    let max = ingest.limits().message_bytes_max;
    if request.headers().get(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
        return Err(
            Error::invalid("edge.payload.encoding", "the body is compressed").hint("send it without Content-Encoding")
        );
    }
    let announced = content_length(request.headers()).unwrap_or(max);
    let _receiving = ingest.receive_within(announced, WAIT).await?;
    let too_large = || {
        Error::too_large("edge.payload.too-large", format!("the body has more than {max} bytes"))
            .hint("send several smaller messages")
    };
    match timeout(BODY_LIMIT, to_bytes(request.into_body(), max)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        // Either too long, or the sender is gone and nobody reads this.
        Ok(Err(_)) => Err(too_large()),
        Err(_) => {
            Err(Error::unavailable("edge.payload.slow", "the body did not arrive in time")
                .hint("send smaller messages"))
        }
    }
}

fn content_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn nothing_stored(answer: Answer) -> Error {
    let total = answer.quarantined_total;
    let error = Error::unprocessable("edge.payload.refused", format!("none of the {total} points could be stored"))
        .hint("each reason is named; the points are in quarantine on the device's page");
    answer.quarantined.into_iter().take(FIELDS_MAX).fold(error, |error, refusal| {
        let pointer = format!("/{}", refusal.metric.replace('~', "~0").replace('/', "~1"));
        error.field(pointer, format!("{} ({})", refusal.detail, refusal.code))
    })
}

fn shown(answer: Answer) -> IngestAnswer {
    let point = |refusal: crate::ingest::Refusal| QuarantinedPoint {
        metric: refusal.metric,
        code: refusal.code.to_owned(),
        detail: refusal.detail,
    };
    IngestAnswer {
        accepted: answer.accepted,
        duplicate: answer.duplicate,
        conflict: answer.conflict,
        quarantined: answer.quarantined.into_iter().map(point).collect(),
        quarantined_total: answer.quarantined_total,
        position: answer.position.0.to_string(),
    }
}
