//! The check finds nothing on a record that was only used, and names whatever was changed behind its back.

mod common;

use std::sync::Arc;

use appkit::{Caller, params};
use common::{Park, agreement, cny, parks, price};
use contracts::telemetry::{TelemetryStore, Value};
use kernel::{Duration, Quantity, Window};
use record::{
    agreement::Basis,
    claim::{claims_accrue, invoice_issue, invoice_settle},
    commitment::{NewCommitment, commitment_create, commitments_reserve},
    event::{Action, Fulfilment, NewEvent, event_attest, event_record},
    ledger::{self, Movement, NewTransfer, PayFrom, Purpose, Reason, account_ensure, transfer_post_in_tx},
    meter::{reading_correct, readings_seal},
    resource::{NewResource, ResourceKind, resource_register},
    verify::{Report, verify},
};

/// A whole life: booking, readings, events, invoice, payment, late data, credit note.
async fn live(park: &Park) {
    let prices = vec![
        price(Basis::MachineTime, "HUR", "280", Some(park.hours)),
        price(Basis::GoodPieces, "H87", "9.5", Some(park.pieces)),
    ];
    let agreement = agreement(park, prices, 200_000).await;
    let telemetry: Arc<dyn TelemetryStore> = park.telemetry.clone();
    let mut tx = park.harness.host.begin(&park.caller()).await.unwrap();
    let wanted = NewCommitment {
        agreement: Some(agreement),
        action: Action::DeliverService,
        provider: park.shop,
        receiver: park.buyer,
        item: None,
        resource: None,
        asset: Some(park.asset),
        quantity: Some(Quantity::parse("60", "H87").unwrap()),
        effort: None,
        window: Some(park.window),
        capacity_units: 1,
    };
    let promise = commitment_create(&mut tx, wanted.clone()).await.unwrap();
    commitments_reserve(&mut tx, &[promise.id], |_| 1).await.unwrap();
    let meters = [park.hours, park.pieces];
    let readings = readings_seal(&mut tx, telemetry.clone(), &meters, Some(agreement), park.window).await.unwrap();
    let mut metered = NewEvent::new(Action::Meter, park.shop, park.buyer, park.window.to);
    metered.agreement = Some(agreement);
    metered.asset = Some(park.asset);
    metered.quantity = Some(Quantity::parse("60", "H87").unwrap());
    metered.evidence = Some(readings[1].statement.evidence);
    metered.reading = Some(readings[1].id());
    metered.fulfilments = vec![Fulfilment { commitment: promise.id, quantity: Quantity::parse("60", "H87").unwrap() }];
    event_record(&mut tx, park.shop, metered).await.unwrap();
    let lot = NewResource {
        kind: ResourceKind::Lot,
        item: None,
        identifier: "LOT-7".into(),
        owner: park.shop,
        quantity: Quantity::parse("60", "H87").unwrap(),
        location: "hall 2".into(),
        asset: None,
    };
    let lot = resource_register(&mut tx, lot).await.unwrap();
    let mut handed = NewEvent::new(Action::Transfer, park.shop, park.buyer, park.window.to);
    handed.resource = Some(lot.id);
    handed.quantity = Some(Quantity::parse("60", "H87").unwrap());
    let handed = event_record(&mut tx, park.shop, handed).await.unwrap();
    event_attest(&mut tx, handed.id, park.buyer).await.unwrap();
    // The next job: its slot is reserved, its first minutes are metered, its fee is set aside and taken in part.
    let next = Window { from: park.window.to + Duration::from_mins(5), to: park.window.to + Duration::from_mins(35) };
    let slot = NewCommitment { window: Some(next), ..wanted };
    let slot = commitment_create(&mut tx, slot).await.unwrap();
    commitments_reserve(&mut tx, &[slot.id], |_| 1).await.unwrap();
    readings_seal(&mut tx, telemetry.clone(), &[park.energy], Some(agreement), park.window).await.unwrap();
    readings_seal(&mut tx, telemetry.clone(), &[park.energy], Some(agreement), next).await.unwrap();
    let cash = account_ensure(&mut tx, park.buyer, cny(0).currency(), Purpose::Cash, "").await.unwrap();
    let deposit = account_ensure(&mut tx, park.buyer, cny(0).currency(), Purpose::Deposit, "slot").await.unwrap();
    let reserved = tx.new_id();
    let movement = Movement::new(deposit.id, cash.id, cny(500));
    let reserve = NewTransfer::reserving(reserved, movement, None, Reason::Deposit, slot.id);
    transfer_post_in_tx(&mut tx, reserve).await.unwrap();
    let action = ledger::Action::Post { pending: reserved, amount: Some(cny(300)) };
    let take = NewTransfer { id: tx.new_id(), action, reason: Reason::Deposit, cause: slot.id.to_string() };
    transfer_post_in_tx(&mut tx, take).await.unwrap();
    let mut claims = Vec::new();
    for reading in &readings {
        claims.extend(claims_accrue(&mut tx, reading.id()).await.unwrap().iter().map(|claim| claim.id));
    }
    let due = tx.now() + Duration::from_days(30);
    let invoice = invoice_issue(&mut tx, agreement, &claims, due).await.unwrap();
    invoice_settle(&mut tx, invoice.id, PayFrom::Escrow(agreement), None).await.unwrap();
    tx.commit().await.unwrap();
    park.telemetry.add(park.asset, "state", park.window.from + Duration::from_secs(30), Value::Str("idle".into()));
    let mut tx = park.harness.host.begin(&park.caller()).await.unwrap();
    let correction = reading_correct(&mut tx, telemetry, readings[0].id()).await.unwrap();
    let claims = claims_accrue(&mut tx, correction.reading.id()).await.unwrap();
    let note = invoice_issue(&mut tx, agreement, &[claims[0].id], due).await.unwrap();
    invoice_settle(&mut tx, note.id, PayFrom::Cash, None).await.unwrap();
    tx.commit().await.unwrap();
    park.harness.host.settle().await.unwrap();
}

async fn report(park: &Park) -> Report {
    verify(&park.harness.host, Some(park.telemetry.clone())).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_honest_record_has_no_breach() {
    for park in parks().await {
        live(&park).await;
        let report = report(&park).await;
        assert!(report.ok(), "{:#?}", report.breaches);
        let rules: Vec<&str> = report.checked.keys().map(String::as_str).collect();
        let expected = [
            "I1", "I10", "I14", "I15", "I16", "I17", "I18", "I19", "I2", "I20", "I21", "I25", "I4", "I5", "I6", "I7",
            "I8", "I9",
        ];
        assert_eq!(rules, expected);
        assert!(report.checked.values().all(|count| *count > 0));
    }
}

/// What is changed, and which rule and kind of record must be named.
const CHANGES: &[(&str, &str, &str)] = &[
    ("UPDATE record_transfer SET amount_minor = amount_minor + 1 WHERE seq = 5", "I14", "trf_"),
    ("UPDATE record_transfer SET cause = 'elsewhere' WHERE seq = 3", "I14", "trf_"),
    ("UPDATE record_transfer SET kind = 'nonsense' WHERE seq = 3", "I14", "record_transfer"),
    ("DELETE FROM record_transfer WHERE seq = 4", "I14", "trf_"),
    (
        "UPDATE record_account SET credits_posted_minor = credits_posted_minor + 1 WHERE purpose = 'revenue'",
        "I1",
        "acc_",
    ),
    ("UPDATE record_reading SET quantity = '1.9' WHERE quantity = '1.8'", "I14", "rdg_"),
    (
        "UPDATE record_reading SET statement = REPLACE(statement, '\"quantity\":\"1.8\"', '\"quantity\":\"1.9\"')",
        "I17",
        "rdg_",
    ),
    ("UPDATE record_reading SET statement = 'gone' WHERE quantity = '60'", "I14", "rdg_"),
    ("UPDATE record_reading SET state = 'sealed', coverage_minimum = '1.1' WHERE quantity = '60'", "I19", "rdg_"),
    ("UPDATE record_reading SET superseded_by = NULL, state = 'sealed'", "I18", "rdg_"),
    (
        "UPDATE record_evidence SET manifest = REPLACE(manifest, '\"sample_count\":', '\"sample_count\":1')",
        "I16",
        "rdg_",
    ),
    ("UPDATE record_claim SET net_minor = net_minor + 1 WHERE net_minor > 0", "I20", "clm_"),
    (
        "UPDATE record_invoice SET totals = REPLACE(totals, '\"payable\":{\"amount\":\"', '\"payable\":{\"amount\":\"1')",
        "I25",
        "inv_",
    ),
    ("UPDATE record_invoice SET settled_minor = settled_minor - 1", "I25", "inv_"),
    (
        "UPDATE record_agreement SET clauses = REPLACE(clauses, '\"unit_price\":\"280\"', '\"unit_price\":\"281\"')",
        "I14",
        "agr_",
    ),
    ("UPDATE record_fulfilment SET quantity = '61'", "I7", "evt_"),
    ("UPDATE record_commitment SET quantity = '50'", "I7", "cmt_"),
    ("UPDATE record_commitment SET provider = receiver", "I8", "evt_"),
    ("UPDATE record_event SET quantity = '59' WHERE action = 'transfer'", "I14", "evt_"),
    ("UPDATE record_event SET attestations = '[]' WHERE action = 'transfer'", "I15", "evt_"),
    ("UPDATE record_reading SET gap_before_us = 0", "I18", "rdg_"),
    ("UPDATE record_commitment SET capacity = 0 WHERE state = 'reserved'", "I9", "cmt_"),
    ("INSERT INTO record_pending (id) SELECT id FROM record_transfer WHERE kind = 'pending'", "I2", "trf_"),
    ("UPDATE record_resource SET on_hand = '-1'", "I10", "res_"),
    ("UPDATE appkit_journal SET payload = '{}' WHERE seq = 2", "I14", "jrn_"),
    ("DELETE FROM appkit_journal WHERE seq = 3", "I14", "jrn_"),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_change_is_named() {
    for (sql, rule, record) in CHANGES {
        for park in parks().await {
            live(&park).await;
            let mut tx = park.harness.host.begin(&Caller::system()).await.unwrap();
            assert!(tx.exec(sql, params![]).await.unwrap() > 0, "{sql} changes nothing");
            tx.commit().await.unwrap();
            let report = report(&park).await;
            let named = report.breaches.iter().any(|breach| breach.rule == *rule && breach.record.starts_with(record));
            assert!(named, "{sql}: {:#?}", report.breaches);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_telemetry_value_is_named_by_its_readings() {
    for park in parks().await {
        live(&park).await;
        let index = park.telemetry.find("state", park.window.from + Duration::from_mins(50));
        park.telemetry.tamper(index, Value::Str("runninG".into()));
        let report = report(&park).await;
        let rules: Vec<&str> = report.breaches.iter().map(|breach| breach.rule.as_str()).collect();
        assert!(rules.contains(&"I16") && rules.contains(&"I17"), "{rules:?}");
        assert!(report.breaches.iter().all(|breach| breach.record.starts_with("rdg_")), "{:#?}", report.breaches);
        *park.telemetry.damaged.lock().unwrap() = true;
        let report = self::report(&park).await;
        assert!(
            report.breaches.iter().any(|b| b.rule == "I16" && b.detail.contains("seg-1")),
            "{:#?}",
            report.breaches
        );
    }
}
