//! Events: facts in the past tense, with quantity-bearing fulfilments. Never edited: corrected by further events.

mod actions;
mod app;
mod domain;
pub(crate) mod http;
pub(crate) mod store;
#[cfg(test)]
mod tests;

pub use actions::{Action, Effect, Rule};
pub use app::{event_attest, event_record, event_record_reading};
pub use domain::{Attestation, EventState, Fulfilment, NewEvent, fulfilments_apply};
pub use store::{Event, event_get, event_list, event_list_by_agreement, event_list_by_resource};
