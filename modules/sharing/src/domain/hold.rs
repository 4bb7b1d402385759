//! A slot kept for a buyer while deciding: it keeps others out until it is used, released or its time is over.

use kernel::{
    Duration, Error, Result, Timestamp, Window,
    id::{AssetId, CapabilityId, HoldId, PartyId},
};

/// Shortest and longest time for which slots are held, in minutes.
pub const MINUTES: std::ops::RangeInclusive<u32> = 1..=30;

/// The life of a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Keeps others out until it expires.
    Held,
    /// Became a booking.
    Used,
    /// Given back.
    Released,
    /// Its time was over.
    Expired,
}

impl State {
    /// Stored name.
    pub fn name(self) -> &'static str {
        match self {
            State::Held => "held",
            State::Used => "used",
            State::Released => "released",
            State::Expired => "expired",
        }
    }

    /// Moves on: a held one may become anything else, and then nothing more.
    pub fn to(self, next: State) -> Result<State> {
        match (self, next) {
            (State::Held, State::Used | State::Released | State::Expired) => Ok(next),
            _ => Err(Error::conflict(
                "sharing.hold.state",
                format!("a hold that is {} cannot become {}", self.name(), next.name()),
            )
            .hint("hold the slots again")),
        }
    }
}

impl std::str::FromStr for State {
    type Err = Error;
    fn from_str(name: &str) -> Result<Self> {
        [State::Held, State::Used, State::Released, State::Expired]
            .into_iter()
            .find(|state| state.name() == name)
            .ok_or_else(|| Error::corrupt("sharing.hold.state-unknown", format!("no state {name:?}")))
    }
}

/// Slots kept for a buyer.
#[derive(Debug, Clone, PartialEq)]
pub struct Hold {
    /// Id.
    pub id: HoldId,
    /// What it is about.
    pub capability: CapabilityId,
    /// The machine.
    pub asset: AssetId,
    /// For whom.
    pub buyer: PartyId,
    /// The slots, sorted.
    pub slots: Vec<Window>,
    /// First moment at which it no longer keeps others out.
    pub expires_at: Timestamp,
    /// State.
    pub state: State,
}

impl Hold {
    /// As it counts at a moment: one whose time is over has expired, whether or not somebody noted it yet.
    pub fn as_of(mut self, now: Timestamp) -> Self {
        if self.state == State::Held && self.expires_at <= now {
            self.state = State::Expired;
        }
        self
    }
}

/// How long a hold of so many minutes lasts.
pub fn length(minutes: u32) -> Result<Duration> {
    if MINUTES.contains(&minutes) {
        return Ok(Duration::from_mins(i64::from(minutes)));
    }
    Err(Error::invalid("sharing.hold.length", format!("slots are not held for {minutes} minutes"))
        .hint("hold them for 1 to 30 minutes, and book before it ends")
        .field("/minutes", "must be 1 to 30"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_ends_once() {
        assert_eq!(State::Held.to(State::Used).unwrap(), State::Used);
        assert_eq!(State::Used.to(State::Released).unwrap_err().code, "sharing.hold.state");
        assert_eq!(State::Expired.to(State::Used).unwrap_err().code, "sharing.hold.state");
    }

    #[test]
    fn it_lasts_one_to_thirty_minutes() {
        assert_eq!(length(10).unwrap(), Duration::from_mins(10));
        assert_eq!(length(31).unwrap_err().code, "sharing.hold.length");
        assert!(length(0).is_err());
    }
}
