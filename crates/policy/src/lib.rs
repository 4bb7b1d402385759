//! One decision function over Cedar policies: who may do what to which object, now.
//!
//! Promises:
//! 1. Default deny; a forbid wins. The policies are text ([`POLICIES`]) with the published semantics of Cedar.
//! 2. Pure: no clock, no database, no session. Everything a decision depends on is in the [`Request`].
//! 3. A grant permits looking and nothing else, inside its scope, purpose and time; expired or revoked it permits nothing,
//!    and two grants never add up.
//!
//! To change who may do what:
//! 1. edit `policies.cedar` (and `schema.cedarschema` when a policy needs to know something new);
//! 2. edit the reference evaluator in `tests/model/reference.rs`, which was written independently and must agree on random
//!    requests; every policy without which they would still agree must be listed in `tests/model/main.rs` with its reason.

#![deny(missing_docs)]

mod engine;
mod request;
mod translate;

pub use engine::{Engine, POLICIES, SCHEMA};
pub use request::{Decision, Grant, Object, Principal, PrincipalKind, Request, Right, Role};
