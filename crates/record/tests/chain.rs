//! From telemetry to money and back: readings, claims, invoices, escrow, corrections, disputes.

mod common;

use std::collections::BTreeMap;

use common::{agreement, cny, parks, price};
use contracts::telemetry::{TelemetryStore, Value};
use kernel::{Duration, Timestamp, Window};
use record::{
    agreement::Basis,
    case::{CaseKind, NewCase, Outcome, case_close, case_decide, case_open, cases_expire_in_tx},
    claim::{
        ClaimState, InvoiceKind, InvoiceState, claim_get, claims_accrue, invoice_get, invoice_issue, invoice_settle,
    },
    evidence::evidence_verify,
    ledger::{PayFrom, escrow_balance, escrow_refund_in_tx, trial_balance},
    meter::{
        ReadingState, reading_correct, reading_export, reading_get, reading_recompute, reading_seal, readings_seal,
    },
};

fn due(at: Timestamp) -> Timestamp {
    at + Duration::from_days(30)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_job_is_billed_three_ways_from_the_same_evidence() {
    for park in parks().await {
        let host = &park.harness.host;
        let prices = vec![
            price(Basis::MachineTime, "HUR", "280", Some(park.hours)),
            price(Basis::GoodPieces, "H87", "9.5", Some(park.pieces)),
            price(Basis::Value, "H87", "46", Some(park.pieces)),
        ];
        let agreement = agreement(&park, prices, 200_000).await;
        let mut tx = host.begin(&park.caller()).await.unwrap();
        let telemetry: std::sync::Arc<dyn TelemetryStore> = park.telemetry.clone();
        let meters = [park.hours, park.pieces, park.energy];
        let readings = readings_seal(&mut tx, telemetry, &meters, Some(agreement), park.window).await.unwrap();
        // Nine of ten minutes over two hours; a piece every two minutes; energy of the straight lines between minutes.
        let quantities: Vec<String> = readings.iter().map(|r| r.statement.quantity.to_string()).collect();
        assert_eq!(quantities, ["1.8", "60", "13.75"]);
        assert!(
            readings
                .iter()
                .all(|r| r.state == ReadingState::Sealed && r.statement.evidence == readings[0].statement.evidence)
        );
        let mut invoices = Vec::new();
        for reading in &readings[..2] {
            for claim in claims_accrue(&mut tx, reading.id()).await.unwrap() {
                let now = tx.now();
                invoices.push(invoice_issue(&mut tx, agreement, &[claim.id], due(now)).await.unwrap());
            }
        }
        // 1.8 h × 280 = 504.00; 60 × 9.50 = 570.00; 60 × 46 × 20.5 % = 565.80; each plus 13 %.
        let sums: Vec<(i64, i64)> = invoices.iter().map(|i| (i.totals.net.minor(), i.totals.payable.minor())).collect();
        assert_eq!(sums, [(50_400, 56_952), (57_000, 64_410), (56_580, 63_935)]);
        for invoice in &invoices {
            let settled = invoice_settle(&mut tx, invoice.id, PayFrom::Escrow(agreement), None).await.unwrap();
            assert_eq!(settled.state, InvoiceState::Settled);
        }
        let refund =
            escrow_refund_in_tx(&mut tx, agreement, park.buyer, cny(0).currency(), None).await.unwrap().unwrap();
        assert_eq!(refund.amount(), cny(200_000 - 56_952 - 64_410 - 63_935));
        tx.commit().await.unwrap();
        // Both books balance by themselves, and the shop has the money.
        let lines = trial_balance(host, None).await.unwrap();
        let mut per_party = BTreeMap::new();
        for line in &lines {
            *per_party.entry(line.party).or_insert(0) += line.net.minor();
        }
        assert!(per_party.values().all(|sum| *sum == 0), "{lines:?}");
        let cash = lines.iter().find(|l| l.party == park.shop && l.purpose.as_str() == "cash").unwrap();
        assert_eq!(cash.net, cny(56_952 + 64_410 + 63_935));
        assert!(reading_recompute(host, readings[0].id()).await.unwrap().identical);
        let bundle = reading_export(host, readings[0].id()).await.unwrap();
        let report = evidence_verify(&bundle).unwrap();
        assert_eq!(
            (report.quantity.to_string(), report.digest),
            ("1.8".into(), invoices[0].lines[0].statement.unwrap())
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_again_changes_nothing_and_windows_do_not_overlap() {
    for park in parks().await {
        let host = &park.harness.host;
        let agreement = agreement(&park, vec![price(Basis::MachineTime, "HUR", "280", None)], 100).await;
        let telemetry: std::sync::Arc<dyn TelemetryStore> = park.telemetry.clone();
        let mut tx = host.begin(&park.caller()).await.unwrap();
        let first = reading_seal(&mut tx, telemetry.clone(), park.hours, Some(agreement), park.window).await.unwrap();
        let again = reading_seal(&mut tx, telemetry.clone(), park.hours, Some(agreement), park.window).await.unwrap();
        assert_eq!(first, again);
        let one = claims_accrue(&mut tx, first.id()).await.unwrap();
        assert_eq!(claims_accrue(&mut tx, first.id()).await.unwrap(), one);
        let overlapping =
            Window { from: park.window.from + Duration::from_mins(30), to: park.window.to + Duration::from_mins(30) };
        let error =
            reading_seal(&mut tx, telemetry.clone(), park.hours, Some(agreement), overlapping).await.unwrap_err();
        assert_eq!(error.code, "record.reading.overlap");
        let later =
            Window { from: park.window.to + Duration::from_mins(5), to: park.window.to + Duration::from_mins(25) };
        let reading = reading_seal(&mut tx, telemetry.clone(), park.hours, Some(agreement), later).await.unwrap();
        assert_eq!(reading.gap_before_us, Duration::from_mins(5).micros());
        let future = Window { from: park.window.to, to: tx.now() + Duration::from_mins(1) };
        let error = reading_seal(&mut tx, telemetry, park.hours, Some(agreement), future).await.unwrap_err();
        assert_eq!(error.code, "record.reading.window");
        let now = tx.now();
        let invoice = invoice_issue(&mut tx, agreement, &[one[0].id], due(now)).await.unwrap();
        assert_eq!(invoice.number, "INV-2026-000001");
        let error = invoice_issue(&mut tx, agreement, &[one[0].id], due(now)).await.unwrap_err();
        assert_eq!(error.code, "record.invoice.claims");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn too_little_data_stays_provisional_until_it_arrives() {
    for park in parks().await {
        let host = &park.harness.host;
        let agreement = agreement(&park, vec![price(Basis::MachineTime, "HUR", "280", None)], 100).await;
        let telemetry: std::sync::Arc<dyn TelemetryStore> = park.telemetry.clone();
        // The hour after the data ends.
        park.harness.clock.advance(Duration::from_hours(1));
        let from = park.window.to + Duration::from_hours(1);
        let window = Window { from, to: from + Duration::from_mins(30) };
        let mut tx = host.begin(&park.caller()).await.unwrap();
        let reading = reading_seal(&mut tx, telemetry.clone(), park.hours, Some(agreement), window).await.unwrap();
        assert_eq!(reading.state, ReadingState::Provisional);
        assert_eq!(claims_accrue(&mut tx, reading.id()).await.unwrap_err().code, "record.reading.not-sealed");
        let error = reading_correct(&mut tx, telemetry.clone(), reading.id()).await.unwrap_err();
        assert_eq!(error.code, "record.reading.nothing-new");
        for minute in 0..30 {
            park.telemetry.add(park.asset, "state", from + Duration::from_mins(minute), Value::Str("running".into()));
        }
        let correction = reading_correct(&mut tx, telemetry, reading.id()).await.unwrap();
        assert_eq!(
            (correction.reading.state, correction.reading.statement.quantity.to_string()),
            (ReadingState::Sealed, "0.5".into())
        );
        assert_eq!(claims_accrue(&mut tx, correction.reading.id()).await.unwrap()[0].net, cny(14_000));
        assert_eq!(reading_get(&mut tx, reading.id()).await.unwrap().superseded_by, Some(correction.reading.id()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn late_data_makes_a_note_over_the_difference() {
    for park in parks().await {
        let host = &park.harness.host;
        let agreement = agreement(&park, vec![price(Basis::MachineTime, "HUR", "280", None)], 100_000).await;
        let telemetry: std::sync::Arc<dyn TelemetryStore> = park.telemetry.clone();
        let mut tx = host.begin(&park.caller()).await.unwrap();
        let reading = reading_seal(&mut tx, telemetry.clone(), park.hours, Some(agreement), park.window).await.unwrap();
        let claims = claims_accrue(&mut tx, reading.id()).await.unwrap();
        let now = tx.now();
        let invoice = invoice_issue(&mut tx, agreement, &[claims[0].id], due(now)).await.unwrap();
        invoice_settle(&mut tx, invoice.id, PayFrom::Escrow(agreement), None).await.unwrap();
        tx.commit().await.unwrap();
        // A gateway delivers late: for half a minute the machine was idle.
        let at = park.window.from + Duration::from_secs(30);
        park.telemetry.add(park.asset, "state", at, Value::Str("idle".into()));
        assert!(reading_recompute(host, reading.id()).await.unwrap().identical, "as known then");
        let mut tx = host.begin(&park.caller()).await.unwrap();
        let correction = reading_correct(&mut tx, telemetry, reading.id()).await.unwrap();
        // 30 s less: 1.7917 h instead of 1.8 h.
        assert_eq!(
            (correction.reading.statement.quantity.to_string(), correction.difference.to_string()),
            ("1.7917".into(), "-0.0083".into())
        );
        let claims = claims_accrue(&mut tx, correction.reading.id()).await.unwrap();
        assert_eq!((claims[0].net, claims[0].corrects.is_some()), (cny(50_168 - 50_400), true));
        let note = invoice_issue(&mut tx, agreement, &[claims[0].id], due(now)).await.unwrap();
        assert_eq!(
            (note.kind, note.corrects, note.totals.payable),
            (InvoiceKind::CreditNote, Some(invoice.id), cny(262))
        );
        assert!(note.number.starts_with("CN-"));
        let repaid = invoice_settle(&mut tx, note.id, PayFrom::Cash, None).await.unwrap();
        assert_eq!(repaid.state, InvoiceState::Settled);
        // The first invoice is as it was.
        assert_eq!(invoice_get(&mut tx, invoice.id).await.unwrap().totals, invoice.totals);
        tx.commit().await.unwrap();
        let lines = trial_balance(host, Some(park.shop)).await.unwrap();
        let net = |purpose: &str| lines.iter().find(|l| l.purpose.as_str() == purpose).unwrap().net.minor();
        assert_eq!(
            (net("cash"), net("receivable"), net("revenue"), net("tax")),
            (56_952 - 262, 0, -50_168, -6_552 + 30)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispute_freezes_and_its_deadline_decides() {
    for park in parks().await {
        let host = &park.harness.host;
        let agreement = agreement(&park, vec![price(Basis::MachineTime, "HUR", "280", None)], 100_000).await;
        let telemetry: std::sync::Arc<dyn TelemetryStore> = park.telemetry.clone();
        let mut tx = host.begin(&park.caller()).await.unwrap();
        let reading = reading_seal(&mut tx, telemetry, park.hours, Some(agreement), park.window).await.unwrap();
        let claim = claims_accrue(&mut tx, reading.id()).await.unwrap().remove(0);
        let now = tx.now();
        let invoice = invoice_issue(&mut tx, agreement, &[claim.id], due(now)).await.unwrap();
        let new = NewCase {
            kind: CaseKind::Dispute,
            title: "the machine idled".into(),
            subjects: vec![reading.id().to_string()],
            agreement: Some(agreement),
            opened_by: park.buyer,
            parties: Vec::new(),
            text: "see the camera".into(),
            deadline_at: Some(now + Duration::from_hours(24)),
            default_outcome: Outcome::Upheld,
        };
        let stranger = NewCase { opened_by: park.stranger, ..new.clone() };
        assert_eq!(case_open(&mut tx, stranger).await.unwrap_err().code, "record.case.not-a-party");
        let case = case_open(&mut tx, new).await.unwrap();
        assert_eq!(case.parties.len(), 2);
        assert_eq!(reading_get(&mut tx, reading.id()).await.unwrap().state, ReadingState::Disputed);
        assert_eq!(claim_get(&mut tx, claim.id).await.unwrap().state, ClaimState::Disputed);
        let error = invoice_settle(&mut tx, invoice.id, PayFrom::Escrow(agreement), None).await.unwrap_err();
        assert_eq!(error.code, "record.invoice.disputed");
        let error = escrow_refund_in_tx(&mut tx, agreement, park.buyer, cny(0).currency(), None).await.unwrap_err();
        assert_eq!(error.code, "record.account.frozen");
        assert_eq!(cases_expire_in_tx(&mut tx).await.unwrap(), 0);
        tx.commit().await.unwrap();
        park.harness.clock.advance(Duration::from_hours(24));
        let mut tx = host.begin(&park.caller()).await.unwrap();
        assert_eq!(cases_expire_in_tx(&mut tx).await.unwrap(), 1);
        assert_eq!(
            case_decide(&mut tx, case.id, park.shop, Outcome::Rejected, "no".into()).await.unwrap_err().code,
            "record.case.step"
        );
        let closed = case_close(&mut tx, case.id).await.unwrap();
        assert_eq!(closed.outcome, Some(Outcome::Upheld));
        assert_eq!(reading_get(&mut tx, reading.id()).await.unwrap().state, ReadingState::Billed);
        assert_eq!(claim_get(&mut tx, claim.id).await.unwrap().state, ClaimState::Invoiced);
        invoice_settle(&mut tx, invoice.id, PayFrom::Escrow(agreement), None).await.unwrap();
        let left = escrow_balance(&mut tx, agreement, park.buyer, cny(0).currency()).await.unwrap();
        assert_eq!(left, cny(100_000 - 56_952));
    }
}
