use appkit::{Row, Tx, params};
use kernel::{
    Error, Quantity, Result, Timestamp,
    id::{AgreementId, CommitmentId, EventId, PartyId, ReadingId, ResourceId},
};

use super::{Attestation, EventState, Fulfilment, NewEvent};
use crate::sql::{Columns, Source, json, parts};

const COLUMNS: &str = "seq, id, action, provider, receiver, agreement, item, resource, to_resource, asset, quantity, quantity_unit, \
     effort, effort_unit, occurred_at, recorded_at, location, corrects, evidence, reading, note, attestations, state";

/// A fact as recorded.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[schema(as = EconomicEvent)]
pub struct Event {
    /// Its place in the one order.
    pub seq: i64,
    /// Its id.
    #[schema(value_type = String)]
    pub id: EventId,
    /// When it was recorded.
    #[schema(value_type = String, format = DateTime)]
    pub recorded_at: Timestamp,
    /// Its content.
    #[serde(flatten)]
    pub content: NewEvent,
    /// Who confirmed it.
    pub attestations: Vec<Attestation>,
    /// Where it stands.
    pub state: EventState,
}

fn from_row(row: &Row, fulfilments: Vec<Fulfilment>) -> Result<Event> {
    Ok(Event {
        seq: row.get("seq")?,
        id: row.id("id")?,
        recorded_at: row.time("recorded_at")?,
        content: NewEvent {
            action: row.parse("action")?,
            provider: row.id("provider")?,
            receiver: row.id("receiver")?,
            agreement: row.opt_id("agreement")?,
            item: row.opt_id("item")?,
            resource: row.opt_id("resource")?,
            to_resource: row.opt_id("to_resource")?,
            asset: row.opt_id("asset")?,
            quantity: row.opt_quantity("quantity", "quantity_unit")?,
            effort: row.opt_quantity("effort", "effort_unit")?,
            occurred_at: row.time("occurred_at")?,
            location: row.get("location")?,
            fulfilments,
            corrects: row.opt_id("corrects")?,
            evidence: row.get::<Option<String>>("evidence")?.map(|uri| uri.parse()).transpose()?,
            reading: row.opt_id("reading")?,
            note: row.get("note")?,
        },
        attestations: row.json("attestations")?,
        state: row.parse("state")?,
    })
}

/// An event by id.
///
/// # Errors
/// `record.event.unknown`.
pub async fn event_get(source: &mut impl Source, id: EventId) -> Result<Event> {
    let sql = format!("SELECT {COLUMNS} FROM record_event WHERE id = $1");
    let Some(row) = source.one(&sql, params![id]).await? else {
        return Err(Error::not_found("record.event.unknown", format!("there is no event {id}")));
    };
    let fulfilments = fulfilments_of(source, id).await?;
    from_row(&row, fulfilments)
}

/// The event that records a reading.
pub(super) async fn event_of_reading(source: &mut impl Source, reading: ReadingId) -> Result<Option<Event>> {
    let sql = format!("SELECT {COLUMNS} FROM record_event WHERE reading = $1 ORDER BY seq LIMIT 1");
    let rows = source.rows(&sql, params![reading]).await?;
    Ok(with_fulfilments(source, rows).await?.pop())
}

/// Events after a place in the one order; those of a party on either side, or all.
pub async fn event_list(
    source: &mut impl Source,
    party: Option<PartyId>,
    after_seq: i64,
    limit: usize,
) -> Result<Vec<Event>> {
    let rows = match party {
        Some(party) => {
            let sql = format!(
                "SELECT {COLUMNS} FROM record_event WHERE (provider = $1 OR receiver = $1) AND seq > $2 ORDER BY seq LIMIT $3"
            );
            source.rows(&sql, params![party, after_seq, limit]).await?
        }
        None => {
            let sql = format!("SELECT {COLUMNS} FROM record_event WHERE seq > $1 ORDER BY seq LIMIT $2");
            source.rows(&sql, params![after_seq, limit]).await?
        }
    };
    with_fulfilments(source, rows).await
}

/// The events of an agreement, oldest first.
pub async fn event_list_by_agreement(source: &mut impl Source, agreement: AgreementId) -> Result<Vec<Event>> {
    let sql = format!("SELECT {COLUMNS} FROM record_event WHERE agreement = $1 ORDER BY seq LIMIT 500");
    let rows = source.rows(&sql, params![agreement]).await?;
    with_fulfilments(source, rows).await
}

/// The events that touched a resource, oldest first: its track.
pub async fn event_list_by_resource(source: &mut impl Source, resource: ResourceId) -> Result<Vec<Event>> {
    let sql =
        format!("SELECT {COLUMNS} FROM record_event WHERE resource = $1 OR to_resource = $1 ORDER BY seq LIMIT 500");
    let rows = source.rows(&sql, params![resource]).await?;
    with_fulfilments(source, rows).await
}

async fn with_fulfilments(source: &mut impl Source, rows: Vec<Row>) -> Result<Vec<Event>> {
    let mut events = Vec::with_capacity(rows.len());
    for row in &rows {
        let fulfilments = fulfilments_of(source, row.id("id")?).await?;
        events.push(from_row(row, fulfilments)?);
    }
    Ok(events)
}

async fn fulfilments_of(source: &mut impl Source, event: EventId) -> Result<Vec<Fulfilment>> {
    let sql = "SELECT commitment, quantity, unit FROM record_fulfilment WHERE event = $1 ORDER BY commitment";
    let rows = source.rows(sql, params![event]).await?;
    rows.iter()
        .map(|row| Ok(Fulfilment { commitment: row.id("commitment")?, quantity: row.quantity("quantity", "unit")? }))
        .collect()
}

/// What counts towards a commitment.
pub(crate) async fn fulfilments_towards(source: &mut impl Source, commitment: CommitmentId) -> Result<Vec<Quantity>> {
    let sql = "SELECT quantity, unit FROM record_fulfilment WHERE commitment = $1 ORDER BY event";
    source.rows(sql, params![commitment]).await?.iter().map(|row| row.quantity("quantity", "unit")).collect()
}

pub(super) async fn insert(tx: &mut Tx, event: &Event) -> Result<()> {
    let content = &event.content;
    let ((quantity, quantity_unit), (effort, effort_unit)) = (parts(content.quantity), parts(content.effort));
    tx.exec(
        "INSERT INTO record_event (seq, id, action, provider, receiver, agreement, item, resource, to_resource, asset, quantity,
            quantity_unit, effort, effort_unit, occurred_at, recorded_at, location, corrects, evidence, reading, note, attestations, state)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)",
        params![
            event.seq,
            event.id,
            content.action.as_str(),
            content.provider,
            content.receiver,
            content.agreement,
            content.item,
            content.resource,
            content.to_resource,
            content.asset,
            quantity,
            quantity_unit,
            effort,
            effort_unit,
            content.occurred_at,
            event.recorded_at,
            &content.location,
            content.corrects,
            content.evidence,
            content.reading,
            &content.note,
            json(&event.attestations)?,
            event.state.as_str()
        ],
    )
    .await?;
    for fulfilment in &content.fulfilments {
        tx.exec(
            "INSERT INTO record_fulfilment (event, commitment, quantity, unit) VALUES ($1, $2, $3, $4)",
            params![event.id, fulfilment.commitment, fulfilment.quantity.value, fulfilment.quantity.unit.code()],
        )
        .await?;
    }
    Ok(())
}

pub(super) async fn save(tx: &mut Tx, event: &Event) -> Result<()> {
    tx.exec(
        "UPDATE record_event SET attestations = $2, state = $3 WHERE id = $1",
        params![event.id, json(&event.attestations)?, event.state.as_str()],
    )
    .await?;
    Ok(())
}

pub(super) async fn next_seq(tx: &mut Tx) -> Result<i64> {
    let row = Source::one(tx, "SELECT seq FROM record_event ORDER BY seq DESC LIMIT 1", params![]).await?;
    Ok(row.map_or(Ok(0), |row| row.get::<i64>("seq"))? + 1)
}
