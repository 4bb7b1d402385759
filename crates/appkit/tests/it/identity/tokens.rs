use kernel::Duration;
use serde_json::json;
use testkit::{Api, Harness, hosts};

use super::{PASSWORD, administrator, administrator_of, colleague, delete, organisation, set_up, sign_in};

/// Makes a token with these roles: its id, and a program that uses it.
async fn program(h: &Harness, maker: &Api, roles: &[&str]) -> (String, Api) {
    let made = maker.post("/api/v1/tokens", json!({ "name": "report", "roles": roles })).await.expect(201);
    let secret = made.body["token"].as_str().unwrap();
    assert!(secret.starts_with("bgt_") && secret.len() == 47, "{secret}");
    (made.body["id"].as_str().unwrap().to_owned(), Api::new(&h.host).bearer(secret))
}

#[tokio::test]
async fn it_has_its_roles_and_no_more_and_can_be_revoked() {
    for h in hosts(|b| b).await {
        let mine = administrator(&h).await;
        let (id, program) = program(&h, &mine, &["viewer"]).await;
        program.get("/api/v1/organisations").await.expect(200);
        assert_eq!(program.get("/api/v1/users").await.expect(403).code(), "appkit.caller.not-allowed");
        assert_eq!(program.get("/api/v1/session").await.code(), "identity.session.people-only");
        delete(&mine, &format!("/api/v1/tokens/{id}")).await.expect(200);
        assert_eq!(program.get("/api/v1/organisations").await.expect(401).code(), "identity.credential.unknown");
        assert!(mine.get("/api/v1/tokens").await.expect(200).body.as_array().unwrap().is_empty());
        for roles in [json!(["platform"]), json!(["device"]), json!([])] {
            let beyond = mine.post("/api/v1/tokens", json!({ "name": "x", "roles": roles })).await.expect(400);
            assert_eq!(beyond.code(), "identity.role.beyond", "{roles}");
        }
        for (name, days) in [("", 10), ("x", 0), ("x", 401)] {
            let wrong = json!({ "name": name, "roles": ["viewer"], "days": days });
            assert_eq!(mine.post("/api/v1/tokens", wrong).await.expect(400).code(), "identity.token.malformed");
        }
    }
}

#[tokio::test]
async fn it_expires() {
    let h = testkit::host(|b| b).await;
    let mine = administrator(&h).await;
    let made = mine.post("/api/v1/tokens", json!({ "name": "t", "roles": ["viewer"], "days": 1 })).await.expect(201);
    let program = Api::new(&h.host).bearer(made.body["token"].as_str().unwrap());
    h.clock.advance(Duration::from_hours(23));
    program.get("/api/v1/organisations").await.expect(200);
    h.clock.advance(Duration::from_hours(1));
    program.get("/api/v1/organisations").await.expect(401);
}

#[tokio::test]
async fn it_makes_no_tokens_and_needs_no_proof_of_its_site() {
    let h = testkit::host(|b| b).await;
    let (_, robot) = program(&h, &administrator(&h).await, &["admin"]).await;
    let again = robot.post("/api/v1/tokens", json!({ "name": "x", "roles": ["viewer"] })).await.expect(403);
    assert_eq!(again.code(), "identity.token.by-token");
    let user = json!({ "login": "wang", "name": "Wang", "password": PASSWORD, "roles": ["viewer"], "language": "en" });
    robot.with("origin", "https://elsewhere.example").post("/api/v1/users", user).await.expect(201);
}

#[tokio::test]
async fn it_does_no_more_than_its_maker_could_and_rests_when_they_leave() {
    for h in hosts(|b| b).await {
        let lin = administrator(&h).await;
        let (wang, wang_api) = colleague(&h, &lin, "wang", &["admin"]).await;
        let (_, robot) = program(&h, &wang_api, &["admin"]).await;
        robot.get("/api/v1/users").await.expect(200);
        // Through a token as little as in person.
        let reset = robot.post(&format!("/api/v1/users/{wang}/password-reset"), json!({})).await.expect(409);
        assert_eq!(reset.code(), "identity.user.self");
        let roles = |roles: &[&str]| json!({ "roles": roles });
        lin.post(&format!("/api/v1/users/{wang}/roles"), roles(&["viewer"])).await.expect(200);
        robot.get("/api/v1/users").await.expect(403);
        lin.post(&format!("/api/v1/users/{wang}/roles"), roles(&["admin"])).await.expect(200);
        robot.get("/api/v1/users").await.expect(200);
        lin.post(&format!("/api/v1/users/{wang}/activation"), json!({ "active": false })).await.expect(200);
        robot.get("/api/v1/users").await.expect(401);
    }
}

#[tokio::test]
async fn another_organisation_can_neither_see_nor_revoke_it() {
    let h = testkit::host(|b| b).await;
    let mine = sign_in(&set_up(&h).await, "lin", PASSWORD).await;
    let (id, robot) = program(&h, &mine, &["viewer"]).await;
    let theirs = administrator_of(&h, organisation(&h.host).await, "zhao").await;
    assert!(theirs.get("/api/v1/tokens").await.expect(200).body.as_array().unwrap().is_empty());
    delete(&theirs, &format!("/api/v1/tokens/{id}")).await.expect(404);
    robot.get("/api/v1/organisations").await.expect(200);
}

#[tokio::test]
async fn the_scheme_may_be_written_in_any_case() {
    let h = testkit::host(|b| b).await;
    let made =
        administrator(&h).await.post("/api/v1/tokens", json!({ "name": "t", "roles": ["viewer"] })).await.expect(201);
    let value = format!("bearer {}", made.body["token"].as_str().unwrap());
    Api::new(&h.host).with("authorization", &value).get("/api/v1/organisations").await.expect(200);
    Api::new(&h.host).with("authorization", "Basic bGluOng=").get("/api/v1/organisations").await.expect(401);
}
