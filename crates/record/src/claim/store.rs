use appkit::{Row, Tx, params};
use kernel::{
    Error, Money, Result,
    id::{AgreementId, ClaimId, InvoiceId, PartyId},
};

use super::{CauseKind, Claim, Invoice, InvoiceKind, Totals};
use crate::sql::{Columns, Source, json};

const CLAIM: &str = "id, agreement, clause, cause_kind, cause, corrects, debtor, creditor, description, quantity, unit, unit_price, \
     currency, adjustment_minor, net_minor, tax_percent, statement, state, invoice, accrued_at";
const INVOICE: &str = "id, number, kind, agreement, seller, buyer, corrects, currency, lines, totals, settled_minor, issued_at, due_at, state";

fn claim_row(row: &Row) -> Result<Claim> {
    Ok(Claim {
        id: row.id("id")?,
        agreement: row.id("agreement")?,
        clause: row.get::<i64>("clause")? as u32,
        cause_kind: row.parse("cause_kind")?,
        cause: row.get("cause")?,
        corrects: row.opt_id("corrects")?,
        debtor: row.id("debtor")?,
        creditor: row.id("creditor")?,
        description: row.get("description")?,
        quantity: row.quantity("quantity", "unit")?,
        unit_price: row.decimal("unit_price")?,
        adjustment: row.money("adjustment_minor")?,
        net: row.money("net_minor")?,
        tax_percent: row.decimal("tax_percent")?,
        statement: row.get::<Option<String>>("statement")?.map(|uri| uri.parse()).transpose()?,
        state: row.parse("state")?,
        invoice: row.opt_id("invoice")?,
        accrued_at: row.time("accrued_at")?,
    })
}

fn invoice_row(row: &Row) -> Result<Invoice> {
    let totals: Totals = row.json("totals")?;
    Ok(Invoice {
        id: row.id("id")?,
        number: row.get("number")?,
        kind: row.parse("kind")?,
        agreement: row.id("agreement")?,
        seller: row.id("seller")?,
        buyer: row.id("buyer")?,
        corrects: row.opt_id("corrects")?,
        lines: row.json("lines")?,
        totals,
        settled: row.money("settled_minor")?,
        issued_at: row.time("issued_at")?,
        due_at: row.time("due_at")?,
        state: row.parse("state")?,
    })
}

/// A claim by id.
///
/// # Errors
/// `record.claim.unknown`.
pub async fn claim_get(source: &mut impl Source, id: ClaimId) -> Result<Claim> {
    let sql = format!("SELECT {CLAIM} FROM record_claim WHERE id = $1");
    match source.one(&sql, params![id]).await? {
        Some(row) => claim_row(&row),
        None => Err(Error::not_found("record.claim.unknown", format!("there is no claim {id}"))),
    }
}

/// A party's claims on either side, by id.
pub async fn claim_list(source: &mut impl Source, party: PartyId, after: &str, limit: usize) -> Result<Vec<Claim>> {
    let sql = format!(
        "SELECT {CLAIM} FROM record_claim WHERE (debtor = $1 OR creditor = $1) AND id > $2 ORDER BY id LIMIT $3"
    );
    source.rows(&sql, params![party, after, limit]).await?.iter().map(claim_row).collect()
}

/// The claims of an agreement, by id.
pub async fn claim_list_by_agreement(source: &mut impl Source, agreement: AgreementId) -> Result<Vec<Claim>> {
    let sql = format!("SELECT {CLAIM} FROM record_claim WHERE agreement = $1 ORDER BY id");
    source.rows(&sql, params![agreement]).await?.iter().map(claim_row).collect()
}

/// The claims on an invoice, by id.
pub async fn claim_list_by_invoice(source: &mut impl Source, invoice: InvoiceId) -> Result<Vec<Claim>> {
    let sql = format!("SELECT {CLAIM} FROM record_claim WHERE invoice = $1 ORDER BY id");
    source.rows(&sql, params![invoice]).await?.iter().map(claim_row).collect()
}

/// The claims that follow from a record, by clause.
pub async fn claim_list_by_cause(source: &mut impl Source, kind: CauseKind, cause: &str) -> Result<Vec<Claim>> {
    let sql = format!("SELECT {CLAIM} FROM record_claim WHERE cause_kind = $1 AND cause = $2 ORDER BY clause");
    source.rows(&sql, params![kind.as_str(), cause]).await?.iter().map(claim_row).collect()
}

/// Every claim after a place: for verification.
pub(crate) async fn claim_all(source: &mut impl Source, after: &str, limit: usize) -> Result<Vec<Claim>> {
    let sql = format!("SELECT {CLAIM} FROM record_claim WHERE id > $1 ORDER BY id LIMIT $2");
    source.rows(&sql, params![after, limit]).await?.iter().map(claim_row).collect()
}

pub(super) async fn claim_insert(tx: &mut Tx, claim: &Claim) -> Result<()> {
    tx.exec(
        "INSERT INTO record_claim (id, agreement, clause, cause_kind, cause, corrects, debtor, creditor, description, quantity, unit,
            unit_price, currency, adjustment_minor, net_minor, tax_percent, statement, state, invoice, accrued_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)",
        params![
            claim.id,
            claim.agreement,
            claim.clause,
            claim.cause_kind.as_str(),
            &claim.cause,
            claim.corrects,
            claim.debtor,
            claim.creditor,
            &claim.description,
            claim.quantity.value,
            claim.quantity.unit.code(),
            claim.unit_price,
            claim.net.currency().code(),
            claim.adjustment.minor(),
            claim.net.minor(),
            claim.tax_percent,
            claim.statement,
            claim.state.as_str(),
            claim.invoice,
            claim.accrued_at
        ],
    )
    .await?;
    Ok(())
}

pub(crate) async fn claim_save(tx: &mut Tx, claim: &Claim) -> Result<()> {
    tx.exec(
        "UPDATE record_claim SET state = $2, invoice = $3 WHERE id = $1",
        params![claim.id, claim.state.as_str(), claim.invoice],
    )
    .await?;
    Ok(())
}

/// An invoice or credit note by id.
///
/// # Errors
/// `record.invoice.unknown`.
pub async fn invoice_get(source: &mut impl Source, id: InvoiceId) -> Result<Invoice> {
    let sql = format!("SELECT {INVOICE} FROM record_invoice WHERE id = $1");
    match source.one(&sql, params![id]).await? {
        Some(row) => invoice_row(&row),
        None => Err(Error::not_found("record.invoice.unknown", format!("there is no invoice {id}"))),
    }
}

/// A party's invoices and notes on either side, by id.
pub async fn invoice_list(source: &mut impl Source, party: PartyId, after: &str, limit: usize) -> Result<Vec<Invoice>> {
    let sql = format!(
        "SELECT {INVOICE} FROM record_invoice WHERE (seller = $1 OR buyer = $1) AND id > $2 ORDER BY id LIMIT $3"
    );
    source.rows(&sql, params![party, after, limit]).await?.iter().map(invoice_row).collect()
}

/// The invoices and notes of an agreement, by id.
pub async fn invoice_list_by_agreement(source: &mut impl Source, agreement: AgreementId) -> Result<Vec<Invoice>> {
    let sql = format!("SELECT {INVOICE} FROM record_invoice WHERE agreement = $1 ORDER BY id");
    source.rows(&sql, params![agreement]).await?.iter().map(invoice_row).collect()
}

/// Every invoice after a place: for verification.
pub(crate) async fn invoice_all(source: &mut impl Source, after: &str, limit: usize) -> Result<Vec<Invoice>> {
    let sql = format!("SELECT {INVOICE} FROM record_invoice WHERE id > $1 ORDER BY id LIMIT $2");
    source.rows(&sql, params![after, limit]).await?.iter().map(invoice_row).collect()
}

pub(super) async fn invoice_insert(tx: &mut Tx, invoice: &Invoice) -> Result<()> {
    tx.exec(
        "INSERT INTO record_invoice (id, number, kind, agreement, seller, buyer, corrects, currency, lines, totals, payable_minor,
            settled_minor, issued_at, due_at, state)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        params![
            invoice.id,
            &invoice.number,
            invoice.kind.as_str(),
            invoice.agreement,
            invoice.seller,
            invoice.buyer,
            invoice.corrects,
            invoice.totals.payable.currency().code(),
            json(&invoice.lines)?,
            json(&invoice.totals)?,
            invoice.totals.payable.minor(),
            invoice.settled.minor(),
            invoice.issued_at,
            invoice.due_at,
            invoice.state.as_str()
        ],
    )
    .await?;
    Ok(())
}

pub(crate) async fn invoice_save(tx: &mut Tx, invoice: &Invoice) -> Result<()> {
    tx.exec(
        "UPDATE record_invoice SET settled_minor = $2, state = $3 WHERE id = $1",
        params![invoice.id, invoice.settled.minor(), invoice.state.as_str()],
    )
    .await?;
    Ok(())
}

/// The next number in a seller's series.
pub(super) async fn number_next(tx: &mut Tx, seller: PartyId, kind: InvoiceKind) -> Result<String> {
    let sql = "SELECT COUNT(*) AS n FROM record_invoice WHERE seller = $1 AND kind = $2";
    let row = Source::one(tx, sql, params![seller, kind.as_str()]).await?;
    let count = row.map_or(Ok(0), |row| row.get::<i64>("n"))? + 1;
    let year = tx.now().to_string().chars().take(4).collect::<String>();
    let series = match kind {
        InvoiceKind::Invoice => "INV",
        InvoiceKind::CreditNote => "CN",
    };
    Ok(format!("{series}-{year}-{count:06}"))
}

/// What was charged under a clause of an agreement so far.
pub(super) async fn charged(
    tx: &mut Tx,
    agreement: AgreementId,
    clause: u32,
    currency: kernel::Currency,
) -> Result<Money> {
    let mut sum = Money::zero(currency);
    let sql = "SELECT currency, net_minor FROM record_claim WHERE agreement = $1 AND clause = $2 AND state <> 'written_off' ORDER BY id";
    for row in Source::rows(tx, sql, params![agreement, clause]).await? {
        sum = sum.plus(row.money("net_minor")?)?;
    }
    Ok(sum)
}

/// What one machine earned its owner in one currency.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Earned {
    /// Net of all claims for its readings, corrections included.
    #[schema(value_type = crate::wire::MoneySchema)]
    pub claimed: Money,
    /// Net of those that are on paper.
    #[schema(value_type = crate::wire::MoneySchema)]
    pub invoiced: Money,
    /// Net of those that are paid.
    #[schema(value_type = crate::wire::MoneySchema)]
    pub settled: Money,
}

/// What a machine earned its owner with the readings that begin in a window, by currency.
pub async fn earned_by_asset(
    source: &mut impl Source,
    owner: PartyId,
    asset: kernel::id::AssetId,
    window: kernel::Window,
) -> Result<Vec<Earned>> {
    let sql = "SELECT c.currency, c.net_minor, c.state FROM record_reading r
               JOIN record_claim c ON c.cause_kind = 'reading' AND c.cause = r.id
               WHERE r.asset = $1 AND r.provider = $2 AND c.creditor = $2 AND r.window_from >= $3 AND r.window_from < $4
               ORDER BY c.currency, c.id";
    let mut sums: Vec<Earned> = Vec::new();
    for row in source.rows(sql, params![asset, owner, window.from, window.to]).await? {
        let (net, state) = (row.money("net_minor")?, row.parse::<super::ClaimState>("state")?);
        let zero = Money::zero(net.currency());
        if sums.last().is_none_or(|last| last.claimed.currency() != net.currency()) {
            sums.push(Earned { claimed: zero, invoiced: zero, settled: zero });
        }
        let Some(last) = sums.last_mut() else { continue };
        last.claimed = last.claimed.plus(net)?;
        if state != super::ClaimState::Accrued {
            last.invoiced = last.invoiced.plus(net)?;
        }
        if state == super::ClaimState::Settled {
            last.settled = last.settled.plus(net)?;
        }
    }
    Ok(sums)
}
