use appkit::{Caller, Host, Json, Path, Policy, Query, Routes, routes};
use axum::extract::State;
use contracts::twin::StateSpan;
use kernel::{Duration, Error, Timestamp, id::AssetId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    machine::{STATE, admitted},
    twin, window,
};
use crate::domain::{kpi::Kpi, timeline::state_name};

pub(super) fn routes() -> Routes {
    Routes::new("twin")
        .add(Policy::view("twin.timeline.read"), routes!(machine_timeline))
        .add(Policy::view("twin.timeline.read"), routes!(machine_kpi))
}

/// Most spans of one timeline answer.
const SPANS_MAX: usize = 50_000;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct WindowQuery {
    /// Start, RFC 3339; a day before the end when absent.
    #[param(value_type = Option<String>)]
    from: Option<Timestamp>,
    /// End, RFC 3339; now when absent.
    #[param(value_type = Option<String>)]
    to: Option<Timestamp>,
}

/// What a machine was doing when.
#[derive(Debug, Serialize, ToSchema)]
struct TimelineView {
    /// Start (ms since 1970).
    from: i64,
    /// End (ms since 1970).
    to: i64,
    /// The spans, in order, without holes.
    spans: Vec<SpanView>,
}

/// A stretch of time in one state.
#[derive(Debug, Serialize, ToSchema)]
struct SpanView {
    /// Start (ms since 1970).
    from: f64,
    /// End (ms since 1970).
    to: f64,
    /// `running`, `idle`, `down`, `off` or `unknown`.
    state: &'static str,
}

/// The states of a machine in a window, without holes.
#[utoipa::path(get, path = "/api/v1/machines/{id}/timeline", tag = "twin", params(("id" = String, Path), WindowQuery),
    responses((status = 200, body = TimelineView)))]
async fn machine_timeline(
    State(host): State<Host>,
    caller: Caller,
    Path(id): Path<AssetId>,
    Query(query): Query<WindowQuery>,
) -> appkit::Result<Json<TimelineView>> {
    let twin = twin(&host)?;
    let machine = admitted(&host, &twin, &caller, id, "twin.timeline.read", STATE).await?;
    let window = window(&host, query.from, query.to)?;
    let spans = twin.timeline_of(&machine, window).await?;
    if spans.len() > SPANS_MAX {
        return Err(Error::unprocessable(
            "twin.timeline.too-many",
            format!("the window has more than {SPANS_MAX} changes of state"),
        )
        .hint("ask for a shorter window")
        .into());
    }
    let exact = |at: Timestamp| at.micros() as f64 / 1000.0;
    let view = |span: &StateSpan| SpanView {
        from: exact(span.window.from),
        to: exact(span.window.to),
        state: state_name(span.state),
    };
    Ok(Json(TimelineView {
        from: window.from.millis(),
        to: window.to.millis(),
        spans: spans.iter().map(view).collect(),
    }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct KpiQuery {
    /// Start, RFC 3339; a day before the end when absent.
    #[param(value_type = Option<String>)]
    from: Option<Timestamp>,
    /// End, RFC 3339; now when absent.
    #[param(value_type = Option<String>)]
    to: Option<Timestamp>,
    /// PBT, the planned busy time in seconds; the window less its unknown time when absent.
    planned_busy_s: Option<u32>,
}

/// Key figures named after ISO 22400-2. Ratios are decimals of four places, absent when there is nothing to divide by.
#[derive(Debug, Serialize, ToSchema)]
struct KpiView {
    /// Start (ms since 1970).
    from: i64,
    /// End (ms since 1970).
    to: i64,
    /// APT: actual production time (running), in ms.
    apt_ms: i64,
    /// Time idle, in ms. With `down_ms` it makes ADET, the actual unit delay time.
    idle_ms: i64,
    /// Time down, in ms.
    down_ms: i64,
    /// Time off, in ms.
    off_ms: i64,
    /// Time of which nothing is known, in ms.
    unknown_ms: i64,
    /// AUBT: actual unit busy time (running, idle or down), in ms.
    aubt_ms: i64,
    /// PBT: planned busy time, in ms.
    pbt_ms: i64,
    /// How often it went down.
    failures: u32,
    /// APT / PBT.
    availability: Option<String>,
    /// Utilisation efficiency: APT / AUBT.
    utilisation_efficiency: Option<String>,
    /// Allocation efficiency: AUBT / PBT.
    allocation_efficiency: Option<String>,
    /// MTTR in seconds.
    mean_time_to_repair_s: Option<String>,
}

/// Key figures of a machine over a window.
#[utoipa::path(get, path = "/api/v1/machines/{id}/kpi", tag = "twin", params(("id" = String, Path), KpiQuery),
    responses((status = 200, body = KpiView)))]
async fn machine_kpi(
    State(host): State<Host>,
    caller: Caller,
    Path(id): Path<AssetId>,
    Query(query): Query<KpiQuery>,
) -> appkit::Result<Json<KpiView>> {
    let twin = twin(&host)?;
    let machine = admitted(&host, &twin, &caller, id, "twin.timeline.read", STATE).await?;
    let window = window(&host, query.from, query.to)?;
    let spans = twin.timeline_of(&machine, window).await?;
    let kpi = Kpi::of(&spans, window, query.planned_busy_s.map(|seconds| Duration::from_secs(i64::from(seconds))));
    let (ms, text) =
        (|span: Duration| span.micros() / 1000, |value: Option<kernel::Decimal>| value.map(|v| v.to_string()));
    Ok(Json(KpiView {
        from: window.from.millis(),
        to: window.to.millis(),
        apt_ms: ms(kpi.production_time),
        idle_ms: ms(kpi.idle_time),
        down_ms: ms(kpi.down_time),
        off_ms: ms(kpi.off_time),
        unknown_ms: ms(kpi.unknown_time),
        aubt_ms: ms(kpi.production_time + kpi.idle_time + kpi.down_time),
        pbt_ms: ms(kpi.planned_busy_time),
        failures: kpi.failures,
        availability: text(kpi.availability),
        utilisation_efficiency: text(kpi.utilisation),
        allocation_efficiency: text(kpi.allocation),
        mean_time_to_repair_s: text(kpi.mean_time_to_repair_s),
    }))
}
