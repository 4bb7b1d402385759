//! Passwords: argon2id with 19 MiB and two passes (the OWASP minimum), long rather than complicated.

use std::sync::LazyLock;

use argon2::{Algorithm, Argon2, Params, Version};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use kernel::{Chance, Error, Result};
use tokio::sync::Semaphore;

const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LENGTH_MIN: usize = 12;
const LENGTH_MAX: usize = 128;

/// Each hash takes 19 MiB and tens of milliseconds: four at a time, the rest wait.
static TURNS: Semaphore = Semaphore::const_new(4);

/// Words that make a long password weak all the same.
const WEAK: &[&str] = &[
    "password",
    "passw0rd",
    "baigong",
    "百工",
    "admin",
    "administrator",
    "qwerty",
    "asdfgh",
    "zxcvbn",
    "letmein",
    "welcome",
    "iloveyou",
    "monkey",
    "dragon",
    "football",
    "abc123",
    "woaini",
    "5201314",
    "changeme",
    "default",
    "factory",
    "machine",
];

/// Refuses what would be guessed first.
pub(super) fn check(password: &str, login: &str) -> Result<()> {
    let refuse = |message: &str| {
        Err(Error::invalid("identity.password.weak", "this password would be guessed too easily")
            .hint("use 12 to 128 characters: several unrelated words do well")
            .field("/password", message))
    };
    let length = password.chars().count();
    if !(LENGTH_MIN..=LENGTH_MAX).contains(&length) {
        return refuse("must have 12 to 128 characters");
    }
    // What is left when well-known words, the login, sequences and repetitions are taken away must still be long enough.
    let mut rest = password.to_lowercase();
    for word in WEAK.iter().copied().chain([login.to_lowercase().as_str()]).filter(|word| word.len() > 2) {
        rest = rest.replace(word, "");
    }
    let chars: Vec<char> = rest.chars().collect();
    let surprising = chars.windows(2).filter(|pair| (pair[1] as i64 - pair[0] as i64).abs() > 1).count();
    if surprising < 6 {
        return refuse("consists of well-known words, sequences or repetitions");
    }
    Ok(())
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
    let [_, memory, passes, salt, digest] = parts[..] else { return Err(damaged()) };
    let number = |text: &str| text.parse::<u32>().map_err(|_| damaged());
    let decode = |text: &str| STANDARD_NO_PAD.decode(text).map_err(|_| damaged());
    let made = derive(password, decode(salt)?, number(memory)?, number(passes)?).await?;
    let kept = decode(digest)?;
    // Compared without an early exit.
    let difference = made.iter().zip(&kept).fold(made.len() ^ kept.len(), |sum, (a, b)| sum | usize::from(a ^ b));
    Ok(difference == 0)
}

/// Takes the time of a verification, for logins that do not exist.
pub(super) async fn verify_nothing(password: String) {
    static NOTHING: LazyLock<String> = LazyLock::new(|| {
        format!(
            "argon2id${MEMORY_KIB}${PASSES}${}${}",
            STANDARD_NO_PAD.encode([7; 16]),
            STANDARD_NO_PAD.encode([0; 32])
        )
    });
    let _ = verify(password, &NOTHING).await;
}

async fn derive(password: String, salt: Vec<u8>, memory: u32, passes: u32) -> Result<Vec<u8>> {
    let failed = |error: &dyn std::fmt::Display| {
        Error::internal("identity.password.failed", "the password cannot be hashed").because(error)
    };
    let _turn = TURNS.acquire().await.map_err(|error| failed(&error))?;
    let work = tokio::task::spawn_blocking(move || {
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

    #[test]
    fn weak_ones_are_refused() {
        for weak in [
            "short",
            "passwordpassword",
            "abcdefghijklmnop",
            "1111111111111111",
            "admin-admin-admin",
            "baigongbaigong1",
        ] {
            assert!(check(weak, "lin").is_err(), "{weak}");
        }
        for good in ["correct horse battery", "七星连珠 kiln 44 otter", "K7WQP-3HZNV-TT2XB-9MFRD"] {
            check(good, "lin").unwrap();
        }
    }

    #[tokio::test]
    async fn only_the_same_password_verifies() {
        let stored = hash("correct horse battery".into(), &SeededChance::new(1)).await.unwrap();
        assert!(verify("correct horse battery".into(), &stored).await.unwrap());
        assert!(!verify("correct horse batterz".into(), &stored).await.unwrap());
    }
}
