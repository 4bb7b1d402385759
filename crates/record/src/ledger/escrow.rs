//! Money of the parties: paid in and out, set aside, released, paid from one to another. Each is a record of an instruction
//! to a licensed provider.

use appkit::{Tx, params};
use kernel::{
    Currency, Money, Result,
    id::{AgreementId, CaseId, PartyId},
};

use super::{
    Movement, NewTransfer, Posted, Purpose, Reason, Transfer,
    app::{account_ensure, transfer_post_in_tx, transfers_post_in_tx},
    store::account_find_by,
};
use crate::sql::Source;

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
