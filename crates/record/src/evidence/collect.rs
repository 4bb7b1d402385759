use std::sync::Arc;

use appkit::{Row, Tx, params};
use contracts::telemetry::{Position, Quality, RangeQuery, SeriesKey, TelemetryStore};
use kernel::{Error, NiUri, Result, Timestamp, Unit, Window, id::AssetId};

use super::{ChannelSamples, Collected, Manifest};
use crate::{canonical::canonical_json, meter::MeterSample, sql::Source};

/// Most samples of one property in one piece of evidence: three weeks of a value per second.
const SAMPLES_MAX: usize = 2_000_000;
/// How far back the last usable sample is looked for, in samples.
const CONTEXT_MAX: usize = 256;

/// One property to collect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelRequest {
    /// Property id.
    pub property: String,
    /// Its unit, for the manifest.
    pub unit: Option<Unit>,
    /// Whether the first sample after the window belongs to it.
    pub closing: bool,
}

/// Reads the samples of a window from telemetry as known at a log position, with the context before (and, when asked for,
/// the first sample after), and seals them. Reads files: runs off the async threads.
///
/// # Errors
/// `record.evidence.damaged` when blocks of the window are unreadable, `record.evidence.too-large` above two million samples.
pub async fn evidence_collect(
    telemetry: Arc<dyn TelemetryStore>,
    asset: AssetId,
    channels: Vec<ChannelRequest>,
    window: Window,
    as_of: Position,
) -> Result<Collected> {
    tokio::task::spawn_blocking(move || evidence_collect_blocking(&*telemetry, asset, &channels, window, as_of))
        .await
        .map_err(|error| Error::internal("record.evidence.collect", "collecting evidence failed").because(error))?
}

/// The same, on the present thread: for verification and command-line tools.
///
/// # Errors
/// As [`evidence_collect`].
pub fn evidence_collect_blocking(
    telemetry: &dyn TelemetryStore,
    asset: AssetId,
    channels: &[ChannelRequest],
    window: Window,
    as_of: Position,
) -> Result<Collected> {
    Window::new(window.from, window.to)?;
    let mut collected = Vec::with_capacity(channels.len());
    for channel in channels {
        let series = SeriesKey::new(asset, channel.property.as_str());
        let mut samples = before(telemetry, &series, window.from, as_of)?;
        let query = RangeQuery { series: series.clone(), window, as_of, limit: SAMPLES_MAX + 1 };
        let answer = telemetry.range(&query)?;
        if answer.samples.len() > SAMPLES_MAX {
            return Err(Error::too_large(
                "record.evidence.too-large",
                format!("the window holds more than {SAMPLES_MAX} samples of {}", channel.property),
            )
            .hint("seal shorter windows"));
        }
        if !answer.complete {
            let places = answer.damaged.join(", ");
            return Err(Error::corrupt(
                "record.evidence.damaged",
                format!("telemetry of {} is damaged: {places}", channel.property),
            )
            .hint("run `baigong verify`; restore the named files from a backup"));
        }
        samples.extend(answer.samples.into_iter().map(MeterSample::from));
        if channel.closing {
            samples.extend(after(telemetry, &series, window.to, as_of)?);
        }
        collected.push(ChannelSamples { property: channel.property.clone(), unit: channel.unit, samples });
    }
    Collected::seal(asset, window, as_of, collected)
}

/// The last usable sample before a moment, and the bad ones after it.
fn before(
    telemetry: &dyn TelemetryStore,
    series: &SeriesKey,
    from: Timestamp,
    as_of: Position,
) -> Result<Vec<MeterSample>> {
    let (mut context, mut at) = (Vec::new(), from);
    while context.len() < CONTEXT_MAX {
        let just_before = Timestamp::from_micros(at.micros().saturating_sub(1));
        let Some(stored) = telemetry.last_before(series, just_before, as_of)? else { break };
        at = stored.sample.source_time;
        let usable = stored.sample.quality != Quality::Bad;
        context.push(MeterSample::from(stored));
        if usable {
            break;
        }
    }
    context.reverse();
    Ok(context)
}

/// The first sample at or after a moment, within a day.
fn after(
    telemetry: &dyn TelemetryStore,
    series: &SeriesKey,
    to: Timestamp,
    as_of: Position,
) -> Result<Option<MeterSample>> {
    let mut span = kernel::Duration::from_secs(10);
    let limit = kernel::Duration::from_days(1);
    loop {
        let query = RangeQuery { series: series.clone(), window: Window { from: to, to: to + span }, as_of, limit: 1 };
        if let Some(first) = telemetry.range(&query)?.samples.into_iter().next() {
            return Ok(Some(MeterSample::from(first)));
        }
        if span >= limit {
            return Ok(None);
        }
        span = kernel::Duration::from_micros((span.micros() * 20).min(limit.micros()));
    }
}

/// What a manifest says must be collected to get the same bytes again.
pub fn requests_of(manifest: &Manifest) -> Vec<ChannelRequest> {
    manifest
        .channels
        .iter()
        .map(|channel| ChannelRequest {
            property: channel.property.clone(),
            unit: channel.unit,
            closing: channel.context_after > 0,
        })
        .collect()
}

/// Keeps a manifest; the samples stay in telemetry. Keeping it again changes nothing.
pub(crate) async fn evidence_keep(tx: &mut Tx, collected: &Collected) -> Result<()> {
    let now = tx.now();
    tx.exec(
        "INSERT INTO record_evidence (uri, asset, manifest, state, created_at) VALUES ($1, $2, $3, 'present', $4) ON CONFLICT (uri) DO NOTHING",
        params![collected.uri, collected.manifest.asset, canonical_json(&collected.manifest)?, now],
    )
    .await?;
    Ok(())
}

/// A kept manifest.
///
/// # Errors
/// `record.evidence.unknown`.
pub async fn evidence_get(source: &mut impl Source, uri: NiUri) -> Result<Manifest> {
    match source.one("SELECT manifest FROM record_evidence WHERE uri = $1", params![uri]).await? {
        Some(row) => row.json("manifest"),
        None => Err(Error::not_found("record.evidence.unknown", format!("there is no evidence {uri}"))),
    }
}

/// Kept manifests after a place: for verification.
pub(crate) async fn evidence_all(source: &mut impl Source, after: &str, limit: usize) -> Result<Vec<Row>> {
    source
        .rows(
            "SELECT uri, asset, manifest FROM record_evidence WHERE uri > $1 ORDER BY uri LIMIT $2",
            params![after, limit],
        )
        .await
}
