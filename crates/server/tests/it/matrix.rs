//! Every route × every wrong principal, generated from the table of routes, on a park that has done business: denied, each of
//! them, and nothing written. That the same requests of the right principal succeed is checked as well: a wrong address would
//! be denied to anybody.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use appkit::{Right, Role, RouteInfo, identity};
use axum::http::Method;
use kernel::{
    Duration, SeededChance, Window,
    id::{GrantId, PartyId},
};
use serde_json::{Value, json};
use server::{
    config::Config,
    platform::Platform,
    scenario::{Plan, Registered, SteppedClock, backfill, carry_out, fund, offer, register},
};
use sharing::app::Basis;
use simulator::Park;
use testkit::{Answer, Api};

use crate::body::body;

struct World {
    platform: Platform,
    clock: Arc<SteppedClock>,
    registered: Registered,
    /// Whose things are asked for.
    owner: PartyId,
    /// An organisation that has nothing to do with the owner.
    stranger: PartyId,
    /// The API document.
    document: Value,
    _folder: tempfile::TempDir,
}

/// A park where one company has worked for another and been paid.
async fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let config = Config::load(folder.path()).unwrap();
    let clock = Arc::new(SteppedClock::at(testkit::START));
    let platform = Platform::open(&config, clock.clone(), Arc::new(SeededChance::new(7)), true).await.unwrap();
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 15_020));
    let (registered, _) = register(&platform, Park::demo_from(7, testkit::START), nowhere).await.unwrap();
    fund(&platform, &registered, 50_000_000).await.unwrap();
    let day = Window::new(testkit::START, testkit::START + Duration::from_days(1)).unwrap();
    backfill(&platform, &registered, day, Duration::from_secs(60)).await.unwrap();
    let offered = offer(&platform, &registered).await.unwrap();
    let capability = offered.values().next().unwrap();
    let from = testkit::START + Duration::from_hours(4);
    let plan = Plan {
        capability: capability.id,
        buyer: registered.company("appliances").unwrap(),
        basis: Basis::Time,
        slot: Window { from, to: from + Duration::from_hours(3) },
        pieces: capability.terms.lot_min.max(1),
        part: "MX-1".into(),
    };
    carry_out(&platform, &clock, plan).await.unwrap();
    clock.set(day.to);
    platform.settle().await.unwrap();
    let (owner, stranger) = (capability.provider, registered.company("utilities").unwrap());
    let document = serde_json::to_value(platform.host.openapi()).unwrap();
    World { platform, clock, registered, owner, stranger, document, _folder: folder }
}

impl World {
    fn table(&self) -> Vec<RouteInfo> {
        let mut table = self.platform.host.route_table().to_vec();
        table.retain(|route| route.policy.right != Right::Public);
        table
    }

    async fn token(&self, tenant: PartyId, roles: &[Role]) -> Api {
        testkit::token(&self.platform.host, tenant, roles).await
    }

    async fn grant(&self, kinds: &[&str], expires_in: Duration) -> GrantId {
        let host = &self.platform.host;
        let new = identity::NewGrant {
            grantee: Some(self.stranger),
            kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
            purpose: "matrix".into(),
            expires_at: Some(host.now() + expires_in),
            ..identity::NewGrant::default()
        };
        let mut tx = host.begin(&testkit::admin(self.owner)).await.unwrap();
        let grant = identity::grant_create_in_tx(&mut tx, new).await.unwrap();
        tx.commit().await.unwrap();
        grant.id
    }

    /// How many facts the owner's journal holds.
    async fn facts(&self) -> i64 {
        let sql = "SELECT COUNT(*) AS n FROM appkit_journal WHERE tenant = $1";
        let row = self.platform.host.db().one(sql, vec![self.owner.to_string().into()]).await.unwrap();
        row.unwrap().get::<i64>("n").unwrap()
    }
}

/// The owner's real objects: what each path parameter stands for.
struct Things(BTreeMap<String, String>);

impl Things {
    async fn of(world: &World, owner: &Api) -> Self {
        let mut known = BTreeMap::new();
        for route in world.table() {
            if route.method != "GET" || route.path.contains('{') {
                continue;
            }
            let listed = owner.get(&route.path).await.body;
            let items = listed["items"].as_array().or(listed.as_array()).cloned().unwrap_or_default();
            if let Some(id) = items.iter().find_map(|item| item["id"].as_str()) {
                known.insert(route.path.clone(), id.to_owned());
            }
        }
        let mut things = Self(known);
        let booking = owner.get("/api/v1/sharing/bookings").await.body["items"][0].clone();
        let reading = owner.get("/api/v1/readings").await.body["items"][0].clone();
        let machine = things.0["/api/v1/machines"].clone();
        let evidence = reading["statement"]["evidence"].as_str().or(reading["evidence"].as_str()).unwrap().to_owned();
        for (place, id) in [
            ("/api/v1/sharing/jobs", booking["job"]["id"].as_str().unwrap()),
            ("/api/v1/earnings", &machine),
            ("/api/v1/history", &machine),
            ("/api/v1/evidence", evidence.rsplit(';').next().unwrap()),
        ] {
            things.0.insert(place.into(), id.to_owned());
        }
        let payment = things.0["/api/v1/transfers"].clone();
        things.0.insert("/api/v1/trace".into(), payment);
        things
    }

    /// The path with the owner's objects in it, and whether they are real.
    fn fill(&self, path: &str) -> (String, bool) {
        let Some((before, after)) = path.split_once("/{") else { return (path.to_owned(), false) };
        let (_, rest) = after.split_once('}').unwrap();
        let known = self.0.get(before);
        let made_up = "ast_0000019b00007000800000000000abcd".to_owned();
        let rest = rest.replace("{property}", "power").replace("{index}", "0");
        (format!("{before}/{}{rest}", known.unwrap_or(&made_up)), known.is_some())
    }
}

fn request(world: &World, things: &Things, route: &RouteInfo) -> Option<Value> {
    let body = body(&world.document, route.method, &route.path, &things.0);
    body.or_else(|| (route.method != "GET" && route.method != "DELETE").then(|| json!({})))
}

/// Calls a route with a body that it can read and that means the owner's things.
async fn call(world: &World, things: &Things, api: &Api, route: &RouteInfo, path: &str) -> Answer {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    let method: Method = route.method.parse().unwrap();
    let body = request(world, things, route);
    // Those that look at a window ask for one.
    let windowed =
        route.path.contains("/earnings/") || route.path.ends_with("/calendar") || route.path.ends_with("{id}/preview");
    let query = if windowed { "?from=2026-01-05T04:00:00Z&to=2026-01-05T06:00:00Z" } else { "" };
    api.with("idempotency-key", &format!("matrix {}", CALLS.fetch_add(1, Ordering::Relaxed)))
        .call(method, &format!("{path}{query}"), body)
        .await
}

fn name(route: &RouteInfo) -> String {
    format!("{} {} ({})", route.method, route.path, route.policy.action)
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

/// Routes whose objects are shown to everybody once published: the market is public to those who are signed in.
const MARKET: &[&str] = &[
    "/api/v1/sharing/capabilities/{id}",
    "/api/v1/sharing/capabilities/{id}/calendar",
    "/api/v1/offers/{id}",
    "/api/v1/parties/{id}",
    "/api/v1/items/{id}",
];

#[tokio::test]
async fn nobody_a_device_and_a_lower_role_are_denied_on_every_route() {
    let world = world().await;
    let owner = world.token(world.owner, &[Role::Admin]).await;
    let things = Things::of(&world, &owner).await;
    let nobody = Api::new(&world.platform.host);
    let device = nobody.bearer(&world.registered.machines[0].1);
    let unknown = nobody.bearer("bgt_that-is-not-known");
    let viewer = world.token(world.owner, &[Role::Viewer]).await;
    let facts = world.facts().await;
    let mut checked = 0;
    for route in world.table() {
        let (path, _) = things.fill(&route.path);
        for (who, api) in [("no credential", &nobody), ("unknown token", &unknown)] {
            let status = call(&world, &things, api, &route, &path).await.status.as_u16();
            assert_eq!(status, 401, "{who}: {}", name(&route));
        }
        if route.policy.right != Right::Ingest {
            let status = call(&world, &things, &device, &route, &path).await.status.as_u16();
            assert!(matches!(status, 401 | 403), "a device's token: {} answered {status}", name(&route));
        }
        if let Some(role) = too_low(route.policy.right) {
            let low = world.token(world.owner, &[role]).await;
            let status = call(&world, &things, &low, &route, &path).await.status.as_u16();
            assert!(matches!(status, 401 | 403), "{role:?}: {} answered {status}", name(&route));
        }
        if !matches!(route.policy.right, Right::View | Right::SignedIn) {
            let status = call(&world, &things, &viewer, &route, &path).await.status.as_u16();
            assert!(matches!(status, 401 | 403), "viewer: {} answered {status}", name(&route));
        }
        checked += 1;
    }
    assert!(checked > 120, "only {checked} routes were checked");
    let tokens = world.facts().await - facts;
    let lower = world.table().iter().filter(|route| too_low(route.policy.right).is_some()).count();
    assert_eq!(tokens, i64::try_from(lower).unwrap(), "only the tokens of this test were recorded");
}

/// Changes that a stranger may make although they name something of the owner's, because the market is for that or because
/// the thing is the stranger's own: what is asked of them is only that nothing of the owner's changes or shows.
fn own_business(route: &RouteInfo) -> bool {
    route.method != "GET" && !route.path.contains('{')
}

/// Asks for everything of the owner's as the stranger; answers what was not denied.
async fn pries(world: &World, things: &Things, stranger: &Api, secrets: &BTreeSet<String>) -> Vec<String> {
    let facts = world.facts().await;
    let mut leaks = Vec::new();
    let (mut decided, mut unread) = (0, Vec::new());
    for route in world.table() {
        if route.policy.right == Right::Ingest {
            continue;
        }
        let (path, real) = things.fill(&route.path);
        let answer = call(world, things, stranger, &route, &path).await;
        let text = answer.body.to_string();
        if !MARKET.contains(&route.path.as_str()) && real && answer.status.is_success() && !empty(&answer.body) {
            leaks.push(format!("{} answered {}: {text:.200}", name(&route), answer.status));
        }
        match answer.status.as_u16() {
            403 | 404 => decided += 1,
            400 | 422 if real && !own_business(&route) => unread.push(format!("{} {:.120}", name(&route), text)),
            _ => {}
        }
        // Readable or not, no answer may carry what belongs to the owner alone.
        // What the stranger said itself may come back.
        let asked = format!("{path} {}", request(world, things, &route).unwrap_or_default());
        leaks.extend(
            secrets
                .iter()
                .filter(|secret| !asked.contains(*secret) && text.contains(*secret))
                .map(|secret| format!("{} shows {secret}", name(&route))),
        );
        if world.facts().await != facts {
            leaks.push(format!("{} wrote into the owner's journal", name(&route)));
            break;
        }
    }
    // A route that stumbles over the body before it looks whose object that is proves nothing.
    assert!(unread.len() < 8, "refused for their form and not for the caller:\n{}", unread.join("\n"));
    assert!(decided > 60, "only {decided} requests got as far as the decision");
    leaks
}

fn empty(body: &Value) -> bool {
    body.as_array().or(body["items"].as_array()).is_some_and(Vec::is_empty)
}

/// Ids of what belongs to the owner and is not on the market: an offer names its machine and how it is metered.
async fn secrets(owner: &Api) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for list in [
        "equipment",
        "devices",
        "alarms",
        "readings",
        "meters",
        "claims",
        "invoices",
        "accounts",
        "transfers",
        "tokens",
        "users",
    ] {
        let body = owner.get(&format!("/api/v1/{list}")).await.body;
        for item in body["items"].as_array().or(body.as_array()).into_iter().flatten() {
            found.extend(item["id"].as_str().map(str::to_owned));
        }
    }
    let offered = owner.get("/api/v1/offers").await.body.to_string();
    found.retain(|id| !offered.contains(id));
    found
}

#[tokio::test]
async fn another_organisation_is_denied_without_a_grant_and_after_it() {
    let world = world().await;
    let owner = world.token(world.owner, &[Role::Admin]).await;
    let stranger = world.token(world.stranger, &[Role::Admin]).await;
    let things = Things::of(&world, &owner).await;
    let secrets = secrets(&owner).await;
    assert!(secrets.len() > 20, "the owner has things to hide: {}", secrets.len());

    // The right principal reaches what the others are asked to be denied.
    let mut reached = 0;
    for route in world.table().iter().filter(|route| route.method == "GET" && route.policy.right != Right::Ingest) {
        let (path, real) = things.fill(&route.path);
        if real {
            let answer = call(&world, &things, &owner, route, &path).await;
            assert!(answer.status.is_success(), "the owner: {} {path} {:#}", name(route), answer.body);
            reached += 1;
        }
    }
    assert!(reached > 25, "only {reached} of the owner's objects were reached");

    let leaks = pries(&world, &things, &stranger, &secrets).await;
    assert!(leaks.is_empty(), "without a grant:\n{}", leaks.join("\n"));

    let machine = format!("/api/v1/machines/{}", things.0["/api/v1/machines"]);
    let asks = || stranger.with("baigong-purpose", "matrix");
    let revoked = world.grant(&["machine", "reading"], Duration::from_days(20)).await;
    asks().get(&machine).await.expect(200);
    let mut tx = world.platform.host.begin(&testkit::admin(world.owner)).await.unwrap();
    identity::grant_revoke_in_tx(&mut tx, revoked).await.unwrap();
    tx.commit().await.unwrap();
    asks().get(&machine).await.expect(404);
    let leaks = pries(&world, &things, &asks(), &secrets).await;
    assert!(leaks.is_empty(), "after a grant was revoked:\n{}", leaks.join("\n"));

    world.grant(&["machine", "reading"], Duration::from_days(1)).await;
    asks().get(&machine).await.expect(200);
    world.clock.set(testkit::START + Duration::from_days(4));
    asks().get(&machine).await.expect(404);
    let leaks = pries(&world, &things, &asks(), &secrets).await;
    assert!(leaks.is_empty(), "after a grant expired:\n{}", leaks.join("\n"));
}

#[tokio::test]
async fn public_routes_are_the_ones_on_this_list() {
    let world = world().await;
    let public: BTreeSet<String> = world
        .platform
        .host
        .route_table()
        .iter()
        .filter(|route| route.policy.right == Right::Public)
        .map(|route| format!("{} {}", route.method, route.path))
        .collect();
    let expected = [
        "GET /api/openapi.json",
        "GET /api/v1/setup/state",
        "GET /healthz",
        "GET /readyz",
        "POST /api/v1/session",
        "POST /api/v1/setup",
    ];
    assert_eq!(public, expected.map(str::to_owned).into(), "a public route is a decision: add it here on purpose");
}
