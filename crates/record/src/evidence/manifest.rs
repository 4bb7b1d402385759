use std::collections::BTreeMap;

use contracts::telemetry::{Position, ValueType};
use kernel::{Digest, Error, NiUri, Result, Timestamp, Unit, Window, id::AssetId, sha256};
use serde::{Deserialize, Serialize};

use super::{
    layout::{CHUNK_SAMPLES, chunk_decode, chunk_encode},
    merkle::{leaf_hash, merkle_root},
};
use crate::{canonical::canonical_ni, meter::MeterSample};

/// What a piece of telemetry evidence is, without its samples. Its canonical JSON hashes to the evidence's `ni:` URI.
///
/// Positions are decimal text: they exceed what every JSON program can carry as a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EvidenceManifest)]
pub struct Manifest {
    /// `telemetry@1`.
    pub kind: String,
    /// The asset.
    #[schema(value_type = String)]
    pub asset: AssetId,
    /// The window the evidence is for; samples outside it are context.
    #[schema(value_type = crate::wire::WindowSchema)]
    pub window: Window,
    /// Only what was stored at or before this log position: what was known then.
    pub as_of: String,
    /// The properties, sorted by name.
    pub channels: Vec<Channel>,
    /// Samples of all channels.
    pub sample_count: u64,
    /// Smallest log position, when there are samples.
    pub first_position: Option<String>,
    /// Greatest log position, when there are samples.
    pub last_position: Option<String>,
    /// The chunks, channel by channel.
    pub chunks: Vec<ChunkEntry>,
    /// Root of the RFC 6962 tree over the chunks' bytes, hexadecimal.
    pub merkle_root: String,
}

/// One property in the evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EvidenceChannel)]
pub struct Channel {
    /// Property id.
    pub property: String,
    /// Its unit, for numbers.
    #[schema(value_type = Option<String>)]
    pub unit: Option<Unit>,
    /// Its type; none when no sample is known.
    #[serde(rename = "type")]
    #[schema(value_type = Option<String>)]
    pub value_type: Option<ValueType>,
    /// Samples, context included.
    pub sample_count: u64,
    /// How many of them lie before the window.
    pub context_before: u64,
    /// How many of them lie at or after its end.
    pub context_after: u64,
}

/// One chunk of one channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EvidenceChunk)]
pub struct ChunkEntry {
    /// Index of the channel.
    pub channel: u64,
    /// Index of its first sample in the channel.
    pub first: u64,
    /// Samples in it.
    pub count: u64,
    /// Source time of its first sample.
    #[schema(value_type = String, format = DateTime)]
    pub from: Timestamp,
    /// Source time of its last sample.
    #[schema(value_type = String, format = DateTime)]
    pub to: Timestamp,
    /// SHA-256 of its bytes, hexadecimal.
    pub sha256: String,
}

/// The samples of one property as collected.
#[derive(Debug, Clone, PartialEq)]
pub struct ChannelSamples {
    /// Property id.
    pub property: String,
    /// Its unit.
    pub unit: Option<Unit>,
    /// The samples by source time, then sequence, with context.
    pub samples: Vec<MeterSample>,
}

/// A manifest with the bytes and samples it speaks of.
#[derive(Debug, Clone, PartialEq)]
pub struct Collected {
    /// The manifest.
    pub manifest: Manifest,
    /// Its `ni:` URI.
    pub uri: NiUri,
    /// The chunks' bytes, in the manifest's order.
    pub chunks: Vec<Vec<u8>>,
    /// The samples by property.
    pub samples: BTreeMap<String, Vec<MeterSample>>,
}

impl Collected {
    /// Seals samples into evidence: chunks, tree, manifest, name. The same samples always give the same URI.
    ///
    /// # Errors
    /// `record.evidence.mixed-types` when a property holds values of two types.
    pub fn seal(asset: AssetId, window: Window, as_of: Position, mut channels: Vec<ChannelSamples>) -> Result<Self> {
        channels.sort_by(|a, b| a.property.cmp(&b.property));
        channels.dedup_by(|a, b| a.property == b.property);
        let (mut entries, mut chunks, mut described) = (Vec::new(), Vec::new(), Vec::new());
        for (index, channel) in channels.iter().enumerate() {
            let value_type = one_type(channel)?;
            let samples = &channel.samples;
            described.push(Channel {
                property: channel.property.clone(),
                unit: channel.unit,
                value_type,
                sample_count: samples.len() as u64,
                context_before: samples.iter().filter(|s| s.at < window.from).count() as u64,
                context_after: samples.iter().filter(|s| s.at >= window.to).count() as u64,
            });
            let Some(value_type) = value_type else { continue };
            for (number, part) in samples.chunks(CHUNK_SAMPLES).enumerate() {
                let first = (number * CHUNK_SAMPLES) as u64;
                let bytes = chunk_encode(asset, &channel.property, value_type, first, part);
                entries.push(ChunkEntry {
                    channel: index as u64,
                    first,
                    count: part.len() as u64,
                    from: part[0].at,
                    to: part[part.len() - 1].at,
                    sha256: sha256(&[&bytes]).hex(),
                });
                chunks.push(bytes);
            }
        }
        let positions = || channels.iter().flat_map(|channel| &channel.samples).map(|sample| sample.position);
        let leaves: Vec<Digest> = chunks.iter().map(|bytes| leaf_hash(bytes)).collect();
        let manifest = Manifest {
            kind: "telemetry@1".into(),
            asset,
            window,
            as_of: as_of.0.to_string(),
            channels: described,
            sample_count: positions().count() as u64,
            first_position: positions().min().map(|p| p.to_string()),
            last_position: positions().max().map(|p| p.to_string()),
            chunks: entries,
            merkle_root: merkle_root(&leaves).hex(),
        };
        let samples = channels.into_iter().map(|channel| (channel.property, channel.samples)).collect();
        Ok(Self { uri: manifest.uri()?, manifest, chunks, samples })
    }

    /// The samples of a property; none known is an empty channel only when the manifest lists it.
    pub fn channel(&self, property: &str) -> Result<&[MeterSample]> {
        self.samples.get(property).map(Vec::as_slice).ok_or_else(|| {
            Error::unprocessable("record.evidence.channel-missing", format!("the evidence has no channel {property:?}"))
                .hint("collect evidence with the property of every meter that cites it")
        })
    }
}

impl Manifest {
    /// The evidence's name.
    pub fn uri(&self) -> Result<NiUri> {
        canonical_ni(self)
    }

    /// The log position of the evidence.
    pub fn as_of(&self) -> Result<Position> {
        self.as_of
            .parse()
            .map(Position)
            .map_err(|_| Error::unprocessable("record.evidence.manifest", "the manifest's as_of is not a log position"))
    }

    /// Reads samples back from chunk bytes, checking everything the manifest says about them.
    ///
    /// # Errors
    /// `record.evidence.chunk-changed`, `record.evidence.root-changed`, `record.evidence.layout`,
    /// `record.evidence.manifest`: each names the first thing that does not hold.
    pub fn open(&self, chunks: &[Vec<u8>]) -> Result<BTreeMap<String, Vec<MeterSample>>> {
        let broken = |what: String| {
            Error::unprocessable("record.evidence.manifest", what).hint("the manifest does not describe these samples")
        };
        if chunks.len() != self.chunks.len() {
            return Err(broken(format!("{} chunks are listed and {} are present", self.chunks.len(), chunks.len())));
        }
        let mut leaves = Vec::with_capacity(chunks.len());
        let mut samples: BTreeMap<String, Vec<MeterSample>> =
            self.channels.iter().map(|channel| (channel.property.clone(), Vec::new())).collect();
        for (index, (bytes, entry)) in chunks.iter().zip(&self.chunks).enumerate() {
            if sha256(&[bytes]).hex() != entry.sha256 {
                return Err(Error::unprocessable(
                    "record.evidence.chunk-changed",
                    format!("chunk {index} does not hash to the digest in the manifest"),
                )
                .hint("the samples between its two times were altered"));
            }
            leaves.push(leaf_hash(bytes));
            let chunk = chunk_decode(bytes)?;
            let channel = self
                .channels
                .get(entry.channel as usize)
                .ok_or_else(|| broken(format!("chunk {index} names no channel")))?;
            let collected = samples.entry(channel.property.clone()).or_default();
            let described = chunk.asset == self.asset
                && chunk.property == channel.property
                && Some(chunk.value_type) == channel.value_type
                && chunk.first == entry.first
                && chunk.first == collected.len() as u64
                && chunk.samples.len() as u64 == entry.count
                && chunk.samples.first().map(|s| s.at) == Some(entry.from)
                && chunk.samples.last().map(|s| s.at) == Some(entry.to);
            if !described {
                return Err(broken(format!("chunk {index} is not what the manifest says")));
            }
            collected.extend(chunk.samples);
        }
        if merkle_root(&leaves).hex() != self.merkle_root {
            return Err(Error::unprocessable(
                "record.evidence.root-changed",
                "the chunks do not lead to the manifest's root",
            ));
        }
        for channel in &self.channels {
            let list = &samples[&channel.property];
            if list.len() as u64 != channel.sample_count || !list.is_sorted_by_key(|s| (s.at, s.sequence)) {
                return Err(broken(format!("the samples of {} are not complete and in order", channel.property)));
            }
        }
        Ok(samples)
    }
}

fn one_type(channel: &ChannelSamples) -> Result<Option<ValueType>> {
    let mut types = channel.samples.iter().map(|sample| sample.value.value_type());
    let first = types.next();
    if types.any(|other| Some(other) != first) {
        return Err(Error::unprocessable(
            "record.evidence.mixed-types",
            format!("the property {} holds values of two types", channel.property),
        ));
    }
    Ok(first)
}
