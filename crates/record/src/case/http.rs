use appkit::{Caller, Host, IdemKey, Page, Path, Policy, Problem, Reply, Role, Routes, routes};
use axum::extract::State;
use kernel::{
    Timestamp,
    id::{AgreementId, CaseId, PartyId},
};
use serde::{Deserialize, Serialize};

use super::{Case, CaseKind, NewCase, Outcome, app, may_decide, store};
use crate::{
    http::{get_handler, list_handler, same_answer, takes_part},
    wire::text_check,
};
use appkit::Json;

pub(crate) fn routes() -> Routes {
    Routes::new("record")
        .add(Policy::view("record.case.list"), routes!(case_list))
        .add(Policy::view("record.case.read"), routes!(case_get))
        .add(Policy::trade("record.case.open"), routes!(case_open))
        .add(Policy::trade("record.case.note"), routes!(case_note))
        .add(Policy::trade("record.case.decide"), routes!(case_decide))
        .add(Policy::trade("record.case.appeal"), routes!(case_appeal))
        .add(Policy::trade("record.case.close"), routes!(case_close))
}

list_handler! {
    /// The cases the organisation takes part in.
    case_list, "/api/v1/cases", "record", Case, store::case_list
}
get_handler! {
    /// One case.
    case_get, "/api/v1/cases/{id}", "record", CaseId, Case, store::case_get, "case", "record.case.read", |case| {
        let mut parties = vec![case.opened_by];
        parties.extend(&case.parties);
        parties
    }
}

/// A case.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct CaseRequest {
    /// What it is about.
    kind: CaseKind,
    /// In a few words, 1–200 characters.
    title: String,
    /// Ids of the records it is about, at most 50.
    #[serde(default)]
    subjects: Vec<String>,
    /// The agreement; its parties take part. A dispute needs one.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    agreement: Option<AgreementId>,
    /// What is said at first.
    #[serde(default)]
    text: String,
    /// When the default outcome comes about.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    deadline_at: Option<Timestamp>,
}

/// Opens a case. A dispute marks its subjects and freezes the agreement's escrow; when nobody decides before the deadline,
/// what was recorded stands.
#[utoipa::path(post, path = "/api/v1/cases", tag = "record", request_body = CaseRequest,
    responses((status = 201, body = Case), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn case_open(
    State(host): State<Host>,
    caller: Caller,
    key: IdemKey,
    Json(request): Json<CaseRequest>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "record.case.open", &key, &request).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let CaseRequest { kind, title, subjects, agreement, text, deadline_at } = request;
    text_check(&title, 200, "/title")?;
    text_check(&text, 4000, "/text")?;
    for (index, subject) in subjects.iter().enumerate() {
        text_check(subject, 80, &format!("/subjects/{index}"))?;
    }
    let mut default_deadline = None;
    if kind == CaseKind::Dispute {
        let Some(agreement) = agreement else {
            return Err(kernel::Error::unprocessable(
                "record.case.agreement-needed",
                "a dispute is about an agreement",
            )
            .field("/agreement", "must be named")
            .into());
        };
        let agreement = same_answer(crate::agreement::agreement_get(command.tx(), agreement).await)?;
        takes_part(&caller, &agreement.parties())?;
        let hours = agreement.dispute().map_or(168, |dispute| dispute.decide_hours.max(1));
        default_deadline = Some(command.tx().now() + kernel::Duration::from_hours(i64::from(hours)));
    }
    let new = NewCase {
        kind,
        title,
        subjects,
        agreement,
        opened_by: caller.tenant,
        parties: Vec::<PartyId>::new(),
        text,
        deadline_at: deadline_at.or(default_deadline),
        default_outcome: Outcome::Upheld,
    };
    let case = app::case_open(command.tx(), new).await?;
    command.reply(201, &case).await
}

/// Something said or shown.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct NoteRequest {
    /// What, 1–4 000 characters.
    text: String,
    /// Evidence or another record that it points to.
    #[serde(default)]
    cites: Option<String>,
}

/// Adds what the organisation says or shows.
#[utoipa::path(post, path = "/api/v1/cases/{id}/notes", tag = "record", params(("id" = String, Path)), request_body = NoteRequest,
    responses((status = 200, body = Case), (status = 404, body = Problem)))]
async fn case_note(
    State(host): State<Host>,
    caller: Caller,
    key: IdemKey,
    Path(id): Path<CaseId>,
    Json(note): Json<NoteRequest>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "record.case.note", &key, &(id, &note)).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    text_check(&note.text, 4000, "/text")?;
    text_check(note.cites.as_deref().unwrap_or(""), 200, "/cites")?;
    let case = same_answer(store::case_get(command.tx(), id).await)?;
    takes_part(&caller, &case.parties)?;
    let case = app::case_note_add(command.tx(), id, caller.tenant, note.text, note.cites).await?;
    command.reply(200, &case).await
}

/// A decision.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct DecideRequest {
    /// How it ends.
    outcome: Outcome,
    /// Why.
    #[serde(default)]
    text: String,
}

/// Decides a case. Nobody judges in its own cause: who opened it may withdraw (`upheld`), the other side may concede
/// (`corrected`, `rejected`), and anything else is for the installation's administrator.
#[utoipa::path(post, path = "/api/v1/cases/{id}/decide", tag = "record", params(("id" = String, Path)), request_body = DecideRequest,
    responses((status = 200, body = Case), (status = 403, body = Problem), (status = 409, body = Problem)))]
async fn case_decide(
    State(host): State<Host>,
    caller: Caller,
    key: IdemKey,
    Path(id): Path<CaseId>,
    Json(request): Json<DecideRequest>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "record.case.decide", &key, &(id, &request)).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    text_check(&request.text, 4000, "/text")?;
    let case = same_answer(store::case_get(command.tx(), id).await)?;
    let judge = caller.is_system() || caller.roles.contains(&Role::Platform);
    if !judge {
        takes_part(&caller, &case.parties)?;
        may_decide(caller.tenant == case.opened_by, request.outcome)?;
    }
    let case = app::case_decide(command.tx(), id, caller.tenant, request.outcome, request.text).await?;
    command.reply(200, &case).await
}

/// An appeal.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct AppealRequest {
    /// Why, 1–4 000 characters.
    text: String,
    /// Until when it is decided again.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    deadline_at: Option<Timestamp>,
}

/// Asks for another decision.
#[utoipa::path(post, path = "/api/v1/cases/{id}/appeal", tag = "record", params(("id" = String, Path)), request_body = AppealRequest,
    responses((status = 200, body = Case), (status = 409, body = Problem)))]
async fn case_appeal(
    State(host): State<Host>,
    caller: Caller,
    key: IdemKey,
    Path(id): Path<CaseId>,
    Json(request): Json<AppealRequest>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "record.case.appeal", &key, &(id, &request)).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    text_check(&request.text, 4000, "/text")?;
    let case = same_answer(store::case_get(command.tx(), id).await)?;
    takes_part(&caller, &case.parties)?;
    let case = app::case_appeal(command.tx(), id, caller.tenant, request.text, request.deadline_at).await?;
    command.reply(200, &case).await
}

/// Closes a decided case: what it froze is free again.
#[utoipa::path(post, path = "/api/v1/cases/{id}/close", tag = "record", params(("id" = String, Path)),
    responses((status = 200, body = Case), (status = 409, body = Problem)))]
async fn case_close(
    State(host): State<Host>,
    caller: Caller,
    key: IdemKey,
    Path(id): Path<CaseId>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "record.case.close", &key, &id).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let case = same_answer(store::case_get(command.tx(), id).await)?;
    takes_part(&caller, &case.parties)?;
    let case = app::case_close(command.tx(), id).await?;
    command.reply(200, &case).await
}
