use appkit::{
    Caller, Host, Object, Policy, Role,
    identity::{self, NewGrant, NewUser},
};
use kernel::{Duration, id::PartyId};
use serde_json::json;
use testkit::{Answer, Api, Harness, hosts};

const PASSWORD: &str = "seven grey kilns hum";

async fn set_up(h: &Harness) -> Api {
    let api = Api::new(&h.host);
    let code = identity::setup_code_issue(&h.host).await.unwrap().unwrap();
    let body = json!({ "code": code, "organisation_name": "测试厂", "login": "lin", "name": "Lin", "password": PASSWORD, "language": "zh" });
    api.post("/api/v1/setup", body).await.expect(201);
    api
}

fn cookie(answer: &Answer) -> String {
    answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
}

async fn sign_in(api: &Api) -> Api {
    let answer = api.post("/api/v1/session", json!({ "login": "lin", "password": PASSWORD })).await.expect(200);
    api.with("cookie", &cookie(&answer)).with("sec-fetch-site", "same-origin")
}

async fn organisation(host: &Host) -> PartyId {
    let mut tx = host.begin(&Caller::system()).await.unwrap();
    let id = tx.new_id();
    identity::organisation_create_in_tx(&mut tx, id, "甲", "A", false).await.unwrap();
    tx.commit().await.unwrap();
    id
}

#[tokio::test]
async fn the_setup_code_works_once_and_for_thirty_minutes() {
    for h in hosts(|b| b).await {
        let api = Api::new(&h.host);
        assert_eq!(api.get("/api/v1/setup/state").await.expect(200).body["needed"], true);
        let body = |code: &str| json!({ "code": code, "organisation_name": "测试厂", "login": "lin", "name": "Lin", "password": PASSWORD, "language": "zh" });
        assert_eq!(api.post("/api/v1/setup", body("WRONG-WRONG-WRONG")).await.code(), "identity.setup.code");
        let late = identity::setup_code_issue(&h.host).await.unwrap().unwrap();
        h.clock.advance(Duration::from_mins(31));
        assert_eq!(api.post("/api/v1/setup", body(&late)).await.code(), "identity.setup.code");
        let code = identity::setup_code_issue(&h.host).await.unwrap().unwrap();
        api.post("/api/v1/setup", body(&code)).await.expect(201);
        assert_eq!(api.post("/api/v1/setup", body(&code)).await.code(), "identity.setup.done");
        assert_eq!(identity::setup_code_issue(&h.host).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_session_ends_when_idle_and_cannot_be_used_by_another_site() {
    for h in hosts(|b| b).await {
        let api = set_up(&h).await;
        let wrong = api.post("/api/v1/session", json!({ "login": "lin", "password": "not this one at all" })).await;
        let nobody = api.post("/api/v1/session", json!({ "login": "nobody", "password": "not this one at all" })).await;
        assert_eq!((wrong.code(), nobody.code()), ("identity.session.refused", "identity.session.refused"));
        let answer = api.post("/api/v1/session", json!({ "login": "LIN", "password": PASSWORD })).await.expect(200);
        let set = answer.header("set-cookie").unwrap();
        assert!(set.contains("HttpOnly") && set.contains("SameSite=Strict"), "{set}");
        let mine = api.with("cookie", &cookie(&answer));
        assert_eq!(mine.get("/api/v1/session").await.expect(200).body["user"]["login"], "lin");
        let token = json!({ "name": "t", "roles": ["viewer"] });
        let cross = mine.with("origin", "https://evil.example").with("host", "127.0.0.1:7400");
        assert_eq!(cross.post("/api/v1/tokens", token.clone()).await.code(), "identity.request.cross-site");
        mine.with("sec-fetch-site", "same-origin").post("/api/v1/tokens", token).await.expect(201);
        h.clock.advance(Duration::from_mins(29));
        mine.get("/api/v1/session").await.expect(200);
        h.clock.advance(Duration::from_mins(29));
        mine.get("/api/v1/session").await.expect(200);
        h.clock.advance(Duration::from_mins(31));
        assert_eq!(mine.get("/api/v1/session").await.expect(401).code(), "identity.credential.unknown");
    }
}

#[tokio::test]
async fn guessing_is_slowed_down_and_nobody_is_locked_out() {
    let h = testkit::host(|b| b).await;
    let api = set_up(&h).await;
    for _ in 0..5 {
        api.post("/api/v1/session", json!({ "login": "lin", "password": "not this one at all" })).await.expect(401);
    }
    api.post("/api/v1/session", json!({ "login": "lin", "password": PASSWORD })).await.expect(429);
    h.clock.advance(Duration::from_mins(16));
    api.post("/api/v1/session", json!({ "login": "lin", "password": PASSWORD })).await.expect(200);
}

#[tokio::test]
async fn a_token_has_its_roles_and_no_more_and_can_be_revoked() {
    for h in hosts(|b| b).await {
        let mine = sign_in(&set_up(&h).await).await;
        let made = mine.post("/api/v1/tokens", json!({ "name": "report", "roles": ["viewer"] })).await.expect(201);
        let program = Api::new(&h.host).bearer(made.body["token"].as_str().unwrap());
        program.get("/api/v1/organisations").await.expect(200);
        assert_eq!(program.get("/api/v1/users").await.expect(403).code(), "appkit.caller.not-allowed");
        assert_eq!(program.get("/api/v1/session").await.code(), "identity.session.people-only");
        let id = made.body["id"].as_str().unwrap();
        mine.call("DELETE".parse().unwrap(), &format!("/api/v1/tokens/{id}"), None).await.expect(200);
        assert_eq!(program.get("/api/v1/organisations").await.expect(401).code(), "identity.credential.unknown");
        let beyond = mine.post("/api/v1/tokens", json!({ "name": "x", "roles": ["platform"] })).await.expect(400);
        assert_eq!(beyond.code(), "identity.role.beyond");
    }
}

#[tokio::test]
async fn a_user_who_is_switched_off_is_out_at_once() {
    let h = testkit::host(|b| b).await;
    let mine = sign_in(&set_up(&h).await).await;
    let body = json!({ "login": "wang", "name": "Wang", "password": "eleven blue otters run", "roles": ["viewer"], "language": "en" });
    let made = mine.post("/api/v1/users", body).await.expect(201);
    let answer = Api::new(&h.host)
        .post("/api/v1/session", json!({ "login": "wang", "password": "eleven blue otters run" }))
        .await
        .expect(200);
    let theirs = Api::new(&h.host).with("cookie", &cookie(&answer));
    theirs.get("/api/v1/session").await.expect(200);
    let path = format!("/api/v1/users/{}/activation", made.body["id"].as_str().unwrap());
    mine.post(&path, json!({ "active": false })).await.expect(200);
    theirs.get("/api/v1/session").await.expect(401);
}

#[tokio::test]
async fn a_grant_shows_its_slice_and_nothing_once_it_is_revoked_or_expired() {
    for h in hosts(|b| b).await {
        let (owner, bank) = (organisation(&h.host).await, organisation(&h.host).await);
        let (giver, officer) = (testkit::admin(owner), testkit::admin(bank));
        let machine = |id: &str, field: &str| Object::owned("machine", owner).id(id).fields([field]);
        let look = async |id: &str, field: &str| {
            h.host.access().check(&officer, "twin.machine.read", &machine(id, field)).await
        };
        assert_eq!(look("ast_1", "power").await.unwrap_err().code, "appkit.object.not-found");

        let mut tx = h.host.begin(&giver).await.unwrap();
        let new = NewGrant {
            grantee: Some(bank),
            kinds: vec!["machine".into()],
            ids: vec!["ast_1".into()],
            fields: vec!["power".into()],
            purpose: "any".into(),
            expires_at: Some(h.host.now() + Duration::from_days(2)),
            ..NewGrant::default()
        };
        let grant = identity::grant_create_in_tx(&mut tx, new.clone()).await.unwrap();
        assert!(look_denied(&h.host, &officer, &machine("ast_1", "power")), "not before the commit");
        tx.commit().await.unwrap();

        look("ast_1", "power").await.unwrap();
        assert!(look("ast_2", "power").await.is_err() && look("ast_1", "spindle_temp").await.is_err());
        assert!(!h.host.access().permits(&officer, Policy::operate("x"), &machine("ast_1", "power"), h.host.now()));
        let log = h.host.db().rows("SELECT * FROM identity_grant_access", vec![]).await.unwrap();
        assert_eq!(log.len(), 1);

        let data = json!({ "values": { "power": [1, 2.0, "good"], "spindle_temp": [1, 60.0, "good"] } });
        let seen = h.host.access().visible(&officer, &Object::owned("machine", owner).id("ast_1"), data, h.host.now());
        assert_eq!(seen, json!({ "values": { "power": [1, 2.0, "good"] } }));

        h.clock.advance(Duration::from_days(3));
        assert!(look("ast_1", "power").await.is_err(), "expired");

        let mut tx = h.host.begin(&giver).await.unwrap();
        let again = NewGrant { expires_at: None, ..new };
        let grant_2 = identity::grant_create_in_tx(&mut tx, again).await.unwrap();
        tx.commit().await.unwrap();
        look("ast_1", "power").await.unwrap();
        let mut tx = h.host.begin(&giver).await.unwrap();
        identity::grant_revoke_in_tx(&mut tx, grant_2.id).await.unwrap();
        tx.commit().await.unwrap();
        assert!(look("ast_1", "power").await.is_err(), "revoked");
        let mut tx = h.host.begin(&officer).await.unwrap();
        assert!(identity::grant_revoke_in_tx(&mut tx, grant.id).await.is_err(), "only the giver can revoke");
    }
}

fn look_denied(host: &Host, caller: &Caller, object: &Object) -> bool {
    !host.access().permits(caller, Policy::view("twin.machine.read"), object, host.now())
}

#[tokio::test]
async fn an_organisation_sees_only_its_own_users() {
    let h = testkit::host(|b| b).await;
    let mine = sign_in(&set_up(&h).await).await;
    let other = organisation(&h.host).await;
    let mut tx = h.host.begin(&Caller::system_for(other)).await.unwrap();
    let new = NewUser {
        login: "zhao".into(),
        name: "Zhao".into(),
        password: PASSWORD.into(),
        roles: vec![Role::Admin],
        language: "zh".into(),
    };
    identity::user_create_in_tx(&mut tx, other, &new).await.unwrap();
    tx.commit().await.unwrap();
    let users = mine.get("/api/v1/users").await.expect(200).body;
    assert_eq!(users.as_array().unwrap().len(), 1);
}
