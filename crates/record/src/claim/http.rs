use appkit::{Caller, Host, IdemKey, Json, Page, Policy, Problem, Reply, Routes, routes};
use axum::extract::State;
use kernel::id::{ClaimId, ReadingId};
use serde::{Deserialize, Serialize};

use super::{Claim, app, store};
use crate::{
    http::{get_handler, list_handler, same_answer, takes_part},
    meter::reading_get,
};

pub(crate) fn routes() -> Routes {
    Routes::new("record")
        .add(Policy::view("record.claim.list"), routes!(claim_list))
        .add(Policy::view("record.claim.read"), routes!(claim_get))
        .add(Policy::finance("record.claim.accrue"), routes!(claim_accrue))
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
    #[schema(value_type = String)]
    reading: ReadingId,
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
    let reading = same_answer(reading_get(command.tx(), request.reading).await)?;
    takes_part(&caller, &[reading.provider])?;
    let claims = app::claims_accrue(command.tx(), request.reading).await?;
    command.reply(201, &claims).await
}
