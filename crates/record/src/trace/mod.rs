//! From a payment down to the samples it came from, as a tree; and from a record up to what rests on it.
//!
//! Every node is decided by itself: a grant for an invoice does not show the reading behind it. What may not be seen is in
//! the tree by kind only.

mod tracer;

use appkit::{Caller, Host, Json, Path, Policy, Problem, Routes, routes};
use axum::extract::State;
use kernel::{
    Error, Money, NiUri, Quantity, Result, Timestamp, Window,
    id::{AgreementId, AssetId, ClaimId, InvoiceId, ReadingId, TransferId},
};
use serde::Serialize;

use crate::{
    claim::{claim_get, invoice_get},
    http::{same_answer, visible},
    ledger::transfer_find,
    machine::words,
    meter::reading_get,
};
use tracer::Tracer;

pub(crate) fn routes() -> Routes {
    Routes::new("record").add(Policy::view("record.trace.read"), routes!(trace_get))
}

words! {
    /// What a node of a trace is.
    pub enum TraceKind {
        /// An agreement.
        Agreement "agreement";
        /// A ledger transfer.
        Transfer "transfer";
        /// An invoice or credit note.
        Invoice "invoice";
        /// A claim.
        Claim "claim";
        /// A sealed reading.
        Reading "reading";
        /// Evidence: hashes over samples.
        Evidence "evidence";
        /// The samples of one property.
        Samples "samples";
        /// The machine they came from.
        Machine "machine";
    }
}

/// One record in a trace, with what it rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct TraceNode {
    /// What it is.
    pub kind: TraceKind,
    /// Its id; absent when the caller may not see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// In a few words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// State of the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// When it was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub at: Option<Timestamp>,
    /// How much money.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<crate::wire::MoneySchema>)]
    pub amount: Option<Money>,
    /// How much of something.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<crate::wire::QuantitySchema>)]
    pub quantity: Option<Quantity>,
    /// Over which time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<crate::wire::WindowSchema>)]
    pub window: Option<Window>,
    /// The machine, where one is concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub asset: Option<AssetId>,
    /// The property, for samples.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub property: Option<String>,
    /// How many samples were hashed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub samples: Option<u64>,
    /// Digest of the sealed statement, for readings.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub digest: Option<NiUri>,
    /// Other transfers of the same linked group.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub linked: Vec<TransferId>,
    /// What it rests on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(no_recursion)]
    pub children: Vec<TraceNode>,
}

/// A trace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Trace {
    /// The record, down to the machine.
    pub root: TraceNode,
    /// What rests on it: claims, papers and payments, without their trees.
    pub used_by: Vec<TraceNode>,
}

/// A record and what it rests on, down to samples and machine. Takes the id of a transfer, invoice, claim, reading or
/// agreement, or the 43 characters of an evidence's name.
#[utoipa::path(get, path = "/api/v1/trace/{id}", tag = "record", params(("id" = String, Path)),
    responses((status = 200, body = Trace), (status = 404, body = Problem)))]
async fn trace_get(State(host): State<Host>, caller: Caller, Path(id): Path<String>) -> appkit::Result<Json<Trace>> {
    Ok(Json(same_answer(trace(&host, &caller, &id).await)?))
}

/// The trace of a record, as far as the caller may see it.
///
/// # Errors
/// `record.trace.unknown` for an id that has no trace, `appkit.object.not-found`.
pub async fn trace(host: &Host, caller: &Caller, id: &str) -> Result<Trace> {
    let tracer = Tracer { host, caller };
    let root = match id.split_once('_').map(|(prefix, _)| prefix) {
        Some("trf") => {
            let found = transfer_find(&mut host.db(), id.parse::<TransferId>()?).await?;
            tracer
                .transfer(
                    &found.ok_or_else(|| Error::not_found("record.transfer.unknown", "there is no such transfer"))?,
                )
                .await?
        }
        Some("inv") => tracer.invoice(invoice_get(&mut host.db(), id.parse::<InvoiceId>()?).await?).await?,
        Some("clm") => tracer.claim(claim_get(&mut host.db(), id.parse::<ClaimId>()?).await?).await?,
        Some("rdg") => tracer.reading(reading_get(&mut host.db(), id.parse::<ReadingId>()?).await?).await?,
        Some("agr") => tracer.agreement(id.parse::<AgreementId>()?).await?,
        _ => match format!("ni:///sha-256;{}", id.trim_start_matches("ni:///sha-256;")).parse::<NiUri>() {
            Ok(uri) => tracer.evidence(uri).await?,
            Err(_) => {
                return Err(Error::invalid(
                    "record.trace.unknown",
                    format!("{id:?} is not the id of something that can be traced"),
                )
                .hint("trace a transfer, invoice, claim, reading, agreement or evidence"));
            }
        },
    };
    // The root must be seen; its branches are decided one by one.
    let Some(shown) = root.id.clone() else {
        return visible(host, caller, "record.trace.read", "record", id, &[])
            .await
            .map(|()| Trace { root, used_by: Vec::new() });
    };
    let used_by = tracer.used_by(&shown).await?;
    Ok(Trace { root, used_by })
}
