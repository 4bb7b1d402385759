use std::collections::HashSet;

use appkit::{Host, Row, Tx, params};
use kernel::{
    Result, Timestamp,
    id::{AlarmId, AlarmRuleId, AssetId, PartyId},
};
use models::alarm::{Alarm, AlarmState, Message, Priority};

use super::json;

/// An alarm as stored: its life and what it was called when it was opened.
#[derive(Debug, Clone, PartialEq)]
pub struct AlarmRow {
    pub id: AlarmId,
    pub tenant: PartyId,
    pub rule: AlarmRuleId,
    pub asset: AssetId,
    pub life: Alarm,
    pub priority: Priority,
    pub name: String,
    pub message: Message,
    /// The values behind the newest occurrence: property → number.
    pub readings: serde_json::Value,
    /// What has been said of this occurrence in the journal since it was last acknowledged.
    pub announced: Announced,
    pub raised_at: Timestamp,
    pub returned_at: Option<Timestamp>,
    pub opened_at: Timestamp,
    pub closed_at: Option<Timestamp>,
}

/// A chattering alarm repeats in the count, not in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Announced {
    pub raised: bool,
    pub returned: bool,
}

const COLUMNS: &str = "id, tenant, rule, asset, life, priority, name, message_zh, message_en, readings, announced,
    raised_at, returned_at, opened_at, closed_at";

fn read(row: &Row) -> Result<AlarmRow> {
    let announced: i64 = row.get("announced")?;
    Ok(AlarmRow {
        id: row.id("id")?,
        tenant: row.id("tenant")?,
        rule: row.id("rule")?,
        asset: row.id("asset")?,
        life: row.json("life")?,
        priority: Priority::from_number(row.get::<i64>("priority")? as u8)?,
        name: row.get("name")?,
        message: Message { zh: row.get("message_zh")?, en: row.get("message_en")? },
        readings: row.json("readings")?,
        announced: Announced { raised: announced & 1 != 0, returned: announced & 2 != 0 },
        raised_at: row.time("raised_at")?,
        returned_at: row.opt_time("returned_at")?,
        opened_at: row.time("opened_at")?,
        closed_at: row.opt_time("closed_at")?,
    })
}

pub async fn find(tx: &mut Tx, tenant: PartyId, id: AlarmId) -> Result<Option<AlarmRow>> {
    let sql = format!("SELECT {COLUMNS} FROM twin_alarm WHERE tenant = $1 AND id = $2");
    tx.one(&sql, params![tenant, id]).await?.as_ref().map(read).transpose()
}

/// An alarm, whoever owns it: the caller of this decides who may see it.
pub async fn get(host: &Host, id: AlarmId) -> Result<Option<AlarmRow>> {
    let sql = format!("SELECT {COLUMNS} FROM twin_alarm WHERE id = $1");
    host.db().one(&sql, params![id]).await?.as_ref().map(read).transpose()
}

/// The newest alarm of a rule on an asset, open or closed.
pub async fn newest(tx: &mut Tx, rule: AlarmRuleId, asset: AssetId) -> Result<Option<AlarmRow>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM twin_alarm WHERE rule = $1 AND asset = $2
         ORDER BY CASE WHEN closed_at IS NULL THEN 0 ELSE 1 END, raised_at DESC, id DESC LIMIT 1"
    );
    tx.one(&sql, params![rule, asset]).await?.as_ref().map(read).transpose()
}

/// The open alarms of an asset.
pub async fn open_of(tx: &mut Tx, asset: AssetId) -> Result<Vec<AlarmRow>> {
    let sql = format!("SELECT {COLUMNS} FROM twin_alarm WHERE asset = $1 AND closed_at IS NULL ORDER BY id");
    tx.rows(&sql, params![asset]).await?.iter().map(read).collect()
}

/// The rules whose alarms are active on an asset.
pub async fn active_rules(host: &Host, asset: AssetId) -> Result<HashSet<AlarmRuleId>> {
    let sql = "SELECT rule FROM twin_alarm WHERE asset = $1 AND closed_at IS NULL
         AND state IN ('unacknowledged_active', 'acknowledged_active')";
    host.db().rows(sql, params![asset]).await?.iter().map(|row| row.id("rule")).collect()
}

pub async fn save(tx: &mut Tx, alarm: &AlarmRow) -> Result<()> {
    let now = tx.now();
    let shelved_until = alarm.life.shelf(now).map(|shelf| shelf.until);
    let announced = i64::from(alarm.announced.raised) | (i64::from(alarm.announced.returned) << 1);
    tx.exec(
        "INSERT INTO twin_alarm (id, tenant, rule, asset, life, state, priority, name, message_zh, message_en, readings, announced,
             shelved_until, raised_at, returned_at, opened_at, closed_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
         ON CONFLICT (id) DO UPDATE SET life = excluded.life, state = excluded.state, priority = excluded.priority, name = excluded.name,
             message_zh = excluded.message_zh, message_en = excluded.message_en, readings = excluded.readings,
             announced = excluded.announced, shelved_until = excluded.shelved_until, raised_at = excluded.raised_at,
             returned_at = excluded.returned_at, closed_at = excluded.closed_at, updated_at = excluded.updated_at",
        params![
            alarm.id,
            alarm.tenant,
            alarm.rule,
            alarm.asset,
            json(&alarm.life)?,
            state_name(alarm.life.state()),
            i64::from(alarm.priority.number()),
            &alarm.name,
            &alarm.message.zh,
            &alarm.message.en,
            alarm.readings.to_string(),
            announced,
            shelved_until,
            alarm.raised_at,
            alarm.returned_at,
            alarm.opened_at,
            alarm.closed_at,
            now
        ],
    )
    .await?;
    Ok(())
}

/// Which alarms are wanted.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only open ones.
    pub open: bool,
    pub state: Option<AlarmState>,
    pub priority: Option<Priority>,
    pub asset: Option<AssetId>,
    pub rule: Option<AlarmRuleId>,
}

/// The alarms of an organisation, newest first, before an id.
pub async fn list(host: &Host, tenant: PartyId, filter: &Filter, before: &str, limit: usize) -> Result<Vec<AlarmRow>> {
    let text = |value: Option<String>| value.unwrap_or_default();
    let sql = format!(
        "SELECT {COLUMNS} FROM twin_alarm WHERE tenant = $1 AND ($2 = 0 OR closed_at IS NULL) AND ($3 = '' OR state = $3)
         AND ($4 = 0 OR priority = $4) AND ($5 = '' OR asset = $5) AND ($6 = '' OR rule = $6) AND ($7 = '' OR id < $7)
         ORDER BY id DESC LIMIT $8"
    );
    let rows = host
        .db()
        .rows(
            &sql,
            params![
                tenant,
                filter.open,
                filter.state.map_or("", state_name),
                filter.priority.map_or(0, |priority| i64::from(priority.number())),
                text(filter.asset.map(|id| id.to_string())),
                text(filter.rule.map(|id| id.to_string())),
                before,
                limit
            ],
        )
        .await?;
    rows.iter().map(read).collect()
}

/// How many alarms of an organisation are open, unacknowledged, and hidden for now.
pub async fn counts(host: &Host, tenant: PartyId, now: Timestamp) -> Result<(i64, i64, i64)> {
    let row = host
        .db()
        .one(
            "SELECT COUNT(*) AS total,
                 COALESCE(SUM(CASE WHEN state IN ('unacknowledged_active', 'returned_unacknowledged', 'latched_unacknowledged') THEN 1 ELSE 0 END), 0) AS unacknowledged,
                 COALESCE(SUM(CASE WHEN shelved_until > $2 THEN 1 ELSE 0 END), 0) AS shelved
             FROM twin_alarm WHERE tenant = $1 AND closed_at IS NULL",
            params![tenant, now],
        )
        .await?;
    row.map_or(Ok((0, 0, 0)), |row| Ok((row.get("total")?, row.get("unacknowledged")?, row.get("shelved")?)))
}

/// Open alarms that are normal and whose shelf has ended: they can be closed.
pub async fn shelf_ended(tx: &mut Tx, now: Timestamp) -> Result<Vec<AlarmRow>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM twin_alarm WHERE closed_at IS NULL AND shelved_until <= $1 ORDER BY id LIMIT 500"
    );
    tx.rows(&sql, params![now]).await?.iter().map(read).collect()
}

/// As stored and sent.
pub fn state_name(state: AlarmState) -> &'static str {
    match state {
        AlarmState::Normal => "normal",
        AlarmState::UnacknowledgedActive => "unacknowledged_active",
        AlarmState::AcknowledgedActive => "acknowledged_active",
        AlarmState::ReturnedUnacknowledged => "returned_unacknowledged",
        AlarmState::LatchedUnacknowledged => "latched_unacknowledged",
        AlarmState::LatchedAcknowledged => "latched_acknowledged",
    }
}
