use axum::http::Method;
use serde_json::{Value, json};
use testkit::{Answer, Api, Harness};

use crate::fakes::{Mood, World, at};

async fn serve(world: &World) -> (Harness, Api) {
    let harness = testkit::host(|builder| {
        builder
            .port::<edge::ingest::Ingest>(world.ingest.clone())
            .port::<dyn contracts::devices::DeviceDirectory>(world.directory.clone())
            .module(edge::module())
    })
    .await;
    let api = Api::new(&harness.host);
    (harness, api)
}

async fn json_raw(api: &Api, path: &str, body: &[u8]) -> Answer {
    api.raw(Method::POST, path, Some("application/json"), body.to_vec()).await
}

#[tokio::test]
async fn three_ways_to_send_the_same_point() {
    let world = World::new();
    world.device("tok");
    let (_harness, api) = serve(&world).await;
    let set = json!({"ts": at(0), "values": {"temp": 20.5, "count": 3}});
    let answer = api.post("/api/v1/tok/telemetry", set.clone()).await.expect(200).body;
    assert_eq!((&answer["accepted"], &answer["duplicate"], &answer["quarantined"]), (&json!(2), &json!(0), &json!([])));
    assert!(answer["position"].as_str().unwrap().parse::<u64>().is_ok());
    let device = api.bearer("tok");
    assert_eq!(device.post("/api/v1/ingest/json", set).await.expect(200).body["duplicate"], 2);
    let line = format!("oven temp=20.5,count=3i {}", at(0));
    let answer =
        device.raw(Method::POST, "/api/v1/ingest/line?precision=ms", Some("text/plain"), line.into_bytes()).await;
    assert_eq!(answer.expect(200).body["duplicate"], 2);
    assert_eq!(
        device.post("/api/v1/ingest/json", json!({"ts": at(0), "values": {"temp": 21.5}})).await.expect(200).body["conflict"],
        1
    );
    let doors = world.ingest.stats().doors;
    assert_eq!((doors["http-json"].accepted, doors["http-line"].duplicates), (2, 2));
}

#[tokio::test]
async fn nobody_without_a_device_token() {
    let world = World::new();
    world.device("tok");
    let off = world.device("off");
    world.directory.change(off, |binding| binding.enabled = false);
    let (_harness, api) = serve(&world).await;
    for path in ["/api/v1/ingest/json", "/api/v1/ingest/line", "/api/v1/nobody/telemetry", "/api/v1/off/telemetry"] {
        api.post(path, json!({"temp": 1})).await.expect(401);
    }
    for token in ["", "nobody", "off", "TOK"] {
        api.bearer(token).post("/api/v1/ingest/json", json!({"temp": 1})).await.expect(401);
    }
    assert_eq!(world.store.count(), 0);
}

#[tokio::test]
async fn what_cannot_be_taken_is_refused_clearly() {
    let world = World::new();
    world.device("tok");
    let (_harness, api) = serve(&world).await;
    let device = api.bearer("tok");
    for body in [&b""[..], b"{", b"[1]", b"nonsense", b"{\"temp\":NaN}", b"\xff\xfe", b"{\"temp\":1e999}"] {
        let answer = json_raw(&device, "/api/v1/ingest/json", body).await.expect(400);
        assert_eq!(answer.code(), "edge.payload.malformed");
    }
    let lines = async |query: &str, text: &str| {
        device.raw(Method::POST, &format!("/api/v1/ingest/line{query}"), None, text.as_bytes().to_vec()).await
    };
    assert_eq!(lines("", "no fields here").await.expect(400).code(), "edge.payload.malformed");
    assert_eq!(lines("?precision=fortnight", "m temp=1").await.expect(400).code(), "edge.precision.unknown");
    let large = format!("{{\"note\":\"{}\"}}", "x".repeat(1 << 20));
    assert_eq!(
        json_raw(&device, "/api/v1/ingest/json", large.as_bytes()).await.expect(413).code(),
        "edge.payload.too-large"
    );
    let announced = device.with("content-length", "9999999");
    assert_eq!(json_raw(&announced, "/api/v1/ingest/json", b"{}").await.expect(413).code(), "edge.payload.too-large");
    let many = format!("[{}]", vec!["{\"count\":1}"; 10_001].join(","));
    assert_eq!(
        json_raw(&device, "/api/v1/ingest/json", many.as_bytes()).await.expect(413).code(),
        "edge.payload.too-many-points"
    );
    let zipped = device.with("content-encoding", "gzip");
    assert_eq!(json_raw(&zipped, "/api/v1/ingest/json", b"{}").await.expect(400).code(), "edge.payload.encoding");
    assert_eq!(world.store.count(), 0);
    assert!(world.directory.codes().len() >= 12, "{:?}", world.directory.codes());
    // And the door is still open.
    device.post("/api/v1/ingest/json", json!({})).await.expect(200);
}

#[tokio::test]
async fn partly_refused_is_explicit_and_wholly_refused_is_422() {
    let world = World::new();
    world.device("tok");
    let (_harness, api) = serve(&world).await;
    let device = api.bearer("tok");
    let far = at(315_360_000);
    let body = json!([{"temp": 20.5, "no/body": 1}, {"ts": far, "values": {"temp": 1}}, {"temp": 10_000}]);
    let answer = device.post("/api/v1/ingest/json", body).await.expect(200).body;
    assert_eq!((&answer["accepted"], &answer["quarantined_total"]), (&json!(1), &json!(3)));
    let codes: Vec<&Value> = answer["quarantined"].as_array().unwrap().iter().map(|point| &point["code"]).collect();
    assert_eq!(codes, ["edge.metric.unknown", "edge.time.future", "edge.value.out-of-range"]);
    let answer = device.post("/api/v1/ingest/json", json!({"no/body": 1, "temp": null})).await.expect(422);
    assert_eq!((answer.code(), &answer.body["errors"][0]["pointer"]), ("edge.payload.refused", &json!("/no~1body")));
    let line = device.raw(Method::POST, "/api/v1/ingest/line", None, b"m temp=nan".to_vec()).await.expect(422);
    assert!(line.body["errors"][0]["detail"].as_str().unwrap().contains("edge.value.not-finite"));
    let chinese =
        device.with("accept-language", "zh-CN").post("/api/v1/ingest/json", json!({"x": 1})).await.expect(422);
    assert_eq!(chinese.body["title"], "没有一个数据点可以保存");
}

#[tokio::test]
async fn no_200_before_the_store_and_none_when_it_fails() {
    let world = World::new();
    world.device("tok");
    let (_harness, api) = serve(&world).await;
    let device = api.bearer("tok");
    world.store.set(Mood::Hold);
    let send = device.clone();
    let waiting =
        tokio::spawn(
            async move { send.post("/api/v1/ingest/json", json!({"ts": at(0), "values": {"temp": 1}})).await },
        );
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    assert!(!waiting.is_finished());
    world.store.set(Mood::Durable);
    waiting.await.unwrap().expect(200);
    world.store.set(Mood::Full);
    let answer = device.post("/api/v1/ingest/json", json!({"temp": 1})).await.expect(503);
    assert_eq!(answer.code(), "telemetry.store.full");
    assert!(answer.header("retry-after").is_some());
    world.store.set(Mood::Broken);
    device.post("/api/v1/ingest/json", json!({"temp": 1})).await.expect(500);
    assert_eq!(world.store.count(), 1);
}

#[tokio::test]
async fn every_code_has_a_chinese_text() {
    let texts: serde_json::Map<String, Value> = serde_json::from_str(include_str!("../../locale/zh.json")).unwrap();
    let mut missing = Vec::new();
    let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let source = std::fs::read_to_string(&path).unwrap();
            for code in source.split('"').filter(|text| text.starts_with("edge.") && text.matches('.').count() == 2) {
                // The name of a policy, not of an error.
                if !texts.contains_key(code) && code != "edge.telemetry.send" {
                    missing.push(code.to_owned());
                }
            }
        }
    }
    assert_eq!(missing, Vec::<String>::new());
}
