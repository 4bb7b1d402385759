//! What one party owes another because of a fact.

use kernel::{
    Decimal, Money, NiUri, Quantity, Timestamp,
    id::{AgreementId, ClaimId, InvoiceId, PartyId},
};

use crate::machine::{machine, words};

machine! {
    /// Where a claim stands.
    pub enum ClaimState refuses "record.claim.step" {
        /// Follows from a fact.
        Accrued "accrued" => [Invoiced, Disputed, WrittenOff];
        /// On an invoice or note.
        Invoiced "invoiced" => [PartSettled, Settled, Disputed, WrittenOff];
        /// Paid in part.
        PartSettled "part_settled" => [Settled, Disputed, WrittenOff];
        /// Paid.
        Settled "settled" => [Disputed];
        /// Under dispute.
        Disputed "disputed" => [Accrued, Invoiced, PartSettled, Settled, WrittenOff];
        /// Given up.
        WrittenOff "written_off" => [];
    }
}

words! {
    /// What kind of record a claim follows from.
    pub enum CauseKind {
        /// A sealed reading.
        Reading "reading";
        /// An event.
        Event "event";
        /// The decision of a case.
        Case "case";
        /// A clause by itself, such as a fixed fee.
        Clause "clause";
    }
}

/// A claim.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Claim {
    /// Its id.
    #[schema(value_type = String)]
    pub id: ClaimId,
    /// The agreement.
    #[schema(value_type = String)]
    pub agreement: AgreementId,
    /// Index of the clause it applies.
    pub clause: u32,
    /// What kind of record it follows from.
    pub cause_kind: CauseKind,
    /// That record.
    pub cause: String,
    /// The claim that this one corrects by difference.
    #[schema(value_type = Option<String>)]
    pub corrects: Option<ClaimId>,
    /// Who owes.
    #[schema(value_type = String)]
    pub debtor: PartyId,
    /// To whom.
    #[schema(value_type = String)]
    pub creditor: PartyId,
    /// What for, as on the line.
    pub description: String,
    /// How much of it; negative in a correction downwards.
    #[schema(value_type = crate::wire::QuantitySchema)]
    pub quantity: Quantity,
    /// Net price of one unit.
    #[schema(value_type = String)]
    pub unit_price: Decimal,
    /// What a minimum added or a cap took away.
    #[schema(value_type = crate::wire::MoneySchema)]
    pub adjustment: Money,
    /// Line net, rounded; negative in a correction downwards.
    #[schema(value_type = crate::wire::MoneySchema)]
    pub net: Money,
    /// Tax rate, per cent.
    #[schema(value_type = String)]
    pub tax_percent: Decimal,
    /// Digest of the sealed statement behind it.
    #[schema(value_type = Option<String>)]
    pub statement: Option<NiUri>,
    /// Where it stands.
    pub state: ClaimState,
    /// The paper it is on.
    #[schema(value_type = Option<String>)]
    pub invoice: Option<InvoiceId>,
    /// When it accrued.
    #[schema(value_type = String, format = DateTime)]
    pub accrued_at: Timestamp,
}
