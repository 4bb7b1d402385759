use std::collections::BTreeMap;

use appkit::Tx;
use kernel::{
    Decimal, Error, Quantity, Result, Window,
    id::{AgreementId, AssetId, CommitmentId, ItemId, PartyId, ResourceId},
};

use super::{
    Commitment, CommitmentState, capacity_check,
    store::{self, commitment_get},
};
use crate::{agreement::agreement_get, event::Action, events};

/// A promise as one wants to make it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCommitment {
    /// The agreement it belongs to; must be active.
    pub agreement: Option<AgreementId>,
    /// The verb.
    pub action: Action,
    /// Who gives or does.
    pub provider: PartyId,
    /// Who gets.
    pub receiver: PartyId,
    /// What kind of thing.
    pub item: Option<ItemId>,
    /// The thing.
    pub resource: Option<ResourceId>,
    /// The machine.
    pub asset: Option<AssetId>,
    /// How much.
    pub quantity: Option<Quantity>,
    /// For how long.
    pub effort: Option<Quantity>,
    /// When.
    pub window: Option<Window>,
    /// How many units of the machine's parallel capacity it takes.
    pub capacity_units: u32,
}

/// Makes a promise under an active agreement; its tolerance is the agreement's. Both sides have signed, so it is accepted.
///
/// # Errors
/// `record.agreement.not-active`, `record.commitment.parties`, `record.commitment.unmeasured`.
pub async fn commitment_create(tx: &mut Tx, new: NewCommitment) -> Result<Commitment> {
    let mut tolerance = Decimal::ZERO;
    let mut state = CommitmentState::Proposed;
    if let Some(id) = new.agreement {
        let agreement = agreement_get(tx, id).await?;
        agreement.require_active()?;
        let parties = agreement.parties();
        if !parties.contains(&new.provider) || !parties.contains(&new.receiver) {
            return Err(Error::unprocessable(
                "record.commitment.parties",
                "provider and receiver are not both parties of the agreement",
            ));
        }
        tolerance = agreement.tolerance_share();
        state = CommitmentState::Accepted;
    }
    let measure = new.quantity.or(new.effort);
    if measure.is_none_or(|measure| measure.value < Decimal::ZERO) {
        return Err(Error::unprocessable(
            "record.commitment.unmeasured",
            "a commitment needs a quantity or an effort of 0 or more",
        )
        .field("/quantity", "0 or more, with its unit"));
    }
    if let Some(window) = new.window {
        Window::new(window.from, window.to)?;
    }
    let commitment = Commitment {
        id: tx.new_id(),
        agreement: new.agreement,
        action: new.action,
        provider: new.provider,
        receiver: new.receiver,
        item: new.item,
        resource: new.resource,
        asset: new.asset,
        quantity: new.quantity,
        effort: new.effort,
        window: new.window,
        tolerance,
        fulfilled: None,
        capacity_units: new.capacity_units,
        capacity: None,
        state,
        reason: String::new(),
    };
    store::insert(tx, &commitment).await?;
    changed(tx, &commitment)?;
    Ok(commitment)
}

/// Reserves capacity for a whole request: the commitments count together per machine, against everything reserved before,
/// under the one writer (I9). All are reserved or none.
///
/// # Errors
/// `record.capacity.exceeded`; `record.commitment.not-reservable` without machine or window.
pub async fn commitments_reserve(
    tx: &mut Tx,
    ids: &[CommitmentId],
    capacity_of: impl Fn(AssetId) -> u32,
) -> Result<Vec<Commitment>> {
    let mut wanted: BTreeMap<AssetId, Vec<Commitment>> = BTreeMap::new();
    for id in ids {
        let mut commitment = commitment_get(tx, *id).await?;
        let (Some(asset), Some(_)) = (commitment.asset, commitment.window) else {
            return Err(Error::unprocessable(
                "record.commitment.not-reservable",
                "only a promise of a machine at a time can be reserved",
            )
            .hint("name the asset and the window"));
        };
        commitment.state = commitment.state.to(CommitmentState::Reserved)?;
        commitment.capacity = Some(capacity_of(asset));
        wanted.entry(asset).or_default().push(commitment);
    }
    for (asset, commitments) in &wanted {
        let asked = store::loads(commitments);
        let (from, to) = asked.iter().fold((i64::MAX, i64::MIN), |(from, to), load| {
            (from.min(load.window.from.micros()), to.max(load.window.to.micros()))
        });
        let span = Window { from: kernel::Timestamp::from_micros(from), to: kernel::Timestamp::from_micros(to) };
        let taken = store::commitment_reserved(tx, *asset, span).await?;
        capacity_check(capacity_of(*asset), &store::loads(&taken), &asked)?;
    }
    let reserved: Vec<Commitment> = wanted.into_values().flatten().collect();
    for commitment in &reserved {
        store::save(tx, commitment).await?;
        changed(tx, commitment)?;
    }
    Ok(reserved)
}

/// Takes a step: accept, cancel, close short, breach. Closing short needs a reason.
///
/// # Errors
/// `record.commitment.step`, `record.commitment.reason-needed`.
pub async fn commitment_step(tx: &mut Tx, id: CommitmentId, to: CommitmentState, reason: &str) -> Result<Commitment> {
    let mut commitment = commitment_get(tx, id).await?;
    let needs_reason =
        matches!(to, CommitmentState::ShortClosed | CommitmentState::Cancelled | CommitmentState::Breached);
    if needs_reason && reason.trim().is_empty() {
        return Err(Error::unprocessable(
            "record.commitment.reason-needed",
            format!("a commitment is {to} for a reason"),
        )
        .field("/reason", "must not be empty"));
    }
    if matches!(to, CommitmentState::Reserved | CommitmentState::PartFulfilled | CommitmentState::Fulfilled) {
        return Err(Error::conflict(
            "record.commitment.step",
            format!("a commitment becomes {to} by what happens, not by a step"),
        )
        .hint("reserve it, or record the event that fulfils it"));
    }
    commitment.state = commitment.state.to(to)?;
    commitment.reason = reason.to_owned();
    store::save(tx, &commitment).await?;
    changed(tx, &commitment)?;
    Ok(commitment)
}

pub(crate) fn changed(tx: &mut Tx, commitment: &Commitment) -> Result<()> {
    let payload = events::CommitmentChanged {
        commitment: commitment.id,
        agreement: commitment.agreement,
        state: commitment.state.to_string(),
    };
    tx.publish(events::COMMITMENT_CHANGED, 1, commitment.id.to_string(), commitment.provider, &payload)
}
