//! The log of looks: who read what under a grant, when, and what for. The grantor sees it.
//!
//! The first look of a minute is on disk before its data leaves; how many followed in that minute is added within seconds.

use std::{collections::HashMap, sync::Mutex};

use kernel::{
    Duration, Result, Timestamp,
    id::{GrantId, PartyId},
};

use crate::{Caller, Host, Object, params};

const MINUTE: Duration = Duration::from_mins(1);
/// Lines kept in memory between two writings. Beyond it looks are still counted, under [`MANY`] instead of their object.
const LINES_MAX: usize = 20_000;
const MANY: &str = "(many)";

/// What looks are counted by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Line {
    grant: String,
    subject: String,
    object: String,
    action: &'static str,
    purpose: String,
    minute: Timestamp,
}

#[derive(Debug, Clone, Copy, Default)]
struct Count {
    pending: i64,
    /// Whether the line is on disk, with some count.
    written: bool,
}

/// Looks that are not, or not all, on disk yet.
#[derive(Default)]
pub(super) struct Looks {
    lines: Mutex<HashMap<Line, Count>>,
    /// Held by the one who writes; whoever waits for it finds its line on disk afterwards.
    writing: tokio::sync::Mutex<()>,
}

impl Looks {
    /// Counts a look; whether it is the first of its line, which must be written before data leaves.
    pub(super) fn note(
        &self,
        caller: &Caller,
        grant: &str,
        action: &'static str,
        object: &Object,
        now: Timestamp,
    ) -> bool {
        let mut line = Line {
            grant: grant.to_owned(),
            subject: caller.subject.to_string(),
            object: object.id_text().to_owned(),
            action,
            purpose: caller.purpose.clone().unwrap_or_default(),
            minute: now.floor_to(MINUTE),
        };
        let mut lines = self.lock();
        if lines.len() >= LINES_MAX && !lines.contains_key(&line) {
            line.object = MANY.into();
            line.purpose.clear();
        }
        let count = lines.entry(line).or_default();
        count.pending += 1;
        !count.written
    }

    fn take(&self) -> Taken<'_> {
        let mut lines = self.lock();
        let pending = lines.iter_mut().filter(|(_, count)| count.pending > 0);
        let lines = pending.map(|(line, count)| (line.clone(), std::mem::take(&mut count.pending))).collect();
        Taken { looks: self, lines }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Line, Count>> {
        self.lines.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// Counts on their way to the disk. When they do not get there (an error, a request that is given up), they go back.
struct Taken<'a> {
    looks: &'a Looks,
    lines: Vec<(Line, i64)>,
}

impl Taken<'_> {
    /// They are on disk. Lines of minutes that are over are not needed any more.
    fn confirm(mut self, now: Timestamp) {
        let mut lines = self.looks.lock();
        for (line, _) in std::mem::take(&mut self.lines) {
            lines.entry(line).or_default().written = true;
        }
        let this_minute = now.floor_to(MINUTE);
        lines.retain(|line, count| count.pending > 0 || line.minute >= this_minute);
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let mut lines = self.looks.lock();
        for (line, count) in self.lines.drain(..) {
            lines.entry(line).or_default().pending += count;
        }
    }
}

/// Writes the pending looks in a transaction of their own. Not to be called while holding a transaction.
pub(super) async fn look_flush(host: &Host) -> Result<()> {
    let looks = &host.access().looks;
    let _alone = looks.writing.lock().await;
    let taken = looks.take();
    if taken.lines.is_empty() {
        return Ok(());
    }
    let mut tx = host.begin(&Caller::system()).await?;
    let now = tx.now();
    for (line, count) in &taken.lines {
        tx.exec(
            "INSERT INTO identity_look (grant_id, subject, object, action, purpose, minute, count)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (grant_id, subject, object, action, purpose, minute)
             DO UPDATE SET count = identity_look.count + excluded.count",
            params![&line.grant, &line.subject, &line.object, line.action, &line.purpose, line.minute, *count],
        )
        .await?;
    }
    tx.commit().await?;
    taken.confirm(now);
    Ok(())
}

/// Writes pending looks every second for as long as the server runs.
pub(super) async fn look_flush_for_ever(host: Host) {
    loop {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        if let Err(error) = look_flush(&host).await {
            tracing::error!(?error, "looks under grants could not be written; they are kept and tried again");
        }
    }
}

/// One line of the log.
pub(super) struct Look {
    pub grant: GrantId,
    pub grantee: PartyId,
    pub subject: String,
    pub object: String,
    pub action: String,
    pub purpose: String,
    pub minute: Timestamp,
    pub count: i64,
}

/// Who looked at what under the grants that an organisation gave, newest first.
pub(super) async fn look_list(host: &Host, grantor: PartyId) -> Result<Vec<Look>> {
    look_flush(host).await?;
    let rows = host
        .db()
        .rows(
            "SELECT l.*, g.grantee FROM identity_look l JOIN identity_grant g ON g.id = l.grant_id
             WHERE g.grantor = $1 ORDER BY l.minute DESC, l.object, l.subject, l.action, l.purpose LIMIT 500",
            params![grantor],
        )
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Look {
                grant: row.id("grant_id")?,
                grantee: row.id("grantee")?,
                subject: row.get("subject")?,
                object: row.get("object")?,
                action: row.get("action")?,
                purpose: row.get("purpose")?,
                minute: row.time("minute")?,
                count: row.get("count")?,
            })
        })
        .collect()
}
