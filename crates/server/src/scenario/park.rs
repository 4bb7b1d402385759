use std::{collections::BTreeMap, net::SocketAddr};

use appkit::{Caller, Role, identity};
use kernel::{
    Decimal, Error, Result,
    id::{AssetId, PartyId},
};
use models::alarm::{Clear, Message, Priority, RuleText};
use serde::{Deserialize, Serialize};
use simulator::{Kind, MachineSpec, Park};
use twin::{
    AlarmRuleNew, DeviceNew, Level, MetricMapping, NodeNew, Target, ThingModelNew, alarm_rule_create_in_tx,
    asset_create_in_tx, device_register_in_tx, state_rule_from_text, thing_model_import_in_tx,
};

use crate::platform::Platform;

/// A machine is unknown when nothing was heard of it for this long.
const SILENCE_MS: i64 = 5 * 60_000;

/// What the simulator must know to be the park's machines: kept in the demo's data directory, readable by its owner only.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Registered {
    /// The park.
    pub park: Park,
    /// Company code → organisation.
    pub companies: BTreeMap<String, PartyId>,
    /// In the order of the park's machines: asset and device token.
    pub machines: Vec<(AssetId, String)>,
}

/// How to sign in to the demo; random per installation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SignIn {
    /// The company's name.
    pub organisation_zh: String,
    /// The company's name.
    pub organisation_en: String,
    /// Login.
    pub login: String,
    /// Password.
    pub password: String,
}

impl Registered {
    /// The machine of a company and code.
    pub fn machine(&self, company: &str, code: &str) -> Result<(AssetId, &MachineSpec)> {
        let place = self.park.machines.iter().position(|m| m.company == company && m.code == code);
        let place =
            place.ok_or_else(|| Error::not_found("server.demo.machine", format!("no machine {company}/{code}")))?;
        Ok((self.machines[place].0, &self.park.machines[place]))
    }

    /// The organisation of a company.
    pub fn company(&self, code: &str) -> Result<PartyId> {
        let found = self.companies.get(code).copied();
        found.ok_or_else(|| Error::not_found("server.demo.company", format!("no company {code}")))
    }
}

/// Registers companies, people, thing models, machines, devices and alarm rules.
///
/// # Errors
/// What a use case refuses.
pub async fn register(platform: &Platform, park: Park, modbus: SocketAddr) -> Result<(Registered, Vec<SignIn>)> {
    let mut companies = BTreeMap::new();
    let mut sign_ins = Vec::new();
    for company in &park.companies {
        let mut tx = platform.host.begin(&Caller::system()).await?;
        let party = tx.new_id();
        identity::organisation_create_in_tx(&mut tx, party, &company.name_zh, &company.name_en, true).await?;
        let password = identity::password_random(&**platform.host.chance());
        let new = identity::NewUser {
            login: format!("demo-{}", company.code.to_lowercase()),
            name: format!("{} 演示", company.name_zh),
            password: password.clone(),
            roles: vec![Role::Admin],
            language: "zh".into(),
        };
        identity::user_create_in_tx(&mut tx, party, &new).await?;
        tx.commit().await?;
        companies.insert(company.code.clone(), party);
        sign_ins.push(SignIn {
            organisation_zh: company.name_zh.clone(),
            organisation_en: company.name_en.clone(),
            login: new.login,
            password,
        });
    }
    // The record hears of the organisations and knows them as parties.
    platform.host.settle().await?;
    let mut registered = Registered { companies, machines: Vec::new(), park };
    for company in registered.park.companies.clone() {
        let party = registered.company(&company.code)?;
        let site = plant(platform, party, &company).await?;
        let machines: Vec<MachineSpec> =
            registered.park.machines.iter().filter(|machine| machine.company == company.code).cloned().collect();
        let mut models = BTreeMap::new();
        for machine in &machines {
            let kind = machine.kind();
            if !models.contains_key(kind_code(kind)) {
                models.insert(kind_code(kind), model(platform, party, kind).await?);
            }
            registered.machines.push(equipment(platform, party, site, machine, models[kind_code(kind)], modbus).await?);
        }
    }
    // Machines were registered company by company: bring them into the park's order.
    let order: Vec<(String, String)> = registered
        .park
        .companies
        .iter()
        .flat_map(|c| registered.park.machines.iter().filter(|m| m.company == c.code))
        .map(|m| (m.company.clone(), m.code.clone()))
        .collect();
    let by_name: BTreeMap<_, _> = order.into_iter().zip(std::mem::take(&mut registered.machines)).collect();
    registered.machines = registered
        .park
        .machines
        .iter()
        .filter_map(|machine| by_name.get(&(machine.company.clone(), machine.code.clone())).cloned())
        .collect();
    platform.settle().await?;
    Ok((registered, sign_ins))
}

async fn plant(platform: &Platform, party: PartyId, company: &simulator::park::Company) -> Result<AssetId> {
    let mut tx = platform.host.begin(&Caller::system_for(party)).await?;
    let node = |parent, level, code: String, name: String| NodeNew {
        parent,
        level,
        code,
        name,
        kind: None,
        model: None,
        state_rule: None,
    };
    let top = node(None, Level::Enterprise, company.code.clone(), company.name_zh.clone());
    let enterprise = asset_create_in_tx(&mut tx, party, top).await?;
    let site =
        node(Some(enterprise.id), Level::Site, format!("{}-SITE", company.code), format!("{}工厂", company.city_zh));
    let site = asset_create_in_tx(&mut tx, party, site).await?;
    tx.commit().await?;
    Ok(site.id)
}

fn kind_code(kind: Kind) -> &'static str {
    kind.id()
}

async fn model(platform: &Platform, party: PartyId, kind: Kind) -> Result<kernel::id::ThingModelId> {
    let mut tx = platform.host.begin(&Caller::system_for(party)).await?;
    let document = serde_json::from_str(&kind.thing_model())
        .map_err(|error| Error::internal("server.demo.model", "a thing model cannot be read").because(error))?;
    let new = ThingModelNew {
        code: kind_code(kind).to_uppercase().replace('_', "-"),
        name_zh: kind.names().0.to_owned(),
        name_en: kind.names().1.to_owned(),
        kind: kind_code(kind).to_owned(),
        document,
        state_rule: Some(state_rule_from_text(kind.state_rule(), SILENCE_MS)?),
    };
    let imported = thing_model_import_in_tx(&mut tx, party, new).await?;
    let id = imported.version.id;
    for alarm in kind.alarms() {
        let priority = match alarm.priority {
            "urgent" => Priority::Urgent,
            "high" => Priority::High,
            "medium" => Priority::Medium,
            _ => Priority::Low,
        };
        let message = Message { zh: alarm.zh.to_owned(), en: alarm.en.to_owned() };
        let text = RuleText {
            clear: Clear::When(alarm.until.to_owned()),
            on_delay_ms: i64::from(alarm.delay_s) * 1000,
            ..RuleText::new(alarm.when, priority, message)
        };
        let name = format!("{}-{}", kind_code(kind), alarm.id);
        let rule = AlarmRuleNew { name, target: Target::Model(id), text, enabled: true };
        alarm_rule_create_in_tx(&mut tx, party, rule).await?;
    }
    tx.commit().await?;
    Ok(id)
}

async fn equipment(
    platform: &Platform,
    party: PartyId,
    site: AssetId,
    machine: &MachineSpec,
    model: kernel::id::ThingModelId,
    modbus: SocketAddr,
) -> Result<(AssetId, String)> {
    let mut tx = platform.host.begin(&Caller::system_for(party)).await?;
    let new = NodeNew {
        parent: Some(site),
        level: Level::WorkUnit,
        code: machine.code.clone(),
        name: machine.name_zh.clone(),
        kind: None,
        model: Some((model, None)),
        state_rule: None,
    };
    let asset = asset_create_in_tx(&mut tx, party, new).await?.id;
    let exact = |value: f64| -> Result<Decimal> {
        let text = value.to_string();
        text.parse().map_err(|error| Error::internal("server.demo.scale", format!("{text} is no scale")).because(error))
    };
    let mut metrics = Vec::new();
    for metric in &machine.metrics {
        metrics.push(MetricMapping {
            factor: exact(metric.scale)?,
            bias: exact(metric.offset)?,
            ..MetricMapping::direct(metric.metric.clone(), asset, metric.property.clone())
        });
    }
    let poll = match &machine.modbus {
        Some(map) => machine.poll(simulator::live::modbus_address(modbus, map.port_offset)?),
        None => None,
    };
    let new = DeviceNew { name: format!("{}-gw", machine.code), metrics, poll, enabled: true };
    let (_, token) = device_register_in_tx(&mut tx, party, new).await?;
    tx.commit().await?;
    Ok((asset, token))
}
