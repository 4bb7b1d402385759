//! Holds, bookings, escrow, and what happens when many want the same slot.

use kernel::Duration;
use record::ledger::Purpose;
use serde_json::json;

use crate::park::{buyer_id, cny, id, parks, shop_id};

#[tokio::test]
async fn a_booking_signs_reserves_and_pays_into_escrow_in_one_commit() {
    for park in parks().await {
        let capability = park.offer_mill().await;
        let slots = json!([park.slot(60, 300)]);
        let quote = json!({ "capability": capability, "basis": "time", "slots": slots, "pieces": 100 });
        let quote = park.buyer.post("/api/v1/sharing/quotes", quote).await.expect(200).body;
        // 4 h × 280 + 120 set-up = 1240, 13 % of it 161.20.
        assert_eq!(quote["most"], json!({ "net": cny("1240.00"), "tax": cny("161.20"), "gross": cny("1401.20") }));

        let booking = park.book(&capability, "time", slots.clone()).await.expect(201).body;
        assert_eq!((booking["state"].as_str(), booking["side"].as_str()), (Some("booked"), Some("buyer")));
        assert_eq!(booking["most"], quote["most"]);
        let agreement = booking["agreement"].as_str().unwrap();
        assert_eq!(park.cash(buyer_id()).await, 5_000_000 - 140_120);
        assert_eq!(park.balance(buyer_id(), Purpose::Escrow, agreement).await, 140_120);

        let signed = park.shop.get(&format!("/api/v1/agreements/{agreement}")).await.expect(200).body;
        assert_eq!((signed["state"].as_str(), signed["signatures"].as_array().unwrap().len()), (Some("active"), 2));
        let names: Vec<&str> =
            signed["clauses"].as_array().unwrap().iter().map(|c| c["clause"].as_str().unwrap()).collect();
        assert_eq!(names, ["price", "price", "escrow", "tolerance", "coverage", "acceptance", "dispute", "data_use"]);
        assert!(signed["offer"].is_string(), "the published offer is the provider's signature");

        // The slot is busy, and nobody can tell who took it.
        let (from, to) = (slots[0]["from"].as_str().unwrap(), slots[0]["to"].as_str().unwrap());
        let calendar = format!("/api/v1/sharing/capabilities/{capability}/calendar?from={from}&to={to}");
        let calendar = park.stranger.get(&calendar).await.expect(200).body;
        assert_eq!((&calendar["busy"], &calendar["free"]), (&slots, &json!([])));
        assert!(!calendar.to_string().contains(&buyer_id().to_string()));
        park.sound().await;
    }
}

#[tokio::test]
async fn a_hold_keeps_others_out_until_it_expires() {
    for park in parks().await {
        let capability = park.offer_mill().await;
        let hold =
            |minutes: u32| json!({ "capability": capability, "slots": [park.slot(60, 120)], "minutes": minutes });
        let held = park.stranger.post("/api/v1/sharing/holds", hold(10)).await.expect(201);
        assert_eq!(park.stranger.get("/api/v1/sharing/holds").await.expect(200).body.as_array().unwrap().len(), 1);
        assert_eq!(park.buyer.get("/api/v1/sharing/holds").await.expect(200).body, json!([]));
        let slots = json!([park.slot(90, 150)]);
        assert_eq!(park.book(&capability, "time", slots.clone()).await.expect(409).code(), "sharing.slot.taken");
        assert_eq!(park.buyer.post("/api/v1/sharing/holds", hold(31)).await.expect(400).code(), "sharing.hold.length");

        // A moment before its end it still holds; at its end it does not, even before anything swept it.
        park.harness.clock.advance(Duration::from_mins(10) + Duration::from_micros(-1));
        assert_eq!(park.book(&capability, "time", slots.clone()).await.expect(409).code(), "sharing.slot.taken");
        park.harness.clock.advance(Duration::from_micros(1));
        park.book(&capability, "time", slots).await.expect(201);
        let release = format!("/api/v1/sharing/holds/{}/release", id(&held));
        assert_eq!(park.stranger.post(&release, json!(null)).await.expect(409).code(), "sharing.hold.state");
        park.wait(Duration::from_secs(1)).await;
        assert_eq!(park.count("sharing_slot").await, 1, "only the booking's slot is left");
        park.sound().await;
    }
}

#[tokio::test]
async fn a_hold_becomes_a_booking_or_is_given_back() {
    for park in parks().await {
        let capability = park.offer_mill().await;
        let hold = json!({ "capability": capability, "slots": [park.slot(60, 120), park.slot(120, 180)] });
        let held = id(&park.buyer.post("/api/v1/sharing/holds", hold.clone()).await.expect(201));
        let body =
            json!({ "capability": capability, "basis": "pieces", "hold": held, "pieces": 100, "part": "bracket" });
        assert_eq!(
            park.stranger.post("/api/v1/sharing/bookings", body.clone()).await.expect(404).code(),
            "sharing.hold.unknown"
        );
        let booking = park.buyer.post("/api/v1/sharing/bookings", body.clone()).await.expect(201).body;
        assert_eq!(booking["slots"].as_array().unwrap().len(), 2);
        assert_eq!(booking["reserved"].as_array().unwrap().len(), 2);
        assert_eq!(park.buyer.post("/api/v1/sharing/bookings", body).await.expect(409).code(), "sharing.hold.state");

        let later = json!({ "capability": capability, "slots": [park.slot(600, 660)] });
        let held = id(&park.buyer.post("/api/v1/sharing/holds", later.clone()).await.expect(201));
        assert_eq!(
            park.stranger.post("/api/v1/sharing/holds", later.clone()).await.expect(409).code(),
            "sharing.slot.taken"
        );
        let release = format!("/api/v1/sharing/holds/{held}/release");
        assert_eq!(park.stranger.post(&release, json!(null)).await.expect(404).code(), "sharing.hold.unknown");
        assert_eq!(park.buyer.post(&release, json!(null)).await.expect(200).body["state"], "released");
        park.stranger.post("/api/v1/sharing/holds", later).await.expect(201);
    }
}

#[tokio::test]
async fn without_enough_money_nothing_is_left_behind() {
    for park in parks().await {
        let capability = park.offer_mill().await;
        let tables = [
            "record_agreement",
            "record_commitment",
            "record_transfer",
            "sharing_booking",
            "sharing_slot",
            "appkit_job",
            "appkit_journal",
        ];
        let mut before = Vec::new();
        for table in tables {
            before.push(park.count(table).await);
        }
        let body =
            json!({ "capability": capability, "basis": "time", "slots": [park.slot(0, 60)], "pieces": 1, "part": "x" });
        assert_eq!(
            park.stranger.post("/api/v1/sharing/bookings", body).await.expect(409).code(),
            "record.account.would-overdraw"
        );
        for (table, before) in tables.iter().zip(before) {
            assert_eq!(park.count(table).await, before, "{table}");
        }
    }
}

#[tokio::test]
async fn lines_of_one_request_count_together() {
    for park in parks().await {
        let capability = park.offer_mill().await;
        let twice = json!([park.slot(0, 60), park.slot(30, 90)]);
        assert_eq!(park.book(&capability, "time", twice).await.expect(409).code(), "sharing.slot.taken");
        let same = json!([park.slot(0, 60), park.slot(0, 60)]);
        assert_eq!(park.book(&capability, "time", same).await.expect(409).code(), "sharing.slot.taken");
        assert_eq!((park.count("sharing_slot").await, park.count("record_commitment").await), (0, 0));
        park.book(&capability, "time", json!([park.slot(0, 60), park.slot(60, 90)])).await.expect(201);

        // The machine is one, however many capabilities it offers.
        let other = park.offer_mill().await;
        assert_eq!(
            park.book(&other, "time", json!([park.slot(80, 100)])).await.expect(409).code(),
            "sharing.slot.taken"
        );
        park.sound().await;
    }
}

#[tokio::test]
async fn opening_hours_bound_what_can_be_booked() {
    for park in parks().await {
        let capability = park.offer_mill().await;
        // Monday 08:00 to 17:00 in Beijing is 00:00 to 09:00 UTC; the clock stands at Monday 00:00 UTC.
        let hours = json!({ "utc_offset_min": 480, "minutes": [[480, 1020]] });
        let path = format!("/api/v1/sharing/capabilities/{capability}/opening");
        use axum::http::Method;
        park.buyer.call(Method::PUT, &path, Some(hours.clone())).await.expect(404);
        let wrong = json!({ "utc_offset_min": 480, "minutes": [[1020, 480]] });
        let wrong = park.shop.call(Method::PUT, &path, Some(wrong)).await.expect(400);
        assert_eq!(wrong.code(), "sharing.opening.malformed");
        park.shop.call(Method::PUT, &path, Some(hours)).await.expect(200);
        assert_eq!(
            park.book(&capability, "time", json!([park.slot(500, 560)])).await.expect(409).code(),
            "sharing.slot.taken"
        );
        park.book(&capability, "time", json!([park.slot(480, 540)])).await.expect(201);
    }
}

#[tokio::test]
async fn what_cannot_be_booked_is_refused_with_its_code() {
    for park in parks().await {
        let capability = park.offer_mill().await;
        let slot = json!([park.slot(60, 120)]);
        let order = |change: serde_json::Value| {
            let mut body = json!({
                "capability": capability, "basis": "time", "slots": slot, "pieces": 10, "part": "bracket",
            });
            body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            body
        };
        let cases = [
            (json!({ "pieces": 501 }), 422, "sharing.booking.lot"),
            (json!({ "part": " " }), 400, "sharing.booking.part"),
            (json!({ "slots": [park.slot(-60, 60)] }), 400, "sharing.slot.malformed"),
            (json!({ "slots": [park.slot(60, 60)] }), 400, "sharing.slot.malformed"),
            (json!({ "slots": [] }), 400, "sharing.slot.malformed"),
            (json!({ "basis": "barter" }), 400, "appkit.body.malformed"),
            (json!({ "capability": "cap_00000000000070008000000000000000" }), 404, "sharing.capability.unknown"),
        ];
        for (change, status, code) in cases {
            let answer = park.buyer.post("/api/v1/sharing/bookings", order(change.clone())).await;
            assert_eq!((answer.status.as_u16(), answer.code()), (status, code), "{change}: {:#}", answer.body);
        }
        let own = park.shop.post("/api/v1/sharing/bookings", order(json!({}))).await.expect(409);
        assert_eq!(own.code(), "sharing.capability.own");
        let withdraw = format!("/api/v1/sharing/capabilities/{capability}/withdraw");
        park.shop.post(&withdraw, json!(null)).await.expect(200);
        let gone = park.buyer.post("/api/v1/sharing/bookings", order(json!({}))).await.expect(409);
        assert_eq!(gone.code(), "sharing.capability.not-offered");
        // A machine that cannot tell good pieces from bad ones is billed by all of them; one with no such price is not.
        let only_time = json!([{ "basis": "time", "unit_price": cny("100.00") }]);
        let mut terms = crate::park::terms();
        terms["prices"] = only_time;
        let grinder = park.offer(&park.works, "grinder", terms).await;
        let answer = park.book(&grinder, "pieces", slot.clone()).await.expect(409);
        assert_eq!(answer.code(), "sharing.basis.not-offered");
    }
}

#[tokio::test]
async fn one_key_books_once() {
    for park in parks().await {
        let capability = park.offer_mill().await;
        let body = |pieces: u32| json!({ "capability": capability, "basis": "time", "slots": [park.slot(0, 60)], "pieces": pieces, "part": "x" });
        let keyed = park.buyer.with("idempotency-key", "order-7");
        let first = keyed.post("/api/v1/sharing/bookings", body(10)).await.expect(201);
        let again = keyed.post("/api/v1/sharing/bookings", body(10)).await.expect(201);
        assert_eq!((&first.body, again.header("idempotent-replayed")), (&again.body, Some("true")));
        let other = keyed.post("/api/v1/sharing/bookings", body(11)).await.expect(422);
        assert_eq!(other.code(), "appkit.idempotency.key-reused");
        assert_eq!(park.count("sharing_booking").await, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_at_once_and_exactly_one_gets_the_slot() {
    for park in parks().await {
        let capability = park.offer_mill().await;
        let transfers = park.count("record_transfer").await;
        let body = json!({
            "capability": capability, "basis": "time", "slots": [park.slot(0, 60)], "pieces": 10, "part": "bracket",
        });
        let mut orders = tokio::task::JoinSet::new();
        for number in 0..50 {
            let (api, body) = (park.buyer.with("idempotency-key", &format!("order-{number}")), body.clone());
            orders.spawn(async move { api.post("/api/v1/sharing/bookings", body).await });
        }
        let answers = orders.join_all().await;
        let made = answers.iter().filter(|answer| answer.status == 201).count();
        let refused = answers.iter().filter(|answer| answer.code() == "sharing.slot.taken").count();
        assert_eq!((made, refused), (1, 49), "{}", park.harness.engine);
        // One slot promise, one promise of pieces, one agreement, one transfer into escrow, one slot, no hold.
        let left = [
            ("sharing_booking", 1),
            ("sharing_job", 1),
            ("sharing_slot", 1),
            ("sharing_hold", 0),
            ("record_agreement", 1),
            ("record_commitment", 2),
            ("record_transfer", transfers + 1),
        ];
        for (table, expected) in left {
            assert_eq!(park.count(table).await, expected, "{table} on {}", park.harness.engine);
        }
        assert_eq!(park.cash(buyer_id()).await, 5_000_000 - 45_200);
        park.sound().await;
    }
}

#[tokio::test]
async fn before_it_runs_either_side_gives_it_up_and_all_returns() {
    for park in parks().await {
        let capability = park.offer_mill().await;
        for by in [&park.buyer, &park.shop] {
            let booking = id(&park.book(&capability, "time", json!([park.slot(60, 120)])).await.expect(201));
            let cancelled =
                park.act(by, &booking, "cancel", json!({ "reason": "order withdrawn" })).await.expect(200).body;
            assert_eq!(
                (cancelled["state"].as_str(), &cancelled["paid"]["refunded"]),
                (Some("cancelled"), &cny("452.00"))
            );
            assert_eq!(cancelled["job"]["note"], "order withdrawn");
            assert_eq!(park.act(by, &booking, "cancel", json!({})).await.expect(409).code(), "sharing.booking.state");
            let start = format!("/api/v1/sharing/jobs/{}/start", cancelled["job"]["id"].as_str().unwrap());
            assert_eq!(park.shop.post(&start, json!(null)).await.expect(409).code(), "sharing.booking.state");
        }
        assert_eq!((park.cash(buyer_id()).await, park.cash(shop_id()).await), (5_000_000, 0));
        assert_eq!(park.count("sharing_slot").await, 0);
        park.sound().await;
    }
}

#[tokio::test]
async fn what_is_left_open_ends_by_itself() {
    for park in parks().await {
        let capability = park.offer_mill().await;
        // Never begun: given up, all returned.
        let missed = id(&park.book(&capability, "time", json!([park.slot(60, 120)])).await.expect(201));
        // Begun and forgotten: finished.
        let forgotten = park.book(&capability, "time", json!([park.slot(0, 60)])).await.expect(201);
        let job = forgotten.body["job"]["id"].as_str().unwrap().to_owned();
        park.shop.post(&format!("/api/v1/sharing/jobs/{job}/start"), json!(null)).await.expect(200);
        park.wait(Duration::from_hours(14)).await;
        let missed = park.booking(&missed).await;
        assert_eq!(
            (missed["state"].as_str(), missed["job"]["note"].as_str()),
            (Some("cancelled"), Some("it never began"))
        );
        assert_eq!(park.booking(&id(&forgotten)).await["state"], "finished");
        park.sound().await;
    }
}

#[tokio::test]
async fn a_job_runs_within_its_slots_and_alone_on_its_machine() {
    for park in parks().await {
        let capability = park.offer_mill().await;
        let first = park.book(&capability, "time", json!([park.slot(10, 60)])).await.expect(201);
        let second = park.book(&capability, "time", json!([park.slot(60, 120)])).await.expect(201);
        let path = |booking: &testkit::Answer, what: &str| {
            format!("/api/v1/sharing/jobs/{}/{what}", booking.body["job"]["id"].as_str().unwrap())
        };
        let early = park.shop.post(&path(&first, "start"), json!(null)).await.expect(409);
        assert_eq!(early.code(), "sharing.job.outside-slots");
        let foreign = park.buyer.post(&path(&first, "start"), json!(null)).await.expect(403);
        assert_eq!(foreign.code(), "sharing.booking.side");
        park.wait(Duration::from_mins(10)).await;
        park.shop.post(&path(&first, "start"), json!(null)).await.expect(200);
        let short = park.shop.post(&path(&first, "finish"), json!(null)).await.expect(409);
        assert_eq!(short.code(), "sharing.job.too-short");
        park.wait(Duration::from_mins(60)).await;
        let busy = park.shop.post(&path(&second, "start"), json!(null)).await.expect(409);
        assert_eq!(busy.code(), "sharing.job.machine-busy");
        park.shop.post(&path(&first, "finish"), json!(null)).await.expect(200);
        park.shop.post(&path(&second, "start"), json!(null)).await.expect(200);
        // Ending early frees the rest of the slot for others.
        park.wait(Duration::from_mins(10)).await;
        park.shop.post(&path(&second, "finish"), json!(null)).await.expect(200);
        park.book(&capability, "time", json!([park.slot(0, 30)])).await.expect(201);
    }
}
