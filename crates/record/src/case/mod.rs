//! Cases: disputes, non-conformances, recalls and the like, with deadlines and default outcomes.

mod app;
mod domain;
pub(crate) mod http;

pub use app::{
    Case, NewCase, Note, case_appeal, case_close, case_decide, case_get, case_list, case_note_add, case_open,
    cases_expire_in_tx,
};
pub use domain::{CaseKind, CaseState, Outcome, deadline_check, default_due, may_decide};
