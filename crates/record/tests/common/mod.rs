//! A park of two companies and one machine, on a telemetry store that keeps everything in memory and can be tampered with.

#![expect(dead_code, reason = "each test file uses a part of it")]

use std::sync::{Arc, Mutex};

use appkit::Caller;
use contracts::{
    BoxFuture,
    telemetry::{
        Buckets, ConflictRecord, Damage, Listener, Outcome, Point, Position, Quality, RangeAnswer, RangeQuery, Receipt,
        Sample, SeriesInfo, SeriesKey, StoreStats, Stored, TelemetryStore, Value, ValueType,
    },
    twin::{MachineDirectory, MachineFacts, MachineState, PropertyFacts, StateSpan},
};
use kernel::{
    Currency, Duration, Money, Result, SeededChance, Timestamp, Unit, Window,
    id::{AgreementId, AssetId, MeterId, PartyId},
};
use record::{
    agreement::{Basis, Clause, Coverage, Escrow, NewAgreement, Price, agreement_conclude},
    ledger::cash_pay_in_in_tx,
    meter::{NewMeter, meter_create, rules::Rule},
};
use testkit::{Harness, START};

#[derive(Default)]
pub struct MemoryTelemetry {
    rows: Mutex<Vec<(SeriesKey, Stored)>>,
    pub damaged: Mutex<bool>,
}

impl MemoryTelemetry {
    pub fn add(&self, asset: AssetId, property: &str, at: Timestamp, value: Value) {
        let mut rows = self.rows.lock().unwrap();
        let position = Position::new(1, rows.len() as u64 + 1);
        let sample = Sample { source_time: at, receive_time: at, value, quality: Quality::Good, sequence: 0 };
        rows.push((SeriesKey::new(asset, property), Stored { position, sample }));
    }

    /// Changes a stored value behind everybody's back.
    pub fn tamper(&self, index: usize, value: Value) {
        self.rows.lock().unwrap()[index].1.sample.value = value;
    }

    pub fn find(&self, property: &str, from: Timestamp) -> usize {
        let rows = self.rows.lock().unwrap();
        rows.iter().position(|(key, row)| &*key.property == property && row.sample.source_time >= from).unwrap()
    }

    fn of(&self, series: &SeriesKey, as_of: Position) -> Vec<Stored> {
        let rows = self.rows.lock().unwrap();
        let mut found: Vec<Stored> = rows
            .iter()
            .filter(|(key, row)| key == series && row.position <= as_of)
            .map(|(_, row)| row.clone())
            .collect();
        found.sort_by_key(|row| (row.sample.source_time, row.sample.sequence));
        found
    }
}

impl TelemetryStore for MemoryTelemetry {
    fn append(&self, batch: Vec<Point>) -> BoxFuture<'_, Result<Receipt>> {
        Box::pin(async move {
            let outcomes = vec![Outcome::Accepted; batch.len()];
            for point in batch {
                self.add(point.series.asset, &point.series.property, point.sample.source_time, point.sample.value);
            }
            Ok(Receipt { position: self.position(), outcomes })
        })
    }
    fn append_bulk(&self, batch: Vec<Point>) -> BoxFuture<'_, Result<Receipt>> {
        self.append(batch)
    }
    fn latest(&self, series: &SeriesKey) -> Option<Stored> {
        self.of(series, Position::MAX).pop()
    }
    fn range(&self, query: &RangeQuery) -> Result<RangeAnswer> {
        let mut samples: Vec<Stored> = self
            .of(&query.series, query.as_of)
            .into_iter()
            .filter(|row| query.window.contains(row.sample.source_time))
            .collect();
        let damaged = *self.damaged.lock().unwrap();
        let complete = samples.len() <= query.limit && !damaged;
        samples.truncate(query.limit);
        Ok(RangeAnswer { samples, complete, damaged: if damaged { vec!["seg-1 at 4096".into()] } else { Vec::new() } })
    }
    fn last_before(&self, series: &SeriesKey, at: Timestamp, as_of: Position) -> Result<Option<Stored>> {
        Ok(self.of(series, as_of).into_iter().rfind(|row| row.sample.source_time <= at))
    }
    fn aggregate(&self, _: &SeriesKey, _: Window, _: Duration) -> Result<Buckets> {
        Ok(Buckets::default())
    }
    fn series(&self, _: AssetId) -> Vec<SeriesInfo> {
        Vec::new()
    }
    fn conflicts(&self, _: AssetId, _: usize) -> Vec<ConflictRecord> {
        Vec::new()
    }
    fn position(&self) -> Position {
        Position::new(1, self.rows.lock().unwrap().len() as u64)
    }
    fn stats(&self) -> StoreStats {
        StoreStats::default()
    }
    fn listen(&self, _: Listener) {}
    fn scrub(&self) -> Result<Vec<Damage>> {
        Ok(Vec::new())
    }
}

/// One machine, known to everybody who asks by its id.
pub struct Machines {
    pub asset: AssetId,
    pub owner: PartyId,
}

impl MachineDirectory for Machines {
    fn machine(&self, asset: AssetId) -> Option<Arc<MachineFacts>> {
        let property = |id: &str, value_type| PropertyFacts {
            id: id.into(),
            name_zh: id.into(),
            name_en: id.into(),
            value_type,
            unit: None,
            counter: false,
        };
        (asset == self.asset).then(|| {
            Arc::new(MachineFacts {
                asset,
                tenant: self.owner,
                name: "CNC-07".into(),
                code: "CNC-07".into(),
                kind: "cnc".into(),
                properties: vec![property("state", ValueType::Str), property("good_count", ValueType::I64)],
            })
        })
    }
    fn machines(&self, _: PartyId) -> Vec<Arc<MachineFacts>> {
        Vec::new()
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

pub fn cny(minor: i64) -> Money {
    Money::from_minor(minor, Currency::CNY)
}

/// The park: a shop that owns a machine, a buyer with money, three meters, four hours of telemetry.
pub struct Park {
    pub harness: Harness,
    pub telemetry: Arc<MemoryTelemetry>,
    pub shop: PartyId,
    pub buyer: PartyId,
    pub stranger: PartyId,
    pub asset: AssetId,
    pub hours: MeterId,
    pub pieces: MeterId,
    pub energy: MeterId,
    /// The window of the job: the second and third hour.
    pub window: Window,
}

impl Park {
    pub fn caller(&self) -> Caller {
        testkit::admin(self.shop)
    }
}

pub const HOURS: &str =
    r#"{"rule":"time_in_state@1","property":"state","gap_max_ms":120000,"decimals":4,"values":["running"]}"#;
pub const PIECES: &str = r#"{"rule":"counter_difference@1","property":"good_count","gap_max_ms":120000,"decimals":0,"multiplier":"1","on_drop":"refuse"}"#;
pub const ENERGY: &str = r#"{"rule":"trapezoid_integral@1","property":"power_kw","gap_max_ms":120000,"decimals":3,"per":"HUR","multiplier":"1"}"#;

pub fn price(basis: Basis, unit: &str, unit_price: &str, meter: Option<MeterId>) -> Clause {
    Clause::Price(Price {
        basis,
        unit: Unit::of(unit).unwrap(),
        quantity_decimals: if unit == "HUR" { 4 } else { 0 },
        unit_price: unit_price.parse().unwrap(),
        share_percent: (basis == Basis::Value).then(|| "20.5".parse().unwrap()),
        currency: Currency::CNY,
        minimum: None,
        cap: None,
        tax_percent: "13".parse().unwrap(),
        meter,
    })
}

/// The parks on every engine that is there.
pub async fn parks() -> Vec<Park> {
    let telemetry = Arc::new(Mutex::new(Vec::new()));
    let wire = |builder: appkit::HostBuilder| {
        let memory = Arc::new(MemoryTelemetry::default());
        telemetry.lock().unwrap().push(memory.clone());
        let machines =
            Arc::new(Machines { asset: AssetId::at(START, &SeededChance::new(21)), owner: testkit::party(11) });
        builder.port::<dyn TelemetryStore>(memory).port::<dyn MachineDirectory>(machines).module(record::module())
    };
    let harnesses = testkit::hosts(wire).await;
    let stores: Vec<Arc<MemoryTelemetry>> = telemetry.lock().unwrap().clone();
    let mut parks = Vec::new();
    for (harness, telemetry) in harnesses.into_iter().zip(stores) {
        parks.push(park(harness, telemetry).await);
    }
    parks
}

async fn park(harness: Harness, telemetry: Arc<MemoryTelemetry>) -> Park {
    let (shop, buyer, stranger) = (testkit::party(11), testkit::party(12), testkit::party(13));
    let asset = AssetId::at(START, &SeededChance::new(21));
    for minute in 0..=240i64 {
        let at = START + Duration::from_mins(minute);
        let running = minute % 10 != 9;
        telemetry.add(asset, "state", at, Value::Str(if running { "running" } else { "idle" }.into()));
        telemetry.add(asset, "good_count", at, Value::I64(1000 + minute / 2));
        telemetry.add(asset, "power_kw", at, Value::F64(if running { 7.5 } else { 1.25 }));
    }
    harness.clock.advance(Duration::from_hours(4));
    let mut tx = harness.host.begin(&testkit::admin(shop)).await.unwrap();
    let mut meters = Vec::new();
    for (name, unit, rule) in [("hours", "HUR", HOURS), ("pieces", "H87", PIECES), ("energy", "KWH", ENERGY)] {
        let rule: Rule = serde_json::from_str(rule).unwrap();
        let new = NewMeter {
            tenant: shop,
            asset,
            name: name.into(),
            unit: Unit::of(unit).unwrap(),
            rule,
            active_from: Some(START),
        };
        meters.push(meter_create(&mut tx, new).await.unwrap().id);
    }
    cash_pay_in_in_tx(&mut tx, buyer, cny(1_000_000), "opening").await.unwrap();
    tx.commit().await.unwrap();
    let window = Window { from: START + Duration::from_hours(1), to: START + Duration::from_hours(3) };
    let (hours, pieces, energy) = (meters[0], meters[1], meters[2]);
    Park { harness, telemetry, shop, buyer, stranger, asset, hours, pieces, energy, window }
}

/// An agreement in force between shop and buyer.
pub async fn agreement(park: &Park, prices: Vec<Clause>, escrow_minor: i64) -> AgreementId {
    let mut clauses = prices;
    clauses.push(Clause::Escrow(Escrow { amount: cny(escrow_minor) }));
    clauses.push(Clause::Coverage(Coverage { minimum: "0.95".parse().unwrap() }));
    let new = NewAgreement {
        title: "four hours of machining".into(),
        provider: park.shop,
        receiver: park.buyer,
        others: Vec::new(),
        parent: None,
        offer: None,
        clauses,
    };
    let mut tx = park.harness.host.begin(&park.caller()).await.unwrap();
    let agreement = agreement_conclude(&mut tx, new, "test").await.unwrap();
    record::ledger::escrow_fund_in_tx(&mut tx, agreement.id, park.buyer, cny(escrow_minor)).await.unwrap();
    tx.commit().await.unwrap();
    agreement.id
}
