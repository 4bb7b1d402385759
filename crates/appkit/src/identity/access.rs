//! Decisions at delivery time, with the grants of this very moment.

use std::{
    collections::{HashMap, HashSet},
    sync::{OnceLock, RwLock},
};

use kernel::{Error, Result, Timestamp, id::PartyId};
use policy::{Decision, Engine, Principal, PrincipalKind, Request};
use serde_json::Value;

use super::throttle::Throttle;
use crate::{Caller, Host, Policy, Right, Role, Subject, host::WeakHost, params};

/// What a decision is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    kind: String,
    id: Option<String>,
    owner: PartyId,
    participants: Vec<PartyId>,
    fields: Vec<String>,
}

impl Object {
    /// An object of a kind that belongs to an organisation.
    pub fn owned(kind: impl Into<String>, owner: PartyId) -> Self {
        Self { kind: kind.into(), id: None, owner, participants: Vec::new(), fields: Vec::new() }
    }
    /// Which one.
    pub fn id(mut self, id: impl ToString) -> Self {
        self.id = Some(id.to_string());
        self
    }
    /// Who else takes part in it and therefore may read it.
    pub fn participants(mut self, parties: impl IntoIterator<Item = PartyId>) -> Self {
        self.participants.extend(parties);
        self
    }
    /// Which fields (metrics) are asked for.
    pub fn fields(mut self, fields: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.fields.extend(fields.into_iter().map(Into::into));
        self
    }
    /// Whose it is.
    pub fn owner(&self) -> PartyId {
        self.owner
    }
}

/// The decision engine with what it must know: grants and suspended organisations, kept in memory, refreshed in the process
/// that commits a change, right after the commit.
pub struct Access {
    engine: Engine,
    grants: RwLock<HashMap<PartyId, Vec<policy::Grant>>>,
    suspended: RwLock<HashSet<PartyId>>,
    pub(super) throttle: Throttle,
    host: OnceLock<WeakHost>,
}

impl Access {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            engine: Engine::new()?,
            grants: RwLock::default(),
            suspended: RwLock::default(),
            throttle: Throttle::default(),
            host: OnceLock::new(),
        })
    }

    /// Lets it write the log of granted looks.
    pub(crate) fn bind(&self, host: WeakHost) {
        // Set once, by the builder of the host.
        let _ = self.host.set(host);
    }

    /// Reads grants and states from the database.
    pub(crate) async fn load(&self, host: &Host) -> Result<()> {
        let now = host.now();
        let rows = host
            .db()
            .rows("SELECT * FROM identity_grant WHERE revoked_at IS NULL AND expires_at > $1", params![now])
            .await?;
        let mut grants: HashMap<PartyId, Vec<policy::Grant>> = HashMap::new();
        for row in &rows {
            let grant = super::grant::Grant::from_row(row)?;
            grants.entry(grant.grantee).or_default().push(grant.facts());
        }
        *write(&self.grants) = grants;
        let rows = host.db().rows("SELECT id FROM identity_organisation WHERE state = 'suspended'", params![]).await?;
        *write(&self.suspended) = rows.iter().map(|row| row.id("id")).collect::<Result<_>>()?;
        Ok(())
    }

    pub(super) fn grant_put(&self, grant: &super::grant::Grant) {
        let mut grants = write(&self.grants);
        let list = grants.entry(grant.grantee).or_default();
        list.retain(|known| known.id != grant.id.to_string());
        if grant.revoked_at.is_none() {
            list.push(grant.facts());
        }
    }

    /// Whether the caller may do this to this object now.
    pub fn permits(&self, caller: &Caller, policy: Policy, object: &Object, now: Timestamp) -> bool {
        self.decide(caller, policy, object, &object.fields, now).allowed
    }

    /// Refuses with the same answer as if the object did not exist; a look that rests on a grant is written to its log.
    ///
    /// # Errors
    /// `appkit.object.not-found`.
    pub async fn check(&self, caller: &Caller, action: &'static str, object: &Object) -> Result<()> {
        let host = self.host.get().and_then(WeakHost::upgrade).ok_or_else(not_found)?;
        let decision = self.decide(caller, Policy::view(action), object, &object.fields, host.now());
        if !decision.allowed {
            return Err(not_found());
        }
        match decision.grant {
            Some(grant) => {
                super::grant::access_log(&host, caller, &grant, action, object.id.as_deref().unwrap_or("")).await
            }
            None => Ok(()),
        }
    }

    /// Which of these fields of an object the caller may see: all, some, or none.
    pub fn visible_fields<'a>(
        &self,
        caller: &Caller,
        object: &Object,
        fields: &'a [String],
        now: Timestamp,
    ) -> Vec<&'a str> {
        let may = |asked: &[String]| self.decide(caller, Policy::view("fields"), object, asked, now).allowed;
        if may(&[]) {
            return fields.iter().map(String::as_str).collect();
        }
        fields.iter().filter(|field| may(std::slice::from_ref(field))).map(String::as_str).collect()
    }

    /// The part of live data that the caller may see: a grant may cover only some of `values`.
    pub fn visible(&self, caller: &Caller, object: &Object, mut data: Value, now: Timestamp) -> Value {
        if object.owner != caller.tenant
            && let Some(values) = data.get_mut("values").and_then(Value::as_object_mut)
        {
            let fields: Vec<String> = values.keys().cloned().collect();
            let seen = self.visible_fields(caller, object, &fields, now);
            values.retain(|field, _| seen.contains(&field.as_str()));
        }
        data
    }

    fn decide(&self, caller: &Caller, policy: Policy, object: &Object, fields: &[String], now: Timestamp) -> Decision {
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
        let grants = read(&self.grants);
        let none = Vec::new();
        let grants = if object.owner == caller.tenant { &none } else { grants.get(&caller.tenant).unwrap_or(&none) };
        self.engine.decide(&Request {
            principal: &principal,
            action: policy.action,
            right: right_of(policy.right),
            object: &thing,
            fields,
            purpose: caller.purpose.as_deref(),
            grants,
            now_us: now.micros(),
        })
    }
}

pub(super) fn not_found() -> Error {
    Error::not_found("appkit.object.not-found", "there is no such object, or it is not for you")
}

fn kind_of(subject: Subject) -> PrincipalKind {
    match subject {
        Subject::User(_) => PrincipalKind::User,
        Subject::Token(_) => PrincipalKind::Token,
        Subject::Device(_) => PrincipalKind::Device,
        Subject::System => PrincipalKind::System,
        Subject::Anonymous => PrincipalKind::Anonymous,
    }
}

fn right_of(right: Right) -> policy::Right {
    match right {
        Right::Public => policy::Right::Public,
        Right::SignedIn => policy::Right::SignedIn,
        Right::View => policy::Right::View,
        Right::Operate => policy::Right::Operate,
        Right::Trade => policy::Right::Trade,
        Right::Finance => policy::Right::Finance,
        Right::Administer => policy::Right::Administer,
        Right::Ingest => policy::Right::Ingest,
    }
}

/// The name of a role in policies and in the database.
pub(super) fn name_of(role: Role) -> &'static str {
    role_of(role).name()
}

fn role_of(role: Role) -> policy::Role {
    match role {
        Role::Admin => policy::Role::Admin,
        Role::Operator => policy::Role::Operator,
        Role::Trader => policy::Role::Trader,
        Role::Finance => policy::Role::Finance,
        Role::Viewer => policy::Role::Viewer,
        Role::Device => policy::Role::Device,
        Role::Platform => policy::Role::Platform,
    }
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(|poisoned| poisoned.into_inner())
}
fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(|poisoned| poisoned.into_inner())
}
