use appkit::{Row, Tx, params};
use kernel::{
    Error, Result, Timestamp,
    id::{AgreementId, CaseId, PartyId},
};
use serde::{Deserialize, Serialize};

use super::{CaseKind, CaseState, Outcome, deadline_check, default_due};
use crate::{
    agreement::agreement_get,
    claim::{
        self, CauseKind, Claim, ClaimState, Invoice, InvoiceState, claim_get, claim_list_by_cause,
        claim_list_by_invoice, invoice_get,
    },
    events,
    ledger::escrow_freeze_in_tx,
    meter::{self, ReadingState, reading_get},
    sql::{Source, json},
};

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

/// A case as one wants to open it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCase {
    /// What it is about.
    pub kind: CaseKind,
    /// In a few words.
    pub title: String,
    /// The records it is about: ids of readings, claims, invoices, alarms, …
    pub subjects: Vec<String>,
    /// The agreement; its parties take part.
    pub agreement: Option<AgreementId>,
    /// Who opens it.
    pub opened_by: PartyId,
    /// Who else takes part.
    pub parties: Vec<PartyId>,
    /// What is said at first.
    pub text: String,
    /// When the default outcome comes about.
    pub deadline_at: Option<Timestamp>,
    /// What comes about when nobody decides.
    pub default_outcome: Outcome,
}

const COLUMNS: &str = "c.id, c.kind, c.title, c.subjects, c.agreement, c.opened_by, c.parties, c.notes, c.deadline_at, \
     c.default_outcome, c.outcome, c.state, c.opened_at, c.closed_at";

fn from_row(row: &Row) -> Result<Case> {
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

/// Opens a case. A dispute freezes the escrow of its agreement and marks the readings, claims and invoices it is about.
///
/// # Errors
/// `record.case.title`, `record.case.deadline`, `record.case.not-a-party`, and when a subject cannot be disputed.
pub async fn case_open(tx: &mut Tx, new: NewCase) -> Result<Case> {
    let now = tx.now();
    deadline_check(new.deadline_at, now)?;
    if new.title.trim().is_empty() || new.title.chars().count() > 200 || new.subjects.len() > 50 {
        return Err(Error::unprocessable(
            "record.case.title",
            "a case needs a title of 1–200 characters and at most 50 subjects",
        ));
    }
    let mut parties = vec![new.opened_by];
    parties.extend(&new.parties);
    if let Some(agreement) = new.agreement {
        let agreement = agreement_get(tx, agreement).await?;
        if !agreement.parties().contains(&new.opened_by) {
            return Err(Error::not_found(
                "record.case.not-a-party",
                "this organisation takes no part in the agreement",
            ));
        }
        parties.extend(agreement.parties());
    }
    parties.sort_unstable();
    parties.dedup();
    let note = Note { party: new.opened_by, by: tx.caller().subject.to_string(), at: now, text: new.text, cites: None };
    let case = Case {
        id: tx.new_id(),
        kind: new.kind,
        title: new.title,
        subjects: new.subjects,
        agreement: new.agreement,
        opened_by: new.opened_by,
        parties,
        notes: vec![note],
        deadline_at: new.deadline_at,
        default_outcome: new.default_outcome,
        outcome: None,
        state: CaseState::Open,
        opened_at: now,
        closed_at: None,
    };
    tx.exec(
        "INSERT INTO record_case (id, kind, title, subjects, agreement, opened_by, parties, notes, deadline_at, default_outcome, outcome,
            state, opened_at, closed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, NULL, $11, $12, NULL)",
        params![
            case.id,
            case.kind.as_str(),
            &case.title,
            json(&case.subjects)?,
            case.agreement,
            case.opened_by,
            json(&case.parties)?,
            json(&case.notes)?,
            case.deadline_at,
            case.default_outcome.as_str(),
            case.state.as_str(),
            now
        ],
    )
    .await?;
    for party in &case.parties {
        tx.exec("INSERT INTO record_case_party (party, case_id) VALUES ($1, $2)", params![*party, case.id]).await?;
    }
    if case.kind == CaseKind::Dispute {
        for subject in &case.subjects {
            subject_dispute(tx, &case, subject).await?;
        }
        if let Some(agreement) = case.agreement {
            escrow_freeze_in_tx(tx, agreement, Some(case.id)).await?;
        }
    }
    publish(tx, events::CASE_OPENED, &case)?;
    Ok(case)
}

/// Adds what a party says or shows; the first one moves the case to the hearing of evidence.
///
/// # Errors
/// `record.case.not-a-party`, `record.case.closed`.
pub async fn case_note_add(
    tx: &mut Tx,
    id: CaseId,
    party: PartyId,
    text: String,
    cites: Option<String>,
) -> Result<Case> {
    let mut case = case_get(tx, id).await?;
    if !case.parties.contains(&party) {
        return Err(Error::not_found("record.case.not-a-party", "this organisation takes no part in the case"));
    }
    if case.state == CaseState::Closed || case.notes.len() >= 500 {
        return Err(Error::conflict("record.case.closed", "the case takes no further notes"));
    }
    if case.state == CaseState::Open {
        case.state = case.state.to(CaseState::Evidence)?;
    }
    case.notes.push(Note { party, by: tx.caller().subject.to_string(), at: tx.now(), text, cites });
    save(tx, &case).await?;
    Ok(case)
}

/// Decides a case.
///
/// # Errors
/// `record.case.step`.
pub async fn case_decide(tx: &mut Tx, id: CaseId, party: PartyId, outcome: Outcome, text: String) -> Result<Case> {
    let mut case = case_get(tx, id).await?;
    case.state = case.state.to(CaseState::Decided)?;
    case.outcome = Some(outcome);
    case.notes.push(Note { party, by: tx.caller().subject.to_string(), at: tx.now(), text, cites: None });
    save(tx, &case).await?;
    publish(tx, events::CASE_DECIDED, &case)?;
    Ok(case)
}

/// Asks for another decision until a new deadline.
///
/// # Errors
/// `record.case.step`, `record.case.deadline`, `record.case.not-a-party`.
pub async fn case_appeal(
    tx: &mut Tx,
    id: CaseId,
    party: PartyId,
    text: String,
    deadline_at: Option<Timestamp>,
) -> Result<Case> {
    let mut case = case_get(tx, id).await?;
    if !case.parties.contains(&party) {
        return Err(Error::not_found("record.case.not-a-party", "this organisation takes no part in the case"));
    }
    deadline_check(deadline_at, tx.now())?;
    case.state = case.state.to(CaseState::Appeal)?;
    case.deadline_at = deadline_at;
    case.notes.push(Note { party, by: tx.caller().subject.to_string(), at: tx.now(), text, cites: None });
    save(tx, &case).await?;
    Ok(case)
}

/// Closes a decided case: what it froze is free, what it marked goes back to where its payments put it.
///
/// # Errors
/// `record.case.step`.
pub async fn case_close(tx: &mut Tx, id: CaseId) -> Result<Case> {
    let mut case = case_get(tx, id).await?;
    case.state = case.state.to(CaseState::Closed)?;
    case.closed_at = Some(tx.now());
    save(tx, &case).await?;
    if case.kind == CaseKind::Dispute {
        for subject in &case.subjects {
            subject_restore(tx, &case, subject).await?;
        }
        if let Some(agreement) = case.agreement {
            let other = other_dispute(tx, agreement).await?;
            escrow_freeze_in_tx(tx, agreement, other).await?;
        }
    }
    publish(tx, events::CASE_CLOSED, &case)?;
    Ok(case)
}

/// Brings about the default outcome of every case whose deadline has passed; how many.
pub async fn cases_expire_in_tx(tx: &mut Tx) -> Result<usize> {
    let now = tx.now();
    let sql = format!(
        "SELECT {COLUMNS} FROM record_case c WHERE c.state IN ('open', 'evidence', 'appeal') AND c.deadline_at <= $1 ORDER BY c.deadline_at, c.id"
    );
    let due: Vec<Case> = Source::rows(tx, &sql, params![now]).await?.iter().map(from_row).collect::<Result<_>>()?;
    let mut count = 0;
    for case in due.into_iter().filter(|case| default_due(case.state, case.deadline_at, now)) {
        case_decide(tx, case.id, case.opened_by, case.default_outcome, "nobody decided before the deadline".into())
            .await?;
        count += 1;
    }
    Ok(count)
}

async fn other_dispute(tx: &mut Tx, agreement: AgreementId) -> Result<Option<CaseId>> {
    let sql = "SELECT id FROM record_case WHERE agreement = $1 AND kind = 'dispute' AND state <> 'closed' ORDER BY id LIMIT 1";
    Source::one(tx, sql, params![agreement]).await?.map(|row| row.id("id")).transpose()
}

/// Whether another open dispute is about the same record.
async fn still_disputed(tx: &mut Tx, case: &Case, subject: &str) -> Result<bool> {
    let Some(agreement) = case.agreement else { return Ok(false) };
    let sql = format!(
        "SELECT {COLUMNS} FROM record_case c WHERE c.agreement = $1 AND c.kind = 'dispute' AND c.state <> 'closed'"
    );
    let open: Vec<Case> =
        Source::rows(tx, &sql, params![agreement]).await?.iter().map(from_row).collect::<Result<_>>()?;
    Ok(open.iter().any(|other| other.id != case.id && other.subjects.iter().any(|other| other == subject)))
}

async fn subject_dispute(tx: &mut Tx, case: &Case, subject: &str) -> Result<()> {
    let foreign =
        || Error::unprocessable("record.case.foreign-subject", format!("{subject} is not of the disputed agreement"));
    if subject.starts_with("rdg_") {
        let mut reading = reading_get(tx, subject.parse()?).await?;
        if reading.statement.agreement != case.agreement {
            return Err(foreign());
        }
        if reading.state != ReadingState::Disputed {
            reading.state = reading.state.to(ReadingState::Disputed)?;
            meter::store::reading_save(tx, &reading).await?;
        }
        for claim in claim_list_by_cause(tx, CauseKind::Reading, subject).await? {
            claim_dispute(tx, claim).await?;
        }
    } else if subject.starts_with("clm_") {
        let claim = claim_get(tx, subject.parse()?).await?;
        if Some(claim.agreement) != case.agreement {
            return Err(foreign());
        }
        claim_dispute(tx, claim).await?;
    } else if subject.starts_with("inv_") {
        let invoice = invoice_get(tx, subject.parse()?).await?;
        if Some(invoice.agreement) != case.agreement {
            return Err(foreign());
        }
        for claim in claim_list_by_invoice(tx, invoice.id).await? {
            claim_dispute(tx, claim).await?;
        }
        invoice_dispute(tx, invoice).await?;
    }
    Ok(())
}

async fn claim_dispute(tx: &mut Tx, mut claim: Claim) -> Result<()> {
    if claim.state == ClaimState::Disputed {
        return Ok(());
    }
    claim.state = claim.state.to(ClaimState::Disputed)?;
    claim::store::claim_save(tx, &claim).await?;
    if let Some(invoice) = claim.invoice {
        let invoice = invoice_get(tx, invoice).await?;
        invoice_dispute(tx, invoice).await?;
    }
    Ok(())
}

async fn invoice_dispute(tx: &mut Tx, mut invoice: Invoice) -> Result<()> {
    if invoice.state != InvoiceState::Disputed {
        invoice.state = invoice.state.to(InvoiceState::Disputed)?;
        claim::store::invoice_save(tx, &invoice).await?;
    }
    Ok(())
}

async fn subject_restore(tx: &mut Tx, case: &Case, subject: &str) -> Result<()> {
    if still_disputed(tx, case, subject).await? {
        return Ok(());
    }
    let mut claims = Vec::new();
    if subject.starts_with("rdg_") {
        claims = claim_list_by_cause(tx, CauseKind::Reading, subject).await?;
        let mut reading = reading_get(tx, subject.parse()?).await?;
        if reading.state == ReadingState::Disputed {
            let billed = claims.iter().any(|claim| claim.invoice.is_some());
            reading.state = reading.state.to(if billed { ReadingState::Billed } else { ReadingState::Sealed })?;
            meter::store::reading_save(tx, &reading).await?;
        }
    } else if subject.starts_with("clm_") {
        claims.push(claim_get(tx, subject.parse()?).await?);
    } else if subject.starts_with("inv_") {
        let id = subject.parse()?;
        claims = claim_list_by_invoice(tx, id).await?;
        let invoice = invoice_get(tx, id).await?;
        invoice_restore(tx, invoice).await?;
    }
    for mut claim in claims.into_iter().filter(|claim| claim.state == ClaimState::Disputed) {
        let mut next = ClaimState::Accrued;
        if let Some(id) = claim.invoice {
            let invoice = invoice_get(tx, id).await?;
            next = match paid_state(&invoice)? {
                InvoiceState::Settled => ClaimState::Settled,
                InvoiceState::PartSettled => ClaimState::PartSettled,
                _ => ClaimState::Invoiced,
            };
            invoice_restore(tx, invoice).await?;
        }
        claim.state = claim.state.to(next)?;
        claim::store::claim_save(tx, &claim).await?;
    }
    Ok(())
}

fn paid_state(invoice: &Invoice) -> Result<InvoiceState> {
    Ok(match (invoice.open()?.minor(), invoice.settled.minor()) {
        (0, _) => InvoiceState::Settled,
        (_, 0) => InvoiceState::Issued,
        _ => InvoiceState::PartSettled,
    })
}

async fn invoice_restore(tx: &mut Tx, mut invoice: Invoice) -> Result<()> {
    if invoice.state == InvoiceState::Disputed {
        invoice.state = invoice.state.to(paid_state(&invoice)?)?;
        claim::store::invoice_save(tx, &invoice).await?;
    }
    Ok(())
}

async fn save(tx: &mut Tx, case: &Case) -> Result<()> {
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

fn publish(tx: &mut Tx, kind: &'static str, case: &Case) -> Result<()> {
    let payload = events::CaseChanged {
        case: case.id,
        kind: case.kind,
        subjects: case.subjects.clone(),
        agreement: case.agreement,
        outcome: case.outcome,
        state: case.state.to_string(),
    };
    tx.publish(kind, 1, case.id.to_string(), case.opened_by, &payload)
}
