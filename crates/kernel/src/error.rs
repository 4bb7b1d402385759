use std::{borrow::Cow, fmt};

use serde::Serialize;

/// The result of everything that can be refused.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The closed set of ways to fail; the HTTP status is derived from it in one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The request can never be right as it stands (400).
    Invalid,
    /// No or unknown credentials (401).
    Unauthenticated,
    /// Known caller, not allowed (403).
    Denied,
    /// Not there, or not for this caller's eyes (404).
    NotFound,
    /// The state of the world does not permit it (409).
    Conflict,
    /// Larger than a stated limit (413).
    TooLarge,
    /// Well-formed, but its content breaks a rule; also a re-used idempotency key with another body (422).
    Unprocessable,
    /// Too often (429).
    Throttled,
    /// Stored bytes are damaged (500).
    Corrupt,
    /// Our fault (500).
    Internal,
    /// Not now: full, starting or stopping (503).
    Unavailable,
}

/// A refusal with two faces: what the caller may read, and what the operator needs.
///
/// `code` is stable (`room.noun.problem`), `message` is a lower-case fragment that reads after "failed to …:", `hint` says
/// what to do. `internal` never leaves the process except in the log.
#[derive(Clone)]
pub struct Error {
    /// The way of failing.
    pub kind: ErrorKind,
    /// Stable code, `room.noun.problem`.
    pub code: &'static str,
    /// What was wrong, for the caller.
    pub message: Cow<'static, str>,
    /// What to do about it, for the caller.
    pub hint: Option<Cow<'static, str>>,
    /// The fields that were wrong, each with its rule.
    pub fields: Vec<FieldError>,
    /// For the log only.
    pub internal: Option<String>,
}

/// One wrong field of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// JSON pointer to the field, such as `/lines/0/quantity`.
    pub pointer: String,
    /// Which rule it broke.
    pub message: String,
}

macro_rules! constructors {
    ($($(#[$doc:meta])* $name:ident => $kind:ident;)*) => {
        $($(#[$doc])*
        pub fn $name(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
            Self::new(ErrorKind::$kind, code, message)
        })*
    };
}

impl Error {
    /// An error of a kind, with its stable code and message.
    pub fn new(kind: ErrorKind, code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, code, message: message.into(), hint: None, fields: Vec::new(), internal: None }
    }

    constructors! {
        /// The request can never be right as it stands.
        invalid => Invalid;
        /// No or unknown credentials.
        unauthenticated => Unauthenticated;
        /// Known caller, not allowed.
        denied => Denied;
        /// Not there, or not for this caller's eyes.
        not_found => NotFound;
        /// The state of the world does not permit it.
        conflict => Conflict;
        /// Larger than a stated limit.
        too_large => TooLarge;
        /// Its content breaks a rule.
        unprocessable => Unprocessable;
        /// Too often.
        throttled => Throttled;
        /// Stored bytes are damaged.
        corrupt => Corrupt;
        /// Our fault.
        internal => Internal;
        /// Not now.
        unavailable => Unavailable;
    }

    /// Adds what to do about it.
    pub fn hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds a wrong field.
    pub fn field(mut self, pointer: impl Into<String>, message: impl Into<String>) -> Self {
        self.fields.push(FieldError { pointer: pointer.into(), message: message.into() });
        self
    }

    /// Adds what only the operator may read.
    pub fn because(mut self, cause: impl fmt::Display) -> Self {
        self.internal = Some(cause.to_string());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}: {}", self.kind, self.code, self.message)?;
        if let Some(internal) = &self.internal {
            write!(f, " [{internal}]")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}
