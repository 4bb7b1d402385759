//! What is set aside, and how much of it: a record says who, when, why and shows the beginning of the message; no device can
//! fill the table with its mistakes.

use std::collections::BTreeMap;

use contracts::{
    devices::{DeviceBinding, Quarantined},
    telemetry::Value,
};
use kernel::{Error, Result, Timestamp};

use super::{
    Door, Ingest,
    counters::{Counters, add},
    resolve::Refused,
};
use crate::decode::shorten;

/// How much of a payload, or of a text value, a record keeps.
const EXCERPT_BYTES: usize = 512;

impl Ingest {
    /// Notes a message that a door refused as a whole, with its reason, in quarantine and counters.
    ///
    /// # Errors
    /// When the quarantine cannot be written.
    pub async fn refuse(&self, door: Door, device: &DeviceBinding, error: &Error, payload: &[u8]) -> Result<()> {
        let counters = self.ledger.device(device.device);
        for ledger in [self.ledger.door(door), &counters] {
            add(&ledger.refused, 1);
        }
        let mut record = self.record(door, device, payload, self.clock.now());
        record.code = error.code.to_owned();
        record.detail = error.message.to_string();
        self.quarantine(door, &counters, vec![record]).await
    }

    /// One record per (reason, metric), with a bound; so a message of ten thousand equal mistakes is one record.
    pub(super) fn records(
        &self,
        door: Door,
        device: &DeviceBinding,
        refused: &[Refused],
        payload: &[u8],
        received: Timestamp,
    ) -> Vec<Quarantined> {
        let mut groups: BTreeMap<(&str, &str), (usize, &Refused)> = BTreeMap::new();
        for refusal in refused {
            groups.entry((refusal.fault.code, &refusal.metric)).or_insert((0, refusal)).0 += 1;
        }
        let blank = self.record(door, device, payload, received);
        let max = self.limits.quarantine_per_message_max;
        let left_out: usize = groups.values().skip(max).map(|(count, _)| count).sum();
        let mut records: Vec<_> = groups
            .into_values()
            .take(max)
            .map(|(count, first)| Quarantined {
                code: first.fault.code.to_owned(),
                detail: match count {
                    1 => first.fault.detail.to_string(),
                    _ => format!("{} (the first of {count} such points)", first.fault.detail),
                },
                metric: Some(first.metric.clone()),
                value: first.value.as_ref().map(bounded),
                source_time: first.time,
                ..blank.clone()
            })
            .collect();
        if left_out > 0 {
            let detail = format!("{left_out} more points of this message were refused");
            records.push(Quarantined { code: "edge.quarantine.more".into(), detail, ..blank });
        }
        records
    }

    fn record(&self, door: Door, device: &DeviceBinding, payload: &[u8], received: Timestamp) -> Quarantined {
        Quarantined {
            device: Some(device.device),
            tenant: Some(device.tenant),
            door: door.name().to_owned(),
            code: String::new(),
            detail: String::new(),
            metric: None,
            value: None,
            source_time: None,
            received_at: received,
            excerpt: excerpt(payload),
        }
    }

    pub(super) async fn quarantine(
        &self,
        door: Door,
        counters: &Counters,
        mut records: Vec<Quarantined>,
    ) -> Result<()> {
        let room = counters.quarantine_room(records.len(), self.clock.now(), self.limits.quarantine_per_minute_max);
        let suppressed = records.len() - room;
        if suppressed > 0 {
            self.count(door, counters, |c| add(&c.quarantine_suppressed, suppressed as u64));
        }
        records.truncate(room);
        if records.is_empty() { Ok(()) } else { self.directory.quarantine(records).await }
    }
}

fn bounded(value: &Value) -> Value {
    match value {
        Value::Str(text) => Value::Str(shorten(text, EXCERPT_BYTES).into()),
        other => other.clone(),
    }
}

/// The beginning of a payload as text, never longer than a record may be.
fn excerpt(payload: &[u8]) -> String {
    let text = String::from_utf8_lossy(&payload[..payload.len().min(EXCERPT_BYTES)]);
    shorten(&text, EXCERPT_BYTES).to_owned()
}
