//! Alarms: transitions of rules become lives of alarms; people acknowledge, shelve and take them out of service.

use std::collections::HashSet;

use appkit::Tx;
use kernel::{
    Duration, Error, Result, Timestamp,
    id::{Alarm as AlarmKind, AlarmId, AlarmRuleId, AssetId, PartyId},
};
use models::alarm::{Alarm, AlarmState, Change, Mark, Message, Priority, Transition};
use serde_json::json;

use crate::{
    Twin,
    events::{
        ALARM_ACKNOWLEDGED, ALARM_RAISED, ALARM_RESET, ALARM_RETURNED, ALARM_SERVICE_CHANGED, ALARM_SHELVED,
        ALARM_UNSHELVED, AlarmFact,
    },
    store::{
        self,
        alarm::{AlarmRow, Announced, state_name},
    },
};

/// The longest an alarm can be shelved in one go.
pub const MAX_TIME_SHELVED: Duration = Duration::from_hours(12);

/// What the evaluation of one rule on one machine brought: its transitions in order of time.
#[derive(Debug, Clone, PartialEq)]
pub struct Fired {
    /// Whose.
    pub tenant: PartyId,
    /// The rule.
    pub rule: AlarmRuleId,
    /// The machine.
    pub asset: AssetId,
    /// The rule's name, priority, message and latching when it fired.
    pub name: String,
    /// See `name`.
    pub priority: Priority,
    /// See `name`.
    pub message: Message,
    /// See `name`.
    pub latching: bool,
    /// The transitions.
    pub transitions: Vec<Transition>,
    /// The newest values of the rule's properties.
    pub readings: Vec<(String, Option<f64>)>,
}

/// Applies transitions. One that is applied already changes nothing, so that evaluation can be repeated after a crash.
///
/// # Errors
/// When the database refuses.
pub async fn alarm_fire_in_tx(tx: &mut Tx, fired: &Fired) -> Result<()> {
    let mut newest = store::alarm::newest(tx, fired.rule, fired.asset).await?;
    let mut touched = false;
    for transition in &fired.transitions {
        let next = match (transition.change, newest.take()) {
            (Change::Raise, Some(row)) if row.raised_at >= transition.at || row.life.is_active() => Err(row),
            (Change::Raise, Some(row)) if row.closed_at.is_none() => Ok(reraise(row, fired, transition.at)?),
            (Change::Raise, _) => Ok(open(tx, fired, transition.at)?),
            (Change::Return, Some(row)) if row.life.is_active() && row.raised_at <= transition.at => Ok(AlarmRow {
                life: row.life.return_to_normal(transition.at)?,
                returned_at: Some(transition.at),
                ..row
            }),
            (Change::Return, Some(row)) => Err(row),
            (Change::Return, None) => continue,
        };
        newest = Some(match next {
            Err(unchanged) => unchanged,
            Ok(mut row) => {
                touched = true;
                match transition.change {
                    Change::Raise if !row.announced.raised => {
                        row.announced = Announced { raised: true, returned: false };
                        publish(tx, &row, ALARM_RAISED, transition.at, None, None)?;
                    }
                    Change::Return if !row.announced.returned => {
                        row.announced.returned = true;
                        publish(tx, &row, ALARM_RETURNED, transition.at, None, None)?;
                    }
                    _ => {}
                }
                settle(tx, row).await?
            }
        });
    }
    if touched && let Some(row) = &newest {
        store::alarm::save(tx, row).await?;
    }
    Ok(())
}

/// Returns the open alarms of a machine whose rules do not say that they are active: rules that were changed, disabled or
/// removed, and conditions that ended unseen. How many there were.
///
/// # Errors
/// When the database refuses.
pub async fn alarm_reconcile_in_tx(
    tx: &mut Tx,
    asset: AssetId,
    active: &HashSet<AlarmRuleId>,
    at: Timestamp,
) -> Result<usize> {
    let mut returned = 0;
    for row in store::alarm::open_of(tx, asset).await? {
        if !row.life.is_active() || active.contains(&row.rule) {
            continue;
        }
        let at = at.max(row.raised_at);
        let mut row = AlarmRow { life: row.life.return_to_normal(at)?, returned_at: Some(at), ..row };
        if !row.announced.returned {
            row.announced.returned = true;
            publish(tx, &row, ALARM_RETURNED, at, Some("its rule no longer says that it is active"), None)?;
        }
        let row = settle(tx, row).await?;
        store::alarm::save(tx, &row).await?;
        returned += 1;
    }
    Ok(returned)
}

fn open(tx: &Tx, fired: &Fired, at: Timestamp) -> Result<AlarmRow> {
    Ok(AlarmRow {
        id: tx.new_id::<AlarmKind>(),
        tenant: fired.tenant,
        rule: fired.rule,
        asset: fired.asset,
        life: Alarm::new(fired.latching, MAX_TIME_SHELVED)?.raise(at)?,
        priority: fired.priority,
        name: fired.name.clone(),
        message: fired.message.clone(),
        readings: readings(fired),
        announced: Announced::default(),
        raised_at: at,
        returned_at: None,
        opened_at: tx.now(),
        closed_at: None,
    })
}

fn reraise(row: AlarmRow, fired: &Fired, at: Timestamp) -> Result<AlarmRow> {
    Ok(AlarmRow {
        life: row.life.raise(at)?,
        priority: fired.priority,
        name: fired.name.clone(),
        message: fired.message.clone(),
        readings: readings(fired),
        raised_at: at,
        returned_at: None,
        ..row
    })
}

fn readings(fired: &Fired) -> serde_json::Value {
    fired
        .readings
        .iter()
        .map(|(property, value)| (property.clone(), json!(value)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// Closes an alarm that has nothing left to say: normal, and not hidden by anybody. A closed one is saved at once, because
/// the next occurrence opens another.
async fn settle(tx: &mut Tx, mut row: AlarmRow) -> Result<AlarmRow> {
    let life = &row.life;
    let hidden = life.shelf(tx.now()).is_some() || life.suppressed().is_some() || life.out_of_service().is_some();
    if life.state() == AlarmState::Normal && !hidden && row.closed_at.is_none() {
        row.closed_at = Some(tx.now());
        store::alarm::save(tx, &row).await?;
    }
    Ok(row)
}

/// Somebody has seen it.
///
/// # Errors
/// `twin.alarm.unknown`, `models.alarm.nothing-to-acknowledge`.
pub async fn alarm_acknowledge_in_tx(tx: &mut Tx, tenant: PartyId, id: AlarmId, comment: &str) -> Result<AlarmRow> {
    act(tx, tenant, id, ALARM_ACKNOWLEDGED, comment, None, |life, mark| life.acknowledge(mark)).await
}

/// Hides it until a moment, at most [`MAX_TIME_SHELVED`] away.
///
/// # Errors
/// `twin.alarm.unknown`, `models.alarm.already-shelved`, `models.alarm.shelving-time`, `models.alarm.reason-missing`.
pub async fn alarm_shelve_in_tx(
    tx: &mut Tx,
    tenant: PartyId,
    id: AlarmId,
    until: Timestamp,
    one_shot: bool,
    reason: &str,
) -> Result<AlarmRow> {
    act(tx, tenant, id, ALARM_SHELVED, reason, Some(until), |life, mark| life.shelve(until, one_shot, mark)).await
}

/// Shows it again.
///
/// # Errors
/// `twin.alarm.unknown`, `models.alarm.not-shelved`.
pub async fn alarm_unshelve_in_tx(tx: &mut Tx, tenant: PartyId, id: AlarmId) -> Result<AlarmRow> {
    act(tx, tenant, id, ALARM_UNSHELVED, "", None, |life, mark| life.unshelve(mark.at)).await
}

/// Maintenance takes it out of service, or puts it back.
///
/// # Errors
/// `twin.alarm.unknown`, `models.alarm.already-out-of-service`, `models.alarm.in-service`, `models.alarm.reason-missing`.
pub async fn alarm_service_in_tx(
    tx: &mut Tx,
    tenant: PartyId,
    id: AlarmId,
    out_of_service: bool,
    reason: &str,
) -> Result<AlarmRow> {
    act(tx, tenant, id, ALARM_SERVICE_CHANGED, reason, None, |life, mark| match out_of_service {
        true => life.take_out_of_service(mark),
        false => life.return_to_service(),
    })
    .await
}

/// Releases the latch of an alarm whose condition is over.
///
/// # Errors
/// `twin.alarm.unknown`, `models.alarm.not-latched`, `models.alarm.not-acknowledged`, `models.alarm.still-active`.
pub async fn alarm_reset_in_tx(tx: &mut Tx, tenant: PartyId, id: AlarmId) -> Result<AlarmRow> {
    act(tx, tenant, id, ALARM_RESET, "", None, |life, _| life.reset()).await
}

/// Closes what only its shelf kept open. Called now and then by the evaluation.
pub async fn alarm_shelves_end_in_tx(tx: &mut Tx) -> Result<Vec<AlarmRow>> {
    let now = tx.now();
    let mut ended = Vec::new();
    for row in store::alarm::shelf_ended(tx, now).await? {
        let row = AlarmRow { life: row.life.off_the_shelf(now), ..row };
        publish(tx, &row, ALARM_UNSHELVED, now, Some("its time on the shelf is over"), None)?;
        let row = settle(tx, row).await?;
        store::alarm::save(tx, &row).await?;
        ended.push(row);
    }
    Ok(ended)
}

async fn act(
    tx: &mut Tx,
    tenant: PartyId,
    id: AlarmId,
    kind: &'static str,
    reason: &str,
    until: Option<Timestamp>,
    step: impl FnOnce(Alarm, Mark) -> Result<Alarm>,
) -> Result<AlarmRow> {
    if reason.chars().count() > 500 {
        return Err(Error::invalid("twin.alarm.malformed", "a reason has at most 500 characters")
            .field("/reason", "at most 500 characters")
            .hint("say it shorter"));
    }
    let row = store::alarm::find(tx, tenant, id).await?.ok_or_else(unknown)?;
    if row.closed_at.is_some() {
        return Err(Error::conflict("twin.alarm.closed", "the alarm is over and acknowledged")
            .hint("reload: a newer alarm of the same rule may be open"));
    }
    let mark = Mark { by: tx.caller().subject.to_string(), reason: reason.to_owned(), at: tx.now() };
    let mut row = AlarmRow { life: step(row.life, mark)?, ..row };
    if kind == ALARM_ACKNOWLEDGED {
        // What happens from here on is news again.
        row.announced = Announced::default();
    }
    let now = tx.now();
    publish(tx, &row, kind, now, (!reason.is_empty()).then_some(reason), until)?;
    let row = settle(tx, row).await?;
    store::alarm::save(tx, &row).await?;
    tx.after_commit(move |host| {
        if let Some(twin) = host.try_port::<Twin>() {
            twin.alarms_touch(tenant);
        }
    });
    Ok(row)
}

fn publish(
    tx: &mut Tx,
    row: &AlarmRow,
    kind: &'static str,
    at: Timestamp,
    reason: Option<&str>,
    until: Option<Timestamp>,
) -> Result<()> {
    let by = tx.caller().subject.to_string();
    let fact = AlarmFact {
        alarm: row.id,
        rule: row.rule,
        asset: row.asset,
        name: &row.name,
        priority: row.priority.number(),
        state: state_name(row.life.state()),
        at,
        occurrences: row.life.history().3,
        by: (!tx.caller().is_system()).then_some(by.as_str()),
        reason,
        until,
    };
    tx.publish(kind, 1, row.id.to_string(), row.tenant, &fact)
}

/// The uniform refusal for an alarm that is not there or not the caller's.
pub fn unknown() -> Error {
    Error::not_found("twin.alarm.unknown", "there is no such alarm in your organisation")
        .hint("list the alarms with GET /api/v1/alarms")
}
