use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
};

use appkit::{Host, Tx};
use contracts::{telemetry::TelemetryStore, twin::StateSpan};
use kernel::{Duration, Error, Result, Timestamp, Window, id::AssetId};

use super::{board::Board, columns::History};
use crate::{
    domain::timeline::{DAY, days, fill, span_of},
    registry::{CompiledStateRule, Machine},
    store,
};

/// The longest window of one question.
pub const WINDOW_MAX: Duration = Duration::from_days(1100);
/// Days kept in memory, of all machines together.
const DAYS_KEPT: usize = 50_000;
/// Days written in one transaction.
const DAYS_WRITTEN: usize = 200;

/// Machine-state timelines of any window: days that are over from memory, from the database, or computed from telemetry and
/// kept; today from the running evaluation.
#[derive(Default)]
pub struct Timelines(Mutex<State>);

#[derive(Default)]
struct State {
    assets: HashMap<AssetId, Kept>,
    days: usize,
    /// Computed, and not yet written.
    unsaved: Vec<Unsaved>,
}

#[derive(Default)]
struct Kept {
    days: BTreeMap<Timestamp, Day>,
    /// What the database holds from this moment on is out of date.
    distrust: Option<Timestamp>,
    /// Counts up whenever days are forgotten, so that what was computed meanwhile is not kept.
    epoch: u64,
}

#[derive(Clone)]
struct Day {
    rule_digest: Arc<str>,
    spans: Arc<Vec<StateSpan>>,
}

struct Unsaved {
    asset: AssetId,
    day: Timestamp,
    epoch: u64,
    kept: Day,
}

impl Timelines {
    /// The timeline of a window, without holes. What lies after `now` is unknown.
    ///
    /// # Errors
    /// `twin.timeline.too-long`; when telemetry cannot be read.
    pub async fn of(
        &self,
        host: &Host,
        store: &Arc<dyn TelemetryStore>,
        board: &Board,
        machine: &Machine,
        window: Window,
    ) -> Result<Vec<StateSpan>> {
        if window.length() > WINDOW_MAX {
            return Err(Error::invalid("twin.timeline.too-long", "a timeline covers at most 1100 days")
                .hint("ask for a shorter window"));
        }
        let now = host.now();
        let Some(rule) = &machine.state_rule else { return Ok(fill([], window)) };
        let asset = machine.node.id;
        let live = board.get(asset);
        // Without a running evaluation, today is computed like any other day.
        let today_from = live.today.as_ref().map_or(Timestamp::from_micros(i64::MAX), |today| today.from);
        let past = Window { from: window.from, to: window.to.min(today_from).min(now) };
        let mut spans = match past.from < past.to {
            true => self.past(host, store, machine, rule, past, now).await?,
            false => Vec::new(),
        };
        if let (Some(today), Some(since)) = (&live.today, live.since) {
            let running = today.spans(live.state, since, now);
            spans.extend(running.into_iter().filter(|span| span.window.to > today.from));
        }
        Ok(fill(spans, window))
    }

    async fn past(
        &self,
        host: &Host,
        store: &Arc<dyn TelemetryStore>,
        machine: &Machine,
        rule: &CompiledStateRule,
        window: Window,
        now: Timestamp,
    ) -> Result<Vec<StateSpan>> {
        let asset = machine.node.id;
        let digest: Arc<str> = rule.digest.as_str().into();
        let wanted: Vec<Window> = days(window).collect();
        let whole = Window { from: wanted[0].from, to: wanted[wanted.len() - 1].to };
        let mut found = self.kept(asset, &digest, whole);
        if found.len() < wanted.len() {
            let trusted_to = self.distrust(asset).map_or(whole.to, |from| from.floor_to(DAY));
            if whole.from < trusted_to {
                let trusted = Window { from: whole.from, to: whole.to.min(trusted_to) };
                let epoch = self.epoch(asset);
                let stored = store::span::days(host, asset, trusted, &digest).await?;
                for (day, spans) in stored {
                    let kept = Day { rule_digest: digest.clone(), spans: Arc::new(spans) };
                    self.keep(asset, day, epoch, kept.clone(), false);
                    found.entry(day).or_insert(kept);
                }
            }
        }
        let missing: Vec<Window> = wanted.iter().filter(|day| !found.contains_key(&day.from)).copied().collect();
        if !missing.is_empty() {
            let epoch = self.epoch(asset);
            let (store, rule) = (store.clone(), rule.clone());
            let computed =
                tokio::task::spawn_blocking(move || compute(&*store, asset, &rule, &missing, now)).await.map_err(
                    |error| Error::internal("twin.timeline.failed", "computing a timeline failed").because(error),
                )??;
            for Computed { day, spans, heard, complete } in computed {
                let kept = Day { rule_digest: digest.clone(), spans: Arc::new(spans) };
                // A day that goes on, or of which nothing was heard (yet), is not worth keeping.
                if heard && complete && day.to + super::HISTORY_AFTER <= now {
                    self.keep(asset, day.from, epoch, kept.clone(), true);
                }
                found.insert(day.from, kept);
            }
        }
        Ok(wanted.iter().filter_map(|day| found.get(&day.from)).flat_map(|day| day.spans.iter().copied()).collect())
    }

    /// Forgets what was computed from a moment on: samples from then have arrived late, or history was filled in.
    pub fn forget(&self, asset: AssetId, since: Timestamp) {
        let mut state = self.lock();
        let day = since.floor_to(DAY);
        let kept = state.assets.entry(asset).or_default();
        let dropped = kept.days.split_off(&day).len();
        kept.distrust = Some(kept.distrust.map_or(day, |from| from.min(day)));
        kept.epoch += 1;
        state.days -= dropped;
        state.unsaved.retain(|unsaved| unsaved.asset != asset || unsaved.day < day);
    }

    /// Writes what was computed, and forgets in the database what was forgotten here. A bounded number of rows per call.
    ///
    /// # Errors
    /// When the database refuses; then nothing has changed.
    pub async fn flush_in_tx(&self, tx: &mut Tx) -> Result<Flushed> {
        let (forget, save) = {
            let mut state = self.lock();
            let forget: Vec<(AssetId, Timestamp, u64)> = state
                .assets
                .iter()
                .filter_map(|(asset, kept)| kept.distrust.map(|from| (*asset, from, kept.epoch)))
                .take(DAYS_WRITTEN)
                .collect();
            let count = state.unsaved.len().min(DAYS_WRITTEN);
            (forget, state.unsaved.drain(..count).collect::<Vec<_>>())
        };
        for (asset, from, _) in &forget {
            store::span::forget_since(tx, Some(*asset), *from).await?;
        }
        let mut written = Vec::with_capacity(save.len());
        for unsaved in save {
            if self.epoch(unsaved.asset) != unsaved.epoch
                && self.distrust(unsaved.asset).is_none_or(|from| from <= unsaved.day)
            {
                continue;
            }
            let day = Window { from: unsaved.day, to: unsaved.day + DAY };
            let (spans, digest) = (&unsaved.kept.spans, &unsaved.kept.rule_digest);
            store::span::day_save(tx, unsaved.asset, day, spans, digest).await?;
            written.push(unsaved);
        }
        Ok(Flushed { forget, written })
    }

    /// After the commit of [`flush_in_tx`](Self::flush_in_tx): the database can be trusted again, unless more was forgotten.
    pub fn flushed(&self, flushed: Flushed) {
        let mut state = self.lock();
        for (asset, _, epoch) in flushed.forget {
            if let Some(kept) = state.assets.get_mut(&asset).filter(|kept| kept.epoch == epoch) {
                kept.distrust = None;
            }
        }
    }

    /// After a flush that failed: what was not written waits again.
    pub fn flush_failed(&self, flushed: Flushed) {
        self.lock().unsaved.extend(flushed.written);
    }

    fn kept(&self, asset: AssetId, digest: &str, window: Window) -> HashMap<Timestamp, Day> {
        let state = self.lock();
        let days = state.assets.get(&asset).map(|kept| kept.days.range(window.from..window.to));
        let fresh = days.into_iter().flatten().filter(|(_, day)| *day.rule_digest == *digest);
        fresh.map(|(from, day)| (*from, day.clone())).collect()
    }

    fn keep(&self, asset: AssetId, day: Timestamp, epoch: u64, entry: Day, save: bool) {
        let mut state = self.lock();
        let state = &mut *state;
        let kept = state.assets.entry(asset).or_default();
        if kept.epoch != epoch {
            return;
        }
        if kept.days.insert(day, entry.clone()).is_none() {
            state.days += 1;
        }
        if save {
            state.unsaved.push(Unsaved { asset, day, epoch, kept: entry });
        }
        if state.days > DAYS_KEPT {
            // They can all be read again; which ones go does not matter much.
            for (_, kept) in state.assets.iter_mut().filter(|(other, _)| **other != asset) {
                kept.days.clear();
            }
            state.days = state.assets.values().map(|kept| kept.days.len()).sum();
        }
    }

    fn distrust(&self, asset: AssetId) -> Option<Timestamp> {
        self.lock().assets.get(&asset).and_then(|kept| kept.distrust)
    }

    fn epoch(&self, asset: AssetId) -> u64 {
        self.lock().assets.get(&asset).map_or(0, |kept| kept.epoch)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// What a flush did, for after its commit.
pub struct Flushed {
    forget: Vec<(AssetId, Timestamp, u64)>,
    written: Vec<Unsaved>,
}

struct Computed {
    day: Window,
    spans: Vec<StateSpan>,
    heard: bool,
    complete: bool,
}

/// Computes days from telemetry. Reads files.
fn compute(
    store: &dyn TelemetryStore,
    asset: AssetId,
    rule: &CompiledStateRule,
    days: &[Window],
    now: Timestamp,
) -> Result<Vec<Computed>> {
    let needed: Vec<&str> = rule.rule.properties().collect();
    let infos = store.series(asset);
    let first = infos.iter().filter(|info| needed.contains(&&*info.series.property)).map(|info| info.first).min();
    let mut computed = Vec::with_capacity(days.len());
    for day in days {
        // Before the first sample there is nothing to read.
        if first.is_none_or(|first| day.to <= first) {
            computed.push(Computed { day: *day, spans: Vec::new(), heard: false, complete: true });
            continue;
        }
        let window = Window { from: day.from, to: day.to.min(now) };
        if window.from >= window.to {
            continue;
        }
        let history = History::read(
            store,
            asset,
            needed.iter().copied(),
            Window { from: window.from - rule.lookback, to: window.to },
        )?;
        let spans = history.with_columns(|columns| rule.rule.spans(window, columns))?;
        let (heard, complete) = (history.samples() > 0, history.complete);
        computed.push(Computed { day: *day, spans: spans.into_iter().map(span_of).collect(), heard, complete });
    }
    Ok(computed)
}
