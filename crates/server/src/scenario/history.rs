use contracts::telemetry::{Point, SeriesKey, TelemetryStore};
use kernel::{Duration, Error, Result, Window};

use super::Registered;
use crate::platform::Platform;

/// Points handed to the store at once: large enough to be fast, small enough for a small machine.
const CHUNK: usize = 2_000_000;

/// Fills the machines' past in: what they would have said, sampled at a step. Returns the number of points.
///
/// # Errors
/// What simulator or store refuse.
pub async fn backfill(platform: &Platform, registered: &Registered, window: Window, step: Duration) -> Result<u64> {
    let mut total = 0u64;
    let mut waiting: Vec<Point> = Vec::new();
    for (spec, (asset, _)) in registered.park.machines.iter().zip(&registered.machines) {
        let (spec, asset) = (spec.clone(), *asset);
        let made = tokio::task::spawn_blocking(move || {
            let mut points = Vec::new();
            for batch in simulator::backfill(&spec, window.from, window.to, step)? {
                let point = |(property, sample)| Point { series: SeriesKey::new(asset, property), sample };
                points.extend(batch.into_iter().map(point));
            }
            Ok::<_, Error>(points)
        });
        let made = made
            .await
            .map_err(|error| Error::internal("server.demo.backfill", "making history failed").because(error))??;
        total += made.len() as u64;
        waiting.extend(made);
        if waiting.len() >= CHUNK {
            platform.telemetry.append_bulk(std::mem::take(&mut waiting)).await?;
        }
    }
    platform.telemetry.append_bulk(waiting).await?;
    for (asset, _) in &registered.machines {
        platform.twin.history_changed(*asset, window.from);
    }
    Ok(total)
}
