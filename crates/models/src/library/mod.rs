//! Published computations, one per file: symbols with units, assumptions, range of validity, source, and a test against a
//! published value.
//!
//! To add one: write a file with a [`Card`], a function that checks its range and computes, and a test that names where the
//! expected value was published; add the card to [`CARDS`]. The test below then holds its formulas, in the expression
//! language, against the unit checker.

pub mod boiler;
pub mod capability;
pub mod compressor;
pub mod oee;
pub mod pump;
mod statistics;

use kernel::{Error, Result};

/// What a computation is about, for people and for the unit checker.
#[derive(Clone, Copy, Debug)]
pub struct Card {
    /// Stable id, such as `oee`.
    pub id: &'static str,
    /// Name in Chinese.
    pub name_zh: &'static str,
    /// Name in English.
    pub name_en: &'static str,
    /// Everything that goes in.
    pub inputs: &'static [Symbol],
    /// Everything that comes out; a formula may use the inputs and the results above it.
    pub results: &'static [Formula],
    /// What is taken for granted.
    pub assumptions: &'static [&'static str],
    /// Where it may be used.
    pub validity: &'static [&'static str],
    /// Where it comes from.
    pub source: &'static str,
}

/// One input.
#[derive(Clone, Copy, Debug)]
pub struct Symbol {
    /// Its name in the formulas.
    pub symbol: &'static str,
    /// What it is.
    pub meaning: &'static str,
    /// Its unit as written in expressions; empty for a plain number.
    pub unit: &'static str,
}

/// One result.
#[derive(Clone, Copy, Debug)]
pub struct Formula {
    /// Name, meaning and unit.
    pub symbol: Symbol,
    /// How it comes about, in the expression language.
    pub formula: &'static str,
}

const fn symbol(symbol: &'static str, unit: &'static str, meaning: &'static str) -> Symbol {
    Symbol { symbol, meaning, unit }
}

const fn formula(name: &'static str, unit: &'static str, meaning: &'static str, formula: &'static str) -> Formula {
    Formula { symbol: symbol(name, unit, meaning), formula }
}

/// Every card.
pub const CARDS: &[Card] = &[boiler::CARD, capability::CARD, compressor::CARD, oee::CARD, pump::CARD];

/// Refuses a number that is not finite or not in its range.
fn in_range(symbol: &str, value: f64, range: std::ops::RangeInclusive<f64>) -> Result<()> {
    if range.contains(&value) {
        return Ok(());
    }
    let (low, high) = range.into_inner();
    Err(Error::unprocessable("models.library.out-of-range", format!("{symbol} = {value} lies outside {low} to {high}"))
        .field(format!("/{symbol}"), format!("must be {low} to {high}"))
        .hint("check the value and its unit; outside this range the computation does not hold"))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use kernel::Timestamp;

    use super::*;
    use crate::{Evaluator, Expression, Reading, Symbols};

    fn with(symbols: Symbols, symbol: &Symbol) -> Symbols {
        match symbol.unit {
            "" => symbols.number(symbol.symbol, None),
            unit => symbols.measured(symbol.symbol, unit).unwrap(),
        }
    }

    #[test]
    fn every_card_is_complete_and_its_units_work_out() {
        let mut ids = HashSet::new();
        for card in CARDS {
            assert!(ids.insert(card.id), "{} twice", card.id);
            assert!(
                !card.source.is_empty() && !card.assumptions.is_empty() && !card.validity.is_empty(),
                "{}",
                card.id
            );
            let mut symbols = card.inputs.iter().fold(Symbols::new(), with);
            for result in card.results {
                let compiled = match result.symbol.unit {
                    "" => Expression::compile(result.formula, &symbols),
                    unit => Expression::compile_in(result.formula, &symbols, unit),
                };
                compiled.unwrap_or_else(|problem| panic!("{}: {}: {problem}", card.id, result.formula));
                symbols = with(symbols, &result.symbol);
            }
        }
    }

    /// Works a card's formulas out in the expression language.
    pub(super) fn by_formula(card: &Card, inputs: &[(&str, f64)]) -> Vec<f64> {
        let mut values: Vec<(String, f64)> = inputs.iter().map(|(id, value)| (id.to_string(), *value)).collect();
        assert_eq!(values.len(), card.inputs.len());
        let mut symbols = card.inputs.iter().fold(Symbols::new(), with);
        let (at, mut results) = (Timestamp::from_micros(0), Vec::new());
        for result in card.results {
            let expression = match result.symbol.unit {
                "" => Expression::compile(result.formula, &symbols),
                unit => Expression::compile_in(result.formula, &symbols, unit),
            };
            let expression = expression.unwrap();
            let mut evaluator = Evaluator::new(&expression, at);
            for (id, value) in &values {
                evaluator.feed(at, Reading::number(id, *value));
            }
            let value = evaluator.number(at).unwrap();
            results.push(value);
            values.push((result.symbol.symbol.to_string(), value));
            symbols = with(symbols, &result.symbol);
        }
        results
    }
}
