//! Identity's promises: one file per noun.

mod grants;
mod organisations;
mod routes;
mod sessions;
mod setup;
mod texts;
mod tokens;
mod users;

use appkit::{
    Caller, Host, Role,
    identity::{self, NewUser},
};
use axum::http::Method;
use kernel::id::PartyId;
use serde_json::{Value, json};
use testkit::{Answer, Api, Harness};

const PASSWORD: &str = "seven grey kilns hum";
const WRONG: &str = "eleven lost oars sink";

fn setup_body(code: &str) -> Value {
    json!({ "code": code, "organisation_name": "测试厂", "login": "lin", "name": "Lin", "password": PASSWORD, "language": "zh" })
}

/// An installation whose first administrator is `lin`; a client without credentials.
async fn set_up(h: &Harness) -> Api {
    let api = Api::new(&h.host);
    let code = identity::setup_code_issue(&h.host).await.unwrap().unwrap();
    api.post("/api/v1/setup", setup_body(&code)).await.expect(201);
    api
}

fn cookie(answer: &Answer) -> String {
    answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
}

async fn try_sign_in(api: &Api, login: &str, password: &str) -> Answer {
    api.post("/api/v1/session", json!({ "login": login, "password": password })).await
}

/// A browser in which somebody is signed in.
async fn sign_in(api: &Api, login: &str, password: &str) -> Api {
    let answer = try_sign_in(api, login, password).await.expect(200);
    api.with("cookie", &cookie(&answer)).with("sec-fetch-site", "same-origin")
}

/// The first administrator, signed in.
async fn administrator(h: &Harness) -> Api {
    sign_in(&set_up(h).await, "lin", PASSWORD).await
}

/// Another user of the administrator's organisation: their id, and them signed in.
async fn colleague(h: &Harness, admin: &Api, login: &str, roles: &[&str]) -> (String, Api) {
    let body = json!({ "login": login, "name": "A Colleague", "password": PASSWORD, "roles": roles, "language": "en" });
    let made = admin.post("/api/v1/users", body).await.expect(201);
    (made.body["id"].as_str().unwrap().to_owned(), sign_in(&Api::new(&h.host), login, PASSWORD).await)
}

async fn delete(api: &Api, path: &str) -> Answer {
    api.call(Method::DELETE, path, None).await
}

async fn organisation(host: &Host) -> PartyId {
    let mut tx = host.begin(&Caller::system()).await.unwrap();
    let id = tx.new_id();
    identity::organisation_create_in_tx(&mut tx, id, "甲", "A", false).await.unwrap();
    tx.commit().await.unwrap();
    id
}

/// An administrator of an organisation, signed in.
async fn administrator_of(h: &Harness, organisation: PartyId, login: &str) -> Api {
    let mut tx = h.host.begin(&Caller::system_for(organisation)).await.unwrap();
    let new = NewUser {
        login: login.into(),
        name: "An Administrator".into(),
        password: PASSWORD.into(),
        roles: vec![Role::Admin],
        language: "zh".into(),
    };
    identity::user_create_in_tx(&mut tx, organisation, &new).await.unwrap();
    tx.commit().await.unwrap();
    sign_in(&Api::new(&h.host), login, PASSWORD).await
}

/// How often a fact was stated.
async fn facts(host: &Host, kind: &str) -> usize {
    let entries = appkit::journal::entries_after(host, 0, 10_000).await.unwrap();
    entries.iter().filter(|entry| entry.kind == kind).count()
}
