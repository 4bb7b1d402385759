//! The doors: the whole chain by HTTP, who sees what, and what is refused.

mod common;

use appkit::{
    Caller, Role,
    identity::{NewGrant, grant_create_in_tx, grant_revoke_in_tx, organisation_create_in_tx, token_create_in_tx},
};
use common::{HOURS, Park, parks};
use kernel::id::{GrantId, PartyId};
use record::evidence::evidence_verify;
use serde_json::{Value, json};
use testkit::Api;

/// Tokens of the park's three organisations.
struct Doors {
    shop: Api,
    buyer: Api,
    stranger: Api,
    viewer: Api,
    nobody: Api,
}

async fn doors(park: &Park) -> Doors {
    let host = &park.harness.host;
    let mut tx = host.begin(&Caller::system()).await.unwrap();
    for (id, name) in [(park.shop, "shop"), (park.buyer, "buyer"), (park.stranger, "stranger")] {
        organisation_create_in_tx(&mut tx, id, name, name, true).await.unwrap();
    }
    tx.commit().await.unwrap();
    host.settle().await.unwrap();
    let nobody = Api::new(host);
    let token = async |party: PartyId, role: Role| {
        let mut tx = host.begin(&testkit::admin(party)).await.unwrap();
        let (_, secret, _) = token_create_in_tx(&mut tx, "test", &[role], None).await.unwrap();
        tx.commit().await.unwrap();
        nobody.bearer(&secret)
    };
    Doors {
        shop: token(park.shop, Role::Admin).await,
        buyer: token(park.buyer, Role::Admin).await,
        stranger: token(park.stranger, Role::Admin).await,
        viewer: token(park.buyer, Role::Viewer).await,
        nobody: nobody.clone(),
    }
}

fn id(value: &Value) -> String {
    value["id"].as_str().unwrap_or_else(|| panic!("{value:#}")).to_owned()
}

/// What the chain left: one id per kind of record.
struct Made {
    agreement: String,
    meter: String,
    reading: String,
    evidence: String,
    claim: String,
    invoice: String,
    transfer: String,
    account: String,
}

/// Drafted, signed, funded, activated, metered, claimed, invoiced and paid, each by the side whose part it is.
async fn chain(park: &Park, doors: &Doors) -> Made {
    let clauses = json!([
        {"clause": "price", "basis": "machine_time", "unit": "HUR", "quantity_decimals": 4, "unit_price": "280", "currency": "CNY",
         "tax_percent": "13"},
        {"clause": "escrow", "amount": {"amount": "700.00", "currency": "CNY"}},
        {"clause": "coverage", "minimum": "0.95"}
    ]);
    let body = json!({"title": "milling", "provider": park.shop, "receiver": park.buyer, "clauses": clauses});
    let agreement = id(&doors.buyer.post("/api/v1/agreements", body).await.expect(201).body);
    let path = format!("/api/v1/agreements/{agreement}");
    doors.buyer.post(&format!("{path}/escrow"), json!({})).await.expect(409);
    doors.shop.post(&format!("{path}/sign"), json!({})).await.expect(200);
    let signed = doors.buyer.post(&format!("{path}/sign"), json!({})).await.expect(200);
    assert_eq!(signed.body["state"], "signed");
    let early = doors.shop.post(&format!("{path}/state"), json!({"to": "active"})).await.expect(409);
    assert_eq!(early.code(), "record.agreement.escrow-missing");
    let funded = doors.buyer.post(&format!("{path}/escrow"), json!({})).await.expect(200);
    assert_eq!(funded.body["held"]["amount"], "700.00");
    doors.shop.post(&format!("{path}/state"), json!({"to": "active"})).await.expect(200);
    let rule: Value = serde_json::from_str(HOURS).unwrap();
    let body =
        json!({"asset": park.asset, "name": "hours", "unit": "HUR", "rule": rule, "active_from": testkit::START});
    let meter = id(&doors.shop.post("/api/v1/meters", body.clone()).await.expect(201).body);
    doors.buyer.post("/api/v1/meters", body).await.expect(404);
    let window = json!({"from": park.window.from, "to": park.window.to});
    let body = json!({"meters": [meter], "agreement": agreement, "window": window});
    let sealed = doors.shop.post("/api/v1/readings", body).await.expect(201).body;
    assert_eq!((sealed[0]["quantity"].as_str(), sealed[0]["state"].as_str()), (Some("1.8"), Some("sealed")));
    let reading = id(&sealed[0]);
    let claim = id(&doors.shop.post("/api/v1/claims", json!({"reading": reading})).await.expect(201).body[0]);
    let body = json!({"agreement": agreement, "claims": [claim]});
    let once = doors.shop.with("idempotency-key", "7c0d").post("/api/v1/invoices", body.clone()).await.expect(201);
    let again = doors.shop.with("idempotency-key", "7c0d").post("/api/v1/invoices", body).await.expect(201);
    assert_eq!((&once.body, again.header("idempotent-replayed")), (&again.body, Some("true")));
    let other = json!({"agreement": agreement, "claims": []});
    doors.shop.with("idempotency-key", "7c0d").post("/api/v1/invoices", other).await.expect(422);
    let invoice = id(&once.body);
    let settle = format!("/api/v1/invoices/{invoice}/settle");
    doors.shop.post(&settle, json!({"from": "cash"})).await.expect(403);
    doors.viewer.post(&settle, json!({"from": "escrow"})).await.expect(403);
    let paid = doors.buyer.post(&settle, json!({"from": "escrow"})).await.expect(200).body;
    assert_eq!(
        (paid["state"].as_str(), paid["totals"]["payable"]["amount"].as_str()),
        (Some("settled"), Some("569.52"))
    );
    let transfers = doors.buyer.get("/api/v1/transfers").await.expect(200).body;
    let transfers = transfers["items"].as_array().unwrap().clone();
    let release = transfers.iter().find(|t| t["reason"] == "escrow_release").unwrap();
    Made {
        agreement,
        meter,
        evidence: sealed[0]["evidence"].as_str().unwrap().trim_start_matches("ni:///sha-256;").to_owned(),
        reading,
        claim,
        invoice,
        transfer: id(release),
        account: release["debit"].as_str().unwrap().to_owned(),
    }
}

/// The kinds along the first branch of a trace.
fn branch(node: &Value) -> Vec<String> {
    let mut kinds = vec![node["kind"].as_str().unwrap().to_owned()];
    if let Some(child) = node["children"].get(0) {
        kinds.extend(branch(child));
    }
    kinds
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_is_traced_to_its_machine_and_proved_outside() {
    for park in parks().await {
        let doors = doors(&park).await;
        let made = chain(&park, &doors).await;
        let trace = doors.buyer.get(&format!("/api/v1/trace/{}", made.transfer)).await.expect(200).body;
        assert_eq!(
            branch(&trace["root"]),
            ["transfer", "invoice", "claim", "reading", "evidence", "samples", "machine"]
        );
        let reading = doors.buyer.get(&format!("/api/v1/trace/{}", made.reading)).await.expect(200).body;
        let used: Vec<&str> =
            reading["used_by"].as_array().unwrap().iter().map(|n| n["kind"].as_str().unwrap()).collect();
        assert_eq!(&used[..2], ["claim", "invoice"]);
        assert!(used[2..].iter().all(|kind| *kind == "transfer") && used.len() > 3, "{used:?}");
        let recomputed =
            doors.buyer.post(&format!("/api/v1/readings/{}/recompute", made.reading), json!({})).await.expect(200).body;
        assert_eq!((recomputed["identical"].as_bool(), recomputed["quantity"].as_str()), (Some(true), Some("1.8")));
        let bundle = doors.buyer.get(&format!("/api/v1/readings/{}/export", made.reading)).await.expect(200);
        let text = bundle.body.to_string();
        assert_eq!(evidence_verify(text.as_bytes()).unwrap().quantity.to_string(), "1.8");
        let verified = doors
            .stranger
            .raw(axum::http::Method::POST, "/api/v1/evidence/verify", Some("application/json"), text.clone().into())
            .await;
        verified.expect(200);
        let changed = text.replacen("1.8", "1.9", 1);
        let refused = doors
            .stranger
            .raw(axum::http::Method::POST, "/api/v1/evidence/verify", Some("application/json"), changed.into())
            .await;
        assert_eq!(refused.expect(422).code(), "record.evidence.digest-changed");
        let proof = doors.buyer.get(&format!("/api/v1/readings/{}/chunks/0", made.reading)).await.expect(200).body;
        record::evidence::chunk_proof_verify(&serde_json::from_value(proof).unwrap()).unwrap();
        doors.buyer.get(&format!("/api/v1/readings/{}/chunks/9", made.reading)).await.expect(404);
        let balance = doors.shop.get("/api/v1/trial-balance").await.expect(200).body;
        assert_eq!(balance["sums"], json!([{"amount": "0.00", "currency": "CNY"}]));
        let paper = doors.buyer.get(&format!("/api/v1/invoices/{}/document", made.invoice)).await.expect(200).body;
        assert_eq!(
            (paper["seller"]["name_en"].as_str(), paper["open"]["amount"].as_str()),
            (Some("shop"), Some("0.00"))
        );
        let contents =
            doors.buyer.get(&format!("/api/v1/agreements/{}/contents", made.agreement)).await.expect(200).body;
        assert_eq!(contents["escrow"]["amount"], "130.48");
        let earned = format!("/api/v1/earnings/{}?from={}&to={}", park.asset, park.window.from, park.window.to);
        let earnings = doors.shop.get(&earned).await.expect(200).body;
        assert_eq!(earnings["sums"][0]["settled"], json!({"amount": "504.00", "currency": "CNY"}));
        assert_eq!(earnings["readings"][0]["id"].as_str(), Some(made.reading.as_str()));
        doors.buyer.get(&earned).await.expect(404);
        let ended = format!("/api/v1/agreements/{}/state", made.agreement);
        doors.shop.post(&ended, json!({"to": "completed"})).await.expect(404);
        doors.buyer.post(&ended, json!({"to": "completed"})).await.expect(200);
        let contents =
            doors.buyer.get(&format!("/api/v1/agreements/{}/contents", made.agreement)).await.expect(200).body;
        assert_eq!(
            (contents["escrow"]["amount"].as_str(), contents["claims"][0]["state"].as_str()),
            (Some("0.00"), Some("settled"))
        );
        let from = format!("from={}&to={}", park.window.from, park.window.to);
        let preview = doors.shop.get(&format!("/api/v1/meters/{}/preview?{from}", made.meter)).await.expect(200).body;
        assert_eq!(preview["quantity"], "1.8");
    }
}

impl Made {
    fn paths(&self) -> Vec<String> {
        let Self { agreement, meter, reading, evidence, claim, invoice, transfer, account } = self;
        vec![
            format!("/api/v1/agreements/{agreement}"),
            format!("/api/v1/agreements/{agreement}/contents"),
            format!("/api/v1/meters/{meter}"),
            format!("/api/v1/meters/{meter}/preview?from=2026-01-05T00:00:00Z&to=2026-01-05T01:00:00Z"),
            format!("/api/v1/readings/{reading}"),
            format!("/api/v1/readings/{reading}/export"),
            format!("/api/v1/readings/{reading}/chunks/0"),
            format!("/api/v1/evidence/{evidence}"),
            format!("/api/v1/claims/{claim}"),
            format!("/api/v1/invoices/{invoice}"),
            format!("/api/v1/invoices/{invoice}/document"),
            format!("/api/v1/transfers/{transfer}"),
            format!("/api/v1/accounts/{account}"),
            format!("/api/v1/accounts/{account}/transfers"),
            format!("/api/v1/trace/{transfer}"),
            format!("/api/v1/trace/{reading}"),
            format!("/api/v1/trace/{evidence}"),
            format!("/api/v1/trace/{invoice}"),
            format!("/api/v1/trace/{claim}"),
            format!("/api/v1/trace/{agreement}"),
        ]
    }

    fn commands(&self) -> Vec<(String, Value)> {
        let Self { agreement, meter, reading, invoice, claim, .. } = self;
        let window = json!({"from": "2026-01-05T00:00:00Z", "to": "2026-01-05T01:00:00Z"});
        vec![
            (format!("/api/v1/agreements/{agreement}/sign"), json!({})),
            (format!("/api/v1/agreements/{agreement}/state"), json!({"to": "terminated"})),
            (format!("/api/v1/agreements/{agreement}/escrow"), json!({})),
            (format!("/api/v1/meters/{meter}/retire"), json!({})),
            (
                format!("/api/v1/meters/{meter}/adjustments"),
                json!({"at": "2026-01-05T00:00:00Z", "kind": "reset", "closing": "1", "opening": "0"}),
            ),
            (format!("/api/v1/readings/{reading}/recompute"), json!({})),
            (format!("/api/v1/readings/{reading}/correct"), json!({})),
            ("/api/v1/readings".into(), json!({"meters": [meter], "window": window})),
            ("/api/v1/claims".into(), json!({"reading": reading})),
            ("/api/v1/invoices".into(), json!({"agreement": agreement, "claims": [claim]})),
            (format!("/api/v1/invoices/{invoice}/settle"), json!({"from": "cash"})),
            (
                "/api/v1/cases".into(),
                json!({"kind": "dispute", "title": "mine", "agreement": agreement, "subjects": [reading]}),
            ),
        ]
    }
}

/// The same address with another id in it.
fn with_unknown_id(path: &str) -> String {
    path.split('/')
        .map(|part| match part.split_once('_') {
            Some((prefix, rest)) if rest.len() >= 32 => format!("{prefix}_{}{}", "0".repeat(32), &rest[32..]),
            _ => part.to_owned(),
        })
        .collect::<Vec<_>>()
        .join("/")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_cannot_tell_a_record_from_nothing() {
    for park in parks().await {
        let doors = doors(&park).await;
        let made = chain(&park, &doors).await;
        for path in made.paths() {
            assert_eq!(doors.nobody.get(&path).await.status, 401, "{path}");
            if !path.contains("/meters/") {
                assert_eq!(doors.buyer.get(&path).await.status, 200, "{path}");
            }
            let refused = doors.stranger.get(&path).await;
            assert_eq!(refused.status, 404, "{path}: {:#}", refused.body);
            let unknown = doors.stranger.get(&with_unknown_id(&path)).await;
            assert_eq!(refused.body, unknown.body, "{path}");
        }
        for (path, body) in made.commands() {
            assert_eq!(doors.nobody.post(&path, body.clone()).await.status, 401, "{path}");
            let refused = doors.stranger.post(&path, body.clone()).await;
            assert_eq!(refused.status, 404, "{path}: {:#}", refused.body);
            let unread = path.ends_with("/recompute");
            assert_eq!(doors.viewer.post(&path, body).await.status, if unread { 200 } else { 403 }, "{path}");
        }
        for path in [
            "agreements",
            "readings",
            "claims",
            "invoices",
            "accounts",
            "transfers",
            "commitments",
            "events",
            "meters",
            "cases",
        ] {
            let list = doors.stranger.get(&format!("/api/v1/{path}")).await.expect(200).body;
            assert_eq!(list["items"], json!([]), "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_shows_what_it_names_until_it_is_revoked() {
    for park in parks().await {
        let doors = doors(&park).await;
        let made = chain(&park, &doors).await;
        let host = &park.harness.host;
        let mut tx = host.begin(&park.caller()).await.unwrap();
        let kinds = vec!["reading".into(), "invoice".into(), "claim".into()];
        let new = NewGrant { grantee: Some(park.stranger), kinds, purpose: "any".into(), ..NewGrant::default() };
        let grant: GrantId = grant_create_in_tx(&mut tx, new).await.unwrap().id;
        tx.commit().await.unwrap();
        let reading = format!("/api/v1/readings/{}", made.reading);
        doors.stranger.get(&reading).await.expect(200);
        // Hashes are shown, samples are not: those are of another kind.
        doors.stranger.get(&format!("{reading}/export")).await.expect(404);
        doors.stranger.get(&format!("/api/v1/agreements/{}", made.agreement)).await.expect(404);
        let trace = doors.stranger.get(&format!("/api/v1/trace/{}", made.invoice)).await.expect(200).body;
        assert_eq!(branch(&trace["root"]), ["invoice", "claim", "reading", "evidence"]);
        let evidence = &trace["root"]["children"][0]["children"][0]["children"][0];
        assert_eq!(evidence, &json!({"kind": "evidence"}));
        assert!(trace["used_by"].as_array().unwrap().is_empty(), "payments were not granted: {trace:#}");
        let mut tx = host.begin(&park.caller()).await.unwrap();
        grant_revoke_in_tx(&mut tx, grant).await.unwrap();
        tx.commit().await.unwrap();
        doors.stranger.get(&reading).await.expect(404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispute_is_for_the_other_side_to_concede() {
    for park in parks().await {
        let doors = doors(&park).await;
        let made = chain(&park, &doors).await;
        let body =
            json!({"kind": "dispute", "title": "it idled", "agreement": made.agreement, "subjects": [made.reading]});
        let case = id(&doors.buyer.post("/api/v1/cases", body).await.expect(201).body);
        let path = format!("/api/v1/cases/{case}");
        doors.stranger.get(&path).await.expect(404);
        doors
            .shop
            .post(&format!("{path}/notes"), json!({"text": "look at the trend", "cites": made.reading}))
            .await
            .expect(200);
        let own = doors.shop.post(&format!("{path}/decide"), json!({"outcome": "upheld"})).await.expect(403);
        assert_eq!(own.code(), "record.case.own-judge");
        doors.shop.post(&format!("{path}/decide"), json!({"outcome": "corrected"})).await.expect(200);
        let closed = doors.buyer.post(&format!("{path}/close"), json!({})).await.expect(200).body;
        assert_eq!((closed["state"].as_str(), closed["outcome"].as_str()), (Some("closed"), Some("corrected")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn items_resources_offers_and_events_by_their_doors() {
    for park in parks().await {
        let doors = doors(&park).await;
        let item = json!({"code": "BRK-1", "revision": "A", "kind": "good", "name_en": "bracket", "unit": "H87", "tracking": "lot"});
        let item = id(&doors.shop.post("/api/v1/items", item.clone()).await.expect(201).body);
        let twice = json!({"code": "BRK-1", "revision": "A", "kind": "good", "name_en": "bracket", "unit": "H87", "tracking": "lot"});
        assert_eq!(doors.shop.post("/api/v1/items", twice).await.expect(409).code(), "record.item.exists");
        let step = |to: &str| json!({"to": to});
        let path = format!("/api/v1/items/{item}/state");
        assert_eq!(doors.shop.post(&path, step("released")).await.expect(409).code(), "record.item.step");
        assert_eq!(doors.shop.post(&path, step("nonsense")).await.expect(400).code(), "record.word.unknown");
        doors.buyer.post(&path, step("in_review")).await.expect(404);
        doors.shop.post(&path, step("in_review")).await.expect(200);
        doors.shop.post(&path, step("released")).await.expect(200);
        let lot =
            json!({"kind": "lot", "item": item, "identifier": "LOT-1", "quantity": {"value": "20", "unit": "H87"}});
        let lot = id(&doors.shop.post("/api/v1/resources", lot).await.expect(201).body);
        let handed = json!({"action": "transfer", "provider": park.shop, "receiver": park.buyer, "resource": lot,
            "quantity": {"value": "20", "unit": "H87"}});
        // Only who has the thing can hand it over.
        doors.buyer.post("/api/v1/events", handed.clone()).await.expect(404);
        let event = doors.shop.post("/api/v1/events", handed).await.expect(201).body;
        assert_eq!(event["state"], "recorded");
        let attested =
            doors.buyer.post(&format!("/api/v1/events/{}/attest", id(&event)), json!({})).await.expect(200).body;
        assert_eq!(attested["state"], "attested");
        let mine = doors.buyer.get(&format!("/api/v1/resources/{lot}")).await.expect(200).body;
        assert_eq!(mine["owner"], json!(park.buyer));
        doors.shop.get(&format!("/api/v1/resources/{lot}")).await.expect(404);
        let track = doors.buyer.get(&format!("/api/v1/resources/{lot}/events")).await.expect(200).body;
        assert_eq!(track["items"].as_array().unwrap().len(), 1);
        let offer = json!({"kind": "capacity", "title": "milling", "lines": [{"description": "five axes", "asset": park.asset}]});
        let offer = id(&doors.shop.post("/api/v1/offers", offer).await.expect(201).body);
        doors.buyer.get(&format!("/api/v1/offers/{offer}")).await.expect(404);
        doors.shop.post(&format!("/api/v1/offers/{offer}/state"), step("published")).await.expect(200);
        doors.buyer.get(&format!("/api/v1/offers/{offer}")).await.expect(200);
        let parties = doors.buyer.get("/api/v1/parties?limit=2").await.expect(200).body;
        assert_eq!(parties["items"].as_array().unwrap().len(), 2);
        let rest = doors
            .buyer
            .get(&format!("/api/v1/parties?cursor={}", parties["next"].as_str().unwrap()))
            .await
            .expect(200)
            .body;
        assert_eq!(rest["items"].as_array().unwrap().len(), 1);
        let own = format!("/api/v1/parties/{}/identifiers", park.shop);
        let wrong = json!({"scheme": "uscc", "value": "91350100M000100Y44"});
        assert_eq!(doors.shop.post(&own, wrong).await.expect(422).code(), "record.party.identifier");
        doors.shop.post(&own, json!({"scheme": "uscc", "value": "91350100M000100Y43"})).await.expect(200);
        let taken = format!("/api/v1/parties/{}/identifiers", park.buyer);
        let taken =
            doors.buyer.post(&taken, json!({"scheme": "uscc", "value": "91350100M000100Y43"})).await.expect(409);
        assert_eq!(taken.code(), "record.party.identifier-taken");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_is_refused_not_survived() {
    for park in parks().await {
        let doors = doors(&park).await;
        let huge = "79228162514264337593543950335";
        let event = json!({"action": "produce", "provider": park.shop, "receiver": park.shop, "quantity": {"value": huge, "unit": "H87"}});
        assert_eq!(doors.shop.post("/api/v1/events", event).await.expect(422).code(), "record.quantity.out-of-range");
        let price = json!({"clause": "price", "basis": "good_pieces", "unit": "H87", "quantity_decimals": 0, "unit_price": huge,
            "currency": "CNY", "tax_percent": huge, "minimum": {"amount": "-1", "currency": "EUR"}});
        let body = json!({"title": "x", "provider": park.shop, "receiver": park.buyer, "clauses": [price]});
        assert_eq!(doors.shop.post("/api/v1/agreements", body).await.expect(422).code(), "record.agreement.clause");
        let window = json!({"from": "-009999-01-02T01:59:59Z", "to": "9999-12-30T22:00:00.999999Z"});
        let seal = json!({"meters": [park.hours], "window": window});
        assert_eq!(doors.shop.post("/api/v1/readings", seal).await.expect(422).code(), "record.reading.window");
        let item = json!({"code": "a\u{0}b", "revision": "A", "kind": "good", "name_en": "x", "unit": "H87", "tracking": "lot"});
        assert_eq!(doors.shop.post("/api/v1/items", item).await.expect(422).code(), "record.text.malformed");
        for path in [
            "trace/nonsense",
            "readings/nonsense",
            "transfers?cursor=x",
            "evidence/short",
            "accounts?limit=0",
            "items?cursor=%00",
        ] {
            let answer = doors.shop.get(&format!("/api/v1/{path}")).await;
            assert_eq!(answer.status, 400, "{path}: {:#}", answer.body);
        }
    }
}

/// Every `$ref` of a document.
fn refs(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|value| refs(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| refs(value, found)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_is_whole() {
    let park = parks().await.remove(0);
    let document = serde_json::to_value(park.harness.host.openapi()).unwrap();
    let mut found = Vec::new();
    refs(&document, &mut found);
    found.sort_unstable();
    found.dedup();
    assert!(found.len() > 80, "{found:?}");
    let missing: Vec<&String> =
        found.iter().filter(|target| document.pointer(target.trim_start_matches('#')).is_none()).collect();
    assert!(missing.is_empty(), "named but not described: {missing:?}");
    let money = &document["components"]["schemas"]["Money"]["properties"]["amount"];
    assert_eq!(money["type"], "string");
}
