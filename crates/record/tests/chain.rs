//! From telemetry to money and back: readings, claims, invoices, escrow, corrections, disputes.

mod common;

use std::collections::BTreeMap;

use common::{agreement, cny, parks, price};
use contracts::telemetry::{TelemetryStore, Value};
use kernel::{
    Duration, Quantity, Timestamp, Window,
    id::{AssetId, PartyId},
};
use record::{
    agreement::{AgreementState, Basis, Clause, Escrow, NewAgreement, agreement_close, agreement_conclude},
    case::{CaseKind, NewCase, Outcome, case_close, case_decide, case_open, cases_expire_in_tx},
    claim::{
        ClaimState, InvoiceKind, InvoiceState, claim_adjust, claim_get, claims_accrue, claims_accrue_event,
        invoice_get, invoice_issue, invoice_settle,
    },
    commitment::{CommitmentState, NewCommitment, commitment_create, commitment_step, commitments_reserve},
    event::{Action, NewEvent, event_attest, event_record},
    evidence::evidence_verify,
    ledger::{PayFrom, escrow_balance, escrow_refund_in_tx, trial_balance},
    meter::{
        ReadingState, meter_adjust, reading_correct, reading_export, reading_get, reading_recompute, reading_seal,
        readings_seal,
        rules::{Adjustment, IncidentKind},
    },
    resource::{NewResource, ResourceKind, resource_register},
};

fn due(at: Timestamp) -> Timestamp {
    at + Duration::from_days(30)
}

/// The answer of a script in another language; none, said aloud, where there is no Python.
#[expect(clippy::disallowed_methods, reason = "a file for another program to read in a test")]
fn recomputed_elsewhere(bundle: &[u8], price: &str) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("reading.evidence.json");
    std::fs::write(&file, bundle).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recompute.py");
    let output = match std::process::Command::new("python3").arg(script).arg(&file).args(price.split(' ')).output() {
        Ok(output) => output,
        Err(error) => {
            eprintln!("python3 is not here ({error}): the bill is not recomputed by another program in this run");
            return None;
        }
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
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
        for (invoice, (reading, price)) in invoices.iter().zip([(0, "280 100"), (1, "9.5 100"), (1, "46 20.5")]) {
            let bundle = reading_export(host, readings[reading].id()).await.unwrap();
            let Some(answer) = recomputed_elsewhere(&bundle, price) else { continue };
            let stated = format!("{} {}", readings[reading].statement.quantity, invoice.totals.net.decimal());
            assert_eq!(answer, stated);
        }
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

#[tokio::test(flavor = "multi_thread")]
async fn fifty_bookings_of_one_slot_leave_one_and_nothing_else() {
    for park in parks().await {
        let host = park.harness.host.clone();
        let mut tx = host.begin(&park.caller()).await.unwrap();
        let buyers: Vec<_> = (100..150).map(testkit::party).collect();
        for buyer in &buyers {
            record::ledger::cash_pay_in_in_tx(&mut tx, *buyer, cny(10_000), "opening").await.unwrap();
        }
        tx.commit().await.unwrap();
        let before = tables(&park).await;
        let (shop, asset, slot) = (park.shop, park.asset, park.window);
        let tasks: Vec<_> =
            buyers.into_iter().map(|buyer| tokio::spawn(book(host.clone(), shop, buyer, asset, slot))).collect();
        let mut codes = Vec::new();
        for task in tasks {
            codes.push(task.await.unwrap().map_err(|error| error.code));
        }
        assert_eq!(codes.iter().filter(|result| result.is_ok()).count(), 1);
        assert!(codes.iter().all(|result| matches!(result, Ok(()) | Err("record.capacity.exceeded"))), "{codes:?}");
        let after = tables(&park).await;
        let grown: Vec<i64> = after.iter().zip(&before).map(|(after, before)| after - before).collect();
        // One agreement, one commitment, one transfer, one escrow account.
        assert_eq!(grown, [1, 1, 1, 1]);
        // Two lines of one request that together exceed the capacity are refused as well.
        let mut tx = host.begin(&park.caller()).await.unwrap();
        let later = Window { from: slot.to, to: slot.to + Duration::from_hours(1) };
        let line = NewCommitment {
            agreement: None,
            action: Action::Use,
            provider: shop,
            receiver: park.buyer,
            item: None,
            resource: None,
            asset: Some(asset),
            quantity: None,
            effort: Some(Quantity::parse("1", "HUR").unwrap()),
            window: Some(later),
            capacity_units: 1,
        };
        let mut ids = Vec::new();
        for _ in 0..2 {
            let commitment = commitment_create(&mut tx, line.clone()).await.unwrap();
            ids.push(commitment_step(&mut tx, commitment.id, CommitmentState::Accepted, "").await.unwrap().id);
        }
        let error = commitments_reserve(&mut tx, &ids, |_| 1).await.unwrap_err();
        assert_eq!(error.code, "record.capacity.exceeded");
        commitments_reserve(&mut tx, &ids[..1], |_| 1).await.unwrap();
    }
}

/// A whole booking in one transaction: agreement, escrow, promise, slot.
async fn book(host: appkit::Host, shop: PartyId, buyer: PartyId, asset: AssetId, slot: Window) -> kernel::Result<()> {
    let mut tx = host.begin(&testkit::admin(buyer)).await?;
    let clauses = vec![price(Basis::MachineTime, "HUR", "280", None), Clause::Escrow(Escrow { amount: cny(10_000) })];
    let new = NewAgreement {
        title: "a slot".into(),
        provider: shop,
        receiver: buyer,
        others: Vec::new(),
        parent: None,
        offer: None,
        clauses,
    };
    let agreement = agreement_conclude(&mut tx, new, "order").await?;
    record::ledger::escrow_fund_in_tx(&mut tx, agreement.id, buyer, cny(10_000)).await?;
    let promise = NewCommitment {
        agreement: Some(agreement.id),
        action: Action::Use,
        provider: shop,
        receiver: buyer,
        item: None,
        resource: None,
        asset: Some(asset),
        quantity: None,
        effort: Some(Quantity::parse("2", "HUR").unwrap()),
        window: Some(slot),
        capacity_units: 1,
    };
    let promise = commitment_create(&mut tx, promise).await?;
    commitments_reserve(&mut tx, &[promise.id], |_| 1).await?;
    tx.commit().await
}

/// Rows that a stray booking would leave.
async fn tables(park: &common::Park) -> Vec<i64> {
    let mut counts = Vec::new();
    for table in ["record_agreement", "record_commitment", "record_transfer", "record_account"] {
        let row =
            park.harness.host.db().one(&format!("SELECT COUNT(*) AS n FROM {table}"), appkit::params![]).await.unwrap();
        counts.push(row.unwrap().get::<i64>("n").unwrap());
    }
    counts
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_counter_needs_a_person_and_says_so() {
    for park in parks().await {
        let host = &park.harness.host;
        let telemetry: std::sync::Arc<dyn TelemetryStore> = park.telemetry.clone();
        let from = testkit::START + Duration::from_hours(4) + Duration::from_mins(1);
        for (minute, count) in [(0, 1121), (1, 3), (2, 5)] {
            park.telemetry.add(park.asset, "good_count", from + Duration::from_mins(minute), Value::I64(count));
        }
        park.harness.clock.advance(Duration::from_hours(1));
        let window = Window { from, to: from + Duration::from_mins(3) };
        let mut tx = host.begin(&park.caller()).await.unwrap();
        let error = reading_seal(&mut tx, telemetry.clone(), park.pieces, None, window).await.unwrap_err();
        assert_eq!(error.code, "record.meter.counter-fell");
        let at = from + Duration::from_secs(30);
        let adjustment = Adjustment { at, kind: IncidentKind::Replacement, closing: 1123.into(), opening: 1.into() };
        meter_adjust(&mut tx, park.pieces, adjustment.clone()).await.unwrap();
        assert_eq!(meter_adjust(&mut tx, park.pieces, adjustment).await.unwrap_err().code, "record.meter.adjusted");
        let reading = reading_seal(&mut tx, telemetry, park.pieces, None, window).await.unwrap();
        // 1120 → 1121 → 1123, then 1 → 3 → 5.
        assert_eq!((reading.statement.quantity.to_string(), reading.statement.incidents.len()), ("7".into(), 1));
        tx.commit().await.unwrap();
        let bundle = reading_export(host, reading.id()).await.unwrap();
        assert_eq!(evidence_verify(&bundle).unwrap().quantity.to_string(), "7");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_are_paid_for_once_both_sides_have_said_so() {
    for park in parks().await {
        let host = &park.harness.host;
        let agreement = agreement(&park, vec![price(Basis::GoodPieces, "H87", "33.335", None)], 20_000).await;
        let mut tx = host.begin(&park.caller()).await.unwrap();
        let pieces = |n: &str| Quantity::parse(n, "H87").unwrap();
        let mut claims = Vec::new();
        for number in 1..=3 {
            let lot = NewResource {
                kind: ResourceKind::Lot,
                item: None,
                identifier: format!("LOT-{number}"),
                owner: park.shop,
                quantity: pieces("1"),
                location: String::new(),
                asset: None,
            };
            let lot = resource_register(&mut tx, lot).await.unwrap();
            let mut handed = NewEvent::new(Action::Transfer, park.shop, park.buyer, park.window.to);
            (handed.agreement, handed.resource, handed.quantity) = (Some(agreement), Some(lot.id), Some(pieces("1")));
            let event = event_record(&mut tx, park.shop, handed).await.unwrap();
            assert_eq!(claims_accrue_event(&mut tx, event.id).await.unwrap_err().code, "record.claim.not-attested");
            event_attest(&mut tx, event.id, park.buyer).await.unwrap();
            let claim = claims_accrue_event(&mut tx, event.id).await.unwrap();
            assert_eq!(claims_accrue_event(&mut tx, event.id).await.unwrap(), claim);
            claims.push(claim[0].id);
        }
        let now = tx.now();
        let invoice = invoice_issue(&mut tx, agreement, &claims, due(now)).await.unwrap();
        // Lines first, then the sum: 3 × 33.34, not 100.005 rounded.
        assert_eq!(invoice.totals.net, cny(10_002));
        let error = agreement_close(&mut tx, agreement, AgreementState::Completed).await.unwrap_err();
        assert_eq!(error.code, "record.agreement.open-claims");
        let error = agreement_close(&mut tx, agreement, AgreementState::Terminated).await.unwrap_err();
        assert_eq!(error.code, "record.agreement.in-force");
        invoice_settle(&mut tx, invoice.id, PayFrom::Escrow(agreement), None).await.unwrap();
        // A case finds that one piece was bad: its claim is corrected by difference.
        let new = NewCase {
            kind: CaseKind::Dispute,
            title: "a crack".into(),
            subjects: vec![claims[0].to_string()],
            agreement: Some(agreement),
            opened_by: park.buyer,
            parties: Vec::new(),
            text: String::new(),
            deadline_at: None,
            default_outcome: Outcome::Upheld,
        };
        let case = case_open(&mut tx, new).await.unwrap();
        assert_eq!(
            claim_adjust(&mut tx, claims[0], cny(0), case.id).await.unwrap_err().code,
            "record.claim.no-decision"
        );
        case_decide(&mut tx, case.id, park.shop, Outcome::Rejected, "seen".into()).await.unwrap();
        case_close(&mut tx, case.id).await.unwrap();
        let claim = claim_adjust(&mut tx, claims[0], cny(0), case.id).await.unwrap();
        assert_eq!(claim_adjust(&mut tx, claims[1], cny(0), case.id).await.unwrap_err().code, "record.claim.adjusted");
        let note = invoice_issue(&mut tx, agreement, &[claim.id], due(now)).await.unwrap();
        assert_eq!((note.kind, note.totals.net), (InvoiceKind::CreditNote, cny(3_334)));
        invoice_settle(&mut tx, note.id, PayFrom::Cash, None).await.unwrap();
        agreement_close(&mut tx, agreement, AgreementState::Completed).await.unwrap();
        let left = escrow_balance(&mut tx, agreement, park.buyer, cny(0).currency()).await.unwrap();
        assert_eq!(left, cny(0));
        tx.commit().await.unwrap();
        let report = record::verify::verify(host, Some(park.telemetry.clone())).await.unwrap();
        assert!(report.ok(), "{:#?}", report.breaches);
    }
}
