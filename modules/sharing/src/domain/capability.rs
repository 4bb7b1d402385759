//! What a machine offers, as typed constraints, and its life: draft → published → assured ⇄ lapsed → withdrawn.

use kernel::{
    Decimal, Error, Money, Result, Timestamp,
    id::{AssetId, CapabilityId, PartyId, ResourceId},
};

use super::price::PriceRule;

/// The life of a capability.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Being written; nobody else sees it.
    Draft,
    /// Offered as stated by its owner.
    Published,
    /// Offered, and its tolerance is measured.
    Assured,
    /// Its measured evidence expired: not offered until measured again.
    Lapsed,
    /// No longer offered.
    Withdrawn,
}

impl State {
    /// Stored name.
    pub fn name(self) -> &'static str {
        match self {
            State::Draft => "draft",
            State::Published => "published",
            State::Assured => "assured",
            State::Lapsed => "lapsed",
            State::Withdrawn => "withdrawn",
        }
    }

    /// Whether it can be found and booked.
    pub fn offered(self) -> bool {
        matches!(self, State::Published | State::Assured)
    }

    fn moved(self, to: State, allowed: bool) -> Result<State> {
        if allowed {
            return Ok(to);
        }
        Err(Error::conflict(
            "sharing.capability.state",
            format!("a capability that is {} cannot become {}", self.name(), to.name()),
        )
        .hint("read its state again"))
    }

    /// Offers it.
    pub fn publish(self) -> Result<State> {
        self.moved(State::Published, matches!(self, State::Draft | State::Lapsed | State::Withdrawn))
    }
    /// Its tolerance was measured and holds.
    pub fn assure(self) -> Result<State> {
        self.moved(State::Assured, matches!(self, State::Published | State::Assured | State::Lapsed))
    }
    /// The evidence expired, or a newer measurement does not hold.
    pub fn lapse(self) -> Result<State> {
        self.moved(State::Lapsed, matches!(self, State::Assured))
    }
    /// Takes it off the market.
    pub fn withdraw(self) -> Result<State> {
        self.moved(State::Withdrawn, !matches!(self, State::Withdrawn))
    }
}

impl std::str::FromStr for State {
    type Err = Error;
    fn from_str(name: &str) -> Result<Self> {
        [State::Draft, State::Published, State::Assured, State::Lapsed, State::Withdrawn]
            .into_iter()
            .find(|state| state.name() == name)
            .ok_or_else(|| Error::corrupt("sharing.capability.state-unknown", format!("no state {name:?}")))
    }
}

/// The largest part that fits, in millimetres.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EnvelopeMm {
    /// Sides in any order; a part may be turned.
    pub sides: [u32; 3],
}

impl EnvelopeMm {
    /// Whether a part of these sides fits in some orientation along the axes.
    pub fn holds(&self, part: &EnvelopeMm) -> bool {
        let sorted = |sides: [u32; 3]| {
            let mut sides = sides;
            sides.sort_unstable();
            sides
        };
        sorted(self.sides).iter().zip(sorted(part.sides)).all(|(room, side)| *room >= side)
    }
}

/// A certificate and how long it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Scheme, such as `ISO 9001` or `IATF 16949`.
    pub scheme: String,
    /// First moment at which it no longer holds.
    pub expires_at: Timestamp,
}

/// A measured process capability index and how long it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assurance {
    /// Measured Cpk for the stated tolerance.
    pub cpk: Decimal,
    /// Parts measured.
    pub parts: u32,
    /// When it was measured.
    pub measured_at: Timestamp,
    /// First moment at which it no longer counts.
    pub expires_at: Timestamp,
}

/// Where the machine stands, for distances: degrees in WGS 84, times 10⁶.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Latitude.
    pub lat_e6: i32,
    /// Longitude.
    pub lon_e6: i32,
}

impl Place {
    /// Great-circle distance in whole kilometres (haversine, mean Earth radius 6 371 km).
    pub fn distance_km(&self, other: &Place) -> u32 {
        let rad = |e6: i32| f64::from(e6) / 1e6 * std::f64::consts::PI / 180.0;
        let (lat1, lat2) = (rad(self.lat_e6), rad(other.lat_e6));
        let (dlat, dlon) = (lat2 - lat1, rad(other.lon_e6) - rad(self.lon_e6));
        let a = (dlat / 2.0).sin().powi(2) + lat1.cos() * lat2.cos() * (dlon / 2.0).sin().powi(2);
        (2.0 * 6371.0 * a.sqrt().min(1.0).asin()).round() as u32
    }
}

/// A capability of a connected machine.
#[derive(Debug, Clone, PartialEq)]
pub struct Capability {
    /// Id.
    pub id: CapabilityId,
    /// Its owner.
    pub provider: PartyId,
    /// The machine.
    pub asset: AssetId,
    /// The machine as a resource of the record: what commitments reserve.
    pub resource: ResourceId,
    /// Title for people.
    pub title: String,
    /// Class of the catalogue, level 3.
    pub class: String,
    /// Materials it takes: codes such as `metal.aluminium.6061`, parents cover children.
    pub materials: Vec<String>,
    /// The largest part.
    pub envelope: EnvelopeMm,
    /// The finest tolerance it holds, half width in micrometres.
    pub tolerance_um: u32,
    /// The finest roughness Ra it makes, in nanometres.
    pub roughness_nm: u32,
    /// Smallest lot.
    pub lot_min: u32,
    /// Largest lot.
    pub lot_max: u32,
    /// Certificates.
    pub certificates: Vec<Certificate>,
    /// Measured quality, when there is one.
    pub assurance: Option<Assurance>,
    /// Where it stands.
    pub place: Place,
    /// Prices, one per billing basis offered.
    pub prices: Vec<PriceRule>,
    /// Set-up charge per booking, net.
    pub setup: Money,
    /// Pieces per hour, for estimates.
    pub pieces_per_hour: Decimal,
    /// State.
    pub state: State,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_may_be_turned() {
        let room = EnvelopeMm { sides: [500, 300, 200] };
        assert!(room.holds(&EnvelopeMm { sides: [200, 500, 300] }));
        assert!(!room.holds(&EnvelopeMm { sides: [201, 500, 300] }));
    }

    #[test]
    fn distance_beijing_shanghai() {
        let beijing = Place { lat_e6: 39_904_200, lon_e6: 116_407_400 };
        let shanghai = Place { lat_e6: 31_230_400, lon_e6: 121_473_700 };
        assert!((1060..=1075).contains(&beijing.distance_km(&shanghai)));
    }

    #[test]
    fn only_named_transitions_exist() {
        assert_eq!(State::Draft.publish().unwrap(), State::Published);
        assert_eq!(State::Assured.lapse().unwrap(), State::Lapsed);
        assert_eq!(State::Published.lapse().unwrap_err().code, "sharing.capability.state");
        assert!(State::Draft.assure().is_err() && State::Withdrawn.withdraw().is_err());
        assert!(!State::Lapsed.offered());
    }
}
