use serde_json::json;
use testkit::{Api, hosts};

use super::{administrator, administrator_of, colleague, facts, organisation, sign_in};

#[tokio::test]
async fn who_looks_after_the_installation_adds_and_suspends_organisations_and_sees_nothing_of_them() {
    for h in hosts(|b| b).await {
        let lin = administrator(&h).await;
        let body = json!({ "name_zh": "乙厂", "admin": { "login": "zhao", "name": "Zhao", "language": "zh" } });
        let made = lin.post("/api/v1/organisations", body).await.expect(201).body;
        let zhao = sign_in(&Api::new(&h.host), "zhao", made["password"].as_str().unwrap()).await;
        let session = zhao.get("/api/v1/session").await.expect(200).body;
        assert_eq!((&session["organisation"]["name_en"], &session["roles"]), (&json!("乙厂"), &json!(["admin"])));
        assert_eq!(lin.get("/api/v1/users").await.expect(200).body.as_array().unwrap().len(), 1);

        let path = format!("/api/v1/organisations/{}/state", made["organisation"]["id"].as_str().unwrap());
        lin.post(&path, json!({ "state": "suspended" })).await.expect(200);
        zhao.get("/api/v1/users").await.expect(403);
        zhao.get("/api/v1/session").await.expect(200);
        let again = lin.post(&path, json!({ "state": "suspended" })).await.expect(409);
        assert_eq!(again.code(), "identity.organisation.state");
        // The state is not everybody's business.
        let (_, viewer) = colleague(&h, &lin, "wang", &["viewer"]).await;
        let list = viewer.get("/api/v1/organisations").await.expect(200).body;
        let states: Vec<_> = list.as_array().unwrap().iter().map(|one| (&one["own"], &one["state"])).collect();
        assert!(states.contains(&(&json!(true), &json!("active"))) && states.contains(&(&json!(false), &json!(null))));

        lin.post(&path, json!({ "state": "active" })).await.expect(200);
        zhao.get("/api/v1/users").await.expect(200);
        assert_eq!(facts(&h.host, "identity.organisation.suspended").await, 1);
        assert_eq!(facts(&h.host, "identity.organisation.reinstated").await, 1);
    }
}

#[tokio::test]
async fn administrators_of_organisations_do_not() {
    let h = testkit::host(|b| b).await;
    let lin = administrator(&h).await;
    let (own, other) = (organisation(&h.host).await, organisation(&h.host).await);
    let zhao = administrator_of(&h, own, "zhao").await;
    let body = json!({ "name_zh": "丙厂", "admin": { "login": "sun", "name": "Sun", "language": "zh" } });
    assert_eq!(zhao.post("/api/v1/organisations", body).await.expect(403).code(), "appkit.caller.not-allowed");
    for target in [own, other] {
        let path = format!("/api/v1/organisations/{target}/state");
        zhao.post(&path, json!({ "state": "suspended" })).await.expect(403);
    }
    let mine = lin.get("/api/v1/session").await.expect(200).body["organisation"]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/organisations/{mine}/state");
    assert_eq!(
        lin.post(&path, json!({ "state": "suspended" })).await.expect(409).code(),
        "identity.organisation.state"
    );
    let nowhere = "/api/v1/organisations/pty_00000000000000000000000000000001/state";
    lin.post(nowhere, json!({ "state": "suspended" })).await.expect(404);
}
