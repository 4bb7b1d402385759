//! The life of an alarm: states of ISA-18.2 / IEC 62682 under the names of OPC 10000-9.
//!
//! Guarantees: every transition consumes the alarm and gives the next one or a refusal; the three ways of hiding an alarm
//! (shelved, suppressed by design, out of service) are separate marks beside the state, each with who, why and when; a shelf
//! always has an end.

use kernel::{Duration, Error, Result, Timestamp};
use serde::{Deserialize, Serialize};

/// Where an alarm is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmState {
    /// No condition, nothing to acknowledge.
    #[default]
    Normal,
    /// The condition holds and nobody has acknowledged it.
    UnacknowledgedActive,
    /// The condition holds and somebody has acknowledged it.
    AcknowledgedActive,
    /// The condition is over and nobody has acknowledged it.
    ReturnedUnacknowledged,
    /// Latching: the condition is over, nobody has acknowledged it, and it stays until reset.
    LatchedUnacknowledged,
    /// Latching: the condition is over and acknowledged, and it stays until reset.
    LatchedAcknowledged,
}

/// Who did something, why, and when.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Mark {
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// Why and for how long an alarm is on the shelf.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Shelf {
    /// Who put it there.
    pub mark: Mark,
    /// When it comes off by itself.
    pub until: Timestamp,
    /// Whether it comes off already when the condition ends.
    pub one_shot: bool,
}

/// One alarm: the rule's condition on one machine.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Alarm {
    state: AlarmState,
    latching: bool,
    max_time_shelved: Duration,
    raised_at: Option<Timestamp>,
    returned_at: Option<Timestamp>,
    acknowledged: Option<Mark>,
    shelf: Option<Shelf>,
    suppressed_by_design: Option<Mark>,
    out_of_service: Option<Mark>,
    occurrences: u64,
}

impl Alarm {
    /// A normal alarm. `max_time_shelved` bounds every shelving and must be positive.
    pub fn new(latching: bool, max_time_shelved: Duration) -> Result<Self> {
        if max_time_shelved.micros() <= 0 {
            return Err(Error::invalid(
                "models.alarm.max-time-shelved",
                "the longest shelving must be more than nothing",
            ));
        }
        Ok(Self {
            state: AlarmState::Normal,
            latching,
            max_time_shelved,
            raised_at: None,
            returned_at: None,
            acknowledged: None,
            shelf: None,
            suppressed_by_design: None,
            out_of_service: None,
            occurrences: 0,
        })
    }

    /// The condition begins to hold.
    pub fn raise(self, at: Timestamp) -> Result<Self> {
        use AlarmState::*;
        match self.state {
            Normal | ReturnedUnacknowledged | LatchedUnacknowledged | LatchedAcknowledged => {}
            UnacknowledgedActive | AcknowledgedActive => {
                return Err(refused(
                    "models.alarm.already-active",
                    "the alarm is active already",
                    "nothing needs to be done",
                ));
            }
        }
        let occurrences = self.occurrences + 1;
        let alarm = self.off_the_shelf(at);
        Ok(Self {
            state: UnacknowledgedActive,
            raised_at: Some(at),
            returned_at: None,
            acknowledged: None,
            occurrences,
            ..alarm
        })
    }

    /// The condition ends. A one-shot shelf ends with it.
    pub fn return_to_normal(self, at: Timestamp) -> Result<Self> {
        use AlarmState::*;
        let state = match (self.state, self.latching) {
            (UnacknowledgedActive, false) => ReturnedUnacknowledged,
            (AcknowledgedActive, false) => Normal,
            (UnacknowledgedActive, true) => LatchedUnacknowledged,
            (AcknowledgedActive, true) => LatchedAcknowledged,
            _ => return Err(refused("models.alarm.not-active", "the alarm is not active", "nothing needs to be done")),
        };
        let mut alarm = self.off_the_shelf(at);
        if alarm.shelf.as_ref().is_some_and(|shelf| shelf.one_shot) {
            alarm.shelf = None;
        }
        Ok(Self { state, returned_at: Some(at), ..alarm })
    }

    /// Somebody has seen it.
    pub fn acknowledge(self, mark: Mark) -> Result<Self> {
        use AlarmState::*;
        let state = match self.state {
            UnacknowledgedActive => AcknowledgedActive,
            ReturnedUnacknowledged => Normal,
            LatchedUnacknowledged => LatchedAcknowledged,
            Normal | AcknowledgedActive | LatchedAcknowledged => {
                let message = "there is nothing to acknowledge";
                return Err(refused(
                    "models.alarm.nothing-to-acknowledge",
                    message,
                    "somebody else may have been faster; reload",
                ));
            }
        };
        Ok(Self { state, acknowledged: Some(mark), ..self })
    }

    /// Releases the latch, once the condition is over and acknowledged.
    pub fn reset(self) -> Result<Self> {
        use AlarmState::*;
        match self.state {
            LatchedAcknowledged => Ok(Self { state: Normal, ..self }),
            LatchedUnacknowledged => Err(refused(
                "models.alarm.not-acknowledged",
                "the alarm has not been acknowledged",
                "acknowledge it first",
            )),
            UnacknowledgedActive | AcknowledgedActive => {
                Err(refused("models.alarm.still-active", "the condition still holds", "remove the cause first"))
            }
            Normal | ReturnedUnacknowledged => {
                Err(refused("models.alarm.not-latched", "the alarm is not latched", "nothing needs to be done"))
            }
        }
    }

    /// Hides it from the operator until a moment, at most `max_time_shelved` away.
    pub fn shelve(self, until: Timestamp, one_shot: bool, mark: Mark) -> Result<Self> {
        let alarm = self.off_the_shelf(mark.at);
        if alarm.shelf.is_some() {
            return Err(refused("models.alarm.already-shelved", "the alarm is shelved already", "unshelve it first"));
        }
        let length = until - mark.at;
        if length.micros() <= 0 || length > alarm.max_time_shelved {
            let hours = alarm.max_time_shelved.as_secs_f64() / 3600.0;
            return Err(Error::invalid(
                "models.alarm.shelving-time",
                format!("an alarm can be shelved for at most {hours} h"),
            )
            .hint("choose an earlier end, after now"));
        }
        require_reason(&mark)?;
        Ok(Self { shelf: Some(Shelf { mark, until, one_shot }), ..alarm })
    }

    /// Takes it off the shelf.
    pub fn unshelve(self, at: Timestamp) -> Result<Self> {
        let alarm = self.off_the_shelf(at);
        match alarm.shelf {
            Some(_) => Ok(Self { shelf: None, ..alarm }),
            None => Err(refused(
                "models.alarm.not-shelved",
                "the alarm is not shelved",
                "its time on the shelf may be over",
            )),
        }
    }

    /// Lets a shelf whose time is over end. Harmless at any time.
    pub fn off_the_shelf(mut self, now: Timestamp) -> Self {
        if self.shelf.as_ref().is_some_and(|shelf| shelf.until <= now) {
            self.shelf = None;
        }
        self
    }

    /// The plant's logic says it means nothing now (a pump that is meant to stand still has no low flow).
    pub fn suppress(self, mark: Mark) -> Result<Self> {
        require_reason(&mark)?;
        match self.suppressed_by_design {
            None => Ok(Self { suppressed_by_design: Some(mark), ..self }),
            Some(_) => Err(refused(
                "models.alarm.already-suppressed",
                "the alarm is suppressed already",
                "nothing needs to be done",
            )),
        }
    }

    /// The plant's logic no longer suppresses it.
    pub fn unsuppress(self) -> Result<Self> {
        match self.suppressed_by_design {
            Some(_) => Ok(Self { suppressed_by_design: None, ..self }),
            None => {
                Err(refused("models.alarm.not-suppressed", "the alarm is not suppressed", "nothing needs to be done"))
            }
        }
    }

    /// Maintenance takes it out of service.
    pub fn take_out_of_service(self, mark: Mark) -> Result<Self> {
        require_reason(&mark)?;
        match self.out_of_service {
            None => Ok(Self { out_of_service: Some(mark), ..self }),
            Some(_) => Err(refused(
                "models.alarm.already-out-of-service",
                "the alarm is out of service already",
                "nothing needs to be done",
            )),
        }
    }

    /// Maintenance puts it back.
    pub fn return_to_service(self) -> Result<Self> {
        match self.out_of_service {
            Some(_) => Ok(Self { out_of_service: None, ..self }),
            None => Err(refused("models.alarm.in-service", "the alarm is in service", "nothing needs to be done")),
        }
    }

    /// Where it is in its life.
    pub fn state(&self) -> AlarmState {
        self.state
    }

    /// Whether its condition holds.
    pub fn is_active(&self) -> bool {
        matches!(self.state, AlarmState::UnacknowledgedActive | AlarmState::AcknowledgedActive)
    }

    /// Whether somebody should still acknowledge it.
    pub fn wants_acknowledgement(&self) -> bool {
        use AlarmState::*;
        matches!(self.state, UnacknowledgedActive | ReturnedUnacknowledged | LatchedUnacknowledged)
    }

    /// Whether an operator should be told now: something to act on, and not hidden.
    pub fn is_annunciated(&self, now: Timestamp) -> bool {
        self.state != AlarmState::Normal && !self.opc(now).suppressed_or_shelved
    }

    /// When the present or last occurrence began, ended, and was acknowledged, and how many there were.
    pub fn history(&self) -> (Option<Timestamp>, Option<Timestamp>, Option<&Mark>, u64) {
        (self.raised_at, self.returned_at, self.acknowledged.as_ref(), self.occurrences)
    }

    /// Its place on the shelf, if its time is not over.
    pub fn shelf(&self, now: Timestamp) -> Option<&Shelf> {
        self.shelf.as_ref().filter(|shelf| now < shelf.until)
    }

    /// The mark of suppression by design.
    pub fn suppressed(&self) -> Option<&Mark> {
        self.suppressed_by_design.as_ref()
    }

    /// The mark of being out of service.
    pub fn out_of_service(&self) -> Option<&Mark> {
        self.out_of_service.as_ref()
    }

    /// The same in the variables of OPC 10000-9.
    pub fn opc(&self, now: Timestamp) -> OpcStates {
        use AlarmState::*;
        let shelf = self.shelf(now);
        let shelving_state = match shelf {
            None => ShelvingState::Unshelved,
            Some(shelf) if shelf.one_shot => ShelvingState::OneShotShelved,
            Some(_) => ShelvingState::TimedShelved,
        };
        let (suppressed_state, out_of_service_state) =
            (self.suppressed_by_design.is_some(), self.out_of_service.is_some());
        OpcStates {
            active_state: self.is_active(),
            acked_state: !self.wants_acknowledgement(),
            latched_state: self.latching && self.state != Normal,
            shelving_state,
            unshelve_time_ms: shelf.map(|shelf| (shelf.until - now).micros() / 1000),
            max_time_shelved_ms: self.max_time_shelved.micros() / 1000,
            suppressed_state,
            out_of_service_state,
            suppressed_or_shelved: shelf.is_some() || suppressed_state || out_of_service_state,
            retain: self.state != Normal,
        }
    }
}

/// How an alarm is shelved, in the words of OPC 10000-9.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are the standard's")]
pub enum ShelvingState {
    Unshelved,
    TimedShelved,
    OneShotShelved,
}

/// An alarm in the variables of OPC 10000-9 AlarmConditionType.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the names are the standard's")]
pub struct OpcStates {
    pub active_state: bool,
    pub acked_state: bool,
    pub latched_state: bool,
    pub shelving_state: ShelvingState,
    #[serde(rename = "UnshelveTime")]
    pub unshelve_time_ms: Option<i64>,
    #[serde(rename = "MaxTimeShelved")]
    pub max_time_shelved_ms: i64,
    pub suppressed_state: bool,
    pub out_of_service_state: bool,
    pub suppressed_or_shelved: bool,
    pub retain: bool,
}

fn refused(code: &'static str, message: &'static str, hint: &'static str) -> Error {
    Error::conflict(code, message).hint(hint)
}

fn require_reason(mark: &Mark) -> Result<()> {
    if mark.by.trim().is_empty() || mark.reason.trim().is_empty() {
        return Err(Error::invalid("models.alarm.reason-missing", "hiding an alarm needs a name and a reason")
            .field("/reason", "must not be empty")
            .hint("say who hides it and why"));
    }
    Ok(())
}
