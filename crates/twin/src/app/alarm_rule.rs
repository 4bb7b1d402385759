use appkit::Tx;
use kernel::{
    Error, Result,
    id::{AlarmRule, AlarmRuleId, PartyId},
};
use models::{
    Expression, Symbols,
    alarm::{Clear, RuleText},
};

use super::{
    equipment::{node_of, not_a_machine},
    follow,
    thing_model::model_of,
};
use crate::{
    domain::naming::Problems,
    events::{RULE_CHANGED, RuleFact},
    registry::{ModelVersion, Rule, Target},
    store,
};

/// Most alarm rules of one organisation.
pub const RULES_MAX: i64 = 10_000;

/// An alarm rule to be recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct AlarmRuleNew {
    /// Name, unique in the organisation.
    pub name: String,
    /// What it watches.
    pub target: Target,
    /// The rule.
    pub text: RuleText,
    /// Whether it is evaluated.
    pub enabled: bool,
}

/// Records an alarm rule after checking it, units included, against the thing model of its target.
///
/// # Errors
/// `models.expression.*`, `models.rule.*` with the place; `twin.alarm-rule.name-taken`; `twin.equipment.unknown`,
/// `twin.thing-model.unknown`.
pub async fn alarm_rule_create_in_tx(tx: &mut Tx, tenant: PartyId, new: AlarmRuleNew) -> Result<Rule> {
    if store::alarm_rule::count(tx, tenant).await? >= RULES_MAX {
        return Err(Error::unprocessable(
            "twin.alarm-rule.too-many",
            format!("an organisation has at most {RULES_MAX} alarm rules"),
        )
        .hint("a rule can watch all machines of a thing model"));
    }
    let now = tx.now();
    let rule = Rule {
        id: tx.new_id::<AlarmRule>(),
        tenant,
        name: new.name,
        target: new.target,
        text: new.text,
        enabled: new.enabled,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    save(tx, rule, "created").await
}

/// Replaces name, rule and whether it is evaluated; the target stays.
///
/// # Errors
/// As [`alarm_rule_create_in_tx`]; `twin.alarm-rule.unknown`.
pub async fn alarm_rule_change_in_tx(
    tx: &mut Tx,
    tenant: PartyId,
    id: AlarmRuleId,
    name: String,
    text: RuleText,
    enabled: bool,
) -> Result<Rule> {
    let old = store::alarm_rule::find(tx, tenant, id).await?.ok_or_else(unknown)?;
    let rule = Rule { name, text, enabled, version: old.version + 1, updated_at: tx.now(), ..old };
    save(tx, rule, "changed").await
}

/// Removes a rule. Its open alarms return to normal; what it said stays in the journal.
///
/// # Errors
/// `twin.alarm-rule.unknown`.
pub async fn alarm_rule_remove_in_tx(tx: &mut Tx, tenant: PartyId, id: AlarmRuleId) -> Result<()> {
    let rule = store::alarm_rule::find(tx, tenant, id).await?.ok_or_else(unknown)?;
    tx.exec("DELETE FROM twin_alarm_rule WHERE id = $1", appkit::params![id]).await?;
    let fact = RuleFact { rule: id, name: &rule.name, version: rule.version, what: "removed" };
    tx.publish(RULE_CHANGED, 1, id.to_string(), tenant, &fact)?;
    follow(tx, move |registry| registry.rule_drop(id));
    Ok(())
}

async fn save(tx: &mut Tx, rule: Rule, what: &str) -> Result<Rule> {
    let mut problems = Problems::new();
    problems.name("/name", &rule.name);
    problems.refuse("twin.alarm-rule.malformed", "the alarm rule cannot be recorded", "correct the listed fields")?;
    if store::alarm_rule::name_taken(tx, rule.tenant, &rule.name, rule.id).await? {
        return Err(Error::conflict(
            "twin.alarm-rule.name-taken",
            format!("another alarm rule is named {}", rule.name),
        )
        .field("/name", "taken")
        .hint("choose another name"));
    }
    let version = target_model(tx, rule.tenant, rule.target).await?;
    rule.text.compile(&version.model.symbols()).map_err(|error| super::thing_model::beneath("/rule", error))?;
    store::alarm_rule::save(tx, &rule).await?;
    let fact = RuleFact { rule: rule.id, name: &rule.name, version: rule.version, what };
    tx.publish(RULE_CHANGED, 1, rule.id.to_string(), rule.tenant, &fact)?;
    let seen = rule.clone();
    follow(tx, move |registry| registry.rule_put(seen));
    Ok(rule)
}

/// The model version a rule is checked against: the asset's, or the latest of the model.
async fn target_model(tx: &mut Tx, tenant: PartyId, target: Target) -> Result<ModelVersion> {
    match target {
        Target::Model(model) => model_of(tx, tenant, model, None).await,
        Target::Asset(asset) => {
            let node = node_of(tx, tenant, asset).await?;
            let (model, version) = node.model.ok_or_else(not_a_machine)?;
            model_of(tx, tenant, model, Some(version)).await
        }
    }
}

/// One thing that is wrong with a rule, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleProblem {
    /// JSON pointer to the field of the rule.
    pub pointer: String,
    /// Stable code.
    pub code: &'static str,
    /// Where in the field's text, in bytes; none when it is about the whole field.
    pub span: Option<(usize, usize)>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// Everything wrong with a rule, each with its place: what an editor underlines.
pub fn rule_problems(text: &RuleText, symbols: &Symbols) -> Vec<RuleProblem> {
    let mut problems = Vec::new();
    let mut condition = |pointer: &str, source: &str| {
        if let Err(problem) = Expression::compile(source, symbols) {
            problems.push(RuleProblem {
                pointer: pointer.to_owned(),
                code: problem.code,
                span: Some((problem.span.from, problem.span.to)),
                message: problem.message,
                hint: problem.hint,
            });
        }
    };
    condition("/raise", &text.raise);
    if let Clear::When(source) = &text.clear {
        condition("/clear/when", source);
    }
    // What concerns the rule as a whole shows only when it is compiled as one.
    if problems.is_empty()
        && let Err(error) = text.compile(symbols)
    {
        let pointer = error.fields.first().map_or("/raise", |field| field.pointer.as_str()).to_owned();
        let (message, hint) = (error.message.to_string(), error.hint.map(|hint| hint.to_string()));
        problems.push(RuleProblem { pointer, code: error.code, span: None, message, hint });
    }
    problems
}

/// The uniform refusal for a rule that is not there or not the caller's.
pub fn unknown() -> Error {
    Error::not_found("twin.alarm-rule.unknown", "there is no such alarm rule in your organisation")
        .hint("list the rules with GET /api/v1/alarm-rules")
}
