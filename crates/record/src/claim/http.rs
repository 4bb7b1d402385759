use appkit::{Caller, Host, IdemKey, Json, Page, Path, Policy, Problem, Reply, Routes, routes};
use axum::extract::State;
use kernel::{
    Money,
    id::{CaseId, ClaimId, EventId, ReadingId},
};
use serde::{Deserialize, Serialize};

use super::{Claim, accrual, store};
use crate::{
    event::event_get,
    http::{get_handler, list_handler, same_answer, takes_part},
    meter::reading_get,
};

pub(crate) fn routes() -> Routes {
    Routes::new("record")
        .add(Policy::view("record.claim.list"), routes!(claim_list))
        .add(Policy::view("record.claim.read"), routes!(claim_get))
        .add(Policy::finance("record.claim.accrue"), routes!(claim_accrue))
        .add(Policy::finance("record.claim.adjust"), routes!(claim_adjust))
}

list_handler! {
    /// The organisation's claims and debts.
    claim_list, "/api/v1/claims", "record", Claim, store::claim_list
}
get_handler! {
    /// One claim.
    claim_get, "/api/v1/claims/{id}", "record", ClaimId, Claim, store::claim_get, "claim", "record.claim.read",
    |claim| vec![claim.creditor, claim.debtor]
}

/// What to derive claims from.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct AccrueRequest {
    /// A sealed reading of the organisation's machine.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    reading: Option<ReadingId>,
    /// Or an attested event that the organisation provided.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    event: Option<EventId>,
}

/// Derives the claims that follow from a sealed reading under its agreement's price clauses.
#[utoipa::path(post, path = "/api/v1/claims", tag = "record", request_body = AccrueRequest,
    responses((status = 201, body = [Claim]), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn claim_accrue(
    State(host): State<Host>,
    caller: Caller,
    key: IdemKey,
    Json(request): Json<AccrueRequest>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "record.claim.accrue", &key, &request).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let claims = match (request.reading, request.event) {
        (Some(id), None) => {
            let reading = same_answer(reading_get(command.tx(), id).await)?;
            takes_part(&caller, &[reading.provider])?;
            accrual::claims_accrue(command.tx(), id).await?
        }
        (None, Some(id)) => {
            let event = same_answer(event_get(command.tx(), id).await)?;
            takes_part(&caller, &[event.content.provider])?;
            accrual::claims_accrue_event(command.tx(), id).await?
        }
        _ => {
            return Err(kernel::Error::unprocessable("record.claim.cause", "a claim follows from one record")
                .field("/reading", "or /event, one of them")
                .into());
        }
    };
    command.reply(201, &claims).await
}

/// What a decision found to be due.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct AdjustRequest {
    /// The decided case.
    #[schema(value_type = String)]
    case: CaseId,
    /// Net amount that is due instead.
    #[schema(value_type = crate::wire::MoneySchema)]
    due: Money,
}

/// Claims the difference between what was claimed and what a case found to be due; the creditor does.
#[utoipa::path(post, path = "/api/v1/claims/{id}/adjust", tag = "record", params(("id" = String, Path)), request_body = AdjustRequest,
    responses((status = 201, body = Claim), (status = 409, body = Problem)))]
async fn claim_adjust(
    State(host): State<Host>,
    caller: Caller,
    key: IdemKey,
    Path(id): Path<ClaimId>,
    Json(request): Json<AdjustRequest>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "record.claim.adjust", &key, &(id, &request)).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let claim = same_answer(store::claim_get(command.tx(), id).await)?;
    takes_part(&caller, &[claim.creditor])?;
    let case = same_answer(crate::case::case_get(command.tx(), request.case).await)?;
    takes_part(&caller, &case.parties)?;
    let claim = accrual::claim_adjust(command.tx(), id, request.due, request.case).await?;
    command.reply(201, &claim).await
}
