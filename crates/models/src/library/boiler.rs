//! Boilers: efficiency by the direct (input–output) method.

use kernel::{Error, Result};

use super::{Card, formula, in_range, symbol};

/// What it is.
pub const CARD: Card = Card {
    id: "boiler-direct-efficiency",
    name_zh: "锅炉正平衡热效率",
    name_en: "Boiler efficiency, direct method",
    inputs: &[
        symbol("steam", "t/h", "steam made"),
        symbol("h_steam", "kJ/kg", "specific enthalpy of the steam"),
        symbol("h_feed", "kJ/kg", "specific enthalpy of the feed water"),
        symbol("fuel", "t/h", "fuel burnt"),
        symbol("calorific_value", "kJ/kg", "calorific value of the fuel as fired"),
    ],
    results: &[
        formula("heat_output", "kW", "heat given to the water", "steam * (h_steam - h_feed)"),
        formula("heat_input", "kW", "heat of the fuel", "fuel * calorific_value"),
        formula("efficiency", "", "output against input", "heat_output / heat_input"),
        formula("evaporation_ratio", "", "steam per fuel", "steam / fuel"),
    ],
    assumptions: &[
        "steady load over the period",
        "dry steam unless its enthalpy says otherwise",
        "blow-down neglected",
    ],
    validity: &[
        "says how much is lost, not where",
        "gross and net calorific value give different efficiencies: never mix them",
    ],
    source: "Bureau of Energy Efficiency (India), guide book 4 for energy auditors, energy performance assessment of boilers; \
             the same balance as GB/T 10180, direct method",
};

/// A boiler at work. Masses are over one period.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Operation {
    /// Steam made.
    pub steam_t_h: f64,
    /// Specific enthalpy of the steam.
    pub steam_kj_kg: f64,
    /// Specific enthalpy of the feed water.
    pub feed_kj_kg: f64,
    /// Fuel burnt.
    pub fuel_t_h: f64,
    /// Calorific value of the fuel.
    pub calorific_value_kj_kg: f64,
}

/// How well it works.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Performance {
    /// Heat given to the water.
    pub heat_output_kw: f64,
    /// Heat of the fuel.
    pub heat_input_kw: f64,
    /// Output against input.
    pub efficiency: f64,
    /// Steam per fuel.
    pub evaporation_ratio: f64,
}

/// How well a boiler works.
pub fn performance(operation: Operation) -> Result<Performance> {
    let Operation { steam_t_h, steam_kj_kg, feed_kj_kg, fuel_t_h, calorific_value_kj_kg } = operation;
    in_range("steam_t_h", steam_t_h, 1e-3..=5e3)?;
    in_range("steam_kj_kg", steam_kj_kg, 400.0..=4000.0)?;
    in_range("feed_kj_kg", feed_kj_kg, 0.0..=1500.0)?;
    in_range("fuel_t_h", fuel_t_h, 1e-4..=2e3)?;
    in_range("calorific_value_kj_kg", calorific_value_kj_kg, 1e3..=1.5e5)?;
    let heat_output_kw = steam_t_h * (steam_kj_kg - feed_kj_kg) / 3.6;
    let heat_input_kw = fuel_t_h * calorific_value_kj_kg / 3.6;
    let efficiency = heat_output_kw / heat_input_kw;
    // On net calorific value a condensing boiler may pass 1, by no more than the latent heat of the flue gas.
    if !(0.0..=1.12).contains(&efficiency) {
        let message = format!("an efficiency of {efficiency:.3} is impossible");
        return Err(Error::unprocessable("models.library.impossible", message)
            .hint("check the meters of steam and fuel, and the calorific value"));
    }
    Ok(Performance { heat_output_kw, heat_input_kw, efficiency, evaporation_ratio: steam_t_h / fuel_t_h })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::tests::by_formula;

    const KCAL: f64 = 4.1868;
    const BOILER: Operation = Operation {
        steam_t_h: 8.0,
        steam_kj_kg: 665.0 * KCAL,
        feed_kj_kg: 85.0 * KCAL,
        fuel_t_h: 1.8,
        calorific_value_kj_kg: 3200.0 * KCAL,
    };

    #[test]
    fn the_published_example() {
        // The guide book's coal-fired boiler: 8 t/h of steam at 665 kcal/kg from water at 85 kcal/kg with 1.8 t/h of coal at
        // 3200 kcal/kg. 8 × 580 ÷ (1.8 × 3200) = 80.56 %, printed as 80 %; evaporation ratio 4.4.
        let result = performance(BOILER).unwrap();
        assert!((result.efficiency - 4640.0 / 5760.0).abs() < 1e-12);
        assert!((result.efficiency - 0.80).abs() < 0.01);
        assert!((result.evaporation_ratio - 4.4).abs() < 0.05);
    }

    #[test]
    fn function_and_formulas_agree() {
        let result = performance(BOILER).unwrap();
        let inputs = [
            ("steam", 8.0),
            ("h_steam", 665.0 * KCAL),
            ("h_feed", 85.0 * KCAL),
            ("fuel", 1.8),
            ("calorific_value", 3200.0 * KCAL),
        ];
        let by_formula = by_formula(&CARD, &inputs);
        let expected = [result.heat_output_kw, result.heat_input_kw, result.efficiency, result.evaporation_ratio];
        for (a, b) in by_formula.iter().zip(expected) {
            assert!((a - b).abs() < 1e-9 * b, "{a} is not {b}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        let code = |operation| performance(operation).unwrap_err().code;
        assert_eq!(code(Operation { fuel_t_h: 0.0, ..BOILER }), "models.library.out-of-range");
        assert_eq!(code(Operation { fuel_t_h: 0.5, ..BOILER }), "models.library.impossible");
        assert_eq!(code(Operation { steam_kj_kg: 665.0 * 1000.0, ..BOILER }), "models.library.out-of-range");
    }
}
