//! Disputes: the escrow is frozen, and each way out of one with its transfers.

use kernel::Duration;
use record::ledger::Purpose;
use serde_json::{Value as Json, json};

use crate::park::{Park, buyer_id, cny, parks, shop_id};

const REASON: &str = "eleven of the brackets are out of tolerance";

/// A job of 90 minutes by pieces, invoiced and disputed: 86 good pieces × 9.50 + 120 = 937 net.
async fn disputed(park: &Park) -> String {
    let capability = park.offer_mill().await;
    let booking = park.job_done(&capability, "pieces", 90).await;
    park.wait(Duration::from_secs(5)).await;
    assert_eq!(park.booking(&booking).await["state"], "invoiced");
    let answer = park.act(&park.buyer, &booking, "dispute", json!({ "reason": REASON })).await.expect(200);
    assert_eq!(answer.body["state"], "disputed");
    booking
}

async fn invoice(park: &Park, booking: &str) -> Json {
    let id = park.booking(booking).await["job"]["invoice"].as_str().unwrap().to_owned();
    park.shop.get(&format!("/api/v1/invoices/{id}")).await.expect(200).body
}

fn minor(money: &Json) -> i64 {
    money["amount"].as_str().unwrap().replace('.', "").parse().unwrap()
}

/// The escrow is empty, the agreement complete, everything holds.
async fn over(park: &Park, booking: &str, kept: i64) {
    let booking = park.booking(booking).await;
    assert_eq!(booking["state"], "settled");
    assert_eq!(park.balance(buyer_id(), Purpose::Escrow, booking["agreement"].as_str().unwrap()).await, 0);
    assert_eq!(park.cash(shop_id()).await, kept);
    assert_eq!(park.cash(buyer_id()).await, 5_000_000 - kept);
    assert_eq!(minor(&booking["paid"]["released"]), kept);
    assert_eq!(minor(&booking["paid"]["refunded"]), minor(&booking["most"]["gross"]) - kept);
    park.sound().await;
}

#[tokio::test]
async fn a_dispute_opens_a_case_and_freezes_the_escrow() {
    for park in parks().await {
        let booking = disputed(&park).await;
        let case = park.booking(&booking).await["job"]["dispute"].as_str().unwrap().to_owned();
        let case = park.shop.get(&format!("/api/v1/cases/{case}")).await.expect(200).body;
        assert_eq!((case["kind"].as_str(), case["notes"][0]["text"].as_str()), (Some("dispute"), Some(REASON)));
        assert_eq!(invoice(&park, &booking).await["state"], "disputed");
        // Neither silence nor acceptance nor a payment around the room moves anything.
        park.wait(Duration::from_hours(50)).await;
        assert_eq!(park.booking(&booking).await["state"], "disputed");
        assert_eq!(
            park.act(&park.buyer, &booking, "accept", json!(null)).await.expect(409).code(),
            "sharing.booking.state"
        );
        let id = invoice(&park, &booking).await["id"].as_str().unwrap().to_owned();
        park.buyer.post(&format!("/api/v1/invoices/{id}/settle"), json!({ "from": "escrow" })).await.expect(409);
        assert_eq!(park.cash(shop_id()).await, 0);
        // Each side has its own way out only.
        assert_eq!(
            park.act(&park.shop, &booking, "withdraw-dispute", json!(null)).await.expect(403).code(),
            "sharing.booking.side"
        );
        assert_eq!(
            park.act(&park.buyer, &booking, "concede", json!({})).await.expect(403).code(),
            "sharing.booking.side"
        );
        assert_eq!(
            park.act(&park.shop, &booking, "dispute", json!({ "reason": "x" })).await.expect(403).code(),
            "sharing.booking.side"
        );
        park.sound().await;
    }
}

#[tokio::test]
async fn withdrawn_it_is_paid_as_metered() {
    for park in parks().await {
        let booking = disputed(&park).await;
        let gross = minor(&invoice(&park, &booking).await["totals"]["gross"]);
        park.act(&park.buyer, &booking, "withdraw-dispute", json!(null)).await.expect(200);
        park.wait(Duration::from_hours(100)).await;
        over(&park, &booking, gross).await;
        let again = park.act(&park.buyer, &booking, "withdraw-dispute", json!(null)).await.expect(409);
        assert_eq!(again.code(), "sharing.dispute.none");
    }
}

#[tokio::test]
async fn conceded_in_part_a_credit_note_says_so() {
    for park in parks().await {
        let booking = disputed(&park).await;
        let gross = minor(&invoice(&park, &booking).await["totals"]["gross"]);
        for wrong in ["0.00", "-1.00", "100000.00"] {
            let answer =
                park.act(&park.shop, &booking, "concede", json!({ "refund_net": cny(wrong) })).await.expect(422);
            assert_eq!(answer.code(), "sharing.dispute.amount");
        }
        park.act(&park.shop, &booking, "concede", json!({ "refund_net": cny("104.50") })).await.expect(200);
        park.wait(Duration::from_hours(100)).await;
        // 104.50 and 13 % of it, 13.585 → 13.59.
        over(&park, &booking, gross - 11_809).await;
        let original = invoice(&park, &booking).await;
        assert_eq!((original["state"].as_str(), minor(&original["totals"]["gross"])), (Some("settled"), gross));
        let papers = park.buyer.get("/api/v1/invoices").await.expect(200).body;
        let note =
            papers["items"].as_array().unwrap().iter().find(|paper| paper["kind"] == "credit_note").unwrap().clone();
        assert_eq!((&note["corrects"], &note["totals"]["gross"]), (&original["id"], &cny("118.09")));
        assert_eq!(note["state"], "settled");
    }
}

#[tokio::test]
async fn conceded_wholly_everything_returns() {
    for park in parks().await {
        let booking = disputed(&park).await;
        park.act(&park.shop, &booking, "concede", json!({})).await.expect(200);
        over(&park, &booking, 0).await;
    }
}

#[tokio::test]
async fn without_an_end_the_deadline_brings_one() {
    for park in parks().await {
        let booking = disputed(&park).await;
        let gross = minor(&invoice(&park, &booking).await["totals"]["gross"]);
        park.wait(Duration::from_hours(71)).await;
        assert_eq!(park.booking(&booking).await["state"], "disputed");
        park.wait(Duration::from_hours(1)).await;
        over(&park, &booking, gross).await;
    }
}

#[tokio::test]
async fn a_decision_at_the_case_itself_is_carried_out() {
    for (outcome, by_buyer, kept_all) in [("upheld", true, true), ("rejected", false, false)] {
        for park in parks().await {
            let booking = disputed(&park).await;
            let gross = minor(&invoice(&park, &booking).await["totals"]["gross"]);
            let case = park.booking(&booking).await["job"]["dispute"].as_str().unwrap().to_owned();
            let by = if by_buyer { &park.buyer } else { &park.shop };
            by.post(&format!("/api/v1/cases/{case}/decide"), json!({ "outcome": outcome, "text": "" }))
                .await
                .expect(200);
            park.wait(Duration::from_secs(1)).await;
            over(&park, &booking, if kept_all { gross } else { 0 }).await;
        }
    }
}

#[tokio::test]
async fn before_anything_is_billed_a_dispute_ends_with_all_or_goes_on() {
    for park in parks().await {
        let capability = park.offer_mill().await;
        let finish = async || {
            let booking = park.book(&capability, "time", json!([park.slot(0, 60)])).await.expect(201).body;
            let job = booking["job"]["id"].as_str().unwrap().to_owned();
            park.shop.post(&format!("/api/v1/sharing/jobs/{job}/start"), json!(null)).await.expect(200);
            park.wait(Duration::from_mins(30)).await;
            park.shop.post(&format!("/api/v1/sharing/jobs/{job}/finish"), json!(null)).await.expect(200);
            let booking = booking["id"].as_str().unwrap().to_owned();
            park.act(&park.buyer, &booking, "dispute", json!({ "reason": "nothing came" })).await.expect(200);
            booking
        };
        let first = finish().await;
        let part = park.act(&park.shop, &first, "concede", json!({ "refund_net": cny("1.00") })).await.expect(409);
        assert_eq!(part.code(), "sharing.dispute.nothing-billed");
        park.act(&park.shop, &first, "concede", json!({})).await.expect(200);
        over(&park, &first, 0).await;

        let second = finish().await;
        let withdrawn = park.act(&park.buyer, &second, "withdraw-dispute", json!(null)).await.expect(200);
        assert_eq!(withdrawn.body["state"], "finished");
        for _ in 0..9 {
            park.wait(Duration::from_days(1)).await;
        }
        over(&park, &second, 0).await;
    }
}
