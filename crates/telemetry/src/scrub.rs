//! Re-reads every file and checks every checksum.

use contracts::telemetry::Damage;
use kernel::Result;

use crate::{conflicts, engine::Shared, files::refused, segment::Segment, wal};

/// See `TelemetryStore::scrub`.
pub(crate) fn scrub(shared: &Shared) -> Result<Vec<Damage>> {
    let mut damage = shared.found.clone();
    let segments = shared.read().segments.clone();
    for segment in &segments {
        // Opened anew: the footer on disk is what the next start will read.
        if let Err(error) = Segment::open(&segment.path, segment.id) {
            // A merge may have replaced it meanwhile.
            let current = shared.read().segments.iter().any(|known| known.id == segment.id);
            if current {
                damage.push(Damage { file: segment.name(), offset: 0, series: None, what: error.to_string() });
            }
            continue;
        }
        for (offset, no, what) in segment.check() {
            let state = shared.read();
            let series = state.catalogue.known(no).then(|| state.catalogue.get(no).key.clone());
            damage.push(Damage { file: segment.name(), offset, series, what });
        }
    }
    let current = wal::list(&shared.folder).map_err(|error| refused("listing the log", &error))?;
    let newest = current.last().map(|(index, _)| *index);
    for (index, path) in current {
        // Gone meanwhile means contained in a segment.
        let Ok(contents) = wal::read(&path, index) else { continue };
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        for (offset, length) in contents.damaged.iter().filter(|_| !shared.found.iter().any(|known| known.file == name))
        {
            let what = format!("{length} bytes of the log do not hold");
            damage.push(Damage { file: name.clone(), offset: *offset, series: None, what });
        }
        // The newest file may be growing under our eyes; older ones end where they were cut or closed.
        if Some(index) != newest && contents.closed && contents.torn_bytes() > 0 {
            let what = "bytes follow the closing mark".to_owned();
            damage.push(Damage { file: name, offset: contents.valid_bytes, series: None, what });
        }
    }
    let bytes = std::fs::read(shared.folder.join(conflicts::NAME)).unwrap_or_default();
    if let (_, Some(offset)) = conflicts::parse(&bytes) {
        let what = "a conflict record does not hold".to_owned();
        damage.push(Damage { file: conflicts::NAME.to_owned(), offset, series: None, what });
    }
    let manifest = crate::manifest::Manifest::load(&shared.folder);
    if let Err(error) = manifest {
        damage.push(Damage { file: "manifest.json".to_owned(), offset: 0, series: None, what: error.to_string() });
    }
    Ok(damage)
}
