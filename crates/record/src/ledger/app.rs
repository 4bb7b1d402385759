use std::collections::BTreeMap;

use appkit::{Host, Tx, params};
use kernel::{
    Currency, Error, Money, Result,
    id::{AccountId, AgreementId, CaseId, PartyId},
};
use serde::Serialize;

use super::{
    Account, Action, Balances, Book, Movement, NewTransfer, Posted, Purpose, Reason, Transfer,
    store::{self, account_find, account_find_by, transfer_find},
};
use crate::{events, sql::Source};

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

async fn load_transfer(tx: &mut Tx, book: &mut Book, id: kernel::id::TransferId) -> Result<()> {
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

/// Pays money in from outside: an instruction that a licensed provider confirmed.
pub async fn cash_pay_in_in_tx(tx: &mut Tx, party: PartyId, amount: Money, cause: &str) -> Result<Transfer> {
    let cash = account_ensure(tx, party, amount.currency(), Purpose::Cash, "").await?;
    let outside = account_ensure(tx, party, amount.currency(), Purpose::External, "").await?;
    let id = tx.new_id();
    transfer_post_in_tx(tx, NewTransfer::moving(id, Movement::new(cash.id, outside.id, amount), Reason::PayIn, cause))
        .await
}

/// Pays money out to outside.
///
/// # Errors
/// `record.account.would-overdraw`.
pub async fn cash_pay_out_in_tx(tx: &mut Tx, party: PartyId, amount: Money, cause: &str) -> Result<Transfer> {
    let cash = account_ensure(tx, party, amount.currency(), Purpose::Cash, "").await?;
    let outside = account_ensure(tx, party, amount.currency(), Purpose::External, "").await?;
    let id = tx.new_id();
    transfer_post_in_tx(tx, NewTransfer::moving(id, Movement::new(outside.id, cash.id, amount), Reason::PayOut, cause))
        .await
}

/// Sets money aside for an agreement, out of the buyer's cash. The account is segregated: only releases to the provider
/// against an invoice and refunds to the buyer leave it.
///
/// # Errors
/// `record.account.would-overdraw` when the cash does not suffice.
pub async fn escrow_fund_in_tx(tx: &mut Tx, agreement: AgreementId, buyer: PartyId, amount: Money) -> Result<Transfer> {
    let cash = account_ensure(tx, buyer, amount.currency(), Purpose::Cash, "").await?;
    let escrow = account_ensure(tx, buyer, amount.currency(), Purpose::Escrow, &agreement.to_string()).await?;
    let movement = Movement::new(escrow.id, cash.id, amount);
    let id = tx.new_id();
    transfer_post_in_tx(tx, NewTransfer::moving(id, movement, Reason::EscrowFund, agreement)).await
}

/// What an agreement's escrow holds.
pub async fn escrow_balance(
    source: &mut impl Source,
    agreement: AgreementId,
    buyer: PartyId,
    currency: Currency,
) -> Result<Money> {
    let account = account_find_by(source, buyer, currency, Purpose::Escrow, &agreement.to_string()).await?;
    Ok(Money::from_minor(account.map_or(0, |account| account.balances.creditable_minor()), currency))
}

/// Gives what is left in escrow, or an amount of it, back to the buyer; nothing happens when it is empty.
///
/// # Errors
/// `record.account.frozen` while a dispute is open.
pub async fn escrow_refund_in_tx(
    tx: &mut Tx,
    agreement: AgreementId,
    buyer: PartyId,
    currency: Currency,
    amount: Option<Money>,
) -> Result<Option<Transfer>> {
    let held = escrow_balance(tx, agreement, buyer, currency).await?;
    let amount = amount.unwrap_or(held);
    if amount.minor() == 0 {
        return Ok(None);
    }
    let cash = account_ensure(tx, buyer, currency, Purpose::Cash, "").await?;
    let escrow = account_ensure(tx, buyer, currency, Purpose::Escrow, &agreement.to_string()).await?;
    let movement = Movement::new(cash.id, escrow.id, amount);
    let id = tx.new_id();
    transfer_post_in_tx(tx, NewTransfer::moving(id, movement, Reason::EscrowRefund, agreement)).await.map(Some)
}

/// Freezes or frees an agreement's escrow accounts; how many there are.
pub async fn escrow_freeze_in_tx(tx: &mut Tx, agreement: AgreementId, case: Option<CaseId>) -> Result<u64> {
    tx.exec(
        "UPDATE record_account SET frozen_by = $2 WHERE purpose = 'escrow' AND reference = $1",
        params![agreement.to_string(), case],
    )
    .await
}

/// Where a payment comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayFrom {
    /// The agreement's escrow.
    Escrow(AgreementId),
    /// The payer's cash.
    Cash,
}

/// A payment between parties, in both books at once: the payer's payable falls with its money, the payee's receivable falls
/// as its cash rises.
pub async fn payment_post_in_tx(
    tx: &mut Tx,
    payer: PartyId,
    payee: PartyId,
    from: PayFrom,
    amount: Money,
    cause: &str,
) -> Result<Posted> {
    let currency = amount.currency();
    let (source, reason) = match from {
        PayFrom::Escrow(agreement) => {
            (account_ensure(tx, payer, currency, Purpose::Escrow, &agreement.to_string()).await?, Reason::EscrowRelease)
        }
        PayFrom::Cash => (account_ensure(tx, payer, currency, Purpose::Cash, "").await?, Reason::Payment),
    };
    let payable = account_ensure(tx, payer, currency, Purpose::Payable, "").await?;
    let receivable = account_ensure(tx, payee, currency, Purpose::Receivable, "").await?;
    let cash = account_ensure(tx, payee, currency, Purpose::Cash, "").await?;
    let group = [
        NewTransfer::moving(tx.new_id(), Movement::new(payable.id, source.id, amount), reason, cause),
        NewTransfer::moving(tx.new_id(), Movement::new(cash.id, receivable.id, amount), reason, cause),
    ];
    transfers_post_in_tx(tx, &group).await
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
