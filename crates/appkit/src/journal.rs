//! The journal: facts in the past tense, in one order, hash-chained, delivered to handlers at least once and applied once.

use kernel::{
    Digest, Error, Result, Timestamp,
    id::{EntryId, PartyId},
    sha256,
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{Caller, Host, Row, Tx, host::Handler, params};

/// One fact as recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct JournalEntry {
    /// Its place in the one order.
    pub seq: i64,
    /// Its id.
    pub id: EntryId,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// Whose fact it is.
    pub tenant: PartyId,
    /// Who acted.
    pub actor: String,
    /// What happened, past tense and dotted.
    pub kind: String,
    /// Version of the payload's form.
    pub version: u32,
    /// The id it is about.
    pub subject: String,
    /// The payload as JSON text, exactly as hashed.
    pub payload: String,
}

impl JournalEntry {
    /// The payload as a type of `contracts`.
    ///
    /// # Errors
    /// When it has another form.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_str(&self.payload).map_err(|error| {
            Error::corrupt("appkit.journal.payload", format!("the payload of {} cannot be read", self.id))
                .because(error)
        })
    }

    /// The hash of this entry after another.
    pub fn hash_after(&self, previous: &str) -> Digest {
        let head = format!(
            "{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n",
            self.seq,
            self.id,
            self.recorded_at.micros(),
            self.tenant,
            self.actor,
            self.kind,
            self.version,
            self.subject
        );
        sha256(&[previous.as_bytes(), b"\n", head.as_bytes(), self.payload.as_bytes()])
    }

    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            seq: row.get("seq")?,
            id: row.id("id")?,
            recorded_at: row.time("recorded_at")?,
            tenant: row.id("tenant")?,
            actor: row.get("actor")?,
            kind: row.get("kind")?,
            version: row.get::<i64>("version")? as u32,
            subject: row.get("subject")?,
            payload: row.get("payload")?,
        })
    }
}

/// A fact on its way into the journal.
pub(crate) struct Draft {
    kind: &'static str,
    version: u32,
    subject: String,
    tenant: PartyId,
    payload: String,
}

impl Draft {
    pub(crate) fn new<T: Serialize>(
        kind: &'static str,
        version: u32,
        subject: String,
        tenant: PartyId,
        payload: &T,
    ) -> Result<Self> {
        let payload = serde_json::to_string(payload)
            .map_err(|error| Error::internal("appkit.journal.payload", "an event cannot be written").because(error))?;
        Ok(Self { kind, version, subject, tenant, payload })
    }
}

const COLUMNS: &str = "seq, id, recorded_at, tenant, actor, kind, version, subject, payload";

/// Writes the drafts after the last entry, chained.
pub(crate) async fn append(tx: &mut Tx, drafts: Vec<Draft>) -> Result<Vec<JournalEntry>> {
    if drafts.is_empty() {
        return Ok(Vec::new());
    }
    let last = tx.one("SELECT seq, hash FROM appkit_journal ORDER BY seq DESC LIMIT 1", params![]).await?;
    let (mut seq, mut hash) = match last {
        Some(row) => (row.get::<i64>("seq")?, row.get::<String>("hash")?),
        None => (0, String::new()),
    };
    let mut entries = Vec::with_capacity(drafts.len());
    for draft in drafts {
        seq += 1;
        let entry = JournalEntry {
            seq,
            id: tx.new_id(),
            recorded_at: tx.now(),
            tenant: draft.tenant,
            actor: tx.caller().subject.to_string(),
            kind: draft.kind.to_owned(),
            version: draft.version,
            subject: draft.subject,
            payload: draft.payload,
        };
        let next = entry.hash_after(&hash).hex();
        tx.exec(
            "INSERT INTO appkit_journal (seq, id, recorded_at, tenant, actor, kind, version, subject, payload, prev_hash, hash)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            params![
                entry.seq,
                entry.id,
                entry.recorded_at,
                entry.tenant,
                &entry.actor,
                &entry.kind,
                entry.version,
                &entry.subject,
                &entry.payload,
                &hash,
                &next
            ],
        )
        .await?;
        hash = next;
        entries.push(entry);
    }
    Ok(entries)
}

/// Entries after a place, oldest first.
///
/// # Errors
/// When the database refuses or an entry is damaged.
pub async fn entries_after(host: &Host, seq: i64, limit: usize) -> Result<Vec<JournalEntry>> {
    let sql = format!("SELECT {COLUMNS} FROM appkit_journal WHERE seq > $1 ORDER BY seq LIMIT $2");
    let rows = host.db().rows(&sql, params![seq, limit]).await?;
    rows.iter().map(JournalEntry::from_row).collect()
}

/// Entries about one subject, oldest first: the history tab of an object page.
///
/// # Errors
/// As [`entries_after`].
pub async fn entries_about(host: &Host, subject: &str) -> Result<Vec<JournalEntry>> {
    let sql = format!("SELECT {COLUMNS} FROM appkit_journal WHERE subject = $1 ORDER BY seq LIMIT 500");
    let rows = host.db().rows(&sql, params![subject]).await?;
    rows.iter().map(JournalEntry::from_row).collect()
}

/// Number and hash of the newest entry; `(0, "")` before the first.
///
/// # Errors
/// When the database does not answer.
pub async fn head(host: &Host) -> Result<(i64, String)> {
    let sql = "SELECT seq, hash FROM appkit_journal ORDER BY seq DESC LIMIT 1";
    match host.db().one(sql, vec![]).await? {
        Some(row) => Ok((row.get("seq")?, row.get("hash")?)),
        None => Ok((0, String::new())),
    }
}

/// Re-computes the chain; the places where it does not hold.
///
/// # Errors
/// When the database refuses.
pub async fn verify(host: &Host) -> Result<(u64, Vec<String>)> {
    let (mut seen, mut previous, mut broken) = (0i64, String::new(), Vec::new());
    loop {
        let sql =
            format!("SELECT {COLUMNS}, prev_hash, hash FROM appkit_journal WHERE seq > $1 ORDER BY seq LIMIT 1000");
        let rows = host.db().rows(&sql, params![seen]).await?;
        if rows.is_empty() {
            return Ok((seen as u64, broken));
        }
        for row in &rows {
            let entry = JournalEntry::from_row(row)?;
            let hash: String = row.get("hash")?;
            let chained = row.get::<String>("prev_hash")? == previous && entry.hash_after(&previous).hex() == hash;
            if !chained || entry.seq != seen + 1 {
                broken.push(entry.id.to_string());
            }
            seen = entry.seq;
            previous = hash;
        }
    }
}

/// Delivers what a handler has not seen; the number of entries it applied. Cursor and effect move in one commit.
pub(crate) async fn deliver(host: &Host, handler: &Handler) -> Result<usize> {
    let row = host.db().one("SELECT seq FROM appkit_cursor WHERE handler = $1", params![handler.name]).await?;
    let cursor = row.map_or(Ok(0), |row| row.get::<i64>("seq"))?;
    let entries = entries_after(host, cursor, 200).await?;
    let Some(last) = entries.last().map(|entry| entry.seq) else { return Ok(0) };
    let mut applied = 0;
    let wanted = |entry: &&JournalEntry| handler.kinds.contains(&entry.kind.as_str());
    for entry in entries.iter().filter(wanted) {
        let mut tx = Tx::begin(host, &Caller::system_for(entry.tenant)).await?;
        (handler.handle)(host.clone(), entry.clone(), &mut tx).await?;
        cursor_move(&mut tx, handler.name, entry.seq).await?;
        tx.commit().await?;
        applied += 1;
    }
    // Skip what was for others, so that it is not read again.
    if entries.iter().rfind(wanted).is_none_or(|entry| entry.seq < last) {
        let mut tx = Tx::begin(host, &Caller::system()).await?;
        cursor_move(&mut tx, handler.name, last).await?;
        tx.commit().await?;
    }
    Ok(applied)
}

async fn cursor_move(tx: &mut Tx, handler: &str, seq: i64) -> Result<()> {
    tx.exec(
        "INSERT INTO appkit_cursor (handler, seq) VALUES ($1, $2) ON CONFLICT (handler) DO UPDATE SET seq = excluded.seq",
        params![handler, seq],
    )
    .await?;
    Ok(())
}
