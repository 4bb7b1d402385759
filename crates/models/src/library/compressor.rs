//! Air compressors: specific energy and isentropic efficiency.

use kernel::{Error, Result};

use super::{Card, formula, in_range, symbol};

/// What it is.
pub const CARD: Card = Card {
    id: "compressor-specific-energy",
    name_zh: "空压机比功率与等熵效率",
    name_en: "Compressor specific power and isentropic efficiency",
    inputs: &[
        symbol("power", "kW", "electrical power taken"),
        symbol("flow", "m³/min", "volume flow at intake conditions"),
        symbol("p1", "kPa", "absolute intake pressure"),
        symbol("p2", "kPa", "absolute discharge pressure"),
        symbol("kappa", "", "ratio of specific heats, 1.4 for air"),
    ],
    results: &[
        formula("specific_power", "kW·min/m³", "power per volume flow", "power / flow"),
        formula(
            "isentropic_power",
            "kW",
            "power of the ideal adiabatic compression",
            "kappa / (kappa - 1) * p1 * flow * (pow(p2 / p1, (kappa - 1) / kappa) - 1)",
        ),
        formula("isentropic_efficiency", "", "ideal against actual power", "isentropic_power / power"),
    ],
    assumptions: &[
        "air as an ideal gas",
        "flow measured or converted to intake conditions",
        "kinetic energy neglected",
    ],
    validity: &["pressure ratio 1.05 to 20", "an efficiency above 1 means that flow or power is measured wrongly"],
    source: "ISO 1217:2009, displacement compressors, acceptance tests (specific energy requirement; isentropic power)",
};

/// Ratio of specific heats of dry air.
pub const KAPPA_AIR: f64 = 1.4;

/// A compressor at work.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Operation {
    /// Electrical power taken.
    pub power_kw: f64,
    /// Volume flow at intake conditions.
    pub flow_m3_min: f64,
    /// Absolute intake pressure.
    pub intake_kpa: f64,
    /// Absolute discharge pressure.
    pub discharge_kpa: f64,
}

/// How well it works.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Performance {
    /// kW per m³/min.
    pub specific_power_kw_min_m3: f64,
    /// The same as energy per volume.
    pub specific_energy_kwh_m3: f64,
    /// Power of the ideal adiabatic compression.
    pub isentropic_power_kw: f64,
    /// Ideal against actual power.
    pub isentropic_efficiency: f64,
}

/// How well a compressor of dry air works.
pub fn performance(operation: Operation) -> Result<Performance> {
    let Operation { power_kw, flow_m3_min, intake_kpa, discharge_kpa } = operation;
    in_range("power_kw", power_kw, 1e-3..=1e5)?;
    in_range("flow_m3_min", flow_m3_min, 1e-4..=1e5)?;
    in_range("intake_kpa", intake_kpa, 10.0..=5e3)?;
    let isentropic_power_kw = isentropic_power_kw(flow_m3_min, intake_kpa, discharge_kpa)?;
    let isentropic_efficiency = isentropic_power_kw / power_kw;
    if isentropic_efficiency > 1.0 {
        let message = format!(
            "the compressor would need less than the ideal power: {power_kw} kW against {isentropic_power_kw:.3} kW"
        );
        return Err(Error::unprocessable("models.library.impossible", message)
            .hint("check that the flow is at intake conditions and the pressures are absolute"));
    }
    let specific_power_kw_min_m3 = power_kw / flow_m3_min;
    Ok(Performance {
        specific_power_kw_min_m3,
        specific_energy_kwh_m3: specific_power_kw_min_m3 / 60.0,
        isentropic_power_kw,
        isentropic_efficiency,
    })
}

/// The power of the ideal adiabatic compression of dry air.
pub fn isentropic_power_kw(flow_m3_min: f64, intake_kpa: f64, discharge_kpa: f64) -> Result<f64> {
    let ratio = discharge_kpa / intake_kpa;
    in_range("pressure_ratio", ratio, 1.05..=20.0)?;
    let exponent = (KAPPA_AIR - 1.0) / KAPPA_AIR;
    Ok(intake_kpa * (flow_m3_min / 60.0) * (ratio.powf(exponent) - 1.0) / exponent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::tests::by_formula;

    #[test]
    fn published_isentropic_power() {
        // Gujarat Technological University, Basic Mechanical Engineering, summer 2019, question 3c: 0.3 m³/min of air from
        // 1.013 bar to 7 bar, isentropic: 1.306 kW.
        let power = isentropic_power_kw(0.3, 101.3, 700.0).unwrap();
        assert!((power - 1.306).abs() < 0.002, "{power}");
    }

    #[test]
    fn function_and_formulas_agree() {
        let operation = Operation { power_kw: 75.0, flow_m3_min: 12.5, intake_kpa: 100.0, discharge_kpa: 800.0 };
        let result = performance(operation).unwrap();
        assert_eq!(result.specific_power_kw_min_m3, 6.0);
        assert_eq!(result.specific_energy_kwh_m3, 0.1);
        let inputs = [("power", 75.0), ("flow", 12.5), ("p1", 100.0), ("p2", 800.0), ("kappa", KAPPA_AIR)];
        let by_formula = by_formula(&CARD, &inputs);
        for (a, b) in by_formula.iter().zip([6.0, result.isentropic_power_kw, result.isentropic_efficiency]) {
            assert!((a - b).abs() < 1e-9, "{a} is not {b}");
        }
        assert!((0.7..0.8).contains(&result.isentropic_efficiency));
    }

    #[test]
    fn nonsense_is_refused() {
        let good = Operation { power_kw: 75.0, flow_m3_min: 12.5, intake_kpa: 100.0, discharge_kpa: 800.0 };
        let code = |operation| performance(operation).unwrap_err().code;
        assert_eq!(code(Operation { flow_m3_min: 0.0, ..good }), "models.library.out-of-range");
        assert_eq!(code(Operation { discharge_kpa: 100.0, ..good }), "models.library.out-of-range");
        assert_eq!(code(Operation { power_kw: f64::NAN, ..good }), "models.library.out-of-range");
        assert_eq!(code(Operation { power_kw: 30.0, ..good }), "models.library.impossible");
    }
}
