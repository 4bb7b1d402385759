use appkit::{Row, Tx, params};
use kernel::{
    Error, Quantity, Result, Timestamp,
    id::{AssetId, CapabilityId, ItemId, OfferId, PartyId},
};
use serde::{Deserialize, Serialize};

use super::{OfferKind, OfferState};
use crate::{
    agreement::{Clause, clauses_check},
    events,
    sql::{Source, json},
};

/// One line of an offer: what is offered or wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OfferLine {
    /// In words.
    pub description: String,
    /// What kind of thing.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub item: Option<ItemId>,
    /// What ability.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub capability: Option<CapabilityId>,
    /// Which machine.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub asset: Option<AssetId>,
    /// How much.
    #[serde(default)]
    #[schema(value_type = Option<crate::wire::QuantitySchema>)]
    pub quantity: Option<Quantity>,
}

/// An offer.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Offer {
    /// Its id.
    #[schema(value_type = String)]
    pub id: OfferId,
    /// What kind of wish.
    pub kind: OfferKind,
    /// Whose.
    #[schema(value_type = String)]
    pub provider: PartyId,
    /// In a few words.
    pub title: String,
    /// What is offered or wanted.
    pub lines: Vec<OfferLine>,
    /// On which terms.
    pub clauses: Vec<Clause>,
    /// From when.
    #[schema(value_type = String, format = DateTime)]
    pub valid_from: Timestamp,
    /// Until before when.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub valid_to: Option<Timestamp>,
    /// Where it stands.
    pub state: OfferState,
}

/// An offer as one wants to write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOffer {
    /// What kind of wish.
    pub kind: OfferKind,
    /// Whose.
    pub provider: PartyId,
    /// In a few words.
    pub title: String,
    /// What is offered or wanted.
    pub lines: Vec<OfferLine>,
    /// On which terms.
    pub clauses: Vec<Clause>,
    /// Until before when.
    pub valid_to: Option<Timestamp>,
}

const COLUMNS: &str = "id, kind, provider, title, lines, clauses, valid_from, valid_to, state";

fn from_row(row: &Row) -> Result<Offer> {
    Ok(Offer {
        id: row.id("id")?,
        kind: row.parse("kind")?,
        provider: row.id("provider")?,
        title: row.get("title")?,
        lines: row.json("lines")?,
        clauses: row.json("clauses")?,
        valid_from: row.time("valid_from")?,
        valid_to: row.opt_time("valid_to")?,
        state: row.parse("state")?,
    })
}

/// An offer by id.
///
/// # Errors
/// `record.offer.unknown`.
pub async fn offer_get(source: &mut impl Source, id: OfferId) -> Result<Offer> {
    let sql = format!("SELECT {COLUMNS} FROM record_offer WHERE id = $1");
    match source.one(&sql, params![id]).await? {
        Some(row) => from_row(&row),
        None => Err(Error::not_found("record.offer.unknown", format!("there is no offer {id}"))),
    }
}

/// Published offers and the party's own, by id.
pub async fn offer_list(source: &mut impl Source, viewer: PartyId, after: &str, limit: usize) -> Result<Vec<Offer>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM record_offer WHERE (state = 'published' OR provider = $1) AND id > $2 ORDER BY id LIMIT $3"
    );
    source.rows(&sql, params![viewer, after, limit]).await?.iter().map(from_row).collect()
}

/// Writes an offer as a draft.
///
/// # Errors
/// `record.offer.malformed`, `record.agreement.clause`.
pub async fn offer_create(tx: &mut Tx, new: NewOffer) -> Result<Offer> {
    clauses_check(&new.clauses)?;
    let now = tx.now();
    let title_ok = (1..=200).contains(&new.title.trim().chars().count());
    if !title_ok || new.lines.is_empty() || new.lines.len() > 200 || new.valid_to.is_some_and(|to| to <= now) {
        return Err(Error::unprocessable(
            "record.offer.malformed",
            "an offer needs a title, 1–200 lines and an end that is still to come",
        )
        .field("/title", "1–200 characters")
        .field("/lines", "1–200 lines")
        .field("/valid_to", "later than now"));
    }
    let offer = Offer {
        id: tx.new_id(),
        kind: new.kind,
        provider: new.provider,
        title: new.title,
        lines: new.lines,
        clauses: new.clauses,
        valid_from: now,
        valid_to: new.valid_to,
        state: OfferState::Draft,
    };
    tx.exec(
        "INSERT INTO record_offer (id, kind, provider, title, lines, clauses, valid_from, valid_to, state, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        params![
            offer.id,
            offer.kind.as_str(),
            offer.provider,
            &offer.title,
            json(&offer.lines)?,
            json(&offer.clauses)?,
            offer.valid_from,
            offer.valid_to,
            offer.state.as_str(),
            now
        ],
    )
    .await?;
    Ok(offer)
}

/// Takes a step of the state machine.
///
/// # Errors
/// `record.offer.step`; `record.offer.expired` when one would publish or award an offer whose time is over.
pub async fn offer_step(tx: &mut Tx, id: OfferId, to: OfferState) -> Result<Offer> {
    let mut offer = offer_get(tx, id).await?;
    let over = offer.valid_to.is_some_and(|end| end <= tx.now());
    if over && matches!(to, OfferState::Published | OfferState::Awarded) {
        return Err(Error::conflict("record.offer.expired", "the offer's time is over").hint("write a new offer"));
    }
    offer.state = offer.state.to(to)?;
    tx.exec("UPDATE record_offer SET state = $2 WHERE id = $1", params![id, offer.state.as_str()]).await?;
    if to == OfferState::Published {
        let payload = events::StateChanged { record: id.to_string(), state: to.to_string() };
        tx.publish(events::OFFER_PUBLISHED, 1, id.to_string(), offer.provider, &payload)?;
    }
    Ok(offer)
}
