use appkit::{Row, Tx, params};
use kernel::{
    Error, Result,
    id::{AgreementId, PartyId},
};

use super::Agreement;
use crate::sql::{Source, json};

const COLUMNS: &str = "a.id, a.title, a.provider, a.receiver, a.others, a.parent, a.offer, a.clauses, a.signatures, a.state, a.created_at";

fn from_row(row: &Row) -> Result<Agreement> {
    Ok(Agreement {
        id: row.id("id")?,
        title: row.get("title")?,
        provider: row.id("provider")?,
        receiver: row.id("receiver")?,
        others: row.json("others")?,
        parent: row.opt_id("parent")?,
        offer: row.opt_id("offer")?,
        clauses: row.json("clauses")?,
        signatures: row.json("signatures")?,
        state: row.parse("state")?,
        created_at: row.time("created_at")?,
    })
}

/// An agreement by id.
///
/// # Errors
/// `record.agreement.unknown`.
pub async fn agreement_get(source: &mut impl Source, id: AgreementId) -> Result<Agreement> {
    let sql = format!("SELECT {COLUMNS} FROM record_agreement a WHERE a.id = $1");
    match source.one(&sql, params![id]).await? {
        Some(row) => from_row(&row),
        None => Err(Error::not_found("record.agreement.unknown", format!("there is no agreement {id}"))),
    }
}

/// The agreements a party takes part in, newest last.
pub async fn agreement_list(
    source: &mut impl Source,
    party: PartyId,
    after: &str,
    limit: usize,
) -> Result<Vec<Agreement>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM record_agreement_party p JOIN record_agreement a ON a.id = p.agreement
         WHERE p.party = $1 AND p.agreement > $2 ORDER BY p.agreement LIMIT $3"
    );
    source.rows(&sql, params![party, after, limit]).await?.iter().map(from_row).collect()
}

/// Every agreement after a place: for verification.
pub(crate) async fn agreement_all(source: &mut impl Source, after: &str, limit: usize) -> Result<Vec<Agreement>> {
    let sql = format!("SELECT {COLUMNS} FROM record_agreement a WHERE a.id > $1 ORDER BY a.id LIMIT $2");
    source.rows(&sql, params![after, limit]).await?.iter().map(from_row).collect()
}

pub(super) async fn insert(tx: &mut Tx, agreement: &Agreement, digest: &str) -> Result<()> {
    tx.exec(
        "INSERT INTO record_agreement (id, title, provider, receiver, others, parent, offer, clauses, digest, signatures, state, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        params![
            agreement.id,
            &agreement.title,
            agreement.provider,
            agreement.receiver,
            json(&agreement.others)?,
            agreement.parent,
            agreement.offer,
            json(&agreement.clauses)?,
            digest,
            json(&agreement.signatures)?,
            agreement.state.as_str(),
            agreement.created_at
        ],
    )
    .await?;
    for party in agreement.parties() {
        tx.exec(
            "INSERT INTO record_agreement_party (party, agreement) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            params![party, agreement.id],
        )
        .await?;
    }
    Ok(())
}

pub(super) async fn save(tx: &mut Tx, agreement: &Agreement) -> Result<()> {
    tx.exec(
        "UPDATE record_agreement SET signatures = $2, state = $3 WHERE id = $1",
        params![agreement.id, json(&agreement.signatures)?, agreement.state.as_str()],
    )
    .await?;
    Ok(())
}
