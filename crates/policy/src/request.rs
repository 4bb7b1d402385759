//! The plain structs around a decision. Nothing of Cedar shows outside this crate.

/// The right that a route or a delivery needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "explained in policies.cedar, where they mean something")]
pub enum Right {
    Public,
    SignedIn,
    View,
    Operate,
    Trade,
    Finance,
    Administer,
    Ingest,
}

impl Right {
    /// Every right.
    pub const ALL: [Right; 8] = [
        Right::Public,
        Right::SignedIn,
        Right::View,
        Right::Operate,
        Right::Trade,
        Right::Finance,
        Right::Administer,
        Right::Ingest,
    ];

    /// Its name in the policies.
    pub fn name(self) -> &'static str {
        match self {
            Right::Public => "public",
            Right::SignedIn => "signed_in",
            Right::View => "view",
            Right::Operate => "operate",
            Right::Trade => "trade",
            Right::Finance => "finance",
            Right::Administer => "administer",
            Right::Ingest => "ingest",
        }
    }
}

/// What somebody is in their organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Everything in the own organisation.
    Admin,
    /// Looks, and runs machines.
    Operator,
    /// Looks, and trades.
    Trader,
    /// Looks, and settles.
    Finance,
    /// Looks.
    Viewer,
    /// Sends telemetry.
    Device,
    /// Administers the installation, and sees no organisation's data by it.
    Platform,
}

impl Role {
    /// Every role.
    pub const ALL: [Role; 7] =
        [Role::Admin, Role::Operator, Role::Trader, Role::Finance, Role::Viewer, Role::Device, Role::Platform];

    /// Its name in the policies, in the database and on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Role::Admin => "admin",
            Role::Operator => "operator",
            Role::Trader => "trader",
            Role::Finance => "finance",
            Role::Viewer => "viewer",
            Role::Device => "device",
            Role::Platform => "platform",
        }
    }
}

/// Which kind of credential asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the kinds")]
pub enum PrincipalKind {
    User,
    Token,
    Device,
    System,
    Anonymous,
}

impl PrincipalKind {
    /// Its name in the policies.
    pub fn name(self) -> &'static str {
        match self {
            PrincipalKind::User => "user",
            PrincipalKind::Token => "token",
            PrincipalKind::Device => "device",
            PrincipalKind::System => "system",
            PrincipalKind::Anonymous => "anonymous",
        }
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Its id.
    pub id: String,
    /// Its credential.
    pub kind: PrincipalKind,
    /// Its organisation.
    pub tenant: String,
    /// Its roles.
    pub roles: Vec<Role>,
    /// Whether its organisation is suspended.
    pub suspended: bool,
}

/// What it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Kind of object.
    pub kind: String,
    /// Which one; none for all of a kind.
    pub id: Option<String>,
    /// The organisation it belongs to.
    pub owner: String,
    /// Organisations that take part in it.
    pub participants: Vec<String>,
}

/// A grant of one organisation to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Its id.
    pub id: String,
    /// Whose data.
    pub grantor: String,
    /// For whom.
    pub grantee: String,
    /// Kinds of object.
    pub kinds: Vec<String>,
    /// Which ones; empty means all of the kinds.
    pub ids: Vec<String>,
    /// Which fields (metrics); empty means all.
    pub fields: Vec<String>,
    /// What for; `any` when it does not matter.
    pub purpose: String,
    /// First moment, microseconds.
    pub not_before_us: i64,
    /// First moment after, microseconds.
    pub expires_us: i64,
    /// Whether it was taken back.
    pub revoked: bool,
}

/// Everything a decision depends on.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Who asks.
    pub principal: &'a Principal,
    /// Name of the action, for policies that single one out.
    pub action: &'a str,
    /// The right it needs.
    pub right: Right,
    /// What it is about.
    pub object: &'a Object,
    /// Which fields are asked for; empty means the whole.
    pub fields: &'a [String],
    /// Why, when the caller said so.
    pub purpose: Option<&'a str>,
    /// Grants that might help.
    pub grants: &'a [Grant],
    /// Now, microseconds.
    pub now_us: i64,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Whether it may.
    pub allowed: bool,
    /// The policies that decided, by name: permits when allowed, forbids when refused; none when nothing permitted it.
    pub reasons: Vec<String>,
    /// The grant it rests on, if it rests on one: the access must be logged under it.
    pub grant: Option<String>,
}
