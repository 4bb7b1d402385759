//! Evidence: the samples behind a reading, hashed chunk by chunk, named by `ni:` URI, checkable without the platform.

mod bundle;
pub(crate) mod collect;
pub(crate) mod http;
mod layout;
mod manifest;
mod merkle;
#[cfg(test)]
mod tests;

pub use bundle::{ChunkProof, VerifiedReport, bundle_write, chunk_proof_verify, chunk_prove, evidence_verify};
pub use collect::{ChannelRequest, evidence_collect, evidence_collect_blocking, evidence_get, requests_of};
pub use layout::{CHUNK_SAMPLES, Chunk, chunk_decode, chunk_encode};
pub use manifest::{Channel, ChannelSamples, ChunkEntry, Collected, Manifest};
pub use merkle::{inclusion_holds, inclusion_proof, leaf_hash, merkle_root};
