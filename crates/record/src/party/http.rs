use appkit::{Caller, Host, IdemKey, Json, Page, PageQuery, Path, Policy, Problem, Query, Reply, Routes, routes};
use axum::extract::State;
use kernel::id::PartyId;
use serde::{Deserialize, Serialize};

use super::{Identifier, NewParty, Party, PartyKind, app};
use crate::{
    http::{id_cursor, same_answer, takes_part},
    wire::text_check,
};

pub(crate) fn routes() -> Routes {
    Routes::new("record")
        .add(Policy::view("record.party.list"), routes!(party_list))
        .add(Policy::view("record.party.read"), routes!(party_get))
        .add(Policy::admin("record.party.create"), routes!(party_create))
        .add(Policy::admin("record.party.identify"), routes!(party_identify))
}

/// What others may know of a party: relations are its own business.
fn public(mut party: Party, caller: &Caller) -> Party {
    if party.id != caller.tenant && party.parent != Some(caller.tenant) {
        party.relations.clear();
    }
    party
}

/// Organisations one can trade with, and one's own teams and people.
#[utoipa::path(get, path = "/api/v1/parties", tag = "record", params(PageQuery), responses((status = 200, body = Page<Party>)))]
async fn party_list(
    State(host): State<Host>,
    caller: Caller,
    Query(page): Query<PageQuery>,
) -> appkit::Result<Json<Page<Party>>> {
    let limit = page.limit()?;
    let rows = app::party_list(&mut host.db(), caller.tenant, id_cursor(&page)?, limit + 1).await?;
    let rows = rows.into_iter().map(|party| public(party, &caller)).collect();
    Ok(Json(Page::of(rows, limit, |party: &Party| party.id.to_string())))
}

/// One party.
#[utoipa::path(get, path = "/api/v1/parties/{id}", tag = "record", params(("id" = String, Path)),
    responses((status = 200, body = Party), (status = 404, body = Problem)))]
async fn party_get(State(host): State<Host>, caller: Caller, Path(id): Path<PartyId>) -> appkit::Result<Json<Party>> {
    let party = same_answer(app::party_get(&mut host.db(), id).await)?;
    let open = party.kind == PartyKind::Organisation;
    if !open {
        takes_part(&caller, &[party.id, party.parent.unwrap_or(party.id)])?;
    }
    Ok(Json(public(party, &caller)))
}

/// A team or person of one's own organisation.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PartyRequest)]
struct PartyRequest {
    /// `team` or `person`.
    kind: PartyKind,
    /// Name in Chinese.
    name_zh: String,
    /// Name in English.
    name_en: String,
    /// Its names in schemes.
    #[serde(default)]
    identifiers: Vec<Identifier>,
}

/// Registers a team or person of the caller's organisation.
#[utoipa::path(post, path = "/api/v1/parties", tag = "record", request_body = PartyRequest,
    responses((status = 201, body = Party), (status = 422, body = Problem)))]
async fn party_create(
    State(host): State<Host>,
    caller: Caller,
    key: IdemKey,
    Json(request): Json<PartyRequest>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "record.party.create", &key, &request).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    for (text, pointer) in [(&request.name_zh, "/name_zh"), (&request.name_en, "/name_en")] {
        text_check(text, 200, pointer)?;
    }
    if !matches!(request.kind, PartyKind::Team | PartyKind::Person) {
        return Err(kernel::Error::unprocessable(
            "record.party.kind",
            "organisations are created by the installation's administrator",
        )
        .field("/kind", "team or person")
        .into());
    }
    let new = NewParty {
        id: None,
        kind: request.kind,
        name_zh: request.name_zh,
        name_en: request.name_en,
        parent: Some(caller.tenant),
        identifiers: request.identifiers,
    };
    let party = app::party_register(command.tx(), new).await?;
    command.reply(201, &party).await
}

/// Adds an identifier to the caller's organisation, such as its 统一社会信用代码; its check character is verified.
#[utoipa::path(post, path = "/api/v1/parties/{id}/identifiers", tag = "record", params(("id" = String, Path)), request_body = Identifier,
    responses((status = 200, body = Party), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn party_identify(
    State(host): State<Host>,
    caller: Caller,
    key: IdemKey,
    Path(id): Path<PartyId>,
    Json(identifier): Json<Identifier>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "record.party.identify", &key, &(id, &identifier)).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let party = same_answer(app::party_get(command.tx(), id).await)?;
    takes_part(&caller, &[party.id, party.parent.unwrap_or(party.id)])?;
    let party = app::party_identify(command.tx(), id, identifier).await?;
    command.reply(200, &party).await
}
