//! Secrets are made from 256 random bits and kept as hashes.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use kernel::{Chance, sha256};

/// A new secret with a prefix that tells scanners and people what it is.
pub(super) fn new(chance: &dyn Chance, prefix: &str) -> String {
    let mut bytes = [0u8; 32];
    chance.fill(&mut bytes);
    format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes))
}

/// What is stored of it. The secret has 256 bits, so a plain hash cannot be guessed.
pub(super) fn hash(secret: &str) -> String {
    sha256(&[b"baigong secret\n", secret.as_bytes()]).hex()
}

/// A secret that people read and type: groups of five from 32 unmistakable signs, 25 bits each.
pub(super) fn readable(chance: &dyn Chance, groups: usize) -> String {
    const SIGNS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    let mut bytes = vec![0u8; groups * 5];
    chance.fill(&mut bytes);
    let signs: Vec<char> = bytes.iter().map(|byte| char::from(SIGNS[usize::from(byte % 32)])).collect();
    signs.chunks(5).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}
