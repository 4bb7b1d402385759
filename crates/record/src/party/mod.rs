//! Parties: who takes part, by which names others know them.

mod app;
mod domain;
pub(crate) mod http;

pub use app::{NewParty, Party, party_get, party_identify, party_list, party_register, party_relate, party_step};
pub use domain::{Identifier, PartyKind, PartyState, Relation, RelationKind, Scheme, uscc_check_character};
