//! Cases: disputes, non-conformances, recalls and the like, with deadlines and default outcomes.

mod app;
mod dispute;
mod domain;
pub(crate) mod http;
mod store;

pub use app::{NewCase, case_appeal, case_close, case_decide, case_note_add, case_open, cases_expire_in_tx};
pub use domain::{CaseKind, CaseState, Outcome, deadline_check, default_due, may_decide};
pub use store::{Case, Note, case_get, case_list};
