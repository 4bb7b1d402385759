//! The soft ranking of offers that match: price, distance, availability, measured quality. Every part of a score is shown.

use std::collections::HashMap;

use kernel::{Currency, Money, Timestamp};

/// What is known about an offer that matches.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Estimated net price of the whole job.
    pub price: Money,
    /// Distance; none when the buyer named no place.
    pub distance_km: Option<u32>,
    /// When the first fitting slot begins; none when there is none in the horizon.
    pub earliest: Option<Timestamp>,
    /// Measured Cpk × 1 000, rounded down; none when only stated.
    pub cpk_milli: Option<u32>,
}

/// Weights in thousandths; they need not sum to anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weights {
    /// Cheap.
    pub price: u32,
    /// Near.
    pub distance: u32,
    /// Soon.
    pub availability: u32,
    /// Good.
    pub quality: u32,
}

impl Default for Weights {
    fn default() -> Self {
        Self { price: 400, distance: 150, availability: 250, quality: 200 }
    }
}

/// The parts of a score, each 0–1 000, and their weighted mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Score {
    /// 1 000 for the cheapest, falling in proportion to the price.
    pub price: u32,
    /// 1 000 on the spot, 500 at 100 km, falling on.
    pub distance: u32,
    /// 1 000 now, 500 in a day, falling on; 0 without a slot.
    pub availability: u32,
    /// 0 below Cpk 1.0 or unmeasured, 1 000 from Cpk 2.0.
    pub quality: u32,
    /// Weighted mean.
    pub total: u32,
}

/// Scores all candidates against one another. Prices are compared within their currency: without a rate there is no order
/// between two.
pub fn rank(candidates: &[Candidate], weights: Weights, now: Timestamp) -> Vec<Score> {
    let mut cheapest: HashMap<Currency, i64> = HashMap::new();
    for price in candidates.iter().map(|candidate| candidate.price) {
        let least = cheapest.entry(price.currency()).or_insert(i64::MAX);
        *least = price.minor().max(1).min(*least);
    }
    candidates.iter().map(|candidate| score(candidate, cheapest[&candidate.price.currency()], weights, now)).collect()
}

fn score(candidate: &Candidate, cheapest: i64, weights: Weights, now: Timestamp) -> Score {
    let price = (i128::from(cheapest) * 1000 / i128::from(candidate.price.minor().max(1))) as u32;
    let distance = candidate.distance_km.map_or(1000, |km| 100_000 / (100 + km));
    let availability = candidate.earliest.map_or(0, |at| {
        let minutes = ((at - now).micros() / 60_000_000).max(0);
        (1_440_000 / (1440 + minutes)) as u32
    });
    let quality = candidate.cpk_milli.map_or(0, |cpk| cpk.saturating_sub(1000).min(1000));
    let parts = [
        (price, weights.price),
        (distance, weights.distance),
        (availability, weights.availability),
        (quality, weights.quality),
    ];
    let sum: u64 = parts.iter().map(|(_, weight)| u64::from(*weight)).sum();
    let weighted: u64 = parts.iter().map(|(part, weight)| u64::from(*part) * u64::from(*weight)).sum();
    let total = weighted.checked_div(sum).unwrap_or(0) as u32;
    Score { price, distance, availability, quality, total }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_better_offer_wins_on_each_axis_alone() {
        let now = Timestamp::default();
        let base = Candidate {
            price: Money::from_minor(10_000, Currency::CNY),
            distance_km: Some(50),
            earliest: Some(now),
            cpk_milli: Some(1_330),
        };
        let worse = [
            Candidate { price: Money::from_minor(20_000, Currency::CNY), ..base.clone() },
            Candidate { distance_km: Some(500), ..base.clone() },
            Candidate { earliest: None, ..base.clone() },
            Candidate { cpk_milli: None, ..base.clone() },
        ];
        for other in worse {
            let scores = rank(&[base.clone(), other], Weights::default(), now);
            assert!(scores[0].total > scores[1].total, "{scores:?}");
        }
    }
}
