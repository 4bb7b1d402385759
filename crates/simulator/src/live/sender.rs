use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::sync::watch;

use super::{AckLedger, Feed, Tally, doors::Door, message, pace::Pace};
use crate::physics::Draw;

/// Rows and values per message while catching up, well below the 10 000 values and 1 MiB that the platform takes at once.
const ROWS_MAX: usize = 200;
const VALUES_MAX: usize = 4_000;
const PAUSE_MIN_MS: f64 = 100.0;
const PAUSE_MAX_MS: f64 = 10_000.0;

/// What became of one attempt to deliver a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Delivery {
    /// The platform has it for good.
    Acknowledged,
    /// The platform will never take it.
    Refused(String),
    /// Nobody knows, or not now: again.
    Unanswered(String),
}

/// Brings the rows of one feed through one door, in order, each message until it is acknowledged or refused.
pub(super) struct Sender {
    pub feed: Box<dyn Feed>,
    pub door: Door,
    pub pace: Pace,
    pub line: bool,
    pub seed: u64,
    pub name: String,
    pub tally: Arc<Tally>,
    pub ledger: Option<Arc<AckLedger>>,
    pub stop: watch::Receiver<bool>,
}

impl Sender {
    pub async fn run(mut self) {
        let mut stop = self.stop.clone();
        tokio::select! {
            // An error means that the handle is gone: stop as well.
            _ = stop.wait_for(|stopped| *stopped) => {}
            () = self.forever() => {}
        }
        self.door.close().await;
    }

    async fn forever(&mut self) {
        let mut told = self.feed.start();
        let mut draw = Draw::new(self.seed);
        while let Some(due) = self.feed.due(told) {
            let now = self.pace.now();
            if now < due {
                tokio::time::sleep(self.pace.until(due)).await;
                continue;
            }
            let limit = (VALUES_MAX / self.feed.width().max(1)).clamp(1, ROWS_MAX);
            let rows = self.feed.rows(told, now, limit);
            let Some(last) = rows.last().map(|row| row.at) else {
                // Due but not there: a machine before its origin.
                told = now;
                continue;
            };
            let json = message::json(&rows);
            let entry = self.ledger.as_ref().map(|ledger| ledger.sent(&self.name, &json));
            let body = if self.line { message::line(&self.name, &rows) } else { json };
            match self.deliver(body, &mut draw).await {
                Ok(()) => {
                    self.tally.acknowledged.fetch_add(1, Ordering::Relaxed);
                    let points = rows.iter().map(|row| row.values.len() as u64).sum();
                    self.tally.points.fetch_add(points, Ordering::Relaxed);
                    if let (Some(ledger), Some(entry)) = (&self.ledger, entry) {
                        ledger.acknowledged(entry);
                    }
                }
                Err(why) => {
                    tracing::warn!(machine = %self.name, %why, "the platform refused a message");
                    self.tally.refused.fetch_add(1, Ordering::Relaxed);
                    if let (Some(ledger), Some(entry)) = (&self.ledger, entry) {
                        ledger.refused(entry, &why);
                    }
                }
            }
            told = last;
        }
    }

    /// Again and again, with growing, jittered pauses, until there is an answer.
    async fn deliver(&mut self, body: Vec<u8>, draw: &mut Draw) -> Result<(), String> {
        let mut pause_ms = PAUSE_MIN_MS;
        loop {
            self.tally.sent.fetch_add(1, Ordering::Relaxed);
            match self.door.deliver(&body).await {
                Delivery::Acknowledged => return Ok(()),
                Delivery::Refused(why) => return Err(why),
                Delivery::Unanswered(why) => {
                    tracing::debug!(machine = %self.name, %why, "not acknowledged, sending again");
                    self.tally.repeated.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_micros((draw.between(0.5, 1.0) * pause_ms * 1000.0) as u64))
                        .await;
                    pause_ms = (pause_ms * 2.0).min(PAUSE_MAX_MS);
                }
            }
        }
    }
}
