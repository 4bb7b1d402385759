//! Measured quality: assured from the machine's own gauge, gone when it expires.

use kernel::{Duration, id::CapabilityId};
use serde_json::{Value as Json, json};

use crate::park::{Park, Run, parks, shop_id};

async fn assure(park: &Park, capability: &str, parts: u32) -> testkit::Answer {
    park.shop.post(&format!("/api/v1/sharing/capabilities/{capability}/assure"), json!({ "parts": parts })).await
}

async fn first_rejected(park: &Park, need: Json) -> (Option<String>, Option<String>) {
    let found = park.buyer.post("/api/v1/sharing/search", need).await.expect(200).body;
    let text = |field: &str| found["rejected"][0][field].as_str().map(str::to_owned);
    (text("constraint"), text("offered"))
}

#[tokio::test]
async fn the_last_parts_assure_a_capability_until_it_lapses() {
    for park in parks().await {
        let capability = park.offer_mill().await;
        park.run("mill", 20, Run::making(60)).await;
        let few = assure(&park, &capability, 50).await.expect(409);
        assert_eq!(few.code(), "sharing.assurance.too-few");
        park.run("mill", 100, Run::making(60)).await;
        let assured = assure(&park, &capability, 60).await.expect(200).body;
        assert_eq!((assured["state"].as_str(), assured["assurance"]["parts"].as_u64()), (Some("assured"), Some(60)));
        // Twenty parts each at −1.5, 0.5 and 2.5 µm: s = √(2·20·4/59), Cpk = 9.5 / (3 s) = 1.9229…
        assert_eq!(assured["assurance"]["cpk"], "1.922");
        let found = park.buyer.post("/api/v1/sharing/search", json!({ "assured_only": true })).await.expect(200).body;
        assert_eq!(
            (found["matches_total"].as_u64(), found["matches"][0]["score"]["quality"].as_u64()),
            (Some(1), Some(922))
        );

        // A moment before its end it counts; at its end it has lapsed, before anything noted it and after.
        park.harness.clock.advance(Duration::from_days(30) + Duration::from_micros(-1));
        let found = park.buyer.post("/api/v1/sharing/search", json!({ "assured_only": true })).await.expect(200).body;
        assert_eq!(found["matches_total"], 1);
        park.harness.clock.advance(Duration::from_micros(1));
        let lapsed = (Some("offered".to_owned()), Some("lapsed".to_owned()));
        assert_eq!(first_rejected(&park, json!({})).await, lapsed);
        park.wait(Duration::from_secs(1)).await;
        assert_eq!(first_rejected(&park, json!({})).await, lapsed);
        assert_eq!(
            park.book(&capability, "time", json!([park.slot(0, 60)])).await.expect(409).code(),
            "sharing.capability.not-offered"
        );
        let view = park.shop.get(&format!("/api/v1/sharing/capabilities/{capability}")).await.expect(200).body;
        assert_eq!((view["state"].as_str(), &view["offer"]), (Some("lapsed"), &Json::Null));

        // Measured again it is offered again.
        park.run("mill", 60, Run::making(60)).await;
        let again = assure(&park, &capability, 50).await.expect(200).body;
        assert_eq!(again["state"], "assured");
        park.book(&capability, "time", json!([park.slot(0, 60)])).await.expect(201);
        park.sound().await;
    }
}

#[tokio::test]
async fn what_scatters_too_much_is_not_assured() {
    for park in parks().await {
        let capability = park.offer_mill().await;
        park.run("mill", 90, Run { scatter_um: 6, ..Run::making(60) }).await;
        assert_eq!(assure(&park, &capability, 60).await.expect(409).code(), "sharing.assurance.below");
        assert_eq!(assure(&park, &capability, 29).await.expect(400).code(), "sharing.assurance.parts");
        let foreign =
            park.buyer.post(&format!("/api/v1/sharing/capabilities/{capability}/assure"), json!({})).await.expect(404);
        assert_eq!(foreign.code(), "sharing.capability.unknown");
        let view = park.shop.get(&format!("/api/v1/sharing/capabilities/{capability}")).await.expect(200).body;
        assert_eq!(view["state"], "published");
    }
}

#[tokio::test]
async fn another_tolerance_ends_the_assurance() {
    for park in parks().await {
        let capability = park.offer_mill().await;
        park.run("mill", 90, Run::making(60)).await;
        assure(&park, &capability, 60).await.expect(200);
        let path = format!("/api/v1/sharing/capabilities/{capability}");
        let mut terms = crate::park::terms();
        terms["title"] = json!("Five-axis milling");
        let kept = park.shop.call(axum::http::Method::PUT, &path, Some(terms.clone())).await.expect(200).body;
        assert_eq!(kept["state"], "assured");
        terms["tolerance_um"] = json!(8);
        let ended = park.shop.call(axum::http::Method::PUT, &path, Some(terms)).await.expect(200).body;
        assert_eq!((ended["state"].as_str(), &ended["assurance"]), (Some("published"), &Json::Null));
    }
}

/// Use cases compose: what a room's function leaves is the same with and without HTTP.
#[tokio::test]
async fn the_same_through_the_use_cases() {
    for park in parks().await {
        let capability: CapabilityId = park.offer_mill().await.parse().unwrap();
        park.run("mill", 90, Run::making(60)).await;
        let host = &park.harness.host;
        let stored = sharing::app::capability_visible(host, shop_id(), capability).await.unwrap();
        let measured = sharing::app::capability_measure(host, &stored, 60).await.unwrap();
        let mut tx = host.begin(&testkit::admin(shop_id())).await.unwrap();
        let assured = sharing::app::capability_assure(&mut tx, shop_id(), capability, measured).await.unwrap();
        assert_eq!(assured.state, sharing::app::CapabilityState::Assured);
        drop(tx);
        let stored = sharing::app::capability_visible(host, shop_id(), capability).await.unwrap();
        assert_eq!(stored.state, sharing::app::CapabilityState::Published, "dropped, it never happened");
    }
}
