use appkit::{
    Caller, Host, IdemKey, Json, Page, PageQuery, Path, Policy, Problem, Query, Reply, Routes,
    identity::installation_check, routes,
};
use axum::extract::State;
use kernel::{
    Currency, Error, Money,
    id::{AccountId, PartyId, TransferId},
};
use serde::{Deserialize, Serialize};

use super::{Account, Chained, Transfer, TrialLine, app, cash_pay_in_in_tx, cash_pay_out_in_tx, store};
use crate::{
    http::{id_cursor, same_answer, seq_cursor, visible},
    party::party_get,
    wire::text_check,
};

pub(crate) fn routes() -> Routes {
    Routes::new("record")
        .add(Policy::view("record.account.list"), routes!(account_list))
        .add(Policy::view("record.account.read"), routes!(account_get))
        .add(Policy::view("record.account.history"), routes!(account_history))
        .add(Policy::view("record.transfer.list"), routes!(transfer_list))
        .add(Policy::view("record.transfer.read"), routes!(transfer_get))
        .add(Policy::view("record.trial-balance.read"), routes!(trial_balance))
        // About the installation, not about the caller's organisation: the use case asks for the platform role.
        .add(Policy::signed_in("record.cash.confirm"), routes!(cash_confirm))
}

/// The organisation's accounts.
#[utoipa::path(get, path = "/api/v1/accounts", tag = "ledger", params(PageQuery), responses((status = 200, body = Page<Account>)))]
async fn account_list(
    State(host): State<Host>,
    caller: Caller,
    Query(page): Query<PageQuery>,
) -> appkit::Result<Json<Page<Account>>> {
    let limit = page.limit()?;
    let rows = store::account_list(&mut host.db(), Some(caller.tenant), id_cursor(&page)?, limit + 1).await?;
    Ok(Json(Page::of(rows, limit, |account: &Account| account.id.to_string())))
}

async fn account_seen(host: &Host, caller: &Caller, action: &'static str, id: AccountId) -> kernel::Result<Account> {
    let account = store::account_find(&mut host.db(), id).await?;
    let account =
        same_answer(account.ok_or_else(|| Error::not_found("record.account.unknown", "there is no such account")))?;
    visible(host, caller, action, "account", id, &[account.party]).await?;
    Ok(account)
}

/// One account with its sums.
#[utoipa::path(get, path = "/api/v1/accounts/{id}", tag = "ledger", params(("id" = String, Path)),
    responses((status = 200, body = Account), (status = 404, body = Problem)))]
async fn account_get(
    State(host): State<Host>,
    caller: Caller,
    Path(id): Path<AccountId>,
) -> appkit::Result<Json<Account>> {
    Ok(Json(account_seen(&host, &caller, "record.account.read", id).await?))
}

/// The transfers of an account, oldest first, each with the sums after it.
#[utoipa::path(get, path = "/api/v1/accounts/{id}/transfers", tag = "ledger", params(("id" = String, Path), PageQuery),
    responses((status = 200, body = Page<Chained>), (status = 404, body = Problem)))]
async fn account_history(
    State(host): State<Host>,
    caller: Caller,
    Path(id): Path<AccountId>,
    Query(page): Query<PageQuery>,
) -> appkit::Result<Json<Page<Chained>>> {
    account_seen(&host, &caller, "record.account.history", id).await?;
    let limit = page.limit()?;
    let rows = store::transfer_list_by_account(&mut host.db(), id, seq_cursor(&page)?, limit + 1).await?;
    Ok(Json(Page::of(rows, limit, |row: &Chained| row.seq.to_string())))
}

/// The transfers in the organisation's books, in the one order of the ledger.
#[utoipa::path(get, path = "/api/v1/transfers", tag = "ledger", params(PageQuery), responses((status = 200, body = Page<Chained>)))]
async fn transfer_list(
    State(host): State<Host>,
    caller: Caller,
    Query(page): Query<PageQuery>,
) -> appkit::Result<Json<Page<Chained>>> {
    let limit = page.limit()?;
    let rows = store::transfer_list(&mut host.db(), Some(caller.tenant), seq_cursor(&page)?, limit + 1).await?;
    Ok(Json(Page::of(rows, limit, |row: &Chained| row.seq.to_string())))
}

/// One transfer with the sums after it.
#[utoipa::path(get, path = "/api/v1/transfers/{id}", tag = "ledger", params(("id" = String, Path)),
    responses((status = 200, body = Chained), (status = 404, body = Problem)))]
async fn transfer_get(
    State(host): State<Host>,
    caller: Caller,
    Path(id): Path<TransferId>,
) -> appkit::Result<Json<Chained>> {
    let row = store::transfer_find(&mut host.db(), id).await?;
    let row = same_answer(row.ok_or_else(|| Error::not_found("record.transfer.unknown", "there is no such transfer")))?;
    visible(&host, &caller, "record.transfer.read", "transfer", id, &[row.party]).await?;
    Ok(Json(row))
}

/// A trial balance: per purpose, and the sums that must be zero.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct TrialBalance {
    /// One line per currency and purpose.
    lines: Vec<TrialLine>,
    /// Sum per currency: zero in sound books.
    #[schema(value_type = Vec<crate::wire::MoneySchema>)]
    sums: Vec<Money>,
}

/// The organisation's trial balance.
#[utoipa::path(get, path = "/api/v1/trial-balance", tag = "ledger", responses((status = 200, body = TrialBalance)))]
async fn trial_balance(State(host): State<Host>, caller: Caller) -> appkit::Result<Json<TrialBalance>> {
    let lines = app::trial_balance(&host, Some(caller.tenant)).await?;
    let mut currencies: Vec<Currency> = lines.iter().map(|line| line.currency).collect();
    currencies.sort_unstable();
    currencies.dedup();
    let mut sums = Vec::with_capacity(currencies.len());
    for currency in currencies {
        let mut sum = Money::zero(currency);
        for line in lines.iter().filter(|line| line.currency == currency) {
            sum = sum.plus(line.net)?;
        }
        sums.push(sum);
    }
    Ok(Json(TrialBalance { lines, sums }))
}

/// Which way money went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum Direction {
    /// From the bank into a party's cash.
    In,
    /// Out of a party's cash to its bank.
    Out,
}

/// A movement that the licensed provider (bank, payment institution) has confirmed.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct BankMovement {
    /// Whose money.
    #[schema(value_type = String)]
    party: PartyId,
    /// Which way.
    direction: Direction,
    /// How much: more than nothing.
    #[schema(value_type = crate::wire::MoneySchema)]
    amount: Money,
    /// The provider's own reference, 1–120 characters: what a statement is matched by.
    reference: String,
}

/// Records that money of a party came in from its bank or went out to it. For those who look after the installation, with the
/// confirmation in hand: the platform holds no money and moves none.
#[utoipa::path(post, path = "/api/v1/cash", tag = "ledger", request_body = BankMovement,
    responses((status = 201, body = Transfer), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn cash_confirm(
    State(host): State<Host>,
    caller: Caller,
    key: IdemKey,
    Json(request): Json<BankMovement>,
) -> appkit::Result<Reply> {
    installation_check(&host, &caller, "record.cash.confirm")?;
    let mut command = host.command(&caller, "record.cash.confirm", &key, &request).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let BankMovement { party, direction, amount, reference } = request;
    text_check(&reference, 120, "/reference")?;
    if reference.trim().is_empty() || amount.minor() <= 0 {
        return Err(Error::unprocessable(
            "record.cash.malformed",
            "a movement needs an amount above zero and a reference",
        )
        .field("/amount", "more than nothing")
        .field("/reference", "the provider's own, 1 to 120 characters")
        .into());
    }
    party_get(command.tx(), party).await?;
    let transfer = match direction {
        Direction::In => cash_pay_in_in_tx(command.tx(), party, amount, reference.trim()).await?,
        Direction::Out => cash_pay_out_in_tx(command.tx(), party, amount, reference.trim()).await?,
    };
    command.reply(201, &transfer).await
}
