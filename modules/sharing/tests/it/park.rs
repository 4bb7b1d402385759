//! What the tests stand on: four organisations with tokens, machines that leave telemetry, a bank.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicI64, Ordering},
};

use appkit::{
    Caller, HostBuilder, Role,
    identity::{organisation_create_in_tx, token_create_in_tx},
    params,
};
use contracts::{
    BoxFuture,
    telemetry::{Point, Quality, Sample, SeriesKey, TelemetryStore, Value, ValueType},
    twin::{MachineDirectory, MachineFacts, MachineState, PropertyFacts, StateSpan},
};
use kernel::{
    Currency, Duration, Money, Result, SeededChance, Timestamp, Unit, Window,
    id::{AssetId, PartyId},
};
use record::ledger::{Purpose, account_find_by, cash_pay_in_in_tx, trial_balance};
use serde_json::{Value as Json, json};
use telemetry::{Engine, Options};
use testkit::{Answer, Api, Harness, START};

/// A machine as the tests drive it: counters go on from one run to the next.
pub struct Machine {
    pub asset: AssetId,
    pub owner: PartyId,
    name: &'static str,
    /// Whether it tells good pieces apart.
    sorts: bool,
    made: AtomicI64,
    good: AtomicI64,
}

impl Machine {
    fn new(number: u64, owner: PartyId, name: &'static str, sorts: bool) -> Self {
        let asset = AssetId::at(START, &SeededChance::new(number));
        Self { asset, owner, name, sorts, made: AtomicI64::new(41_700), good: AtomicI64::new(41_100) }
    }
}

/// How a machine spends a stretch of time.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    /// Seconds per piece; none makes nothing.
    pub cycle_s: Option<i64>,
    /// Every so many pieces one is bad.
    pub scrap_every: i64,
    /// Value of `run_state`: 2 runs, 1 idles.
    pub state: i64,
    /// Half the scatter of the diameter in micrometres.
    pub scatter_um: i64,
}

impl Run {
    /// Makes a piece every so many seconds, one in twenty bad.
    pub fn making(cycle_s: i64) -> Self {
        Self { cycle_s: Some(cycle_s), scrap_every: 20, state: 2, scatter_um: 2 }
    }
    /// Stands still.
    pub fn idle() -> Self {
        Self { cycle_s: None, scrap_every: 20, state: 1, scatter_um: 2 }
    }
}

struct Directory(Arc<Vec<Machine>>);

impl MachineDirectory for Directory {
    fn machine(&self, asset: AssetId) -> Option<Arc<MachineFacts>> {
        let machine = self.0.iter().find(|machine| machine.asset == asset)?;
        let property = |id: &str, value_type, unit: Option<&str>, counter| PropertyFacts {
            id: id.into(),
            name_zh: id.into(),
            name_en: id.into(),
            value_type,
            unit: unit.map(|code| Unit::of(code).unwrap()),
            counter,
        };
        let mut properties = vec![
            property("run_state", ValueType::I64, None, false),
            property("diameter_dev", ValueType::F64, Some("4H"), false),
            property("piece_total", ValueType::I64, Some("H87"), true),
        ];
        if machine.sorts {
            properties.push(property("piece_good", ValueType::I64, Some("H87"), true));
        }
        Some(Arc::new(MachineFacts {
            asset,
            tenant: machine.owner,
            name: machine.name.into(),
            code: machine.name.into(),
            kind: "cnc".into(),
            properties,
        }))
    }
    fn machines(&self, tenant: PartyId) -> Vec<Arc<MachineFacts>> {
        self.0
            .iter()
            .filter(|machine| machine.owner == tenant)
            .filter_map(|machine| self.machine(machine.asset))
            .collect()
    }
    fn state(&self, _: AssetId) -> MachineState {
        MachineState::Unknown
    }
    fn timeline(&self, _: AssetId, _: Window) -> BoxFuture<'_, Result<Vec<StateSpan>>> {
        Box::pin(async { Ok(Vec::new()) })
    }
    fn last_heard(&self, _: AssetId) -> Option<Timestamp> {
        None
    }
}

/// The park.
pub struct Park {
    pub harness: Harness,
    pub telemetry: Arc<Engine>,
    pub machines: Arc<Vec<Machine>>,
    /// Owns `mill` and `lathe`.
    pub shop: Api,
    /// Owns `grinder`.
    pub works: Api,
    /// Has money and no machine.
    pub buyer: Api,
    /// Takes part in nothing.
    pub stranger: Api,
    /// The buyer's organisation, with less and less rights.
    pub buyer_viewer: Api,
    pub shop_viewer: Api,
    _folder: tempfile::TempDir,
}

pub fn shop_id() -> PartyId {
    testkit::party(11)
}
pub fn works_id() -> PartyId {
    testkit::party(12)
}
pub fn buyer_id() -> PartyId {
    testkit::party(13)
}
pub fn stranger_id() -> PartyId {
    testkit::party(14)
}

/// The park on every engine that is there.
pub async fn parks() -> Vec<Park> {
    let stores = Mutex::new(Vec::new());
    let wire = |builder: HostBuilder| {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::open(folder.path(), Options::default()).unwrap();
        let machines = Arc::new(vec![
            Machine::new(21, shop_id(), "mill", true),
            Machine::new(22, shop_id(), "lathe", true),
            Machine::new(23, works_id(), "grinder", false),
        ]);
        let directory = Arc::new(Directory(machines.clone()));
        stores.lock().unwrap().push((engine.clone(), machines, folder));
        builder
            .port::<dyn TelemetryStore>(engine)
            .port::<dyn MachineDirectory>(directory)
            .module(record::module())
            .module(sharing::module())
    };
    let harnesses = testkit::hosts(wire).await;
    let stores = stores.into_inner().unwrap();
    let mut parks = Vec::new();
    for (harness, (telemetry, machines, folder)) in harnesses.into_iter().zip(stores) {
        parks.push(Park::open(harness, telemetry, machines, folder).await);
    }
    parks
}

impl Park {
    async fn open(
        harness: Harness,
        telemetry: Arc<Engine>,
        machines: Arc<Vec<Machine>>,
        folder: tempfile::TempDir,
    ) -> Park {
        let host = &harness.host;
        let mut tx = host.begin(&Caller::system()).await.unwrap();
        let names = [(shop_id(), "shop"), (works_id(), "works"), (buyer_id(), "buyer"), (stranger_id(), "stranger")];
        for (id, name) in names {
            organisation_create_in_tx(&mut tx, id, name, name, true).await.unwrap();
        }
        tx.commit().await.unwrap();
        host.settle().await.unwrap();
        let token = async |party: PartyId, role: Role| {
            let mut tx = host.begin(&testkit::admin(party)).await.unwrap();
            let (_, secret, _) = token_create_in_tx(&mut tx, "test", &[role], Some(400)).await.unwrap();
            tx.commit().await.unwrap();
            Api::new(host).bearer(&secret)
        };
        let park = Park {
            shop: token(shop_id(), Role::Admin).await,
            works: token(works_id(), Role::Admin).await,
            buyer: token(buyer_id(), Role::Admin).await,
            stranger: token(stranger_id(), Role::Admin).await,
            buyer_viewer: token(buyer_id(), Role::Viewer).await,
            shop_viewer: token(shop_id(), Role::Viewer).await,
            harness,
            telemetry,
            machines,
            _folder: folder,
        };
        park.pay_in(buyer_id(), 5_000_000).await;
        park
    }

    pub fn machine(&self, name: &str) -> &Machine {
        self.machines.iter().find(|machine| machine.name == name).unwrap()
    }

    pub fn now(&self) -> Timestamp {
        self.harness.host.now()
    }

    /// Money arrives from outside, in fen.
    pub async fn pay_in(&self, party: PartyId, minor: i64) {
        let mut tx = self.harness.host.begin(&testkit::admin(party)).await.unwrap();
        cash_pay_in_in_tx(&mut tx, party, Money::from_minor(minor, Currency::CNY), "opening").await.unwrap();
        tx.commit().await.unwrap();
    }

    /// What a party has on an account, in fen.
    pub async fn balance(&self, party: PartyId, purpose: Purpose, reference: &str) -> i64 {
        let account =
            account_find_by(&mut self.harness.host.db(), party, Currency::CNY, purpose, reference).await.unwrap();
        account.map_or(0, |account| account.balances.net_minor())
    }

    pub async fn cash(&self, party: PartyId) -> i64 {
        self.balance(party, Purpose::Cash, "").await
    }

    /// Time passes without anything from the machines; due work is done.
    pub async fn wait(&self, span: Duration) {
        self.harness.clock.advance(span);
        self.harness.host.settle().await.unwrap();
    }

    /// A machine spends the next stretch of time like this, speaking every ten seconds; the clock goes along.
    pub async fn run(&self, machine: &str, minutes: i64, run: Run) {
        let from = self.now();
        self.leave(machine, Window { from, to: from + Duration::from_mins(minutes) }, run).await;
        self.wait(Duration::from_mins(minutes)).await;
    }

    /// The telemetry that a machine leaves in a window.
    pub async fn leave(&self, machine: &str, window: Window, run: Run) {
        let machine = self.machine(machine);
        let (mut batch, mut second) = (Vec::new(), 0);
        while window.from + Duration::from_secs(second) < window.to {
            let at = window.from + Duration::from_secs(second);
            // A piece is done at the end of its cycle.
            if run.cycle_s.is_some_and(|cycle| second > 0 && second % cycle == 0) {
                let made = machine.made.fetch_add(1, Ordering::SeqCst) + 1;
                if made % run.scrap_every != 0 {
                    machine.good.fetch_add(1, Ordering::SeqCst);
                }
            }
            let (made, good) = (machine.made.load(Ordering::SeqCst), machine.good.load(Ordering::SeqCst));
            // Three values about 0.5 µm, one after the other.
            let deviation = 0.5 + (((made % 3) - 1) * run.scatter_um) as f64;
            let mut values = vec![
                ("run_state", Value::I64(run.state)),
                ("piece_total", Value::I64(made)),
                ("diameter_dev", Value::F64(deviation)),
            ];
            if machine.sorts {
                values.push(("piece_good", Value::I64(good)));
            }
            for (property, value) in values {
                let sample = Sample { source_time: at, receive_time: at, value, quality: Quality::Good, sequence: 0 };
                batch.push(Point { series: SeriesKey::new(machine.asset, property), sample });
            }
            second += 10;
        }
        for chunk in batch.chunks(50_000) {
            self.telemetry.append(chunk.to_vec()).await.unwrap();
        }
    }

    /// A slot from so many minutes after now.
    pub fn slot(&self, from_min: i64, to_min: i64) -> Json {
        let now = self.now();
        json!({ "from": now + Duration::from_mins(from_min), "to": now + Duration::from_mins(to_min) })
    }

    /// A capability of a machine, written down and offered.
    pub async fn offer(&self, owner: &Api, machine: &str, terms: Json) -> String {
        let body = json!({ "asset": self.machine(machine).asset, "terms": terms });
        let id = id(&owner.post("/api/v1/sharing/capabilities", body).await.expect(201));
        owner.post(&format!("/api/v1/sharing/capabilities/{id}/publish"), json!(null)).await.expect(200);
        id
    }

    /// The mill with its usual terms.
    pub async fn offer_mill(&self) -> String {
        self.offer(&self.shop, "mill", terms()).await
    }

    /// The buyer books slots; 100 pieces.
    pub async fn book(&self, capability: &str, basis: &str, slots: Json) -> Answer {
        let body = json!({
            "capability": capability, "basis": basis, "slots": slots, "pieces": 100, "part": "bracket 7",
        });
        self.buyer.post("/api/v1/sharing/bookings", body).await
    }

    /// Books the mill from now on for four hours, begins, makes a piece a minute for so long, ends; the booking's id.
    pub async fn job_done(&self, capability: &str, basis: &str, minutes: i64) -> String {
        let booking = self.book(capability, basis, json!([self.slot(0, 240)])).await.expect(201);
        let job = booking.body["job"]["id"].as_str().unwrap().to_owned();
        self.shop.post(&format!("/api/v1/sharing/jobs/{job}/start"), json!(null)).await.expect(200);
        self.run("mill", minutes, Run::making(60)).await;
        self.shop.post(&format!("/api/v1/sharing/jobs/{job}/finish"), json!(null)).await.expect(200);
        id(&booking)
    }

    pub async fn booking(&self, id: &str) -> Json {
        self.buyer.get(&format!("/api/v1/sharing/bookings/{id}")).await.expect(200).body
    }

    pub async fn job_of(&self, booking: &str) -> Json {
        let job = self.booking(booking).await["job"]["id"].as_str().unwrap().to_owned();
        self.buyer.get(&format!("/api/v1/sharing/jobs/{job}")).await.expect(200).body
    }

    /// A command on a booking.
    pub async fn act(&self, by: &Api, booking: &str, what: &str, body: Json) -> Answer {
        by.post(&format!("/api/v1/sharing/bookings/{booking}/{what}"), body).await
    }

    pub async fn count(&self, table: &str) -> i64 {
        let sql = format!("SELECT COUNT(*) AS n FROM {table}");
        self.harness.host.db().one(&sql, params![]).await.unwrap().unwrap().get("n").unwrap()
    }

    /// Nothing is broken: every invariant of the record holds, books balance, no escrow is forgotten.
    pub async fn sound(&self) {
        let report = record::verify::verify(&self.harness.host, Some(self.telemetry.clone())).await.unwrap();
        assert!(report.ok(), "{}: {:#?}", self.harness.engine, report.breaches);
        let mut sums = std::collections::BTreeMap::new();
        for line in trial_balance(&self.harness.host, None).await.unwrap() {
            *sums.entry(line.party).or_insert(0) += line.net.minor();
        }
        assert!(sums.values().all(|sum| *sum == 0), "{sums:?}");
    }
}

pub fn id(answer: &Answer) -> String {
    answer.body["id"].as_str().unwrap_or_else(|| panic!("{:#}", answer.body)).to_owned()
}

pub fn cny(amount: &str) -> Json {
    json!({ "amount": amount, "currency": "CNY" })
}

/// What the mill offers: ±10 µm, by time, value or piece, with set-up and tax.
pub fn terms() -> Json {
    json!({
        "title": "Five-axis milling to ±0.01", "class": "MF.MA.MILL5", "materials": ["metal.aluminium", "metal.steel.45"],
        "envelope_mm": [500, 400, 300], "tolerance_um": 10, "roughness_nm": 800, "lot_min": 1, "lot_max": 500,
        "certificates": [{ "scheme": "ISO 9001", "expires_at": "2027-01-01T00:00:00Z" }],
        "place": { "lat_e6": 31_560_000, "lon_e6": 120_300_000 },
        "prices": [
            { "basis": "time", "unit_price": cny("280.00"), "minimum": cny("100.00") },
            { "basis": "value", "unit_price": cny("46.00"), "percent": "20.5" },
            { "basis": "pieces", "unit_price": cny("9.50") },
        ],
        "setup": cny("120.00"), "tax_percent": "13", "pieces_per_hour": "60", "dispute_window_h": 48,
    })
}
