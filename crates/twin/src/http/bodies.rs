//! Forms of rules on the wire: the same fields as in the rules themselves, with their documentation.

use kernel::{Error, Result};
use models::{
    alarm::{Clear, Message, Priority, RuleText},
    state::{MachineState, StateRuleText},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// When a machine is running, idle, down or off: the first condition that is known to hold decides.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StateRuleBody {
    /// The lines, in order.
    pub cases: Vec<StateCaseBody>,
    /// The state when every condition is known not to hold: `running`, `idle`, `down`, `off` or `unknown`.
    #[serde(default = "unknown")]
    pub otherwise: String,
    /// After this long without a value the state is unknown.
    pub silence_ms: i64,
}

/// One line of a state rule.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StateCaseBody {
    /// `running`, `idle`, `down`, `off` or `unknown`.
    #[schema(example = "running")]
    pub state: String,
    /// Condition on properties, with units.
    #[schema(example = "power > 2 kW")]
    pub when: String,
}

fn unknown() -> String {
    "unknown".into()
}

impl StateRuleBody {
    pub fn text(&self) -> Result<StateRuleText> {
        let state = |name: &str, pointer: String| {
            serde_json::from_value::<MachineState>(name.into()).map_err(|_| {
                Error::invalid("twin.state-rule.malformed", format!("{name:?} is not a machine state"))
                    .field(pointer, "running, idle, down, off or unknown")
                    .hint("use running, idle, down, off or unknown")
            })
        };
        let mut rule = StateRuleText::new(state(&self.otherwise, "/state_rule/otherwise".into())?, self.silence_ms);
        for (index, case) in self.cases.iter().enumerate() {
            rule = rule.case(state(&case.state, format!("/state_rule/cases/{index}/state"))?, &case.when);
        }
        Ok(rule)
    }

    pub fn of(rule: &StateRuleText) -> Self {
        let name = |state: MachineState| {
            crate::domain::timeline::state_name(crate::domain::timeline::state_of(state)).to_owned()
        };
        let cases = rule.cases.iter().map(|case| StateCaseBody { state: name(case.state), when: case.when.clone() });
        Self { cases: cases.collect(), otherwise: name(rule.otherwise), silence_ms: rule.silence_ms }
    }
}

/// An alarm rule: what raises it, what ends it, what to tell the operator.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleBody {
    /// Condition on properties, with units.
    #[schema(example = "spindle_temp > 80 °C")]
    pub raise: String,
    /// When it returns to normal; as soon as the condition is over when absent.
    #[serde(default)]
    pub clear: ClearBody,
    /// How long the condition must hold before the alarm is raised.
    #[serde(default)]
    pub on_delay_ms: i64,
    /// How long the return must hold before the alarm returns.
    #[serde(default)]
    pub off_delay_ms: i64,
    /// 1 urgent, 2 high, 3 medium, 4 low.
    #[schema(minimum = 1, maximum = 4)]
    pub priority: u8,
    /// What to tell the operator.
    pub message: MessageBody,
    /// Whether it stays after the return until somebody resets it.
    #[serde(default)]
    pub latching: bool,
}

/// When an alarm returns to normal.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClearBody {
    /// As soon as the condition is known not to hold.
    #[default]
    WhenOver,
    /// When the condition, one comparison, is over by this margin, such as `2 K`.
    Deadband(String),
    /// When this condition holds.
    When(String),
}

/// A text in both languages.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MessageBody {
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

impl RuleBody {
    pub fn text(&self) -> Result<RuleText> {
        let priority = Priority::from_number(self.priority).map_err(|error| error.field("/rule/priority", "1 to 4"))?;
        Ok(RuleText {
            raise: self.raise.clone(),
            clear: match &self.clear {
                ClearBody::WhenOver => Clear::WhenOver,
                ClearBody::Deadband(margin) => Clear::Deadband(margin.clone()),
                ClearBody::When(condition) => Clear::When(condition.clone()),
            },
            on_delay_ms: self.on_delay_ms,
            off_delay_ms: self.off_delay_ms,
            priority,
            message: Message::new(&self.message.zh, &self.message.en),
            latching: self.latching,
        })
    }

    pub fn of(rule: &RuleText) -> Self {
        Self {
            raise: rule.raise.clone(),
            clear: match &rule.clear {
                Clear::WhenOver => ClearBody::WhenOver,
                Clear::Deadband(margin) => ClearBody::Deadband(margin.clone()),
                Clear::When(condition) => ClearBody::When(condition.clone()),
            },
            on_delay_ms: rule.on_delay_ms,
            off_delay_ms: rule.off_delay_ms,
            priority: rule.priority.number(),
            message: MessageBody { zh: rule.message.zh.clone(), en: rule.message.en.clone() },
            latching: rule.latching,
        }
    }
}
