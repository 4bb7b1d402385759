use appkit::{Tx, params};
use kernel::{
    Error, Result, Timestamp,
    id::{AgreementId, CaseId, PartyId},
};

use super::{
    Case, CaseKind, CaseState, Note, Outcome, deadline_check, default_due,
    dispute::{subject_dispute, subject_restore},
    store::{COLUMNS, case_get, from_row, other_dispute, save},
};
use crate::{
    agreement::agreement_get,
    events,
    ledger::escrow_freeze_in_tx,
    sql::{Source, json},
};

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
