//! What a route demands of its caller. Every route names one; the decision itself is Cedar's, in the `policy` crate.

/// The right a route needs, inside the caller's own organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Right {
    /// Anybody, without credentials.
    Public,
    /// Anybody who is signed in.
    SignedIn,
    /// Looking.
    View,
    /// Running machines, models, alarms.
    Operate,
    /// Offering, booking, agreeing.
    Trade,
    /// Settling.
    Finance,
    /// Administering the organisation.
    Administer,
    /// Sending telemetry, as a device.
    Ingest,
}

/// The policy of a route: a stable action name (`room.noun.verb`) and the right it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Policy {
    /// Action name, as it appears in policies, grants and the audit.
    pub action: &'static str,
    /// The right.
    pub right: Right,
}

macro_rules! rights {
    ($($(#[$doc:meta])* $name:ident => $right:ident;)*) => {
        $($(#[$doc])*
        pub const fn $name(action: &'static str) -> Self {
            Self { action, right: Right::$right }
        })*
    };
}

impl Policy {
    rights! {
        /// For anybody, without credentials.
        public => Public;
        /// For anybody who is signed in.
        signed_in => SignedIn;
        /// For those who may look.
        view => View;
        /// For those who run machines.
        operate => Operate;
        /// For those who trade.
        trade => Trade;
        /// For those who settle.
        finance => Finance;
        /// For administrators of the organisation.
        admin => Administer;
        /// For devices.
        device => Ingest;
    }
}
