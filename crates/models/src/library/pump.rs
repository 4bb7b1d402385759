//! Pumps: hydraulic power and efficiency.

use kernel::{Error, Result};

use super::{Card, formula, in_range, symbol};

/// What it is.
pub const CARD: Card = Card {
    id: "pump-efficiency",
    name_zh: "水泵有效功率与效率",
    name_en: "Pump hydraulic power and efficiency",
    inputs: &[
        symbol("density", "kg/m³", "density of the liquid"),
        symbol("flow", "m³/h", "volume flow"),
        symbol("head", "m", "total head"),
        symbol("power", "kW", "power at the shaft, or electrical power for the efficiency of the set"),
    ],
    results: &[
        formula("hydraulic_power", "kW", "power given to the liquid", "density * 9.80665 m/s² * flow * head"),
        formula("efficiency", "", "power given against power taken", "hydraulic_power / power"),
    ],
    assumptions: &[
        "incompressible liquid",
        "standard acceleration of free fall",
        "head includes the change of velocity head",
    ],
    validity: &["density 500 to 2000 kg/m³", "head 0.1 to 5000 m", "an efficiency above 1 means a wrong measurement"],
    source: "ISO 9906:2012, rotodynamic pumps, hydraulic performance acceptance tests",
};

/// Standard acceleration of free fall.
pub const GRAVITY_M_S2: f64 = 9.80665;

/// A pump at work.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Operation {
    /// Density of the liquid.
    pub density_kg_m3: f64,
    /// Volume flow.
    pub flow_m3_h: f64,
    /// Total head.
    pub head_m: f64,
    /// Power taken.
    pub power_kw: f64,
}

/// How well it works.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Performance {
    /// Power given to the liquid.
    pub hydraulic_power_kw: f64,
    /// Power given against power taken.
    pub efficiency: f64,
    /// Energy per volume pumped.
    pub specific_energy_kwh_m3: f64,
}

/// How well a pump works.
pub fn performance(operation: Operation) -> Result<Performance> {
    let Operation { density_kg_m3, flow_m3_h, head_m, power_kw } = operation;
    in_range("flow_m3_h", flow_m3_h, 1e-6..=1e6)?;
    in_range("power_kw", power_kw, 1e-6..=1e6)?;
    let hydraulic_power_kw = hydraulic_power_kw(density_kg_m3, flow_m3_h, head_m)?;
    let efficiency = hydraulic_power_kw / power_kw;
    if efficiency > 1.0 {
        let message =
            format!("the liquid would gain more than the pump takes: {hydraulic_power_kw:.3} kW against {power_kw} kW");
        return Err(Error::unprocessable("models.library.impossible", message)
            .hint("check flow, head and power and their units"));
    }
    Ok(Performance { hydraulic_power_kw, efficiency, specific_energy_kwh_m3: power_kw / flow_m3_h })
}

/// The power given to the liquid.
pub fn hydraulic_power_kw(density_kg_m3: f64, flow_m3_h: f64, head_m: f64) -> Result<f64> {
    in_range("density_kg_m3", density_kg_m3, 500.0..=2000.0)?;
    in_range("head_m", head_m, 0.1..=5000.0)?;
    in_range("flow_m3_h", flow_m3_h, 0.0..=1e6)?;
    Ok(density_kg_m3 * GRAVITY_M_S2 * (flow_m3_h / 3600.0) * head_m / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::tests::by_formula;

    const PUMP: Operation = Operation { density_kg_m3: 1000.0, flow_m3_h: 130.0, head_m: 85.0, power_kw: 50.18 };

    #[test]
    fn a_published_exercise() {
        // Hydraulic pump power calculation (textbook exercise, g = 9.81): 130 m³/h of water over 85 m at 60 % efficiency is
        // 108 400 500 N·m per hour and takes 67.3 hp (of 0.7457 kW) at the shaft.
        let result = performance(PUMP).unwrap();
        assert!((result.hydraulic_power_kw - 108_400_500.0 / 3.6e6).abs() < 0.02);
        assert!((result.hydraulic_power_kw / 0.6 / 0.7457 - 67.3).abs() < 0.1);
        assert!((result.efficiency - 0.6).abs() < 0.001);
    }

    #[test]
    fn function_and_formulas_agree() {
        let result = performance(PUMP).unwrap();
        let by_formula = by_formula(&CARD, &[("density", 1000.0), ("flow", 130.0), ("head", 85.0), ("power", 50.18)]);
        assert!((by_formula[0] - result.hydraulic_power_kw).abs() < 1e-9);
        assert!((by_formula[1] - result.efficiency).abs() < 1e-12);
    }

    #[test]
    fn nonsense_is_refused() {
        let code = |operation| performance(operation).unwrap_err().code;
        assert_eq!(code(Operation { density_kg_m3: 1.0, ..PUMP }), "models.library.out-of-range");
        assert_eq!(code(Operation { head_m: f64::INFINITY, ..PUMP }), "models.library.out-of-range");
        assert_eq!(code(Operation { power_kw: 20.0, ..PUMP }), "models.library.impossible");
    }
}
