//! Passwords: argon2id with 19 MiB and two passes (the OWASP minimum), long rather than complicated.

mod strength;

use std::sync::{
    LazyLock,
    atomic::{AtomicUsize, Ordering},
};

use argon2::{Algorithm, Argon2, Params, Version};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use kernel::{Chance, Error, Result};
use tokio::sync::Semaphore;

pub(super) use strength::check;

const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LENGTH_MIN: usize = 12;
const LENGTH_MAX: usize = 128;

/// Each hash takes 19 MiB and tens of milliseconds: four at a time …
static TURNS: Semaphore = Semaphore::const_new(4);
/// … and this many wait for a turn; more are refused rather than queued.
const WAITING_MAX: usize = 64;
static WAITING: AtomicUsize = AtomicUsize::new(0);

/// A password that nobody chose: for demo users and resets, shown once.
pub fn password_random(chance: &dyn Chance) -> String {
    loop {
        // A hundred bits; the check refuses one in billions.
        let password = super::secret::readable(chance, 4);
        if check(&password, &[]).is_ok() {
            return password;
        }
    }
}

/// Hashes a password. Waits for one of four turns and keeps off the asynchronous threads.
pub(super) async fn hash(password: String, chance: &dyn Chance) -> Result<String> {
    let mut salt = [0u8; 16];
    chance.fill(&mut salt);
    let digest = derive(password, salt.to_vec(), MEMORY_KIB, PASSES).await?;
    Ok(format!("argon2id${MEMORY_KIB}${PASSES}${}${}", STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(digest)))
}

/// Whether the password is the one that was hashed.
pub(super) async fn verify(password: String, stored: &str) -> Result<bool> {
    let damaged = || Error::corrupt("identity.password.damaged", "a stored password hash cannot be read");
    let parts: Vec<&str> = stored.split('$').collect();
    let ["argon2id", memory, passes, salt, digest] = parts[..] else { return Err(damaged()) };
    let number = |text: &str| text.parse::<u32>().map_err(|_| damaged());
    let decode = |text: &str| STANDARD_NO_PAD.decode(text).map_err(|_| damaged());
    let made = derive(password, decode(salt)?, number(memory)?, number(passes)?).await?;
    let kept = decode(digest)?;
    // Compared without an early exit.
    let difference = made.iter().zip(&kept).fold(made.len() ^ kept.len(), |sum, (a, b)| sum | usize::from(a ^ b));
    Ok(difference == 0)
}

/// Takes the time of a verification, for logins that do not exist.
///
/// # Errors
/// The same as [`verify`] when too many wait.
pub(super) async fn verify_nothing(password: String) -> Result<()> {
    static NOTHING: LazyLock<String> = LazyLock::new(|| {
        format!(
            "argon2id${MEMORY_KIB}${PASSES}${}${}",
            STANDARD_NO_PAD.encode([7; 16]),
            STANDARD_NO_PAD.encode([0; 32])
        )
    });
    verify(password, &NOTHING).await.map(|_| ())
}

/// Leaves the queue also when the request is given up.
struct Place;

impl Place {
    fn take() -> Result<Self> {
        if WAITING.fetch_add(1, Ordering::Relaxed) < WAITING_MAX {
            return Ok(Self);
        }
        WAITING.fetch_sub(1, Ordering::Relaxed);
        Err(Error::unavailable("identity.password.busy", "too many people are signing in at this moment")
            .hint("try again in a few seconds"))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        WAITING.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn derive(password: String, salt: Vec<u8>, memory: u32, passes: u32) -> Result<Vec<u8>> {
    let failed = |error: &dyn std::fmt::Display| {
        Error::internal("identity.password.failed", "the password cannot be hashed").because(error)
    };
    let place = Place::take()?;
    let turn = TURNS.acquire().await.map_err(|error| failed(&error))?;
    drop(place);
    let work = tokio::task::spawn_blocking(move || {
        // Held by the work itself: a request that is given up does not let a fifth one begin.
        let _turn = turn;
        let params = Params::new(memory, passes, 1, Some(32)).map_err(|error| error.to_string())?;
        let mut digest = vec![0u8; 32];
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(password.as_bytes(), &salt, &mut digest)
            .map_err(|error| error.to_string())?;
        Ok::<_, String>(digest)
    });
    work.await.map_err(|error| failed(&error))?.map_err(|error| failed(&error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::SeededChance;

    #[tokio::test]
    async fn only_the_same_password_verifies_and_parameters_are_those_promised() {
        let stored = hash("correct horse battery".into(), &SeededChance::new(1)).await.unwrap();
        assert!(stored.starts_with("argon2id$19456$2$"), "{stored}");
        assert!(verify("correct horse battery".into(), &stored).await.unwrap());
        assert!(!verify("correct horse batterz".into(), &stored).await.unwrap());
        assert_eq!(verify("x".into(), "plain$text").await.unwrap_err().code, "identity.password.damaged");
    }

    #[tokio::test]
    async fn salts_differ() {
        let chance = SeededChance::new(1);
        let one = hash("correct horse battery".into(), &chance).await.unwrap();
        let two = hash("correct horse battery".into(), &chance).await.unwrap();
        assert_ne!(one, two);
    }

    #[test]
    fn random_ones_are_strong() {
        let chance = SeededChance::new(3);
        for _ in 0..1_000 {
            check(&password_random(&chance), &["demo-a"]).unwrap();
        }
    }
}
