//! Identity and access. (First cut: the owner of this folder replaces the bodies; the signatures below are what `host.rs`,
//! `http/guard.rs` and `http/live.rs` call and must stay.)

use axum::http::{HeaderMap, Method};
use kernel::{Error, Result, Timestamp, id::PartyId};
use serde_json::Value;

use crate::{Caller, Host, Module, Policy, Right, Role};

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

/// Decisions at delivery time, with the grants of the moment.
pub struct Access;

impl Access {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self)
    }
    pub(crate) async fn load(&self, _host: &Host) -> Result<()> {
        Ok(())
    }
    /// Whether the caller may do this to this object now.
    pub fn permits(&self, caller: &Caller, policy: Policy, object: &Object, _now: Timestamp) -> bool {
        let role = caller.is_system()
            || caller.roles.contains(&Role::Admin)
            || (policy.right == Right::View && !caller.roles.is_empty());
        role && (object.owner == caller.tenant || object.participants.contains(&caller.tenant))
    }
    /// The part of live data that the caller may see: a grant may cover only some fields of `values`.
    pub fn visible(&self, _caller: &Caller, _object: &Object, data: Value, _now: Timestamp) -> Value {
        data
    }
    /// Refuses with the same answer as if the object did not exist.
    pub async fn check(&self, caller: &Caller, action: &'static str, object: &Object) -> Result<()> {
        if self.permits(caller, Policy::view(action), object, Timestamp::default()) {
            return Ok(());
        }
        Err(Error::not_found("appkit.object.not-found", "there is no such object, or it is not for you"))
    }
}

/// Who is asking, by cookie or bearer token; anonymous when there is no credential.
pub async fn authenticate(_host: &Host, _method: &Method, _headers: &HeaderMap) -> Result<Caller> {
    Ok(Caller::anonymous())
}

/// The module: tables, routes, texts.
pub fn module() -> Module {
    Module::named("identity")
}
