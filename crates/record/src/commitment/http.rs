use appkit::{Caller, Host, IdemKey, Json, Page, Path, Policy, Problem, Reply, Routes, routes};
use axum::extract::State;
use kernel::id::CommitmentId;

use super::{Commitment, CommitmentState, app, store};
use crate::{
    http::{StepRequest, get_handler, list_handler, same_answer, takes_part},
    wire::text_check,
};

pub(crate) fn routes() -> Routes {
    Routes::new("record")
        .add(Policy::view("record.commitment.list"), routes!(commitment_list))
        .add(Policy::view("record.commitment.read"), routes!(commitment_get))
        .add(Policy::trade("record.commitment.step"), routes!(commitment_step))
}

list_handler! {
    /// The organisation's promises, given and received.
    commitment_list, "/api/v1/commitments", "record", Commitment, store::commitment_list
}
get_handler! {
    /// One promise.
    commitment_get, "/api/v1/commitments/{id}", "record", CommitmentId, Commitment, store::commitment_get, "commitment",
    "record.commitment.read", |commitment| vec![commitment.provider, commitment.receiver]
}

/// Takes a step with a reason: cancelled by the side that promised, short_closed or breached by the side that was promised.
#[utoipa::path(post, path = "/api/v1/commitments/{id}/state", tag = "record", params(("id" = String, Path)), request_body = StepRequest,
    responses((status = 200, body = Commitment), (status = 409, body = Problem)))]
async fn commitment_step(
    State(host): State<Host>,
    caller: Caller,
    key: IdemKey,
    Path(id): Path<CommitmentId>,
    Json(step): Json<StepRequest>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "record.commitment.step", &key, &(id, &step)).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    text_check(&step.reason, 1000, "/reason")?;
    let commitment = same_answer(store::commitment_get(command.tx(), id).await)?;
    let to: CommitmentState = step.to.parse()?;
    let side = match to {
        CommitmentState::ShortClosed | CommitmentState::Breached => commitment.receiver,
        _ => commitment.provider,
    };
    takes_part(&caller, &[side])?;
    let commitment = app::commitment_step(command.tx(), id, to, &step.reason).await?;
    command.reply(200, &commitment).await
}
