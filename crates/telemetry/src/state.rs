//! What readers see: replaced piece by piece under one lock that is held for moments.

use std::{
    collections::{HashMap, VecDeque},
    io,
    sync::{Arc, Mutex},
};

use contracts::telemetry::{Position, Stored};
use kernel::{Timestamp, Window};

use crate::{
    catalogue::{Catalogue, SeriesNo},
    head::{Head, order},
    segment::{BlockMeta, Segment},
};

/// Everything that can be queried.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub catalogue: Catalogue,
    pub head: Head,
    /// Full heads that are on their way into a segment.
    pub frozen: Vec<Arc<Head>>,
    pub segments: Vec<Arc<Segment>>,
    /// The sample with the greatest source time, per series.
    pub latest: HashMap<SeriesNo, Stored>,
    /// The end of the log.
    pub position: Position,
    pub wal_bytes: u64,
}

impl State {
    /// Takes an accepted sample in; the head has it already or gets it here.
    pub(crate) fn accept(&mut self, no: SeriesNo, stored: Stored) {
        let at = stored.sample.source_time;
        self.catalogue.stored(no, 1, at, at);
        self.note_latest(no, &stored);
        self.position = self.position.max(stored.position);
        self.head.insert(no, stored);
    }

    pub(crate) fn note_latest(&mut self, no: SeriesNo, stored: &Stored) {
        match self.latest.get(&no) {
            Some(known) if order(known) > order(stored) => {}
            _ => {
                self.latest.insert(no, stored.clone());
            }
        }
    }

    /// A view of one series that does not keep the lock: heads' samples copied, segments shared.
    pub(crate) fn view(&self, no: SeriesNo, window: Window) -> View {
        let mut memory: Vec<Stored> = self.head.window(no, window).to_vec();
        for frozen in &self.frozen {
            memory.extend_from_slice(frozen.window(no, window));
        }
        let with = |segment: &&Arc<Segment>| segment.blocks(no).iter().any(|block| block.overlaps(window));
        View { no, memory, segments: self.segments.iter().filter(with).cloned().collect() }
    }

    /// Looks a sample up in memory by identity.
    pub(crate) fn find_in_memory(&self, no: SeriesNo, key: (Timestamp, u64)) -> Option<Stored> {
        let frozen = self.frozen.iter().filter_map(|head| head.find(no, key));
        self.head.find(no, key).or_else(|| frozen.into_iter().next()).cloned()
    }
}

/// One series in a window, ready to be read without the lock.
pub(crate) struct View {
    pub no: SeriesNo,
    pub memory: Vec<Stored>,
    pub segments: Vec<Arc<Segment>>,
}

impl View {
    /// The blocks that reach into a window, by their first time.
    pub(crate) fn blocks(&self, window: Window) -> Vec<(&Arc<Segment>, &BlockMeta)> {
        let mut blocks: Vec<_> = self
            .segments
            .iter()
            .flat_map(|segment| segment.blocks(self.no).iter().map(move |block| (segment, block)))
            .filter(|(_, block)| block.overlaps(window))
            .collect();
        blocks.sort_by_key(|(_, block)| block.min_time);
        blocks
    }
}

type Key = (u64, u64);

/// Recently decoded blocks, by segment and offset; bounded by count.
#[derive(Default)]
pub(crate) struct Cache(Mutex<(HashMap<Key, Arc<Vec<Stored>>>, VecDeque<Key>)>);

const CACHED_BLOCKS: usize = 128;

impl Cache {
    pub(crate) fn load(&self, segment: &Segment, block: &BlockMeta) -> io::Result<Arc<Vec<Stored>>> {
        let key = (segment.id, block.offset);
        if let Some(known) = self.lock().0.get(&key) {
            return Ok(known.clone());
        }
        let samples = Arc::new(segment.load(block)?);
        let mut cache = self.lock();
        if cache.0.insert(key, samples.clone()).is_none() {
            cache.1.push_back(key);
        }
        while cache.1.len() > CACHED_BLOCKS {
            if let Some(oldest) = cache.1.pop_front() {
                cache.0.remove(&oldest);
            }
        }
        Ok(samples)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, (HashMap<Key, Arc<Vec<Stored>>>, VecDeque<Key>)> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
