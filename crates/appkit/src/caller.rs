//! Who is asking. A caller is made by authentication and by nothing else; its tenant is the only source of a tenant id.

use std::fmt;

use kernel::id::{ApiTokenId, DeviceId, PartyId, UserId};
use serde::{Deserialize, Serialize};

/// What a caller may do inside its own organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything in the organisation.
    Admin,
    /// Look, and run machines, models and alarms.
    Operator,
    /// Look, and trade: offers, bookings, agreements.
    Trader,
    /// Look, and settle: claims, invoices, transfers.
    Finance,
    /// Look.
    Viewer,
    /// Send telemetry.
    Device,
    /// Administer the installation; no organisation's data.
    Platform,
}

/// Which credential it came with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A signed-in person.
    User(UserId),
    /// A program with an API token.
    Token(ApiTokenId),
    /// A device with its token.
    Device(DeviceId),
    /// The platform itself: event handlers, jobs, seeding.
    System,
    /// Nobody: only public routes.
    Anonymous,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::User(id) => id.fmt(f),
            Subject::Token(id) => id.fmt(f),
            Subject::Device(id) => id.fmt(f),
            Subject::System => f.write_str("system"),
            Subject::Anonymous => f.write_str("anonymous"),
        }
    }
}

/// Who is asking, for which organisation, with which roles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The organisation, from the credential.
    pub tenant: PartyId,
    /// The credential.
    pub subject: Subject,
    /// The roles, sorted.
    pub roles: Vec<Role>,
    /// Why it asks, when it said so (header `Baigong-Purpose`); grants may demand it.
    pub purpose: Option<String>,
}

/// The tenant of the platform itself: the nil id.
pub const PLATFORM: PartyId = kernel::Id::from_uuid(uuid::Uuid::nil());

impl Caller {
    /// The platform itself, acting for nobody in particular.
    pub fn system() -> Self {
        Self { tenant: PLATFORM, subject: Subject::System, roles: vec![Role::Admin], purpose: None }
    }

    /// The platform itself, acting inside an organisation (event handlers, jobs, seeding).
    pub fn system_for(tenant: PartyId) -> Self {
        Self { tenant, ..Self::system() }
    }

    /// Nobody.
    pub fn anonymous() -> Self {
        Self { tenant: PLATFORM, subject: Subject::Anonymous, roles: Vec::new(), purpose: None }
    }

    /// A user of an organisation.
    pub fn user(tenant: PartyId, user: UserId, roles: Vec<Role>) -> Self {
        Self { tenant, subject: Subject::User(user), roles, purpose: None }
    }

    /// Whether the platform itself is acting.
    pub fn is_system(&self) -> bool {
        self.subject == Subject::System
    }
}
