//! Real recorded series, played through the same sockets as the simulated machines.
//!
//! A folder of CSV and plain text files (also gzipped) becomes recordings: each file one machine, each column one property,
//! type and unit inferred, times re-based to now. What cannot be a series is left out and named.
//!
//! To teach it another text format, extend [`table`]; to teach it another unit, add a line in [`columns`].

mod columns;
mod play;
mod register;
mod table;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use contracts::telemetry::{Value, ValueType};
use kernel::{Duration, Error, Result};
use serde::Serialize;

pub use play::{Align, ReplayConfig, run};
pub use register::register;

/// How to read a folder.
#[derive(Debug, Clone)]
pub struct ReplayOptions {
    /// Time between rows of files that carry no time.
    pub step: Duration,
    /// At most this many recordings; the rest is left out and named.
    pub recordings_max: usize,
    /// Units of columns whose names do not say them: column name → UN/ECE Rec 20 code.
    pub units: BTreeMap<String, String>,
}

impl Default for ReplayOptions {
    fn default() -> Self {
        Self { step: Duration::from_secs(1), recordings_max: 100, units: BTreeMap::new() }
    }
}

/// What a folder contains.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// The series.
    pub recordings: Vec<Recording>,
    /// Files, or parts of them, that are not played, and why.
    pub left_out: Vec<(PathBuf, String)>,
}

/// One recorded machine.
#[derive(Debug, Clone)]
pub struct Recording {
    /// Short name, from the file's name.
    pub name: String,
    /// The file it came from, relative to the folder.
    pub file: PathBuf,
    /// Its properties, in the order of its columns.
    pub properties: Vec<RecordedProperty>,
    /// Rows: time since the first one in milliseconds, and one cell per property.
    rows: Arc<Vec<(i64, Vec<Option<Value>>)>>,
}

/// One column of a recording.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RecordedProperty {
    /// Property id.
    pub id: String,
    /// The column's name as recorded.
    pub column: String,
    /// Inferred type.
    pub value_type: ValueType,
    /// UN/ECE Rec 20 code, where the column's name or the options say it.
    pub unit: Option<String>,
}

impl Recording {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    /// From the first row to the last.
    pub fn length(&self) -> Duration {
        Duration::from_millis(self.rows.last().map_or(0, |(offset, _)| *offset))
    }

    /// The inferred thing model, in the JetLinks JSON form.
    pub fn thing_model(&self) -> String {
        crate::kinds::thing_model(self.properties.iter().map(columns::json))
    }
}

/// Reads every series of a folder, in the order of file names.
///
/// # Errors
/// `simulator.replay.unreadable` when the folder is not there, `simulator.replay.empty` when no file in it is a series.
pub fn open(folder: &Path, options: &ReplayOptions) -> Result<Found> {
    let mut files = Vec::new();
    list(folder, &mut files).map_err(|error| {
        Error::not_found("simulator.replay.unreadable", format!("{} cannot be listed", folder.display())).because(error)
    })?;
    files.sort();
    let mut found = Found::default();
    for file in files {
        let short = file.strip_prefix(folder).unwrap_or(&file).to_path_buf();
        match table::read(&file) {
            Ok(table) => {
                let mut parts = columns::recordings(&short, table, options);
                let room = options.recordings_max.saturating_sub(found.recordings.len());
                if parts.len() > room {
                    found.left_out.push((
                        short,
                        format!("{} recordings above the limit of {}", parts.len() - room, options.recordings_max),
                    ));
                    parts.truncate(room);
                }
                found.recordings.append(&mut parts);
            }
            Err(error) => found.left_out.push((short, error.message.into_owned())),
        }
    }
    if found.recordings.is_empty() {
        return Err(Error::unprocessable("simulator.replay.empty", format!("{} holds no series", folder.display()))
            .hint("a series is a .csv or .txt file, plain or .gz, with a header and a row per moment"));
    }
    Ok(found)
}

/// Files that may be series; documentation and labels are not even tried.
fn list(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        // Links are not followed: a folder must not lead out of itself.
        let kind = entry.file_type()?;
        if kind.is_dir() {
            list(&path, files)?;
        } else if kind.is_file() {
            let name = entry.file_name().to_string_lossy().to_lowercase();
            let plain = name.strip_suffix(".gz").unwrap_or(&name);
            if plain.ends_with(".csv") || plain.ends_with(".txt") || plain.ends_with(".tsv") {
                files.push(path);
            }
        }
    }
    Ok(())
}
