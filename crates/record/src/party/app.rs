use appkit::{Row, Tx, params};
use kernel::{Error, Result, Timestamp, id::PartyId};

use super::{Identifier, PartyKind, PartyState, Relation};
use crate::{
    events,
    sql::{Source, json},
};

/// A party.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Party {
    /// Its id; an organisation's is its tenant id.
    #[schema(value_type = String)]
    pub id: PartyId,
    /// What it is.
    pub kind: PartyKind,
    /// Name in Chinese.
    pub name_zh: String,
    /// Name in English.
    pub name_en: String,
    /// What it belongs to.
    #[schema(value_type = Option<String>)]
    pub parent: Option<PartyId>,
    /// Its names in schemes.
    pub identifiers: Vec<Identifier>,
    /// How it relates to others.
    pub relations: Vec<Relation>,
    /// Where it stands.
    pub state: PartyState,
    /// When it was registered.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// A party as one wants to register it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewParty {
    /// Its id: the tenant id of an organisation that exists; none makes a new one.
    pub id: Option<PartyId>,
    /// What it is.
    pub kind: PartyKind,
    /// Name in Chinese.
    pub name_zh: String,
    /// Name in English.
    pub name_en: String,
    /// What it belongs to.
    pub parent: Option<PartyId>,
    /// Its names in schemes.
    pub identifiers: Vec<Identifier>,
}

const COLUMNS: &str = "id, kind, name_zh, name_en, parent, identifiers, relations, state, created_at";

fn from_row(row: &Row) -> Result<Party> {
    Ok(Party {
        id: row.id("id")?,
        kind: row.parse("kind")?,
        name_zh: row.get("name_zh")?,
        name_en: row.get("name_en")?,
        parent: row.opt_id("parent")?,
        identifiers: row.json("identifiers")?,
        relations: row.json("relations")?,
        state: row.parse("state")?,
        created_at: row.time("created_at")?,
    })
}

/// A party by id.
///
/// # Errors
/// `record.party.unknown`.
pub async fn party_get(source: &mut impl Source, id: PartyId) -> Result<Party> {
    let sql = format!("SELECT {COLUMNS} FROM record_party WHERE id = $1");
    match source.one(&sql, params![id]).await? {
        Some(row) => from_row(&row),
        None => Err(Error::not_found("record.party.unknown", format!("there is no party {id}"))),
    }
}

/// Active organisations and the party itself with what belongs to it, by id: names are public inside an installation.
pub async fn party_list(source: &mut impl Source, viewer: PartyId, after: &str, limit: usize) -> Result<Vec<Party>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM record_party WHERE ((kind = 'organisation' AND state = 'active') OR id = $1 OR parent = $1)
            AND id > $2 ORDER BY id LIMIT $3"
    );
    source.rows(&sql, params![viewer, after, limit]).await?.iter().map(from_row).collect()
}

/// Registers a party. Identifiers are checked, and each belongs to one party only.
///
/// # Errors
/// `record.party.identifier`, `record.party.identifier-taken`, `record.party.name`, `record.party.exists`.
pub async fn party_register(tx: &mut Tx, new: NewParty) -> Result<Party> {
    if new.name_zh.trim().is_empty() && new.name_en.trim().is_empty() {
        return Err(Error::unprocessable("record.party.name", "a party needs a name")
            .field("/name_zh", "or /name_en must not be empty"));
    }
    for identifier in &new.identifiers {
        identifier.check()?;
    }
    let party = Party {
        id: new.id.unwrap_or_else(|| tx.new_id()),
        kind: new.kind,
        name_zh: new.name_zh,
        name_en: new.name_en,
        parent: new.parent,
        identifiers: new.identifiers,
        relations: Vec::new(),
        state: PartyState::Draft,
        created_at: tx.now(),
    };
    let inserted = tx
        .exec(
            "INSERT INTO record_party (id, kind, name_zh, name_en, parent, identifiers, relations, state, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO NOTHING",
            params![
                party.id,
                party.kind.as_str(),
                &party.name_zh,
                &party.name_en,
                party.parent,
                json(&party.identifiers)?,
                json(&party.relations)?,
                party.state.as_str(),
                party.created_at
            ],
        )
        .await?;
    if inserted == 0 {
        return Err(Error::conflict("record.party.exists", format!("the party {} is registered", party.id)));
    }
    for identifier in &party.identifiers {
        identifier_take(tx, party.id, identifier).await?;
    }
    let payload = events::StateChanged { record: party.id.to_string(), state: party.state.to_string() };
    tx.publish(events::PARTY_REGISTERED, 1, party.id.to_string(), party.id, &payload)?;
    Ok(party)
}

/// Adds an identifier.
///
/// # Errors
/// `record.party.identifier`, `record.party.identifier-taken`. Adding it again changes nothing.
pub async fn party_identify(tx: &mut Tx, id: PartyId, identifier: Identifier) -> Result<Party> {
    identifier.check()?;
    let mut party = party_get(tx, id).await?;
    if party.identifiers.contains(&identifier) {
        return Ok(party);
    }
    identifier_take(tx, id, &identifier).await?;
    party.identifiers.push(identifier);
    tx.exec("UPDATE record_party SET identifiers = $2 WHERE id = $1", params![id, json(&party.identifiers)?]).await?;
    Ok(party)
}

async fn identifier_take(tx: &mut Tx, party: PartyId, identifier: &Identifier) -> Result<()> {
    let inserted = tx
        .exec(
            "INSERT INTO record_party_identifier (scheme, value, party) VALUES ($1, $2, $3) ON CONFLICT (scheme, value) DO NOTHING",
            params![identifier.scheme.as_str(), &identifier.value, party],
        )
        .await?;
    if inserted > 0 {
        return Ok(());
    }
    Err(Error::conflict(
        "record.party.identifier-taken",
        format!("the {} {} belongs to another party", identifier.scheme, identifier.value),
    )
    .hint("check the number; an identifier belongs to one party"))
}

/// Takes a step of the state machine.
///
/// # Errors
/// `record.party.step`.
pub async fn party_step(tx: &mut Tx, id: PartyId, to: PartyState) -> Result<Party> {
    let mut party = party_get(tx, id).await?;
    party.state = party.state.to(to)?;
    tx.exec("UPDATE record_party SET state = $2 WHERE id = $1", params![id, party.state.as_str()]).await?;
    Ok(party)
}

/// Adds a relation to another party.
///
/// # Errors
/// `record.party.relation` to itself, or one that ends before it begins.
pub async fn party_relate(tx: &mut Tx, id: PartyId, relation: Relation) -> Result<Party> {
    let mut party = party_get(tx, id).await?;
    party_get(tx, relation.party).await?;
    if relation.party == id || relation.to.is_some_and(|to| to <= relation.from) || party.relations.len() >= 1000 {
        return Err(Error::unprocessable(
            "record.party.relation",
            "the relation is to itself, without time, or one too many",
        ));
    }
    party.relations.push(relation);
    tx.exec("UPDATE record_party SET relations = $2 WHERE id = $1", params![id, json(&party.relations)?]).await?;
    Ok(party)
}
