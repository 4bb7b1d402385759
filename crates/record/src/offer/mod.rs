//! Offers: wishes that can become agreements.

mod app;
mod domain;
pub(crate) mod http;

pub use app::{NewOffer, Offer, OfferLine, offer_create, offer_get, offer_list, offer_step};
pub use domain::{OfferKind, OfferState};
