use appkit::{Host, Tx};
use kernel::{
    Result,
    id::{AssetId, CapabilityId, PartyId},
};
use record::offer::{NewOffer, OfferKind, OfferLine, OfferState, offer_create, offer_step};

use super::{
    machine::{machine_own, meters_ensure, resource_ensure},
    terms::clauses_offered,
};
use crate::{
    domain::capability::{Capability, State, Terms},
    events,
    store::capability::{capability_get, capability_get_in_tx, capability_save, unknown},
};

/// Writes down what a machine can do, as a draft that nobody else sees.
///
/// # Errors
/// `sharing.machine.unknown` unless the machine is the provider's own; `sharing.capability.malformed`.
pub async fn capability_create(tx: &mut Tx, provider: PartyId, asset: AssetId, terms: Terms) -> Result<Capability> {
    let machine = machine_own(tx.host(), provider, asset)?;
    terms.check()?;
    let capability = Capability {
        id: tx.new_id(),
        provider,
        asset,
        resource: resource_ensure(tx, &machine).await?,
        terms,
        assurance: None,
        offer: None,
        state: State::Draft,
    };
    capability_save(tx, &capability).await?;
    Ok(capability)
}

/// States other terms. Bookings keep the terms they were made under; an offer is replaced by a new one.
///
/// # Errors
/// `sharing.capability.unknown`, `sharing.capability.malformed`.
pub async fn capability_update(tx: &mut Tx, provider: PartyId, id: CapabilityId, terms: Terms) -> Result<Capability> {
    terms.check()?;
    let mut capability = own_in_tx(tx, provider, id).await?.restated(terms);
    if capability.state.offered() {
        offer_replace(tx, &mut capability).await?;
    }
    capability_save(tx, &capability).await?;
    Ok(capability)
}

/// Offers it to every organisation. Quality that was measured and still counts goes with it.
///
/// # Errors
/// `sharing.capability.state`; `sharing.machine.unmetered` when the machine lacks what the bases count.
pub async fn capability_publish(tx: &mut Tx, provider: PartyId, id: CapabilityId) -> Result<Capability> {
    let mut capability = own_in_tx(tx, provider, id).await?;
    capability.state = capability.state.publish()?;
    if capability.assurance.as_ref().is_some_and(|assurance| assurance.expires_at > tx.now()) {
        capability.state = capability.state.assure()?;
    }
    offer_replace(tx, &mut capability).await?;
    capability_save(tx, &capability).await?;
    events::capability_changed(tx, events::CAPABILITY_PUBLISHED, &capability)?;
    Ok(capability)
}

/// Takes it off the market. Bookings that were made go on.
///
/// # Errors
/// `sharing.capability.state`.
pub async fn capability_withdraw(tx: &mut Tx, provider: PartyId, id: CapabilityId) -> Result<Capability> {
    let mut capability = own_in_tx(tx, provider, id).await?;
    capability.state = capability.state.withdraw()?;
    offer_withdraw(tx, &mut capability).await?;
    capability_save(tx, &capability).await?;
    events::capability_changed(tx, events::CAPABILITY_WITHDRAWN, &capability)?;
    Ok(capability)
}

/// A capability that a party may see: its own always, another's while it is on the market or has lapsed.
///
/// # Errors
/// `sharing.capability.unknown`.
pub async fn capability_visible(host: &Host, viewer: PartyId, id: CapabilityId) -> Result<Capability> {
    let capability = capability_get(host.db(), id).await?.as_of(host.now());
    let public = capability.state.offered() || capability.state == State::Lapsed;
    if public || capability.provider == viewer { Ok(capability) } else { Err(unknown()) }
}

/// A capability of the provider's own, to be changed.
pub(super) async fn own_in_tx(tx: &mut Tx, provider: PartyId, id: CapabilityId) -> Result<Capability> {
    let now = tx.now();
    let capability = capability_get_in_tx(tx, id).await?.as_of(now);
    if capability.provider == provider { Ok(capability) } else { Err(unknown()) }
}

/// Puts a new offer into the record, in the place of an earlier one.
pub(super) async fn offer_replace(tx: &mut Tx, capability: &mut Capability) -> Result<()> {
    offer_withdraw(tx, capability).await?;
    let machine = machine_own(tx.host(), capability.provider, capability.asset)?;
    let meters = meters_ensure(tx, &machine).await?;
    let line = OfferLine {
        description: format!("{} on {}", capability.terms.class, machine.name),
        item: None,
        capability: Some(capability.id),
        asset: Some(capability.asset),
        quantity: None,
    };
    let new = NewOffer {
        kind: OfferKind::Capacity,
        provider: capability.provider,
        title: capability.terms.title.clone(),
        lines: vec![line],
        clauses: clauses_offered(&capability.terms, meters)?,
        valid_to: None,
    };
    let offer = offer_create(tx, new).await?;
    offer_step(tx, offer.id, OfferState::Published).await?;
    capability.offer = Some(offer.id);
    Ok(())
}

/// Takes the offer back, if there is one.
pub(super) async fn offer_withdraw(tx: &mut Tx, capability: &mut Capability) -> Result<()> {
    if let Some(offer) = capability.offer.take() {
        offer_step(tx, offer, OfferState::Withdrawn).await?;
    }
    Ok(())
}
