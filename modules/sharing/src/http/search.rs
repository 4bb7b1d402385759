use appkit::{Caller, Host, Json, Policy, Problem, Routes, routes};
use axum::extract::State;
use kernel::Window;
use record::wire::WindowSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    capabilities::CapabilityView,
    wire::{BasisBody, CostView, PlaceBody},
};
use crate::{
    app,
    domain::{
        capability::EnvelopeMm,
        rank::{Score, Weights},
        requirement::Requirement,
    },
};

pub(super) fn routes() -> Routes {
    Routes::new("sharing").add(Policy::view("sharing.capability.search"), routes!(search))
}

/// What is needed. What is absent does not matter.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SharingRequirement)]
struct SearchRequest {
    /// Class at any level; narrower offers match.
    #[serde(default)]
    class: Option<String>,
    /// Material code.
    #[serde(default)]
    material: Option<String>,
    /// Sides of the part, in any order.
    #[serde(default)]
    part_mm: Option<[u32; 3]>,
    /// Tolerance needed, half width in micrometres.
    #[serde(default)]
    tolerance_um: Option<u32>,
    /// Roughness Ra needed, in nanometres.
    #[serde(default)]
    roughness_nm: Option<u32>,
    /// Pieces; 1 when absent.
    #[serde(default = "one")]
    lot: u32,
    /// Certificates that must hold when the work is done.
    #[serde(default)]
    certificates: Vec<String>,
    /// Whether only measured quality counts.
    #[serde(default)]
    assured_only: bool,
    /// When the work should be done; within thirty days when absent.
    #[serde(default)]
    #[schema(value_type = Option<WindowSchema>)]
    window: Option<Window>,
    /// Where the parts are needed.
    #[serde(default)]
    place: Option<PlaceBody>,
    /// What matters how much.
    #[serde(default)]
    weights: WeightsBody,
}

fn one() -> u32 {
    1
}

/// Weights of the soft ranking; only their ratios matter.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = SharingWeights)]
struct WeightsBody {
    /// Cheap.
    price: u32,
    /// Near.
    distance: u32,
    /// Soon.
    availability: u32,
    /// Measured quality.
    quality: u32,
}

impl Default for WeightsBody {
    fn default() -> Self {
        let Weights { price, distance, availability, quality } = Weights::default();
        Self { price, distance, availability, quality }
    }
}

/// The parts of a score, each 0–1000, and their weighted mean.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SharingScore)]
struct ScoreView {
    /// 1000 for the cheapest.
    price: u32,
    /// 1000 on the spot, 500 at 100 km.
    distance: u32,
    /// 1000 now, 500 in a day, 0 without a slot.
    availability: u32,
    /// 0 up to Cpk 1.0 or unmeasured, 1000 from 2.0.
    quality: u32,
    /// Weighted mean.
    total: u32,
}

impl From<Score> for ScoreView {
    fn from(score: Score) -> Self {
        let Score { price, distance, availability, quality, total } = score;
        Self { price, distance, availability, quality, total }
    }
}

/// What the whole lot would cost at most on a basis.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SharingEstimate)]
struct EstimateView {
    /// What is counted.
    basis: BasisBody,
    /// The cost.
    cost: CostView,
}

/// An offer that meets every constraint.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SharingMatch)]
struct MatchView {
    /// The offer.
    capability: CapabilityView,
    /// Its score.
    score: ScoreView,
    /// Its cost, per basis offered.
    estimates: Vec<EstimateView>,
    /// Distance, when a place was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    distance_km: Option<u32>,
    /// The first free slot that is long enough.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<WindowSchema>)]
    earliest: Option<Window>,
}

/// An offer that does not match: the first constraint that failed, with both sides.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SharingRejected)]
struct RejectedView {
    /// The offer.
    capability: CapabilityView,
    /// `offered`, `process`, `material`, `envelope`, `tolerance`, `roughness`, `lot`, `certificate` or `assurance`.
    constraint: &'static str,
    /// What is needed.
    needed: String,
    /// What is offered.
    offered: String,
}

/// The answer: at most a hundred of each, and how many there are.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SharingFound)]
struct FoundView {
    /// Best first.
    matches: Vec<MatchView>,
    /// How many match.
    matches_total: usize,
    /// Those nearest to matching first.
    rejected: Vec<RejectedView>,
    /// How many do not match.
    rejected_total: usize,
}

/// Searches the capabilities that other organisations offer.
#[utoipa::path(post, path = "/api/v1/sharing/search", tag = "sharing", request_body = SearchRequest,
    responses((status = 200, body = FoundView), (status = 400, body = Problem)))]
async fn search(
    State(host): State<Host>,
    caller: Caller,
    Json(request): Json<SearchRequest>,
) -> appkit::Result<Json<FoundView>> {
    let WeightsBody { price, distance, availability, quality } = request.weights;
    let need = Requirement {
        class: request.class,
        material: request.material,
        part: request.part_mm.map(|sides| EnvelopeMm { sides }),
        tolerance_um: request.tolerance_um,
        roughness_nm: request.roughness_nm,
        lot: request.lot,
        certificates: request.certificates,
        assured_only: request.assured_only,
        window: request.window,
        place: request.place.map(Into::into),
    };
    let found = app::search(&host, caller.tenant, &need, Weights { price, distance, availability, quality }).await?;
    let matched = |hit: app::Match| MatchView {
        capability: CapabilityView::of(&host, caller.tenant, &hit.capability),
        score: hit.score.into(),
        estimates: hit
            .estimates
            .iter()
            .map(|(basis, cost)| EstimateView { basis: (*basis).into(), cost: cost.into() })
            .collect(),
        distance_km: hit.distance_km,
        earliest: hit.earliest,
    };
    let rejected = |no: app::Rejected| RejectedView {
        capability: CapabilityView::of(&host, caller.tenant, &no.capability),
        constraint: no.refusal.constraint.name(),
        needed: no.refusal.needed,
        offered: no.refusal.offered,
    };
    Ok(Json(FoundView {
        matches: found.matches.into_iter().map(matched).collect(),
        matches_total: found.matches_total,
        rejected: found.rejected.into_iter().map(rejected).collect(),
        rejected_total: found.rejected_total,
    }))
}
