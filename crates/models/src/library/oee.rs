//! Overall equipment effectiveness. Exact decimals: it is paid by.

use kernel::{Decimal, Error, Result};

use super::{Card, formula, symbol};

/// What it is.
pub const CARD: Card = Card {
    id: "oee",
    name_zh: "设备综合效率",
    name_en: "Overall equipment effectiveness",
    inputs: &[
        symbol("pbt", "min", "planned busy time"),
        symbol("apt", "min", "actual production time"),
        symbol("pri", "min", "planned run time per item"),
        symbol("pq", "", "produced quantity"),
        symbol("gq", "", "good quantity"),
    ],
    results: &[
        formula("availability", "", "share of the planned time in production", "apt / pbt"),
        formula("effectiveness", "", "planned run time of what was made against the time it took", "pri * pq / apt"),
        formula("quality", "", "share of good items", "gq / pq"),
        formula("oee", "", "overall equipment effectiveness", "availability * effectiveness * quality"),
    ],
    assumptions: &["every item of the period has the same planned run time", "rework does not count as good quantity"],
    validity: &[
        "production time within planned busy time",
        "effectiveness above 1 means that the planned run time is wrong",
    ],
    source: "ISO 22400-2:2014, key performance indicators for manufacturing operations management",
};

/// The times and quantities of a period. Times are in one unit, whichever.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Period {
    /// Planned busy time.
    pub planned_busy_time: Decimal,
    /// Actual production time.
    pub production_time: Decimal,
    /// Planned run time per item.
    pub run_time_per_item: Decimal,
    /// Items made.
    pub produced: Decimal,
    /// Items made that are good.
    pub good: Decimal,
}

/// The indicators, each rounded to 12 decimals from the exact fraction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Oee {
    /// Actual production time ÷ planned busy time.
    pub availability: Decimal,
    /// Planned run time of what was made ÷ actual production time.
    pub effectiveness: Decimal,
    /// Good ÷ produced.
    pub quality: Decimal,
    /// Their product.
    pub oee: Decimal,
}

/// The indicators of a period.
pub fn oee(period: Period) -> Result<Oee> {
    let Period { planned_busy_time, production_time, run_time_per_item, produced, good } = period;
    require(planned_busy_time > Decimal::ZERO, "planned_busy_time", "must be more than 0")?;
    require(
        production_time > Decimal::ZERO,
        "production_time",
        "must be more than 0; without production there is no OEE",
    )?;
    require(production_time <= planned_busy_time, "production_time", "must not exceed the planned busy time")?;
    require(run_time_per_item > Decimal::ZERO, "run_time_per_item", "must be more than 0")?;
    require(produced > Decimal::ZERO, "produced", "must be more than 0; without products there is no OEE")?;
    require(good >= Decimal::ZERO && good <= produced, "good", "must be 0 to the produced quantity")?;
    let divide = |a: Option<Decimal>, b: Decimal| Some(a?.checked_div(b)?.round_dp(12).normalize());
    // The product of the three reduces to one fraction, which keeps 0.7125 from becoming 0.712499….
    (|| {
        Some(Oee {
            availability: divide(Some(production_time), planned_busy_time)?,
            effectiveness: divide(run_time_per_item.checked_mul(produced), production_time)?,
            quality: divide(Some(good), produced)?,
            oee: divide(run_time_per_item.checked_mul(good), planned_busy_time)?,
        })
    })()
    .ok_or_else(|| Error::unprocessable("models.library.out-of-range", "the times or quantities are too large"))
}

fn require(holds: bool, field: &str, rule: &str) -> Result<()> {
    if holds {
        return Ok(());
    }
    Err(Error::unprocessable("models.library.out-of-range", format!("{field} {rule}")).field(format!("/{field}"), rule))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::tests::by_formula;

    fn period(pbt: &str, apt: &str, pri: &str, pq: &str, gq: &str) -> Period {
        let d = |text: &str| text.parse().unwrap();
        Period {
            planned_busy_time: d(pbt),
            production_time: d(apt),
            run_time_per_item: d(pri),
            produced: d(pq),
            good: d(gq),
        }
    }

    #[test]
    fn the_worked_example_of_kpi_ml() {
        let result = oee(period("480", "400", "0.2", "1800", "1710")).unwrap();
        assert_eq!(result.availability.round_dp(4).to_string(), "0.8333");
        assert_eq!(result.effectiveness.to_string(), "0.9");
        assert_eq!(result.quality.to_string(), "0.95");
        assert_eq!(result.oee.to_string(), "0.7125");
        let by_formula =
            by_formula(&CARD, &[("pbt", 480.0), ("apt", 400.0), ("pri", 0.2), ("pq", 1800.0), ("gq", 1710.0)]);
        assert!((by_formula[3] - 0.7125).abs() < 1e-12);
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in [
            period("0", "0", "0.2", "1", "1"),
            period("480", "481", "0.2", "1", "1"),
            period("480", "400", "0.2", "10", "11"),
            period("480", "400", "0.2", "0", "0"),
            period("480", "400", "0", "1", "1"),
        ] {
            assert_eq!(oee(bad).unwrap_err().code, "models.library.out-of-range", "{bad:?}");
        }
    }
}
