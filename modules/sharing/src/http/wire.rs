//! Forms that several nouns share on the wire.

use appkit::Host;
use contracts::twin::MachineDirectory;
use kernel::{Decimal, Error, ErrorKind, Money, id::AssetId};
use record::wire::MoneySchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::{
    booking::Cost,
    capability::Place,
    price::{Basis, PriceRule},
};

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SharingBasis)]
pub enum BasisBody {
    /// Hours in which the machine ran.
    Time,
    /// A share of the value of the good pieces.
    Value,
    /// Good pieces.
    Pieces,
}

impl From<BasisBody> for Basis {
    fn from(body: BasisBody) -> Self {
        match body {
            BasisBody::Time => Basis::Time,
            BasisBody::Value => Basis::Value,
            BasisBody::Pieces => Basis::Pieces,
        }
    }
}
impl From<Basis> for BasisBody {
    fn from(basis: Basis) -> Self {
        match basis {
            Basis::Time => BasisBody::Time,
            Basis::Value => BasisBody::Value,
            Basis::Pieces => BasisBody::Pieces,
        }
    }
}

/// A price for one basis: `max(minimum, unit price × quantity)`, for `value` times the percentage.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SharingPrice)]
pub struct PriceBody {
    /// What is counted.
    pub basis: BasisBody,
    /// Net price per hour or per good piece; for `value` the declared value of one good piece.
    #[schema(value_type = MoneySchema)]
    pub unit_price: Money,
    /// For `value` only: per cent of the value that is charged.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub percent: Option<Decimal>,
    /// Least net charge of a job; nothing when absent.
    #[serde(default)]
    #[schema(value_type = Option<MoneySchema>)]
    pub minimum: Option<Money>,
}

impl From<PriceBody> for PriceRule {
    fn from(body: PriceBody) -> Self {
        let minimum = body.minimum.unwrap_or(Money::zero(body.unit_price.currency()));
        Self { basis: body.basis.into(), unit_price: body.unit_price, percent: body.percent, minimum }
    }
}
impl From<&PriceRule> for PriceBody {
    fn from(rule: &PriceRule) -> Self {
        Self {
            basis: rule.basis.into(),
            unit_price: rule.unit_price,
            percent: rule.percent,
            minimum: Some(rule.minimum),
        }
    }
}

/// Net, tax and gross.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = SharingCost)]
pub struct CostView {
    /// Without tax.
    #[schema(value_type = MoneySchema)]
    pub net: Money,
    /// Value-added tax.
    #[schema(value_type = MoneySchema)]
    pub tax: Money,
    /// To be paid.
    #[schema(value_type = MoneySchema)]
    pub gross: Money,
}

impl From<&Cost> for CostView {
    fn from(cost: &Cost) -> Self {
        Self { net: cost.net, tax: cost.tax, gross: cost.gross }
    }
}

/// A place: degrees in WGS 84, times 10⁶.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SharingPlace)]
pub struct PlaceBody {
    /// Latitude, ±90 000 000.
    pub lat_e6: i32,
    /// Longitude, ±180 000 000.
    pub lon_e6: i32,
}

impl From<PlaceBody> for Place {
    fn from(body: PlaceBody) -> Self {
        Self { lat_e6: body.lat_e6, lon_e6: body.lon_e6 }
    }
}
impl From<Place> for PlaceBody {
    fn from(place: Place) -> Self {
        Self { lat_e6: place.lat_e6, lon_e6: place.lon_e6 }
    }
}

/// What a listing tells about the machine behind it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = SharingMachine)]
pub struct MachineView {
    /// The asset.
    #[schema(value_type = String)]
    pub asset: AssetId,
    /// Its name; absent when the machine is no longer connected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its kind, such as `cnc`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

impl MachineView {
    pub fn of(host: &Host, asset: AssetId) -> Self {
        let facts = host.port::<dyn MachineDirectory>().machine(asset);
        Self {
            asset,
            name: facts.as_ref().map(|facts| facts.name.clone()),
            kind: facts.map(|facts| facts.kind.clone()),
        }
    }
}

/// The answer to a look that is not permitted is the one for what does not exist.
pub fn as_unknown(unknown: fn() -> Error) -> impl Fn(Error) -> Error {
    move |error| if error.kind == ErrorKind::NotFound { unknown() } else { error }
}
