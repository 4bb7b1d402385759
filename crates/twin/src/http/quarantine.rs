use appkit::{Caller, Host, Json, Page, PageQuery, Policy, Query, Routes, routes};
use axum::extract::State;
use kernel::{
    Timestamp,
    id::{DeviceId, QuarantineId},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::store::quarantine::{self, Stored};

pub(super) fn routes() -> Routes {
    Routes::new("twin").add(Policy::view("twin.quarantine.read"), routes!(quarantine_list))
}

/// Something a device sent that could not be stored.
#[derive(Debug, Serialize, ToSchema)]
struct QuarantineView {
    /// Its id.
    #[schema(value_type = String)]
    id: QuarantineId,
    /// The device.
    #[schema(value_type = Option<String>)]
    device: Option<DeviceId>,
    /// The door it came through: `mqtt`, `http-json`, `http-line`, `modbus`.
    door: String,
    /// Stable code of the reason.
    code: String,
    /// What was wrong.
    detail: String,
    /// The metric, when it is about one.
    metric: Option<String>,
    /// The value, when there was one.
    #[schema(value_type = Option<Object>)]
    value: Option<serde_json::Value>,
    /// The time it claimed (RFC 3339).
    source_time: Option<String>,
    /// When it came (RFC 3339).
    received_at: String,
    /// The beginning of the message.
    excerpt: String,
}

impl From<Stored> for QuarantineView {
    fn from(record: Stored) -> Self {
        let text = |at: Timestamp| at.to_string();
        Self {
            id: record.id,
            device: record.device,
            door: record.door,
            code: record.code,
            detail: record.detail,
            metric: record.metric,
            value: record.value,
            source_time: record.source_time.map(text),
            received_at: text(record.received_at),
            excerpt: record.excerpt,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct QuarantineQuery {
    /// Only what this device sent.
    #[param(value_type = Option<String>)]
    device: Option<DeviceId>,
    /// Rows wanted, 1–500; 50 when absent.
    limit: Option<u32>,
    /// Where to go on.
    cursor: Option<String>,
}

/// What devices of your organisation sent that could not be stored, newest first. The newest 1000 per device are kept.
#[utoipa::path(get, path = "/api/v1/quarantine", tag = "twin", params(QuarantineQuery), responses((status = 200, body = Page<QuarantineView>)))]
async fn quarantine_list(
    State(host): State<Host>,
    caller: Caller,
    Query(query): Query<QuarantineQuery>,
) -> appkit::Result<Json<Page<QuarantineView>>> {
    let page = PageQuery { limit: query.limit, cursor: query.cursor };
    let limit = page.limit()?;
    let records = quarantine::list(&host, caller.tenant, query.device, page.after(), limit + 1).await?;
    let items = records.into_iter().map(QuarantineView::from).collect();
    Ok(Json(Page::of(items, limit, |record: &QuarantineView| record.id.to_string())))
}
