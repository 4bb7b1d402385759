//! Who takes part: pure rules of identifiers, names and states.

use kernel::{Error, Result, Timestamp, id::PartyId};
use serde::{Deserialize, Serialize};

use crate::machine::{machine, words};

words! {
    /// What a party is.
    pub enum PartyKind {
        /// A human being.
        Person "person";
        /// A company or public body: a tenant.
        Organisation "organisation";
        /// A part of an organisation.
        Team "team";
        /// The operator of the installation.
        Platform "platform";
    }
}

machine! {
    /// Where a party stands.
    pub enum PartyState refuses "record.party.step" {
        /// Entered, not checked.
        Draft "draft" => [Verified, Closed];
        /// Identifiers checked.
        Verified "verified" => [Active, Closed];
        /// May offer, agree and settle.
        Active "active" => [Suspended, Closed];
        /// May not enter new obligations.
        Suspended "suspended" => [Active, Closed];
        /// Gone; its record stays.
        Closed "closed" => [];
    }
}

words! {
    /// How parties relate.
    pub enum RelationKind {
        /// Belongs to.
        Member "member";
        /// Supplies.
        Supplier "supplier";
        /// Is accredited by.
        AccreditedBy "accredited_by";
        /// Answers for.
        Guarantor "guarantor";
        /// Acts for.
        Delegate "delegate";
    }
}

/// A relation to another party, for a time and within a limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PartyRelation)]
pub struct Relation {
    /// Which.
    pub kind: RelationKind,
    /// To whom.
    #[schema(value_type = String)]
    pub party: PartyId,
    /// For what.
    #[serde(default)]
    pub scope: String,
    /// From this moment.
    #[schema(value_type = String, format = DateTime)]
    pub from: Timestamp,
    /// Until before this moment.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub to: Option<Timestamp>,
}

words! {
    /// Schemes of identifiers that are checked when entered.
    pub enum Scheme {
        /// 统一社会信用代码, GB 32100.
        Uscc "uscc";
        /// Global Location Number, GS1.
        Gln "gln";
        /// Legal Entity Identifier, ISO 17442.
        Lei "lei";
        /// Business Partner Number.
        Bpn "bpn";
        /// Prefix of the national industrial identification system.
        Handle "handle";
        /// VAT or other tax number; not checked.
        Tax "tax";
    }
}

/// A name of a party in a scheme.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PartyIdentifier)]
pub struct Identifier {
    /// The scheme.
    pub scheme: Scheme,
    /// The value.
    pub value: String,
}

impl Identifier {
    /// Checks form and check characters.
    ///
    /// # Errors
    /// `record.party.identifier` saying which rule the value breaks.
    pub fn check(&self) -> Result<()> {
        let broken = match self.scheme {
            Scheme::Uscc => uscc_problem(&self.value),
            Scheme::Gln => gln_problem(&self.value),
            Scheme::Lei => lei_problem(&self.value),
            Scheme::Bpn => {
                let digits = self.value.strip_prefix("BPNL").unwrap_or("");
                (digits.len() != 12 || !digits.bytes().all(|b| b.is_ascii_alphanumeric()))
                    .then_some("must be BPNL and 12 characters")
            }
            Scheme::Handle => {
                let parts: Vec<&str> = self.value.split('.').collect();
                let numeric = parts.iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
                (parts.len() < 3 || !numeric).then_some("must look like 88.x.y, numbers joined by points")
            }
            Scheme::Tax => (self.value.is_empty() || self.value.chars().any(char::is_control) || self.value.len() > 64)
                .then_some("must have 1–64 characters"),
        };
        match broken {
            None => Ok(()),
            Some(rule) => Err(Error::unprocessable(
                "record.party.identifier",
                format!("the {} {:?} {rule}", self.scheme, self.value),
            )
            .hint("check the number against the certificate it was copied from")
            .field("/identifiers", rule)),
        }
    }
}

/// Characters of GB 32100 in the order of their values; I, O, S, V and Z are not used.
const USCC_ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";

/// The check character of the first 17 characters of a 统一社会信用代码.
pub fn uscc_check_character(first: &[u8]) -> Option<char> {
    if first.len() != 17 {
        return None;
    }
    let mut sum = 0usize;
    let mut weight = 1usize;
    for character in first {
        sum += weight * USCC_ALPHABET.iter().position(|known| known == character)?;
        weight = weight * 3 % 31;
    }
    Some(USCC_ALPHABET[(31 - sum % 31) % 31] as char)
}

fn uscc_problem(value: &str) -> Option<&'static str> {
    let bytes = value.as_bytes();
    if bytes.len() != 18 {
        return Some("must have 18 characters");
    }
    match uscc_check_character(&bytes[..17]) {
        None => Some("may only contain digits and capitals without I, O, S, V and Z"),
        Some(check) if check as u8 != bytes[17] => Some("has a wrong check character"),
        Some(_) => None,
    }
}

fn gln_problem(value: &str) -> Option<&'static str> {
    if value.len() != 13 || !value.bytes().all(|b| b.is_ascii_digit()) {
        return Some("must have 13 digits");
    }
    let sum: u32 = value.bytes().enumerate().map(|(i, b)| u32::from(b - b'0') * if i % 2 == 0 { 1 } else { 3 }).sum();
    (!sum.is_multiple_of(10)).then_some("has a wrong check digit")
}

fn lei_problem(value: &str) -> Option<&'static str> {
    if value.len() != 20 || !value.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase()) {
        return Some("must have 20 digits and capitals");
    }
    // ISO 7064 MOD 97-10: letters count as 10–35.
    let remainder = value
        .chars()
        .filter_map(|c| c.to_digit(36))
        .fold(0u64, |rest, digit| (if digit < 10 { rest * 10 } else { rest * 100 } + u64::from(digit)) % 97);
    (remainder != 1).then_some("has wrong check digits")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(scheme: Scheme, value: &str) -> Option<String> {
        Identifier { scheme, value: value.into() }.check().err().map(|error| error.message.to_string())
    }

    #[test]
    fn credit_codes_have_a_check_character() {
        // The worked example that circulates with GB 32100-2015.
        assert_eq!(problem(Scheme::Uscc, "91350100M000100Y43"), None);
        let valid = b"91350100M000100Y43";
        // Every single changed character is found.
        for place in 0..18 {
            for other in USCC_ALPHABET.iter().filter(|c| **c != valid[place]) {
                let mut changed = *valid;
                changed[place] = *other;
                assert!(problem(Scheme::Uscc, std::str::from_utf8(&changed).unwrap()).is_some(), "{place} {other}");
            }
        }
        assert!(problem(Scheme::Uscc, "91350100M000100Y4").unwrap().contains("18"));
        assert!(problem(Scheme::Uscc, "91350100I000100Y43").unwrap().contains("capitals"));
    }

    #[test]
    fn other_schemes_are_checked_too() {
        assert_eq!(problem(Scheme::Gln, "4000001000005"), None);
        assert!(problem(Scheme::Gln, "4000001000006").is_some());
        let lei = "506700GE1G29325QX363"; // the foundation that runs the scheme
        assert_eq!(problem(Scheme::Lei, lei), None);
        assert!(problem(Scheme::Lei, "506700GE1G29325QX364").is_some());
        assert_eq!(problem(Scheme::Bpn, "BPNL00000000015G"), None);
        assert_eq!(problem(Scheme::Handle, "88.118.1"), None);
        assert!(problem(Scheme::Handle, "88.").is_some());
    }

    #[test]
    fn a_closed_party_stays_closed() {
        let state = PartyState::Draft.to(PartyState::Verified).unwrap().to(PartyState::Active).unwrap();
        assert_eq!(state.to(PartyState::Draft).unwrap_err().code, "record.party.step");
        assert!(PartyState::Closed.next().is_empty());
    }
}
