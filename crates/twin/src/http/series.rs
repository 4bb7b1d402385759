use appkit::{Caller, Host, Json, Path, Policy, Query, Routes, routes};
use axum::extract::State;
use contracts::telemetry::{Position, RangeQuery, SeriesKey, Stored, TelemetryStore, ValueType};
use kernel::{Duration, Error, Result, Timestamp, Window, id::AssetId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{machine::admitted, twin, window};
use crate::live::publish;

pub(super) fn routes() -> Routes {
    Routes::new("twin").add(Policy::view("twin.series.read"), routes!(machine_series))
}

/// Most points of one series answer.
const WIDTH_MAX: u32 = 5_000;
const WIDTH_DEFAULT: u32 = 800;
/// Most raw values of a series that cannot be averaged.
const RAW_MAX: usize = 10_000;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct SeriesQuery {
    /// Start, RFC 3339; a day before the end when absent.
    #[param(value_type = Option<String>)]
    from: Option<Timestamp>,
    /// End, RFC 3339; now when absent.
    #[param(value_type = Option<String>)]
    to: Option<Timestamp>,
    /// Points wanted: the width of the picture, 1–5000; 800 when absent.
    width: Option<u32>,
}

/// A series for a picture.
#[derive(Debug, Serialize, ToSchema)]
struct SeriesView {
    /// The property.
    property: String,
    /// UN/ECE Rec 20 code of its unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<String>,
    /// Start (ms since 1970).
    from: i64,
    /// End (ms since 1970).
    to: i64,
    /// Length of a period in ms, when `buckets` is filled.
    #[serde(skip_serializing_if = "Option::is_none")]
    period_ms: Option<f64>,
    /// The value that held at the start: `[time_ms, value, quality]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Object>>)]
    before: Option<serde_json::Value>,
    /// Single values `[time_ms, value, quality]`, when there are few.
    #[schema(value_type = Vec<Vec<Object>>)]
    points: Vec<serde_json::Value>,
    /// Periods `[start_ms, count, min, max, mean, first, last]`, when there are many; empty periods are absent.
    buckets: Vec<[f64; 7]>,
    /// False when not everything could be read or sent.
    complete: bool,
}

/// The values of one property of a machine in a window: single ones when few, periods with extremes and mean otherwise.
#[utoipa::path(get, path = "/api/v1/machines/{id}/series/{property}", tag = "twin",
    params(("id" = String, Path), ("property" = String, Path), SeriesQuery), responses((status = 200, body = SeriesView)))]
async fn machine_series(
    State(host): State<Host>,
    caller: Caller,
    Path((id, property)): Path<(AssetId, String)>,
    Query(query): Query<SeriesQuery>,
) -> appkit::Result<Json<SeriesView>> {
    let twin = twin(&host)?;
    let machine = admitted(&host, &twin, &caller, id, "twin.series.read", &property).await?;
    let facts = machine.facts.properties.iter().find(|facts| *facts.id == *property).ok_or_else(|| {
        Error::not_found("twin.series.unknown", "the machine has no such recorded property")
            .hint("the machine's properties are listed by GET /api/v1/machines/{id}")
    })?;
    let window = window(&host, query.from, query.to)?;
    let width = query.width.unwrap_or(WIDTH_DEFAULT);
    if !(1..=WIDTH_MAX).contains(&width) {
        return Err(Error::invalid("twin.series.width", format!("a width of {width} points is not served"))
            .hint(format!("ask for 1 to {WIDTH_MAX}"))
            .into());
    }
    let (series, store) = (SeriesKey::new(id, facts.id.clone()), twin.telemetry()?);
    let (value_type, unit) = (facts.value_type, facts.unit);
    let mut view =
        tokio::task::spawn_blocking(move || series_read(&*store, &series, value_type, window, width as usize))
            .await
            .map_err(|error| Error::internal("twin.series.failed", "reading a series failed").because(error))??;
    view.unit = unit.map(|unit| unit.code().to_owned());
    Ok(Json(view))
}

/// Reads files.
fn series_read(
    store: &dyn TelemetryStore,
    series: &SeriesKey,
    value_type: ValueType,
    window: Window,
    width: usize,
) -> Result<SeriesView> {
    let numeric = matches!(value_type, ValueType::F64 | ValueType::I64);
    let few = if numeric { width * 2 } else { RAW_MAX };
    let query = RangeQuery { series: series.clone(), window, as_of: Position::MAX, limit: few + 1 };
    let answer = store.range(&query)?;
    let before = store.last_before(series, window.from - Duration::from_micros(1), Position::MAX)?;
    let mut view = SeriesView {
        property: series.property.to_string(),
        unit: None,
        from: window.from.millis(),
        to: window.to.millis(),
        period_ms: None,
        before: before.as_ref().map(point),
        points: Vec::new(),
        buckets: Vec::new(),
        complete: answer.damaged.is_empty() && answer.samples.len() <= few,
    };
    if !numeric || answer.samples.len() <= few {
        view.points = answer.samples.iter().take(few).map(point).collect();
        return Ok(view);
    }
    let length = window.length().micros();
    let period = Duration::from_micros((length + width as i64 - 1) / width as i64);
    let periods = store.aggregate(series, window, period)?;
    view.complete = periods.complete;
    view.period_ms = Some(period.micros() as f64 / 1000.0);
    view.buckets = periods
        .buckets
        .iter()
        .filter(|bucket| bucket.count > 0)
        .map(|bucket| {
            let mean = bucket.sum / bucket.count as f64;
            let start = bucket.start.micros() as f64 / 1000.0;
            [start, bucket.count as f64, bucket.min, bucket.max, mean, bucket.first, bucket.last]
        })
        .collect();
    Ok(view)
}

fn point(stored: &Stored) -> serde_json::Value {
    let sample = &stored.sample;
    serde_json::json!([sample.source_time.micros() as f64 / 1000.0, publish::value(&sample.value), sample.quality])
}
