use std::{collections::BTreeMap, sync::Arc};

use appkit::{Caller, Host, IdemKey, Json, Object, Page, PageQuery, Path, Policy, Query, Reply, Routes, routes};
use axum::extract::State;
use contracts::{
    telemetry::{Position, RangeQuery, SeriesKey, Stored, TelemetryStore, ValueType},
    twin::StateSpan,
};
use kernel::{
    Duration, Error, Result, Timestamp, Window,
    id::{AssetId, PartyId, ThingModelId},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{bodies::StateRuleBody, equipment::NodeView, thing_model::PropertyView, twin, window};
use crate::{
    Twin, asset_state_rule_in_tx, asset_upgrade_in_tx,
    domain::{kpi::Kpi, timeline::state_name},
    live::{MachineLive, publish},
    registry::Machine,
};

pub(super) fn routes() -> Routes {
    Routes::new("twin")
        .add(Policy::view("twin.machine.read"), routes!(machine_list))
        .add(Policy::view("twin.machine.read"), routes!(machine_get))
        .add(Policy::view("twin.series.read"), routes!(machine_series))
        .add(Policy::view("twin.timeline.read"), routes!(machine_timeline))
        .add(Policy::view("twin.timeline.read"), routes!(machine_kpi))
        .add(Policy::operate("twin.machine.write"), routes!(machine_upgrade))
        .add(Policy::operate("twin.machine.write"), routes!(machine_state_rule))
}

/// The field name under which a grant covers a machine's state and timeline.
const STATE: &str = "state";
/// Most points of one series answer.
const WIDTH_MAX: u32 = 5_000;
const WIDTH_DEFAULT: u32 = 800;
/// Most raw values of a series that cannot be averaged.
const RAW_MAX: usize = 10_000;
/// Most spans of one timeline answer.
const SPANS_MAX: usize = 50_000;

/// A machine with what it says now.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct MachineView {
    /// Its id.
    #[schema(value_type = String)]
    id: AssetId,
    /// Its owner.
    #[schema(value_type = String)]
    owner: PartyId,
    /// Code plate.
    code: String,
    /// Name.
    name: String,
    /// Kind of machine.
    kind: String,
    /// What it stands in; only for its owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    parent: Option<AssetId>,
    /// Its thing model.
    #[schema(value_type = String)]
    thing_model: ThingModelId,
    /// The version it is pinned to.
    thing_model_version: u32,
    /// The newest version of the model.
    thing_model_latest: u32,
    /// `running`, `idle`, `down`, `off` or `unknown`; absent when it is not for you.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    /// Since when (ms since 1970); at most the beginning of the day is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<i64>,
    /// When its newest value was measured (ms since 1970).
    #[serde(skip_serializing_if = "Option::is_none")]
    heard: Option<i64>,
    /// Newest values: property → `[time_ms, value, quality]`; quality is `good`, `uncertain`, `bad` or `stale`.
    #[schema(value_type = Object)]
    values: BTreeMap<String, serde_json::Value>,
    /// Its properties; absent in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    properties: Option<Vec<PropertyView>>,
    /// A state rule of its own; absent in lists and when its model's applies.
    #[serde(skip_serializing_if = "Option::is_none")]
    state_rule: Option<StateRuleBody>,
}

impl MachineView {
    fn of(twin: &Twin, machine: &Machine, live: &MachineLive, now: Timestamp) -> Self {
        let node = &machine.node;
        let values = match publish::values(machine, live, now) {
            serde_json::Value::Object(values) => values.into_iter().collect(),
            _ => BTreeMap::new(),
        };
        let latest = twin.registry().model(machine.version.id, None);
        Self {
            id: node.id,
            owner: node.tenant,
            code: node.code.clone(),
            name: node.name.clone(),
            kind: node.kind.clone(),
            parent: node.parent,
            thing_model: machine.version.id,
            thing_model_version: machine.version.version,
            thing_model_latest: latest.map_or(machine.version.version, |latest| latest.version),
            state: Some(state_name(live.state).to_owned()),
            since: live.since.map(Timestamp::millis),
            heard: live.values.heard().map(Timestamp::millis),
            values,
            properties: None,
            state_rule: None,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct MachineQuery {
    /// Only machines in this state.
    state: Option<String>,
    /// Only machines of this kind.
    kind: Option<String>,
    /// Only machines in this node, at any depth.
    #[param(value_type = Option<String>)]
    under: Option<AssetId>,
    /// Only machines whose code or name contains this.
    q: Option<String>,
    /// Rows wanted, 1–500; 50 when absent.
    limit: Option<u32>,
    /// Where to go on.
    cursor: Option<String>,
}

/// The machines of your organisation by code, with their state and newest values.
#[utoipa::path(get, path = "/api/v1/machines", tag = "twin", params(MachineQuery), responses((status = 200, body = Page<MachineView>)))]
async fn machine_list(
    State(host): State<Host>,
    caller: Caller,
    Query(query): Query<MachineQuery>,
) -> appkit::Result<Json<Page<MachineView>>> {
    let page = PageQuery { limit: query.limit, cursor: query.cursor.clone() };
    let (twin, limit, now) = (twin(&host)?, page.limit()?, host.now());
    let needle = query.q.as_deref().unwrap_or("").to_lowercase();
    let mut items = Vec::new();
    for machine in twin.registry().machines(caller.tenant) {
        let node = &machine.node;
        let named = |text: &str| needle.is_empty() || text.to_lowercase().contains(&needle);
        if node.code.as_str() <= page.after()
            || query.kind.as_ref().is_some_and(|kind| *kind != node.kind)
            || !(named(&node.code) || named(&node.name))
            || query.under.is_some_and(|place| !stands_in(&twin, node.parent, place))
        {
            continue;
        }
        let live = twin.board().get(node.id);
        if query.state.as_ref().is_some_and(|state| state != state_name(live.state)) {
            continue;
        }
        items.push(MachineView::of(&twin, &machine, &live, now));
        if items.len() > limit {
            break;
        }
    }
    Ok(Json(Page::of(items, limit, |machine| machine.code.clone())))
}

fn stands_in(twin: &Twin, parent: Option<AssetId>, place: AssetId) -> bool {
    let above = |id: &AssetId| twin.registry().node(*id).and_then(|node| node.parent);
    std::iter::successors(parent, above).take(crate::domain::tree::DEPTH_MAX).any(|id| id == place)
}

/// A machine. For its owner, and for those to whom the owner granted it: they see the granted properties.
#[utoipa::path(get, path = "/api/v1/machines/{id}", tag = "twin", params(("id" = String, Path)), responses((status = 200, body = MachineView)))]
async fn machine_get(
    State(host): State<Host>,
    caller: Caller,
    Path(id): Path<AssetId>,
) -> appkit::Result<Json<MachineView>> {
    let (twin, now) = (twin(&host)?, host.now());
    let machine = twin.registry().machine(id).ok_or_else(unknown)?;
    let mut fields: Vec<String> =
        machine.version.model.properties.iter().map(|property| property.id.to_string()).collect();
    fields.push(STATE.to_owned());
    let object = object(&machine);
    let seen = host.access().visible_fields(&caller, &object, &fields, now);
    let Some(first) = seen.first() else { return Err(unknown().into()) };
    // Decided already; this also notes under which grant somebody looked.
    host.access().check(&caller, "twin.machine.read", &object.fields([*first])).await.map_err(|_| unknown())?;

    let mut view = MachineView::of(&twin, &machine, &twin.board().get(id), now);
    let properties = machine.version.model.properties.iter().filter(|property| seen.contains(&&*property.id));
    view.properties = Some(properties.map(PropertyView::of).collect());
    view.values.retain(|property, _| seen.contains(&property.as_str()));
    if !seen.contains(&STATE) {
        (view.state, view.since) = (None, None);
    }
    match caller.tenant == machine.node.tenant {
        true => view.state_rule = machine.node.state_rule.as_ref().map(StateRuleBody::of),
        false => view.parent = None,
    }
    Ok(Json(view))
}

/// The machine, if the caller may see this of it; the uniform refusal otherwise.
async fn admitted(
    host: &Host,
    twin: &Twin,
    caller: &Caller,
    id: AssetId,
    action: &'static str,
    field: &str,
) -> Result<Arc<Machine>> {
    let machine = twin.registry().machine(id).ok_or_else(unknown)?;
    let object = object(&machine).fields([field]);
    // Whatever the reason of the refusal, the answer is that of a machine that does not exist.
    host.access().check(caller, action, &object).await.map_err(|_| unknown())?;
    Ok(machine)
}

fn object(machine: &Machine) -> Object {
    Object::owned("machine", machine.node.tenant).id(machine.node.id)
}

fn unknown() -> Error {
    Error::not_found("twin.machine.unknown", "there is no such machine, or it is not for you")
        .hint("list your machines with GET /api/v1/machines; ask the owner of others for a grant")
}

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

/// Which version to pin.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MachineUpgrade {
    /// The machine's thing model; a work unit without one gets it.
    #[schema(value_type = String)]
    thing_model: ThingModelId,
    /// The version; the latest when absent.
    #[serde(default)]
    version: Option<u32>,
}

/// Pins a machine to another version of its thing model. Refused when a mapping or rule of the machine does not fit it.
#[utoipa::path(post, path = "/api/v1/machines/{id}/upgrade", tag = "twin", params(("id" = String, Path)), request_body = MachineUpgrade,
    responses((status = 200, body = NodeView)))]
async fn machine_upgrade(
    State(host): State<Host>,
    caller: Caller,
    idem: IdemKey,
    Path(id): Path<AssetId>,
    Json(body): Json<MachineUpgrade>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "twin.machine.upgrade", &idem, &(id, &body)).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let node = asset_upgrade_in_tx(command.tx(), caller.tenant, id, body.thing_model, body.version).await?;
    command.reply(200, &NodeView::of(&node)).await
}

/// The state rule of one machine.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MachineStateRule {
    /// The rule; nothing lets the model's apply again.
    state_rule: Option<StateRuleBody>,
}

/// Gives a machine a state rule of its own, or takes it away. Its timeline is computed anew.
#[utoipa::path(put, path = "/api/v1/machines/{id}/state-rule", tag = "twin", params(("id" = String, Path)), request_body = MachineStateRule,
    responses((status = 200, body = NodeView)))]
async fn machine_state_rule(
    State(host): State<Host>,
    caller: Caller,
    idem: IdemKey,
    Path(id): Path<AssetId>,
    Json(body): Json<MachineStateRule>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "twin.machine.state-rule", &idem, &(id, &body)).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let rule = body.state_rule.as_ref().map(StateRuleBody::text).transpose()?;
    let node = asset_state_rule_in_tx(command.tx(), caller.tenant, id, rule).await?;
    command.reply(200, &NodeView::of(&node)).await
}
