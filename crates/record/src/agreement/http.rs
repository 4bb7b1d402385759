use appkit::{Caller, Host, IdemKey, Json, Page, Path, Policy, Problem, Reply, Routes, routes};
use axum::extract::State;
use kernel::id::{AgreementId, OfferId, PartyId};
use serde::{Deserialize, Serialize};

use super::{Agreement, AgreementState, Clause, Escrow, NewAgreement, app, store};
use crate::{
    claim::{Claim, Invoice, claim_list_by_agreement, invoice_list_by_agreement},
    commitment::{Commitment, commitment_list_by_agreement},
    event::{Event, event_list_by_agreement},
    http::{StepRequest, get_handler, list_handler, same_answer, takes_part, visible},
    ledger::{escrow_balance, escrow_fund_in_tx},
    meter::{reading_http::ReadingView, reading_list_by_agreement},
    wire::text_check,
};

pub(crate) fn routes() -> Routes {
    Routes::new("record")
        .add(Policy::view("record.agreement.list"), routes!(agreement_list))
        .add(Policy::view("record.agreement.read"), routes!(agreement_get))
        .add(Policy::view("record.agreement.contents"), routes!(agreement_contents))
        .add(Policy::trade("record.agreement.create"), routes!(agreement_create))
        .add(Policy::trade("record.agreement.sign"), routes!(agreement_sign))
        .add(Policy::trade("record.agreement.step"), routes!(agreement_step))
        .add(Policy::finance("record.agreement.fund"), routes!(agreement_fund))
}

list_handler! {
    /// The agreements the organisation takes part in.
    agreement_list, "/api/v1/agreements", "record", Agreement, store::agreement_list
}
get_handler! {
    /// One agreement.
    agreement_get, "/api/v1/agreements/{id}", "record", AgreementId, Agreement, store::agreement_get, "agreement", "record.agreement.read",
    |agreement| agreement.parties()
}

/// Everything that happened under an agreement.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct AgreementContents {
    /// Promises.
    commitments: Vec<Commitment>,
    /// Facts.
    events: Vec<Event>,
    /// Readings.
    readings: Vec<ReadingView>,
    /// Claims.
    claims: Vec<Claim>,
    /// Invoices and credit notes.
    invoices: Vec<Invoice>,
    /// What the escrow holds.
    #[schema(value_type = Option<crate::wire::MoneySchema>)]
    escrow: Option<kernel::Money>,
}

/// Promises, facts, readings, claims and papers of an agreement.
#[utoipa::path(get, path = "/api/v1/agreements/{id}/contents", tag = "record", params(("id" = String, Path)),
    responses((status = 200, body = AgreementContents), (status = 404, body = Problem)))]
async fn agreement_contents(
    State(host): State<Host>,
    caller: Caller,
    Path(id): Path<AgreementId>,
) -> appkit::Result<Json<AgreementContents>> {
    let agreement = same_answer(store::agreement_get(&mut host.db(), id).await)?;
    visible(&host, &caller, "record.agreement.contents", "agreement", id, &agreement.parties()).await?;
    let mut db = host.db();
    let escrow = match agreement.currency() {
        Some(currency) => Some(escrow_balance(&mut db, id, agreement.receiver, currency).await?),
        None => None,
    };
    Ok(Json(AgreementContents {
        commitments: commitment_list_by_agreement(&mut db, id).await?,
        events: event_list_by_agreement(&mut db, id).await?,
        readings: reading_list_by_agreement(&mut db, id).await?.into_iter().map(ReadingView::from).collect(),
        claims: claim_list_by_agreement(&mut db, id).await?,
        invoices: invoice_list_by_agreement(&mut db, id).await?,
        escrow,
    }))
}

/// A draft of an agreement; the caller's organisation is one of its sides.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct AgreementRequest {
    /// What it is called, 1–200 characters.
    title: String,
    /// Who gives or does.
    #[schema(value_type = String)]
    provider: PartyId,
    /// Who gets and pays.
    #[schema(value_type = String)]
    receiver: PartyId,
    /// Who else must sign, at most 20.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    others: Vec<PartyId>,
    /// The framework or the amended agreement.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    parent: Option<AgreementId>,
    /// The offer it comes from.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    offer: Option<OfferId>,
    /// What is agreed.
    clauses: Vec<Clause>,
}

/// Drafts an agreement and puts it to the parties.
#[utoipa::path(post, path = "/api/v1/agreements", tag = "record", request_body = AgreementRequest,
    responses((status = 201, body = Agreement), (status = 422, body = Problem)))]
async fn agreement_create(
    State(host): State<Host>,
    caller: Caller,
    key: IdemKey,
    Json(request): Json<AgreementRequest>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "record.agreement.create", &key, &request).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let AgreementRequest { title, provider, receiver, others, parent, offer, clauses } = request;
    text_check(&title, 200, "/title")?;
    let new = NewAgreement { title, provider, receiver, others, parent, offer, clauses };
    if ![new.provider, new.receiver].contains(&caller.tenant) {
        return Err(kernel::Error::unprocessable(
            "record.agreement.parties",
            "the caller's organisation is no side of the agreement",
        )
        .field("/provider", "or /receiver must be your organisation")
        .into());
    }
    for party in [new.provider, new.receiver].iter().chain(&new.others) {
        crate::party::party_get(command.tx(), *party).await?;
    }
    if let Some(parent) = new.parent {
        let parent = same_answer(store::agreement_get(command.tx(), parent).await)?;
        takes_part(&caller, &parent.parties())?;
    }
    let agreement = app::agreement_draft(command.tx(), new).await?;
    let agreement = app::agreement_step(command.tx(), agreement.id, AgreementState::Proposed).await?;
    command.reply(201, &agreement).await
}

/// Signs for the caller's organisation; once everybody has, the agreement is signed.
#[utoipa::path(post, path = "/api/v1/agreements/{id}/sign", tag = "record", params(("id" = String, Path)),
    responses((status = 200, body = Agreement), (status = 409, body = Problem)))]
async fn agreement_sign(
    State(host): State<Host>,
    caller: Caller,
    key: IdemKey,
    Path(id): Path<AgreementId>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "record.agreement.sign", &key, &id).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let agreement = same_answer(store::agreement_get(command.tx(), id).await)?;
    takes_part(&caller, &agreement.parties())?;
    let agreement = app::agreement_sign(command.tx(), id, caller.tenant, &caller.subject.to_string()).await?;
    command.reply(200, &agreement).await
}

/// Takes a step: active (needs the agreed escrow), suspended, completed (by the receiver, when everything is paid), terminated
/// (before it is in force). What is left in escrow goes back.
#[utoipa::path(post, path = "/api/v1/agreements/{id}/state", tag = "record", params(("id" = String, Path)), request_body = StepRequest,
    responses((status = 200, body = Agreement), (status = 409, body = Problem)))]
async fn agreement_step(
    State(host): State<Host>,
    caller: Caller,
    key: IdemKey,
    Path(id): Path<AgreementId>,
    Json(step): Json<StepRequest>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "record.agreement.step", &key, &(id, &step)).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let agreement = same_answer(store::agreement_get(command.tx(), id).await)?;
    takes_part(&caller, &agreement.parties())?;
    let to: AgreementState = step.to.parse()?;
    if let (AgreementState::Active, Some(Escrow { amount })) = (to, agreement.escrow()) {
        let held = escrow_balance(command.tx(), id, agreement.receiver, amount.currency()).await?;
        if held.minor() < amount.minor() {
            return Err(kernel::Error::conflict(
                "record.agreement.escrow-missing",
                format!("{held} of {amount} are in escrow"),
            )
            .hint("the receiver funds the escrow first")
            .into());
        }
    }
    let ended = match to {
        // What was promised is done when the side that pays says so.
        AgreementState::Completed => {
            takes_part(&caller, &[agreement.receiver])?;
            app::agreement_close(command.tx(), id, to).await?
        }
        AgreementState::Terminated => app::agreement_close(command.tx(), id, to).await?,
        _ => app::agreement_step(command.tx(), id, to).await?,
    };
    command.reply(200, &ended).await
}

/// Sets the agreed amount aside, out of the receiver's cash. Done once; asking again changes nothing.
#[utoipa::path(post, path = "/api/v1/agreements/{id}/escrow", tag = "record", params(("id" = String, Path)),
    responses((status = 200, body = EscrowView), (status = 409, body = Problem)))]
async fn agreement_fund(
    State(host): State<Host>,
    caller: Caller,
    key: IdemKey,
    Path(id): Path<AgreementId>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "record.agreement.fund", &key, &id).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let agreement = same_answer(store::agreement_get(command.tx(), id).await)?;
    takes_part(&caller, &[agreement.receiver])?;
    let Some(amount) = agreement.escrow_amount() else {
        return Err(kernel::Error::conflict(
            "record.agreement.no-escrow",
            "nothing is to be set aside under this agreement",
        )
        .into());
    };
    if !matches!(agreement.state, AgreementState::Signed | AgreementState::Active) {
        return Err(kernel::Error::conflict(
            "record.agreement.not-signed",
            format!("the agreement is {}", agreement.state),
        )
        .hint("money is set aside once all parties have signed")
        .into());
    }
    let held = escrow_balance(command.tx(), id, agreement.receiver, amount.currency()).await?;
    if held.minor() < amount.minor() && agreement.state == AgreementState::Signed {
        let missing = amount.minus(held)?;
        escrow_fund_in_tx(command.tx(), id, agreement.receiver, missing).await?;
    }
    let held = escrow_balance(command.tx(), id, agreement.receiver, amount.currency()).await?;
    command.reply(200, &EscrowView { agreement: id, held }).await
}

/// What an escrow holds.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct EscrowView {
    /// The agreement.
    #[schema(value_type = String)]
    agreement: AgreementId,
    /// What is set aside now.
    #[schema(value_type = crate::wire::MoneySchema)]
    held: kernel::Money,
}
