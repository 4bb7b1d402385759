//! The facts this crate publishes, each in the transaction that made it true. Consumers read `payload` by these types.

use kernel::{
    Decimal, Money, NiUri, Quantity, Unit, Window,
    id::{
        AgreementId, AssetId, CaseId, ClaimId, CommitmentId, EventId, InvoiceId, MeterId, PartyId, ReadingId,
        TransferId,
    },
};
use serde::{Deserialize, Serialize};

use crate::{
    case::{CaseKind, Outcome},
    claim::{Claim, Invoice, InvoiceKind},
    event::Action,
    ledger::{Kind, Reason, Transfer},
    meter::Statement,
};

/// A party is known.
pub const PARTY_REGISTERED: &str = "record.party.registered";
/// An offer is open to others.
pub const OFFER_PUBLISHED: &str = "record.offer.published";
/// All parties have signed.
pub const AGREEMENT_SIGNED: &str = "record.agreement.signed";
/// An agreement's state changed after signing.
pub const AGREEMENT_CHANGED: &str = "record.agreement.changed";
/// A commitment was made or changed its state.
pub const COMMITMENT_CHANGED: &str = "record.commitment.changed";
/// A fact was recorded.
pub const EVENT_RECORDED: &str = "record.event.recorded";
/// A reading is sealed and may be billed.
pub const READING_SEALED: &str = "record.reading.sealed";
/// A reading lacks coverage and may not be billed.
pub const READING_PROVISIONAL: &str = "record.reading.provisional";
/// A reading takes the place of another.
pub const READING_CORRECTED: &str = "record.reading.corrected";
/// A counter wrapped, was reset or replaced; it entered a reading.
pub const METER_INCIDENT: &str = "record.meter.incident";
/// Somebody owes something.
pub const CLAIM_ACCRUED: &str = "record.claim.accrued";
/// An invoice or credit note was issued.
pub const INVOICE_ISSUED: &str = "record.invoice.issued";
/// An invoice or credit note was paid, wholly or in part.
pub const INVOICE_SETTLED: &str = "record.invoice.settled";
/// A transfer was recorded.
pub const TRANSFER_POSTED: &str = "record.transfer.posted";
/// A case was opened.
pub const CASE_OPENED: &str = "record.case.opened";
/// A case was decided.
pub const CASE_DECIDED: &str = "record.case.decided";
/// A case is over.
pub const CASE_CLOSED: &str = "record.case.closed";

/// A noun moved to another state: payload of the `…changed` and `…registered` facts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateChanged {
    /// The record.
    pub record: String,
    /// Its state now.
    pub state: String,
}

/// Payload of [`AGREEMENT_SIGNED`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgreementSigned {
    /// The agreement.
    pub agreement: AgreementId,
    /// Who gives or does.
    pub provider: PartyId,
    /// Who gets and pays.
    pub receiver: PartyId,
    /// Digest of what was signed.
    pub digest: String,
}

/// Payload of [`COMMITMENT_CHANGED`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitmentChanged {
    /// The commitment.
    pub commitment: CommitmentId,
    /// Its agreement.
    pub agreement: Option<AgreementId>,
    /// Its state now.
    pub state: String,
}

/// Payload of [`EVENT_RECORDED`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRecorded {
    /// The event.
    pub event: EventId,
    /// The verb.
    pub action: Action,
    /// Who gives or does.
    pub provider: PartyId,
    /// Who gets.
    pub receiver: PartyId,
    /// How much.
    pub quantity: Option<Quantity>,
    /// Its agreement.
    pub agreement: Option<AgreementId>,
}

/// Payload of [`READING_SEALED`], [`READING_PROVISIONAL`] and [`READING_CORRECTED`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadingComputed {
    /// The reading.
    pub reading: ReadingId,
    /// The meter.
    pub meter: MeterId,
    /// The metered asset.
    pub asset: AssetId,
    /// The agreement it is for.
    pub agreement: Option<AgreementId>,
    /// When.
    pub window: Window,
    /// How much.
    pub quantity: Decimal,
    /// Of what.
    pub unit: Unit,
    /// Covered share.
    pub coverage: Decimal,
    /// Its evidence.
    pub evidence: NiUri,
    /// Digest of its statement.
    pub digest: NiUri,
    /// The reading it corrects.
    pub supersedes: Option<ReadingId>,
}

impl ReadingComputed {
    pub(crate) fn of(statement: &Statement, digest: NiUri) -> Self {
        Self {
            reading: statement.reading,
            meter: statement.meter,
            asset: statement.asset,
            agreement: statement.agreement,
            window: statement.window,
            quantity: statement.quantity,
            unit: statement.unit,
            coverage: statement.coverage,
            evidence: statement.evidence,
            digest,
            supersedes: statement.supersedes,
        }
    }
}

/// Payload of [`CLAIM_ACCRUED`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimAccrued {
    /// The claim.
    pub claim: ClaimId,
    /// Its agreement.
    pub agreement: AgreementId,
    /// The record it follows from.
    pub cause: String,
    /// Who owes.
    pub debtor: PartyId,
    /// To whom.
    pub creditor: PartyId,
    /// Net amount; negative in a correction downwards.
    pub net: Money,
}

impl ClaimAccrued {
    pub(crate) fn of(claim: &Claim) -> Self {
        Self {
            claim: claim.id,
            agreement: claim.agreement,
            cause: claim.cause.clone(),
            debtor: claim.debtor,
            creditor: claim.creditor,
            net: claim.net,
        }
    }
}

/// Payload of [`INVOICE_ISSUED`] and [`INVOICE_SETTLED`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvoiceChanged {
    /// The paper.
    pub invoice: InvoiceId,
    /// What it is.
    pub kind: InvoiceKind,
    /// Its number.
    pub number: String,
    /// Its agreement.
    pub agreement: AgreementId,
    /// Seller.
    pub seller: PartyId,
    /// Buyer.
    pub buyer: PartyId,
    /// What is payable.
    pub payable: Money,
    /// What has been paid.
    pub settled: Money,
    /// Its state now.
    pub state: String,
}

impl InvoiceChanged {
    pub(crate) fn of(invoice: &Invoice) -> Self {
        Self {
            invoice: invoice.id,
            kind: invoice.kind,
            number: invoice.number.clone(),
            agreement: invoice.agreement,
            seller: invoice.seller,
            buyer: invoice.buyer,
            payable: invoice.totals.payable,
            settled: invoice.settled,
            state: invoice.state.to_string(),
        }
    }
}

/// Payload of [`TRANSFER_POSTED`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferPosted {
    /// The transfer.
    pub transfer: TransferId,
    /// Whose books.
    pub party: PartyId,
    /// What it did.
    pub kind: Kind,
    /// How much.
    pub amount: Money,
    /// Why.
    pub reason: Reason,
    /// The record behind it.
    pub cause: String,
}

impl TransferPosted {
    pub(crate) fn of(transfer: &Transfer, party: PartyId) -> Self {
        Self {
            transfer: transfer.id,
            party,
            kind: transfer.kind,
            amount: transfer.amount(),
            reason: transfer.reason,
            cause: transfer.cause.clone(),
        }
    }
}

/// Payload of [`CASE_OPENED`], [`CASE_DECIDED`] and [`CASE_CLOSED`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseChanged {
    /// The case.
    pub case: CaseId,
    /// What it is about.
    pub kind: CaseKind,
    /// The records.
    pub subjects: Vec<String>,
    /// The agreement.
    pub agreement: Option<AgreementId>,
    /// The outcome, when decided.
    pub outcome: Option<Outcome>,
    /// Its state now.
    pub state: String,
}
