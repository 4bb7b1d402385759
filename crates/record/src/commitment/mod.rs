//! Commitments: promises, what was fulfilled of them, and the capacity they take.

mod app;
mod domain;
pub(crate) mod http;
pub(crate) mod store;

pub(crate) use app::changed;
pub use app::{NewCommitment, commitment_create, commitment_step, commitments_reserve};
pub use domain::{Commitment, CommitmentState, Load, capacity_check};
pub use store::{commitment_get, commitment_list, commitment_list_by_agreement, commitment_reserved};
