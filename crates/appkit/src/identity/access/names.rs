//! The host's words for callers and rights in the words of the policies.

use policy::PrincipalKind;

use crate::{Right, Role, Subject};

/// The name of a role in policies and in the database.
pub(in crate::identity) fn name_of(role: Role) -> &'static str {
    role_of(role).name()
}

pub(super) fn role_of(role: Role) -> policy::Role {
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

pub(super) fn kind_of(subject: Subject) -> PrincipalKind {
    match subject {
        Subject::User(_) => PrincipalKind::User,
        Subject::Token(_) => PrincipalKind::Token,
        Subject::Device(_) => PrincipalKind::Device,
        Subject::System => PrincipalKind::System,
        Subject::Anonymous => PrincipalKind::Anonymous,
    }
}

pub(super) fn right_of(right: Right) -> policy::Right {
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
