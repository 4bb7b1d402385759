//! Claims and the papers over them: invoices and credit notes.

mod app;
mod domain;
pub(crate) mod http;
pub(crate) mod invoice_http;
pub(crate) mod store;

pub use app::{claim_adjust, claims_accrue, claims_accrue_event, invoice_issue, invoice_settle};
pub use domain::{CauseKind, Claim, ClaimState, Invoice, InvoiceKind, InvoiceState, Line, TaxPart, Totals};
pub use store::{
    Earned, claim_get, claim_list, claim_list_by_agreement, claim_list_by_cause, claim_list_by_invoice,
    earned_by_asset, invoice_get, invoice_list, invoice_list_by_agreement,
};
