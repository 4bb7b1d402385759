use serde_json::{Value, json};
use testkit::{Api, hosts};

use super::{PASSWORD, administrator, administrator_of, colleague, facts, organisation, sign_in, try_sign_in};

#[tokio::test]
async fn who_is_switched_off_is_out_at_once_and_old_sessions_stay_ended() {
    for h in hosts(|b| b).await {
        let mine = administrator(&h).await;
        let (id, theirs) = colleague(&h, &mine, "wang", &["viewer"]).await;
        let path = format!("/api/v1/users/{id}/activation");
        mine.post(&path, json!({ "active": false })).await.expect(200);
        theirs.get("/api/v1/session").await.expect(401);
        try_sign_in(&Api::new(&h.host), "wang", PASSWORD).await.expect(401);
        mine.post(&path, json!({ "active": true })).await.expect(200);
        theirs.get("/api/v1/session").await.expect(401);
        sign_in(&Api::new(&h.host), "wang", PASSWORD).await;
        assert_eq!(facts(&h.host, "identity.user.deactivated").await, 1);
    }
}

#[tokio::test]
async fn other_roles_act_at_the_next_request() {
    for h in hosts(|b| b).await {
        let mine = administrator(&h).await;
        let (id, theirs) = colleague(&h, &mine, "wang", &["viewer"]).await;
        theirs.get("/api/v1/users").await.expect(403);
        let path = format!("/api/v1/users/{id}/roles");
        mine.post(&path, json!({ "roles": ["admin"] })).await.expect(200);
        theirs.get("/api/v1/users").await.expect(200);
        mine.post(&path, json!({ "roles": ["viewer"] })).await.expect(200);
        theirs.get("/api/v1/users").await.expect(403);
        for roles in [json!([]), json!(["device"])] {
            let answer = mine.post(&path, json!({ "roles": roles })).await.expect(400);
            assert_eq!(answer.code(), "identity.role.beyond");
        }
        assert_eq!(facts(&h.host, "identity.user.roles-changed").await, 2);
    }
}

#[tokio::test]
async fn an_administrator_cannot_become_or_take_over_whoever_looks_after_the_installation() {
    let h = testkit::host(|b| b).await;
    let lin = administrator(&h).await;
    let (wang, wang_api) = colleague(&h, &lin, "wang", &["admin"]).await;
    let lin_id = lin.get("/api/v1/session").await.expect(200).body["user"]["id"].as_str().unwrap().to_owned();
    for (path, body) in [
        ("password-reset", json!({})),
        ("activation", json!({ "active": false })),
        ("roles", json!({ "roles": ["viewer"] })),
    ] {
        let answer = wang_api.post(&format!("/api/v1/users/{lin_id}/{path}"), body).await.expect(400);
        assert_eq!(answer.code(), "identity.role.beyond", "{path}");
    }
    let platform =
        json!({ "login": "sun", "name": "Sun", "password": PASSWORD, "roles": ["platform"], "language": "en" });
    assert_eq!(wang_api.post("/api/v1/users", platform).await.expect(400).code(), "identity.role.beyond");
    // Who has it can hand it on.
    lin.post(&format!("/api/v1/users/{wang}/roles"), json!({ "roles": ["admin", "platform"] })).await.expect(200);
    wang_api.post(&format!("/api/v1/users/{lin_id}/roles"), json!({ "roles": ["admin"] })).await.expect(200);
}

#[tokio::test]
async fn nobody_changes_themselves() {
    let h = testkit::host(|b| b).await;
    let lin = administrator(&h).await;
    let id = lin.get("/api/v1/session").await.expect(200).body["user"]["id"].as_str().unwrap().to_owned();
    for (path, body) in [("activation", json!({ "active": false })), ("roles", json!({ "roles": ["viewer"] }))] {
        let answer = lin.post(&format!("/api/v1/users/{id}/{path}"), body).await.expect(409);
        assert_eq!(answer.code(), "identity.user.self");
    }
}

#[tokio::test]
async fn a_reset_is_started_and_not_chosen() {
    let h = testkit::host(|b| b).await;
    let lin = administrator(&h).await;
    let (id, theirs) = colleague(&h, &lin, "wang", &["viewer"]).await;
    let made = lin.post(&format!("/api/v1/users/{id}/password-reset"), json!({})).await.expect(200);
    theirs.get("/api/v1/session").await.expect(401);
    try_sign_in(&Api::new(&h.host), "wang", PASSWORD).await.expect(401);
    try_sign_in(&Api::new(&h.host), "wang", made.body["password"].as_str().unwrap()).await.expect(200);
}

#[tokio::test]
async fn an_organisation_sees_and_changes_only_its_own() {
    for h in hosts(|b| b).await {
        let mine = administrator(&h).await;
        let theirs = administrator_of(&h, organisation(&h.host).await, "zhao").await;
        let users = mine.get("/api/v1/users").await.expect(200).body;
        assert_eq!(users.as_array().unwrap().len(), 1);
        let id = users[0]["id"].as_str().unwrap();
        for (path, body) in [
            ("activation", json!({ "active": false })),
            ("roles", json!({ "roles": ["viewer"] })),
            ("password-reset", json!({})),
        ] {
            theirs.post(&format!("/api/v1/users/{id}/{path}"), body).await.expect(404);
        }
        mine.get("/api/v1/session").await.expect(200);
    }
}

#[tokio::test]
async fn creating_twice_with_one_key_makes_one() {
    let h = testkit::host(|b| b).await;
    let mine = administrator(&h).await.with("idempotency-key", "k1");
    let body = |name: &str| json!({ "login": "wang", "name": name, "password": PASSWORD, "roles": ["viewer"], "language": "en" });
    let one = mine.post("/api/v1/users", body("Wang")).await.expect(201);
    let two = mine.post("/api/v1/users", body("Wang")).await.expect(201);
    assert_eq!((&one.body, two.header("idempotent-replayed")), (&two.body, Some("true")));
    mine.post("/api/v1/users", body("Other")).await.expect(422);
}

#[tokio::test]
async fn what_is_malformed_is_named() {
    let h = testkit::host(|b| b).await;
    let mine = administrator(&h).await;
    let base = json!({ "login": "wang", "name": "Wang", "password": PASSWORD, "roles": ["viewer"], "language": "en" });
    let with = |field: &str, value: Value| {
        let mut body = base.clone();
        body[field] = value;
        body
    };
    for (body, code) in [
        (with("login", json!("a b")), "identity.user.login"),
        (with("login", json!("LIN")), "identity.user.exists"),
        (with("name", json!("")), "identity.user.name"),
        (with("language", json!("fr")), "identity.user.language"),
        (with("password", json!("short")), "identity.password.weak"),
        (with("roles", json!(["king"])), "appkit.body.malformed"),
        (with("organisation", json!("pty_x")), "appkit.body.malformed"),
    ] {
        assert_eq!(mine.post("/api/v1/users", body).await.code(), code);
    }
}
