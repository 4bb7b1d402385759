use std::fmt;

use kernel::Error;
use serde::Serialize;

/// A stretch of the source, in bytes, half-open.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Span {
    /// First byte.
    pub from: usize,
    /// First byte after.
    pub to: usize,
}

impl Span {
    pub(crate) fn new(from: usize, to: usize) -> Self {
        Self { from, to }
    }

    pub(crate) fn to_end_of(self, other: Span) -> Self {
        Self { from: self.from.min(other.from), to: self.to.max(other.to) }
    }
}

/// Why an expression was refused, and where.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Problem {
    /// Stable code, `models.expression.…`.
    pub code: &'static str,
    /// Where in the source.
    pub span: Span,
    /// What was wrong: a lower-case fragment.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

macro_rules! kinds {
    ($($name:ident => $code:literal;)*) => {
        $(pub(crate) fn $name(span: Span, message: impl Into<String>) -> Self {
            Self { code: concat!("models.expression.", $code), span, message: message.into(), hint: None }
        })*
    };
}

impl Problem {
    kinds! {
        syntax => "syntax";
        units => "unit-mismatch";
        unknown_unit => "unknown-unit";
        unknown_property => "unknown-property";
        unknown_function => "unknown-function";
        types => "type-mismatch";
        too_deep => "too-deep";
        too_long => "too-long";
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// As an error of a request, with the place named and, when given, the field it was in.
    pub fn into_error(self, pointer: &str) -> Error {
        let place = format!("bytes {} to {}", self.span.from, self.span.to);
        let mut error = Error::invalid(self.code, format!("{} ({place})", self.message));
        if !pointer.is_empty() {
            error = error.field(pointer, format!("{} at {place}", self.message));
        }
        match self.hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        problem.into_error("")
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}..{}: {}", self.code, self.span.from, self.span.to, self.message)
    }
}

impl std::error::Error for Problem {}
