use appkit::{Caller, Host, IdemKey, Json, Page, PageQuery, Path, Policy, Query, Reply, Routes, routes};
use axum::extract::State;
use kernel::id::ThingModelId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{bodies::StateRuleBody, twin};
use crate::{
    app::thing_model::unknown,
    domain::model::{DataType, Property},
    registry::ModelVersion,
    thing_model_import_in_tx,
};

pub(super) fn routes() -> Routes {
    Routes::new("twin")
        .add(Policy::view("twin.thing-model.read"), routes!(thing_model_list))
        .add(Policy::operate("twin.thing-model.write"), routes!(thing_model_import))
        .add(Policy::view("twin.thing-model.read"), routes!(thing_model_get))
        .add(Policy::view("twin.thing-model.read"), routes!(thing_model_export))
}

/// A thing model (物模型).
#[derive(Debug, Clone, Serialize, ToSchema)]
struct ThingModelView {
    /// Its id.
    #[schema(value_type = String)]
    id: ThingModelId,
    /// Code, unique in its organisation.
    code: String,
    /// Name in Chinese.
    name_zh: String,
    /// Name in English.
    name_en: String,
    /// Kind of machine.
    kind: String,
    /// This version.
    version: u32,
    /// All versions, oldest first.
    versions: Vec<u32>,
    /// What it measures.
    properties: Vec<PropertyView>,
    /// Ids of events.
    events: Vec<String>,
    /// Ids of functions.
    functions: Vec<String>,
    /// Ids of tags.
    tags: Vec<String>,
    /// When a machine of it is running, idle, down or off.
    state_rule: Option<StateRuleBody>,
    /// Since when this version is on record (RFC 3339).
    created_at: String,
}

/// One property.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct PropertyView {
    /// Its id.
    pub id: String,
    /// Name in Chinese.
    pub name_zh: String,
    /// Name in English.
    pub name_en: String,
    /// `int`, `long`, `float`, `double`, `boolean`, `string`, `enum`, `date`, or a structured type.
    #[serde(rename = "type")]
    pub data_type: String,
    /// UN/ECE Rec 20 code of its unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Symbol of its unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub symbol: Option<String>,
    /// Smallest sensible value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// Largest sensible value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// Whether it can be read.
    pub readable: bool,
    /// Whether it can be set.
    pub writable: bool,
    /// Whether it only counts up.
    pub counter: bool,
    /// Changes smaller than this are noise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadband: Option<f64>,
    /// After this long without a value the newest one is stale.
    pub stale_after_ms: i64,
    /// The values of an enumeration: as sent, and as shown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<ChoiceView>,
}

/// One value of an enumeration.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct ChoiceView {
    /// As sent.
    pub value: String,
    /// As shown.
    pub text: String,
}

impl PropertyView {
    pub fn of(property: &Property) -> Self {
        let data_type = match &property.data_type {
            DataType::Int => "int",
            DataType::Long => "long",
            DataType::Float => "float",
            DataType::Double => "double",
            DataType::Boolean => "boolean",
            DataType::Text => "string",
            DataType::Enum(_) => "enum",
            DataType::Date => "date",
            DataType::Other(name) => name,
        };
        let choices = match &property.data_type {
            DataType::Enum(items) => {
                items.iter().map(|item| ChoiceView { value: item.value.clone(), text: item.text.clone() }).collect()
            }
            _ => Vec::new(),
        };
        Self {
            id: property.id.to_string(),
            name_zh: property.name_zh.clone(),
            name_en: property.name_en.clone(),
            data_type: data_type.to_owned(),
            unit: property.unit.map(|unit| unit.code().to_owned()),
            symbol: property.unit.map(|unit| unit.entry().symbol.to_owned()),
            min: property.min,
            max: property.max,
            readable: property.access.read,
            writable: property.access.write,
            counter: property.counter,
            deadband: property.deadband,
            stale_after_ms: property.stale_after.micros() / 1000,
            choices,
        }
    }
}

impl ThingModelView {
    fn of(version: &ModelVersion, versions: Vec<u32>) -> Self {
        let texts = |ids: &[std::sync::Arc<str>]| ids.iter().map(|id| id.to_string()).collect();
        Self {
            id: version.id,
            code: version.code.clone(),
            name_zh: version.name_zh.clone(),
            name_en: version.name_en.clone(),
            kind: version.kind.clone(),
            version: version.version,
            versions,
            properties: version.model.properties.iter().map(PropertyView::of).collect(),
            events: texts(&version.model.events),
            functions: texts(&version.model.functions),
            tags: texts(&version.model.tags),
            state_rule: version.state_rule.as_ref().map(StateRuleBody::of),
            created_at: version.created_at.to_string(),
        }
    }
}

/// The thing models of your organisation, newest version of each, by code.
#[utoipa::path(get, path = "/api/v1/thing-models", tag = "twin", params(PageQuery), responses((status = 200, body = Page<ThingModelView>)))]
async fn thing_model_list(
    State(host): State<Host>,
    caller: Caller,
    Query(page): Query<PageQuery>,
) -> appkit::Result<Json<Page<ThingModelView>>> {
    let (twin, limit) = (twin(&host)?, page.limit()?);
    let models = twin.registry().models(caller.tenant);
    let view = |model: &std::sync::Arc<ModelVersion>| {
        let versions = twin.registry().model_versions(model.id).iter().map(|version| version.version).collect();
        ThingModelView::of(model, versions)
    };
    let items = models.iter().filter(|model| model.code.as_str() > page.after()).take(limit + 1).map(view).collect();
    Ok(Json(Page::of(items, limit, |model| model.code.clone())))
}

/// A thing model to be imported.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ThingModelImport {
    /// Code, unique in your organisation. The code of an existing model makes a new version of it.
    code: String,
    /// Name in Chinese.
    name_zh: String,
    /// Name in English.
    name_en: String,
    /// Kind of machine: lower-case letters, digits, underscores.
    #[schema(example = "injection_moulding")]
    kind: String,
    /// JetLinks device metadata: `properties`, `functions`, `events`, `tags`. Units from `expands.rec20` (Rec 20 code) or
    /// `valueType.unit`; also read: `expands.nameEn`, `counter`, `deadband`, `min`, `max`, `staleAfterS`.
    #[schema(value_type = Object)]
    document: serde_json::Value,
    /// When a machine of it is running, idle, down or off.
    #[serde(default)]
    state_rule: Option<StateRuleBody>,
}

/// What came of an import.
#[derive(Debug, Serialize, ToSchema)]
struct ThingModelImportedView {
    /// The model.
    #[schema(value_type = String)]
    id: ThingModelId,
    /// The version that holds this content.
    version: u32,
    /// Whether it is new; false when the latest version is the same already.
    created: bool,
    /// What was accepted although it says less than it could.
    warnings: Vec<String>,
}

/// Imports a thing model in JetLinks form. Every change makes a new version; machines stay on theirs until they are upgraded.
#[utoipa::path(post, path = "/api/v1/thing-models", tag = "twin", request_body = ThingModelImport,
    responses((status = 201, body = ThingModelImportedView), (status = 200, body = ThingModelImportedView)))]
async fn thing_model_import(
    State(host): State<Host>,
    caller: Caller,
    idem: IdemKey,
    Json(body): Json<ThingModelImport>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "twin.thing-model.import", &idem, &body).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let new = crate::ThingModelNew {
        code: body.code,
        name_zh: body.name_zh,
        name_en: body.name_en,
        kind: body.kind,
        document: body.document,
        state_rule: body.state_rule.as_ref().map(StateRuleBody::text).transpose()?,
    };
    let imported = thing_model_import_in_tx(command.tx(), caller.tenant, new).await?;
    let view = ThingModelImportedView {
        id: imported.version.id,
        version: imported.version.version,
        created: imported.created,
        warnings: imported.warnings,
    };
    command.reply(if imported.created { 201 } else { 200 }, &view).await
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct VersionQuery {
    /// Which version; the latest when absent.
    version: Option<u32>,
}

/// A thing model.
#[utoipa::path(get, path = "/api/v1/thing-models/{id}", tag = "twin", params(("id" = String, Path), VersionQuery),
    responses((status = 200, body = ThingModelView)))]
async fn thing_model_get(
    State(host): State<Host>,
    caller: Caller,
    Path(id): Path<ThingModelId>,
    Query(query): Query<VersionQuery>,
) -> appkit::Result<Json<ThingModelView>> {
    let twin = twin(&host)?;
    let model = own(&twin, &caller, id, query.version)?;
    let versions = twin.registry().model_versions(id).iter().map(|version| version.version).collect();
    Ok(Json(ThingModelView::of(&model, versions)))
}

/// A thing model as JetLinks device metadata, every field of the imported document included.
#[utoipa::path(get, path = "/api/v1/thing-models/{id}/export", tag = "twin", params(("id" = String, Path), VersionQuery),
    responses((status = 200, body = Object)))]
async fn thing_model_export(
    State(host): State<Host>,
    caller: Caller,
    Path(id): Path<ThingModelId>,
    Query(query): Query<VersionQuery>,
) -> appkit::Result<Json<serde_json::Value>> {
    Ok(Json(own(&*twin(&host)?, &caller, id, query.version)?.model.export().clone()))
}

fn own(
    twin: &crate::Twin,
    caller: &Caller,
    id: ThingModelId,
    version: Option<u32>,
) -> kernel::Result<std::sync::Arc<ModelVersion>> {
    twin.registry().model(id, version).filter(|model| model.tenant == caller.tenant).ok_or_else(unknown)
}
