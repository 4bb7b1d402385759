use std::collections::HashMap;

use appkit::Host;
use kernel::{Result, Timestamp, Window, id::PartyId};

use crate::{
    config::{HORIZON, SEARCH_ROWS},
    domain::{
        booking::{Cost, most},
        calendar::{Opening, first_free},
        capability::Capability,
        price::Basis,
        rank::{Candidate, Score, Weights, rank},
        requirement::{Refusal, Requirement, matches},
    },
    store::{
        capability::{capability_market, opening_by_asset},
        slot::slot_kept_by_asset,
    },
};

/// An offer that meets every hard constraint.
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    /// The offer.
    pub capability: Capability,
    /// What the whole lot would cost at most, per basis offered.
    pub estimates: Vec<(Basis, Cost)>,
    /// Distance to where the parts are needed, when that was said.
    pub distance_km: Option<u32>,
    /// The first free slot that is long enough.
    pub earliest: Option<Window>,
    /// The parts of its score.
    pub score: Score,
}

/// An offer that does not match, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Rejected {
    /// The offer.
    pub capability: Capability,
    /// The first constraint that failed, with both sides.
    pub refusal: Refusal,
}

/// The answer to a search.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The best matches, best first.
    pub matches: Vec<Match>,
    /// How many match.
    pub matches_total: usize,
    /// Those that came nearest to matching, nearest first.
    pub rejected: Vec<Rejected>,
    /// How many do not.
    pub rejected_total: usize,
}

/// Finds offers of other organisations: the hard match decides and explains, the soft ranking sorts.
///
/// # Errors
/// `sharing.requirement.malformed`.
pub async fn search(host: &Host, buyer: PartyId, need: &Requirement, weights: Weights) -> Result<Found> {
    need.check()?;
    let (db, now) = (host.db(), host.now());
    let (mut offers, mut rejected) = (Vec::new(), Vec::new());
    for capability in capability_market(db).await? {
        // Nobody books a machine of their own.
        if capability.provider == buyer {
            continue;
        }
        let capability = capability.as_of(now);
        match matches(need, &capability, now) {
            Ok(()) => offers.push(capability),
            Err(refusal) => rejected.push(Rejected { capability, refusal }),
        }
    }
    let window = need.window.unwrap_or(Window { from: now, to: now + HORIZON });
    let window = Window { from: window.from.max(now), ..window };
    let kept = slot_kept_by_asset(db, window, now).await?;
    let openings = opening_by_asset(db).await?;
    let mut found = Vec::with_capacity(offers.len());
    for capability in offers {
        let reserved = kept.get(&capability.asset).map_or(&[][..], Vec::as_slice);
        let earliest = earliest(&capability, need.lot, window, &openings, reserved);
        let distance_km = need.place.map(|place| place.distance_km(&capability.terms.place));
        let estimates = estimates(&capability, need.lot, now)?;
        found.push(Match { capability, estimates, distance_km, earliest, score: Score::default() });
    }
    let candidates: Vec<Candidate> = found.iter().map(candidate).collect();
    for (hit, score) in found.iter_mut().zip(rank(&candidates, weights, now)) {
        hit.score = score;
    }
    let (matches_total, rejected_total) = (found.len(), rejected.len());
    // Equal scores in the order of their ids, so that the same question has the same answer.
    found.sort_by_key(|hit| (std::cmp::Reverse(hit.score.total), hit.capability.id));
    rejected.sort_by_key(|no| (std::cmp::Reverse(no.refusal.constraint), no.capability.id));
    found.truncate(SEARCH_ROWS);
    rejected.truncate(SEARCH_ROWS);
    Ok(Found { matches: found, matches_total, rejected, rejected_total })
}

fn earliest(
    capability: &Capability,
    lot: u32,
    window: Window,
    openings: &HashMap<kernel::id::AssetId, Opening>,
    reserved: &[Window],
) -> Option<Window> {
    if window.from >= window.to {
        return None;
    }
    let always = Opening::default();
    let opening = openings.get(&capability.asset).unwrap_or(&always);
    first_free(opening, reserved, window.from, capability.terms.work_time(lot), window.length())
}

/// What the lot costs at most if the machine makes it in the time that its rate says.
fn estimates(capability: &Capability, lot: u32, now: Timestamp) -> Result<Vec<(Basis, Cost)>> {
    let terms = &capability.terms;
    let slot = Window { from: now, to: now + terms.work_time(lot) };
    let cost = |rule: &crate::domain::price::PriceRule| most(rule, terms.setup, terms.tax_percent, &[slot], lot);
    terms.prices.iter().map(|rule| Ok((rule.basis, cost(rule)?))).collect()
}

fn candidate(hit: &Match) -> Candidate {
    let terms = &hit.capability.terms;
    let price = hit.estimates.iter().map(|(_, cost)| cost.net).min_by_key(|net| net.minor()).unwrap_or(terms.setup);
    Candidate {
        price,
        distance_km: hit.distance_km,
        earliest: hit.earliest.map(|slot| slot.from),
        cpk_milli: hit.capability.cpk_milli(),
    }
}
