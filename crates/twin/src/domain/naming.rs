//! What names, codes and ids may look like, and the list that gathers everything wrong with one request.

use kernel::{Error, FieldError, Result};

/// Longest code plate, in characters.
pub const CODE_MAX: usize = 64;
/// Longest name, in characters.
pub const NAME_MAX: usize = 200;
/// Longest property id, in characters.
pub const PROPERTY_ID_MAX: usize = 64;

/// Everything wrong with a request, so that it is all reported at once.
#[derive(Debug, Default)]
pub struct Problems(Vec<FieldError>);

impl Problems {
    /// Nothing wrong yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// One more thing that is wrong, at a JSON pointer.
    pub fn add(&mut self, pointer: impl Into<String>, message: impl Into<String>) {
        // A bound on what one refusal carries; the first hundred are enough to work on.
        if self.0.len() < 100 {
            self.0.push(FieldError { pointer: pointer.into(), message: message.into() });
        }
    }

    /// Whether nothing was wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Refuses with all of them, if there are any.
    pub fn refuse(self, code: &'static str, message: &'static str, hint: &'static str) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut error = Error::invalid(code, message).hint(hint);
        error.fields = self.0;
        Err(error)
    }

    /// A code plate: letters, digits and `- _ . / #`.
    pub fn code(&mut self, pointer: &str, code: &str) {
        let fits = |c: char| c.is_alphanumeric() || "-_./#".contains(c);
        if code.is_empty() || code.chars().count() > CODE_MAX || !code.chars().all(fits) {
            self.add(pointer, format!("a code is 1 to {CODE_MAX} letters, digits and - _ . / #"));
        }
    }

    /// A name for people.
    pub fn name(&mut self, pointer: &str, name: &str) {
        if name.trim().is_empty() || name.chars().count() > NAME_MAX || name.chars().any(char::is_control) {
            self.add(pointer, format!("a name is 1 to {NAME_MAX} visible characters"));
        }
    }

    /// A longer text that may be empty.
    pub fn text(&mut self, pointer: &str, text: &str, max: usize) {
        if text.chars().count() > max {
            self.add(pointer, format!("at most {max} characters"));
        }
    }
}

/// Whether this can be the id of a property, event, function or tag.
pub fn is_property_id(id: &str) -> bool {
    (1..=PROPERTY_ID_MAX).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Whether this can be a kind of machine, such as `injection_moulding`.
pub fn is_kind(kind: &str) -> bool {
    (1..=64).contains(&kind.len()) && kind.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn property_ids_are_plain() {
        for good in ["a", "Spindle_Speed2", "9", &"x".repeat(64)] {
            assert!(is_property_id(good), "{good}");
        }
        for bad in ["", "a b", "温度", "a-b", "a.b", &"x".repeat(65)] {
            assert!(!is_property_id(bad), "{bad}");
        }
    }

    #[test]
    fn all_problems_are_told_at_once() {
        let mut problems = Problems::new();
        problems.code("/code", "has space");
        problems.name("/name", " ");
        let error = problems.refuse("twin.x.malformed", "wrong", "right it").unwrap_err();
        let pointers: Vec<_> = error.fields.iter().map(|f| f.pointer.as_str()).collect();
        assert_eq!(pointers, ["/code", "/name"]);
        let mut fine = Problems::new();
        fine.code("/code", "注塑机-01");
        assert!(fine.refuse("twin.x.malformed", "wrong", "").is_ok());
    }
}
