//! What every test of a room needs: a host on a throw-away database, a clock that is turned by hand, chance that repeats
//! itself, and an in-process HTTP client. A development dependency only.
//!
//! Tests run on SQLite; with `BAIGONG_TEST_PG=postgres://…` set, [`hosts`] yields PostgreSQL as well, each test in its own schema.

mod api;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use appkit::{Caller, Db, DbConfig, Host, HostBuilder, Role, identity};
use kernel::{Clock, ManualClock, SeededChance, Timestamp, id::PartyId};

pub use api::{Answer, Api};

/// 2026-01-05T00:00:00Z, a Monday: where test clocks start.
pub const START: Timestamp = Timestamp::from_micros(1_767_571_200_000_000);

/// A host under test and what keeps it alive.
pub struct Harness {
    /// The host.
    pub host: Host,
    /// Its clock, to be turned by hand.
    pub clock: Arc<ManualClock>,
    /// `sqlite` or `postgres`.
    pub engine: &'static str,
    _folder: tempfile::TempDir,
}

/// A host on SQLite with what `wire` adds: `host(|b| b.module(record::module()))`.
pub async fn host(wire: impl FnOnce(HostBuilder) -> HostBuilder) -> Harness {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let config = DbConfig::Sqlite(folder.path().join("baigong.db"));
    build("sqlite", config, folder, wire).await
}

/// The same host on every engine that is there: SQLite always, PostgreSQL when `BAIGONG_TEST_PG` names one.
pub async fn hosts(wire: impl Fn(HostBuilder) -> HostBuilder) -> Vec<Harness> {
    let mut all = vec![host(&wire).await];
    match std::env::var("BAIGONG_TEST_PG") {
        Ok(url) => {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let config = DbConfig::Postgres { url, schema: schema_name() };
            all.push(build("postgres", config, folder, &wire).await);
        }
        Err(_) => eprintln!("BAIGONG_TEST_PG is not set: this run covers SQLite only"),
    }
    all
}

/// A schema name that no other test of this or another process uses.
pub fn schema_name() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let nanos = std::time::Instant::now().elapsed().subsec_nanos();
    format!("t{}_{}_{nanos}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

async fn build(
    engine: &'static str,
    config: DbConfig,
    folder: tempfile::TempDir,
    wire: impl FnOnce(HostBuilder) -> HostBuilder,
) -> Harness {
    let clock = Arc::new(ManualClock::new(START));
    let db = Db::open(&config).await.expect("the test database opens");
    let builder = Host::builder(db, clock.clone() as Arc<dyn Clock>, Arc::new(SeededChance::new(1)));
    let host = wire(builder).build().await.expect("the host is built");
    Harness { host, clock, engine, _folder: folder }
}

/// A caller with all rights in an organisation that exists only in the test.
pub fn admin(tenant: PartyId) -> Caller {
    let user = kernel::Id::from_uuid(tenant.uuid());
    Caller::user(tenant, user, vec![Role::Admin])
}

/// An organisation on record and a client with an API token of it.
pub async fn member(host: &Host, name: &str, roles: &[Role]) -> (PartyId, Api) {
    let mut tx = host.begin(&Caller::system()).await.expect("a transaction");
    let id = tx.new_id();
    identity::organisation_create_in_tx(&mut tx, id, name, name, false).await.expect("an organisation");
    tx.commit().await.expect("a commit");
    host.settle().await.expect("the record hears of it");
    (id, token(host, id, roles).await)
}

/// A client with an API token of an organisation that is on record.
pub async fn token(host: &Host, tenant: PartyId, roles: &[Role]) -> Api {
    let mut tx = host.begin(&Caller::system_for(tenant)).await.expect("a transaction");
    let (_, token, _) = identity::token_create_in_tx(&mut tx, "test", roles, Some(30)).await.expect("a token");
    tx.commit().await.expect("a commit");
    Api::new(host).bearer(&token)
}

/// An organisation id that depends on the number only.
pub fn party(number: u64) -> PartyId {
    PartyId::at(START, &SeededChance::new(number))
}
