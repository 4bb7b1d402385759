//! I7–I10, I14, I15: promises, facts and resources.

use std::collections::BTreeMap;

use appkit::Host;
use kernel::{Decimal, Quantity, Result, id::AssetId};

use super::{PAGE, Report, Said, readable};
use crate::{
    agreement::{agreement_digest, store::agreement_all},
    commitment::{Commitment, CommitmentState, store::commitment_all},
    event::{Action, Event, EventState, event_get, event_list, store::fulfilments_towards},
    events, meter,
    resource::store::resource_all,
};

pub(super) async fn check(host: &Host, report: &mut Report, said: &Said) -> Result<()> {
    agreements(host, report, said).await?;
    commitments(host, report).await?;
    recorded(host, report, said).await?;
    resources(host, report).await
}

/// Signatures are under the digest of what stands there now.
async fn agreements(host: &Host, report: &mut Report, said: &Said) -> Result<()> {
    let mut after = String::new();
    loop {
        let page = agreement_all(&mut host.db(), &after, PAGE).await;
        let Some(page) = readable(page, "record_agreement", &after, report) else { return Ok(()) };
        let Some(last) = page.last() else { return Ok(()) };
        after = last.id.to_string();
        for agreement in &page {
            let digest = agreement_digest(agreement)?;
            let signed = agreement.signatures.iter().all(|signature| signature.digest == digest);
            report.check("I14", signed, agreement.id, || {
                "a signature is under other terms than those that stand there".into()
            });
            if let Some(payload) = said.get(events::AGREEMENT_SIGNED, agreement.id) {
                let same = payload["digest"].as_str() == Some(&digest);
                report.check("I14", same, agreement.id, || {
                    "the terms are not those that the journal recorded as signed".into()
                });
            }
        }
    }
}

async fn commitments(host: &Host, report: &mut Report) -> Result<()> {
    let (mut after, mut reserved) = (String::new(), BTreeMap::<AssetId, Vec<Commitment>>::new());
    loop {
        let page = commitment_all(&mut host.db(), &after, PAGE).await;
        let Some(page) = readable(page, "record_commitment", &after, report) else { break };
        let Some(last) = page.last() else { break };
        after = last.id.to_string();
        for commitment in page {
            let shares = fulfilments_towards(&mut host.db(), commitment.id).await?;
            if let Some(promised) = commitment.measure() {
                let mut total = Quantity::new(Decimal::ZERO, promised.unit);
                for share in &shares {
                    total = total.plus(*share)?;
                }
                let limit = promised.value * (Decimal::ONE + commitment.tolerance);
                report.check("I7", total.value <= limit, commitment.id, || {
                    format!("{total} count towards a promise of {promised}")
                });
                let stored = commitment.fulfilled.map_or(Decimal::ZERO, |fulfilled| fulfilled.value);
                report.check("I7", stored == total.value, commitment.id, || {
                    format!("it says {stored} are fulfilled and its events say {total}")
                });
            }
            if let (Some(asset), true) = (commitment.asset, commitment.state == CommitmentState::Reserved) {
                reserved.entry(asset).or_default().push(commitment);
            }
        }
    }
    for (asset, list) in reserved {
        for (index, commitment) in list.iter().enumerate() {
            let (Some(window), Some(capacity)) = (commitment.window, commitment.capacity) else { continue };
            // The sum rises only where something begins: count what holds at each beginning.
            let taken: u64 = list
                .iter()
                .filter(|other| other.window.is_some_and(|w| w.contains(window.from)))
                .map(|other| u64::from(other.capacity_units))
                .sum();
            let fits = taken <= u64::from(capacity);
            report.check("I9", fits, commitment.id, || {
                format!("{taken} of {capacity} units of {asset} are reserved at once (place {index})")
            });
        }
    }
    Ok(())
}

async fn recorded(host: &Host, report: &mut Report, said: &Said) -> Result<()> {
    let mut after = 0;
    loop {
        let page = event_list(&mut host.db(), None, after, PAGE).await;
        let Some(page) = readable(page, "record_event", &after, report) else { return Ok(()) };
        let Some(last) = page.last() else { return Ok(()) };
        after = last.seq;
        for event in &page {
            if let Err(error) = one(host, event, report, said).await {
                report.breach("I7", event.id, format!("what it rests on cannot be read: {}", error.message));
            }
        }
    }
}

async fn one(host: &Host, event: &Event, report: &mut Report, said: &Said) -> Result<()> {
    let content = &event.content;
    if let Some(payload) = said.get(events::EVENT_RECORDED, event.id) {
        let expected = events::EventRecorded {
            event: event.id,
            action: content.action,
            provider: content.provider,
            receiver: content.receiver,
            quantity: content.quantity,
            agreement: content.agreement,
        };
        let same = serde_json::to_value(&expected).is_ok_and(|expected| expected == *payload);
        report.check("I14", same, event.id, || "the fact is not the one that the journal recorded".into());
    }
    if let Some(measure) = content.measure() {
        let mut shared = Quantity::new(Decimal::ZERO, measure.unit);
        for fulfilment in &content.fulfilments {
            shared = shared.plus(fulfilment.quantity)?;
        }
        report.check("I7", shared.value <= measure.value, event.id, || format!("{shared} are shared out of {measure}"));
    }
    for fulfilment in &content.fulfilments {
        let commitment = crate::commitment::commitment_get(&mut host.db(), fulfilment.commitment).await?;
        let agree = content.provider == commitment.provider
            && content.receiver == commitment.receiver
            && (content.action == commitment.action || content.action == Action::Meter);
        report.check("I8", agree, event.id, || format!("it disagrees with the promise {}", commitment.id));
    }
    if let Some(original) = content.corrects {
        let original = event_get(&mut host.db(), original).await?;
        report.check("I14", original.state == EventState::Corrected, original.id, || {
            "a corrected fact does not say so".into()
        });
    }
    if let (Some(reading), Some(quantity)) = (content.reading, content.quantity) {
        let reading = meter::reading_get(&mut host.db(), reading).await?;
        let stated = Quantity::new(reading.statement.quantity, reading.statement.unit);
        let same = quantity.compare(stated).is_ok_and(|order| order.is_eq());
        report.check("I16", same && content.evidence == Some(reading.statement.evidence), event.id, || {
            format!("it says {quantity} and its reading says {stated}")
        });
    }
    if content.action.moves_rights() && event.state == EventState::Attested {
        let sides = [content.provider, content.receiver];
        let both = sides.iter().all(|side| event.attestations.iter().any(|attestation| attestation.party == *side));
        report.check("I15", both || content.evidence.is_some() || sides[0] == sides[1], event.id, || {
            "rights moved without both sides' word and without evidence".into()
        });
    }
    Ok(())
}

async fn resources(host: &Host, report: &mut Report) -> Result<()> {
    let mut after = String::new();
    loop {
        let page = resource_all(&mut host.db(), &after, PAGE).await;
        let Some(page) = readable(page, "record_resource", &after, report) else { return Ok(()) };
        let Some(last) = page.last() else { return Ok(()) };
        after = last.id.to_string();
        for resource in &page {
            let there = resource.on_hand.value >= Decimal::ZERO && resource.accounting.value >= Decimal::ZERO;
            report.check("I10", there, resource.id, || format!("{} is below zero", resource.identifier));
        }
    }
}
