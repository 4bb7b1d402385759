//! Claims and the papers over them: invoices and credit notes.

mod accrual;
mod domain;
pub(crate) mod http;
mod invoice;
pub(crate) mod invoice_http;
mod invoicing;
pub(crate) mod store;

pub use accrual::{claim_adjust, claims_accrue, claims_accrue_event};
pub use domain::{CauseKind, Claim, ClaimState};
pub use invoice::{Invoice, InvoiceKind, InvoiceState, Line, TaxPart, Totals};
pub use invoicing::{invoice_issue, invoice_settle};
pub use store::{
    Earned, claim_get, claim_list, claim_list_by_agreement, claim_list_by_cause, claim_list_by_invoice,
    earned_by_asset, invoice_get, invoice_list, invoice_list_by_agreement,
};
