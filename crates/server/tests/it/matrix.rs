//! Every route × every wrong principal, generated from the table of routes: denied, each of them.

use std::sync::Arc;

use appkit::{Caller, Policy, Right, Role, identity};
use axum::http::Method;
use edge::ingest::{Ingest, IngestLimits};
use kernel::{Duration, id::PartyId};
use serde_json::{Value, json};
use telemetry::{Engine, Options};
use testkit::{Api, Harness};
use twin::Twin;

struct World {
    harness: Harness,
    mine: PartyId,
    other: PartyId,
    _folder: tempfile::TempDir,
}

async fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let store = Engine::open(&folder.path().join("telemetry"), Options::default()).unwrap();
    let twin = Twin::new();
    let harness = testkit::host(|builder| {
        let clock = Arc::new(kernel::ManualClock::new(testkit::START));
        let ingest = Ingest::new(store.clone(), twin.clone(), clock, IngestLimits::default());
        let builder = builder
            .port::<dyn contracts::telemetry::TelemetryStore>(store.clone())
            .port::<Ingest>(ingest)
            .module(record::module())
            .module(edge::module())
            .module(sharing::module());
        twin.wire(builder)
    })
    .await;
    twin.start(&harness.host).await.unwrap();
    let (mine, other) = (organisation(&harness, "甲").await, organisation(&harness, "乙").await);
    harness.host.settle().await.unwrap();
    World { harness, mine, other, _folder: folder }
}

async fn organisation(h: &Harness, name: &str) -> PartyId {
    let mut tx = h.host.begin(&Caller::system()).await.unwrap();
    let id = tx.new_id();
    identity::organisation_create_in_tx(&mut tx, id, name, name, false).await.unwrap();
    tx.commit().await.unwrap();
    id
}

async fn token(h: &Harness, tenant: PartyId, roles: &[Role]) -> Api {
    let mut tx = h.host.begin(&Caller::system_for(tenant)).await.unwrap();
    let (_, token, _) = identity::token_create_in_tx(&mut tx, "matrix", roles, Some(30)).await.unwrap();
    tx.commit().await.unwrap();
    Api::new(&h.host).bearer(&token)
}

/// A path with something that has the right form in place of each parameter, so that the decision is reached.
fn filled(path: &str, h: &Harness) -> String {
    let id = |prefix: &str| format!("{prefix}_{}", h.host.new_id::<kernel::id::Party>().uuid().simple());
    let prefix = [
        ("machines", "ast"),
        ("equipment", "ast"),
        ("thing-models", "thm"),
        ("devices", "dev"),
        ("alarms", "alm"),
        ("alarm-rules", "rul"),
        ("readings", "rdg"),
        ("meters", "mtr"),
        ("agreements", "agr"),
        ("commitments", "cmt"),
        ("events", "evt"),
        ("claims", "clm"),
        ("invoices", "inv"),
        ("accounts", "acc"),
        ("transfers", "trf"),
        ("cases", "cas"),
        ("parties", "pty"),
        ("items", "itm"),
        ("resources", "res"),
        ("offers", "ofr"),
        ("capabilities", "cap"),
        ("holds", "hld"),
        ("bookings", "bkg"),
        ("jobs", "job"),
        ("grants", "grt"),
        ("users", "usr"),
        ("tokens", "tok"),
        ("sessions", "ses"),
        ("trace", "trf"),
    ];
    let kind =
        prefix.iter().rev().find(|(segment, _)| path.contains(&format!("/{segment}/"))).map_or("pty", |(_, p)| p);
    let mut out = path.to_owned();
    while let Some((from, to)) = out.find('{').zip(out.find('}')) {
        out.replace_range(from..=to, &id(kind));
    }
    out
}

async fn call(api: &Api, method: &str, path: &str) -> u16 {
    let method: Method = method.parse().unwrap();
    let body = (method != Method::GET && method != Method::DELETE).then(|| json!({}));
    api.call(method, path, body).await.status.as_u16()
}

/// Which role has every right but this one.
fn too_low(right: Right) -> Option<Role> {
    match right {
        Right::Public | Right::SignedIn | Right::View => None,
        Right::Operate => Some(Role::Trader),
        Right::Trade | Right::Administer => Some(Role::Operator),
        Right::Finance => Some(Role::Trader),
        Right::Ingest => Some(Role::Admin),
    }
}

#[tokio::test]
async fn every_route_denies_every_wrong_principal() {
    let world = world().await;
    let h = &world.harness;
    let nobody = Api::new(&h.host);
    let device = nobody.bearer("a-device-token-that-is-not-known");
    let mut checked = 0;
    for route in h.host.route_table() {
        let path = filled(&route.path, h);
        let name = format!("{} {} ({})", route.method, route.path, route.policy.action);
        if route.policy.right == Right::Public {
            continue;
        }
        assert_eq!(call(&nobody, route.method, &path).await, 401, "no credential: {name}");
        assert_eq!(call(&device, route.method, &path).await, 401, "unknown token: {name}");
        if let Some(role) = too_low(route.policy.right) {
            let low = token(h, world.mine, &[role]).await;
            let status = call(&low, route.method, &path).await;
            assert!(matches!(status, 401 | 403), "{role:?}: {name} answered {status}");
        }
        let viewer = token(h, world.mine, &[Role::Viewer]).await;
        if !matches!(route.policy.right, Right::View | Right::SignedIn) {
            let status = call(&viewer, route.method, &path).await;
            assert!(matches!(status, 401 | 403), "viewer: {name} answered {status}");
        }
        checked += 1;
    }
    assert!(checked > 80, "only {checked} routes were checked");
}

#[tokio::test]
async fn public_routes_are_the_ones_on_this_list() {
    let world = world().await;
    let mut public: Vec<String> = world
        .harness
        .host
        .route_table()
        .iter()
        .filter(|route| route.policy.right == Right::Public)
        .map(|route| format!("{} {}", route.method, route.path))
        .collect();
    public.sort();
    let expected = [
        "GET /api/openapi.json",
        "GET /api/v1/setup/state",
        "GET /healthz",
        "GET /readyz",
        "POST /api/v1/session",
        "POST /api/v1/setup",
    ];
    assert_eq!(public, expected, "a public route is a decision: add it here on purpose");
}

#[tokio::test]
async fn another_organisation_sees_nothing_without_a_grant_and_nothing_after_it() {
    let world = world().await;
    let h = &world.harness;
    let mine = token(h, world.mine, &[Role::Admin]).await;
    let theirs = token(h, world.other, &[Role::Admin]).await;
    let node = json!({ "level": "site", "code": "S1", "name": "secret site" });
    let made = mine.post("/api/v1/equipment", node).await;
    assert!(made.status.is_success(), "{:#}", made.body);
    let mut leaks = Vec::new();
    for route in h.host.route_table().iter().filter(|route| route.method == "GET" && !route.path.contains('{')) {
        if matches!(route.policy.right, Right::Public | Right::Ingest) || route.path == "/api/v1/live" {
            continue;
        }
        let answer = theirs.get(&route.path).await;
        if answer.body.to_string().contains("secret site") {
            leaks.push(route.path.clone());
        }
    }
    assert!(leaks.is_empty(), "{leaks:?}");
    let id = made.body["id"].as_str().unwrap();
    for path in [format!("/api/v1/equipment/{id}"), format!("/api/v1/machines/{id}"), format!("/api/v1/history/{id}")] {
        let answer = theirs.get(&path).await;
        let empty = answer.body == Value::Array(Vec::new());
        assert!(answer.status == 404 || answer.status == 405 || empty, "{path}: {} {:#}", answer.status, answer.body);
    }

    let look = |policy: Policy| {
        let officer = testkit::admin(world.other);
        let object = appkit::Object::owned("machine", world.mine).id(id);
        h.host.access().permits(&officer, policy, &object, h.host.now())
    };
    let view = Policy::view("twin.machine.read");
    assert!(!look(view));
    let new = identity::NewGrant {
        grantee: Some(world.other),
        kinds: vec!["machine".into()],
        purpose: "any".into(),
        expires_at: Some(h.host.now() + Duration::from_days(1)),
        ..identity::NewGrant::default()
    };
    let mut tx = h.host.begin(&testkit::admin(world.mine)).await.unwrap();
    let grant = identity::grant_create_in_tx(&mut tx, new).await.unwrap();
    tx.commit().await.unwrap();
    assert!(look(view) && !look(Policy::operate("twin.machine.write")));
    h.clock.advance(Duration::from_days(2));
    assert!(!look(view), "an expired grant shows nothing");
    let mut tx = h.host.begin(&testkit::admin(world.mine)).await.unwrap();
    identity::grant_revoke_in_tx(&mut tx, grant.id).await.unwrap();
    tx.commit().await.unwrap();
    assert!(!look(view), "a revoked grant shows nothing");
}
