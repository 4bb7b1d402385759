//! A reading with its evidence in one file that anybody can check without the platform.
//!
//! The file is canonical JSON, byte for byte; its last check is a seal over everything else. The seal proves that the file
//! is whole, not who wrote it: compare `evidence` and `digest` with those on the invoice.

use base64::{Engine, engine::general_purpose::STANDARD};
use kernel::{Decimal, Digest, Error, NiUri, Result, Unit, id::ReadingId};
use serde::{Deserialize, Serialize};

use super::{
    manifest::{Collected, Manifest},
    merkle::{inclusion_holds, inclusion_proof, leaf_hash},
};
use crate::{
    canonical::{canonical_json, canonical_ni},
    meter::Statement,
};

const FORMAT: &str = "baigong.evidence-bundle@1";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bundle {
    format: String,
    statement: Statement,
    digest: NiUri,
    evidence: NiUri,
    manifest: Manifest,
    /// Base64, in the manifest's order.
    chunks: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seal: Option<NiUri>,
}

/// What a verified bundle proves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct VerifiedReport {
    /// The reading.
    #[schema(value_type = String)]
    pub reading: ReadingId,
    /// Digest of its statement: compare it with the one on the invoice.
    #[schema(value_type = String)]
    pub digest: NiUri,
    /// Name of the evidence: compare it as well.
    #[schema(value_type = String)]
    pub evidence: NiUri,
    /// The rule that was run again.
    pub rule: String,
    /// The quantity, identical to the stated one.
    #[schema(value_type = String)]
    pub quantity: Decimal,
    /// Its unit.
    #[schema(value_type = String)]
    pub unit: Unit,
    /// Covered share of the window.
    #[schema(value_type = String)]
    pub coverage: Decimal,
    /// Samples that were hashed.
    pub samples: u64,
    /// Chunks that were hashed.
    pub chunks: u64,
}

/// Writes a bundle.
///
/// # Errors
/// When the statement does not cite this evidence.
pub fn bundle_write(statement: &Statement, collected: &Collected) -> Result<Vec<u8>> {
    if statement.evidence != collected.uri {
        return Err(Error::conflict(
            "record.evidence.other",
            "the reading cites other evidence than what was collected",
        )
        .hint("the stored telemetry differs from what was sealed: run `baigong verify`"));
    }
    let mut bundle = Bundle {
        format: FORMAT.into(),
        digest: statement.digest()?,
        statement: statement.clone(),
        evidence: collected.uri,
        manifest: collected.manifest.clone(),
        chunks: collected.chunks.iter().map(|bytes| STANDARD.encode(bytes)).collect(),
        seal: None,
    };
    bundle.seal = Some(canonical_ni(&bundle)?);
    Ok(canonical_json(&bundle)?.into_bytes())
}

/// Checks a bundle from its bytes alone: every hash, the tree, the names, and the rule run again on the samples.
///
/// # Errors
/// The first thing that does not hold, by code: `record.evidence.not-a-bundle`, `.chunk-changed`, `.root-changed`,
/// `.manifest`, `.layout`, `.uri-changed`, `.digest-changed`, `.quantity-differs`, `.not-canonical`, `.seal-broken`.
pub fn evidence_verify(bytes: &[u8]) -> Result<VerifiedReport> {
    let refuse = |code: &'static str, message: String| Error::unprocessable(code, message);
    let mut bundle: Bundle = serde_json::from_slice(bytes).map_err(|error| {
        refuse("record.evidence.not-a-bundle", format!("the file is not an evidence bundle: {error}"))
            .hint("export it again with `baigong evidence export`")
    })?;
    if bundle.format != FORMAT {
        return Err(refuse("record.evidence.not-a-bundle", format!("the format {:?} is not known", bundle.format))
            .hint(format!("this version reads {FORMAT}")));
    }
    let mut chunks = Vec::with_capacity(bundle.chunks.len());
    for (index, chunk) in bundle.chunks.iter().enumerate() {
        chunks.push(
            STANDARD
                .decode(chunk)
                .map_err(|_| refuse("record.evidence.chunk-changed", format!("chunk {index} is not base64")))?,
        );
    }
    let samples = bundle.manifest.open(&chunks)?;
    let uri = bundle.manifest.uri()?;
    if uri != bundle.evidence || uri != bundle.statement.evidence {
        return Err(refuse(
            "record.evidence.uri-changed",
            format!("the manifest hashes to {uri}, not to the cited evidence"),
        ));
    }
    let digest = bundle.statement.digest()?;
    if digest != bundle.digest {
        return Err(refuse(
            "record.evidence.digest-changed",
            format!("the reading's statement hashes to {digest}, not to the cited digest"),
        ));
    }
    let statement = &bundle.statement;
    if statement.asset != bundle.manifest.asset || statement.window != bundle.manifest.window {
        return Err(refuse("record.evidence.manifest", "the evidence is about another machine or window".into()));
    }
    let channel = samples.get(&statement.rule.property).ok_or_else(|| {
        refuse("record.evidence.channel-missing", format!("the evidence has no channel {:?}", statement.rule.property))
    })?;
    let output = statement.recompute(channel)?;
    let differences = statement.differences(&output);
    if !differences.is_empty() {
        return Err(refuse("record.evidence.quantity-differs", differences.join("; ")));
    }
    let report = VerifiedReport {
        reading: statement.reading,
        digest,
        evidence: uri,
        rule: statement.rule.name().to_owned(),
        quantity: statement.quantity,
        unit: statement.unit,
        coverage: statement.coverage,
        samples: bundle.manifest.sample_count,
        chunks: chunks.len() as u64,
    };
    if canonical_json(&bundle)?.as_bytes() != bytes {
        return Err(refuse("record.evidence.not-canonical", "the file is not in canonical form, byte for byte".into()));
    }
    let seal = bundle.seal.take();
    if seal != Some(canonical_ni(&bundle)?) {
        return Err(refuse("record.evidence.seal-broken", "the file's seal does not match its content".into()));
    }
    Ok(report)
}

/// One chunk with the path to the root: shows a disputed hour without the rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = EvidenceChunkProof)]
pub struct ChunkProof {
    /// The evidence.
    #[schema(value_type = String)]
    pub evidence: NiUri,
    /// Its manifest.
    pub manifest: Manifest,
    /// Index of the chunk.
    pub index: u64,
    /// Its bytes, base64.
    pub chunk: String,
    /// Hashes towards the root, nearest first, hexadecimal.
    pub path: Vec<String>,
}

/// Proves that a chunk belongs to the evidence.
///
/// # Errors
/// `record.evidence.chunk-unknown`.
pub fn chunk_prove(collected: &Collected, index: usize) -> Result<ChunkProof> {
    let leaves: Vec<Digest> = collected.chunks.iter().map(|bytes| leaf_hash(bytes)).collect();
    let path = inclusion_proof(&leaves, index).ok_or_else(|| {
        Error::not_found("record.evidence.chunk-unknown", format!("the evidence has {} chunks", leaves.len()))
            .hint("chunks are counted from 0")
    })?;
    Ok(ChunkProof {
        evidence: collected.uri,
        manifest: collected.manifest.clone(),
        index: index as u64,
        chunk: STANDARD.encode(&collected.chunks[index]),
        path: path.iter().map(Digest::hex).collect(),
    })
}

/// Checks such a proof without the other chunks.
///
/// # Errors
/// `record.evidence.proof-broken`.
pub fn chunk_proof_verify(proof: &ChunkProof) -> Result<()> {
    let refuse =
        || Error::unprocessable("record.evidence.proof-broken", "the chunk does not lead to the evidence's root");
    let bytes = STANDARD.decode(&proof.chunk).map_err(|_| refuse())?;
    let path = proof.path.iter().map(|hex| Digest::from_hex(hex)).collect::<Result<Vec<_>>>()?;
    let root = Digest::from_hex(&proof.manifest.merkle_root)?;
    let count = proof.manifest.chunks.len();
    let holds = proof.manifest.uri()? == proof.evidence
        && inclusion_holds(leaf_hash(&bytes), proof.index as usize, count, &path, root);
    if holds { Ok(()) } else { Err(refuse()) }
}
