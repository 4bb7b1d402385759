//! Search: hard match with reasons, soft ranking, what is public and what is not.

use axum::http::Method;
use serde_json::{Value as Json, json};

use crate::park::{Park, Run, cny, id, parks, terms};

fn cheaper(price: &str) -> Json {
    let mut terms = terms();
    terms["prices"] = json!([{ "basis": "pieces", "unit_price": cny(price) }]);
    terms["setup"] = cny("0.00");
    terms
}

async fn search(park: &Park, need: Json) -> Json {
    park.buyer.post("/api/v1/sharing/search", need).await.expect(200).body
}

#[tokio::test]
async fn matches_are_ranked_and_every_other_offer_says_why_not() {
    for park in parks().await {
        let mill = park.offer_mill().await;
        let mut far = cheaper("5.00");
        far["place"] = json!({ "lat_e6": 39_904_200, "lon_e6": 116_407_400 });
        let lathe = park.offer(&park.shop, "lathe", far).await;
        let mut coarse = cheaper("2.00");
        coarse["tolerance_um"] = json!(50);
        let grinder = park.offer(&park.works, "grinder", coarse).await;

        // Suzhou, 40 km from the mill.
        let place = json!({ "lat_e6": 31_299_000, "lon_e6": 120_585_300 });
        let need = json!({ "class": "MF.MA", "tolerance_um": 10, "lot": 100, "place": place });
        let found = search(&park, need.clone()).await;
        assert_eq!((found["matches_total"].as_u64(), found["rejected_total"].as_u64()), (Some(2), Some(1)));
        let names: Vec<&str> =
            found["matches"].as_array().unwrap().iter().map(|m| m["capability"]["id"].as_str().unwrap()).collect();
        assert_eq!(names, [mill.as_str(), lathe.as_str()], "near beats a little cheaper");
        assert_eq!(found["matches"][0]["distance_km"], 40);
        let rejected = &found["rejected"][0];
        assert_eq!(rejected["capability"]["id"], grinder);
        assert_eq!(
            (rejected["constraint"].as_str(), rejected["needed"].as_str(), rejected["offered"].as_str()),
            (Some("tolerance"), Some("±10 µm"), Some("±50 µm"))
        );

        // With only the price in mind the other one wins; a quote says the same as the estimate.
        let mut by_price = need.clone();
        by_price["weights"] = json!({ "price": 1, "distance": 0, "availability": 0, "quality": 0 });
        let found = search(&park, by_price).await;
        assert_eq!(found["matches"][0]["capability"]["id"], lathe);
        assert_eq!(found["matches"][0]["score"]["total"], 1000);
        let estimate = &found["matches"][0]["estimates"][0];
        let slot = found["matches"][0]["earliest"].clone();
        let quote = json!({ "capability": lathe, "basis": estimate["basis"], "slots": [slot], "pieces": 100 });
        let quote = park.buyer.post("/api/v1/sharing/quotes", quote).await.expect(200).body;
        assert_eq!(quote["most"], estimate["cost"]);

        // Booked out for now, the mill is free later: 100 pieces at 60 an hour need 1 h 45 min.
        park.book(&mill, "time", json!([park.slot(60, 600)])).await.expect(201);
        let found = search(&park, need).await;
        let hit = found["matches"].as_array().unwrap().iter().find(|m| m["capability"]["id"] == mill.as_str()).unwrap();
        assert_eq!(hit["earliest"], park.slot(600, 705));
    }
}

#[tokio::test]
async fn each_constraint_is_named() {
    for park in parks().await {
        park.offer_mill().await;
        let cases = [
            (json!({ "class": "MF.SH" }), "process"),
            (json!({ "material": "polymer.abs" }), "material"),
            (json!({ "part_mm": [600, 10, 10] }), "envelope"),
            (json!({ "tolerance_um": 9 }), "tolerance"),
            (json!({ "roughness_nm": 400 }), "roughness"),
            (json!({ "lot": 501 }), "lot"),
            (json!({ "certificates": ["AS9100"] }), "certificate"),
            (json!({ "assured_only": true }), "assurance"),
        ];
        for (need, constraint) in cases {
            let found = search(&park, need.clone()).await;
            assert_eq!(
                (found["matches_total"].as_u64(), found["rejected"][0]["constraint"].as_str()),
                (Some(0), Some(constraint)),
                "{need}"
            );
        }
        let fits =
            json!({ "material": "metal.aluminium.6061", "part_mm": [300, 500, 400], "certificates": ["ISO 9001"] });
        assert_eq!(search(&park, fits).await["matches_total"], 1);
        for (need, pointer) in [(json!({ "class": "ZZ" }), "/class"), (json!({ "lot": 0 }), "/lot")] {
            let refused = park.buyer.post("/api/v1/sharing/search", need).await.expect(400);
            assert_eq!(
                (refused.code(), refused.body["errors"][0]["pointer"].as_str()),
                ("sharing.requirement.malformed", Some(pointer))
            );
        }
    }
}

#[tokio::test]
async fn drafts_are_private_and_own_machines_are_not_searched() {
    for park in parks().await {
        let body = json!({ "asset": park.machine("mill").asset, "terms": terms() });
        let draft = id(&park.shop.post("/api/v1/sharing/capabilities", body).await.expect(201));
        let path = format!("/api/v1/sharing/capabilities/{draft}");
        assert_eq!(search(&park, json!({})).await["matches_total"], 0);
        assert_eq!(park.buyer.get(&path).await.expect(404).code(), "sharing.capability.unknown");
        park.shop.get(&path).await.expect(200);
        park.shop.post(&format!("{path}/publish"), json!(null)).await.expect(200);
        assert_eq!(search(&park, json!({})).await["matches_total"], 1);
        let own = park.shop.post("/api/v1/sharing/search", json!({})).await.expect(200).body;
        assert_eq!((own["matches_total"].as_u64(), own["rejected_total"].as_u64()), (Some(0), Some(0)));
        assert_eq!(park.buyer.get(&path).await.expect(200).body["own"], false);

        // New terms make a new offer; a withdrawn one is gone for others.
        let before = park.buyer.get(&path).await.body["offer"].clone();
        let mut finer = terms();
        finer["tolerance_um"] = json!(5);
        park.buyer.call(Method::PUT, &path, Some(finer.clone())).await.expect(404);
        park.shop.call(Method::PUT, &path, Some(finer)).await.expect(200);
        let after = park.buyer.get(&path).await.expect(200).body;
        assert_eq!(after["terms"]["tolerance_um"], 5);
        assert_ne!(after["offer"], before);
        park.shop.post(&format!("{path}/withdraw"), json!(null)).await.expect(200);
        park.buyer.get(&path).await.expect(404);
        let again = park.shop.post(&format!("{path}/withdraw"), json!(null)).await.expect(409);
        assert_eq!(again.code(), "sharing.capability.state");
        assert_eq!(
            park.shop.get("/api/v1/sharing/capabilities").await.expect(200).body["items"].as_array().unwrap().len(),
            1
        );
        assert_eq!(park.buyer.get("/api/v1/sharing/capabilities").await.expect(200).body["items"], json!([]));
        park.sound().await;
    }
}

#[tokio::test]
async fn wrong_terms_are_all_named_at_once() {
    for park in parks().await {
        let mut wrong = terms();
        wrong["class"] = json!("MF.MA");
        wrong["lot_max"] = json!(0);
        wrong["tax_percent"] = json!("100");
        wrong["dispute_window_h"] = json!(0);
        wrong["prices"][1]["percent"] = json!("120");
        let body = json!({ "asset": park.machine("mill").asset, "terms": wrong });
        let refused = park.shop.post("/api/v1/sharing/capabilities", body.clone()).await.expect(400);
        assert_eq!(refused.code(), "sharing.capability.malformed");
        let mut pointers: Vec<&str> =
            refused.body["errors"].as_array().unwrap().iter().map(|e| e["pointer"].as_str().unwrap()).collect();
        pointers.sort_unstable();
        assert_eq!(pointers, ["/class", "/dispute_window_h", "/lot_max", "/prices/1/percent", "/tax_percent"]);
        let foreign = json!({ "asset": park.machine("grinder").asset, "terms": terms() });
        assert_eq!(
            park.shop.post("/api/v1/sharing/capabilities", foreign).await.expect(404).code(),
            "sharing.machine.unknown"
        );
        let classes = park.buyer.get("/api/v1/sharing/classes").await.expect(200).body;
        assert!(classes.as_array().unwrap().iter().any(|class| class["code"] == "MF.MA.MILL5" && class["level"] == 3));
    }
}

#[tokio::test]
async fn a_machine_that_does_not_sort_is_billed_by_all_its_pieces() {
    for park in parks().await {
        let grinder = park.offer(&park.works, "grinder", cheaper("2.00")).await;
        let booking = park.book(&grinder, "pieces", json!([park.slot(0, 60)])).await.expect(201).body;
        let job = booking["job"]["id"].as_str().unwrap().to_owned();
        park.works.post(&format!("/api/v1/sharing/jobs/{job}/start"), json!(null)).await.expect(200);
        park.run("grinder", 31, Run::making(60)).await;
        park.works.post(&format!("/api/v1/sharing/jobs/{job}/finish"), json!(null)).await.expect(200);
        park.wait(kernel::Duration::from_secs(5)).await;
        let job = park.job_of(booking["id"].as_str().unwrap()).await;
        assert_eq!(job["reading_pieces"]["quantity"], json!({ "value": "30", "unit": "H87" }));
        assert_eq!(job["state"], "invoiced");
    }
}
