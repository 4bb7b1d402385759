use std::sync::Arc;

use appkit::{
    Caller, Db, DbConfig, Host, Object, Policy,
    identity::{self, Grant, NewGrant},
};
use kernel::{Clock, Duration, ManualClock, SeededChance, Timestamp, id::PartyId};
use serde_json::{Value, json};
use testkit::{Harness, START, hosts};

use super::{administrator, administrator_of, facts, organisation};

const READ: Policy = Policy::view("twin.machine.read");

/// An owner of machines and a bank, both with all roles.
struct World {
    h: Harness,
    owner: PartyId,
    giver: Caller,
    bank: PartyId,
    officer: Caller,
}

impl World {
    async fn of(h: Harness) -> Self {
        let (owner, bank) = (organisation(&h.host).await, organisation(&h.host).await);
        Self { giver: testkit::admin(owner), officer: testkit::admin(bank), h, owner, bank }
    }

    fn machine(&self, id: &str, fields: &[&str]) -> Object {
        Object::owned("machine", self.owner).id(id).fields(fields.iter().copied())
    }

    fn sees(&self, id: &str, fields: &[&str]) -> bool {
        self.h.host.access().permits(&self.officer, READ, &self.machine(id, fields), self.h.host.now())
    }

    async fn give(&self, new: NewGrant) -> Grant {
        let mut tx = self.h.host.begin(&self.giver).await.unwrap();
        let grant = identity::grant_create_in_tx(&mut tx, new).await.unwrap();
        tx.commit().await.unwrap();
        grant
    }

    /// A grant of the power of the first machine.
    fn slice(&self) -> NewGrant {
        NewGrant {
            grantee: Some(self.bank),
            kinds: vec!["machine".into()],
            ids: vec!["ast_1".into()],
            fields: vec!["power".into()],
            purpose: "any".into(),
            ..NewGrant::default()
        }
    }

    async fn log(&self) -> Vec<(String, String, i64)> {
        let sql = "SELECT object, purpose, count FROM identity_look ORDER BY minute, object, purpose";
        let rows = self.h.host.db().rows(sql, vec![]).await.unwrap();
        rows.iter().map(|r| (r.get("object").unwrap(), r.get("purpose").unwrap(), r.get("count").unwrap())).collect()
    }
}

#[tokio::test]
async fn it_shows_its_slice_and_nothing_once_it_is_revoked_or_expired() {
    for h in hosts(|b| b).await {
        let world = World::of(h).await;
        let host = &world.h.host;
        let check = async |id: &str, field: &str| {
            host.access().check(&world.officer, "twin.machine.read", &world.machine(id, &[field])).await
        };
        assert_eq!(check("ast_1", "power").await.unwrap_err().code, "appkit.object.not-found");

        let mut tx = host.begin(&world.giver).await.unwrap();
        let new = NewGrant { expires_at: Some(host.now() + Duration::from_days(2)), ..world.slice() };
        let grant = identity::grant_create_in_tx(&mut tx, new.clone()).await.unwrap();
        assert!(!world.sees("ast_1", &["power"]), "not before the commit");
        tx.commit().await.unwrap();

        check("ast_1", "power").await.unwrap();
        assert!(check("ast_2", "power").await.is_err() && check("ast_1", "spindle_temp").await.is_err());
        assert!(!world.sees("ast_1", &[]) && !world.sees("ast_1", &["power", "spindle_temp"]));
        let operate = Policy::operate("twin.machine.write");
        assert!(!host.access().permits(&world.officer, operate, &world.machine("ast_1", &["power"]), host.now()));

        world.h.clock.advance(Duration::from_days(3));
        assert!(check("ast_1", "power").await.is_err(), "expired");

        let second = world.give(NewGrant { expires_at: None, ..new }).await;
        assert_eq!(second.expires_at, host.now() + Duration::from_days(90));
        check("ast_1", "power").await.unwrap();
        let mut tx = host.begin(&world.giver).await.unwrap();
        identity::grant_revoke_in_tx(&mut tx, second.id).await.unwrap();
        assert!(world.sees("ast_1", &["power"]), "until the commit");
        tx.commit().await.unwrap();
        assert!(check("ast_1", "power").await.is_err(), "revoked");
        let mut tx = host.begin(&world.officer).await.unwrap();
        assert!(identity::grant_revoke_in_tx(&mut tx, grant.id).await.is_err(), "only the giver can revoke");
    }
}

#[tokio::test]
async fn a_change_that_is_rolled_back_changes_nothing() {
    let world = World::of(testkit::host(|b| b).await).await;
    let mut tx = world.h.host.begin(&world.giver).await.unwrap();
    identity::grant_create_in_tx(&mut tx, world.slice()).await.unwrap();
    drop(tx);
    assert!(!world.sees("ast_1", &["power"]));
    let grant = world.give(world.slice()).await;
    let mut tx = world.h.host.begin(&world.giver).await.unwrap();
    identity::grant_revoke_in_tx(&mut tx, grant.id).await.unwrap();
    drop(tx);
    assert!(world.sees("ast_1", &["power"]));
}

#[tokio::test]
async fn its_end_is_stated_once_and_a_clock_that_goes_back_does_not_bring_it_back() {
    for h in hosts(|b| b).await {
        let world = World::of(h).await;
        let end = world.h.host.now() + Duration::from_days(2);
        world.give(NewGrant { expires_at: Some(end), ..world.slice() }).await;
        let taken_back = world.give(NewGrant { expires_at: Some(end), ..world.slice() }).await;
        let mut tx = world.h.host.begin(&world.giver).await.unwrap();
        identity::grant_revoke_in_tx(&mut tx, taken_back.id).await.unwrap();
        tx.commit().await.unwrap();

        world.h.clock.set(end);
        assert!(!world.sees("ast_1", &["power"]));
        world.h.clock.advance(Duration::from_days(-1));
        assert!(!world.sees("ast_1", &["power"]), "in doubt about the time it stays closed");
        world.h.clock.set(end);
        world.h.host.settle().await.unwrap();
        world.h.host.settle().await.unwrap();
        assert_eq!(facts(&world.h.host, "identity.grant.expired").await, 1);
        assert_eq!(facts(&world.h.host, "identity.grant.revoked").await, 1);
    }
}

#[tokio::test]
async fn it_survives_a_restart_and_a_stated_end_survives_a_wrong_clock() {
    let folder = tempfile::tempdir().unwrap();
    let config = DbConfig::Sqlite(folder.path().join("baigong.db"));
    let start = async |at: Timestamp| {
        let clock = Arc::new(ManualClock::new(at));
        let db = Db::open(&config).await.unwrap();
        Host::builder(db, clock.clone() as Arc<dyn Clock>, Arc::new(SeededChance::new(1))).build().await.unwrap()
    };
    let (owner, bank) = (testkit::party(1), testkit::party(2));
    let machine = Object::owned("machine", owner).id("ast_1").fields(["power"]);
    let sees = |host: &Host| host.access().permits(&testkit::admin(bank), READ, &machine, host.now());

    let host = start(START).await;
    let mut tx = host.begin(&testkit::admin(owner)).await.unwrap();
    for party in [owner, bank] {
        identity::organisation_create_in_tx(&mut tx, party, "甲", "A", false).await.unwrap();
    }
    let new = NewGrant {
        grantee: Some(bank),
        kinds: vec!["machine".into()],
        purpose: "any".into(),
        expires_at: Some(START + Duration::from_days(1)),
        ..NewGrant::default()
    };
    identity::grant_create_in_tx(&mut tx, new).await.unwrap();
    tx.commit().await.unwrap();
    assert!(sees(&host));
    drop(host);
    let host = start(START + Duration::from_hours(1)).await;
    assert!(sees(&host));
    drop(host);
    let host = start(START + Duration::from_days(2)).await;
    host.settle().await.unwrap();
    drop(host);
    assert!(!sees(&start(START + Duration::from_hours(2)).await));
}

#[tokio::test]
async fn it_holds_for_its_purpose_and_from_its_first_moment() {
    let mut world = World::of(testkit::host(|b| b).await).await;
    let later = world.h.host.now() + Duration::from_hours(1);
    world.give(NewGrant { purpose: "credit".into(), not_before: Some(later), ..world.slice() }).await;
    world.officer.purpose = Some("credit".into());
    assert!(!world.sees("ast_1", &["power"]));
    world.h.clock.set(later);
    assert!(world.sees("ast_1", &["power"]));
    for purpose in [None, Some("marketing".to_owned())] {
        world.officer.purpose = purpose;
        assert!(!world.sees("ast_1", &["power"]));
    }
}

#[tokio::test]
async fn live_data_is_cut_to_what_was_granted() {
    let world = World::of(testkit::host(|b| b).await).await;
    let data = || json!({ "at": 1, "state": "running", "values": { "power": [1, 2.0, "good"], "spindle_temp": [1, 60.0, "good"] } });
    let (access, now) = (world.h.host.access(), world.h.host.now());
    let machine = world.machine("ast_1", &[]);
    assert_eq!(access.deliver(&world.officer, &machine, data(), now), None);
    assert_eq!(access.deliver(&world.giver, &machine, data(), now), Some(data()));
    world.give(world.slice()).await;
    let part = json!({ "at": 1, "values": { "power": [1, 2.0, "good"] } });
    assert_eq!(access.deliver(&world.officer, &machine, data(), now), Some(part));
    assert_eq!(access.deliver(&world.officer, &world.machine("ast_2", &[]), data(), now), None);
    // Another grant adds its own fields; neither opens the whole.
    world.give(NewGrant { fields: vec!["state".into()], ..world.slice() }).await;
    let part = json!({ "at": 1, "state": "running", "values": { "power": [1, 2.0, "good"] } });
    assert_eq!(access.deliver(&world.officer, &machine, data(), now), Some(part));
    assert!(!world.sees("ast_1", &["power", "state"]), "grants do not add up within one decision");
    let fields: Vec<String> = ["power", "spindle_temp", "state"].map(str::to_owned).into();
    assert_eq!(access.visible_fields(&world.officer, &machine, &fields, now), ["power", "state"]);
}

#[tokio::test]
async fn every_look_is_in_the_givers_log() {
    for h in hosts(|b| b).await {
        let mut world = World::of(h).await;
        world.give(world.slice()).await;
        let object = world.machine("ast_1", &["power"]);
        let check = async |officer: &Caller| {
            world.h.host.access().check(officer, "twin.series.read", &object).await.unwrap();
        };
        check(&world.officer).await;
        assert_eq!(world.log().await, [("ast_1".into(), "".into(), 1)], "on disk before the data leaves");
        for _ in 0..4 {
            check(&world.officer).await;
        }
        let audit = Caller { purpose: Some("audit".into()), ..world.officer.clone() };
        check(&audit).await;
        assert_eq!(world.log().await, [("ast_1".into(), "".into(), 5), ("ast_1".into(), "audit".into(), 1)]);
        world.h.clock.advance(Duration::from_mins(1));
        check(&audit).await;
        assert_eq!(world.log().await.len(), 3);

        let (owner, bank) = (world.owner, world.bank);
        world.officer.purpose = None;
        let giver = administrator_of(&world.h, owner, "giver").await;
        let taker = administrator_of(&world.h, bank, "taker").await;
        assert!(world.sees("ast_1", &["power"]), "a look without a log line of its own is counted as well");
        let log = giver.get("/api/v1/grants/access-log").await.expect(200).body;
        let total: i64 = log.as_array().unwrap().iter().map(|line| line["count"].as_i64().unwrap()).sum();
        assert_eq!(total, 8);
        assert!(log.as_array().unwrap().iter().all(|line| line["grantee"] == json!(bank)));
        assert!(taker.get("/api/v1/grants/access-log").await.expect(200).body.as_array().unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_look_whose_request_is_given_up_is_still_counted() {
    let world = World::of(testkit::host(|b| b).await).await;
    world.give(world.slice()).await;
    let object = world.machine("ast_1", &["power"]);
    // Somebody else is writing, so that the look has to wait, and is given up.
    let tx = world.h.host.begin(&world.giver).await.unwrap();
    let look = world.h.host.access().check(&world.officer, "twin.series.read", &object);
    assert!(tokio::time::timeout(std::time::Duration::from_millis(50), look).await.is_err());
    drop(tx);
    world.h.host.access().check(&world.officer, "twin.series.read", &object).await.unwrap();
    assert_eq!(world.log().await, [("ast_1".into(), "".into(), 2)]);
}

#[tokio::test]
async fn it_is_given_listed_and_taken_back_by_http() {
    for h in hosts(|b| b).await {
        let lin = administrator(&h).await;
        let bank = organisation(&h.host).await;
        let banker = administrator_of(&h, bank, "zhao").await;
        let body = |change: Value| {
            let mut body = json!({ "grantee": bank, "kinds": ["machine"], "fields": ["power"], "purpose": "credit" });
            body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            body
        };
        let keyed = lin.with("idempotency-key", "g1");
        let made = keyed.post("/api/v1/grants", body(json!({}))).await.expect(201).body;
        assert_eq!(keyed.post("/api/v1/grants", body(json!({}))).await.expect(201).body, made);
        assert_eq!((&made["state"], &made["direction"]), (&json!("active"), &json!("given")));

        let own = lin.get("/api/v1/session").await.expect(200).body["organisation"]["id"].clone();
        let day = |days: i64| (h.host.now() + Duration::from_days(days)).to_string();
        for (change, pointer) in [
            (json!({ "kinds": [] }), "/kinds"),
            (json!({ "kinds": ["a b"] }), "/kinds"),
            (json!({ "ids": [""] }), "/ids"),
            (json!({ "fields": vec!["x"; 201] }), "/fields"),
            (json!({ "purpose": "" }), "/purpose"),
            (json!({ "grantee": own }), "/grantee"),
            (json!({ "expires_at": day(-1) }), "/expires_at"),
            (json!({ "expires_at": day(397) }), "/expires_at"),
            (json!({ "not_before": day(20), "expires_at": day(10) }), "/expires_at"),
        ] {
            let answer = lin.post("/api/v1/grants", body(change)).await.expect(400);
            let named = answer.body["errors"].as_array().unwrap().iter().any(|error| error["pointer"] == pointer);
            assert!(answer.code() == "identity.grant.malformed" && named, "{pointer}: {:#}", answer.body);
        }
        let unknown = body(json!({ "grantee": testkit::party(99) }));
        assert_eq!(lin.post("/api/v1/grants", unknown).await.expect(400).code(), "identity.grant.grantee");

        let received = banker.get("/api/v1/grants").await.expect(200).body;
        assert_eq!((&received[0]["direction"], &received[0]["id"]), (&json!("received"), &made["id"]));
        let revoke = format!("/api/v1/grants/{}/revoke", made["id"].as_str().unwrap());
        banker.post(&revoke, json!({})).await.expect(404);
        lin.post(&revoke, json!({})).await.expect(200);
        assert_eq!(lin.post(&revoke, json!({})).await.expect(200).body["state"], "revoked");
        assert_eq!(facts(&h.host, "identity.grant.revoked").await, 1);
        let listed = lin.get("/api/v1/grants").await.expect(200).body;
        let (from, to) = (listed[0]["position"].as_i64().unwrap(), listed[0]["end_position"].as_i64().unwrap());
        assert!(0 < from && from < to, "{from} {to}");
    }
}
