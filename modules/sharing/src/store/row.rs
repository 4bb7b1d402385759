//! The forms in which this room's values are stored as JSON. Private: the API and the domain have their own.

use kernel::{
    Decimal, Money, Result, Timestamp, Window,
    id::{CommitmentId, OfferId},
};
use serde::{Deserialize, Serialize};

use crate::domain::{
    booking::Cost,
    calendar::Opening,
    capability::{Assurance, Certificate},
    price::PriceRule,
};

#[derive(Serialize, Deserialize)]
pub(super) struct CapabilityDoc {
    pub title: String,
    pub materials: Vec<String>,
    pub envelope_mm: [u32; 3],
    pub tolerance_um: u32,
    pub roughness_nm: u32,
    pub lot_min: u32,
    pub lot_max: u32,
    pub certificates: Vec<CertificateDoc>,
    pub assurance: Option<AssuranceDoc>,
    pub lat_e6: i32,
    pub lon_e6: i32,
    pub prices: Vec<PriceDoc>,
    pub setup: Money,
    pub tax_percent: Decimal,
    pub pieces_per_hour: Decimal,
    pub dispute_window_us: i64,
    pub offer: Option<OfferId>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct CertificateDoc {
    scheme: String,
    expires_at: Timestamp,
}

impl From<&Certificate> for CertificateDoc {
    fn from(certificate: &Certificate) -> Self {
        Self { scheme: certificate.scheme.clone(), expires_at: certificate.expires_at }
    }
}
impl From<CertificateDoc> for Certificate {
    fn from(doc: CertificateDoc) -> Self {
        Self { scheme: doc.scheme, expires_at: doc.expires_at }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct AssuranceDoc {
    cpk: Decimal,
    parts: u32,
    measured_at: Timestamp,
    expires_at: Timestamp,
}

impl From<&Assurance> for AssuranceDoc {
    fn from(a: &Assurance) -> Self {
        Self { cpk: a.cpk, parts: a.parts, measured_at: a.measured_at, expires_at: a.expires_at }
    }
}
impl From<AssuranceDoc> for Assurance {
    fn from(doc: AssuranceDoc) -> Self {
        Self { cpk: doc.cpk, parts: doc.parts, measured_at: doc.measured_at, expires_at: doc.expires_at }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct PriceDoc {
    basis: String,
    unit_price: Money,
    percent: Option<Decimal>,
    minimum: Money,
}

impl From<&PriceRule> for PriceDoc {
    fn from(rule: &PriceRule) -> Self {
        Self {
            basis: rule.basis.name().into(),
            unit_price: rule.unit_price,
            percent: rule.percent,
            minimum: rule.minimum,
        }
    }
}
impl TryFrom<PriceDoc> for PriceRule {
    type Error = kernel::Error;
    fn try_from(doc: PriceDoc) -> Result<Self> {
        Ok(Self { basis: doc.basis.parse()?, unit_price: doc.unit_price, percent: doc.percent, minimum: doc.minimum })
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct BookingDoc {
    pub part: String,
    pub price: PriceDoc,
    pub setup: Money,
    pub tax_percent: Decimal,
    pub slots: Vec<Window>,
    pub pieces: u32,
    pub most: [Money; 3],
    pub reserved: Vec<CommitmentId>,
    pub promised: CommitmentId,
    pub dispute_window_us: i64,
}

pub(super) fn cost_of([net, tax, gross]: [Money; 3]) -> Cost {
    Cost { net, tax, gross }
}

#[derive(Serialize, Deserialize)]
pub(super) struct OpeningDoc {
    utc_offset_min: i32,
    minutes: Vec<(u32, u32)>,
}

impl From<&Opening> for OpeningDoc {
    fn from(opening: &Opening) -> Self {
        Self { utc_offset_min: opening.utc_offset_min, minutes: opening.minutes.clone() }
    }
}
impl From<OpeningDoc> for Opening {
    fn from(doc: OpeningDoc) -> Self {
        Self { utc_offset_min: doc.utc_offset_min, minutes: doc.minutes }
    }
}

pub(super) fn text<T: Serialize>(doc: &T) -> Result<String> {
    serde_json::to_string(doc)
        .map_err(|error| kernel::Error::internal("sharing.store.write", "a record cannot be written").because(error))
}
