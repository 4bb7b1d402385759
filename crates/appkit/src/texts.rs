use std::collections::HashMap;

use kernel::{Error, Result};
use serde::Deserialize;

/// The Chinese face of an error code. English comes from the error itself.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Text {
    pub message: String,
    pub hint: Option<String>,
}

/// Error code → Chinese text.
#[derive(Default)]
pub(crate) struct Texts(HashMap<String, Text>);

impl Texts {
    pub(crate) fn add(&mut self, module: &str, json: &str) -> Result<()> {
        let texts: HashMap<String, Text> = serde_json::from_str(json).map_err(|error| {
            Error::internal("appkit.texts.malformed", format!("the texts of {module} cannot be read")).because(error)
        })?;
        self.0.extend(texts);
        Ok(())
    }

    pub(crate) fn zh(&self, code: &str) -> Option<&Text> {
        self.0.get(code)
    }
}
