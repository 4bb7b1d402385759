//! Facts and what they fulfil. Pure: the store loads what an event touches, these functions decide.

use kernel::{
    Decimal, Error, NiUri, Quantity, Result, Timestamp,
    id::{AgreementId, AssetId, CommitmentId, EventId, ItemId, PartyId, ReadingId, ResourceId},
};
use serde::{Deserialize, Serialize};

use super::Action;
use crate::{
    commitment::{Commitment, CommitmentState},
    machine::machine,
};

machine! {
    /// Where a fact stands. Its content is never edited.
    pub enum EventState refuses "record.event.step" {
        /// Recorded by one side.
        Recorded "recorded" => [Attested, Corrected];
        /// Confirmed by both sides, or by evidence.
        Attested "attested" => [Corrected];
        /// A later event corrects it.
        Corrected "corrected" => [];
    }
}

/// A share of an event that counts towards a commitment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EventFulfilment)]
pub struct Fulfilment {
    /// The commitment.
    #[schema(value_type = String)]
    pub commitment: CommitmentId,
    /// How much of the event.
    #[schema(value_type = crate::wire::QuantitySchema)]
    pub quantity: Quantity,
}

/// A confirmation by a party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EventAttestation)]
pub struct Attestation {
    /// Which party.
    #[schema(value_type = String)]
    pub party: PartyId,
    /// Who for it.
    pub by: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// A fact as one wants to record it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[schema(as = EventContent)]
pub struct NewEvent {
    /// The verb.
    pub action: Action,
    /// Who gives or does.
    #[schema(value_type = String)]
    pub provider: PartyId,
    /// Who gets.
    #[schema(value_type = String)]
    pub receiver: PartyId,
    /// The agreement it happens under.
    #[schema(value_type = Option<String>)]
    pub agreement: Option<AgreementId>,
    /// What kind of thing.
    #[schema(value_type = Option<String>)]
    pub item: Option<ItemId>,
    /// The thing.
    #[schema(value_type = Option<String>)]
    pub resource: Option<ResourceId>,
    /// The thing it goes to.
    #[schema(value_type = Option<String>)]
    pub to_resource: Option<ResourceId>,
    /// The machine.
    #[schema(value_type = Option<String>)]
    pub asset: Option<AssetId>,
    /// How much.
    #[schema(value_type = Option<crate::wire::QuantitySchema>)]
    pub quantity: Option<Quantity>,
    /// For how long.
    #[schema(value_type = Option<crate::wire::QuantitySchema>)]
    pub effort: Option<Quantity>,
    /// When it happened in the world.
    #[schema(value_type = String, format = DateTime)]
    pub occurred_at: Timestamp,
    /// Where.
    pub location: String,
    /// What it counts towards.
    pub fulfilments: Vec<Fulfilment>,
    /// The event it corrects.
    #[schema(value_type = Option<String>)]
    pub corrects: Option<EventId>,
    /// Its evidence.
    #[schema(value_type = Option<String>)]
    pub evidence: Option<NiUri>,
    /// The reading it records.
    #[schema(value_type = Option<String>)]
    pub reading: Option<ReadingId>,
    /// Verdict of an inspection, or a remark.
    pub note: String,
}

impl NewEvent {
    /// A fact with only its verb, sides and time.
    pub fn new(action: Action, provider: PartyId, receiver: PartyId, occurred_at: Timestamp) -> Self {
        Self {
            action,
            provider,
            receiver,
            agreement: None,
            item: None,
            resource: None,
            to_resource: None,
            asset: None,
            quantity: None,
            effort: None,
            occurred_at,
            location: String::new(),
            fulfilments: Vec::new(),
            corrects: None,
            evidence: None,
            reading: None,
            note: String::new(),
        }
    }

    /// Checks what the verb demands; every missing part is named.
    ///
    /// # Errors
    /// `record.event.incomplete`.
    pub fn check(&self, recorded_at: Timestamp) -> Result<()> {
        let rule = self.action.rule();
        let mut error = Error::unprocessable("record.event.incomplete", format!("{} lacks something", self.action))
            .hint("add the named parts");
        let mut demand = |missing: bool, pointer: &str, rule: &str| {
            if missing {
                error.fields.push(kernel::FieldError { pointer: pointer.into(), message: rule.into() });
            }
        };
        demand(rule.needs_resource && self.resource.is_none(), "/resource", "the action needs a resource");
        demand(rule.needs_quantity && self.quantity.is_none(), "/quantity", "the action needs a quantity");
        demand(rule.needs_evidence && self.evidence.is_none(), "/evidence", "the action needs evidence");
        demand(self.quantity.is_some_and(|q| q.value < Decimal::ZERO), "/quantity", "must not be negative");
        demand(self.occurred_at > recorded_at, "/occurred_at", "must not be later than now");
        demand(
            !self.fulfilments.is_empty() && self.measure().is_none(),
            "/fulfilments",
            "need a quantity or effort to share out",
        );
        if error.fields.is_empty() { Ok(()) } else { Err(error) }
    }

    /// What fulfilments share out: the quantity, or the effort when there is none.
    pub fn measure(&self) -> Option<Quantity> {
        self.quantity.or(self.effort)
    }
}

/// Decides the fulfilments of an event (I7, I8); returns each commitment with its new state and fulfilled total.
///
/// # Errors
/// `record.event.overallocated` when the shares exceed the event, `record.commitment.overfulfilled` when they exceed the
/// promise with its tolerance, `record.event.mismatch` naming what event and promise disagree on.
pub fn fulfilments_apply(event: &NewEvent, commitments: Vec<Commitment>) -> Result<Vec<Commitment>> {
    let Some(measure) = event.measure() else { return Ok(commitments) };
    let mut allocated = Quantity::new(Decimal::ZERO, measure.unit);
    for fulfilment in &event.fulfilments {
        if fulfilment.quantity.value < Decimal::ZERO {
            return Err(Error::unprocessable("record.event.overallocated", "a share of an event is negative"));
        }
        allocated = allocated.plus(fulfilment.quantity)?;
    }
    if allocated.value > measure.value {
        return Err(Error::unprocessable(
            "record.event.overallocated",
            format!("{allocated} are shared out of {measure}"),
        )
        .hint("the shares of an event may not exceed its quantity"));
    }
    let mut changed = Vec::with_capacity(commitments.len());
    for mut commitment in commitments {
        agree(event, &commitment)?;
        let id = commitment.id;
        for fulfilment in event.fulfilments.iter().filter(|f| f.commitment == id) {
            commitment = commitment.fulfil(fulfilment.quantity)?;
        }
        changed.push(commitment);
    }
    Ok(changed)
}

fn agree(event: &NewEvent, commitment: &Commitment) -> Result<()> {
    let open = matches!(
        commitment.state,
        CommitmentState::Accepted | CommitmentState::Reserved | CommitmentState::PartFulfilled
    );
    if !open {
        return Err(Error::conflict(
            "record.commitment.closed",
            format!("the commitment {} is {}", commitment.id, commitment.state),
        )
        .hint("only accepted or reserved commitments can be fulfilled"));
    }
    let same_action = event.action == commitment.action
        // A sealed reading records the use or service that was promised.
        || (event.action == Action::Meter && matches!(commitment.action, Action::Use | Action::DeliverService | Action::Produce | Action::Consume));
    let checks = [
        ("action", same_action),
        ("provider", event.provider == commitment.provider),
        ("receiver", event.receiver == commitment.receiver),
        ("item", commitment.item.is_none_or(|item| event.item.is_none_or(|own| own == item))),
        ("asset", commitment.asset.is_none_or(|asset| event.asset.is_none_or(|own| own == asset))),
    ];
    match checks.into_iter().find(|(_, same)| !same) {
        None => Ok(()),
        Some((field, _)) => {
            Err(Error::unprocessable("record.event.mismatch", format!("event and commitment disagree on the {field}"))
                .hint("fulfil only what was promised between the same parties")
                .field(format!("/{field}"), "differs from the commitment"))
        }
    }
}
