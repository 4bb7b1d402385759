//! From samples to settled invoices: three bases from one evidence, coverage, late data, silence.

use kernel::{Duration, Timestamp, Window};
use record::ledger::Purpose;
use serde_json::{Value as Json, json};

use crate::park::{Park, Run, buyer_id, cny, parks, shop_id};

/// What an invoice must say, from the raw samples in whole numbers: written from the words of the contract, with nothing of the
/// platform in it. Amounts in fen; `samples` are (second, state, good counter), `window` in seconds.
fn by_hand(basis: &str, samples: &[(i64, i64, i64)], window: (i64, i64)) -> (i64, i64, i64) {
    let half_away = |numerator: i128, denominator: i128| ((2 * numerator + denominator) / (2 * denominator)) as i64;
    let (from, to) = window;
    let mut running_s = 0;
    for (index, (at, state, _)) in samples.iter().enumerate() {
        let next = samples.get(index + 1).map_or(to, |sample| sample.0);
        // A value holds until the next one, for a minute at most.
        let until = next.min(at + 60).min(to);
        if *state == 2 && until > from.max(*at) {
            running_s += until - from.max(*at);
        }
    }
    let good_at =
        |moment: i64| samples.iter().rfind(|sample| sample.0 < moment).map_or(samples[0].2, |sample| sample.2);
    let pieces = good_at(to) - good_at(from);
    let metered = match basis {
        // Hours to four decimals, then fen.
        "time" => half_away(i128::from(half_away(i128::from(running_s) * 10_000, 3600)) * 28_000, 10_000),
        "value" => half_away(i128::from(pieces) * 4_600 * 205, 1000),
        _ => pieces * 950,
    };
    let metered = if basis == "time" { metered.max(10_000) } else { metered };
    let net = metered + 12_000;
    let tax = half_away(i128::from(net) * 13, 100);
    (net, tax, net + tax)
}

fn minor(money: &Json) -> i64 {
    money["amount"].as_str().unwrap().replace('.', "").parse().unwrap()
}

/// The raw samples of the mill as the shop's own telemetry shows them.
fn raw(park: &Park, until: Timestamp) -> Vec<(i64, i64, i64)> {
    use contracts::telemetry::{Position, RangeQuery, SeriesKey, TelemetryStore, Value};
    let asset = park.machine("mill").asset;
    let window = Window { from: testkit::START, to: until };
    let read = |property: &str| {
        let query =
            RangeQuery { series: SeriesKey::new(asset, property), window, as_of: Position::MAX, limit: usize::MAX };
        park.telemetry.range(&query).unwrap().samples
    };
    let whole = |value: &Value| match value {
        Value::I64(value) => *value,
        other => panic!("{other:?}"),
    };
    let good = read("piece_good");
    read("run_state")
        .iter()
        .zip(&good)
        .map(|(state, good)| {
            let second = (state.sample.source_time - testkit::START).micros() / 1_000_000;
            (second, whole(&state.sample.value), whole(&good.sample.value))
        })
        .collect()
}

#[tokio::test]
async fn one_job_three_ways_from_the_same_evidence() {
    let mut quantities = Vec::new();
    for basis in ["time", "value", "pieces"] {
        for park in parks().await {
            let capability = park.offer_mill().await;
            park.run("mill", 7, Run::making(60)).await;
            let booking = park.book(&capability, basis, json!([park.slot(0, 240)])).await.expect(201).body;
            let job = booking["job"]["id"].as_str().unwrap().to_owned();
            park.shop.post(&format!("/api/v1/sharing/jobs/{job}/start"), json!(null)).await.expect(200);
            let from = park.now();
            // Runs, waits for material, runs again with a shorter cycle.
            park.run("mill", 61, Run::making(70)).await;
            park.run("mill", 13, Run::idle()).await;
            park.run("mill", 33, Run::making(50)).await;
            let to = park.now();
            let shown = park.buyer.get(&format!("/api/v1/sharing/jobs/{job}")).await.expect(200).body["meter"].clone();
            park.shop.post(&format!("/api/v1/sharing/jobs/{job}/finish"), json!(null)).await.expect(200);
            park.run("mill", 2, Run::idle()).await;

            let done = park.buyer.get(&format!("/api/v1/sharing/jobs/{job}")).await.expect(200).body;
            assert_eq!((done["state"].as_str(), &done["note"]), (Some("invoiced"), &Json::Null), "{done:#}");
            let invoice = done["invoice"].as_str().unwrap();
            let invoice = park.buyer.get(&format!("/api/v1/invoices/{invoice}")).await.expect(200).body;
            let second = |at: Timestamp| (at - testkit::START).micros() / 1_000_000;
            let (net, tax, gross) = by_hand(basis, &raw(&park, park.now()), (second(from), second(to)));
            let totals = &invoice["totals"];
            assert_eq!(
                (minor(&totals["net"]), minor(&totals["tax"]), minor(&totals["gross"])),
                (net, tax, gross),
                "{basis}"
            );
            assert_eq!(invoice["lines"].as_array().unwrap().len(), 2, "metered and set-up");
            // What the live meter showed at the end is what was sealed.
            let sealed = if basis == "time" { &done["reading_time"] } else { &done["reading_pieces"] };
            let live = if basis == "time" { &shown["running"] } else { &shown["pieces"] };
            assert_eq!(sealed["quantity"], *live);
            assert_eq!(minor(&shown["cost"]["gross"]), gross);
            assert_eq!(done["reading_time"]["evidence"], done["reading_pieces"]["evidence"]);
            quantities.push((done["reading_time"]["quantity"].clone(), done["reading_pieces"]["quantity"].clone()));

            // Accepted early: the provider has the gross, the buyer the rest, and the escrow is empty.
            let most = minor(&booking["most"]["gross"]);
            let settled =
                park.act(&park.buyer, booking["id"].as_str().unwrap(), "accept", json!(null)).await.expect(200).body;
            assert_eq!(
                (minor(&settled["paid"]["released"]), minor(&settled["paid"]["refunded"])),
                (gross, most - gross)
            );
            assert_eq!(park.cash(shop_id()).await, gross);
            assert_eq!(park.cash(buyer_id()).await, 5_000_000 - gross);
            assert_eq!(park.balance(buyer_id(), Purpose::Escrow, booking["agreement"].as_str().unwrap()).await, 0);
            park.sound().await;
        }
    }
    // The same work gives the same two readings, whatever is billed and wherever it is kept.
    assert!(quantities.windows(2).all(|pair| pair[0] == pair[1]), "{quantities:?}");
}

#[tokio::test]
async fn nothing_running_costs_the_minimum_and_no_more_than_booked_is_billed() {
    for park in parks().await {
        let capability = park.offer_mill().await;
        let idle = park.book(&capability, "time", json!([park.slot(0, 60)])).await.expect(201).body;
        let path = |booking: &Json, what: &str| {
            format!("/api/v1/sharing/jobs/{}/{what}", booking["job"]["id"].as_str().unwrap())
        };
        park.shop.post(&path(&idle, "start"), json!(null)).await.expect(200);
        park.run("mill", 30, Run::idle()).await;
        park.shop.post(&path(&idle, "finish"), json!(null)).await.expect(200);
        park.wait(Duration::from_secs(5)).await;
        let invoice = park.job_of(idle["id"].as_str().unwrap()).await["invoice"].as_str().unwrap().to_owned();
        let invoice = park.shop.get(&format!("/api/v1/invoices/{invoice}")).await.expect(200).body;
        // 100 minimum + 120 set-up, 13 %.
        assert_eq!(invoice["totals"]["gross"], cny("248.60"));
        assert_eq!(invoice["lines"][0]["adjustment"], cny("100.00"));

        // Forty pieces are ordered and sixty made: forty are paid, the reading says sixty.
        let body = json!({ "capability": capability, "basis": "pieces", "slots": [park.slot(0, 120)], "pieces": 40, "part": "x" });
        let over = park.buyer.post("/api/v1/sharing/bookings", body).await.expect(201).body;
        park.shop.post(&path(&over, "start"), json!(null)).await.expect(200);
        park.run("mill", 64, Run { scrap_every: 1_000_000, ..Run::making(60) }).await;
        park.shop.post(&path(&over, "finish"), json!(null)).await.expect(200);
        park.wait(Duration::from_secs(5)).await;
        let job = park.job_of(over["id"].as_str().unwrap()).await;
        assert_eq!(job["reading_pieces"]["quantity"]["value"], "63");
        let invoice =
            park.shop.get(&format!("/api/v1/invoices/{}", job["invoice"].as_str().unwrap())).await.expect(200).body;
        assert_eq!(invoice["totals"]["gross"], over["most"]["gross"]);
        park.sound().await;
    }
}

#[tokio::test]
async fn silence_is_acceptance() {
    for park in parks().await {
        let capability = park.offer_mill().await;
        let booking = park.job_done(&capability, "pieces", 90).await;
        park.wait(Duration::from_secs(5)).await;
        assert_eq!(park.booking(&booking).await["state"], "invoiced");
        park.wait(Duration::from_hours(47)).await;
        assert_eq!((park.booking(&booking).await["state"].as_str(), park.cash(shop_id()).await), (Some("invoiced"), 0));
        park.wait(Duration::from_hours(1)).await;
        let settled = park.booking(&booking).await;
        assert_eq!(settled["state"], "settled");
        assert_eq!(park.cash(shop_id()).await, minor(&settled["paid"]["released"]));
        let late = park.act(&park.buyer, &booking, "dispute", json!({ "reason": "too late" })).await.expect(409);
        assert_eq!(late.code(), "sharing.booking.state");
        let again = park.act(&park.buyer, &booking, "accept", json!(null)).await.expect(409);
        assert_eq!(again.code(), "sharing.booking.state");
        park.sound().await;
    }
}

#[tokio::test]
async fn too_little_data_waits_for_late_data() {
    for park in parks().await {
        let capability = park.offer_mill().await;
        let booking = park.book(&capability, "time", json!([park.slot(0, 240)])).await.expect(201).body;
        let job = booking["job"]["id"].as_str().unwrap().to_owned();
        park.shop.post(&format!("/api/v1/sharing/jobs/{job}/start"), json!(null)).await.expect(200);
        park.run("mill", 30, Run::making(60)).await;
        // The gateway loses its line for half of the job; the machine works on.
        let dark = Window { from: park.now(), to: park.now() + Duration::from_mins(30) };
        park.wait(Duration::from_mins(30)).await;
        park.shop.post(&format!("/api/v1/sharing/jobs/{job}/finish"), json!(null)).await.expect(200);
        park.wait(Duration::from_secs(5)).await;
        let waiting = park.job_of(booking["id"].as_str().unwrap()).await;
        assert_eq!((waiting["state"].as_str(), &waiting["invoice"]), (Some("finished"), &Json::Null));
        assert_eq!(waiting["reading_time"]["state"], "provisional");
        let note = waiting["note"].as_str().unwrap();
        assert!(note.starts_with("sharing.job.coverage: 0.51"), "{note}");

        // Tried again in vain, then with what the gateway kept.
        park.wait(Duration::from_mins(2)).await;
        assert_eq!(park.booking(booking["id"].as_str().unwrap()).await["state"], "finished");
        park.leave("mill", dark, Run::making(60)).await;
        park.wait(Duration::from_hours(1)).await;
        let proved = park.job_of(booking["id"].as_str().unwrap()).await;
        assert_eq!((proved["state"].as_str(), &proved["note"]), (Some("invoiced"), &Json::Null));
        assert_eq!(proved["reading_time"]["quantity"], json!({ "value": "3600", "unit": "SEC" }));
        park.sound().await;
    }
}

#[tokio::test]
async fn what_is_never_proved_is_never_billed() {
    for park in parks().await {
        let capability = park.offer_mill().await;
        let booking = park.book(&capability, "time", json!([park.slot(0, 60)])).await.expect(201).body;
        let job = booking["job"]["id"].as_str().unwrap().to_owned();
        park.shop.post(&format!("/api/v1/sharing/jobs/{job}/start"), json!(null)).await.expect(200);
        park.wait(Duration::from_mins(60)).await;
        park.shop.post(&format!("/api/v1/sharing/jobs/{job}/finish"), json!(null)).await.expect(200);
        for _ in 0..8 {
            park.wait(Duration::from_days(1)).await;
        }
        let closed = park.booking(booking["id"].as_str().unwrap()).await;
        assert_eq!((closed["state"].as_str(), &closed["paid"]["released"]), (Some("settled"), &cny("0.00")));
        assert_eq!(closed["paid"]["refunded"], booking["most"]["gross"]);
        assert!(closed["job"]["note"].as_str().unwrap().ends_with("nothing is billed"));
        assert_eq!(park.cash(buyer_id()).await, 5_000_000);
        park.sound().await;
    }
}
