use appkit::{Caller, Host, IdemKey, Json, Page, PageQuery, Path, Policy, Query, Reply, Routes, routes};
use axum::extract::State;
use kernel::{
    Duration, Error, Result, Timestamp,
    id::{AlarmId, AlarmRuleId, AssetId},
};
use models::alarm::{AlarmState, Mark, Priority};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{bodies::MessageBody, twin};
use crate::{
    AlarmRow, MAX_TIME_SHELVED, alarm_acknowledge_in_tx, alarm_reset_in_tx, alarm_service_in_tx, alarm_shelve_in_tx,
    alarm_unshelve_in_tx,
    app::alarm::unknown,
    registry::Registry,
    store::alarm::{self, Filter, state_name},
};

pub(super) fn routes() -> Routes {
    Routes::new("twin")
        .add(Policy::view("twin.alarm.read"), routes!(alarm_list))
        .add(Policy::view("twin.alarm.read"), routes!(alarm_get))
        .add(Policy::operate("twin.alarm.acknowledge"), routes!(alarm_acknowledge))
        .add(Policy::operate("twin.alarm.shelve"), routes!(alarm_shelve))
        .add(Policy::operate("twin.alarm.shelve"), routes!(alarm_unshelve))
        .add(Policy::operate("twin.alarm.service"), routes!(alarm_out_of_service))
        .add(Policy::operate("twin.alarm.service"), routes!(alarm_return_to_service))
        .add(Policy::operate("twin.alarm.acknowledge"), routes!(alarm_reset))
}

/// An alarm: one rule on one machine, from its first occurrence until it is normal and acknowledged.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AlarmView {
    /// Its id.
    #[schema(value_type = String)]
    pub id: AlarmId,
    /// Its rule.
    #[schema(value_type = String)]
    pub rule: AlarmRuleId,
    /// Its machine.
    #[schema(value_type = String)]
    pub asset: AssetId,
    /// The machine's code plate.
    pub asset_code: String,
    /// The machine's name.
    pub asset_name: String,
    /// The rule's name.
    pub name: String,
    /// What to tell the operator.
    pub message: MessageBody,
    /// 1 urgent, 2 high, 3 medium, 4 low.
    pub priority: u8,
    /// `unacknowledged_active`, `acknowledged_active`, `returned_unacknowledged`, `latched_unacknowledged`,
    /// `latched_acknowledged` or `normal`.
    pub state: String,
    /// Whether the condition holds.
    pub active: bool,
    /// Whether somebody should acknowledge it.
    pub wants_acknowledgement: bool,
    /// Whether it should be shown and heard now: not shelved, suppressed or out of service.
    pub annunciated: bool,
    /// Whether it is over.
    pub closed: bool,
    /// When it was raised last (RFC 3339).
    pub raised_at: String,
    /// When it returned (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub returned_at: Option<String>,
    /// How often it was raised.
    pub occurrences: u64,
    /// The values behind the newest occurrence.
    #[schema(value_type = Object)]
    pub readings: serde_json::Value,
    /// Who acknowledged it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<MarkView>,
    /// Who shelved it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shelved: Option<MarkView>,
    /// Until when (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shelved_until: Option<String>,
    /// Who took it out of service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub out_of_service: Option<MarkView>,
}

/// Who did something, why, and when.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MarkView {
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When (RFC 3339).
    pub at: String,
}

impl From<&Mark> for MarkView {
    fn from(mark: &Mark) -> Self {
        Self { by: mark.by.clone(), reason: mark.reason.clone(), at: mark.at.to_string() }
    }
}

impl AlarmView {
    pub fn of(row: &AlarmRow, registry: &Registry, now: Timestamp) -> Self {
        let (_, _, acknowledged, occurrences) = row.life.history();
        let node = registry.node(row.asset);
        let shelf = row.life.shelf(now);
        Self {
            id: row.id,
            rule: row.rule,
            asset: row.asset,
            asset_code: node.as_ref().map(|node| node.code.clone()).unwrap_or_default(),
            asset_name: node.map(|node| node.name.clone()).unwrap_or_default(),
            name: row.name.clone(),
            message: MessageBody { zh: row.message.zh.clone(), en: row.message.en.clone() },
            priority: row.priority.number(),
            state: state_name(row.life.state()).to_owned(),
            active: row.life.is_active(),
            wants_acknowledgement: row.life.wants_acknowledgement(),
            annunciated: row.life.is_annunciated(now),
            closed: row.closed_at.is_some(),
            raised_at: row.raised_at.to_string(),
            returned_at: row.returned_at.map(|at| at.to_string()),
            occurrences,
            readings: row.readings.clone(),
            acknowledged: acknowledged.map(MarkView::from),
            shelved: shelf.map(|shelf| MarkView::from(&shelf.mark)),
            shelved_until: shelf.map(|shelf| shelf.until.to_string()),
            out_of_service: row.life.out_of_service().map(MarkView::from),
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct AlarmQuery {
    /// Also those that are over; only open ones when absent.
    closed: Option<bool>,
    /// Only those in this state.
    state: Option<String>,
    /// Only those of this priority, 1–4.
    priority: Option<u8>,
    /// Only those of this machine.
    #[param(value_type = Option<String>)]
    asset: Option<AssetId>,
    /// Only those of this rule.
    #[param(value_type = Option<String>)]
    rule: Option<AlarmRuleId>,
    /// Rows wanted, 1–500; 50 when absent.
    limit: Option<u32>,
    /// Where to go on.
    cursor: Option<String>,
}

/// The alarms of your organisation, newest first.
#[utoipa::path(get, path = "/api/v1/alarms", tag = "twin", params(AlarmQuery), responses((status = 200, body = Page<AlarmView>)))]
async fn alarm_list(
    State(host): State<Host>,
    caller: Caller,
    Query(query): Query<AlarmQuery>,
) -> appkit::Result<Json<Page<AlarmView>>> {
    let page = PageQuery { limit: query.limit, cursor: query.cursor };
    let (twin, limit, now) = (twin(&host)?, page.limit()?, host.now());
    let state = query.state.map(|name| {
        serde_json::from_value::<AlarmState>(name.clone().into()).map_err(|_| {
            Error::invalid("twin.alarm.unknown-state", format!("{name:?} is not a state of an alarm"))
                .hint("use a state as it stands in the list")
        })
    });
    let filter = Filter {
        open: !query.closed.unwrap_or(false),
        state: state.transpose()?,
        priority: query.priority.map(Priority::from_number).transpose()?,
        asset: query.asset,
        rule: query.rule,
    };
    let rows = alarm::list(&host, caller.tenant, &filter, page.after(), limit + 1).await?;
    let items = rows.iter().map(|row| AlarmView::of(row, twin.registry(), now)).collect();
    Ok(Json(Page::of(items, limit, |alarm: &AlarmView| alarm.id.to_string())))
}

/// An alarm.
#[utoipa::path(get, path = "/api/v1/alarms/{id}", tag = "twin", params(("id" = String, Path)), responses((status = 200, body = AlarmView)))]
async fn alarm_get(
    State(host): State<Host>,
    caller: Caller,
    Path(id): Path<AlarmId>,
) -> appkit::Result<Json<AlarmView>> {
    let row = alarm::get(&host, id).await?.filter(|row| row.tenant == caller.tenant).ok_or_else(unknown)?;
    Ok(Json(AlarmView::of(&row, twin(&host)?.registry(), host.now())))
}

/// What to say about it.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AlarmComment {
    /// A remark; may be empty.
    #[serde(default)]
    comment: String,
}

/// Says that somebody has seen the alarm.
#[utoipa::path(post, path = "/api/v1/alarms/{id}/acknowledge", tag = "twin", params(("id" = String, Path)), request_body = AlarmComment,
    responses((status = 200, body = AlarmView)))]
async fn alarm_acknowledge(
    State(host): State<Host>,
    caller: Caller,
    idem: IdemKey,
    Path(id): Path<AlarmId>,
    Json(body): Json<AlarmComment>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "twin.alarm.acknowledge", &idem, &(id, &body)).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let row = alarm_acknowledge_in_tx(command.tx(), caller.tenant, id, &body.comment).await?;
    answer(&host, command, &row).await
}

/// For how long to hide it, and why.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AlarmShelve {
    /// Minutes from now, at most 720.
    #[schema(minimum = 1, maximum = 720)]
    minutes: u32,
    /// Why.
    reason: String,
    /// Whether it comes off the shelf already when the condition ends.
    #[serde(default)]
    one_shot: bool,
}

/// Hides an alarm for a while, at most 12 hours.
#[utoipa::path(post, path = "/api/v1/alarms/{id}/shelve", tag = "twin", params(("id" = String, Path)), request_body = AlarmShelve,
    responses((status = 200, body = AlarmView)))]
async fn alarm_shelve(
    State(host): State<Host>,
    caller: Caller,
    idem: IdemKey,
    Path(id): Path<AlarmId>,
    Json(body): Json<AlarmShelve>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "twin.alarm.shelve", &idem, &(id, &body)).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    // One more than allowed is enough to be refused; more could not be added to a time.
    let length = Duration::from_mins(i64::from(body.minutes)).min(MAX_TIME_SHELVED + Duration::from_mins(1));
    let until = command.tx().now() + length;
    let row = alarm_shelve_in_tx(command.tx(), caller.tenant, id, until, body.one_shot, &body.reason).await?;
    answer(&host, command, &row).await
}

/// Shows a shelved alarm again.
#[utoipa::path(post, path = "/api/v1/alarms/{id}/unshelve", tag = "twin", params(("id" = String, Path)), responses((status = 200, body = AlarmView)))]
async fn alarm_unshelve(
    State(host): State<Host>,
    caller: Caller,
    idem: IdemKey,
    Path(id): Path<AlarmId>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "twin.alarm.unshelve", &idem, &id).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let row = alarm_unshelve_in_tx(command.tx(), caller.tenant, id).await?;
    answer(&host, command, &row).await
}

/// Why.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AlarmReason {
    /// Why.
    reason: String,
}

/// Takes an alarm out of service for maintenance, until it is put back.
#[utoipa::path(post, path = "/api/v1/alarms/{id}/out-of-service", tag = "twin", params(("id" = String, Path)), request_body = AlarmReason,
    responses((status = 200, body = AlarmView)))]
async fn alarm_out_of_service(
    State(host): State<Host>,
    caller: Caller,
    idem: IdemKey,
    Path(id): Path<AlarmId>,
    Json(body): Json<AlarmReason>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "twin.alarm.out-of-service", &idem, &(id, &body)).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let row = alarm_service_in_tx(command.tx(), caller.tenant, id, true, &body.reason).await?;
    answer(&host, command, &row).await
}

/// Puts an alarm back into service.
#[utoipa::path(post, path = "/api/v1/alarms/{id}/return-to-service", tag = "twin", params(("id" = String, Path)),
    responses((status = 200, body = AlarmView)))]
async fn alarm_return_to_service(
    State(host): State<Host>,
    caller: Caller,
    idem: IdemKey,
    Path(id): Path<AlarmId>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "twin.alarm.return-to-service", &idem, &id).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let row = alarm_service_in_tx(command.tx(), caller.tenant, id, false, "").await?;
    answer(&host, command, &row).await
}

/// Releases the latch of an alarm whose condition is over and which was acknowledged.
#[utoipa::path(post, path = "/api/v1/alarms/{id}/reset", tag = "twin", params(("id" = String, Path)), responses((status = 200, body = AlarmView)))]
async fn alarm_reset(
    State(host): State<Host>,
    caller: Caller,
    idem: IdemKey,
    Path(id): Path<AlarmId>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "twin.alarm.reset", &idem, &id).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let row = alarm_reset_in_tx(command.tx(), caller.tenant, id).await?;
    answer(&host, command, &row).await
}

async fn answer(host: &Host, command: appkit::Command, row: &AlarmRow) -> appkit::Result<Reply> {
    let view: Result<AlarmView> = twin(host).map(|twin| AlarmView::of(row, twin.registry(), host.now()));
    command.reply(200, &view?).await
}
