use std::sync::Arc;

use appkit::{Caller, Host, IdemKey, Json, Page, PageQuery, Path, Policy, Query, Reply, Routes, routes};
use axum::extract::State;
use kernel::{
    Duration, Error, Result, Window,
    id::{AlarmRuleId, AssetId, ThingModelId},
};
use models::{Symbols, alarm::Change};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{bodies::RuleBody, twin};
use crate::{
    AlarmRuleNew, Target, Twin, alarm_rule_change_in_tx, alarm_rule_create_in_tx, alarm_rule_remove_in_tx,
    app::{
        alarm_rule::{rule_problems, unknown},
        equipment::not_a_machine,
        thing_model,
    },
    domain::tree,
    live::{preview, rule_lookback},
    registry::{Machine, Rule},
};

pub(super) fn routes() -> Routes {
    Routes::new("twin")
        .add(Policy::view("twin.alarm-rule.read"), routes!(alarm_rule_list))
        .add(Policy::operate("twin.alarm-rule.write"), routes!(alarm_rule_create))
        .add(Policy::view("twin.alarm-rule.read"), routes!(alarm_rule_get))
        .add(Policy::operate("twin.alarm-rule.write"), routes!(alarm_rule_change))
        .add(Policy::operate("twin.alarm-rule.write"), routes!(alarm_rule_remove))
        .add(Policy::view("twin.alarm-rule.read"), routes!(alarm_rule_check))
        .add(Policy::view("twin.alarm-rule.read"), routes!(alarm_rule_preview))
}

/// Most hours that a preview looks back.
const PREVIEW_HOURS_MAX: u32 = 31 * 24;
/// Most occurrences that a preview lists.
const PREVIEW_SHOWN: usize = 1_000;

/// An alarm rule.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct AlarmRuleView {
    /// Its id.
    #[schema(value_type = String)]
    id: AlarmRuleId,
    /// Name, unique in its organisation.
    name: String,
    /// The machine it watches; or else a whole thing model.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    asset: Option<AssetId>,
    /// The thing model whose machines it watches.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    thing_model: Option<ThingModelId>,
    /// The rule.
    rule: RuleBody,
    /// Whether it is evaluated.
    enabled: bool,
    /// Counts up with every change.
    version: u32,
    /// When it changed last (RFC 3339).
    updated_at: String,
}

impl AlarmRuleView {
    fn of(rule: &Rule) -> Self {
        let (asset, thing_model) = match rule.target {
            Target::Asset(asset) => (Some(asset), None),
            Target::Model(model) => (None, Some(model)),
        };
        Self {
            id: rule.id,
            name: rule.name.clone(),
            asset,
            thing_model,
            rule: RuleBody::of(&rule.text),
            enabled: rule.enabled,
            version: rule.version,
            updated_at: rule.updated_at.to_string(),
        }
    }
}

/// The alarm rules of your organisation, by name.
#[utoipa::path(get, path = "/api/v1/alarm-rules", tag = "twin", params(PageQuery), responses((status = 200, body = Page<AlarmRuleView>)))]
async fn alarm_rule_list(
    State(host): State<Host>,
    caller: Caller,
    Query(page): Query<PageQuery>,
) -> appkit::Result<Json<Page<AlarmRuleView>>> {
    let limit = page.limit()?;
    let rules = twin(&host)?.registry().rules(caller.tenant);
    let after = rules.iter().filter(|rule| rule.name.as_str() > page.after());
    let items = after.take(limit + 1).map(|rule| AlarmRuleView::of(rule)).collect();
    Ok(Json(Page::of(items, limit, |rule: &AlarmRuleView| rule.name.clone())))
}

/// An alarm rule to be recorded. It watches either one machine or all machines of a thing model.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AlarmRuleCreate {
    /// Name, unique in your organisation.
    name: String,
    /// The machine.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    asset: Option<AssetId>,
    /// The thing model.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    thing_model: Option<ThingModelId>,
    /// The rule.
    rule: RuleBody,
    /// Whether it is evaluated.
    #[serde(default = "yes")]
    enabled: bool,
}

fn yes() -> bool {
    true
}

fn target(asset: Option<AssetId>, thing_model: Option<ThingModelId>) -> Result<Target> {
    match (asset, thing_model) {
        (Some(asset), None) => Ok(Target::Asset(asset)),
        (None, Some(model)) => Ok(Target::Model(model)),
        _ => Err(Error::invalid("twin.alarm-rule.malformed", "a rule watches either one machine or one thing model")
            .field("/asset", "either this or thing_model")
            .hint("give asset or thing_model, not both")),
    }
}

/// Records an alarm rule, after checking it against the thing model of its target, units included.
#[utoipa::path(post, path = "/api/v1/alarm-rules", tag = "twin", request_body = AlarmRuleCreate, responses((status = 201, body = AlarmRuleView)))]
async fn alarm_rule_create(
    State(host): State<Host>,
    caller: Caller,
    idem: IdemKey,
    Json(body): Json<AlarmRuleCreate>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "twin.alarm-rule.create", &idem, &body).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let new = AlarmRuleNew {
        name: body.name,
        target: target(body.asset, body.thing_model)?,
        text: body.rule.text()?,
        enabled: body.enabled,
    };
    let rule = alarm_rule_create_in_tx(command.tx(), caller.tenant, new).await?;
    command.reply(201, &AlarmRuleView::of(&rule)).await
}

/// An alarm rule.
#[utoipa::path(get, path = "/api/v1/alarm-rules/{id}", tag = "twin", params(("id" = String, Path)), responses((status = 200, body = AlarmRuleView)))]
async fn alarm_rule_get(
    State(host): State<Host>,
    caller: Caller,
    Path(id): Path<AlarmRuleId>,
) -> appkit::Result<Json<AlarmRuleView>> {
    let rule = twin(&host)?.registry().rule(id).filter(|rule| rule.tenant == caller.tenant).ok_or_else(unknown)?;
    Ok(Json(AlarmRuleView::of(&rule)))
}

/// The new content of a rule. What it watches stays.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AlarmRuleChange {
    /// Name, unique in your organisation.
    name: String,
    /// The rule.
    rule: RuleBody,
    /// Whether it is evaluated.
    enabled: bool,
}

/// Replaces a rule. It is evaluated anew; an alarm that it no longer justifies returns to normal.
#[utoipa::path(put, path = "/api/v1/alarm-rules/{id}", tag = "twin", params(("id" = String, Path)), request_body = AlarmRuleChange,
    responses((status = 200, body = AlarmRuleView)))]
async fn alarm_rule_change(
    State(host): State<Host>,
    caller: Caller,
    idem: IdemKey,
    Path(id): Path<AlarmRuleId>,
    Json(body): Json<AlarmRuleChange>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "twin.alarm-rule.change", &idem, &(id, &body)).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let (tx, text) = (command.tx(), body.rule.text()?);
    let rule = alarm_rule_change_in_tx(tx, caller.tenant, id, body.name, text, body.enabled).await?;
    command.reply(200, &AlarmRuleView::of(&rule)).await
}

/// Removes a rule. Its open alarms return to normal.
#[utoipa::path(delete, path = "/api/v1/alarm-rules/{id}", tag = "twin", params(("id" = String, Path)), responses((status = 200, body = Object)))]
async fn alarm_rule_remove(
    State(host): State<Host>,
    caller: Caller,
    idem: IdemKey,
    Path(id): Path<AlarmRuleId>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "twin.alarm-rule.remove", &idem, &id).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    alarm_rule_remove_in_tx(command.tx(), caller.tenant, id).await?;
    command.reply(200, &serde_json::json!({ "id": id })).await
}

/// A rule to be checked, without recording anything.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AlarmRuleCheck {
    /// The machine.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    asset: Option<AssetId>,
    /// The thing model.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    thing_model: Option<ThingModelId>,
    /// The rule.
    rule: RuleBody,
}

/// What a check found.
#[derive(Debug, Serialize, ToSchema)]
struct AlarmRuleChecked {
    /// Whether the rule could be recorded.
    ok: bool,
    /// Everything wrong with it.
    problems: Vec<RuleProblemView>,
    /// The properties it looks at.
    properties: Vec<String>,
}

/// One thing wrong with a rule.
#[derive(Debug, Serialize, ToSchema)]
struct RuleProblemView {
    /// JSON pointer to the field of the rule.
    #[schema(example = "/raise")]
    pointer: String,
    /// Stable code.
    code: String,
    /// First byte in the field's text.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<usize>,
    /// First byte after.
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<usize>,
    /// What is wrong.
    message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

/// Checks a rule for types and units against a thing model, and says where it is wrong.
#[utoipa::path(post, path = "/api/v1/alarm-rules/check", tag = "twin", request_body = AlarmRuleCheck, responses((status = 200, body = AlarmRuleChecked)))]
async fn alarm_rule_check(
    State(host): State<Host>,
    caller: Caller,
    Json(body): Json<AlarmRuleCheck>,
) -> appkit::Result<Json<AlarmRuleChecked>> {
    let symbols = symbols(&*twin(&host)?, &caller, target(body.asset, body.thing_model)?)?;
    let text = body.rule.text()?;
    let problems: Vec<RuleProblemView> = rule_problems(&text, &symbols)
        .into_iter()
        .map(|problem| RuleProblemView {
            pointer: problem.pointer,
            code: problem.code.to_owned(),
            from: problem.span.map(|(from, _)| from),
            to: problem.span.map(|(_, to)| to),
            message: problem.message,
            hint: problem.hint,
        })
        .collect();
    let compiled = text.compile(&symbols).ok();
    let properties = compiled.iter().flat_map(|rule| rule.properties()).map(str::to_owned).collect();
    Ok(Json(AlarmRuleChecked { ok: problems.is_empty(), problems, properties }))
}

fn symbols(twin: &Twin, caller: &Caller, target: Target) -> Result<Symbols> {
    match target {
        Target::Asset(asset) => Ok(own_machine(twin, caller, asset)?.version.model.symbols()),
        Target::Model(model) => {
            let version = twin.registry().model(model, None).filter(|version| version.tenant == caller.tenant);
            Ok(version.ok_or_else(thing_model::unknown)?.model.symbols())
        }
    }
}

fn own_machine(twin: &Twin, caller: &Caller, asset: AssetId) -> Result<Arc<Machine>> {
    let node = twin.registry().node(asset).filter(|node| node.tenant == caller.tenant).ok_or_else(tree::unknown)?;
    twin.registry().machine(node.id).ok_or_else(not_a_machine)
}

/// A rule to be tried on what was recorded.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AlarmRulePreview {
    /// The machine.
    #[schema(value_type = String)]
    asset: AssetId,
    /// The rule.
    rule: RuleBody,
    /// How many hours to look back, 1–744.
    #[schema(minimum = 1, maximum = 744)]
    hours: u32,
}

/// When a rule would have fired.
#[derive(Debug, Serialize, ToSchema)]
struct AlarmRulePreviewed {
    /// Start (ms since 1970).
    from: i64,
    /// End (ms since 1970).
    to: i64,
    /// How often it would have been raised.
    raised: usize,
    /// Samples it was tried on.
    samples: usize,
    /// The first thousand occurrences.
    occurrences: Vec<OccurrenceView>,
}

/// One occurrence.
#[derive(Debug, Serialize, ToSchema)]
struct OccurrenceView {
    /// When it would have been raised (ms since 1970); absent when that was before the window.
    raised: Option<i64>,
    /// When it would have returned (ms since 1970); absent when it would still be active.
    returned: Option<i64>,
}

/// Tries a rule on what a machine recorded, without recording anything.
#[utoipa::path(post, path = "/api/v1/alarm-rules/preview", tag = "twin", request_body = AlarmRulePreview,
    responses((status = 200, body = AlarmRulePreviewed)))]
async fn alarm_rule_preview(
    State(host): State<Host>,
    caller: Caller,
    Json(body): Json<AlarmRulePreview>,
) -> appkit::Result<Json<AlarmRulePreviewed>> {
    if !(1..=PREVIEW_HOURS_MAX).contains(&body.hours) {
        return Err(Error::invalid("twin.alarm-rule.preview-hours", format!("{} hours are not looked at", body.hours))
            .field("/hours", "1 to 744")
            .hint("ask for 1 to 744 hours")
            .into());
    }
    let twin = twin(&host)?;
    let machine = own_machine(&twin, &caller, body.asset)?;
    let text = body.rule.text()?;
    let rule = text.compile(&machine.version.model.symbols()).map_err(|error| thing_model::beneath("/rule", error))?;
    let to = host.now();
    let window = Window::new(to - Duration::from_hours(i64::from(body.hours)), to)?;
    let (store, lookback) = (twin.telemetry()?, rule_lookback(&text));
    let (transitions, samples) =
        tokio::task::spawn_blocking(move || preview(&*store, body.asset, Arc::new(rule), lookback, window))
            .await
            .map_err(|error| Error::internal("twin.preview.failed", "trying a rule failed").because(error))??;
    let mut occurrences: Vec<OccurrenceView> = Vec::new();
    for transition in &transitions {
        let at = Some(transition.at.millis());
        match (transition.change, occurrences.last_mut()) {
            (Change::Raise, _) => occurrences.push(OccurrenceView { raised: at, returned: None }),
            (Change::Return, Some(last)) if last.returned.is_none() => last.returned = at,
            (Change::Return, _) => occurrences.push(OccurrenceView { raised: None, returned: at }),
        }
    }
    let raised = occurrences.iter().filter(|occurrence| occurrence.raised.is_some()).count();
    occurrences.truncate(PREVIEW_SHOWN);
    Ok(Json(AlarmRulePreviewed { from: window.from.millis(), to: window.to.millis(), raised, samples, occurrences }))
}
