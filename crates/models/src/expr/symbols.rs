use std::{collections::BTreeMap, sync::Arc};

use kernel::{Error, Result, Unit};

use super::problem::{Problem, Span};
use crate::{frame::PropertyType, units::Measure};

/// The properties an expression may name, each with its type and unit: usually those of a thing model.
#[derive(Clone, Debug, Default)]
pub struct Symbols(BTreeMap<Arc<str>, PropertyType>);

impl Symbols {
    /// No properties.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a number with its unit; none for a plain number.
    pub fn number(mut self, property: &str, unit: Option<Unit>) -> Self {
        let measure = unit.map_or_else(Measure::none, Measure::of);
        self.0.insert(property.into(), PropertyType::Number(measure));
        self
    }

    /// Adds a number whose unit is written out, such as `kJ/kg`, which has no code of its own.
    pub fn measured(mut self, property: &str, unit: &str) -> Result<Self> {
        let Some(measure) = Measure::parse(unit) else {
            return Err(Error::invalid("models.expression.unknown-unit", format!("{unit:?} is not a known unit"))
                .hint("use a symbol, a Rec 20 code, or a product or quotient of them without spaces"));
        };
        self.0.insert(property.into(), PropertyType::Number(measure));
        Ok(self)
    }

    /// Adds a truth value.
    pub fn bool(mut self, property: &str) -> Self {
        self.0.insert(property.into(), PropertyType::Bool);
        self
    }

    /// Adds a text.
    pub fn text(mut self, property: &str) -> Self {
        self.0.insert(property.into(), PropertyType::Text);
        self
    }

    /// The property ids, in order.
    pub fn properties(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(|id| &**id)
    }

    /// The type of a property.
    pub fn get(&self, property: &str) -> Option<&PropertyType> {
        self.0.get(property)
    }

    pub(crate) fn find(&self, property: &str, span: Span) -> Result<&PropertyType, Problem> {
        self.0.get(property).ok_or_else(|| {
            let problem = Problem::unknown_property(span, format!("there is no property {property:?}"));
            let mut near: Vec<_> = self.0.keys().map(|id| (distance(id, property), &**id)).collect();
            near.sort();
            match near.first() {
                Some((distance, id)) if *distance <= 2 => problem.hint(format!("did you mean `{id}`?")),
                Some(_) => {
                    let ids: Vec<_> = near.iter().take(8).map(|(_, id)| *id).collect();
                    problem.hint(format!("the properties are {}", ids.join(", ")))
                }
                None => problem.hint("the machine has no properties yet"),
            }
        })
    }
}

/// How many single-character edits lie between two names, without regard to case.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().flat_map(char::to_lowercase).take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().flat_map(char::to_lowercase).take(64).enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
