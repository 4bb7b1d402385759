use std::{fmt, str::FromStr};

use rust_decimal::{Decimal, RoundingStrategy, prelude::ToPrimitive};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::Error;

/// An ISO 4217 currency with its number of minor-unit digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency(iso_currency::Currency);

impl Currency {
    /// Renminbi.
    pub const CNY: Currency = Currency(iso_currency::Currency::CNY);
    /// Euro.
    pub const EUR: Currency = Currency(iso_currency::Currency::EUR);

    /// The three-letter code.
    pub fn code(&self) -> &'static str {
        self.0.code()
    }

    /// Digits after the decimal point: CNY 2, JPY 0, KWD 3.
    pub fn digits(&self) -> u32 {
        u32::from(self.0.exponent().unwrap_or(0))
    }
}

impl PartialOrd for Currency {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Currency {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.code().cmp(other.code())
    }
}

impl FromStr for Currency {
    type Err = Error;
    fn from_str(code: &str) -> Result<Self, Error> {
        iso_currency::Currency::from_code(code).map(Self).ok_or_else(|| {
            Error::invalid("kernel.currency.unknown", format!("{code:?} is not an ISO 4217 currency code"))
                .hint("write three capital letters such as CNY, EUR or USD")
        })
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}
impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = std::borrow::Cow::<str>::deserialize(deserializer)?;
        code.parse().map_err(|error: Error| de::Error::custom(error.message))
    }
}

/// An exact amount: integer minor units of one currency. JSON form `{"amount": "12.50", "currency": "CNY"}`.
///
/// Guarantees: no operation rounds except the ones whose name says so; amounts of two currencies never mix.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

impl Money {
    /// From minor units, such as fen or cents.
    pub const fn from_minor(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Nothing, in a currency.
    pub const fn zero(currency: Currency) -> Self {
        Self { minor: 0, currency }
    }

    /// Minor units.
    pub const fn minor(&self) -> i64 {
        self.minor
    }

    /// The currency.
    pub const fn currency(&self) -> Currency {
        self.currency
    }

    /// The amount as a decimal in major units.
    pub fn decimal(&self) -> Decimal {
        Decimal::new(self.minor, self.currency.digits())
    }

    /// An exact decimal amount in major units; refuses more digits than the currency has.
    pub fn from_decimal(amount: Decimal, currency: Currency) -> Result<Self, Error> {
        let money = Self::rounded(amount, currency)?;
        if money.decimal() == amount {
            Ok(money)
        } else {
            Err(Error::invalid(
                "kernel.money.too-fine",
                format!("{amount} has more than the {} decimal places of {currency}", currency.digits()),
            )
            .hint("round the amount to the currency's minor unit"))
        }
    }

    /// A decimal amount rounded half away from zero (commercial rounding, as EN 16931 calculators use) to the minor unit.
    pub fn rounded(amount: Decimal, currency: Currency) -> Result<Self, Error> {
        let digits = currency.digits();
        let rounded = amount.round_dp_with_strategy(digits, RoundingStrategy::MidpointAwayFromZero);
        let minor = rounded.checked_mul(Decimal::from(10i64.pow(digits))).and_then(|m| m.to_i64());
        minor.map(|minor| Self { minor, currency }).ok_or_else(|| overflow(currency))
    }

    /// Price × quantity, rounded once to the minor unit.
    pub fn times(&self, factor: Decimal) -> Result<Self, Error> {
        let product = self.decimal().checked_mul(factor).ok_or_else(|| overflow(self.currency))?;
        Self::rounded(product, self.currency)
    }

    /// The sum; refuses a second currency and overflow.
    pub fn plus(&self, other: Money) -> Result<Self, Error> {
        self.same(other)?;
        let minor = self.minor.checked_add(other.minor).ok_or_else(|| overflow(self.currency))?;
        Ok(Self { minor, ..*self })
    }

    /// The difference; refuses a second currency and overflow.
    pub fn minus(&self, other: Money) -> Result<Self, Error> {
        self.same(other)?;
        let minor = self.minor.checked_sub(other.minor).ok_or_else(|| overflow(self.currency))?;
        Ok(Self { minor, ..*self })
    }

    /// Splits by weights so that the parts sum to the whole (largest remainder; ties go to the earlier part).
    pub fn split(&self, weights: &[u64]) -> Result<Vec<Money>, Error> {
        let total: u128 = weights.iter().map(|w| u128::from(*w)).sum();
        if total == 0 {
            return Err(Error::invalid("kernel.money.no-weights", "the weights of a split sum to zero")
                .hint("give at least one weight above zero"));
        }
        let whole = u128::from(self.minor.unsigned_abs());
        let mut parts: Vec<(u128, u128)> =
            weights.iter().map(|w| (whole * u128::from(*w) / total, whole * u128::from(*w) % total)).collect();
        let mut rest = whole - parts.iter().map(|p| p.0).sum::<u128>();
        let mut order: Vec<usize> = (0..parts.len()).collect();
        order.sort_by(|a, b| parts[*b].1.cmp(&parts[*a].1).then(a.cmp(b)));
        for index in order {
            if rest == 0 {
                break;
            }
            parts[index].0 += 1;
            rest -= 1;
        }
        let sign = self.minor.signum();
        Ok(parts.iter().map(|p| Money { minor: p.0 as i64 * sign, ..*self }).collect())
    }

    fn same(&self, other: Money) -> Result<(), Error> {
        if self.currency == other.currency {
            Ok(())
        } else {
            Err(Error::invalid(
                "kernel.money.currency-mixed",
                format!("an amount in {} cannot be combined with one in {}", self.currency, other.currency),
            )
            .hint("exchange at a recorded rate first"))
        }
    }
}

fn overflow(currency: Currency) -> Error {
    Error::invalid("kernel.money.overflow", format!("the amount in {currency} is too large"))
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.decimal(), self.currency)
    }
}
impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[derive(Serialize, Deserialize)]
struct Wire {
    amount: Decimal,
    currency: Currency,
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Wire { amount: self.decimal(), currency: self.currency }.serialize(serializer)
    }
}
impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = Wire::deserialize(deserializer)?;
        Money::from_decimal(wire.amount, wire.currency).map_err(|error| de::Error::custom(error.message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cny(minor: i64) -> Money {
        Money::from_minor(minor, Currency::CNY)
    }

    #[test]
    fn minor_digits_follow_iso_4217() {
        for (code, digits) in [("CNY", 2), ("JPY", 0), ("KWD", 3)] {
            assert_eq!(code.parse::<Currency>().unwrap().digits(), digits);
        }
        assert!("XQZ".parse::<Currency>().is_err());
    }

    #[test]
    fn three_lines_of_33_335_make_100_02() {
        let line = Money::rounded("33.335".parse().unwrap(), Currency::CNY).unwrap();
        assert_eq!(line, cny(3334));
        assert_eq!(line.plus(line).unwrap().plus(line).unwrap(), cny(10002));
    }

    #[test]
    fn a_hundred_split_three_ways() {
        assert_eq!(cny(10000).split(&[1, 1, 1]).unwrap(), [cny(3334), cny(3333), cny(3333)]);
    }

    #[test]
    fn currencies_do_not_mix() {
        let error = cny(1).plus(Money::from_minor(1, Currency::EUR)).unwrap_err();
        assert_eq!(error.code, "kernel.money.currency-mixed");
    }

    #[test]
    fn json_refuses_digits_that_the_currency_lacks() {
        assert!(serde_json::from_str::<Money>(r#"{"amount":"1.005","currency":"CNY"}"#).is_err());
        let text = serde_json::to_string(&cny(1250)).unwrap();
        assert_eq!(text, r#"{"amount":"12.50","currency":"CNY"}"#);
        assert_eq!(serde_json::from_str::<Money>(&text).unwrap(), cny(1250));
    }

    proptest! {
        #[test]
        fn any_split_sums_to_the_whole(minor in -1_000_000_000_000i64..1_000_000_000_000, weights in proptest::collection::vec(0u64..1000, 1..12)) {
            prop_assume!(weights.iter().sum::<u64>() > 0);
            let parts = cny(minor).split(&weights).unwrap();
            prop_assert_eq!(parts.iter().map(Money::minor).sum::<i64>(), minor);
        }
    }
}
