//! The meters of running jobs, shown to both sides every two seconds on the topic `job/<id>`.

use std::collections::HashMap;

use appkit::{Host, Object};
use kernel::{Duration, Result, Timestamp, Window, id::JobId};

use crate::{
    app::{Counted, count},
    config::LIVE_EVERY,
    domain::job::Job,
    http::MeterView,
    store::{booking::booking_get, job::job_running},
};

/// Samples that come later than this show only in the sealed reading.
const LATE: Duration = Duration::from_mins(1);

/// What was counted up to a moment and will not be looked at again.
struct Base {
    until: Timestamp,
    counted: Counted,
}

/// The task: as long as the server runs.
pub async fn show_for_ever(host: Host) {
    let mut bases = HashMap::new();
    loop {
        tokio::time::sleep(LIVE_EVERY).await;
        if let Err(error) = show(&host, &mut bases).await {
            tracing::warn!(?error, "showing the meters of running jobs failed");
        }
    }
}

async fn show(host: &Host, bases: &mut HashMap<JobId, Base>) -> Result<()> {
    let running = job_running(host.db()).await?;
    bases.retain(|id, _| running.iter().any(|job| job.id == *id));
    for job in running {
        if let Err(error) = show_one(host, bases, &job).await {
            tracing::debug!(job = %job.id, ?error, "a job's meters cannot be shown now");
        }
    }
    Ok(())
}

/// Only the last minutes are counted anew each time: windows that touch sum up, so the rest is added.
async fn show_one(host: &Host, bases: &mut HashMap<JobId, Base>, job: &Job) -> Result<()> {
    let (Some(started_at), now) = (job.started_at, host.now()) else { return Ok(()) };
    let base = bases.entry(job.id).or_insert(Base { until: started_at, counted: Counted::default() });
    if now - base.until > LATE + LATE {
        let sure = Window { from: base.until, to: now - LATE };
        base.counted = base.counted.plus(count(host, job, sure).await?);
        base.until = sure.to;
    }
    let tail = Window { from: base.until, to: now };
    let mut counted = base.counted;
    if tail.from < tail.to {
        counted = counted.plus(count(host, job, tail).await?);
    }
    let booking = booking_get(host.db(), job.booking).await?;
    let object = Object::owned("job", job.provider).id(job.id).participants([job.buyer]);
    let view = MeterView::of(&counted.shown(&booking, now)?);
    host.live().publish_about(object, &format!("job/{}", job.id), &view);
    Ok(())
}
