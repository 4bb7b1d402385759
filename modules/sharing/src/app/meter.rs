use std::sync::Arc;

use appkit::Host;
use contracts::telemetry::{Position, RangeQuery, SeriesKey, TelemetryStore};
use kernel::{Decimal, Error, Quantity, Result, Timestamp, Unit, Window};
use record::meter::{Meter, MeterSample, meter_get, rules::Input};

use crate::{
    domain::{
        booking::{Booking, Cost},
        job::Job,
        price::Basis,
    },
    store::meters::meters_get,
};

/// What the meters of a job show. While it runs this is only shown, never billed: the sealed readings are.
#[derive(Debug, Clone, PartialEq)]
pub struct JobMeter {
    /// Up to when it counts.
    pub at: Timestamp,
    /// Running time.
    pub running: Quantity,
    /// Good pieces, when the machine counts them.
    pub pieces: Option<Quantity>,
    /// What that costs under the booking.
    pub cost: Cost,
}

/// The meters of a job until now, or until it was finished; none before it began.
pub async fn job_meter(host: &Host, booking: &Booking, job: &Job) -> Result<Option<JobMeter>> {
    let Some(from) = job.started_at else { return Ok(None) };
    let to = job.finished_at.unwrap_or(host.now());
    let counted = if from < to { count(host, job, Window { from, to }).await? } else { Counted::default() };
    counted.shown(booking, to).map(Some)
}

/// What two meters counted in a window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    /// Running time in seconds.
    pub running: Decimal,
    /// Good pieces.
    pub pieces: Option<Decimal>,
}

impl Counted {
    /// Windows that touch sum up.
    pub fn plus(self, other: Counted) -> Counted {
        let pieces = match (self.pieces, other.pieces) {
            (Some(a), Some(b)) => Some(a + b),
            (a, b) => a.or(b),
        };
        Counted { running: self.running + other.running, pieces }
    }

    /// As the two sides of a booking see it.
    pub fn shown(&self, booking: &Booking, at: Timestamp) -> Result<JobMeter> {
        let running = Quantity::new(self.running, Unit::of("SEC")?);
        let piece = Unit::of("H87")?;
        let pieces = self.pieces.map(|pieces| Quantity::new(pieces, piece));
        let metered = match booking.price.basis {
            Basis::Time => running,
            Basis::Value | Basis::Pieces => pieces.unwrap_or(Quantity::new(Decimal::ZERO, piece)),
        };
        Ok(JobMeter { at, running, pieces, cost: booking.cost_of(metered)? })
    }
}

/// Runs the meters' rules over what telemetry holds of a window now.
pub(crate) async fn count(host: &Host, job: &Job, window: Window) -> Result<Counted> {
    let Some(meters) = meters_get(host.db(), job.asset).await? else { return Ok(Counted::default()) };
    let time = meter_get(&mut host.db(), meters.time).await?;
    let pieces = match meters.pieces {
        Some(id) => Some(meter_get(&mut host.db(), id).await?),
        None => None,
    };
    let telemetry = host.port::<dyn TelemetryStore>();
    let run = move || {
        let pieces = pieces.map(|meter| counted_by(&*telemetry, &meter, window)).transpose()?;
        Ok(Counted { running: counted_by(&*telemetry, &time, window)?, pieces })
    };
    // Telemetry may have to be read from files.
    tokio::task::spawn_blocking(run).await.map_err(|error| {
        Error::internal("sharing.meter.stopped", "reading the meters was interrupted").because(error)
    })?
}

fn counted_by(telemetry: &dyn TelemetryStore, meter: &Meter, window: Window) -> Result<Decimal> {
    let series = SeriesKey::new(meter.asset, Arc::<str>::from(meter.rule.property.as_str()));
    let before = telemetry.last_before(&series, window.from, Position::MAX)?;
    let query = RangeQuery { series, window, as_of: Position::MAX, limit: usize::MAX };
    // What lies at the window's first moment is in the range already.
    let context = before.filter(|stored| stored.sample.source_time < window.from);
    let samples: Vec<MeterSample> =
        context.into_iter().chain(telemetry.range(&query)?.samples).map(MeterSample::from).collect();
    let input = Input { window, unit: meter.unit, samples: &samples, adjustments: &[] };
    Ok(meter.rule.run(&input)?.quantity)
}
