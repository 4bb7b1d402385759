//! Configuration by file, environment and flag: later ones win. One section per crate, in that crate.

use std::path::Path;

use kernel::{Error, Result};
use serde::de::DeserializeOwned;

/// Reads a TOML file into a table; an absent file is an empty one.
///
/// # Errors
/// `appkit.config.unreadable`, `appkit.config.malformed` with line and column.
pub fn read_file(path: &Path) -> Result<toml::Table> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(toml::Table::new()),
        Err(error) => {
            return Err(Error::unavailable("appkit.config.unreadable", format!("{} cannot be read", path.display()))
                .because(error));
        }
    };
    text.parse().map_err(|error: toml::de::Error| {
        Error::invalid("appkit.config.malformed", format!("{}: {}", path.display(), error.message()))
            .hint("the file is TOML; see docs/reference/configuration.md")
            .because(error)
    })
}

/// Overlays environment variables `BAIGONG_<SECTION>_<KEY>` (numbers and booleans are recognised).
pub fn overlay_environment(table: &mut toml::Table, variables: impl Iterator<Item = (String, String)>) {
    for (name, value) in variables {
        let Some(rest) = name.strip_prefix("BAIGONG_") else { continue };
        let Some((section, key)) = rest.split_once('_') else { continue };
        let entry = table.entry(section.to_lowercase()).or_insert_with(|| toml::Value::Table(toml::Table::new()));
        if let toml::Value::Table(section) = entry {
            section.insert(key.to_lowercase(), scalar(&value));
        }
    }
}

fn scalar(text: &str) -> toml::Value {
    if let Ok(number) = text.parse::<i64>() {
        return toml::Value::Integer(number);
    }
    match text {
        "true" => toml::Value::Boolean(true),
        "false" => toml::Value::Boolean(false),
        _ => toml::Value::String(text.to_owned()),
    }
}

/// One crate's section; missing keys take the section's defaults, unknown keys are refused by name.
///
/// # Errors
/// `appkit.config.malformed`.
pub fn section<T: DeserializeOwned + Default>(table: &toml::Table, name: &str) -> Result<T> {
    match table.get(name) {
        None => Ok(T::default()),
        Some(value) => value.clone().try_into().map_err(|error: toml::de::Error| {
            Error::invalid("appkit.config.malformed", format!("section [{name}]: {}", error.message()))
                .hint("see docs/reference/configuration.md for the keys of this section")
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, PartialEq, serde::Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Http {
        port: u16,
        bind: String,
    }

    #[test]
    fn environment_wins_over_file_and_unknown_keys_are_named() {
        let mut table: toml::Table = "[http]\nport = 1\nbind = \"a\"".parse().unwrap();
        overlay_environment(&mut table, [("BAIGONG_HTTP_PORT".to_owned(), "9000".to_owned())].into_iter());
        assert_eq!(section::<Http>(&table, "http").unwrap(), Http { port: 9000, bind: "a".into() });
        overlay_environment(&mut table, [("BAIGONG_HTTP_PROT".to_owned(), "1".to_owned())].into_iter());
        assert!(section::<Http>(&table, "http").unwrap_err().message.contains("prot"));
    }
}
