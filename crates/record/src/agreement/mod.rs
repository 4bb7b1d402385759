//! Agreements: what two parties promised each other, in typed clauses that rules can apply.

mod app;
mod clauses;
mod domain;
pub(crate) mod http;
pub(crate) mod store;
#[cfg(test)]
mod tests;

pub use app::{
    NewAgreement, agreement_close, agreement_conclude, agreement_digest, agreement_draft, agreement_sign,
    agreement_step,
};
pub use clauses::{
    Acceptance, Basis, Charge, Clause, Coverage, DataUse, Dispute, Escrow, Price, Tolerance, clauses_check,
};
pub use domain::{Agreement, AgreementState, Signature};
pub use store::{agreement_get, agreement_list};
