use appkit::{Row, Tx, params};
use kernel::{
    Error, Result, Timestamp,
    id::{AgreementId, CaseId, PartyId},
};
use serde::{Deserialize, Serialize};

use super::{CaseKind, CaseState, Outcome};
use crate::sql::{Source, json};

/// A case.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Case {
    /// Its id.
    #[schema(value_type = String)]
    pub id: CaseId,
    /// What it is about.
    pub kind: CaseKind,
    /// In a few words.
    pub title: String,
    /// The records it is about.
    pub subjects: Vec<String>,
    /// The agreement.
    #[schema(value_type = Option<String>)]
    pub agreement: Option<AgreementId>,
    /// Who opened it.
    #[schema(value_type = String)]
    pub opened_by: PartyId,
    /// Who takes part.
    #[schema(value_type = Vec<String>)]
    pub parties: Vec<PartyId>,
    /// What was said and shown, in order.
    pub notes: Vec<Note>,
    /// When the default outcome comes about.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub deadline_at: Option<Timestamp>,
    /// What comes about when nobody decides.
    pub default_outcome: Outcome,
    /// What was decided.
    pub outcome: Option<Outcome>,
    /// Where it stands.
    pub state: CaseState,
    /// When it was opened.
    #[schema(value_type = String, format = DateTime)]
    pub opened_at: Timestamp,
    /// When it was closed.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub closed_at: Option<Timestamp>,
}

/// Something said or shown in a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CaseNote)]
pub struct Note {
    /// By which party.
    #[schema(value_type = String)]
    pub party: PartyId,
    /// By whom.
    pub by: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// What.
    pub text: String,
    /// Evidence or another record that it points to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cites: Option<String>,
}

pub(super) const COLUMNS: &str = "c.id, c.kind, c.title, c.subjects, c.agreement, c.opened_by, c.parties, c.notes, c.deadline_at, \
     c.default_outcome, c.outcome, c.state, c.opened_at, c.closed_at";

pub(super) fn from_row(row: &Row) -> Result<Case> {
    Ok(Case {
        id: row.id("id")?,
        kind: row.parse("kind")?,
        title: row.get("title")?,
        subjects: row.json("subjects")?,
        agreement: row.opt_id("agreement")?,
        opened_by: row.id("opened_by")?,
        parties: row.json("parties")?,
        notes: row.json("notes")?,
        deadline_at: row.opt_time("deadline_at")?,
        default_outcome: row.parse("default_outcome")?,
        outcome: row.get::<Option<String>>("outcome")?.map(|text| text.parse()).transpose()?,
        state: row.parse("state")?,
        opened_at: row.time("opened_at")?,
        closed_at: row.opt_time("closed_at")?,
    })
}

/// A case by id.
///
/// # Errors
/// `record.case.unknown`.
pub async fn case_get(source: &mut impl Source, id: CaseId) -> Result<Case> {
    let sql = format!("SELECT {COLUMNS} FROM record_case c WHERE c.id = $1");
    match source.one(&sql, params![id]).await? {
        Some(row) => from_row(&row),
        None => Err(Error::not_found("record.case.unknown", format!("there is no case {id}"))),
    }
}

/// The cases a party takes part in, by id.
pub async fn case_list(source: &mut impl Source, party: PartyId, after: &str, limit: usize) -> Result<Vec<Case>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM record_case_party p JOIN record_case c ON c.id = p.case_id
         WHERE p.party = $1 AND p.case_id > $2 ORDER BY p.case_id LIMIT $3"
    );
    source.rows(&sql, params![party, after, limit]).await?.iter().map(from_row).collect()
}

pub(super) async fn save(tx: &mut Tx, case: &Case) -> Result<()> {
    tx.exec(
        "UPDATE record_case SET notes = $2, deadline_at = $3, outcome = $4, state = $5, closed_at = $6 WHERE id = $1",
        params![
            case.id,
            json(&case.notes)?,
            case.deadline_at,
            case.outcome.map(|outcome| outcome.as_str()),
            case.state.as_str(),
            case.closed_at
        ],
    )
    .await?;
    Ok(())
}

pub(super) async fn other_dispute(tx: &mut Tx, agreement: AgreementId) -> Result<Option<CaseId>> {
    let sql = "SELECT id FROM record_case WHERE agreement = $1 AND kind = 'dispute' AND state <> 'closed' ORDER BY id LIMIT 1";
    Source::one(tx, sql, params![agreement]).await?.map(|row| row.id("id")).transpose()
}

/// Whether another open dispute is about the same record.
pub(super) async fn still_disputed(tx: &mut Tx, case: &Case, subject: &str) -> Result<bool> {
    let Some(agreement) = case.agreement else { return Ok(false) };
    let sql = format!(
        "SELECT {COLUMNS} FROM record_case c WHERE c.agreement = $1 AND c.kind = 'dispute' AND c.state <> 'closed'"
    );
    let open: Vec<Case> =
        Source::rows(tx, &sql, params![agreement]).await?.iter().map(from_row).collect::<Result<_>>()?;
    Ok(open.iter().any(|other| other.id != case.id && other.subjects.iter().any(|other| other == subject)))
}
