//! Who takes no part sees nothing, and cannot tell what exists from what does not.

use axum::http::Method;
use serde_json::json;

use crate::park::{parks, terms};

#[tokio::test]
async fn strangers_get_the_same_answer_as_for_what_does_not_exist() {
    for park in parks().await {
        let capability = park.offer_mill().await;
        let booking = park.book(&capability, "time", json!([park.slot(0, 60)])).await.expect(201).body;
        let (id, job) = (booking["id"].as_str().unwrap(), booking["job"]["id"].as_str().unwrap());
        let nothing = "00000000000070008000000000000000";
        let reads = [
            (format!("bookings/{id}"), format!("bookings/bkg_{nothing}")),
            (format!("jobs/{job}"), format!("jobs/job_{nothing}")),
        ];
        for (real, none) in reads {
            let (real, none) = (
                park.stranger.get(&format!("/api/v1/sharing/{real}")).await.expect(404),
                park.stranger.get(&format!("/api/v1/sharing/{none}")).await.expect(404),
            );
            assert_eq!(real.body, none.body);
        }
        let commands = ["cancel", "accept", "dispute", "concede", "withdraw-dispute"];
        for command in commands {
            let body = if command == "dispute" { json!({ "reason": "x" }) } else { json!({}) };
            let real = park.act(&park.stranger, id, command, body.clone()).await.expect(404);
            let none = park.act(&park.stranger, &format!("bkg_{nothing}"), command, body).await.expect(404);
            assert_eq!(real.body, none.body, "{command}");
        }
        for command in ["start", "finish"] {
            let real =
                park.stranger.post(&format!("/api/v1/sharing/jobs/{job}/{command}"), json!(null)).await.expect(404);
            let none = park
                .stranger
                .post(&format!("/api/v1/sharing/jobs/job_{nothing}/{command}"), json!(null))
                .await
                .expect(404);
            assert_eq!(real.body, none.body, "{command}");
        }
        for command in ["publish", "withdraw", "assure"] {
            let path = format!("/api/v1/sharing/capabilities/{capability}/{command}");
            assert_eq!(park.stranger.post(&path, json!({})).await.expect(404).code(), "sharing.capability.unknown");
        }
        let path = format!("/api/v1/sharing/capabilities/{capability}");
        park.stranger.call(Method::PUT, &path, Some(terms())).await.expect(404);
        assert_eq!(park.stranger.get("/api/v1/sharing/bookings").await.expect(200).body["items"], json!([]));
        // Both sides see it.
        park.shop.get(&format!("/api/v1/sharing/jobs/{job}")).await.expect(200);
        let provides = park.shop.get("/api/v1/sharing/bookings?side=provider&state=booked").await.expect(200).body;
        assert_eq!(provides["items"][0]["side"], "provider");
        assert_eq!(park.shop.get("/api/v1/sharing/bookings?side=buyer").await.expect(200).body["items"], json!([]));
        let asset = park.machine("lathe").asset;
        assert_eq!(
            park.shop.get(&format!("/api/v1/sharing/bookings?asset={asset}")).await.expect(200).body["items"],
            json!([])
        );
        assert_eq!(
            park.shop.get("/api/v1/sharing/bookings?state=broken").await.expect(400).code(),
            "sharing.booking.state-query"
        );
    }
}

#[tokio::test]
async fn who_may_only_look_changes_nothing() {
    for park in parks().await {
        let capability = park.offer_mill().await;
        let booking = park.book(&capability, "time", json!([park.slot(0, 60)])).await.expect(201).body;
        let (id, job) = (booking["id"].as_str().unwrap(), booking["job"]["id"].as_str().unwrap());
        park.buyer_viewer.get(&format!("/api/v1/sharing/bookings/{id}")).await.expect(200);
        for command in ["cancel", "accept", "dispute", "withdraw-dispute"] {
            let refused = park.act(&park.buyer_viewer, id, command, json!({ "reason": "x" })).await.expect(403);
            assert_eq!(refused.code(), "appkit.caller.not-allowed", "{command}");
        }
        for path in [
            format!("jobs/{job}/start"),
            format!("bookings/{id}/concede"),
            format!("capabilities/{capability}/publish"),
        ] {
            park.shop_viewer.post(&format!("/api/v1/sharing/{path}"), json!({})).await.expect(403);
        }
        let body = json!({ "capability": capability, "basis": "time", "slots": [park.slot(60, 90)], "pieces": 1, "part": "x" });
        park.buyer_viewer.post("/api/v1/sharing/bookings", body).await.expect(403);
    }
}
