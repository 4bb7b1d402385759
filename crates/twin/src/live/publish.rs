//! What tabs see live.

use appkit::Host;
use contracts::telemetry::Value;
use kernel::{Result, Timestamp, id::PartyId};
use serde_json::{Map, Value as Json, json};

use super::board::{Board, MachineLive};
use crate::{
    domain::{
        latest::{Freshness, quality_name},
        timeline::state_name,
    },
    http::alarm::AlarmView,
    registry::{Machine, Registry},
    store,
};

/// Alarms in the live message; the list has all of them.
const ALARMS_SHOWN: usize = 50;

/// Topic `machine/<asset>`: `{"at", "state", "since", "values": {property: [time_ms, value, quality]}}`.
pub fn machine(host: &Host, machine: &Machine, live: &MachineLive, now: Timestamp) {
    let message = json!({
        "at": now.millis(),
        "state": state_name(live.state),
        "since": live.since.map(Timestamp::millis),
        "values": values(machine, live, now),
    });
    host.live().publish(machine.node.tenant, &format!("machine/{}", machine.node.id), &message);
}

/// The newest values as `{property: [time_ms, value, quality]}`.
pub fn values(machine: &Machine, live: &MachineLive, now: Timestamp) -> Json {
    let mut values = Map::new();
    for (property, latest) in live.values.iter() {
        let stale_after = machine.version.model.property(property).map(|property| property.stale_after);
        let freshness = stale_after.map_or(Freshness::Fresh, |after| latest.freshness(now, after));
        let quality = quality_name(latest.quality, freshness);
        values.insert(property.to_string(), json!([latest.at.millis(), value(&latest.value), quality]));
    }
    values.into()
}

/// A value as JSON. The store refuses numbers that are not finite, so every one has a form.
pub fn value(value: &Value) -> Json {
    match value {
        Value::Bool(value) => json!(value),
        Value::I64(value) => json!(value),
        Value::F64(value) => json!(value),
        Value::Str(value) => json!(&**value),
    }
}

/// Topic `park`: the states of all machines of an organisation.
pub fn park(host: &Host, registry: &Registry, board: &Board, tenant: PartyId, now: Timestamp) {
    let machines: Vec<Json> = registry
        .machines(tenant)
        .iter()
        .map(|machine| {
            let live = board.get(machine.node.id);
            json!({
                "id": machine.node.id,
                "code": machine.node.code,
                "name": machine.node.name,
                "kind": machine.node.kind,
                "state": state_name(live.state),
                "since": live.since.map(Timestamp::millis),
                "heard": live.values.heard().map(Timestamp::millis),
            })
        })
        .collect();
    host.live().publish(tenant, "park", &json!({ "at": now.millis(), "machines": machines }));
}

/// Topic `alarms`: how many are open, and the newest of them.
pub async fn alarms(host: &Host, registry: &Registry, tenant: PartyId, now: Timestamp) -> Result<()> {
    let (open, unacknowledged, shelved) = store::alarm::counts(host, tenant, now).await?;
    let filter = store::alarm::Filter { open: true, ..Default::default() };
    let rows = store::alarm::list(host, tenant, &filter, "", ALARMS_SHOWN).await?;
    let items: Vec<AlarmView> = rows.iter().map(|row| AlarmView::of(row, registry, now)).collect();
    let message = json!({
        "at": now.millis(),
        "open": open,
        "unacknowledged": unacknowledged,
        "shelved": shelved,
        "items": items,
    });
    host.live().publish(tenant, "alarms", &message);
    Ok(())
}
