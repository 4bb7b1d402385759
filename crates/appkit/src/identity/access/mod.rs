//! Decisions at delivery time, with the grants of this very moment.
//!
//! Grants and suspended organisations are kept in memory and refreshed in the process that commits a change, right after the
//! commit: what was revoked is refused from the next decision on. A look that rests on a grant is counted in its log.

mod names;
mod object;

use std::{
    collections::{HashMap, HashSet},
    sync::{
        OnceLock, RwLock,
        atomic::{AtomicI64, Ordering},
    },
};

use kernel::{Error, Result, Timestamp, id::PartyId};
use policy::{Decision, Engine, Principal, Request};
use serde_json::Value;

use super::{
    grant::Grant,
    look::{Looks, look_flush},
    throttle::Throttle,
};
use crate::{Caller, Host, Policy, host::WeakHost, params};
use names::{kind_of, right_of, role_of};

pub(super) use names::name_of;
pub use object::Object;

/// The decision engine with what it must know.
pub struct Access {
    engine: Engine,
    grants: RwLock<HashMap<PartyId, Vec<policy::Grant>>>,
    suspended: RwLock<HashSet<PartyId>>,
    /// The latest moment seen, microseconds: a clock that goes backwards does not bring an expired grant back.
    latest_us: AtomicI64,
    pub(super) looks: Looks,
    pub(super) throttle: Throttle,
    host: OnceLock<WeakHost>,
}

impl Access {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            engine: Engine::new()?,
            grants: RwLock::default(),
            suspended: RwLock::default(),
            latest_us: AtomicI64::new(i64::MIN),
            looks: Looks::default(),
            throttle: Throttle::default(),
            host: OnceLock::new(),
        })
    }

    /// Refuses with the same answer as if the object did not exist. A look that rests on a grant is in its log when this
    /// returns, which takes the one write transaction: not to be called while holding one.
    ///
    /// # Errors
    /// `appkit.object.not-found`.
    pub async fn check(&self, caller: &Caller, action: &'static str, object: &Object) -> Result<()> {
        let host = self.host.get().and_then(WeakHost::upgrade).ok_or_else(not_found)?;
        let now = host.now();
        let decision = self.decide(caller, Policy::view(action), object, &object.fields, now);
        if !decision.allowed {
            return Err(not_found());
        }
        if let Some(grant) = &decision.grant
            && self.looks.note(caller, grant, action, object, now)
        {
            look_flush(&host).await?;
        }
        Ok(())
    }

    /// Whether the caller may do this to this object now. A look that rests on a grant is counted, and in its log within
    /// seconds.
    pub fn permits(&self, caller: &Caller, policy: Policy, object: &Object, now: Timestamp) -> bool {
        let decision = self.decide(caller, policy, object, &object.fields, now);
        if let Some(grant) = &decision.grant {
            self.looks.note(caller, grant, policy.action, object, now);
        }
        decision.allowed
    }

    /// Which of these fields of an object the caller may see: all, some, or none. Not counted as a look: ask
    /// [`check`](Access::check) or [`permits`](Access::permits) for what is delivered.
    pub fn visible_fields<'a>(
        &self,
        caller: &Caller,
        object: &Object,
        fields: &'a [String],
        now: Timestamp,
    ) -> Vec<&'a str> {
        let policy = Policy::view("appkit.fields.read");
        if self.decide(caller, policy, object, &[], now).allowed {
            return fields.iter().map(String::as_str).collect();
        }
        // Each field must be covered by one grant; asking grant by grant costs one decision for all of its fields.
        let mut seen = HashSet::new();
        for grant in self.grants_between(object.owner, caller.tenant) {
            let asked: Vec<String> = fields.iter().filter(|field| grant.fields.contains(field)).cloned().collect();
            if !asked.is_empty()
                && self.decide_with(caller, policy, object, &asked, now, std::slice::from_ref(&grant)).allowed
            {
                seen.extend(asked);
            }
        }
        fields.iter().filter(|field| seen.contains(*field)).map(String::as_str).collect()
    }

    /// The part of live data that the caller may see. Under a grant of some fields that is those among `values` and among the
    /// data's own members, and its time `at`.
    pub fn visible(&self, caller: &Caller, object: &Object, mut data: Value, now: Timestamp) -> Value {
        if object.owner == caller.tenant || self.decide(caller, LIVE, object, &[], now).allowed {
            return data;
        }
        let Some(members) = data.as_object_mut() else { return Value::Null };
        let values = members.get("values").and_then(Value::as_object);
        let fields: Vec<String> =
            members.keys().chain(values.into_iter().flat_map(|values| values.keys())).cloned().collect();
        let seen = self.visible_fields(caller, object, &fields, now);
        members.retain(|name, _| name == "values" || name == "at" || seen.contains(&name.as_str()));
        if let Some(values) = members.get_mut("values").and_then(Value::as_object_mut) {
            values.retain(|name, _| seen.contains(&name.as_str()));
        }
        data
    }

    /// Live data as it may be delivered to the caller now, or nothing: whole, or the part that a grant covers. Counted as a
    /// look when it rests on a grant.
    pub fn deliver(&self, caller: &Caller, object: &Object, data: Value, now: Timestamp) -> Option<Value> {
        if self.permits(caller, LIVE, object, now) {
            return Some(data);
        }
        let fields: Vec<String> = match data.get("values").and_then(Value::as_object) {
            Some(values) => values.keys().cloned().collect(),
            None => Vec::new(),
        };
        let seen = self.visible_fields(caller, object, &fields, now);
        let first = object.clone().fields([*seen.first()?]);
        self.permits(caller, LIVE, &first, now).then(|| self.visible(caller, object, data, now))
    }

    fn decide(&self, caller: &Caller, policy: Policy, object: &Object, fields: &[String], now: Timestamp) -> Decision {
        self.decide_with(caller, policy, object, fields, now, &self.grants_between(object.owner, caller.tenant))
    }

    fn decide_with(
        &self,
        caller: &Caller,
        policy: Policy,
        object: &Object,
        fields: &[String],
        now: Timestamp,
        grants: &[policy::Grant],
    ) -> Decision {
        let principal = Principal {
            id: caller.subject.to_string(),
            kind: kind_of(caller.subject),
            tenant: caller.tenant.to_string(),
            roles: caller.roles.iter().map(|role| role_of(*role)).collect(),
            suspended: read(&self.suspended).contains(&caller.tenant),
        };
        let thing = policy::Object {
            kind: object.kind.clone(),
            id: object.id.clone(),
            owner: object.owner.to_string(),
            participants: object.participants.iter().map(ToString::to_string).collect(),
        };
        let latest_us = self.latest_us.fetch_max(now.micros(), Ordering::Relaxed).max(now.micros());
        self.engine.decide(&Request {
            principal: &principal,
            action: policy.action,
            right: right_of(policy.right),
            object: &thing,
            fields,
            purpose: caller.purpose.as_deref(),
            grants,
            now_us: latest_us,
        })
    }

    /// The grants that one organisation gave another; none to itself.
    fn grants_between(&self, grantor: PartyId, grantee: PartyId) -> Vec<policy::Grant> {
        if grantor == grantee {
            return Vec::new();
        }
        let grants = read(&self.grants);
        let Some(received) = grants.get(&grantee) else { return Vec::new() };
        let grantor = grantor.to_string();
        received.iter().filter(|grant| grant.grantor == grantor).cloned().collect()
    }
}

/// Keeping what is in memory true.
impl Access {
    /// Lets it reach the host, for the clock and the log.
    pub(crate) fn bind(&self, host: WeakHost) {
        // Set once, by the builder of the host.
        let _ = self.host.set(host);
    }

    /// Reads grants and states from the database.
    pub(crate) async fn load(&self, host: &Host) -> Result<()> {
        let sql = "SELECT * FROM identity_grant WHERE revoked_at IS NULL AND lapsed_at IS NULL AND expires_at > $1";
        let rows = host.db().rows(sql, params![host.now()]).await?;
        let mut grants: HashMap<PartyId, Vec<policy::Grant>> = HashMap::new();
        for row in &rows {
            let grant = Grant::from_row(row)?;
            grants.entry(grant.grantee).or_default().push(grant.facts());
        }
        *write(&self.grants) = grants;
        let rows = host.db().rows("SELECT id FROM identity_organisation WHERE state = 'suspended'", params![]).await?;
        *write(&self.suspended) = rows.iter().map(|row| row.id("id")).collect::<Result<_>>()?;
        Ok(())
    }

    pub(super) fn grant_put(&self, grant: &Grant) {
        let mut grants = write(&self.grants);
        let list = grants.entry(grant.grantee).or_default();
        list.retain(|known| known.id != grant.id.to_string());
        let facts = grant.facts();
        if !facts.revoked {
            list.push(facts);
        }
    }

    pub(super) fn suspended_put(&self, organisation: PartyId, suspended: bool) {
        let mut list = write(&self.suspended);
        if suspended {
            list.insert(organisation)
        } else {
            list.remove(&organisation)
        };
    }
}

const LIVE: Policy = Policy::view("appkit.live.read");

pub(super) fn not_found() -> Error {
    Error::not_found("appkit.object.not-found", "there is no such object, or it is not for you")
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(|poisoned| poisoned.into_inner())
}
fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(|poisoned| poisoned.into_inner())
}
