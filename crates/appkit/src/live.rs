//! Live data: the latest message per topic, fetched by each tab's socket at its own pace, decided on at delivery.
//!
//! A slow tab never queues: it skips to the newest. Topics with a slash (`machine/<id>`) are about an object; those without
//! (`park`, `alarms`, `changes`) are about the caller's whole organisation.

use std::{collections::HashMap, sync::Mutex};

use kernel::id::PartyId;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{JournalEntry, Object};

/// How many changes a tab can be behind before it must reload its lists.
const CHANGES_KEPT: usize = 128;

/// The newest message of every topic.
#[derive(Default)]
pub struct Live(Mutex<State>);

#[derive(Default)]
struct State {
    version: u64,
    topics: HashMap<String, Message>,
    changes: HashMap<PartyId, Vec<(i64, Value)>>,
}

/// A message as delivered.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub version: u64,
    pub object: Object,
    pub data: Value,
}

impl Live {
    /// Replaces the newest message of a topic of this organisation.
    pub fn publish<T: Serialize>(&self, tenant: PartyId, topic: &str, data: &T) {
        let (kind, id) = topic.split_once('/').unwrap_or((topic, ""));
        let mut object = Object::owned(kind, tenant);
        if !id.is_empty() {
            object = object.id(id);
        }
        self.publish_about(object, topic, data);
    }

    /// Replaces the newest message of a topic about an object that several parties may see.
    pub fn publish_about<T: Serialize>(&self, object: Object, topic: &str, data: &T) {
        let Ok(data) = serde_json::to_value(data) else { return };
        let key = key_of(object.owner(), topic);
        let mut state = self.lock();
        state.version += 1;
        let version = state.version;
        state.topics.insert(key, Message { version, object, data });
    }

    pub(crate) fn changed(&self, entries: &[JournalEntry]) {
        let mut state = self.lock();
        for entry in entries {
            let list = state.changes.entry(entry.tenant).or_default();
            list.push((entry.seq, json!({ "seq": entry.seq, "kind": entry.kind, "subject": entry.subject })));
            if list.len() > CHANGES_KEPT {
                list.remove(0);
            }
        }
    }

    /// The newest message of a topic for a caller's organisation, if it is newer than `seen`.
    pub(crate) fn newer(&self, tenant: PartyId, topic: &str, seen: u64) -> Option<Message> {
        self.lock().topics.get(&key_of(tenant, topic)).filter(|message| message.version > seen).cloned()
    }

    /// Changes after a journal place.
    pub(crate) fn changes_after(&self, tenant: PartyId, seq: i64) -> Vec<(i64, Value)> {
        let state = self.lock();
        state
            .changes
            .get(&tenant)
            .map(|list| list.iter().filter(|(s, _)| *s > seq).cloned().collect())
            .unwrap_or_default()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

fn key_of(tenant: PartyId, topic: &str) -> String {
    if topic.contains('/') { topic.to_owned() } else { format!("{tenant} {topic}") }
}
