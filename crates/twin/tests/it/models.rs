//! Thing models and the equipment tree.

use serde_json::{Value as Json, json};

use crate::park::{document, machine_new, parks};

fn import(code: &str, document: Json) -> Json {
    json!({ "code": code, "name_zh": "泵", "name_en": "Pump", "kind": "pump", "document": document })
}

#[tokio::test]
async fn a_jetlinks_document_goes_in_and_comes_out() {
    for park in parks().await {
        let mut source = document();
        source["vendor"] = json!({ "kept": true });
        let made = park.api.post("/api/v1/thing-models", import("pump-1", source.clone())).await.expect(201).body;
        let out = park.get(&format!("/api/v1/thing-models/{}/export", made["id"].as_str().unwrap())).await;
        assert_eq!(out["vendor"], source["vendor"]);
        assert_eq!(out["properties"][0]["expands"]["rec20"], "KWT");
        let again = park.api.post("/api/v1/thing-models", import("pump-1", out)).await.expect(200).body;
        assert_eq!((again["version"].clone(), again["created"].clone()), (json!(1), json!(false)), "nothing changed");
    }
}

#[tokio::test]
async fn a_change_is_a_new_version_and_machines_stay_on_theirs() {
    for park in parks().await {
        let mut next = document();
        next["properties"]
            .as_array_mut()
            .unwrap()
            .push(json!({ "id": "load", "valueType": { "type": "double", "unit": "percent" } }));
        let mut body = import("cnc-5", next.clone());
        let made = park.api.post("/api/v1/thing-models", body.clone()).await.expect(201).body;
        assert_eq!(made["version"], 2);
        let machine = park.get(&park.machine_path("")).await;
        assert_eq!(
            (machine["thing_model_version"].clone(), machine["thing_model_latest"].clone()),
            (json!(1), json!(2))
        );
        assert_eq!(machine["properties"].as_array().unwrap().len(), 5);
        // Repeating a command with its key gives the same answer; another body is refused.
        let keyed = park.api.with("idempotency-key", "up-1");
        let upgrade = json!({ "thing_model": park.model });
        for _ in 0..2 {
            let node = keyed.post(&park.machine_path("/upgrade"), upgrade.clone()).await.expect(200).body;
            assert_eq!(node["thing_model_version"], 2);
        }
        keyed
            .post(&park.machine_path("/upgrade"), json!({ "thing_model": park.model, "version": 1 }))
            .await
            .expect(422);
        assert_eq!(park.get(&park.machine_path("")).await["properties"].as_array().unwrap().len(), 6);
        // A property cannot come back with another unit, even if the version between did not have it.
        body["document"]["properties"].as_array_mut().unwrap().pop();
        body["name_en"] = json!("Pump, third edition");
        park.api.post("/api/v1/thing-models", body.clone()).await.expect(201);
        next["properties"][5]["valueType"]["unit"] = json!("kilowatt");
        body["document"] = next;
        let refused = park.api.post("/api/v1/thing-models", body).await.expect(422);
        assert_eq!(refused.code(), "twin.thing-model.property-changed");
        assert_eq!(refused.body["errors"][0]["pointer"], "/document/properties/5/valueType/unit");
    }
}

#[tokio::test]
async fn wrong_documents_are_refused_with_every_place() {
    for park in parks().await {
        let bad =
            json!({ "properties": [{ "id": "a b", "valueType": { "type": "int" } }, { "id": "c", "valueType": {} }] });
        let refused = park.api.post("/api/v1/thing-models", import("bad", bad)).await.expect(400);
        let pointers: Vec<_> =
            refused.body["errors"].as_array().unwrap().iter().map(|e| e["pointer"].clone()).collect();
        assert_eq!(pointers, ["/document/properties/0/id", "/document/properties/1/valueType/type"]);
        let mut body = import("rule", document());
        body["state_rule"] = json!({ "cases": [{ "state": "running", "when": "power > 5 bar" }], "silence_ms": 60000 });
        let refused = park.api.post("/api/v1/thing-models", body).await.expect(400);
        let text = refused.body["detail"].as_str().unwrap();
        assert!(text.contains("kW") && text.contains("bar"), "{text}");
        assert_eq!(refused.body["errors"][0]["pointer"], "/state_rule/cases/0/when");
    }
}

#[tokio::test]
async fn the_tree_keeps_its_order() {
    for park in parks().await {
        let create = |body: Json| park.api.post("/api/v1/equipment", body);
        let site = create(json!({ "level": "site", "code": "S", "name": "厂区" })).await.expect(201).body["id"].clone();
        let line = create(json!({ "level": "work_center", "code": "L", "name": "一线", "parent": site }))
            .await
            .expect(201)
            .body["id"]
            .clone();
        let path = |id: &Json, rest: &str| format!("/api/v1/equipment/{}{rest}", id.as_str().unwrap());
        let moved = park
            .api
            .post(&format!("/api/v1/equipment/{}/move", park.machine), json!({ "parent": line }))
            .await
            .expect(200);
        assert_eq!(moved.body["parent"], line);
        assert_eq!(moved.body["id"], json!(park.machine), "an id says nothing about the place");
        let refused = park.api.post(&path(&site, "/move"), json!({ "parent": line })).await.expect(422);
        assert!(["twin.equipment.cycle", "twin.equipment.level-inverted"].contains(&refused.code()));
        let inverted = json!({ "level": "area", "code": "A", "name": "车间", "parent": line });
        assert_eq!(create(inverted).await.expect(422).code(), "twin.equipment.level-inverted");
        let twice = json!({ "level": "area", "code": "L", "name": "车间" });
        assert_eq!(create(twice).await.expect(409).code(), "twin.equipment.code-taken");
        let machine_on_site = json!({ "level": "site", "code": "X", "name": "x", "thing_model": park.model });
        assert_eq!(create(machine_on_site).await.expect(422).code(), "twin.equipment.not-a-machine");
        let under = park.get(&format!("/api/v1/machines?under={}", site.as_str().unwrap())).await;
        assert_eq!(under["items"].as_array().unwrap().len(), 1, "two levels down");
        let renamed = park.api.post(&path(&line, "/rename"), json!({ "code": "L-1" })).await.expect(200).body;
        assert_eq!((renamed["code"].clone(), renamed["name"].clone()), (json!("L-1"), json!("一线")));
        let list = park.get("/api/v1/equipment?limit=2").await;
        assert_eq!(list["items"].as_array().unwrap().len(), 2);
        let rest = park.get(&format!("/api/v1/equipment?limit=2&cursor={}", list["next"].as_str().unwrap())).await;
        assert_eq!(rest["items"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn the_registry_survives_a_restart() {
    for park in parks().await {
        park.device("gate", vec![park.metric("p", "power")]).await.unwrap();
        let mut tx = park.h.host.begin(&testkit::admin(park.tenant)).await.unwrap();
        twin::asset_create_in_tx(&mut tx, park.tenant, machine_new("M-02", park.model)).await.unwrap();
        tx.commit().await.unwrap();
        // A second twin on the same database sees what the first one recorded.
        use contracts::{devices::DeviceDirectory, twin::MachineDirectory};
        let second = twin::Twin::new();
        second.start(&park.h.host).await.unwrap();
        assert_eq!(second.machines(park.tenant).len(), 2);
        let facts = |twin: &twin::Twin| MachineDirectory::machine(twin, park.machine);
        assert_eq!(facts(&second), facts(&park.twin));
        assert_eq!(second.polled().len(), 0);
    }
}

#[tokio::test]
async fn an_upgrade_that_breaks_something_is_refused_with_its_name() {
    for park in parks().await {
        park.device("gate", vec![park.metric("t", "temp")]).await.unwrap();
        let mut smaller = document();
        smaller["properties"].as_array_mut().unwrap().remove(1);
        park.api.post("/api/v1/thing-models", import("cnc-5", smaller)).await.expect(201);
        let upgrade = json!({ "thing_model": park.model });
        let refused = park.api.post(&park.machine_path("/upgrade"), upgrade.clone()).await.expect(422);
        assert_eq!(refused.code(), "twin.equipment.upgrade-breaks");
        assert!(refused.body["detail"].as_str().unwrap().contains("gate"), "{}", refused.body);
        assert_eq!(park.get(&park.machine_path("")).await["thing_model_version"], 1);

        // The same with an alarm rule of the machine, once the mapping is gone.
        let device = park.get("/api/v1/devices").await["items"][0]["id"].as_str().unwrap().to_owned();
        let put = axum::http::Method::PUT;
        park.api.call(put, &format!("/api/v1/devices/{device}"), Some(json!({ "name": "gate" }))).await.expect(200);
        let rule = json!({ "name": "hot", "asset": park.machine,
            "rule": { "raise": "temp > 80 °C", "priority": 1, "message": { "zh": "热", "en": "Hot" } } });
        let rule = park.api.post("/api/v1/alarm-rules", rule).await.expect(201).body["id"].as_str().unwrap().to_owned();
        let refused = park.api.post(&park.machine_path("/upgrade"), upgrade.clone()).await.expect(422);
        assert!(refused.body["detail"].as_str().unwrap().contains("hot"), "{}", refused.body);
        park.api.call(axum::http::Method::DELETE, &format!("/api/v1/alarm-rules/{rule}"), None).await.expect(200);
        park.api.post(&park.machine_path("/upgrade"), upgrade).await.expect(200);
    }
}

#[tokio::test]
async fn wider_ranges_of_a_new_version_reach_the_edge_with_the_upgrade() {
    use contracts::devices::DeviceDirectory;
    for park in parks().await {
        let (device, _) = park.device("gate", vec![park.metric("p", "power")]).await.unwrap();
        let max = || park.twin.by_id(device.binding.device).unwrap().metrics["p"].max;
        let mut wider = document();
        wider["properties"][0]["valueType"]["max"] = json!(250);
        park.api.post("/api/v1/thing-models", import("cnc-5", wider)).await.expect(201);
        assert_eq!(max(), Some(100.0), "a version does nothing by itself");
        let before = park.twin.revision();
        park.api.post(&park.machine_path("/upgrade"), json!({ "thing_model": park.model })).await.expect(200);
        assert_eq!(max(), Some(250.0));
        assert!(park.twin.revision() > before);
    }
}
