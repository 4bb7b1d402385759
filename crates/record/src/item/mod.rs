//! Items: what can be made, sold or done, by revision.

mod app;
mod domain;
pub(crate) mod http;

pub use app::{Item, NewItem, item_create, item_get, item_list, item_step};
pub use domain::{ItemKind, ItemState, Tracking};
