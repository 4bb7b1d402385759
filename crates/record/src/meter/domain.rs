use kernel::{
    Decimal, Error, NiUri, Result, Timestamp, Unit,
    id::{AssetId, MeterId, PartyId, ReadingId},
};

use super::{Statement, rules::Rule};
use crate::machine::{machine, words};

words! {
    /// Where a meter stands.
    pub enum MeterState {
        /// Counts.
        Active "active";
        /// No longer used; its readings stay.
        Retired "retired";
    }
}

machine! {
    /// Where a reading stands. Its statement never changes.
    pub enum ReadingState refuses "record.reading.step" {
        /// Too little of its window is covered: neither billable nor a trigger nor a score input (I19).
        Provisional "provisional" => [Superseded];
        /// Counts.
        Sealed "sealed" => [Disputed, Billed, Superseded];
        /// A party doubts it; nothing moves until a case is closed.
        Disputed "disputed" => [Sealed, Billed, Superseded];
        /// On an invoice.
        Billed "billed" => [Disputed, Superseded];
        /// A correction took its place.
        Superseded "superseded" => [];
    }
}

/// A meter: a rule over one property of one asset.
#[derive(Debug, Clone, PartialEq, serde::Serialize, utoipa::ToSchema)]
pub struct Meter {
    /// Its id.
    #[schema(value_type = String)]
    pub id: MeterId,
    /// Whose machine it is.
    #[schema(value_type = String)]
    pub tenant: PartyId,
    /// The metered asset.
    #[schema(value_type = String)]
    pub asset: AssetId,
    /// What it is called.
    pub name: String,
    /// Unit of its readings.
    #[schema(value_type = String)]
    pub unit: Unit,
    /// How it counts. Another rule is another meter.
    pub rule: Rule,
    /// Readings begin here at the earliest.
    #[schema(value_type = String, format = DateTime)]
    pub active_from: Timestamp,
    /// Where it stands.
    pub state: MeterState,
}

/// A reading: a sealed statement and what became of it.
#[derive(Debug, Clone, PartialEq, serde::Serialize, utoipa::ToSchema)]
pub struct Reading {
    /// What it says.
    #[serde(flatten)]
    pub statement: Statement,
    /// Digest of the statement.
    #[schema(value_type = String)]
    pub digest: NiUri,
    /// Whose machine it was.
    #[schema(value_type = String)]
    pub provider: PartyId,
    /// For whom it worked.
    #[schema(value_type = Option<String>)]
    pub receiver: Option<PartyId>,
    /// Uncovered time between the reading before it and this one, for the same meter and agreement: explicit, 0 when they touch.
    pub gap_before_us: i64,
    /// Coverage that was demanded.
    #[schema(value_type = String)]
    pub coverage_minimum: Decimal,
    /// The correction that took its place.
    #[schema(value_type = Option<String>)]
    pub superseded_by: Option<ReadingId>,
    /// Where it stands.
    pub state: ReadingState,
    /// When it was sealed.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub sealed_at: Option<Timestamp>,
}

impl Reading {
    /// Its id.
    pub fn id(&self) -> ReadingId {
        self.statement.reading
    }

    /// Refuses unless it counts: I19.
    ///
    /// # Errors
    /// `record.reading.not-sealed`.
    pub fn require_billable(&self) -> Result<()> {
        match self.state {
            ReadingState::Sealed | ReadingState::Billed => Ok(()),
            state => Err(Error::conflict("record.reading.not-sealed", format!("the reading {} is {state}", self.id()))
                .hint("only sealed readings are billed; a provisional one needs more data and a correction")),
        }
    }
}
