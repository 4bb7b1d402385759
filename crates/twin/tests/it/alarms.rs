//! Alarms: rules, their evaluation, and what people do about them.

use appkit::journal;
use kernel::Duration;
use models::alarm::{Message, Priority, RuleText};
use serde_json::{Value as Json, json};
use testkit::admin;
use twin::{AlarmRuleNew, Rule, Target, alarm_rule_create_in_tx};

use crate::park::{Park, hot, machine_new, parks};

async fn rule(park: &Park, name: &str, text: RuleText) -> Rule {
    let mut tx = park.h.host.begin(&admin(park.tenant)).await.unwrap();
    let new = AlarmRuleNew { name: name.into(), target: Target::Asset(park.machine), text, enabled: true };
    let rule = alarm_rule_create_in_tx(&mut tx, park.tenant, new).await.unwrap();
    tx.commit().await.unwrap();
    park.settle().await;
    rule
}

async fn alarms(park: &Park) -> Vec<Json> {
    park.get("/api/v1/alarms").await["items"].as_array().unwrap().clone()
}

async fn facts(park: &Park) -> Vec<String> {
    let entries = journal::entries_after(&park.h.host, 0, 1000).await.unwrap();
    entries.into_iter().filter(|entry| entry.kind.starts_with("twin.alarm.")).map(|entry| entry.kind).collect()
}

#[tokio::test]
async fn one_open_alarm_however_often_it_repeats() {
    for park in parks().await {
        rule(&park, "hot", hot("80 °C").deadband("2 K")).await;
        for _ in 0..5 {
            park.run(20, &[("temp", 85.0)]).await;
            park.run(20, &[("temp", 79.0)]).await; // inside the deadband
            park.run(20, &[("temp", 70.0)]).await;
        }
        park.run(20, &[("temp", 90.0)]).await;
        let open = alarms(&park).await;
        assert_eq!(open.len(), 1);
        assert_eq!(
            (open[0]["state"].clone(), open[0]["occurrences"].clone()),
            (json!("unacknowledged_active"), json!(6))
        );
        assert_eq!((open[0]["readings"]["temp"].clone(), open[0]["asset_code"].clone()), (json!(90.0), json!("M-01")));
        // The journal says it once until somebody acknowledges.
        assert_eq!(facts(&park).await, ["twin.alarm.raised", "twin.alarm.returned"]);

        let path = format!("/api/v1/alarms/{}", open[0]["id"].as_str().unwrap());
        let acked = park.api.post(&format!("{path}/acknowledge"), json!({ "comment": "seen" })).await.expect(200).body;
        assert_eq!(
            (acked["state"].clone(), acked["acknowledged"]["reason"].clone()),
            (json!("acknowledged_active"), json!("seen"))
        );
        let twice = park.api.post(&format!("{path}/acknowledge"), json!({})).await.expect(409);
        assert_eq!(twice.code(), "models.alarm.nothing-to-acknowledge");
        park.run(20, &[("temp", 70.0)]).await;
        assert!(alarms(&park).await.is_empty(), "over and acknowledged");
        assert_eq!(park.get(&path).await["closed"], json!(true));
        park.run(20, &[("temp", 85.0)]).await;
        let open = alarms(&park).await;
        assert_eq!((open.len(), open[0]["occurrences"].clone()), (1, json!(1)), "another alarm");
        let all = facts(&park).await;
        assert_eq!(all[2..], ["twin.alarm.acknowledged", "twin.alarm.returned", "twin.alarm.raised"]);
    }
}

#[tokio::test]
async fn silence_is_noticed_by_the_clock_alone() {
    for park in parks().await {
        let silent = RuleText::absence("power", "5 min", Message::new("无数据", "Silent"));
        rule(&park, "silent", silent).await;
        park.run(60, &[("power", 1.0)]).await;
        let last = park.now() - Duration::from_secs(10);
        park.h.clock.advance(Duration::from_mins(4));
        park.settle().await;
        assert!(alarms(&park).await.is_empty());
        park.h.clock.advance(Duration::from_mins(2));
        park.settle().await;
        let open = alarms(&park).await;
        assert_eq!(
            open[0]["raised_at"],
            json!((last + Duration::from_mins(5)).to_string()),
            "to the second it happened, not when it was noticed"
        );
        park.run(10, &[("power", 1.0)]).await;
        assert_eq!(alarms(&park).await[0]["state"], "returned_unacknowledged");
    }
}

/// While nobody listened, a machine was not silent.
#[tokio::test]
async fn a_pause_of_the_platform_is_no_silence_of_the_machines() {
    for park in parks().await {
        let silent = RuleText::absence("power", "5 min", Message::new("无数据", "Silent"));
        rule(&park, "silent", silent).await;
        park.run(60, &[("power", 1.0)]).await;
        park.twin.stop().await;
        park.h.clock.advance(Duration::from_hours(3));
        let settle = async |secs: i64| {
            for _ in 0..2 {
                park.h.clock.advance(Duration::from_secs(secs / 2));
                park.settle().await;
            }
        };
        settle(240).await;
        assert!(alarms(&park).await.is_empty());
        settle(240).await;
        assert_eq!(alarms(&park).await[0]["active"], json!(true), "still silent after the start");
        // An alarm that was active before the pause goes on.
        let before = alarms(&park).await;
        park.twin.stop().await;
        park.h.clock.advance(Duration::from_hours(3));
        settle(10).await;
        assert_eq!(alarms(&park).await, before);
    }
}

#[tokio::test]
async fn a_delay_and_a_latch() {
    for park in parks().await {
        let text = RuleText { latching: true, ..hot("80 °C") }.delays(Duration::from_secs(30), Duration::default());
        rule(&park, "hot", text).await;
        park.run(20, &[("temp", 85.0)]).await;
        park.run(10, &[("temp", 70.0)]).await;
        assert!(alarms(&park).await.is_empty(), "not long enough");
        park.run(50, &[("temp", 85.0)]).await;
        let path = format!("/api/v1/alarms/{}", alarms(&park).await[0]["id"].as_str().unwrap());
        park.run(20, &[("temp", 70.0)]).await;
        assert_eq!(alarms(&park).await[0]["state"], "latched_unacknowledged");
        assert_eq!(
            park.api.post(&format!("{path}/reset"), json!({})).await.expect(409).code(),
            "models.alarm.not-acknowledged"
        );
        park.api.post(&format!("{path}/acknowledge"), json!({})).await.expect(200);
        assert_eq!(alarms(&park).await[0]["state"], "latched_acknowledged");
        park.api.post(&format!("{path}/reset"), json!({})).await.expect(200);
        assert!(alarms(&park).await.is_empty());
    }
}

#[tokio::test]
async fn a_shelf_has_an_end_and_a_reason() {
    for park in parks().await {
        rule(&park, "hot", hot("80 °C")).await;
        park.run(20, &[("temp", 85.0)]).await;
        let path = format!("/api/v1/alarms/{}", alarms(&park).await[0]["id"].as_str().unwrap());
        let shelve_path = format!("{path}/shelve");
        let shelve = |body: Json| park.api.post(&shelve_path, body);
        for (body, code) in [
            (json!({ "minutes": 721, "reason": "tuning" }), "models.alarm.shelving-time"),
            (json!({ "minutes": 4_000_000_000u32, "reason": "tuning" }), "models.alarm.shelving-time"),
            (json!({ "minutes": 0, "reason": "tuning" }), "models.alarm.shelving-time"),
            (json!({ "minutes": 30, "reason": " " }), "models.alarm.reason-missing"),
        ] {
            assert_eq!(shelve(body).await.code(), code);
        }
        let shelved = shelve(json!({ "minutes": 30, "reason": "tuning" })).await.expect(200).body;
        assert_eq!(
            (shelved["annunciated"].clone(), shelved["shelved"]["reason"].clone()),
            (json!(false), json!("tuning"))
        );
        park.api.post(&format!("{path}/acknowledge"), json!({})).await.expect(200);
        park.run(20, &[("temp", 70.0)]).await;
        assert_eq!(alarms(&park).await.len(), 1, "normal, but still on the shelf");
        park.h.clock.advance(Duration::from_mins(31));
        park.settle().await;
        assert!(alarms(&park).await.is_empty());
        assert!(facts(&park).await.contains(&"twin.alarm.unshelved".to_owned()));

        park.run(20, &[("temp", 85.0)]).await;
        let path = format!("/api/v1/alarms/{}", alarms(&park).await[0]["id"].as_str().unwrap());
        park.api.post(&format!("{path}/out-of-service"), json!({ "reason": "sensor exchange" })).await.expect(200);
        assert_eq!(park.get(&path).await["annunciated"], json!(false));
        park.api.post(&format!("{path}/return-to-service"), json!({})).await.expect(200);
        assert_eq!(park.get(&path).await["annunciated"], json!(true));
    }
}

#[tokio::test]
async fn a_check_shows_where_a_rule_is_wrong() {
    for park in parks().await {
        let body = |raise: &str| json!({ "asset": park.machine, "rule": { "raise": raise, "priority": 2, "message": { "zh": "高", "en": "High" } } });
        let check = |raise: &str| park.api.post("/api/v1/alarm-rules/check", body(raise));
        let found = check("power > 5 bar").await.expect(200).body;
        assert_eq!(
            (found["ok"].clone(), found["problems"][0]["code"].clone()),
            (json!(false), json!("models.expression.unit-mismatch"))
        );
        let problem = &found["problems"][0];
        let text = problem["message"].as_str().unwrap();
        assert!(text.contains("kW") && text.contains("bar"), "{text}");
        let place =
            "power > 5 bar".get(problem["from"].as_u64().unwrap() as usize..problem["to"].as_u64().unwrap() as usize);
        assert!(place.is_some_and(|place| !place.is_empty()));
        assert_eq!(
            check("nope > 5").await.expect(200).body["problems"][0]["code"],
            "models.expression.unknown-property"
        );
        let fine = check("temp > 80 °C and power > 2 kW").await.expect(200).body;
        assert_eq!((fine["ok"].clone(), fine["properties"].clone()), (json!(true), json!(["temp", "power"])));
        // What the check refuses cannot be recorded either.
        let mut create = body("power > 5 bar");
        create["name"] = json!("bad");
        let refused = park.api.post("/api/v1/alarm-rules", create).await.expect(400);
        assert_eq!(refused.body["errors"][0]["pointer"], "/rule/raise");
        let both = json!({ "asset": park.machine, "thing_model": park.model, "rule": body("temp > 1 °C")["rule"] });
        assert_eq!(
            park.api.post("/api/v1/alarm-rules/check", both).await.expect(400).code(),
            "twin.alarm-rule.malformed"
        );
    }
}

/// What live evaluation says is what the same rule says over the recorded samples, however they were cut into batches.
#[tokio::test]
async fn alarms_are_the_same_live_and_replayed() {
    for park in parks().await {
        let text = hot("80 °C").deadband("3 K").delays(Duration::from_secs(15), Duration::from_secs(5));
        rule(&park, "hot", text).await;
        let start = park.now();
        // A course that crosses the limits irregularly, in batches of irregular size.
        let mut seed = 7u64;
        let mut pending = Vec::new();
        for n in 0..600i64 {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let temp = 80.0 + 12.0 * ((n as f64) / 17.0).sin() + ((seed >> 60) as f64 - 8.0) / 4.0;
            pending.push((start + Duration::from_secs(n), temp));
            if seed.is_multiple_of(7) || n == 599 {
                for (at, temp) in pending.drain(..) {
                    park.measure(at, &[("temp", temp)]).await;
                }
                park.h.clock.set(start + Duration::from_secs(n));
                park.settle().await;
            }
        }
        park.h.clock.advance(Duration::from_mins(1));
        park.settle().await;
        let open = alarms(&park).await;
        let rule = json!({ "raise": "temp > 80 °C", "clear": { "deadband": "3 K" }, "on_delay_ms": 15000, "off_delay_ms": 5000,
            "priority": 2, "message": { "zh": "高", "en": "High" } });
        let tried = park
            .api
            .post("/api/v1/alarm-rules/preview", json!({ "asset": park.machine, "rule": rule, "hours": 1 }))
            .await
            .expect(200)
            .body;
        let occurrences = tried["occurrences"].as_array().unwrap();
        assert!(occurrences.len() >= 3, "{tried}");
        assert_eq!(open[0]["occurrences"], json!(occurrences.len()));
        let last = occurrences.last().unwrap();
        let time = |value: &Json| value.as_str().map(|t| t.parse::<kernel::Timestamp>().unwrap().millis());
        assert_eq!(time(&open[0]["raised_at"]), last["raised"].as_i64());
        assert_eq!(time(&open[0]["returned_at"]), last["returned"].as_i64());
    }
}

#[tokio::test]
async fn a_restart_neither_loses_nor_repeats_an_alarm() {
    for park in parks().await {
        rule(&park, "hot", hot("80 °C")).await;
        park.run(60, &[("temp", 85.0)]).await;
        let before = alarms(&park).await;
        for _ in 0..2 {
            let second = twin::Twin::new();
            second.settle(&park.h.host).await.unwrap();
            assert_eq!(alarms(&park).await, before);
        }
        // The condition ends while nobody looks; the next start sees it.
        park.h.clock.advance(Duration::from_secs(60));
        park.measure(park.now(), &[("temp", 70.0)]).await;
        park.h.clock.advance(Duration::from_secs(60));
        let third = twin::Twin::new();
        third.settle(&park.h.host).await.unwrap();
        let after = alarms(&park).await;
        assert_eq!(
            (after[0]["id"].clone(), after[0]["state"].clone()),
            (before[0]["id"].clone(), json!("returned_unacknowledged"))
        );
    }
}

#[tokio::test]
async fn a_rule_that_is_changed_or_removed_lets_go_of_its_alarm() {
    for park in parks().await {
        let rule = rule(&park, "hot", hot("80 °C")).await;
        park.run(20, &[("temp", 85.0)]).await;
        assert_eq!(alarms(&park).await[0]["active"], json!(true));
        let path = format!("/api/v1/alarm-rules/{}", rule.id);
        let mut body = park.get(&path).await["rule"].clone();
        body["raise"] = json!("temp > 95 °C");
        let change = json!({ "name": "hot", "enabled": true, "rule": body });
        park.api.call(axum::http::Method::PUT, &path, Some(change)).await.expect(200);
        park.settle().await;
        assert_eq!(alarms(&park).await[0]["state"], "returned_unacknowledged");
        park.run(20, &[("temp", 99.0)]).await;
        assert_eq!(alarms(&park).await[0]["occurrences"], json!(2));
        park.api.call(axum::http::Method::DELETE, &path, None).await.expect(200);
        park.settle().await;
        assert_eq!(alarms(&park).await[0]["active"], json!(false));
        assert_eq!(park.get("/api/v1/alarm-rules").await["items"], json!([]));
    }
}

#[tokio::test]
async fn a_rule_of_a_model_watches_all_its_machines() {
    for park in parks().await {
        let mut tx = park.h.host.begin(&admin(park.tenant)).await.unwrap();
        let second = twin::asset_create_in_tx(&mut tx, park.tenant, machine_new("M-02", park.model)).await.unwrap();
        let text = RuleText::new("power > 50 kW", Priority::Urgent, Message::new("超载", "Overload"));
        let new = AlarmRuleNew { name: "overload".into(), target: Target::Model(park.model), text, enabled: true };
        alarm_rule_create_in_tx(&mut tx, park.tenant, new).await.unwrap();
        tx.commit().await.unwrap();
        park.settle().await;
        for asset in [park.machine, second.id] {
            park.measure_on(asset, park.now(), &[("power", 60.0)]).await;
        }
        park.settle().await;
        assert_eq!(alarms(&park).await.len(), 2);
        let one = park.get(&format!("/api/v1/alarms?asset={}&priority=1&state=unacknowledged_active", second.id)).await;
        assert_eq!(one["items"].as_array().unwrap().len(), 1);
        assert_eq!(park.api.get("/api/v1/alarms?state=sleepy").await.expect(400).code(), "twin.alarm.unknown-state");
    }
}

#[tokio::test]
async fn old_samples_raise_nothing() {
    for park in parks().await {
        rule(&park, "hot", hot("80 °C")).await;
        park.run(60, &[("temp", 40.0)]).await;
        park.h.clock.advance(Duration::from_hours(2));
        park.measure(park.now() - Duration::from_hours(1), &[("temp", 99.0)]).await;
        park.measure(park.now(), &[("temp", 41.0)]).await;
        park.settle().await;
        park.h.clock.advance(Duration::from_mins(1));
        park.settle().await;
        assert_eq!(park.get("/api/v1/alarms?closed=true").await["items"], json!([]));
    }
}
