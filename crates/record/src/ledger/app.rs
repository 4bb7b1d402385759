use std::collections::BTreeMap;

use appkit::{Host, Tx};
use kernel::{
    Currency, Error, Money, Result,
    id::{AccountId, PartyId, TransferId},
};
use serde::Serialize;

use super::{
    Account, Action, Balances, Book, NewTransfer, Posted, Purpose, Transfer,
    store::{self, account_find, account_find_by, transfer_find},
};
use crate::events;

/// The account of a party for a purpose, opened when it does not exist yet.
pub async fn account_ensure(
    tx: &mut Tx,
    party: PartyId,
    currency: Currency,
    purpose: Purpose,
    reference: &str,
) -> Result<Account> {
    if let Some(account) = account_find_by(tx, party, currency, purpose, reference).await? {
        return Ok(account);
    }
    let account = Account {
        id: tx.new_id(),
        party,
        currency,
        purpose,
        reference: reference.to_owned(),
        flags: purpose.flags(),
        frozen_by: None,
        balances: Balances::default(),
    };
    store::account_insert(tx, &account).await?;
    Ok(account)
}

/// Posts one transfer; see [`transfers_post_in_tx`].
pub async fn transfer_post_in_tx(tx: &mut Tx, transfer: NewTransfer) -> Result<Transfer> {
    let posted = transfers_post_in_tx(tx, &[transfer]).await?;
    posted
        .transfers
        .into_iter()
        .next()
        .ok_or_else(|| Error::internal("record.transfer.lost", "a posting gave no answer"))
}

/// Posts a linked group, all of it or nothing; the answer carries the balances afterwards.
///
/// Reservations whose time is over are returned first, by journal time. On an error nothing was written: the caller may go
/// on in its transaction.
///
/// # Errors
/// Every `record.transfer.*` and `record.account.*` code.
pub async fn transfers_post_in_tx(tx: &mut Tx, group: &[NewTransfer]) -> Result<Posted> {
    let now = tx.now();
    let mut book = Book::default();
    for due in store::pending_due(tx, now).await? {
        load_transfer(tx, &mut book, due).await?;
    }
    for new in group {
        load_transfer(tx, &mut book, new.id).await?;
        match &new.action {
            Action::Move(movement) | Action::Reserve { movement, .. } => {
                load_account(tx, &mut book, movement.debit).await?;
                load_account(tx, &mut book, movement.credit).await?;
            }
            Action::Post { pending, .. } | Action::Void { pending } => load_transfer(tx, &mut book, *pending).await?,
        }
    }
    let posted = book.post(group, now)?;
    if posted.replayed {
        return Ok(posted);
    }
    let mut rows = posted.expired.clone();
    rows.extend(posted.transfers.iter().cloned());
    write(tx, &book, &rows).await?;
    Ok(posted)
}

/// Returns the reservations whose time is over; how many. For a task that runs now and then.
pub async fn transfers_expire_in_tx(tx: &mut Tx) -> Result<usize> {
    let now = tx.now();
    let mut book = Book::default();
    for due in store::pending_due(tx, now).await? {
        load_transfer(tx, &mut book, due).await?;
    }
    let expired = book.expire(now)?;
    write(tx, &book, &expired).await?;
    Ok(expired.len())
}

async fn write(tx: &mut Tx, book: &Book, rows: &[Transfer]) -> Result<()> {
    store::transfers_append(tx, rows, |account| book.accounts[&account].party).await?;
    for account in book.accounts.values() {
        if rows.iter().any(|transfer| transfer.debit == account.id || transfer.credit == account.id) {
            store::balances_save(tx, account).await?;
        }
    }
    for transfer in rows {
        let party = book.accounts[&transfer.debit].party;
        tx.publish(
            events::TRANSFER_POSTED,
            1,
            transfer.id.to_string(),
            party,
            &events::TransferPosted::of(transfer, party),
        )?;
    }
    Ok(())
}

async fn load_account(tx: &mut Tx, book: &mut Book, id: AccountId) -> Result<()> {
    if !book.accounts.contains_key(&id)
        && let Some(account) = account_find(tx, id).await?
    {
        book.accounts.insert(id, account);
    }
    Ok(())
}

async fn load_transfer(tx: &mut Tx, book: &mut Book, id: TransferId) -> Result<()> {
    if book.transfers.contains_key(&id) {
        return Ok(());
    }
    let Some(chained) = transfer_find(tx, id).await? else { return Ok(()) };
    load_account(tx, book, chained.transfer.debit).await?;
    load_account(tx, book, chained.transfer.credit).await?;
    if store::pending_is_open(tx, id).await? {
        book.open.insert(id);
    }
    book.transfers.insert(id, chained.transfer);
    Ok(())
}

/// One line of a trial balance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct TrialLine {
    /// The party.
    #[schema(value_type = String)]
    pub party: PartyId,
    /// The ledger.
    #[schema(value_type = String)]
    pub currency: Currency,
    /// What the accounts are for.
    pub purpose: Purpose,
    /// Final debits, minor units.
    pub debits_minor: i64,
    /// Final credits, minor units.
    pub credits_minor: i64,
    /// Debits less credits, as money.
    #[schema(value_type = crate::wire::MoneySchema)]
    pub net: Money,
}

/// The trial balance of a party, or of everybody: sums to zero per party and currency.
pub async fn trial_balance(host: &Host, party: Option<PartyId>) -> Result<Vec<TrialLine>> {
    let mut sums: BTreeMap<(PartyId, Currency, Purpose), (i64, i64)> = BTreeMap::new();
    let mut after = String::new();
    loop {
        let page = store::account_list(&mut host.db(), party, &after, 1000).await?;
        let Some(last) = page.last() else { break };
        after = last.id.to_string();
        for account in &page {
            let sum = sums.entry((account.party, account.currency, account.purpose)).or_default();
            sum.0 += account.balances.debits_posted_minor;
            sum.1 += account.balances.credits_posted_minor;
        }
    }
    Ok(sums
        .into_iter()
        .map(|((party, currency, purpose), (debits_minor, credits_minor))| TrialLine {
            party,
            currency,
            purpose,
            debits_minor,
            credits_minor,
            net: Money::from_minor(debits_minor - credits_minor, currency),
        })
        .collect())
}
