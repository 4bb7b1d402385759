use appkit::{Caller, Host, IdemKey, Json, Page, Path, Policy, Problem, Reply, Routes, routes};
use axum::extract::State;
use kernel::{
    Duration, Money, Timestamp,
    id::{AgreementId, ClaimId, InvoiceId, PartyId},
};
use serde::{Deserialize, Serialize};

use super::{Invoice, InvoiceKind, invoicing, store};
use crate::{
    agreement::agreement_get,
    http::{get_handler, list_handler, same_answer, takes_part, visible},
    ledger::PayFrom,
    machine::words,
    party::{Identifier, party_get},
    sql::Source,
};

pub(crate) fn routes() -> Routes {
    Routes::new("record")
        .add(Policy::view("record.invoice.list"), routes!(invoice_list))
        .add(Policy::view("record.invoice.read"), routes!(invoice_get))
        .add(Policy::view("record.invoice.document"), routes!(invoice_document))
        .add(Policy::finance("record.invoice.issue"), routes!(invoice_issue))
        .add(Policy::finance("record.invoice.settle"), routes!(invoice_settle))
}

list_handler! {
    /// The organisation's invoices and credit notes, sent and received.
    invoice_list, "/api/v1/invoices", "record", Invoice, store::invoice_list
}
get_handler! {
    /// One invoice or credit note.
    invoice_get, "/api/v1/invoices/{id}", "record", InvoiceId, Invoice, store::invoice_get, "invoice", "record.invoice.read",
    |invoice| vec![invoice.seller, invoice.buyer]
}

/// A side of an invoice as printed.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct PrintedParty {
    /// The party.
    #[schema(value_type = String)]
    id: PartyId,
    /// Name in Chinese.
    name_zh: String,
    /// Name in English.
    name_en: String,
    /// Its names in schemes, such as its 统一社会信用代码.
    identifiers: Vec<Identifier>,
}

/// An invoice with everything that is printed on it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct InvoiceDocument {
    /// The invoice.
    invoice: Invoice,
    /// Who is owed.
    seller: PrintedParty,
    /// Who owes.
    buyer: PrintedParty,
    /// What the agreement is called.
    agreement_title: String,
    /// Number of the invoice that a credit note corrects.
    corrects_number: Option<String>,
    /// What is still to be paid.
    #[schema(value_type = crate::wire::MoneySchema)]
    open: Money,
}

/// An invoice with both parties, for printing.
#[utoipa::path(get, path = "/api/v1/invoices/{id}/document", tag = "record", params(("id" = String, Path)),
    responses((status = 200, body = InvoiceDocument), (status = 404, body = Problem)))]
async fn invoice_document(
    State(host): State<Host>,
    caller: Caller,
    Path(id): Path<InvoiceId>,
) -> appkit::Result<Json<InvoiceDocument>> {
    let mut db = host.db();
    let invoice = same_answer(store::invoice_get(&mut db, id).await)?;
    visible(&host, &caller, "record.invoice.document", "invoice", id, &[invoice.seller, invoice.buyer]).await?;
    let corrects_number = match invoice.corrects {
        Some(original) => Some(store::invoice_get(&mut db, original).await?.number),
        None => None,
    };
    Ok(Json(InvoiceDocument {
        seller: printed(&mut db, invoice.seller).await?,
        buyer: printed(&mut db, invoice.buyer).await?,
        agreement_title: agreement_get(&mut db, invoice.agreement).await?.title,
        corrects_number,
        open: invoice.open()?,
        invoice,
    }))
}

async fn printed(source: &mut impl Source, id: PartyId) -> kernel::Result<PrintedParty> {
    Ok(match party_get(source, id).await {
        Ok(party) => {
            PrintedParty { id, name_zh: party.name_zh, name_en: party.name_en, identifiers: party.identifiers }
        }
        Err(_) => PrintedParty { id, name_zh: String::new(), name_en: String::new(), identifiers: Vec::new() },
    })
}

/// What to put on paper.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct InvoiceRequest {
    /// The agreement; the organisation is its provider.
    #[schema(value_type = String)]
    agreement: AgreementId,
    /// Accrued claims, 1–500.
    #[schema(value_type = Vec<String>)]
    claims: Vec<ClaimId>,
    /// When it is due; in 30 days when absent.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    due_at: Option<Timestamp>,
}

/// Puts accrued claims on an invoice, or on a credit note when they sum below zero, and books it on both sides.
#[utoipa::path(post, path = "/api/v1/invoices", tag = "record", request_body = InvoiceRequest,
    responses((status = 201, body = Invoice), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn invoice_issue(
    State(host): State<Host>,
    caller: Caller,
    key: IdemKey,
    Json(request): Json<InvoiceRequest>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "record.invoice.issue", &key, &request).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let agreement = same_answer(agreement_get(command.tx(), request.agreement).await)?;
    takes_part(&caller, &[agreement.provider])?;
    if request.claims.len() > 500 {
        return Err(kernel::Error::unprocessable("record.invoice.claims", "an invoice has at most 500 lines").into());
    }
    let due_at = request.due_at.unwrap_or(command.tx().now() + Duration::from_days(30));
    let invoice = invoicing::invoice_issue(command.tx(), agreement.id, &request.claims, due_at).await?;
    command.reply(201, &invoice).await
}

words! {
    /// Where a payment comes from.
    pub enum PaidFrom {
        /// The agreement's escrow.
        Escrow "escrow";
        /// Cash.
        Cash "cash";
    }
}

/// A payment.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct SettleRequest {
    /// Where it comes from.
    from: PaidFrom,
    /// How much; what is open when absent, at most what the escrow holds.
    #[serde(default)]
    #[schema(value_type = Option<crate::wire::MoneySchema>)]
    amount: Option<Money>,
}

/// Pays an invoice as its buyer, or pays a credit note back as its seller.
#[utoipa::path(post, path = "/api/v1/invoices/{id}/settle", tag = "record", params(("id" = String, Path)), request_body = SettleRequest,
    responses((status = 200, body = Invoice), (status = 409, body = Problem)))]
async fn invoice_settle(
    State(host): State<Host>,
    caller: Caller,
    key: IdemKey,
    Path(id): Path<InvoiceId>,
    Json(request): Json<SettleRequest>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "record.invoice.settle", &key, &(id, &request)).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let invoice = same_answer(store::invoice_get(command.tx(), id).await)?;
    let payer = if invoice.kind == InvoiceKind::Invoice { invoice.buyer } else { invoice.seller };
    takes_part(&caller, &[invoice.seller, invoice.buyer])?;
    if payer != caller.tenant {
        return Err(kernel::Error::denied("record.invoice.not-payer", "only the side that owes can pay").into());
    }
    let from = match request.from {
        PaidFrom::Escrow => PayFrom::Escrow(invoice.agreement),
        PaidFrom::Cash => PayFrom::Cash,
    };
    let invoice = invoicing::invoice_settle(command.tx(), id, from, request.amount).await?;
    command.reply(200, &invoice).await
}
