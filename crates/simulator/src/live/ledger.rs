//! The acknowledgement ledger: what was sent and what was acknowledged, kept outside the platform.
//!
//! It is what a crash test compares the platform's memory with: every acknowledged message in it must be in the store. Lines
//! of JSON, appended by one thread and synced in groups; a torn last line is not read.

use std::{
    fs::{File, OpenOptions},
    io::{BufRead, BufReader, BufWriter, Write},
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread::JoinHandle,
};

use contracts::telemetry::Value;
use kernel::{Error, Result, Timestamp};
use serde::{Deserialize, Serialize};

use super::message;

/// An open ledger. Dropping it writes what is left.
pub struct AckLedger {
    next: AtomicU64,
    lines: Mutex<Option<Sender<Command>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

enum Command {
    Line(Line),
    Sync(Sender<std::io::Result<()>>),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Sent { id: u64, machine: String, body: String },
    Acknowledged { id: u64 },
    Refused { id: u64, why: String },
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// Sent, not yet answered.
    Open,
    /// Acknowledged: the platform must have it.
    Acknowledged,
    /// Refused for good.
    Refused(String),
}

/// A message of the ledger.
#[derive(Debug, Clone, PartialEq)]
pub struct LedgerEntry {
    /// Number in the ledger.
    pub id: u64,
    /// `company/code`.
    pub machine: String,
    /// The rows, as the JSON that an MQTT device would have sent.
    pub body: String,
    /// What became of it.
    pub fate: Fate,
}

impl LedgerEntry {
    /// Its points: time, metric, value.
    ///
    /// # Errors
    /// `simulator.ledger.unreadable` when the body was not written by a ledger.
    pub fn points(&self) -> Result<Vec<(Timestamp, String, Value)>> {
        message::points(self.body.as_bytes())
            .ok_or_else(|| unreadable(format!("message {} is not a set of rows", self.id)))
    }
}

impl AckLedger {
    /// Opens a ledger for appending, and creates it when it is not there. Numbering continues.
    ///
    /// # Errors
    /// `simulator.ledger.unwritable`, `simulator.ledger.unreadable`.
    pub fn open(path: &Path) -> Result<Self> {
        let entries = if path.exists() { Self::read(path)? } else { Vec::new() };
        let file = OpenOptions::new().create(true).append(true).open(path).map_err(|error| {
            Error::unavailable(
                "simulator.ledger.unwritable",
                format!("{} cannot be opened for writing", path.display()),
            )
            .because(error)
        })?;
        let (lines, commands) = channel();
        let torn = std::fs::read(path).is_ok_and(|bytes| bytes.last().is_some_and(|byte| *byte != b'\n'));
        let writer = std::thread::Builder::new()
            .name("ack-ledger".to_owned())
            .spawn(move || write(file, torn, &commands))
            .map_err(|error| {
                Error::unavailable("simulator.ledger.unwritable", "the ledger's thread could not be started")
                    .because(error)
            })?;
        let next = entries.iter().map(|entry| entry.id).max().unwrap_or(0) + 1;
        Ok(Self { next: AtomicU64::new(next), lines: Mutex::new(Some(lines)), writer: Mutex::new(Some(writer)) })
    }

    /// Notes that rows are being sent; answers the message's number.
    pub fn sent(&self, machine: &str, body: &[u8]) -> u64 {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        self.append(Line::Sent { id, machine: machine.to_owned(), body: String::from_utf8_lossy(body).into_owned() });
        id
    }

    /// Notes that the platform acknowledged.
    pub fn acknowledged(&self, id: u64) {
        self.append(Line::Acknowledged { id });
    }

    /// Notes that the platform refused for good.
    pub fn refused(&self, id: u64, why: &str) {
        self.append(Line::Refused { id, why: why.to_owned() });
    }

    /// Waits until everything noted so far is on the disk.
    ///
    /// # Errors
    /// `simulator.ledger.unwritable` when it is not.
    pub fn sync(&self) -> Result<()> {
        let (answer, answered) = channel();
        self.command(Command::Sync(answer));
        match answered.recv() {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                Err(Error::unavailable("simulator.ledger.unwritable", "the ledger could not be written").because(error))
            }
            Err(_) => Err(Error::unavailable("simulator.ledger.unwritable", "the ledger's thread has ended")),
        }
    }

    /// Reads a ledger: every message with its fate, by number. A last line without its end is left out.
    ///
    /// # Errors
    /// `simulator.ledger.unreadable`.
    pub fn read(path: &Path) -> Result<Vec<LedgerEntry>> {
        let file = File::open(path)
            .map_err(|error| unreadable(format!("{} cannot be opened", path.display())).because(error))?;
        let mut entries = std::collections::BTreeMap::new();
        let mut reader = BufReader::new(file);
        let mut text = String::new();
        let mut number = 0;
        loop {
            text.clear();
            number += 1;
            let length = reader
                .read_line(&mut text)
                .map_err(|error| unreadable(format!("line {number} cannot be read")).because(error))?;
            if length == 0 || !text.ends_with('\n') {
                return Ok(entries.into_values().collect());
            }
            if text.trim().is_empty() {
                continue;
            }
            match serde_json::from_str(text.trim_end()) {
                Ok(Line::Sent { id, machine, body }) => {
                    entries.insert(id, LedgerEntry { id, machine, body, fate: Fate::Open });
                }
                Ok(Line::Acknowledged { id }) => set(&mut entries, id, Fate::Acknowledged),
                Ok(Line::Refused { id, why }) => set(&mut entries, id, Fate::Refused(why)),
                // A writer that was killed leaves half a line, and the next one starts a new line after it.
                Err(error) if error.is_eof() => {}
                Err(error) => return Err(unreadable(format!("line {number} is not a ledger line")).because(error)),
            }
        }
    }

    fn append(&self, line: Line) {
        self.command(Command::Line(line));
    }

    fn command(&self, command: Command) {
        let lines = self.lines.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(lines) = &*lines {
            // When the writer has ended, sync says so.
            let _ = lines.send(command);
        }
    }
}

impl Drop for AckLedger {
    fn drop(&mut self) {
        self.lines.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
        if let Some(writer) = self.writer.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take() {
            // A panicked writer has already reported itself.
            let _ = writer.join();
        }
    }
}

fn set(entries: &mut std::collections::BTreeMap<u64, LedgerEntry>, id: u64, fate: Fate) {
    if let Some(entry) = entries.get_mut(&id) {
        entry.fate = fate;
    }
}

fn unreadable(what: String) -> Error {
    Error::corrupt("simulator.ledger.unreadable", what)
}

/// The writer: takes what has gathered, writes it, syncs once, answers those who wait.
fn write(file: File, torn: bool, commands: &Receiver<Command>) {
    let mut out = BufWriter::new(file);
    let mut failed: Option<std::io::ErrorKind> = None;
    if torn {
        failed = out.write_all(b"\n").err().map(|error| error.kind());
    }
    while let Ok(first) = commands.recv() {
        let mut waiting = Vec::new();
        for command in std::iter::once(first).chain(commands.try_iter()) {
            match command {
                Command::Line(line) => {
                    let written = serde_json::to_string(&line)
                        .map_err(std::io::Error::other)
                        .and_then(|text| writeln!(out, "{text}"));
                    failed = failed.or(written.err().map(|error| error.kind()));
                }
                Command::Sync(answer) => waiting.push(answer),
            }
        }
        let synced = out.flush().and_then(|()| out.get_ref().sync_data());
        failed = failed.or(synced.err().map(|error| error.kind()));
        for answer in waiting {
            // Whoever asked may have gone.
            let _ = answer.send(failed.map_or(Ok(()), |kind| Err(kind.into())));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_fates_survives_a_torn_line_and_goes_on_counting() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.jsonl");
        let body = br#"{"ts":1700000000000,"values":{"power":1.5}}"#;
        {
            let ledger = AckLedger::open(&path).unwrap();
            let (a, b, c) = (ledger.sent("p/A", body), ledger.sent("p/B", body), ledger.sent("p/C", body));
            ledger.acknowledged(a);
            ledger.refused(b, "422");
            assert_eq!((a, b, c), (1, 2, 3));
            ledger.sync().unwrap();
        }
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(br#"{"sent":{"id":4,"mach"#).unwrap();
        drop(file);
        {
            let ledger = AckLedger::open(&path).unwrap();
            let id = ledger.sent("p/D", body);
            assert_eq!(id, 4);
            ledger.acknowledged(id);
        }
        let entries = AckLedger::read(&path).unwrap();
        let fates: Vec<_> = entries.iter().map(|e| (e.id, e.machine.as_str(), e.fate.clone())).collect();
        assert_eq!(
            fates,
            [
                (1, "p/A", Fate::Acknowledged),
                (2, "p/B", Fate::Refused("422".to_owned())),
                (3, "p/C", Fate::Open),
                (4, "p/D", Fate::Acknowledged)
            ]
        );
        assert_eq!(
            entries[0].points().unwrap(),
            [(Timestamp::from_millis(1_700_000_000_000), "power".to_owned(), Value::F64(1.5))]
        );
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"nonsense\n").unwrap();
        assert_eq!(AckLedger::read(&path).unwrap_err().code, "simulator.ledger.unreadable");
    }
}
