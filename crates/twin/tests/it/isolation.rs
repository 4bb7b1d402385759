//! A second organisation sees nothing of the first without a grant, and with one only what it covers.

use appkit::identity::{NewGrant, grant_create_in_tx, grant_revoke_in_tx};
use kernel::Duration;
use serde_json::{Value as Json, json};
use testkit::{Api, admin};

use crate::park::{hot, parks};

#[tokio::test]
async fn every_list_is_empty_and_every_object_absent_for_a_stranger() {
    for park in parks().await {
        let (device, _) = park.device("gate", vec![park.metric("t", "temp")]).await.unwrap();
        let mut tx = park.h.host.begin(&admin(park.tenant)).await.unwrap();
        let new = twin::AlarmRuleNew {
            name: "hot".into(),
            target: twin::Target::Asset(park.machine),
            text: hot("80 °C"),
            enabled: true,
        };
        let rule = twin::alarm_rule_create_in_tx(&mut tx, park.tenant, new).await.unwrap();
        tx.commit().await.unwrap();
        park.run(20, &[("temp", 85.0), ("power", 5.0), ("fault", 0.0)]).await;
        let alarm = park.get("/api/v1/alarms").await["items"][0]["id"].as_str().unwrap().to_owned();
        let (_, stranger) = park.stranger(2).await;

        for list in ["equipment", "machines", "thing-models", "devices", "quarantine", "alarm-rules", "alarms"] {
            let own = park.get(&format!("/api/v1/{list}")).await["items"].as_array().unwrap().len();
            assert!(own > 0 || list == "quarantine", "{list} has something to hide");
            let page = stranger.get(&format!("/api/v1/{list}")).await.expect(200).body;
            assert_eq!(page["items"], json!([]), "{list}");
            Api::new(&park.h.host).get(&format!("/api/v1/{list}")).await.expect(401);
        }
        let absent = kernel::id::AssetId::at(park.now(), &kernel::SeededChance::new(99));
        let (machine, model, device) = (park.machine, park.model, device.binding.device);
        for path in [
            format!("equipment/{machine}"),
            format!("machines/{machine}"),
            format!("machines/{machine}/series/temp"),
            format!("machines/{machine}/timeline"),
            format!("machines/{machine}/kpi"),
            format!("thing-models/{model}"),
            format!("thing-models/{model}/export"),
            format!("devices/{device}"),
            format!("alarm-rules/{}", rule.id),
            format!("alarms/{alarm}"),
        ] {
            park.get(&format!("/api/v1/{path}")).await;
            let refused = stranger.get(&format!("/api/v1/{path}")).await.expect(404);
            // The answer is that of an object that does not exist, word for word.
            let missing = stranger
                .get(&format!("/api/v1/{}", path.replace(&machine.to_string(), &absent.to_string())))
                .await
                .expect(404);
            assert_eq!(refused.body, missing.body, "{path}");
        }
        let rule_body = json!({ "raise": "temp > 1 °C", "priority": 1, "message": { "zh": "a", "en": "a" } });
        for (path, body) in [
            (format!("equipment/{machine}/move"), json!({ "parent": null })),
            (format!("equipment/{machine}/rename"), json!({ "name": "mine" })),
            (format!("machines/{machine}/upgrade"), json!({ "thing_model": model })),
            ("equipment".to_owned(), json!({ "level": "module", "code": "X", "name": "x", "parent": machine })),
            ("equipment".to_owned(), json!({ "level": "work_unit", "code": "X", "name": "x", "thing_model": model })),
            (
                "devices".to_owned(),
                json!({ "name": "spy", "metrics": [{ "metric": "t", "asset": machine, "property": "power" }] }),
            ),
            (format!("devices/{device}/rotate"), json!({})),
            (format!("devices/{device}/disable"), json!({})),
            (format!("alarms/{alarm}/acknowledge"), json!({})),
            (format!("alarms/{alarm}/shelve"), json!({ "minutes": 5, "reason": "x" })),
            (format!("alarms/{alarm}/out-of-service"), json!({ "reason": "x" })),
            ("alarm-rules".to_owned(), json!({ "name": "spy", "asset": machine, "rule": rule_body })),
            ("alarm-rules/check".to_owned(), json!({ "thing_model": model, "rule": rule_body })),
            ("alarm-rules/preview".to_owned(), json!({ "asset": machine, "hours": 1, "rule": rule_body })),
        ] {
            stranger.post(&format!("/api/v1/{path}"), body).await.expect(404);
        }
        // The same code and name are free for the stranger: uniqueness says nothing about others.
        let own = json!({ "level": "site", "code": "M-01", "name": "own" });
        stranger.post("/api/v1/equipment", own).await.expect(201);
    }
}

#[tokio::test]
async fn a_grant_opens_what_it_covers_and_nothing_more() {
    for park in parks().await {
        park.run(60, &[("temp", 40.0), ("power", 5.0), ("fault", 0.0)]).await;
        let (bank_id, bank) = park.stranger(2).await;
        let grant = async |fields: &[&str]| {
            let mut tx = park.h.host.begin(&admin(park.tenant)).await.unwrap();
            let new = NewGrant {
                grantee: Some(bank_id),
                kinds: vec!["machine".into()],
                ids: vec![park.machine.to_string()],
                fields: fields.iter().map(|field| field.to_string()).collect(),
                purpose: "credit".into(),
                not_before: None,
                expires_at: Some(park.now() + Duration::from_hours(1)),
            };
            let grant = grant_create_in_tx(&mut tx, new).await.unwrap();
            tx.commit().await.unwrap();
            grant.id
        };
        let purposeful = bank.with("baigong-purpose", "credit");
        let keys = |body: &Json| body.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        let narrow = grant(&["power"]).await;
        purposeful.get(&park.machine_path("/series/power")).await.expect(200);
        for rest in ["/series/temp", "/timeline", "/kpi"] {
            purposeful.get(&park.machine_path(rest)).await.expect(404);
        }
        let machine = purposeful.get(&park.machine_path("")).await.expect(200).body;
        assert_eq!(keys(&machine["values"]), ["power"]);
        assert_eq!(machine["properties"].as_array().unwrap().len(), 1);
        assert!(machine.get("state").is_none() && machine.get("parent").is_none());
        bank.get(&park.machine_path("/series/power")).await.expect(404); // another purpose
        assert_eq!(
            purposeful.get("/api/v1/machines").await.expect(200).body["items"],
            json!([]),
            "lists are of one's own"
        );

        grant(&["state"]).await;
        purposeful.get(&park.machine_path("/timeline")).await.expect(200);
        let mut tx = park.h.host.begin(&admin(park.tenant)).await.unwrap();
        grant_revoke_in_tx(&mut tx, narrow).await.unwrap();
        tx.commit().await.unwrap();
        purposeful.get(&park.machine_path("/series/power")).await.expect(404);
        purposeful.post(&park.machine_path("/upgrade"), json!({ "thing_model": park.model })).await.expect(404);
        park.h.clock.advance(Duration::from_hours(2));
        purposeful.get(&park.machine_path("/timeline")).await.expect(404);
    }
}
