use std::{cmp::Ordering, fmt};

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{Error, Unit};

/// An exact amount of something: a decimal and a UN/ECE Rec 20 unit. JSON form `{"value": "4.25", "unit": "HUR"}`.
///
/// Guarantees: quantities of two dimensions never combine; a sum keeps the unit of its left side.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quantity {
    /// The number, as a string on the wire.
    pub value: Decimal,
    /// Its unit.
    pub unit: Unit,
}

impl Quantity {
    /// A quantity.
    pub const fn new(value: Decimal, unit: Unit) -> Self {
        Self { value, unit }
    }

    /// A quantity from text and a Rec 20 code.
    pub fn parse(value: &str, unit: &str) -> Result<Self, Error> {
        let value = value
            .parse()
            .map_err(|_| Error::invalid("kernel.quantity.malformed", format!("{value:?} is not a decimal number")))?;
        Ok(Self { value, unit: Unit::of(unit)? })
    }

    /// The same amount in another unit of the dimension.
    pub fn to(&self, unit: Unit) -> Result<Self, Error> {
        Ok(Self { value: self.unit.convert(self.value, unit)?, unit })
    }

    /// The sum, in this quantity's unit.
    pub fn plus(&self, other: Quantity) -> Result<Self, Error> {
        let other = other.to(self.unit)?;
        let value = self.value.checked_add(other.value).ok_or_else(too_large)?;
        Ok(Self { value, ..*self })
    }

    /// The difference, in this quantity's unit.
    pub fn minus(&self, other: Quantity) -> Result<Self, Error> {
        let other = other.to(self.unit)?;
        let value = self.value.checked_sub(other.value).ok_or_else(too_large)?;
        Ok(Self { value, ..*self })
    }

    /// How the two compare, if they can.
    pub fn compare(&self, other: Quantity) -> Result<Ordering, Error> {
        Ok(self.value.cmp(&other.to(self.unit)?.value))
    }
}

fn too_large() -> Error {
    Error::invalid("kernel.quantity.overflow", "the quantity is too large")
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.value, self.unit)
    }
}
impl fmt::Debug for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_convert_and_mixed_dimensions_are_refused() {
        let hours = Quantity::parse("1.5", "HUR").unwrap();
        let minutes = Quantity::parse("45", "MIN").unwrap();
        assert_eq!(hours.plus(minutes).unwrap().to_string(), "2.25 HUR");
        assert_eq!(hours.compare(minutes).unwrap(), Ordering::Greater);
        assert!(hours.plus(Quantity::parse("1", "KGM").unwrap()).is_err());
        assert_eq!(serde_json::to_string(&hours).unwrap(), r#"{"value":"1.5","unit":"HUR"}"#);
    }
}
