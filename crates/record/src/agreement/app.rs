use appkit::Tx;
use kernel::{
    Error, Result,
    id::{AgreementId, OfferId, PartyId},
};
use serde::Serialize;

use super::{Agreement, AgreementState, Clause, Signature, clauses_check, store};
use crate::{
    canonical::canonical_ni,
    claim::{ClaimState, claim_list_by_agreement},
    events,
    ledger::escrow_refund_in_tx,
    meter::{ReadingState, reading_list_by_agreement},
};

/// An agreement as one wants to draft it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAgreement {
    /// What it is called.
    pub title: String,
    /// Who gives or does.
    pub provider: PartyId,
    /// Who gets and pays.
    pub receiver: PartyId,
    /// Who else must sign.
    pub others: Vec<PartyId>,
    /// The framework or the amended agreement.
    pub parent: Option<AgreementId>,
    /// The offer it comes from.
    pub offer: Option<OfferId>,
    /// What is agreed.
    pub clauses: Vec<Clause>,
}

/// What is signed: everything that two sides could quarrel about.
#[derive(Serialize)]
struct Signed<'a> {
    agreement: AgreementId,
    title: &'a str,
    provider: PartyId,
    receiver: PartyId,
    others: &'a [PartyId],
    parent: Option<AgreementId>,
    clauses: &'a [Clause],
}

/// The digest that signatures are under.
pub fn agreement_digest(agreement: &Agreement) -> Result<String> {
    let signed = Signed {
        agreement: agreement.id,
        title: &agreement.title,
        provider: agreement.provider,
        receiver: agreement.receiver,
        others: &agreement.others,
        parent: agreement.parent,
        clauses: &agreement.clauses,
    };
    Ok(canonical_ni(&signed)?.to_string())
}

/// Drafts an agreement.
///
/// # Errors
/// `record.agreement.clause`, `record.agreement.title`, `record.agreement.parties`.
pub async fn agreement_draft(tx: &mut Tx, new: NewAgreement) -> Result<Agreement> {
    clauses_check(&new.clauses)?;
    if new.title.trim().is_empty() || new.title.chars().count() > 200 {
        return Err(Error::unprocessable("record.agreement.title", "the title must have 1–200 characters")
            .field("/title", "1–200 characters"));
    }
    if new.provider == new.receiver || new.others.len() > 20 {
        return Err(Error::unprocessable("record.agreement.parties", "an agreement needs two different sides")
            .hint("provider and receiver differ; at most 20 others take part"));
    }
    let agreement = Agreement {
        id: tx.new_id(),
        title: new.title,
        provider: new.provider,
        receiver: new.receiver,
        others: new.others,
        parent: new.parent,
        offer: new.offer,
        clauses: new.clauses,
        signatures: Vec::new(),
        state: AgreementState::Draft,
        created_at: tx.now(),
    };
    let digest = agreement_digest(&agreement)?;
    store::insert(tx, &agreement, &digest).await?;
    Ok(agreement)
}

/// Takes a step of the state machine: propose, activate, suspend, complete, terminate.
///
/// # Errors
/// `record.agreement.step`; signing has its own function.
pub async fn agreement_step(tx: &mut Tx, id: AgreementId, to: AgreementState) -> Result<Agreement> {
    let mut agreement = store::agreement_get(tx, id).await?;
    if to == AgreementState::Signed {
        return Err(Error::conflict("record.agreement.step", "an agreement is signed by its parties, not by a step")
            .hint("sign it for each party"));
    }
    agreement.state = agreement.state.to(to)?;
    store::save(tx, &agreement).await?;
    changed(tx, &agreement)?;
    Ok(agreement)
}

/// Signs for a party; when all have signed the agreement is signed.
///
/// # Errors
/// `record.agreement.not-a-party`, `record.agreement.step` unless it is proposed. Signing twice changes nothing.
pub async fn agreement_sign(tx: &mut Tx, id: AgreementId, party: PartyId, by: &str) -> Result<Agreement> {
    let mut agreement = store::agreement_get(tx, id).await?;
    if !agreement.parties().contains(&party) {
        return Err(Error::not_found(
            "record.agreement.not-a-party",
            "this organisation takes no part in the agreement",
        ));
    }
    if agreement.signatures.iter().any(|signature| signature.party == party) {
        return Ok(agreement);
    }
    if agreement.state != AgreementState::Proposed {
        agreement.state.to(AgreementState::Signed)?;
    }
    let digest = agreement_digest(&agreement)?;
    agreement.signatures.push(Signature { party, by: by.to_owned(), at: tx.now(), digest: digest.clone() });
    let all =
        agreement.parties().iter().all(|party| agreement.signatures.iter().any(|signature| signature.party == *party));
    if all {
        agreement.state = agreement.state.to(AgreementState::Signed)?;
    }
    store::save(tx, &agreement).await?;
    if all {
        let payload = events::AgreementSigned {
            agreement: id,
            provider: agreement.provider,
            receiver: agreement.receiver,
            digest,
        };
        tx.publish(events::AGREEMENT_SIGNED, 1, id.to_string(), agreement.provider, &payload)?;
    }
    Ok(agreement)
}

/// Ends an agreement: completed when everything under it is paid, terminated before anything happened. What is left in
/// escrow goes back to the receiver.
///
/// # Errors
/// `record.agreement.open-claims` while claims are open or a reading is not claimed for; `record.agreement.in-force` when one
/// side would terminate what has begun; `record.account.frozen` during a dispute; `record.agreement.step`.
pub async fn agreement_close(tx: &mut Tx, id: AgreementId, to: AgreementState) -> Result<Agreement> {
    let agreement = store::agreement_get(tx, id).await?;
    let begun = matches!(agreement.state, AgreementState::Active | AgreementState::Suspended);
    if to == AgreementState::Terminated && begun {
        return Err(Error::conflict(
            "record.agreement.in-force",
            "an agreement in force is completed, or ended by a case",
        )
        .hint("complete it when everything is paid, or open a case"));
    }
    if begun {
        let open = claim_list_by_agreement(tx, id)
            .await?
            .into_iter()
            .find(|claim| !claim.state.next().is_empty() && claim.state != ClaimState::Settled);
        if let Some(claim) = open {
            return Err(Error::conflict(
                "record.agreement.open-claims",
                format!("the claim {} is {}", claim.id, claim.state),
            )
            .hint("invoice and pay every claim first"));
        }
        let unbilled = reading_list_by_agreement(tx, id).await?.into_iter().find(|reading| {
            matches!(reading.state, ReadingState::Sealed | ReadingState::Disputed)
                && agreement.prices().any(|(_, price)| {
                    price.meter.is_none_or(|meter| meter == reading.statement.meter)
                        && price.unit.dimension() == reading.statement.unit.dimension()
                })
        });
        if let Some(reading) = unbilled {
            return Err(Error::conflict(
                "record.agreement.open-claims",
                format!("the reading {} is {} and not billed", reading.id(), reading.state),
            )
            .hint("derive its claims and invoice them first"));
        }
    }
    let ended = agreement_step(tx, id, to).await?;
    if let Some(currency) = agreement.currency() {
        escrow_refund_in_tx(tx, id, agreement.receiver, currency, None).await?;
    }
    Ok(ended)
}

/// Drafts, proposes, signs for every party and activates in one go: for bookings, where a published offer is the provider's
/// standing signature and the order is the receiver's. `by` says who stands for each side.
///
/// # Errors
/// As the single steps.
pub async fn agreement_conclude(tx: &mut Tx, new: NewAgreement, by: &str) -> Result<Agreement> {
    let agreement = agreement_draft(tx, new).await?;
    agreement_step(tx, agreement.id, AgreementState::Proposed).await?;
    for party in agreement.parties() {
        agreement_sign(tx, agreement.id, party, by).await?;
    }
    agreement_step(tx, agreement.id, AgreementState::Active).await
}

fn changed(tx: &mut Tx, agreement: &Agreement) -> Result<()> {
    let payload = events::StateChanged { record: agreement.id.to_string(), state: agreement.state.to_string() };
    tx.publish(events::AGREEMENT_CHANGED, 1, agreement.id.to_string(), agreement.provider, &payload)
}
