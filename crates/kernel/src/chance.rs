use std::sync::Mutex;

use rand_chacha::{
    ChaCha12Rng,
    rand_core::{RngCore, SeedableRng},
};

/// Where randomness comes from. The operating system's source lives in `appkit`; tests and the story use [`SeededChance`].
pub trait Chance: Send + Sync {
    /// Fills the slice with random bytes.
    fn fill(&self, bytes: &mut [u8]);
}

/// Chance that repeats itself for a seed (ChaCha12, a stream that is fixed by its specification).
pub struct SeededChance(Mutex<ChaCha12Rng>);

impl SeededChance {
    /// The stream of this seed, from its beginning.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(ChaCha12Rng::seed_from_u64(seed)))
    }
}

impl Chance for SeededChance {
    fn fill(&self, bytes: &mut [u8]) {
        // A poisoned lock still holds a usable generator.
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).fill_bytes(bytes);
    }
}
