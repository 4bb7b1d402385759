//! Cases: somebody has to look at something and decide, until a deadline with a default outcome.

use kernel::{Error, Result, Timestamp};

use crate::machine::{machine, words};

words! {
    /// What a case is about.
    pub enum CaseKind {
        /// An alarm.
        Alarm "alarm";
        /// Maintenance.
        Maintenance "maintenance";
        /// Something does not conform.
        NonConformance "non_conformance";
        /// The parties disagree: funds and readings it is about are frozen.
        Dispute "dispute";
        /// A claim under an agreement.
        Claim "claim";
        /// Things are called back.
        Recall "recall";
        /// An incident.
        Incident "incident";
    }
}

machine! {
    /// Where a case stands.
    pub enum CaseState refuses "record.case.step" {
        /// Opened.
        Open "open" => [Evidence, Decided];
        /// Evidence is being heard.
        Evidence "evidence" => [Decided];
        /// Decided; may be appealed.
        Decided "decided" => [Appeal, Closed];
        /// Heard again.
        Appeal "appeal" => [Decided];
        /// Over: what it froze is free.
        Closed "closed" => [];
    }
}

words! {
    /// How a case ends.
    pub enum Outcome {
        /// What was recorded stands.
        Upheld "upheld";
        /// A correction is due.
        Corrected "corrected";
        /// What was recorded does not count.
        Rejected "rejected";
        /// The parties agreed.
        Settled "settled";
    }
}

/// The decision that a case has at a moment: the default outcome once its deadline has passed.
pub fn default_due(state: CaseState, deadline: Option<Timestamp>, now: Timestamp) -> bool {
    matches!(state, CaseState::Open | CaseState::Evidence | CaseState::Appeal) && deadline.is_some_and(|at| at <= now)
}

/// Nobody judges in its own cause: who opened the case may withdraw, the other side may concede.
///
/// # Errors
/// `record.case.own-judge`.
pub fn may_decide(opened_it: bool, outcome: Outcome) -> Result<()> {
    let against_itself = match outcome {
        Outcome::Upheld => opened_it,
        Outcome::Corrected | Outcome::Rejected => !opened_it,
        Outcome::Settled => false,
    };
    if against_itself {
        return Ok(());
    }
    Err(Error::denied("record.case.own-judge", format!("a party cannot decide {outcome} in its own cause"))
        .hint("withdraw or concede; anything else is decided by the installation's administrator or by the deadline"))
}

/// A deadline must leave time to answer.
pub fn deadline_check(deadline: Option<Timestamp>, now: Timestamp) -> Result<()> {
    match deadline {
        Some(at) if at <= now => Err(Error::unprocessable("record.case.deadline", "the deadline has passed already")
            .hint("choose a deadline in the future")
            .field("/deadline_at", "must be later than now")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parties_may_only_give_in() {
        let allowed =
            |opened_it| Outcome::ALL.iter().copied().filter(|o| may_decide(opened_it, *o).is_ok()).collect::<Vec<_>>();
        assert_eq!(allowed(true), [Outcome::Upheld]);
        assert_eq!(allowed(false), [Outcome::Corrected, Outcome::Rejected]);
    }

    #[test]
    fn deadlines_come_due_once_they_have_passed() {
        let t = Timestamp::from_micros;
        assert!(default_due(CaseState::Open, Some(t(5)), t(5)) && !default_due(CaseState::Open, Some(t(5)), t(4)));
        assert!(!default_due(CaseState::Decided, Some(t(5)), t(9)) && !default_due(CaseState::Open, None, t(9)));
        assert_eq!(deadline_check(Some(t(4)), t(4)).unwrap_err().code, "record.case.deadline");
    }
}
