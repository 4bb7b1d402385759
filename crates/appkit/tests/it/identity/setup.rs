use appkit::identity;
use kernel::Duration;
use serde_json::json;
use testkit::{Api, hosts};

use super::{PASSWORD, administrator, setup_body};

#[tokio::test]
async fn the_code_works_once_and_for_thirty_minutes() {
    for h in hosts(|b| b).await {
        let api = Api::new(&h.host);
        assert_eq!(api.get("/api/v1/setup/state").await.expect(200).body["needed"], true);
        assert_eq!(api.post("/api/v1/setup", setup_body("WRONG-WRONG-WRONG")).await.code(), "identity.setup.code");
        let late = identity::setup_code_issue(&h.host).await.unwrap().unwrap();
        h.clock.advance(Duration::from_mins(31));
        assert_eq!(api.post("/api/v1/setup", setup_body(&late)).await.code(), "identity.setup.code");
        let replaced = identity::setup_code_issue(&h.host).await.unwrap().unwrap();
        let code = identity::setup_code_issue(&h.host).await.unwrap().unwrap();
        assert_eq!(api.post("/api/v1/setup", setup_body(&replaced)).await.code(), "identity.setup.code");
        api.post("/api/v1/setup", setup_body(&code.to_lowercase())).await.expect(201);
        assert_eq!(api.post("/api/v1/setup", setup_body(&code)).await.code(), "identity.setup.done");
        assert_eq!(identity::setup_code_issue(&h.host).await.unwrap(), None);
        assert_eq!(api.get("/api/v1/setup/state").await.expect(200).body["needed"], false);
    }
}

#[tokio::test]
async fn a_wrong_name_or_password_does_not_use_the_code_up() {
    let h = testkit::host(|b| b).await;
    let (api, code) = (Api::new(&h.host), identity::setup_code_issue(&h.host).await.unwrap().unwrap());
    let mut body = setup_body(&code);
    body["password"] = json!("password1234");
    assert_eq!(api.post("/api/v1/setup", body.clone()).await.expect(400).code(), "identity.password.weak");
    body["password"] = json!(PASSWORD);
    body["organisation_name"] = json!(" ");
    assert_eq!(api.post("/api/v1/setup", body).await.expect(400).code(), "identity.organisation.name");
    api.post("/api/v1/setup", setup_body(&code)).await.expect(201);
}

#[tokio::test]
async fn two_at_the_same_time_make_one_installation() {
    let h = testkit::host(|b| b).await;
    let (api, code) = (Api::new(&h.host), identity::setup_code_issue(&h.host).await.unwrap().unwrap());
    let (one, two) =
        tokio::join!(api.post("/api/v1/setup", setup_body(&code)), api.post("/api/v1/setup", setup_body(&code)));
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert!(matches!(statuses, [201, 403 | 409]), "{statuses:?}");
    let users = h.host.db().rows("SELECT id FROM identity_user", vec![]).await.unwrap();
    assert_eq!(users.len(), 1);
}

#[tokio::test]
async fn guessing_codes_is_slowed_down_and_another_site_cannot_try() {
    let h = testkit::host(|b| b).await;
    let api = Api::new(&h.host);
    let code = identity::setup_code_issue(&h.host).await.unwrap().unwrap();
    let foreign = api.with("sec-fetch-site", "cross-site").post("/api/v1/setup", setup_body(&code)).await;
    assert_eq!(foreign.expect(403).code(), "identity.request.cross-site");
    for _ in 0..5 {
        api.post("/api/v1/setup", setup_body("AAAAA-BBBBB-CCCCC")).await.expect(403);
    }
    api.post("/api/v1/setup", setup_body(&code)).await.expect(429);
    h.clock.advance(Duration::from_secs(2));
    api.post("/api/v1/setup", setup_body(&code)).await.expect(201);
}

#[tokio::test]
async fn no_secret_is_stored_in_clear() {
    let h = testkit::host(|b| b).await;
    let admin = administrator(&h).await;
    let token = admin.post("/api/v1/tokens", json!({ "name": "t", "roles": ["viewer"] })).await.expect(201);
    let mut stored = String::new();
    for (table, columns) in [
        ("identity_user", "password || roles || login"),
        ("identity_session", "secret_hash || network"),
        ("identity_token", "secret_hash || name"),
        ("appkit_journal", "payload || subject"),
        ("appkit_command", "response || body_hash"),
    ] {
        let rows = h.host.db().rows(&format!("SELECT {columns} AS t FROM {table}"), vec![]).await.unwrap();
        stored.extend(rows.iter().map(|row| row.get::<String>("t").unwrap()));
    }
    assert!(stored.contains("argon2id$"));
    assert!(!stored.contains(PASSWORD) && !stored.contains(token.body["token"].as_str().unwrap()));
}
