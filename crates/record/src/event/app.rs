use appkit::Tx;
use kernel::{
    Error, Quantity, Result,
    id::{EventId, PartyId},
};

use super::{Action, Attestation, Event, EventState, Fulfilment, NewEvent, fulfilments_apply, store};
use crate::{
    agreement::agreement_get,
    commitment::{self, commitment_get},
    events,
    meter::Reading,
    resource::{self, effects_apply, resource_get},
};

/// Records a fact: checks it, applies its effects to resources, counts its fulfilments, all in one transaction.
///
/// A fact with evidence is attested by the evidence; otherwise the recording party attests, and the other side later.
///
/// # Errors
/// `record.event.incomplete`, `record.event.overallocated`, `record.event.mismatch`, `record.event.duplicate-fulfilment`,
/// `record.commitment.*`, `record.resource.*`.
pub async fn event_record(tx: &mut Tx, by: PartyId, new: NewEvent) -> Result<Event> {
    let now = tx.now();
    new.check(now)?;
    if let Some(agreement) = new.agreement {
        agreement_get(tx, agreement).await?.require_active()?;
    }
    let mut named: Vec<_> = new.fulfilments.iter().map(|fulfilment| fulfilment.commitment).collect();
    named.sort_unstable();
    if named.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(Error::unprocessable("record.event.duplicate-fulfilment", "a commitment is named twice")
            .hint("give one share per commitment"));
    }
    let mut commitments = Vec::with_capacity(named.len());
    for id in named {
        commitments.push(commitment_get(tx, id).await?);
    }
    for fulfilled in fulfilments_apply(&new, commitments)? {
        commitment::store::save(tx, &fulfilled).await?;
        commitment::changed(tx, &fulfilled)?;
    }
    apply_effects(tx, &new).await?;
    if let Some(corrected) = new.corrects {
        let mut original = store::event_get(tx, corrected).await?;
        original.state = original.state.to(EventState::Corrected)?;
        store::save(tx, &original).await?;
    }
    let by_evidence = new.evidence.is_some();
    let attestation = Attestation { party: by, by: tx.caller().subject.to_string(), at: now };
    let event = Event {
        seq: store::next_seq(tx).await?,
        id: tx.new_id(),
        recorded_at: now,
        attestations: vec![attestation],
        state: if by_evidence || new.provider == new.receiver { EventState::Attested } else { EventState::Recorded },
        content: new,
    };
    store::insert(tx, &event).await?;
    let payload = events::EventRecorded {
        event: event.id,
        action: event.content.action,
        provider: event.content.provider,
        receiver: event.content.receiver,
        quantity: event.content.quantity,
        agreement: event.content.agreement,
    };
    tx.publish(events::EVENT_RECORDED, 1, event.id.to_string(), event.content.provider, &payload)?;
    Ok(event)
}

/// Records what a sealed reading says as a fact: use of a machine, with the reading's evidence. Once per reading; asking
/// again gives the event that exists.
///
/// # Errors
/// As [`event_record`]; `record.reading.not-sealed`.
pub async fn event_record_reading(tx: &mut Tx, reading: &Reading, fulfilments: Vec<Fulfilment>) -> Result<Event> {
    reading.require_billable()?;
    if let Some(known) = store::event_of_reading(tx, reading.id()).await? {
        return Ok(known);
    }
    let statement = &reading.statement;
    let new = NewEvent {
        agreement: statement.agreement,
        asset: Some(statement.asset),
        quantity: Some(Quantity::new(statement.quantity, statement.unit)),
        fulfilments,
        evidence: Some(statement.evidence),
        reading: Some(reading.id()),
        ..NewEvent::new(
            Action::Meter,
            reading.provider,
            reading.receiver.unwrap_or(reading.provider),
            statement.window.to,
        )
    };
    event_record(tx, reading.provider, new).await
}

/// Confirms a fact for a party; once both sides have, it is attested.
///
/// # Errors
/// `record.event.not-a-party`, `record.event.step`. Confirming twice changes nothing.
pub async fn event_attest(tx: &mut Tx, id: EventId, party: PartyId) -> Result<Event> {
    let mut event = store::event_get(tx, id).await?;
    if party != event.content.provider && party != event.content.receiver {
        return Err(Error::not_found("record.event.not-a-party", "this organisation takes no part in the event"));
    }
    if event.attestations.iter().any(|attestation| attestation.party == party) {
        return Ok(event);
    }
    let by = tx.caller().subject.to_string();
    event.attestations.push(Attestation { party, by, at: tx.now() });
    let both = [event.content.provider, event.content.receiver];
    if event.state == EventState::Recorded
        && both.iter().all(|side| event.attestations.iter().any(|a| a.party == *side))
    {
        event.state = event.state.to(EventState::Attested)?;
    }
    store::save(tx, &event).await?;
    Ok(event)
}

async fn apply_effects(tx: &mut Tx, new: &NewEvent) -> Result<()> {
    let from = match new.resource {
        Some(id) => Some(resource_get(tx, id).await?),
        None => None,
    };
    let to = match new.to_resource {
        Some(id) if Some(id) != new.resource => Some(resource_get(tx, id).await?),
        _ => None,
    };
    if let (Some(from), Some(to)) = (&from, &to)
        && from.item != to.item
        && from.item.is_some()
        && to.item.is_some()
    {
        return Err(Error::unprocessable("record.event.mismatch", "the two resources are of different items")
            .field("/to_resource", "must be of the same item"));
    }
    let (from, to) = effects_apply(new.action, new.receiver, new.quantity, from, to)?;
    if let Some(mut from) = from {
        if new.action == Action::Inspect && !new.note.is_empty() {
            from.disposition = new.note.clone();
        }
        if matches!(new.action, Action::Move | Action::Dropoff) && !new.location.is_empty() {
            from.location = new.location.clone();
        }
        resource::store::save(tx, &from).await?;
    }
    if let Some(to) = to {
        resource::store::save(tx, &to).await?;
    }
    Ok(())
}
