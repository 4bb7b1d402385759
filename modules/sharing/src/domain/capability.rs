//! What a machine offers, as typed constraints, and its life: draft → published ⇄ assured → lapsed, and withdrawn from anywhere.

use kernel::{
    Decimal, Duration, Error, Money, Result, Timestamp,
    id::{AssetId, CapabilityId, OfferId, PartyId, ResourceId},
};
use rust_decimal::prelude::ToPrimitive;

use super::{
    catalogue::Class,
    price::{AMOUNT_MAX_MINOR, Basis, PriceRule},
};

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
    fn on_earth(&self) -> bool {
        (-90_000_000..=90_000_000).contains(&self.lat_e6) && (-180_000_000..=180_000_000).contains(&self.lon_e6)
    }

    /// Great-circle distance in whole kilometres (haversine, mean Earth radius 6 371 km).
    pub fn distance_km(&self, other: &Place) -> u32 {
        let rad = |e6: i32| f64::from(e6) / 1e6 * std::f64::consts::PI / 180.0;
        let (lat1, lat2) = (rad(self.lat_e6), rad(other.lat_e6));
        let (dlat, dlon) = (lat2 - lat1, rad(other.lon_e6) - rad(self.lon_e6));
        let a = (dlat / 2.0).sin().powi(2) + lat1.cos() * lat2.cos() * (dlon / 2.0).sin().powi(2);
        (2.0 * 6371.0 * a.sqrt().min(1.0).asin()).round() as u32
    }
}

/// What is offered, as its owner states it.
#[derive(Debug, Clone, PartialEq)]
pub struct Terms {
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
    /// Where the machine stands.
    pub place: Place,
    /// Prices, one per billing basis offered.
    pub prices: Vec<PriceRule>,
    /// Set-up charge per booking, net.
    pub setup: Money,
    /// Value-added tax of its invoices, in per cent.
    pub tax_percent: Decimal,
    /// Pieces per hour, for estimates.
    pub pieces_per_hour: Decimal,
    /// How long a buyer may object after the invoice.
    pub dispute_window: Duration,
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
    /// What is offered.
    pub terms: Terms,
    /// Measured quality, when there is one.
    pub assurance: Option<Assurance>,
    /// The offer in the record, while it is offered.
    pub offer: Option<OfferId>,
    /// State.
    pub state: State,
}

impl Capability {
    /// As it counts at a moment: evidence that has expired has lapsed, whether or not somebody noted it yet.
    pub fn as_of(mut self, now: Timestamp) -> Self {
        let expired = self.assurance.as_ref().is_some_and(|assurance| assurance.expires_at <= now);
        if expired && self.state == State::Assured {
            self.state = State::Lapsed;
        }
        self
    }

    /// Refuses unless it can be held and booked.
    pub fn require_offered(&self) -> Result<()> {
        if self.state.offered() {
            return Ok(());
        }
        Err(Error::conflict("sharing.capability.not-offered", format!("this capability is {}", self.state.name()))
            .hint("search again for capabilities that are offered now"))
    }

    /// Measured Cpk × 1 000, when it counts now.
    pub fn cpk_milli(&self) -> Option<u32> {
        let assurance = self.assurance.as_ref().filter(|_| self.state == State::Assured)?;
        (assurance.cpk * Decimal::from(1000)).trunc().to_u32()
    }

    /// With other terms. Measured quality is about a tolerance: with another one it says nothing.
    pub fn restated(mut self, terms: Terms) -> Self {
        if terms.tolerance_um != self.terms.tolerance_um {
            self.assurance = None;
            if self.state == State::Assured {
                self.state = State::Published;
            }
        }
        self.terms = terms;
        self
    }
}

impl Terms {
    /// Machine time that so many pieces need, in quarters of an hour, rounded up: for estimates.
    pub fn work_time(&self, pieces: u32) -> Duration {
        let quarters = (Decimal::from(pieces) * Decimal::from(4) / self.pieces_per_hour).ceil();
        // Above a year nothing fits a calendar: the bound keeps the arithmetic small.
        let quarters = quarters.to_i64().unwrap_or(i64::MAX).clamp(1, 4 * 24 * 366);
        Duration::from_mins(15 * quarters)
    }

    /// The price rule of a basis.
    pub fn price(&self, basis: Basis) -> Result<&PriceRule> {
        self.prices.iter().find(|rule| rule.basis == basis).ok_or_else(|| {
            Error::conflict("sharing.basis.not-offered", format!("this capability is not offered by {}", basis.name()))
                .hint("choose one of the bases that its page shows")
        })
    }

    /// Refuses what could never be matched, booked or billed; every wrong field is named.
    pub fn check(&self) -> Result<()> {
        let mut error = Error::invalid("sharing.capability.malformed", "the capability cannot be offered like this")
            .hint("correct the named fields");
        let mut wrong = |bad: bool, pointer: &str, rule: &str| {
            if bad {
                error.fields.push(kernel::FieldError { pointer: pointer.into(), message: rule.into() });
            }
        };
        let words =
            |list: &[String]| list.len() <= 50 && list.iter().all(|word| (1..=64).contains(&word.chars().count()));
        let schemes: Vec<String> = self.certificates.iter().map(|certificate| certificate.scheme.clone()).collect();
        let process = Class::of(&self.class).is_ok_and(|class| class.level() == 3);
        wrong(!process, "/class", "must be a process: a level-3 code of the catalogue");
        wrong(!(1..=120).contains(&self.title.trim().chars().count()), "/title", "must be 1 to 120 characters");
        wrong(
            self.materials.is_empty() || !words(&self.materials),
            "/materials",
            "must name 1 to 50 materials of 1 to 64 characters",
        );
        wrong(!words(&schemes), "/certificates", "must be at most 50, each scheme 1 to 64 characters");
        wrong(self.envelope.sides.contains(&0), "/envelope_mm", "sides must be above zero");
        wrong(self.tolerance_um == 0, "/tolerance_um", "must be above zero");
        wrong(
            self.lot_min == 0 || self.lot_max < self.lot_min,
            "/lot_max",
            "must not be below lot_min, which is at least 1",
        );
        wrong(!self.place.on_earth(), "/place", "latitude must be ±90°, longitude ±180°");
        self.check_money(&mut wrong);
        let rate = self.pieces_per_hour;
        wrong(
            rate < Decimal::new(1, 3) || rate > Decimal::from(1_000_000),
            "/pieces_per_hour",
            "must be 0.001 to 1 000 000",
        );
        let hours = self.dispute_window.micros() / Duration::from_hours(1).micros();
        let whole = self.dispute_window == Duration::from_hours(hours);
        wrong(!whole || !(1..=90 * 24).contains(&hours), "/dispute_window_h", "must be 1 to 2160 whole hours");
        if error.fields.is_empty() { Ok(()) } else { Err(error) }
    }

    fn check_money(&self, wrong: &mut impl FnMut(bool, &str, &str)) {
        let mut bases: Vec<&str> = self.prices.iter().map(|rule| rule.basis.name()).collect();
        bases.sort_unstable();
        bases.dedup();
        wrong(
            bases.is_empty() || bases.len() != self.prices.len(),
            "/prices",
            "must name one rule per basis, at least one",
        );
        for (index, rule) in self.prices.iter().enumerate() {
            for field in rule.check().err().map(|error| error.fields).unwrap_or_default() {
                wrong(true, &format!("/prices/{index}{}", field.pointer), &field.message);
            }
        }
        let currency = self.setup.currency();
        wrong(
            self.prices.iter().any(|r| r.unit_price.currency() != currency),
            "/prices",
            "must be in the currency of the set-up charge",
        );
        wrong(
            self.setup.minor() < 0 || self.setup.minor() > AMOUNT_MAX_MINOR,
            "/setup",
            "must be 0 to 10¹¹ minor units",
        );
        let tax = self.tax_percent;
        let tax_sane = tax >= Decimal::ZERO && tax < Decimal::ONE_HUNDRED && tax.scale() <= 4;
        wrong(!tax_sane, "/tax_percent", "must be 0 up to 100, with at most 4 decimals");
    }
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
