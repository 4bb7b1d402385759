//! One decision function over Cedar policies: who may do what to which object, now.
//!
//! Promises:
//! 1. Default deny; a forbid wins. The policies are text ([`POLICIES`]) with the published semantics of Cedar.
//! 2. Pure: no clock, no database, no session. Everything a decision depends on is in the [`Request`].
//! 3. A grant permits looking and nothing else, inside its scope, purpose and time; expired or revoked it permits nothing.
//!
//! To change who may do what, edit `policies.cedar` and the reference evaluator in `tests/model.rs`, which was written
//! independently and must agree on random requests.

#![deny(missing_docs)]

mod request;

use cedar_policy::{
    Authorizer, Context, Decision as Verdict, Entities, Entity, EntityUid, PolicySet, Request as CedarRequest,
    RestrictedExpression,
};
use kernel::{Error, Result};
use std::{
    collections::{HashMap, HashSet},
    str::FromStr,
};

pub use request::{Decision, Grant, Object, Principal, PrincipalKind, Request, Right};

/// The policies, as deployed.
pub const POLICIES: &str = include_str!("policies.cedar");

/// Parsed policies, ready to decide.
pub struct Engine {
    policies: PolicySet,
    authorizer: Authorizer,
    actions: HashMap<Right, EntityUid>,
}

impl Engine {
    /// Parses the policies.
    ///
    /// # Errors
    /// `policy.text.malformed`: the text in this crate is wrong, found by the first test.
    pub fn new() -> Result<Self> {
        let malformed = |error: &dyn std::fmt::Display| {
            Error::internal("policy.text.malformed", "the policies cannot be read").because(error)
        };
        let parsed = PolicySet::from_str(POLICIES).map_err(|error| malformed(&error))?;
        // Policies carry their names as @id annotations: decisions are explained with them.
        let mut policies = PolicySet::new();
        for policy in parsed.policies() {
            let id = policy.annotation("id").unwrap_or("unnamed").to_owned();
            let named = policy.new_id(id.parse().map_err(|error| malformed(&error))?);
            policies.add(named).map_err(|error| malformed(&error))?;
        }
        let mut actions = HashMap::new();
        for right in Right::ALL {
            actions.insert(right, uid("Action", right.name())?);
        }
        Ok(Self { policies, authorizer: Authorizer::new(), actions })
    }

    /// Decides. The grants are tried one by one: one that permits is enough, and none can add up with another.
    ///
    /// A request that cannot be evaluated is denied.
    pub fn decide(&self, request: &Request<'_>) -> Decision {
        let first = self.decide_with(request, None);
        if first.allowed || request.right != Right::View {
            return first;
        }
        request
            .grants
            .iter()
            .filter(|grant| grant.grantee == request.principal.tenant && grant.grantor == request.object.owner)
            .map(|grant| self.decide_with(request, Some(grant)))
            .find(|decision| decision.allowed)
            .unwrap_or(first)
    }

    fn decide_with(&self, request: &Request<'_>, grant: Option<&Grant>) -> Decision {
        match self.evaluate(request, grant) {
            Ok(decision) => decision,
            Err(error) => Decision { allowed: false, reasons: vec![error.code.to_owned()], grant: None },
        }
    }

    fn evaluate(&self, request: &Request<'_>, grant: Option<&Grant>) -> Result<Decision> {
        let broken = |error: &dyn std::fmt::Display| {
            Error::internal("policy.request.malformed", "the request cannot be decided").because(error)
        };
        let principal = principal(request.principal)?;
        let resource = resource(request.object)?;
        let (principal_uid, resource_uid) = (principal.uid(), resource.uid());
        let action = self.actions[&request.right].clone();
        let context = Context::from_pairs(context(request, grant)).map_err(|error| broken(&error))?;
        let asked =
            CedarRequest::new(principal_uid, action, resource_uid, context, None).map_err(|error| broken(&error))?;
        let entities = Entities::from_entities([principal, resource], None).map_err(|error| broken(&error))?;
        let answer = self.authorizer.is_authorized(&asked, &self.policies, &entities);
        // A policy that could not be evaluated might have been a forbid: deny.
        let allowed = answer.decision() == Verdict::Allow && answer.diagnostics().errors().next().is_none();
        let reasons = answer.diagnostics().reason().map(ToString::to_string).collect();
        Ok(Decision { allowed, reasons, grant: grant.filter(|_| allowed).map(|grant| grant.id.clone()) })
    }
}

fn uid(kind: &str, id: &str) -> Result<EntityUid> {
    let broken = || Error::internal("policy.request.malformed", "an entity name cannot be read");
    let kind = kind.parse().map_err(|_| broken())?;
    Ok(EntityUid::from_type_name_and_id(kind, cedar_policy::EntityId::new(id)))
}

fn text(value: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(value.to_owned())
}

fn set<'a>(values: impl IntoIterator<Item = &'a str>) -> RestrictedExpression {
    RestrictedExpression::new_set(values.into_iter().map(text))
}

fn entity(kind: &str, id: &str, attributes: Vec<(&str, RestrictedExpression)>) -> Result<Entity> {
    let attributes = attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Entity::new(uid(kind, id)?, attributes, HashSet::new())
        .map_err(|error| Error::internal("policy.request.malformed", "an entity cannot be built").because(error))
}

fn principal(principal: &Principal) -> Result<Entity> {
    let attributes = vec![
        ("kind", text(principal.kind.name())),
        ("tenant", text(&principal.tenant)),
        ("roles", set(principal.roles.iter().copied())),
        ("suspended", RestrictedExpression::new_bool(principal.suspended)),
    ];
    entity("Caller", &principal.id, attributes)
}

fn resource(object: &Object) -> Result<Entity> {
    let attributes = vec![
        ("kind", text(&object.kind)),
        ("id", text(object.id.as_deref().unwrap_or(""))),
        ("owner", text(&object.owner)),
        ("participants", set(object.participants.iter().map(String::as_str))),
    ];
    entity("Thing", object.id.as_deref().unwrap_or(&object.kind), attributes)
}

fn context(request: &Request<'_>, grant: Option<&Grant>) -> Vec<(String, RestrictedExpression)> {
    let mut pairs = vec![
        ("name".to_owned(), text(request.action)),
        ("now".to_owned(), RestrictedExpression::new_long(request.now_us)),
        ("purpose".to_owned(), text(request.purpose.unwrap_or(""))),
        ("fields".to_owned(), set(request.fields.iter().map(String::as_str))),
    ];
    if let Some(grant) = grant {
        let record = RestrictedExpression::new_record([
            ("grantor".to_owned(), text(&grant.grantor)),
            ("grantee".to_owned(), text(&grant.grantee)),
            ("kinds".to_owned(), set(grant.kinds.iter().map(String::as_str))),
            ("ids".to_owned(), set(grant.ids.iter().map(String::as_str))),
            ("fields".to_owned(), set(grant.fields.iter().map(String::as_str))),
            ("purpose".to_owned(), text(&grant.purpose)),
            ("not_before".to_owned(), RestrictedExpression::new_long(grant.not_before_us)),
            ("expires".to_owned(), RestrictedExpression::new_long(grant.expires_us)),
            ("revoked".to_owned(), RestrictedExpression::new_bool(grant.revoked)),
        ]);
        // The names of a record literal are distinct, which is all that can go wrong.
        if let Ok(record) = record {
            pairs.push(("grant".to_owned(), record));
        }
    }
    pairs
}
