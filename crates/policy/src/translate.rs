use std::collections::HashSet;

use cedar_policy::{Entity, EntityId, EntityTypeName, EntityUid, RestrictedExpression};
use kernel::Result;

use crate::{Grant, Object, Principal, Request, Right, engine::broken};

/// Our structs in Cedar's words. Names that never change are parsed once.
pub(crate) struct Names {
    caller: EntityTypeName,
    thing: EntityTypeName,
    actions: [EntityUid; Right::ALL.len()],
}

type Pairs = Vec<(String, RestrictedExpression)>;

impl Names {
    pub(crate) fn new() -> Result<Self> {
        let name = |text: &str| text.parse::<EntityTypeName>().map_err(broken);
        let action = name("Action")?;
        Ok(Self {
            caller: name("Caller")?,
            thing: name("Thing")?,
            actions: Right::ALL
                .map(|right| EntityUid::from_type_name_and_id(action.clone(), EntityId::new(right.name()))),
        })
    }

    pub(crate) fn action(&self, right: Right) -> EntityUid {
        self.actions[right as usize].clone()
    }

    pub(crate) fn principal(&self, principal: &Principal) -> Result<Entity> {
        let attributes = [
            ("kind".to_owned(), text(principal.kind.name())),
            ("tenant".to_owned(), text(&principal.tenant)),
            ("roles".to_owned(), set(principal.roles.iter().map(|role| role.name()))),
            ("suspended".to_owned(), RestrictedExpression::new_bool(principal.suspended)),
        ];
        let uid = EntityUid::from_type_name_and_id(self.caller.clone(), EntityId::new(&principal.id));
        Entity::new(uid, attributes.into(), HashSet::new()).map_err(broken)
    }

    pub(crate) fn resource(&self, object: &Object) -> Result<Entity> {
        let id = object.id.as_deref().unwrap_or("");
        let attributes = [
            ("kind".to_owned(), text(&object.kind)),
            ("id".to_owned(), text(id)),
            ("owner".to_owned(), text(&object.owner)),
            ("participants".to_owned(), set(object.participants.iter().map(String::as_str))),
        ];
        let uid = EntityUid::from_type_name_and_id(self.thing.clone(), EntityId::new(id));
        Entity::new(uid, attributes.into(), HashSet::new()).map_err(broken)
    }

    pub(crate) fn context(request: &Request<'_>, grant: Option<&Grant>) -> Result<Pairs> {
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
            pairs.push(("grant".to_owned(), record.map_err(broken)?));
        }
        Ok(pairs)
    }
}

fn text(value: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(value.to_owned())
}

fn set<'a>(values: impl IntoIterator<Item = &'a str>) -> RestrictedExpression {
    RestrictedExpression::new_set(values.into_iter().map(text))
}
