use appkit::{Row, Tx, params};
use kernel::{
    Currency, Result, Timestamp,
    id::{AccountId, PartyId, TransferId},
    sha256,
};

use super::{Account, Balances, Flags, Purpose, Transfer};
use crate::{
    canonical::canonical_json,
    sql::{Source, json},
};

const ACCOUNT: &str = "id, party, currency, purpose, reference, credits_must_not_exceed_debits, debits_must_not_exceed_credits, \
     frozen_by, debits_pending_minor, debits_posted_minor, credits_pending_minor, credits_posted_minor";
const TRANSFER: &str = "seq, id, group_id, party, kind, debit, credit, currency, requested_minor, amount_minor, balancing, pending, \
     expires_at, reason, cause, recorded_at, debit_after, credit_after, prev_hash, hash";

/// A transfer with its place in the chain.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[schema(as = TransferRecord)]
pub struct Chained {
    /// Its place.
    pub seq: i64,
    /// Whose books.
    #[schema(value_type = String)]
    pub party: PartyId,
    /// The transfer.
    #[serde(flatten)]
    pub transfer: Transfer,
    /// Hash of the one before.
    pub prev_hash: String,
    /// Its hash.
    pub hash: String,
}

/// The hash of a transfer after another: over the canonical JSON of all its content.
pub(crate) fn chain_hash(prev_hash: &str, seq: i64, transfer: &Transfer) -> Result<String> {
    let content = canonical_json(transfer)?;
    Ok(sha256(&[prev_hash.as_bytes(), b"\n", seq.to_string().as_bytes(), b"\n", content.as_bytes()]).hex())
}

pub(super) fn account_row(row: &Row) -> Result<Account> {
    Ok(Account {
        id: row.id("id")?,
        party: row.id("party")?,
        currency: row.parse("currency")?,
        purpose: row.parse("purpose")?,
        reference: row.get("reference")?,
        flags: Flags {
            credits_must_not_exceed_debits: row.bool("credits_must_not_exceed_debits")?,
            debits_must_not_exceed_credits: row.bool("debits_must_not_exceed_credits")?,
        },
        frozen_by: row.opt_id("frozen_by")?,
        balances: Balances {
            debits_pending_minor: row.get("debits_pending_minor")?,
            debits_posted_minor: row.get("debits_posted_minor")?,
            credits_pending_minor: row.get("credits_pending_minor")?,
            credits_posted_minor: row.get("credits_posted_minor")?,
        },
    })
}

fn transfer_row(row: &Row) -> Result<Chained> {
    let transfer = Transfer {
        id: row.id("id")?,
        group: row.id("group_id")?,
        kind: row.parse("kind")?,
        debit: row.id("debit")?,
        credit: row.id("credit")?,
        currency: row.parse("currency")?,
        requested_minor: row.get("requested_minor")?,
        amount_minor: row.get("amount_minor")?,
        balancing: row.parse("balancing")?,
        pending: row.opt_id("pending")?,
        expires_at: row.opt_time("expires_at")?,
        reason: row.parse("reason")?,
        cause: row.get("cause")?,
        recorded_at: row.time("recorded_at")?,
        debit_after: row.json("debit_after")?,
        credit_after: row.json("credit_after")?,
    };
    Ok(Chained {
        seq: row.get("seq")?,
        party: row.id("party")?,
        transfer,
        prev_hash: row.get("prev_hash")?,
        hash: row.get("hash")?,
    })
}

/// An account by id.
pub async fn account_find(source: &mut impl Source, id: AccountId) -> Result<Option<Account>> {
    let sql = format!("SELECT {ACCOUNT} FROM record_account WHERE id = $1");
    source.one(&sql, params![id]).await?.as_ref().map(account_row).transpose()
}

/// An account by what it is for.
pub async fn account_find_by(
    source: &mut impl Source,
    party: PartyId,
    currency: Currency,
    purpose: Purpose,
    reference: &str,
) -> Result<Option<Account>> {
    let sql = format!(
        "SELECT {ACCOUNT} FROM record_account WHERE party = $1 AND currency = $2 AND purpose = $3 AND reference = $4"
    );
    let row = source.one(&sql, params![party, currency.code(), purpose.as_str(), reference]).await?;
    row.as_ref().map(account_row).transpose()
}

/// The accounts of a party after a place, by id; of everybody for none.
pub async fn account_list(
    source: &mut impl Source,
    party: Option<PartyId>,
    after: &str,
    limit: usize,
) -> Result<Vec<Account>> {
    let rows = match party {
        Some(party) => {
            let sql = format!("SELECT {ACCOUNT} FROM record_account WHERE party = $1 AND id > $2 ORDER BY id LIMIT $3");
            source.rows(&sql, params![party, after, limit]).await?
        }
        None => {
            let sql = format!("SELECT {ACCOUNT} FROM record_account WHERE id > $1 ORDER BY id LIMIT $2");
            source.rows(&sql, params![after, limit]).await?
        }
    };
    rows.iter().map(account_row).collect()
}

pub(super) async fn account_insert(tx: &mut Tx, account: &Account) -> Result<()> {
    let now = tx.now();
    tx.exec(
        "INSERT INTO record_account (id, party, currency, purpose, reference, credits_must_not_exceed_debits,
            debits_must_not_exceed_credits, debits_pending_minor, debits_posted_minor, credits_pending_minor,
            credits_posted_minor, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0, 0, 0, $8)",
        params![
            account.id,
            account.party,
            account.currency.code(),
            account.purpose.as_str(),
            &account.reference,
            account.flags.credits_must_not_exceed_debits,
            account.flags.debits_must_not_exceed_credits,
            now
        ],
    )
    .await?;
    Ok(())
}

pub(super) async fn balances_save(tx: &mut Tx, account: &Account) -> Result<()> {
    let sums = account.balances;
    tx.exec(
        "UPDATE record_account SET debits_pending_minor = $2, debits_posted_minor = $3, credits_pending_minor = $4,
            credits_posted_minor = $5 WHERE id = $1",
        params![
            account.id,
            sums.debits_pending_minor,
            sums.debits_posted_minor,
            sums.credits_pending_minor,
            sums.credits_posted_minor
        ],
    )
    .await?;
    Ok(())
}

/// A transfer by id.
pub async fn transfer_find(source: &mut impl Source, id: TransferId) -> Result<Option<Chained>> {
    let sql = format!("SELECT {TRANSFER} FROM record_transfer WHERE id = $1");
    source.one(&sql, params![id]).await?.as_ref().map(transfer_row).transpose()
}

/// Transfers after a place, oldest first; of one party's books, or of all.
pub async fn transfer_list(
    source: &mut impl Source,
    party: Option<PartyId>,
    after_seq: i64,
    limit: usize,
) -> Result<Vec<Chained>> {
    let rows = match party {
        Some(party) => {
            let sql =
                format!("SELECT {TRANSFER} FROM record_transfer WHERE party = $1 AND seq > $2 ORDER BY seq LIMIT $3");
            source.rows(&sql, params![party, after_seq, limit]).await?
        }
        None => {
            let sql = format!("SELECT {TRANSFER} FROM record_transfer WHERE seq > $1 ORDER BY seq LIMIT $2");
            source.rows(&sql, params![after_seq, limit]).await?
        }
    };
    rows.iter().map(transfer_row).collect()
}

/// The transfers of an account after a place, oldest first.
pub(super) async fn transfer_list_by_account(
    source: &mut impl Source,
    account: AccountId,
    after_seq: i64,
    limit: usize,
) -> Result<Vec<Chained>> {
    let sql = format!(
        "SELECT {TRANSFER} FROM record_transfer WHERE (debit = $1 OR credit = $1) AND seq > $2 ORDER BY seq LIMIT $3"
    );
    source.rows(&sql, params![account, after_seq, limit]).await?.iter().map(transfer_row).collect()
}

/// The transfers behind a record, oldest first.
pub async fn transfer_list_by_cause(source: &mut impl Source, cause: &str) -> Result<Vec<Chained>> {
    let sql = format!("SELECT {TRANSFER} FROM record_transfer WHERE cause = $1 ORDER BY seq LIMIT 500");
    source.rows(&sql, params![cause]).await?.iter().map(transfer_row).collect()
}

/// The transfers that were linked, in order.
pub async fn transfer_list_by_group(source: &mut impl Source, group: TransferId) -> Result<Vec<Chained>> {
    let sql = format!("SELECT {TRANSFER} FROM record_transfer WHERE group_id = $1 ORDER BY seq LIMIT 500");
    source.rows(&sql, params![group]).await?.iter().map(transfer_row).collect()
}

/// Reservations whose time is over.
pub(super) async fn pending_due(tx: &mut Tx, now: Timestamp) -> Result<Vec<TransferId>> {
    let sql = "SELECT id FROM record_pending WHERE expires_at IS NOT NULL AND expires_at <= $1 ORDER BY expires_at, id";
    Source::rows(tx, sql, params![now]).await?.iter().map(|row| row.id("id")).collect()
}

pub(super) async fn pending_is_open(tx: &mut Tx, id: TransferId) -> Result<bool> {
    Ok(Source::one(tx, "SELECT id FROM record_pending WHERE id = $1", params![id]).await?.is_some())
}

/// Appends transfers to the chain and keeps the projection of open reservations.
pub(super) async fn transfers_append(
    tx: &mut Tx,
    transfers: &[Transfer],
    party_of: impl Fn(AccountId) -> PartyId,
) -> Result<()> {
    let last = Source::one(tx, "SELECT seq, hash FROM record_transfer ORDER BY seq DESC LIMIT 1", params![]).await?;
    let (mut seq, mut prev_hash) = match last {
        Some(row) => (row.get::<i64>("seq")?, row.get::<String>("hash")?),
        None => (0, String::new()),
    };
    for transfer in transfers {
        seq += 1;
        let hash = chain_hash(&prev_hash, seq, transfer)?;
        tx.exec(
            "INSERT INTO record_transfer (seq, id, group_id, party, kind, debit, credit, currency, requested_minor, amount_minor,
                balancing, pending, expires_at, reason, cause, recorded_at, debit_after, credit_after, prev_hash, hash)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)",
            params![
                seq,
                transfer.id,
                transfer.group,
                party_of(transfer.debit),
                transfer.kind.as_str(),
                transfer.debit,
                transfer.credit,
                transfer.currency.code(),
                transfer.requested_minor,
                transfer.amount_minor,
                transfer.balancing.as_str(),
                transfer.pending,
                transfer.expires_at,
                transfer.reason.as_str(),
                &transfer.cause,
                transfer.recorded_at,
                json(&transfer.debit_after)?,
                json(&transfer.credit_after)?,
                &prev_hash,
                &hash
            ],
        )
        .await?;
        if transfer.kind == super::Kind::Pending {
            let sql = "INSERT INTO record_pending (id, expires_at) VALUES ($1, $2)";
            tx.exec(sql, params![transfer.id, transfer.expires_at]).await?;
        }
        if let Some(pending) = transfer.pending {
            tx.exec("DELETE FROM record_pending WHERE id = $1", params![pending]).await?;
        }
        prev_hash = hash;
    }
    Ok(())
}
