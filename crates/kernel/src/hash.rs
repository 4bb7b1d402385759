use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::Digest as _;

use crate::Error;

/// A SHA-256 digest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

/// SHA-256 over the concatenation of the parts.
pub fn sha256(parts: &[&[u8]]) -> Digest {
    let mut hasher = sha2::Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    Digest(hasher.finalize().into())
}

impl Digest {
    /// Sixty-four hexadecimal digits.
    pub fn hex(&self) -> String {
        hex::encode(self.0)
    }

    /// Reads sixty-four hexadecimal digits.
    pub fn from_hex(text: &str) -> Result<Self, Error> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| {
            Error::invalid("kernel.digest.malformed", format!("{text:?} is not a SHA-256 digest"))
                .hint("a digest is 64 hexadecimal digits")
        })?;
        Ok(Self(bytes))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.hex())
    }
}

/// A digest in the form of RFC 6920: `ni:///sha-256;` followed by base64url without padding.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NiUri(pub Digest);

const NI_PREFIX: &str = "ni:///sha-256;";

impl fmt::Display for NiUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{NI_PREFIX}{}", URL_SAFE_NO_PAD.encode(self.0.0))
    }
}

impl fmt::Debug for NiUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for NiUri {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refuse = || {
            Error::invalid(
                "kernel.ni.malformed",
                format!("{text:?} is not a named-information URI of a SHA-256 digest"),
            )
            .hint("it looks like ni:///sha-256; followed by 43 base64url characters (RFC 6920)")
        };
        let encoded = text.strip_prefix(NI_PREFIX).ok_or_else(refuse)?;
        let bytes = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| refuse())?;
        Ok(Self(Digest(bytes.try_into().map_err(|_| refuse())?)))
    }
}

impl Serialize for NiUri {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for NiUri {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(|error: Error| de::Error::custom(error.message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_6920() {
        let uri = NiUri(sha256(&[b"Hello World!"]));
        assert_eq!(uri.to_string(), "ni:///sha-256;f4OxZX_x_FO5LcGBSKHWXfwtSx-j1ncoSt3SABJtkGk");
        assert_eq!(uri.to_string().parse::<NiUri>().unwrap(), uri);
        assert!("ni:///sha-256;short".parse::<NiUri>().is_err());
    }
}
