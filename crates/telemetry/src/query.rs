//! Reading: ranges, the last value before a moment, downsampled periods. Never holds the lock while reading files.

use contracts::telemetry::{Bucket, Buckets, Position, RangeAnswer, RangeQuery, SeriesKey, Stored};
use kernel::{Duration, Error, Result, Timestamp, Window};

use crate::{
    engine::Shared,
    head::order,
    segment::{BlockMeta, Segment, Stats},
};

const PERIODS_MAX: i64 = 100_000;

fn named(segment: &Segment, block: &BlockMeta) -> String {
    format!("{}@{}", segment.name(), block.offset)
}

fn overlap(a: Window, b: Window) -> bool {
    a.from < b.to && b.from < a.to
}

/// See `TelemetryStore::range`.
pub(crate) fn range(shared: &Shared, query: &RangeQuery) -> Result<RangeAnswer> {
    let view = {
        let state = shared.read();
        let Some(no) = state.catalogue.find(&query.series) else {
            return Ok(RangeAnswer { complete: true, ..RangeAnswer::default() });
        };
        state.view(no, query.window)
    };
    let mut answer = RangeAnswer { complete: true, ..RangeAnswer::default() };
    for (name, _) in shared.lost.iter().filter(|(_, span)| overlap(*span, query.window)) {
        answer.complete = false;
        answer.damaged.push(name.clone());
    }
    let wanted = |stored: &&Stored| stored.position <= query.as_of && query.window.contains(stored.sample.source_time);
    let mut found: Vec<Stored> = view.memory.iter().filter(wanted).cloned().collect();
    // Blocks come in order of their first time: once more than the limit lies before the next block, nothing can change.
    let mut from_blocks = 0usize;
    for (segment, block) in view.blocks(query.window) {
        if from_blocks > query.limit {
            let before = found.iter().filter(|stored| stored.sample.source_time < block.min_time).count();
            if before > query.limit {
                break;
            }
        }
        if block.min_position > query.as_of {
            continue;
        }
        match shared.cache.load(segment, block) {
            Ok(samples) => {
                let before = found.len();
                found.extend(samples.iter().filter(wanted).cloned());
                from_blocks += found.len() - before;
            }
            Err(error) => {
                tracing::error!(file = segment.name(), offset = block.offset, %error, "a damaged block was left out");
                answer.complete = false;
                answer.damaged.push(named(segment, block));
            }
        }
    }
    found.sort_by(|a, b| order(a).cmp(&order(b)).then(a.position.cmp(&b.position)));
    if found.len() > query.limit {
        found.truncate(query.limit);
        answer.complete = false;
    }
    answer.samples = found;
    Ok(answer)
}

/// See `TelemetryStore::last_before`.
pub(crate) fn last_before(shared: &Shared, key: &SeriesKey, at: Timestamp, as_of: Position) -> Result<Option<Stored>> {
    let window = Window { from: Timestamp::from_micros(i64::MIN), to: at + Duration::from_micros(1) };
    let (mut best, segments, no) = {
        let state = shared.read();
        let Some(no) = state.catalogue.find(key) else { return Ok(None) };
        let frozen = state.frozen.iter().filter_map(|head| head.last_before(no, at, as_of));
        let best = frozen.chain(state.head.last_before(no, at, as_of)).max_by_key(|stored| order(stored)).cloned();
        (best, state.segments.clone(), no)
    };
    let mut blocks: Vec<(&Segment, &BlockMeta)> = segments
        .iter()
        .flat_map(|segment| segment.blocks(no).iter().map(move |block| (&**segment, block)))
        .filter(|(_, block)| block.overlaps(window) && block.min_position <= as_of)
        .collect();
    blocks.sort_by_key(|(_, block)| std::cmp::Reverse(block.max_time));
    for (segment, block) in blocks {
        if best.as_ref().is_some_and(|best| best.sample.source_time > block.max_time) {
            break;
        }
        let samples = shared.cache.load(segment, block).map_err(|error| {
            Error::corrupt("telemetry.segment.damaged", format!("{} is damaged", named(segment, block)))
                .hint("run `baigong verify`; restore the file from a backup")
                .because(error)
        })?;
        let candidate = samples.iter().rev().find(|stored| stored.sample.source_time <= at && stored.position <= as_of);
        if let Some(candidate) = candidate
            && best.as_ref().is_none_or(|best| order(best) < order(candidate))
        {
            best = Some(candidate.clone());
        }
    }
    Ok(best)
}

/// See `TelemetryStore::aggregate`.
pub(crate) fn aggregate(shared: &Shared, key: &SeriesKey, window: Window, period: Duration) -> Result<Buckets> {
    if period.micros() <= 0 || window.length().micros() / period.micros().max(1) >= PERIODS_MAX {
        return Err(Error::invalid("telemetry.query.too-fine", "the window has too many periods")
            .hint("ask for at most 100 000 periods of at least a microsecond"));
    }
    let view = {
        let state = shared.read();
        let Some(no) = state.catalogue.find(key) else { return Ok(Buckets { buckets: Vec::new(), complete: true }) };
        state.view(no, window)
    };
    let count = (window.length().micros() + period.micros() - 1) / period.micros();
    let mut slots: Vec<Option<Stats>> = vec![None; count as usize];
    let slot_of = |at: Timestamp| ((at - window.from).micros() / period.micros()) as usize;
    let mut complete = !shared.lost.iter().any(|(_, span)| overlap(*span, window));
    let mut fold = |samples: &[Stored]| {
        let mut rest = samples;
        // Samples of one period are folded together.
        while let Some(first) = rest.first() {
            let at = first.sample.source_time;
            if !window.contains(at) {
                rest = &rest[1..];
                continue;
            }
            let slot = slot_of(at);
            let end = rest.partition_point(|stored| {
                let at = stored.sample.source_time;
                at < window.to && slot_of(at) == slot
            });
            let (part, tail) = rest.split_at(end.max(1));
            merge(&mut slots[slot], crate::segment::stats(part));
            rest = tail;
        }
    };
    let mut memory = view.memory.clone();
    memory.sort_by_key(order);
    fold(&memory);
    let mut whole = Vec::new();
    for (segment, block) in view.blocks(window) {
        let inside = window.contains(block.min_time) && window.contains(block.max_time);
        if inside && slot_of(block.min_time) == slot_of(block.max_time) {
            whole.push((slot_of(block.min_time), block.stats));
            continue;
        }
        match shared.cache.load(segment, block) {
            Ok(samples) => fold(&samples),
            Err(error) => {
                tracing::error!(file = segment.name(), offset = block.offset, %error, "a damaged block was left out");
                complete = false;
            }
        }
    }
    for (slot, stats) in whole {
        merge(&mut slots[slot], stats);
    }
    let bucket = |(index, stats): (usize, Option<Stats>)| {
        stats.map(|s| Bucket {
            start: window.from + Duration::from_micros(period.micros() * index as i64),
            count: s.count,
            min: s.min,
            max: s.max,
            sum: s.sum,
            first: s.first,
            last: s.last,
        })
    };
    Ok(Buckets { buckets: slots.into_iter().enumerate().filter_map(bucket).collect(), complete })
}

fn merge(slot: &mut Option<Stats>, more: Option<Stats>) {
    let Some(more) = more else { return };
    match slot {
        None => *slot = Some(more),
        Some(known) => {
            known.count += more.count;
            known.min = known.min.min(more.min);
            known.max = known.max.max(more.max);
            known.sum += more.sum;
            if more.first_at < known.first_at {
                (known.first, known.first_at) = (more.first, more.first_at);
            }
            if more.last_at >= known.last_at {
                (known.last, known.last_at) = (more.last, more.last_at);
            }
        }
    }
}
