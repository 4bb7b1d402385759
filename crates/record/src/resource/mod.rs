//! Resources: assets, lots and pieces with an owner and a custodian.

mod domain;
pub(crate) mod http;
pub(crate) mod store;

pub use domain::{Resource, ResourceKind, ResourceState, effects_apply};
pub use store::{NewResource, resource_get, resource_list, resource_register, resource_step};
