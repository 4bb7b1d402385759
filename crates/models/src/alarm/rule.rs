use kernel::{Duration, Error, Result};
use serde::{Deserialize, Serialize};

use crate::{
    expr::{self, Symbols, program::Program},
    frame::Layout,
};

/// How urgently an operator must act.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// 1: at once.
    Urgent,
    /// 2: within minutes.
    High,
    /// 3: within the hour.
    Medium,
    /// 4: within the shift.
    Low,
}

impl Priority {
    /// The number on displays, 1 is the most urgent.
    pub const fn number(self) -> u8 {
        self as u8 + 1
    }

    /// From the number on displays.
    pub fn from_number(number: u8) -> Result<Self> {
        match number {
            1 => Ok(Priority::Urgent),
            2 => Ok(Priority::High),
            3 => Ok(Priority::Medium),
            4 => Ok(Priority::Low),
            _ => Err(Error::invalid("models.rule.priority", format!("{number} is not a priority"))
                .hint("1 urgent, 2 high, 3 medium, 4 low")),
        }
    }
}

/// When an active alarm returns to normal.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Clear {
    /// As soon as the condition is known not to hold.
    #[default]
    WhenOver,
    /// When the condition, one comparison, is over by this margin, such as `2 K`.
    Deadband(String),
    /// When this condition holds and the raising one does not.
    When(String),
}

/// The text of an alarm.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Message {
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

impl Message {
    /// A message in both languages.
    pub fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { zh: zh.into(), en: en.into() }
    }
}

/// An alarm rule as written and stored.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleText {
    /// The condition that raises the alarm.
    pub raise: String,
    /// When it returns to normal.
    #[serde(default)]
    pub clear: Clear,
    /// How long the condition must hold without interruption before the alarm is raised.
    #[serde(default)]
    pub on_delay_ms: i64,
    /// How long the return must hold without interruption before the alarm returns.
    #[serde(default)]
    pub off_delay_ms: i64,
    /// How urgent.
    pub priority: Priority,
    /// What to tell the operator.
    pub message: Message,
    /// Whether the alarm stays after the return until somebody resets it.
    #[serde(default)]
    pub latching: bool,
}

/// The longest on or off delay.
pub const DELAY_MAX: Duration = Duration::from_days(1);
const MESSAGE_MAX: usize = 500;

impl RuleText {
    /// A rule with a condition and otherwise the mildest settings.
    pub fn new(raise: impl Into<String>, priority: Priority, message: Message) -> Self {
        Self {
            raise: raise.into(),
            clear: Clear::WhenOver,
            on_delay_ms: 0,
            off_delay_ms: 0,
            priority,
            message,
            latching: false,
        }
    }

    /// Above a limit, such as `80 °C`; returns below it by the deadband, such as `2 K`.
    pub fn high(property: &str, limit: &str, deadband: &str, message: Message) -> Self {
        Self::new(format!("`{property}` > {limit}"), Priority::Medium, message).deadband(deadband)
    }

    /// Far above: like [`RuleText::high`], but urgent.
    pub fn high_high(property: &str, limit: &str, deadband: &str, message: Message) -> Self {
        Self { priority: Priority::Urgent, ..Self::high(property, limit, deadband, message) }
    }

    /// Below a limit; returns above it by the deadband.
    pub fn low(property: &str, limit: &str, deadband: &str, message: Message) -> Self {
        Self::new(format!("`{property}` < {limit}"), Priority::Medium, message).deadband(deadband)
    }

    /// Far below: like [`RuleText::low`], but urgent.
    pub fn low_low(property: &str, limit: &str, deadband: &str, message: Message) -> Self {
        Self { priority: Priority::Urgent, ..Self::low(property, limit, deadband, message) }
    }

    /// Faster than a limit, such as `2 K/min`, in either direction, over a window, such as `1 min`.
    pub fn rate_of_change(property: &str, limit: &str, window: &str, message: Message) -> Self {
        Self::new(format!("abs(rate(`{property}`, {window})) > {limit}"), Priority::High, message)
    }

    /// Silent for a time, such as `5 min`.
    pub fn absence(property: &str, silence: &str, message: Message) -> Self {
        Self::new(format!("absent(`{property}`, {silence})"), Priority::Medium, message)
    }

    /// Returns only when the comparison is over by a margin.
    pub fn deadband(self, margin: impl Into<String>) -> Self {
        Self { clear: Clear::Deadband(margin.into()), ..self }
    }

    /// Sets the delays.
    pub fn delays(self, on: Duration, off: Duration) -> Self {
        Self { on_delay_ms: on.micros() / 1000, off_delay_ms: off.micros() / 1000, ..self }
    }

    /// Sets the priority.
    pub fn priority(self, priority: Priority) -> Self {
        Self { priority, ..self }
    }

    /// Checks and compiles it for the properties of a thing model.
    pub fn compile(&self, symbols: &Symbols) -> Result<Rule> {
        let mut layout = Layout::default();
        let raise =
            expr::condition(&self.raise, symbols, &mut layout).map_err(|problem| problem.into_error("/raise"))?;
        let clear = match &self.clear {
            Clear::WhenOver => None,
            Clear::Deadband(margin) => Some(
                expr::past_deadband(&self.raise, margin, symbols, &mut layout)
                    .map_err(|problem| problem.into_error("/clear/deadband"))?,
            ),
            Clear::When(source) => Some(
                expr::condition(source, symbols, &mut layout).map_err(|problem| problem.into_error("/clear/when"))?,
            ),
        };
        if layout.inputs.is_empty() {
            return Err(Error::invalid("models.rule.no-property", "the rule names no property")
                .field("/raise", "must name a property")
                .hint("compare a property with something"));
        }
        if self.message.zh.len().max(self.message.en.len()) > MESSAGE_MAX {
            return Err(Error::invalid(
                "models.rule.message",
                format!("the message is longer than {MESSAGE_MAX} bytes"),
            )
            .field("/message", "too long"));
        }
        Ok(Rule {
            raise,
            clear,
            layout,
            on_delay: delay(self.on_delay_ms, "/on_delay_ms")?,
            off_delay: delay(self.off_delay_ms, "/off_delay_ms")?,
            priority: self.priority,
            message: self.message.clone(),
            latching: self.latching,
        })
    }
}

fn delay(ms: i64, pointer: &str) -> Result<i64> {
    match ms.checked_mul(1000).filter(|micros| (0..=DELAY_MAX.micros()).contains(micros)) {
        Some(micros) => Ok(micros),
        None => Err(Error::invalid("models.rule.delay", format!("a delay of {ms} ms is out of range"))
            .field(pointer, "must be 0 to 86 400 000")
            .hint("use 0 to 86 400 000 ms")),
    }
}

/// A compiled rule, shared by all the machines it watches.
#[derive(Clone, Debug)]
pub struct Rule {
    pub(crate) raise: Program,
    pub(crate) clear: Option<Program>,
    pub(crate) layout: Layout,
    pub(crate) on_delay: i64,
    pub(crate) off_delay: i64,
    /// How urgent.
    pub priority: Priority,
    /// What to tell the operator.
    pub message: Message,
    /// Whether the alarm stays until it is reset.
    pub latching: bool,
}

impl Rule {
    /// The properties it needs.
    pub fn properties(&self) -> impl Iterator<Item = &str> {
        self.layout.inputs.iter().map(|(id, _)| &**id)
    }
}
