//! Segments: published from heads, merged when there are many. Inputs go only after the manifest no longer names them.

use std::{
    io,
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
};

use contracts::telemetry::Stored;
use kernel::Result;

use crate::{
    catalogue::SeriesNo,
    engine::Shared,
    files::refused,
    head::{Head, order},
    oneshot,
    segment::{Segment, SegmentWriter},
    wal,
};

/// Segments of about one size that are merged into one.
const FAN_IN: usize = 8;
/// Segments of this size are left alone.
const MERGED_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// A full head to be made a segment.
pub(crate) struct Flush {
    pub head: Arc<Head>,
    /// Log files below this index are then no longer needed.
    pub wal_from: u64,
    pub next_offset: u64,
    pub answer: Option<oneshot::Sender<Result<()>>>,
}

pub(crate) fn spawn(shared: Arc<Shared>, inbox: mpsc::Receiver<Flush>) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name("telemetry-merger".into()).spawn(move || {
        while let Ok(Flush { head, wal_from, next_offset, answer }) = inbox.recv() {
            let done = publish(&shared, &head, next_offset, Some((&head, wal_from))).and_then(|()| merge(&shared));
            if let Err(error) = &done {
                // Nothing is lost: the log still holds what the segment should have held.
                tracing::error!(?error, "making a segment failed; the log is kept");
            }
            if let Some(answer) = answer {
                answer.send(done);
            }
        }
    })
}

/// Writes a head as a segment, names it in the manifest, shows it to readers, then drops the log files it replaces.
pub(crate) fn publish(
    shared: &Shared,
    head: &Head,
    next_offset: u64,
    replaces: Option<(&Arc<Head>, u64)>,
) -> Result<()> {
    let mut manifest = shared.manifest.lock().unwrap_or_else(|p| p.into_inner());
    let segment = match head.points() {
        0 => None,
        _ => {
            let id = manifest.next_segment;
            let written = write(shared, id, head).map_err(|error| refused("writing a segment", &error))?;
            manifest.next_segment += 1;
            manifest.add(&written);
            Some(Arc::new(written))
        }
    };
    manifest.next_offset = manifest.next_offset.max(next_offset);
    manifest.duplicates = shared.duplicates.load(std::sync::atomic::Ordering::Relaxed);
    manifest.rejected = shared.rejected.load(std::sync::atomic::Ordering::Relaxed);
    if let Some((_, wal_from)) = replaces {
        manifest.wal_from = wal_from;
    }
    manifest.remember(&shared.read().catalogue);
    manifest.save(&shared.folder).map_err(|error| refused("writing the manifest", &error))?;
    let mut state = shared.write();
    state.segments.extend(segment);
    if let Some((frozen, _)) = replaces {
        state.frozen.retain(|known| !Arc::ptr_eq(known, frozen));
    }
    drop(state);
    if let Some((_, wal_from)) = replaces {
        drop_logs(shared, wal_from).map_err(|error| refused("removing old log files", &error))?;
    }
    Ok(())
}

fn write(shared: &Shared, id: u64, head: &Head) -> io::Result<Segment> {
    let mut writer = SegmentWriter::create(&shared.folder, id)?;
    for (no, samples) in head.sorted() {
        let value_type = shared.read().catalogue.get(no).value_type;
        writer.add(no, value_type, samples)?;
    }
    writer.finish()
}

fn drop_logs(shared: &Shared, wal_from: u64) -> io::Result<()> {
    for (index, path) in wal::list(&shared.folder)? {
        if index < wal_from {
            std::fs::remove_file(path)?;
        }
    }
    crate::files::sync_folder(&shared.folder)
}

/// Merges once enough segments of about one size are there, again and again up the sizes.
pub(crate) fn merge(shared: &Shared) -> Result<()> {
    loop {
        // Copied, so that the lock is not held while files are read and written.
        let segments = shared.read().segments.clone();
        let Some(inputs) = candidates(&segments) else { return Ok(()) };
        let id = {
            let mut manifest = shared.manifest.lock().unwrap_or_else(|p| p.into_inner());
            manifest.next_segment += 1;
            manifest.next_segment - 1
        };
        let Some(merged) = write_merged(shared, id, &inputs).map_err(|error| refused("merging segments", &error))?
        else {
            return Ok(());
        };
        let gone: Vec<u64> = inputs.iter().map(|segment| segment.id).collect();
        let merged = Arc::new(merged);
        {
            let mut manifest = shared.manifest.lock().unwrap_or_else(|p| p.into_inner());
            manifest.remove(&gone);
            manifest.add(&merged);
            manifest.save(&shared.folder).map_err(|error| refused("writing the manifest", &error))?;
            let mut state = shared.write();
            state.segments.retain(|segment| !gone.contains(&segment.id));
            state.segments.push(merged);
        }
        // Readers that still hold an input keep its open file; the name can go.
        for segment in &inputs {
            std::fs::remove_file(&segment.path).map_err(|error| refused("removing a merged segment", &error))?;
        }
    }
}

/// The smallest class of sizes (powers of eight) that has enough segments.
fn candidates(segments: &[Arc<Segment>]) -> Option<Vec<Arc<Segment>>> {
    let class = |bytes: u64| bytes.max(1).ilog2() / 3;
    let mut classes: std::collections::BTreeMap<u32, Vec<Arc<Segment>>> = std::collections::BTreeMap::new();
    for segment in segments.iter().filter(|segment| segment.bytes < MERGED_BYTES_MAX) {
        classes.entry(class(segment.bytes)).or_default().push(segment.clone());
    }
    classes.into_values().find(|same| same.len() >= FAN_IN)
}

/// None when an input is damaged: damaged files are left as they are, and found by `scrub`.
fn write_merged(shared: &Shared, id: u64, inputs: &[Arc<Segment>]) -> io::Result<Option<Segment>> {
    let mut series: Vec<SeriesNo> = inputs.iter().flat_map(|segment| segment.series()).collect();
    series.sort();
    series.dedup();
    let mut writer = SegmentWriter::create(&shared.folder, id)?;
    let mut points = 0u64;
    for no in series {
        let mut samples: Vec<Stored> = Vec::new();
        for segment in inputs {
            for block in segment.blocks(no) {
                match segment.load(block) {
                    Ok(block) => samples.extend(block),
                    Err(error) => {
                        tracing::error!(file = segment.name(), %error, "a damaged segment is not merged");
                        return Ok(None);
                    }
                }
            }
        }
        samples.sort_by_key(order);
        points += samples.len() as u64;
        let value_type = shared.read().catalogue.get(no).value_type;
        writer.add(no, value_type, &samples)?;
    }
    let merged = writer.finish()?;
    let before: u64 = inputs.iter().map(|segment| segment.points).sum();
    if merged.points != before || points != before {
        return Err(io::Error::other(format!("merging {before} points gave {}", merged.points)));
    }
    Ok(Some(merged))
}
