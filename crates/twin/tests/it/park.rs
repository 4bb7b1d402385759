//! A park under test: a host with the twin on a store in memory, one organisation, one machine, and hands to feed it.

use std::sync::Arc;

use appkit::{Caller, HostBuilder, Role, identity};
use contracts::telemetry::{Point, Quality, Sample, SeriesKey, TelemetryStore, Value};
use kernel::{
    Duration, Timestamp, Unit,
    id::{AssetId, PartyId, ThingModelId},
};
use models::alarm::{Message, Priority, RuleText};
use serde_json::{Value as Json, json};
use testkit::{Api, Harness, admin, party};
use twin::{
    DeviceNew, Level, MetricMapping, NodeNew, ThingModelNew, Twin, asset_create_in_tx, device_register_in_tx,
    state_rule_from_text, thing_model_import_in_tx,
};

use crate::memory::MemoryStore;

pub struct Park {
    pub h: Harness,
    pub twin: Arc<Twin>,
    pub store: Arc<MemoryStore>,
    pub tenant: PartyId,
    pub model: ThingModelId,
    pub machine: AssetId,
    pub api: Api,
}

pub fn document() -> Json {
    json!({
        "properties": [
            { "id": "power", "name": "有功功率", "valueType": { "type": "double", "unit": "kilowatt", "min": 0, "max": 100 }, "expands": { "nameEn": "Power" } },
            { "id": "temp", "name": "温度", "valueType": { "type": "double", "unit": "celsiusDegrees" } },
            { "id": "fault", "name": "故障", "valueType": { "type": "int" } },
            { "id": "parts", "name": "产量", "valueType": { "type": "long", "unit": "count" }, "expands": { "counter": true } },
            { "id": "mode", "name": "模式", "valueType": { "type": "string" } },
        ],
        "functions": [], "events": [], "tags": [],
    })
}

pub const STATE_RULE: &str = "down: fault > 0; running: power > 2 kW; idle: power > 0.1 kW; off: true";

pub fn model_new(document: Json) -> ThingModelNew {
    ThingModelNew {
        code: "cnc-5".into(),
        name_zh: "加工中心".into(),
        name_en: "Machining centre".into(),
        kind: "cnc".into(),
        document,
        state_rule: Some(state_rule_from_text(STATE_RULE, 180_000).unwrap()),
    }
}

pub fn machine_new(code: &str, model: ThingModelId) -> NodeNew {
    NodeNew {
        parent: None,
        level: Level::WorkUnit,
        code: code.into(),
        name: format!("{code} 号机"),
        kind: None,
        model: Some((model, None)),
        state_rule: None,
    }
}

pub fn hot(limit: &str) -> RuleText {
    RuleText::new(format!("temp > {limit}"), Priority::High, Message::new("温度高", "Temperature high"))
}

/// A park on every engine that is there.
pub async fn parks() -> Vec<Park> {
    let mut parks = Vec::new();
    // Each host has its own twin and store; `hosts` builds them one after another.
    let wired = std::sync::Mutex::new(Vec::new());
    let wire = |builder: HostBuilder| {
        let (twin, store) = (Twin::new(), Arc::new(MemoryStore::default()));
        wired.lock().unwrap().push((twin.clone(), store.clone()));
        twin.wire(builder.port::<dyn TelemetryStore>(store))
    };
    let hosts = testkit::hosts(wire).await;
    for (h, (twin, store)) in hosts.into_iter().zip(wired.into_inner().unwrap()) {
        let tenant = party(1);
        twin.start(&h.host).await.unwrap();
        let mut tx = h.host.begin(&Caller::system_for(tenant)).await.unwrap();
        identity::organisation_create_in_tx(&mut tx, tenant, "一号厂", "Plant one", true).await.unwrap();
        let model = thing_model_import_in_tx(&mut tx, tenant, model_new(document())).await.unwrap().version.id;
        let machine = asset_create_in_tx(&mut tx, tenant, machine_new("M-01", model)).await.unwrap().id;
        tx.commit().await.unwrap();
        twin.settle(&h.host).await.unwrap();
        let api = signed_in(&h, tenant).await;
        parks.push(Park { h, twin, store, tenant, model, machine, api });
    }
    parks
}

/// An API client of an organisation, with every role.
pub async fn signed_in(h: &Harness, tenant: PartyId) -> Api {
    let mut tx = h.host.begin(&admin(tenant)).await.unwrap();
    let (_, secret, _) = identity::token_create_in_tx(&mut tx, "test", &[Role::Admin], None).await.unwrap();
    tx.commit().await.unwrap();
    Api::new(&h.host).bearer(&secret)
}

impl Park {
    pub fn now(&self) -> Timestamp {
        self.h.host.now()
    }

    /// Another organisation, signed in.
    pub async fn stranger(&self, number: u64) -> (PartyId, Api) {
        let tenant = party(number);
        let mut tx = self.h.host.begin(&Caller::system_for(tenant)).await.unwrap();
        identity::organisation_create_in_tx(&mut tx, tenant, "他厂", "Another plant", true).await.unwrap();
        tx.commit().await.unwrap();
        (tenant, signed_in(&self.h, tenant).await)
    }

    /// Stores samples of the machine at a moment.
    pub async fn measure(&self, at: Timestamp, values: &[(&str, f64)]) {
        self.measure_on(self.machine, at, values).await;
    }

    pub async fn measure_on(&self, asset: AssetId, at: Timestamp, values: &[(&str, f64)]) {
        let point = |(property, value): &(&str, f64)| {
            let value = match *property {
                "fault" | "parts" => Value::I64(*value as i64),
                _ => Value::F64(*value),
            };
            let sample = Sample { source_time: at, receive_time: at, value, quality: Quality::Good, sequence: 0 };
            Point { series: SeriesKey::new(asset, *property), sample }
        };
        self.store.append(values.iter().map(point).collect()).await.unwrap();
    }

    /// Lets time pass, measuring the same every ten seconds, and evaluates.
    pub async fn run(&self, secs: i64, values: &[(&str, f64)]) {
        for _ in 0..secs / 10 {
            self.measure(self.now(), values).await;
            self.h.clock.advance(Duration::from_secs(10));
            self.settle().await;
        }
    }

    pub async fn settle(&self) {
        self.twin.settle(&self.h.host).await.unwrap();
    }

    pub async fn get(&self, path: &str) -> Json {
        self.api.get(path).await.expect(200).body
    }

    pub fn machine_path(&self, rest: &str) -> String {
        format!("/api/v1/machines/{}{rest}", self.machine)
    }

    pub async fn device(&self, name: &str, metrics: Vec<MetricMapping>) -> kernel::Result<(twin::Device, String)> {
        let mut tx = self.h.host.begin(&admin(self.tenant)).await?;
        let new = DeviceNew { name: name.into(), metrics, poll: None, enabled: true };
        let made = device_register_in_tx(&mut tx, self.tenant, new).await?;
        tx.commit().await?;
        Ok(made)
    }

    pub fn metric(&self, metric: &str, property: &str) -> MetricMapping {
        MetricMapping::direct(metric, self.machine, property)
    }
}

pub fn unit(code: &str) -> Unit {
    Unit::of(code).unwrap()
}
