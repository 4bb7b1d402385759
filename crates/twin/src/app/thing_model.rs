use appkit::Tx;
use kernel::{
    Error, Result,
    id::{PartyId, ThingModel as ThingModelKind, ThingModelId},
    sha256,
};
use models::state::StateRuleText;
use serde_json::Value;

use super::follow;
use crate::{
    domain::{
        model::ThingModel,
        naming::{Problems, is_kind},
    },
    events::{MODEL_VERSIONED, ModelVersioned},
    registry::ModelVersion,
    store,
};

/// A thing model to be imported.
#[derive(Debug, Clone, PartialEq)]
pub struct ThingModelNew {
    /// Code, unique in the organisation. The code of an existing model makes a new version of it.
    pub code: String,
    /// Name in Chinese.
    pub name_zh: String,
    /// Name in English.
    pub name_en: String,
    /// Kind of machine, such as `injection_moulding`.
    pub kind: String,
    /// JetLinks document: `properties`, `functions`, `events`, `tags`.
    pub document: Value,
    /// When a machine of this model is running, idle, down or off.
    pub state_rule: Option<StateRuleText>,
}

/// What came of an import.
#[derive(Debug, Clone)]
pub struct ThingModelImported {
    /// The version: a new one, or the latest when nothing differs from it.
    pub version: ModelVersion,
    /// Whether it is new.
    pub created: bool,
    /// What was accepted although it says less than it could.
    pub warnings: Vec<String>,
}

/// Records a version of a thing model. Importing what is recorded already changes nothing.
///
/// # Errors
/// `twin.thing-model.malformed` naming every wrong field; `twin.thing-model.property-changed`; refusals of the state rule.
pub async fn thing_model_import_in_tx(tx: &mut Tx, tenant: PartyId, new: ThingModelNew) -> Result<ThingModelImported> {
    let mut problems = Problems::new();
    problems.code("/code", &new.code);
    problems.name("/name_zh", &new.name_zh);
    problems.name("/name_en", &new.name_en);
    if !is_kind(&new.kind) {
        problems.add("/kind", "a kind is 1 to 64 lower-case letters, digits and underscores");
    }
    problems.refuse("twin.thing-model.malformed", "the thing model cannot be read", "correct the listed fields")?;
    let imported = ThingModel::import(&new.document).map_err(|error| beneath("/document", error))?;
    if let Some(rule) = &new.state_rule {
        rule.compile(&imported.model.symbols()).map_err(|error| beneath("/state_rule", error))?;
    }
    let digest = digest_of(&new, &imported.model)?;
    let (id, version) = match store::model::latest_by_code(tx, tenant, &new.code).await? {
        Some(latest) if latest.digest == digest => {
            return Ok(ThingModelImported { version: latest, created: false, warnings: imported.warnings });
        }
        Some(latest) => {
            // A property that an earlier version had may come back: every version has a say, not only the latest.
            for earlier in store::model::versions(tx, tenant, latest.id).await? {
                earlier.model.successor_check(&imported.model).map_err(|error| beneath("/document", error))?;
            }
            (latest.id, latest.version + 1)
        }
        None => (tx.new_id::<ThingModelKind>(), 1),
    };
    let version = ModelVersion {
        id,
        tenant,
        code: new.code,
        name_zh: new.name_zh,
        name_en: new.name_en,
        kind: new.kind,
        version,
        model: imported.model,
        state_rule: new.state_rule,
        digest,
        created_at: tx.now(),
    };
    store::model::insert(tx, &version).await?;
    let fact = ModelVersioned { model: id, code: &version.code, version: version.version, digest: &version.digest };
    tx.publish(MODEL_VERSIONED, 1, id.to_string(), tenant, &fact)?;
    let seen = version.clone();
    follow(tx, move |registry| registry.model_put(seen));
    Ok(ThingModelImported { version, created: true, warnings: imported.warnings })
}

fn digest_of(new: &ThingModelNew, model: &ThingModel) -> Result<String> {
    let rule = serde_json::to_string(&new.state_rule)
        .map_err(|error| Error::internal("twin.store.unwritable", "a state rule cannot be written").because(error))?;
    let names = format!("{}\n{}\n{}\n", new.name_zh, new.name_en, new.kind);
    Ok(sha256(&[names.as_bytes(), rule.as_bytes(), b"\n", model.document.to_string().as_bytes()]).hex())
}

/// The same refusal with its field pointers under a field of the request.
pub(crate) fn beneath(field: &str, mut error: Error) -> Error {
    for wrong in &mut error.fields {
        wrong.pointer = format!("{field}{}", wrong.pointer);
    }
    if error.fields.is_empty() {
        let message = error.message.to_string();
        error = error.field(field, message);
    }
    error
}

/// A version of an organisation's model, or the uniform refusal.
pub(crate) async fn model_of(
    tx: &mut Tx,
    tenant: PartyId,
    id: ThingModelId,
    version: Option<u32>,
) -> Result<ModelVersion> {
    store::model::find(tx, tenant, id, version).await?.ok_or_else(unknown)
}

/// The uniform refusal for a model that is not there or not the caller's.
pub fn unknown() -> Error {
    Error::not_found("twin.thing-model.unknown", "there is no such thing model, or no such version of it")
        .hint("list the models with GET /api/v1/thing-models")
}

/// Reads a state rule from one line: `down: fault_code > 0; off: power < 0.05 kW; running: run_state == 2; idle: true`.
///
/// The first condition that is known to hold decides; a last `state: true` says what holds otherwise. After `silence_ms`
/// without a value the state is unknown.
///
/// # Errors
/// `twin.state-rule.malformed`.
pub fn state_rule_from_text(text: &str, silence_ms: i64) -> Result<StateRuleText> {
    let malformed = |part: &str| {
        Error::invalid("twin.state-rule.malformed", format!("{part:?} is not a state and its condition"))
            .hint("write state: condition; … with the states running, idle, down and off")
    };
    let mut rule = StateRuleText::new(models::state::MachineState::Unknown, silence_ms);
    for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
        let (state, condition) = part.split_once(':').ok_or_else(|| malformed(part))?;
        let state = serde_json::from_value(Value::from(state.trim())).map_err(|_| malformed(part))?;
        match condition.trim() {
            "true" => rule.otherwise = state,
            condition => rule = rule.case(state, condition),
        }
    }
    Ok(rule)
}

#[cfg(test)]
mod tests {
    use models::state::MachineState;

    use super::*;

    #[test]
    fn a_rule_in_one_line() {
        let rule = state_rule_from_text("down: fault > 0; off: power < 0.05 kW ;idle: true", 180_000).unwrap();
        assert_eq!(rule.cases.len(), 2);
        assert_eq!((rule.cases[1].state, rule.cases[1].when.as_str()), (MachineState::Off, "power < 0.05 kW"));
        assert_eq!((rule.otherwise, rule.silence_ms), (MachineState::Idle, 180_000));
        assert_eq!(state_rule_from_text("asleep: true", 1).unwrap_err().code, "twin.state-rule.malformed");
        assert!(state_rule_from_text("down", 1).is_err());
    }
}
