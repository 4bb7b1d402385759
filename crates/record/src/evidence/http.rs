use appkit::{Caller, Host, Json, Path, Policy, Problem, Routes, routes};
use axum::{body::Bytes, extract::State};
use kernel::{NiUri, id::PartyId};

use super::{Manifest, VerifiedReport, evidence_get, evidence_verify};
use crate::{
    http::{same_answer, visible},
    meter::reading_list_by_evidence,
};

pub(crate) fn routes() -> Routes {
    Routes::new("record")
        .add(Policy::view("record.evidence.read"), routes!(evidence_get_one))
        .add(Policy::signed_in("record.evidence.verify"), routes!(evidence_check))
}

/// The manifest of a piece of evidence, by the 43 characters after `ni:///sha-256;` of its name. Hashes only, no samples.
#[utoipa::path(get, path = "/api/v1/evidence/{digest}", tag = "record", params(("digest" = String, Path)),
    responses((status = 200, body = Manifest), (status = 404, body = Problem)))]
async fn evidence_get_one(
    State(host): State<Host>,
    caller: Caller,
    Path(digest): Path<String>,
) -> appkit::Result<Json<Manifest>> {
    let uri: NiUri = format!("ni:///sha-256;{digest}").parse()?;
    let manifest = same_answer(evidence_get(&mut host.db(), uri).await)?;
    // Evidence belongs to whoever owns the machine; everybody whose reading cites it takes part.
    let mut parties: Vec<PartyId> = Vec::new();
    for reading in reading_list_by_evidence(&mut host.db(), uri).await? {
        parties.push(reading.provider);
        parties.extend(reading.receiver);
    }
    visible(&host, &caller, "record.evidence.read", "evidence", uri, &parties).await?;
    Ok(Json(manifest))
}

/// Checks an evidence bundle from its bytes alone; the first thing that does not hold is the answer.
#[utoipa::path(post, path = "/api/v1/evidence/verify", tag = "record", request_body(content = String, content_type = "application/json"),
    responses((status = 200, body = VerifiedReport), (status = 422, body = Problem)))]
async fn evidence_check(body: Bytes) -> appkit::Result<Json<VerifiedReport>> {
    let report = tokio::task::spawn_blocking(move || evidence_verify(&body)).await.map_err(|error| {
        kernel::Error::internal("record.evidence.verify", "the check was interrupted").because(error)
    })??;
    Ok(Json(report))
}
