//! Ids with kinds: a UUID version 7 behind a three-letter prefix, so that a wrong kind is refused when it is read.
//!
//! Text form: `pty_0192f3c4a1b27cc0b1d3e5f6a7b8c9d0`. The prefix is part of the identity on every border.

use std::{cmp::Ordering, fmt, hash, marker::PhantomData, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

use crate::{Chance, Clock, Error, Timestamp};

/// What an id identifies. Implemented only by the markers of this module.
pub trait Kind: Send + Sync + 'static {
    /// Three lower-case letters, unique among kinds.
    const PREFIX: &'static str;
    /// The noun, for messages.
    const NOUN: &'static str;
}

/// An identifier of one kind of thing.
pub struct Id<K>(Uuid, PhantomData<fn() -> K>);

macro_rules! kinds {
    ($($(#[$doc:meta])* $marker:ident, $alias:ident, $prefix:literal, $noun:literal;)*) => {
        $(
            $(#[$doc])*
            pub enum $marker {}
            impl Kind for $marker {
                const PREFIX: &'static str = $prefix;
                const NOUN: &'static str = $noun;
            }
            $(#[$doc])*
            pub type $alias = Id<$marker>;
        )*
        /// Every prefix with its noun: the tests check that prefixes are unique.
        pub const PREFIXES: &[(&str, &str)] = &[$(($prefix, $noun)),*];
    };
}

kinds! {
    /// A party: person, organisation, team or the platform itself. An organisation is a tenant.
    Party, PartyId, "pty", "party";
    /// A user who signs in.
    User, UserId, "usr", "user";
    /// A signed-in session.
    Session, SessionId, "ses", "session";
    /// An API token.
    ApiToken, ApiTokenId, "tok", "api token";
    /// A grant of one organisation's data to another.
    Grant, GrantId, "grt", "grant";
    /// A device: what speaks a protocol and holds credentials.
    Device, DeviceId, "dev", "device";
    /// An asset: a node of the equipment tree; a machine is an asset.
    Asset, AssetId, "ast", "asset";
    /// A thing model (物模型).
    ThingModel, ThingModelId, "thm", "thing model";
    /// An alarm rule.
    AlarmRule, AlarmRuleId, "rul", "alarm rule";
    /// An alarm instance.
    Alarm, AlarmId, "alm", "alarm";
    /// A quarantined message.
    Quarantine, QuarantineId, "qrn", "quarantine record";
    /// An item: what can be made, sold or done (a resource specification).
    Item, ItemId, "itm", "item";
    /// A resource: an asset, lot or serial with owner and custodian.
    Resource, ResourceId, "res", "resource";
    /// An offer.
    Offer, OfferId, "ofr", "offer";
    /// An agreement with typed clauses.
    Agreement, AgreementId, "agr", "agreement";
    /// A commitment.
    Commitment, CommitmentId, "cmt", "commitment";
    /// An economic event.
    Event, EventId, "evt", "event";
    /// A meter on an asset.
    Meter, MeterId, "mtr", "meter";
    /// A meter reading.
    Reading, ReadingId, "rdg", "reading";
    /// A piece of evidence.
    Evidence, EvidenceId, "evd", "evidence";
    /// A claim.
    Claim, ClaimId, "clm", "claim";
    /// An invoice or credit note.
    Invoice, InvoiceId, "inv", "invoice";
    /// A ledger account.
    Account, AccountId, "acc", "account";
    /// A ledger transfer.
    Transfer, TransferId, "trf", "transfer";
    /// A case: alarm, dispute, non-conformance and so on.
    Case, CaseId, "cas", "case";
    /// A journal entry.
    Entry, EntryId, "jrn", "journal entry";
    /// A capability offered by a machine.
    Capability, CapabilityId, "cap", "capability";
    /// A hold on a slot.
    Hold, HoldId, "hld", "hold";
    /// A booking of a slot.
    Booking, BookingId, "bkg", "booking";
    /// A job that runs on a machine.
    Job, JobId, "job", "job";
}

impl<K: Kind> Id<K> {
    /// A new id whose time part is the clock's now; deterministic when clock and chance are.
    pub fn new(clock: &dyn Clock, chance: &dyn Chance) -> Self {
        Self::at(clock.now(), chance)
    }

    /// A new id with a given time part (UUID v7, milliseconds).
    pub fn at(time: Timestamp, chance: &dyn Chance) -> Self {
        let mut random = [0u8; 10];
        chance.fill(&mut random);
        let millis = (time.micros() / 1000).max(0) as u64;
        let uuid = uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
        Self(uuid, PhantomData)
    }

    /// An id from its UUID, as stored.
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid, PhantomData)
    }

    /// The UUID behind the prefix.
    pub const fn uuid(&self) -> Uuid {
        self.0
    }
}

impl<K: Kind> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", K::PREFIX, self.0.as_simple())
    }
}

impl<K: Kind> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<K: Kind> FromStr for Id<K> {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refuse = || {
            Error::invalid("kernel.id.malformed", format!("{text:?} is not the id of a {}", K::NOUN))
                .hint(format!("an id of this kind looks like {}_ followed by 32 hexadecimal digits", K::PREFIX))
        };
        let hex = text.strip_prefix(K::PREFIX).and_then(|rest| rest.strip_prefix('_')).ok_or_else(refuse)?;
        if hex.len() != 32 {
            return Err(refuse());
        }
        Uuid::try_parse(hex).map(Self::from_uuid).map_err(|_| refuse())
    }
}

impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K> Copy for Id<K> {}
impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<K> Eq for Id<K> {}
impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}
impl<K> hash::Hash for Id<K> {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<K: Kind> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, K: Kind> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(|error: Error| de::Error::custom(error.message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeededChance;

    #[test]
    fn prefixes_are_unique_and_three_letters() {
        let mut seen = std::collections::HashSet::new();
        for (prefix, noun) in PREFIXES {
            assert!(seen.insert(prefix), "prefix {prefix} of {noun} is taken");
            assert!(prefix.len() == 3 && prefix.bytes().all(|b| b.is_ascii_lowercase()));
        }
    }

    #[test]
    fn text_round_trip_keeps_kind_and_refuses_another() {
        let chance = SeededChance::new(1);
        let id = PartyId::at(Timestamp::from_micros(1_700_000_000_000_000), &chance);
        let text = id.to_string();
        assert_eq!(text.parse::<PartyId>().unwrap(), id);
        assert_eq!(text.parse::<UserId>().unwrap_err().code, "kernel.id.malformed");
        assert!("pty_zz".parse::<PartyId>().is_err());
        assert_eq!(serde_json::from_str::<PartyId>(&serde_json::to_string(&id).unwrap()).unwrap(), id);
    }

    #[test]
    fn same_seed_and_time_give_the_same_id() {
        let at = Timestamp::from_micros(5_000_000);
        assert_eq!(PartyId::at(at, &SeededChance::new(7)), PartyId::at(at, &SeededChance::new(7)));
    }
}
