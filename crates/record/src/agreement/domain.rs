use kernel::{
    Currency, Decimal, Error, Money, Result, Timestamp,
    id::{AgreementId, OfferId, PartyId},
};
use serde::{Deserialize, Serialize};

use super::clauses::{Acceptance, Clause, Coverage, Dispute, Escrow, Price, Tolerance};
use crate::machine::machine;

machine! {
    /// Where an agreement stands.
    pub enum AgreementState refuses "record.agreement.step" {
        /// Being written.
        Draft "draft" => [Proposed, Terminated];
        /// Put to the parties.
        Proposed "proposed" => [Signed, Terminated];
        /// Signed by all of them.
        Signed "signed" => [Active, Terminated];
        /// In force.
        Active "active" => [Suspended, Completed, Terminated];
        /// In force, but nothing new may begin.
        Suspended "suspended" => [Active, Completed, Terminated];
        /// Done.
        Completed "completed" => [];
        /// Ended before it was done.
        Terminated "terminated" => [];
    }
}

/// A party's signature under the clauses' digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AgreementSignature)]
pub struct Signature {
    /// The party.
    #[schema(value_type = String)]
    pub party: PartyId,
    /// Who signed for it.
    pub by: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// What was signed: digest of title, parties and clauses.
    pub digest: String,
}

/// An agreement between a provider and a receiver, and whoever else takes part.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Agreement {
    /// Its id.
    #[schema(value_type = String)]
    pub id: AgreementId,
    /// What it is called.
    pub title: String,
    /// Who gives or does.
    #[schema(value_type = String)]
    pub provider: PartyId,
    /// Who gets and pays.
    #[schema(value_type = String)]
    pub receiver: PartyId,
    /// Who else takes part and must sign.
    #[schema(value_type = Vec<String>)]
    pub others: Vec<PartyId>,
    /// The framework or the amended agreement.
    #[schema(value_type = Option<String>)]
    pub parent: Option<AgreementId>,
    /// The offer it came from.
    #[schema(value_type = Option<String>)]
    pub offer: Option<OfferId>,
    /// What was agreed.
    pub clauses: Vec<Clause>,
    /// Who signed.
    pub signatures: Vec<Signature>,
    /// Where it stands.
    pub state: AgreementState,
    /// When it was written.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

macro_rules! clause_getters {
    ($($(#[$doc:meta])* $name:ident => $variant:ident($type:ty);)*) => {
        $($(#[$doc])*
        pub fn $name(&self) -> Option<&$type> {
            self.clauses.iter().find_map(|clause| match clause { Clause::$variant(it) => Some(it), _ => None })
        })*
    };
}

impl Agreement {
    clause_getters! {
        /// The first price.
        price => Price(Price);
        /// The tolerance.
        tolerance => Tolerance(Tolerance);
        /// The escrow.
        escrow => Escrow(Escrow);
        /// The acceptance rule.
        acceptance => Acceptance(Acceptance);
        /// The coverage threshold.
        coverage => Coverage(Coverage);
        /// The dispute rule.
        dispute => Dispute(Dispute);
    }

    /// Everybody who takes part.
    pub fn parties(&self) -> Vec<PartyId> {
        let mut parties = vec![self.provider, self.receiver];
        parties.extend(&self.others);
        parties
    }

    /// The price clauses with their place in the agreement.
    pub fn prices(&self) -> impl Iterator<Item = (usize, &Price)> {
        self.clauses.iter().enumerate().filter_map(|(index, clause)| match clause {
            Clause::Price(price) => Some((index, price)),
            _ => None,
        })
    }

    /// Share of a window that must be covered; the whole of it when nothing was agreed would be too strict for any sensor,
    /// so nothing agreed means nine tenths.
    pub fn coverage_minimum(&self) -> Decimal {
        self.coverage().map_or(Decimal::new(9, 1), |coverage| coverage.minimum)
    }

    /// Share above a promise that is accepted.
    pub fn tolerance_share(&self) -> Decimal {
        self.tolerance().map_or(Decimal::ZERO, |tolerance| tolerance.share)
    }

    /// The agreement's one currency, from its price or escrow.
    pub fn currency(&self) -> Option<Currency> {
        self.price().map(|price| price.currency).or_else(|| self.escrow().map(|escrow| escrow.amount.currency()))
    }

    /// What is to be set aside.
    pub fn escrow_amount(&self) -> Option<Money> {
        self.escrow().map(|escrow| escrow.amount)
    }

    /// Refuses unless something may happen under it.
    ///
    /// # Errors
    /// `record.agreement.not-active`.
    pub fn require_active(&self) -> Result<()> {
        if self.state == AgreementState::Active {
            return Ok(());
        }
        Err(Error::conflict("record.agreement.not-active", format!("the agreement is {}", self.state))
            .hint("all parties sign and it is activated before anything happens under it"))
    }
}
