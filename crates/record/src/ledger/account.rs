use kernel::{
    Currency, Error, Result,
    id::{AccountId, CaseId, PartyId},
};
use serde::{Deserialize, Serialize};

use crate::machine::words;

words! {
    /// What an account is for. Money purposes hold what was paid in through `external`; the others hold obligations and results.
    pub enum Purpose {
        /// Money at hand.
        Cash "cash";
        /// Money set aside for one agreement.
        Escrow "escrow";
        /// Money kept back until defects are remedied.
        Retention "retention";
        /// Money given as security.
        Deposit "deposit";
        /// Money on its way between systems.
        Clearing "clearing";
        /// Money that serves exchanges between currencies.
        Liquidity "liquidity";
        /// The world outside: bank and payment providers.
        External "external";
        /// What others owe this party.
        Receivable "receivable";
        /// What this party owes.
        Payable "payable";
        /// Income.
        Revenue "revenue";
        /// Expense.
        Cost "cost";
        /// Tax charged and paid.
        Tax "tax";
        /// Fees of the platform.
        Fee "fee";
        /// Rounding differences.
        Rounding "rounding";
        /// Budget.
        Budget "budget";
        /// Reserves.
        Reserve "reserve";
    }
}

impl Purpose {
    /// Whether it holds money. In every linked group the money that leaves such accounts arrives in others.
    pub fn is_money(self) -> bool {
        use Purpose::*;
        matches!(self, Cash | Escrow | Retention | Deposit | Clearing | Liquidity | External)
    }

    /// The flags an account of this purpose gets when nothing else is said: money at hand may not be overdrawn.
    pub fn flags(self) -> Flags {
        use Purpose::*;
        Flags {
            credits_must_not_exceed_debits: matches!(self, Cash | Escrow | Retention | Deposit),
            debits_must_not_exceed_credits: false,
        }
    }
}

/// Limits of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = AccountFlags)]
pub struct Flags {
    /// A debit-balance account that may not be overdrawn, pending included.
    pub credits_must_not_exceed_debits: bool,
    /// A credit-balance account that may not be overdrawn, pending included.
    pub debits_must_not_exceed_credits: bool,
}

/// The four sums of an account, in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = AccountBalances)]
pub struct Balances {
    /// Reserved debits.
    pub debits_pending_minor: i64,
    /// Final debits.
    pub debits_posted_minor: i64,
    /// Reserved credits.
    pub credits_pending_minor: i64,
    /// Final credits.
    pub credits_posted_minor: i64,
}

impl Balances {
    /// Final debits less final credits.
    pub fn net_minor(&self) -> i64 {
        self.debits_posted_minor.saturating_sub(self.credits_posted_minor)
    }

    /// What may still be credited without overdrawing a debit-balance account.
    pub fn creditable_minor(&self) -> i64 {
        self.net_minor().saturating_sub(self.credits_pending_minor)
    }

    /// What may still be debited without overdrawing a credit-balance account.
    pub fn debitable_minor(&self) -> i64 {
        self.net_minor().saturating_neg().saturating_sub(self.debits_pending_minor)
    }
}

/// An account of one party in one currency.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Account {
    /// Its id.
    #[schema(value_type = String)]
    pub id: AccountId,
    /// Whose books it belongs to.
    #[schema(value_type = String)]
    pub party: PartyId,
    /// Its ledger.
    #[schema(value_type = String)]
    pub currency: Currency,
    /// What it is for.
    pub purpose: Purpose,
    /// Which one of that purpose: the agreement of an escrow; empty for the party's main one.
    pub reference: String,
    /// Its limits.
    pub flags: Flags,
    /// The case that froze it: nothing moves until the case is closed.
    #[schema(value_type = Option<String>)]
    pub frozen_by: Option<CaseId>,
    /// Its sums.
    pub balances: Balances,
}

impl Account {
    /// Refuses when the account's limits are broken by its present sums.
    pub(super) fn check_limits(&self) -> Result<()> {
        let overdrawn = (self.flags.credits_must_not_exceed_debits && self.balances.creditable_minor() < 0)
            || (self.flags.debits_must_not_exceed_credits && self.balances.debitable_minor() < 0);
        if !overdrawn {
            return Ok(());
        }
        let what = if self.reference.is_empty() { String::new() } else { format!(" for {}", self.reference) };
        Err(Error::conflict(
            "record.account.would-overdraw",
            format!("the {} account{what} in {} does not hold enough", self.purpose, self.currency),
        )
        .hint("pay in first, or move less; pending amounts count as used"))
    }
}
