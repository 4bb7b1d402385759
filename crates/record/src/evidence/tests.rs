use contracts::telemetry::{Position, Quality, Value};
use kernel::{Id, Timestamp, Unit, Window};
use proptest::prelude::*;

use super::*;
use crate::meter::{
    MeterSample, Statement,
    rules::{Input, Rule},
};

fn id<K>(n: u8) -> Id<K>
where
    K: kernel::id::Kind,
{
    Id::from_uuid(uuid::Uuid::from_bytes([n; 16]))
}

fn sample(second: i64, value: Value) -> MeterSample {
    MeterSample {
        at: Timestamp::from_micros(second * 1_000_000),
        position: (1 << 48) + second.unsigned_abs(),
        sequence: second.unsigned_abs(),
        quality: Quality::Good,
        value,
    }
}

/// A counter over 2 500 seconds: three chunks; and a state beside it.
fn collected() -> Collected {
    let window = Window { from: Timestamp::from_micros(0), to: Timestamp::from_micros(2_499 * 1_000_000) };
    let counter = ChannelSamples {
        property: "energy_kwh".into(),
        unit: Some(Unit::of("KWH").unwrap()),
        samples: (-1..2_499).map(|s| sample(s, Value::F64(100.0 + s as f64 * 0.003))).collect(),
    };
    let state = ChannelSamples {
        property: "state".into(),
        unit: None,
        samples: (0..50)
            .map(|s| sample(s * 50, Value::Str(if s % 2 == 0 { "running" } else { "空闲" }.into())))
            .collect(),
    };
    Collected::seal(id(7), window, Position(9 << 48), vec![state, counter]).unwrap()
}

fn statement(collected: &Collected) -> Statement {
    let rule: Rule = serde_json::from_str(
        r#"{"rule":"counter_difference@1","property":"energy_kwh","gap_max_ms":60000,"decimals":3,"multiplier":"1","on_drop":"refuse"}"#,
    )
    .unwrap();
    let unit = Unit::of("KWH").unwrap();
    let samples = collected.channel("energy_kwh").unwrap();
    let output = rule.run(&Input { window: collected.manifest.window, unit, samples, adjustments: &[] }).unwrap();
    Statement {
        reading: id(1),
        meter: id(2),
        asset: id(7),
        agreement: None,
        window: collected.manifest.window,
        rule,
        unit,
        adjustments: Vec::new(),
        opening: output.opening,
        closing: output.closing,
        quantity: output.quantity,
        coverage: output.coverage,
        gaps: output.gaps,
        incidents: output.incidents,
        evidence: collected.uri,
        computed_at: Timestamp::from_micros(1),
        supersedes: None,
    }
}

#[test]
fn the_manifest_describes_what_it_names() {
    let collected = collected();
    let manifest = &collected.manifest;
    let counts: Vec<u64> = manifest.chunks.iter().map(|chunk| chunk.count).collect();
    assert_eq!(counts, [1024, 1024, 452, 50]);
    assert_eq!((manifest.channels[0].context_before, manifest.channels[0].context_after), (1, 0));
    assert_eq!(manifest.open(&collected.chunks).unwrap(), collected.samples);
    // Order of collection does not matter, content does.
    let again = Collected::seal(
        id(7),
        manifest.window,
        Position(9 << 48),
        manifest
            .channels
            .iter()
            .map(|channel| ChannelSamples {
                property: channel.property.clone(),
                unit: channel.unit,
                samples: collected.samples[&channel.property].clone(),
            })
            .collect(),
    );
    assert_eq!(again.unwrap().uri, collected.uri);
}

#[test]
fn a_bundle_proves_its_quantity_from_its_bytes_alone() {
    let collected = collected();
    let bytes = bundle_write(&statement(&collected), &collected).unwrap();
    let report = evidence_verify(&bytes).unwrap();
    // 100 + 0.003 × 2 498 − (100 − 0.003) = 7.497 kWh.
    assert_eq!(report.quantity.to_string(), "7.497");
    assert_eq!((report.samples, report.chunks, report.evidence), (2_550, 4, collected.uri));
}

#[test]
fn every_kind_of_change_is_named() {
    let collected = collected();
    let honest = statement(&collected);
    let text = String::from_utf8(bundle_write(&honest, &collected).unwrap()).unwrap();
    let code = |text: &str| evidence_verify(text.as_bytes()).unwrap_err().code;
    assert_eq!(code(&text.replacen("7.497", "8.497", 1)), "record.evidence.digest-changed");
    assert_eq!(code(&format!("{text} ")), "record.evidence.not-canonical");
    assert_eq!(code(&text[..text.len() - 1]), "record.evidence.not-a-bundle");
    // Somebody who lies consistently about the quantity is caught by the rule.
    let lie = Statement { quantity: "8.497".parse().unwrap(), ..honest };
    let bytes = bundle_write(&lie, &collected).unwrap();
    assert_eq!(evidence_verify(&bytes).unwrap_err().code, "record.evidence.quantity-differs");
}

#[test]
fn any_changed_byte_is_refused() {
    let collected = collected();
    let bytes = bundle_write(&statement(&collected), &collected).unwrap();
    // Every byte of the head and tail, and a stride through the samples, each with two flips.
    let places = (0..bytes.len()).filter(|i| *i < 300 || *i + 900 > bytes.len() || i % 4_801 == 0);
    for place in places {
        for flip in [1u8, 0x20] {
            let mut changed = bytes.clone();
            changed[place] ^= flip;
            assert!(evidence_verify(&changed).is_err(), "byte {place} ^ {flip}: {:?}", changed[place] as char);
        }
    }
}

#[test]
fn a_chunk_is_shown_without_the_others() {
    let collected = collected();
    for index in 0..4 {
        let proof = chunk_prove(&collected, index).unwrap();
        chunk_proof_verify(&proof).unwrap();
        let mut other = proof.clone();
        other.index = (other.index + 1) % 4;
        assert_eq!(chunk_proof_verify(&other).unwrap_err().code, "record.evidence.proof-broken");
    }
    assert_eq!(chunk_prove(&collected, 4).unwrap_err().code, "record.evidence.chunk-unknown");
}

#[test]
fn the_layout_is_fixed() {
    // A golden chunk: if this changes, every sealed reading in the world stops verifying.
    let bytes = chunk_encode(id(7), "p", contracts::telemetry::ValueType::F64, 3, &[sample(1, Value::F64(1.5))]);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        hex,
        "42475331070707070707070707070707070707070170010300000000000000010000004\
         0420f0000000000010000000000010001000000000000000001000000000000f83f"
            .replace(' ', "")
    );
}

fn values() -> impl Strategy<Value = Vec<Value>> {
    prop_oneof![
        proptest::collection::vec(any::<f64>().prop_filter("finite", |v| v.is_finite()).prop_map(Value::F64), 0..40),
        proptest::collection::vec(any::<i64>().prop_map(Value::I64), 0..40),
        proptest::collection::vec(any::<bool>().prop_map(Value::Bool), 0..40),
        proptest::collection::vec(".{0,20}".prop_map(|text: String| Value::Str(text.into())), 1..40),
    ]
}

proptest! {
    #[test]
    fn chunks_read_back_as_written(values in values(), first in any::<u64>()) {
        let samples: Vec<MeterSample> = values.into_iter().enumerate().map(|(i, value)| sample(i as i64 - 20, value)).collect();
        let value_type = samples.first().map_or(contracts::telemetry::ValueType::F64, |s| s.value.value_type());
        let bytes = chunk_encode(id(3), "some_property", value_type, first, &samples);
        let chunk = chunk_decode(&bytes).unwrap();
        prop_assert_eq!(&chunk.samples, &samples);
        prop_assert_eq!((chunk.first, chunk.property.as_str()), (first, "some_property"));
        prop_assert!(chunk_decode(&bytes[..bytes.len() - 1]).is_err());
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = chunk_decode(&bytes);
        let mut headed = b"BGS1".to_vec();
        headed.extend(&bytes);
        let _ = chunk_decode(&headed);
        let _ = evidence_verify(&bytes);
    }
}
