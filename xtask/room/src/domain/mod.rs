//! Nouns, states and rules: pure, synchronous, no SQL, no serde.

use kernel::{Error, Result};

/// A note: the first noun, to be replaced by the room's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note(pub String);

impl Note {
    /// Refuses an empty or endless one.
    pub fn new(text: &str) -> Result<Self> {
        if (1..=200).contains(&text.chars().count()) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::invalid("ROOM_NAME.note.text", "a note has 1 to 200 characters").field("/text", "1 to 200 characters"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_has_an_end() {
        assert!(Note::new("x").is_ok() && Note::new(&"x".repeat(200)).is_ok());
        for wrong in [String::new(), "x".repeat(201)] {
            assert_eq!(Note::new(&wrong).unwrap_err().code, "ROOM_NAME.note.text");
        }
    }
}
