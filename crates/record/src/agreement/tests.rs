use kernel::{Currency, Decimal, Money, Quantity, Unit};
use proptest::prelude::*;

use super::*;

fn d(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn cny(minor: i64) -> Money {
    Money::from_minor(minor, Currency::CNY)
}

fn price(basis: Basis, unit: &str, unit_price: &str) -> Price {
    Price {
        basis,
        unit: Unit::of(unit).unwrap(),
        quantity_decimals: if unit == "HUR" { 4 } else { 0 },
        unit_price: d(unit_price),
        share_percent: (basis == Basis::Value).then(|| d("20.5")),
        currency: Currency::CNY,
        minimum: None,
        cap: None,
        tax_percent: d("13"),
        meter: None,
    }
}

fn net(price: &Price, value: &str, unit: &str) -> i64 {
    price.charge(Quantity::parse(value, unit).unwrap(), cny(0)).unwrap().net.minor()
}

#[test]
fn one_job_on_three_bases() {
    // 247 min are 4.1167 h: × 280 = 1 152.68; 118 pieces × 9.50 = 1 121.00; 118 × 46 × 20.5 % = 1 112.74.
    assert_eq!(net(&price(Basis::MachineTime, "HUR", "280"), "247", "MIN"), 115_268);
    assert_eq!(net(&price(Basis::GoodPieces, "H87", "9.5"), "118", "H87"), 112_100);
    assert_eq!(net(&price(Basis::Value, "H87", "46"), "118", "H87"), 111_274);
}

#[test]
fn a_cap_of_zero_means_zero_and_counts_what_was_charged() {
    let mut capped = price(Basis::GoodPieces, "H87", "10");
    capped.cap = Some(cny(0));
    assert_eq!(net(&capped, "5", "H87"), 0);
    capped.cap = Some(cny(10_000));
    let charge = capped.charge(Quantity::parse("5", "H87").unwrap(), cny(7_000)).unwrap();
    assert_eq!((charge.net, charge.adjustment), (cny(3_000), cny(-2_000)));
    let charge = capped.charge(Quantity::parse("5", "H87").unwrap(), cny(10_000)).unwrap();
    assert_eq!(charge.net, cny(0));
}

#[test]
fn a_minimum_is_charged_and_shown_as_adjustment() {
    let mut least = price(Basis::GoodPieces, "H87", "10");
    least.minimum = Some(cny(8_000));
    let charge = least.charge(Quantity::parse("5", "H87").unwrap(), cny(0)).unwrap();
    assert_eq!((charge.net, charge.adjustment), (cny(8_000), cny(3_000)));
}

#[test]
fn broken_clauses_are_all_named() {
    let mut bad = price(Basis::Value, "H87", "-1");
    bad.share_percent = None;
    bad.tax_percent = d("100");
    bad.minimum = Some(Money::from_minor(1, Currency::EUR));
    let clauses = [Clause::Price(bad), Clause::Coverage(Coverage { minimum: d("1.1") })];
    let error = clauses_check(&clauses).unwrap_err();
    let fields: Vec<&str> = error.fields.iter().map(|field| field.pointer.as_str()).collect();
    assert_eq!(
        fields,
        [
            "/clauses/0/unit_price",
            "/clauses/0/share_percent",
            "/clauses/0/tax_percent",
            "/clauses/0/minimum",
            "/clauses/1/minimum"
        ]
    );
    clauses_check(&[Clause::Price(price(Basis::MachineTime, "HUR", "280"))]).unwrap();
}

#[test]
fn clauses_travel_as_tagged_json() {
    let clause = Clause::Price(price(Basis::MachineTime, "HUR", "280.50"));
    let text = serde_json::to_string(&clause).unwrap();
    assert!(text.starts_with(r#"{"clause":"price","basis":"machine_time","unit":"HUR""#), "{text}");
    assert_eq!(serde_json::from_str::<Clause>(&text).unwrap(), clause);
}

proptest! {
    #[test]
    fn charges_never_exceed_the_cap(cap in 0i64..100_000, quantities in proptest::collection::vec(0i64..500, 1..10)) {
        let mut capped = price(Basis::GoodPieces, "H87", "3.335");
        capped.cap = Some(cny(cap));
        let mut charged = cny(0);
        for quantity in quantities {
            let charge = capped.charge(Quantity::new(Decimal::from(quantity), capped.unit), charged).unwrap();
            prop_assert!(charge.net.minor() >= 0);
            charged = charged.plus(charge.net).unwrap();
        }
        prop_assert!(charged.minor() <= cap);
    }
}
