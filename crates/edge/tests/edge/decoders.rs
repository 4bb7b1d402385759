//! Whatever the bytes, a decoder answers, and keeps its limits.

use edge::decode::{DecodeLimits, Dialect, Precision, decode};
use proptest::prelude::*;

const LIMITS: DecodeLimits = DecodeLimits { points_max: 20, name_bytes_max: 12, text_bytes_max: 12 };

fn check(dialect: Dialect, bytes: &[u8]) {
    if let Ok(decoded) = decode(dialect, bytes, &LIMITS) {
        assert!(decoded.points.len() <= LIMITS.points_max);
        for point in &decoded.points {
            assert!(point.metric.len() <= LIMITS.name_bytes_max && point.short_from <= point.metric.len());
            assert!(point.metric.is_char_boundary(point.short_from));
            match &point.value {
                Ok(edge::decode::RawValue::Text(text)) => assert!(text.len() <= LIMITS.text_bytes_max),
                Ok(edge::decode::RawValue::Float(value)) => assert!(value.is_finite()),
                _ => {}
            }
        }
    }
}

fn check_all(bytes: &[u8]) {
    for dialect in [Dialect::Json, Dialect::Line(Precision::Nanos), Dialect::Line(Precision::Seconds)] {
        check(dialect, bytes);
    }
}

/// JSON-shaped text of any depth, with the names that mean something.
fn json() -> impl Strategy<Value = String> {
    let name =
        prop_oneof![Just("ts"), Just("values"), Just("seq"), Just("a"), Just("abcdefghijklmnop"), Just("\\u00e4")];
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        any::<i64>().prop_map(|n| n.to_string()),
        any::<u64>().prop_map(|n| n.to_string()),
        any::<f64>().prop_map(|n| format!("{n:?}")),
        "[a-zä\\\\\"]{0,20}".prop_map(|text| format!("{text:?}")),
        Just("1e999".to_owned()),
    ];
    leaf.prop_recursive(5, 60, 8, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..8).prop_map(|items| format!("[{}]", items.join(","))),
            proptest::collection::vec((name.clone(), inner), 0..8).prop_map(|items| {
                let members: Vec<_> = items.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        check_all(&bytes);
    }

    #[test]
    fn anything_like_json(text in json()) {
        check_all(text.as_bytes());
    }

    #[test]
    fn json_with_one_byte_changed(text in json(), at: prop::sample::Index, byte: u8) {
        let mut bytes = text.into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        check_all(&bytes);
    }

    #[test]
    fn anything_like_lines(text in "([a-z\\\\ ,=\"#0-9.i-]|\n|ä){0,120}") {
        check_all(text.as_bytes());
    }

    #[test]
    fn a_good_line_is_read_back(
        field in "[a-z]{1,5}", value in -1e9f64..1e9, micros in 0i64..4_000_000_000_000_000,
    ) {
        let line = format!("m {field}={value:?} {micros}");
        let decoded = decode(Dialect::Line(Precision::Micros), line.as_bytes(), &LIMITS).unwrap();
        prop_assert_eq!(&decoded.points[0].value, &Ok(edge::decode::RawValue::Float(value)));
        prop_assert_eq!(decoded.points[0].time.unwrap().micros(), micros);
    }
}

/// Shapes that have hurt parsers before.
#[test]
fn regression_corpus() {
    let deep_arrays = "[".repeat(1 << 20);
    let deep_objects = "{\"a\":".repeat(200_000);
    let deep_inside = format!("{{\"ts\":1,\"values\":{{\"a\":{}", "[{\"b\":".repeat(150_000));
    let quotes = "m f=\"\n".repeat(100_000);
    let escapes = "m f=\"\\\"\n".repeat(100_000);
    let backslashes = "\\".repeat(1 << 20);
    let commas = format!("m {}", "f=1,".repeat(200_000));
    let long_name = format!("{{\"{}\":1}}", "n".repeat(1 << 20));
    let empty_sets = format!("[{}]", vec!["{}"; 300_000].join(","));
    let twice = r#"{"values":{"a":1},"values":{"b":2},"ts":1}"#;
    let started = std::time::Instant::now();
    for text in [
        &deep_arrays,
        &deep_objects,
        &deep_inside,
        &quotes,
        &escapes,
        &backslashes,
        &commas,
        &long_name,
        &empty_sets,
        twice,
        "",
        "\0",
        "\u{feff}{}",
        "{\"\":1}",
        "{\"a\":1,}",
        "{\"a\":-0}",
        "{\"a\":1e-999}",
        "{\"\\ud800\":1}",
        "m f=1e999",
        "m f=-",
        "m f=\"\\",
        "m\\",
        "m\\ f=1",
        "=\n=\n",
        ",,,\n",
        "m,t=\\ f=1",
        "m f=+i",
        "m f=--1i",
        "m f=1i 1i",
        "m f=0x10",
    ] {
        check_all(text.as_bytes());
    }
    assert!(
        started.elapsed() < std::time::Duration::from_secs(5),
        "a decoder needs more than linear time: {:?}",
        started.elapsed()
    );
}
