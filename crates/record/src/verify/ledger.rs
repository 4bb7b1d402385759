//! I1–I6: the chain of transfers replayed from the first one, beside the stored sums.

use std::collections::{BTreeMap, HashMap, HashSet};

use appkit::{Host, params};
use kernel::{
    Currency, Result,
    id::{AccountId, PartyId, TransferId},
};

use super::{PAGE, Report, readable};
use crate::ledger::{Account, Balances, Chained, Kind, Purpose, account_list, store::chain_hash, transfer_list};

pub(super) async fn check(host: &Host, report: &mut Report) -> Result<()> {
    let accounts = accounts(host).await?;
    let mut replay = Replay {
        accounts: &accounts,
        sums: HashMap::new(),
        open: HashMap::new(),
        resolved: HashSet::new(),
        groups: HashMap::new(),
    };
    let (mut after, mut previous) = (0i64, String::new());
    loop {
        let page = transfer_list(&mut host.db(), None, after, PAGE).await;
        let Some(page) = readable(page, "record_transfer", &after, report) else { break };
        if page.is_empty() {
            break;
        }
        for chained in &page {
            let expected = chain_hash(&previous, chained.seq, &chained.transfer)?;
            let whole = chained.prev_hash == previous && chained.hash == expected && chained.seq == after + 1;
            report.check("I14", whole, chained.transfer.id, || {
                "the posting does not follow from the one before it, or was changed".into()
            });
            replay.step(chained, report);
            after = chained.seq;
            previous.clone_from(&chained.hash);
        }
    }
    replay.finish(report);
    pending(host, &replay, report).await
}

async fn accounts(host: &Host) -> Result<HashMap<AccountId, Account>> {
    let (mut found, mut after) = (HashMap::new(), String::new());
    loop {
        let page = account_list(&mut host.db(), None, &after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(found) };
        after = last.id.to_string();
        found.extend(page.into_iter().map(|account| (account.id, account)));
    }
}

struct Replay<'a> {
    accounts: &'a HashMap<AccountId, Account>,
    sums: HashMap<AccountId, Balances>,
    /// Reserved amount of each open reservation.
    open: HashMap<TransferId, i64>,
    resolved: HashSet<TransferId>,
    /// Money that a linked group creates: (reserved, moved).
    groups: HashMap<(TransferId, Currency), (i128, i128)>,
}

impl Replay<'_> {
    fn step(&mut self, chained: &Chained, report: &mut Report) {
        let transfer = &chained.transfer;
        let id = transfer.id;
        let (Some(debit), Some(credit)) = (self.accounts.get(&transfer.debit), self.accounts.get(&transfer.credit))
        else {
            report.breach("I1", id, "an account of the posting does not exist");
            return;
        };
        let one_ledger = debit.currency == transfer.currency && credit.currency == transfer.currency;
        report.check("I5", one_ledger, id, || "the posting crosses ledgers".into());
        let one_book = debit.party == credit.party && debit.party == chained.party;
        report.check("I5", one_book, id, || "the posting crosses the books of two parties".into());
        let (pending, posted) = match transfer.kind {
            Kind::Posted => (0, transfer.amount_minor),
            Kind::Pending => {
                self.open.insert(id, transfer.amount_minor);
                (transfer.amount_minor, 0)
            }
            Kind::Post | Kind::Void | Kind::Expire => {
                let reserved = transfer.pending.and_then(|pending| self.open.remove(&pending));
                let once = transfer.pending.is_some_and(|pending| self.resolved.insert(pending));
                report.check("I2", once && reserved.is_some(), id, || {
                    "the reservation was resolved before, or never made".into()
                });
                let reserved = reserved.unwrap_or(0);
                report.check("I2", transfer.amount_minor <= reserved, id, || "more was posted than reserved".into());
                (-reserved, transfer.amount_minor)
            }
        };
        let sums = self.sums.entry(transfer.debit).or_default();
        sums.debits_pending_minor += pending;
        sums.debits_posted_minor += posted;
        report.check("I1", *sums == transfer.debit_after, id, || {
            "the debit account's sums in the posting are not those of its postings".into()
        });
        overdraft(debit, sums, id, report);
        let sums = self.sums.entry(transfer.credit).or_default();
        sums.credits_pending_minor += pending;
        sums.credits_posted_minor += posted;
        report.check("I1", *sums == transfer.credit_after, id, || {
            "the credit account's sums in the posting are not those of its postings".into()
        });
        overdraft(credit, sums, id, report);
        let group = self.groups.entry((transfer.group, transfer.currency)).or_default();
        let direction = i128::from(debit.purpose.is_money()) - i128::from(credit.purpose.is_money());
        if transfer.kind == Kind::Pending {
            group.0 += direction * i128::from(transfer.amount_minor);
        } else {
            group.1 += direction * i128::from(posted);
        }
    }

    fn finish(&self, report: &mut Report) {
        let mut ledgers: BTreeMap<(PartyId, Currency), [i128; 2]> = BTreeMap::new();
        let mut ids: Vec<_> = self.accounts.keys().copied().collect();
        ids.sort_unstable();
        for id in ids {
            let account = &self.accounts[&id];
            let expected = self.sums.get(&id).copied().unwrap_or_default();
            report.check("I1", account.balances == expected, id, || {
                format!("the account says {:?} and its postings say {expected:?}", account.balances)
            });
            let sums = ledgers.entry((account.party, account.currency)).or_default();
            sums[0] += i128::from(account.balances.net_minor());
            sums[1] +=
                i128::from(account.balances.debits_pending_minor) - i128::from(account.balances.credits_pending_minor);
            if account.purpose == Purpose::Escrow {
                let held = account.balances.creditable_minor() >= 0;
                report.check("I6", held, id, || "more left the escrow than was set aside".into());
            }
        }
        for ((party, currency), sums) in ledgers {
            report.check("I1", sums == [0, 0], party, || {
                format!("debits and credits in {currency} differ by {sums:?} minor units")
            });
        }
        for ((group, currency), sums) in &self.groups {
            report.check("I6", *sums == (0, 0), group, || {
                format!("the linked postings create money in {currency}: {sums:?}")
            });
        }
    }
}

fn overdraft(account: &Account, sums: &Balances, id: TransferId, report: &mut Report) {
    let overdrawn = (account.flags.credits_must_not_exceed_debits && sums.creditable_minor() < 0)
        || (account.flags.debits_must_not_exceed_credits && sums.debitable_minor() < 0);
    report.check("I4", !overdrawn, id, || format!("the posting overdraws the account {}", account.id));
}

/// The projection of open reservations is what the replay left open.
async fn pending(host: &Host, replay: &Replay<'_>, report: &mut Report) -> Result<()> {
    let rows = host.db().rows("SELECT id FROM record_pending ORDER BY id", params![]).await?;
    let stored: HashSet<TransferId> = rows.iter().map(|row| row.id("id")).collect::<Result<_>>()?;
    let open: HashSet<TransferId> = replay.open.keys().copied().collect();
    for id in stored.symmetric_difference(&open) {
        report.breach("I2", id, "the reservation is open in one place and resolved in another");
    }
    Ok(())
}
