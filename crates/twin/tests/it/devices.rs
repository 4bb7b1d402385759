//! Devices: tokens, mappings, quarantine.

use contracts::{
    devices::{DeviceDirectory, Quarantined},
    telemetry::Value,
};
use kernel::{Duration, id::DeviceId};
use serde_json::{Value as Json, json};

use crate::park::{Park, parks, unit};

fn body(park: &Park, name: &str) -> Json {
    json!({ "name": name, "metrics": [{ "metric": "t", "asset": park.machine, "property": "temp", "unit": "KEL", "factor": "0.1" }] })
}

#[tokio::test]
async fn a_token_is_shown_once_and_only_its_digest_is_stored() {
    for park in parks().await {
        let keyed = park.api.with("idempotency-key", "d-1");
        let made = keyed.post("/api/v1/devices", body(&park, "gate")).await.expect(201).body;
        let token = made["token"].as_str().unwrap().to_owned();
        assert_eq!(token.len(), 43, "256 bits");
        let again = keyed.post("/api/v1/devices", body(&park, "gate")).await.expect(201).body;
        assert_eq!((again["id"].clone(), again.get("token")), (made["id"].clone(), None));
        let path = format!("/api/v1/devices/{}", made["id"].as_str().unwrap());
        assert!(park.get(&path).await.get("token").is_none());
        for table in ["twin_device", "appkit_command", "appkit_journal"] {
            let rows = park.h.host.db().rows(&format!("SELECT * FROM {table}"), vec![]).await.unwrap();
            for row in rows {
                for column in ["token_hash", "response", "payload"] {
                    assert!(!row.get::<String>(column).unwrap_or_default().contains(&token), "{table}.{column}");
                }
            }
        }
        let binding = park.twin.by_token(&token).unwrap();
        assert_eq!((binding.tenant, binding.name.as_str()), (park.tenant, "gate"));
        let metric = &binding.metrics["t"];
        assert_eq!((metric.scale, metric.offset, metric.unit), (0.1, -273.15, Some(unit("CEL"))));

        let before = park.twin.revision();
        let rotated = park.api.post(&format!("{path}/rotate"), json!({})).await.expect(200).body;
        assert!(park.twin.by_token(&token).is_none(), "the old token is dead at once");
        let token = rotated["token"].as_str().unwrap();
        assert!(park.twin.by_token(token).unwrap().enabled && park.twin.revision() > before);
        park.twin.presence(binding.device, true, park.now());
        assert_eq!(park.get(&path).await["online"], json!(true));
        park.api.post(&format!("{path}/disable"), json!({})).await.expect(200);
        assert!(!park.twin.by_token(token).unwrap().enabled);
        park.api.post(&format!("{path}/enable"), json!({})).await.expect(200);
        assert!(park.twin.by_token(token).unwrap().enabled && park.twin.by_token("nonsense").is_none());
    }
}

#[tokio::test]
async fn wrong_mappings_are_refused_and_named() {
    for park in parks().await {
        let post = |body: Json| park.api.post("/api/v1/devices", body);
        let mut wrong = body(&park, "gate");
        wrong["metrics"][0]["unit"] = json!("BAR");
        let refused = post(wrong).await.expect(422);
        assert_eq!(
            (refused.code(), refused.body["errors"][0]["pointer"].clone()),
            ("twin.mapping.unit-mismatch", json!("/metrics/0"))
        );
        let text = refused.body["detail"].as_str().unwrap();
        assert!(text.contains("BAR") && text.contains("CEL"), "{text}");
        for (field, value, code) in [
            ("property", "nope", "twin.mapping.unknown-property"),
            ("factor", "x", "twin.device.malformed"),
            ("factor", "0", "twin.mapping.scale"),
            ("unit", "furlong", "kernel.unit.unknown"),
        ] {
            let mut wrong = body(&park, "gate");
            wrong["metrics"][0][field] = json!(value);
            assert_eq!(post(wrong).await.code(), code, "{field}");
        }
        let mut wrong = body(&park, "gate");
        wrong["poll"] = json!({ "address": "169.254.169.254:80", "unit_id": 0, "interval_ms": 1, "registers": [] });
        let pointers: Vec<Json> = post(wrong).await.expect(400).body["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| e["pointer"].clone())
            .collect();
        assert_eq!(pointers, ["/poll/address", "/poll/unit_id", "/poll/interval_ms", "/poll/registers"]);

        park.device("one", vec![park.metric("t", "temp")]).await.unwrap();
        let taken = park.device("two", vec![park.metric("t", "temp")]).await.unwrap_err();
        assert_eq!(taken.code, "twin.mapping.property-taken");
        assert_eq!(park.device("one", vec![]).await.unwrap_err().code, "twin.device.name-taken");
    }
}

#[tokio::test]
async fn a_polled_device_is_listed_for_the_edge() {
    for park in parks().await {
        let mut polled = body(&park, "plc");
        polled["poll"] = json!({ "address": "127.0.0.1:1502", "unit_id": 1, "interval_ms": 1000,
            "registers": [{ "metric": "t", "table": "input_register", "address": 0, "format": "u16" }] });
        let made = park.api.post("/api/v1/devices", polled.clone()).await.expect(201).body;
        let listed = park.twin.polled();
        assert_eq!((listed.len(), listed[0].poll.as_ref().unwrap().registers.len()), (1, 1));
        polled["enabled"] = json!(false);
        park.api
            .call(axum::http::Method::PUT, &format!("/api/v1/devices/{}", made["id"].as_str().unwrap()), Some(polled))
            .await
            .expect(200);
        assert!(park.twin.polled().is_empty());
    }
}

#[tokio::test]
async fn quarantine_keeps_the_newest_thousand_per_device() {
    for park in parks().await {
        let (device, _) = park.device("gate", vec![]).await.unwrap();
        let record = |n: i64, device: Option<DeviceId>| Quarantined {
            device,
            tenant: device.map(|_| park.tenant),
            door: "mqtt".into(),
            code: "edge.metric.unknown".into(),
            detail: "no such metric".into(),
            metric: Some("x".into()),
            value: Some(if n == 1250 { Value::F64(f64::NAN) } else { Value::I64(n) }),
            source_time: None,
            received_at: park.now() + Duration::from_millis(n),
            excerpt: "温".repeat(600),
        };
        for batch in [0..900, 900..1251] {
            park.twin.quarantine(batch.map(|n| record(n, Some(device.binding.device))).collect()).await.unwrap();
        }
        park.twin.quarantine(vec![record(1, None)]).await.unwrap();
        let mut seen = Vec::new();
        let mut path = "/api/v1/quarantine?limit=400".to_owned();
        loop {
            let page = park.get(&path).await;
            seen.extend(page["items"].as_array().unwrap().clone());
            match page["next"].as_str() {
                Some(next) => path = format!("/api/v1/quarantine?limit=400&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(seen.len(), 1000, "the unknown sender's record is for nobody's eyes but the operator's");
        assert!(seen.iter().any(|record| record["value"] == "NaN"));
        assert!(seen.iter().all(|record| record["value"].as_i64().is_none_or(|n| n >= 251)), "the oldest made room");
        assert!(seen[0]["excerpt"].as_str().unwrap().len() <= 512);
    }
}
