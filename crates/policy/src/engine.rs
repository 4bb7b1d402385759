use std::str::FromStr;

use cedar_policy::{
    Authorizer, Context, Decision as Verdict, Entities, EntityUid, PolicyId, PolicySet, Request as CedarRequest,
    Response, Schema,
};
use kernel::{Error, Result};

use crate::{Decision, Grant, Request, Right, translate::Names};

/// The policies, as deployed.
pub const POLICIES: &str = include_str!("policies.cedar");
/// The shapes that the policies rely on.
pub const SCHEMA: &str = include_str!("schema.cedarschema");

/// Parsed policies, ready to decide. Cheap to ask, a few milliseconds to make: one per process.
pub struct Engine {
    policies: PolicySet,
    authorizer: Authorizer,
    names: Names,
    /// Every request is checked against it when it is there: slower, and what the tests do.
    schema: Option<Schema>,
}

/// The two entities of a question; they stay the same while grants are tried one by one.
struct Question {
    principal: EntityUid,
    action: EntityUid,
    resource: EntityUid,
    entities: Entities,
}

impl Engine {
    /// Parses the policies.
    ///
    /// # Errors
    /// `policy.text.malformed`: the text in this crate is wrong, found by the first test.
    pub fn new() -> Result<Self> {
        Self::with_policies(POLICIES)
    }

    fn with_policies(text: &str) -> Result<Self> {
        let malformed = |error: &dyn std::fmt::Display| {
            Error::internal("policy.text.malformed", "the policies cannot be read").because(error)
        };
        let parsed = PolicySet::from_str(text).map_err(|error| malformed(&error))?;
        // Policies carry their names as @id annotations: decisions are explained with them.
        let mut policies = PolicySet::new();
        for policy in parsed.policies() {
            let id = policy.annotation("id").ok_or_else(|| malformed(&"a policy has no @id"))?;
            let named = policy.new_id(id.parse().map_err(|error| malformed(&error))?);
            policies.add(named).map_err(|error| malformed(&error))?;
        }
        Ok(Self { policies, authorizer: Authorizer::new(), names: Names::new()?, schema: None })
    }

    /// The same engine, checking every request against the schema; a request that does not conform is denied.
    ///
    /// # Errors
    /// `policy.text.malformed`.
    pub fn strict(mut self) -> Result<Self> {
        let (schema, _warnings) = Schema::from_cedarschema_str(SCHEMA)
            .map_err(|error| Error::internal("policy.text.malformed", "the schema cannot be read").because(error))?;
        self.schema = Some(schema);
        Ok(self)
    }

    /// The same engine without one of its policies: what would change if it were not there?
    ///
    /// # Errors
    /// `policy.name.unknown`.
    pub fn without(mut self, policy: &str) -> Result<Self> {
        let unknown = || Error::not_found("policy.name.unknown", format!("there is no policy {policy:?}"));
        self.policies.remove_static(PolicyId::new(policy)).map_err(|error| unknown().because(error))?;
        Ok(self)
    }

    /// Names of the policies, sorted.
    pub fn policy_names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.policies.policies().map(|policy| policy.id().to_string()).collect();
        names.sort_unstable();
        names
    }

    /// Decides. The grants are tried one by one: one that permits is enough, and none can add up with another.
    ///
    /// A request that cannot be evaluated is denied, with the error's code as its reason.
    pub fn decide(&self, request: &Request<'_>) -> Decision {
        self.try_decide(request).unwrap_or_else(|error| Decision {
            allowed: false,
            reasons: vec![error.code.to_owned()],
            grant: None,
        })
    }

    fn try_decide(&self, request: &Request<'_>) -> Result<Decision> {
        let question = self.question(request)?;
        let first = self.ask(&question, request, None)?;
        if first.allowed || request.right != Right::View {
            return Ok(first);
        }
        // Grants about something else cannot help and cost an evaluation each; those that might are for the policies to judge.
        let object = request.object;
        let might_help = |grant: &&Grant| {
            grant.grantee == request.principal.tenant
                && grant.grantor == object.owner
                && grant.kinds.contains(&object.kind)
                && (grant.ids.is_empty() || object.id.as_ref().is_some_and(|id| grant.ids.contains(id)))
        };
        let mut refusal = first;
        for grant in request.grants.iter().filter(might_help) {
            let decision = self.ask(&question, request, Some(grant))?;
            if decision.allowed {
                return Ok(decision);
            }
            // Says which rule stood against the grant, if one did.
            if !decision.reasons.is_empty() {
                refusal = decision;
            }
        }
        Ok(refusal)
    }

    fn question(&self, request: &Request<'_>) -> Result<Question> {
        let (principal, resource) = (self.names.principal(request.principal)?, self.names.resource(request.object)?);
        Ok(Question {
            principal: principal.uid(),
            action: self.names.action(request.right),
            resource: resource.uid(),
            entities: Entities::from_entities([principal, resource], self.schema.as_ref()).map_err(broken)?,
        })
    }

    fn ask(&self, question: &Question, request: &Request<'_>, grant: Option<&Grant>) -> Result<Decision> {
        let context = Context::from_pairs(Names::context(request, grant)?).map_err(broken)?;
        let Question { principal, action, resource, entities } = question;
        let (principal, action, resource) = (principal.clone(), action.clone(), resource.clone());
        let asked = CedarRequest::new(principal, action, resource, context, self.schema.as_ref()).map_err(broken)?;
        let answer = self.authorizer.is_authorized(&asked, &self.policies, entities);
        let allowed = permitted(&answer);
        let mut reasons: Vec<_> = answer.diagnostics().reason().map(ToString::to_string).collect();
        reasons.sort_unstable();
        Ok(Decision { allowed, reasons, grant: grant.filter(|_| allowed).map(|grant| grant.id.clone()) })
    }
}

/// A policy that could not be evaluated might have been a forbid: its request is denied.
fn permitted(answer: &Response) -> bool {
    answer.decision() == Verdict::Allow && answer.diagnostics().errors().next().is_none()
}

pub(crate) fn broken(error: impl std::fmt::Display) -> Error {
    Error::internal("policy.request.malformed", "the request cannot be decided").because(error)
}

#[cfg(test)]
mod tests {
    use cedar_policy::{ValidationMode, Validator};

    use super::*;

    #[test]
    fn policies_conform_to_the_schema_strictly_and_without_warnings() {
        let engine = Engine::new().unwrap().strict().unwrap();
        let validator = Validator::new(engine.schema.unwrap());
        let found = validator.validate(&engine.policies, ValidationMode::Strict);
        assert!(found.validation_passed_without_warnings(), "{found}");
        // The validator itself is awake: a misspelt attribute is found.
        let wrong = POLICIES.replace("resource.owner == principal.tenant", "resource.owner == principal.tennant");
        let wrong = Engine::with_policies(&wrong).unwrap();
        assert!(!validator.validate(&wrong.policies, ValidationMode::Strict).validation_passed());
    }

    #[test]
    fn a_policy_without_a_name_is_refused() {
        let error = Engine::with_policies("permit (principal, action, resource);").err().unwrap();
        assert_eq!(error.code, "policy.text.malformed");
    }
}
