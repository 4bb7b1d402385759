//! Plays the stories of `scenarios/`: what people do, step by step, through the same doors as everybody.
//!
//! A step has `say` and one of: `call` (by whom, method and path, with `body`, `status`, `expect` and `keep`), `run` (a machine
//! spends minutes), `wait` (hours pass), `cash` (what somebody has). `$name` stands for something kept before, `+90 min` for that
//! long after the story's beginning.

use std::collections::BTreeMap;

use axum::http::Method;
use kernel::Duration;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use testkit::START;

use crate::park::{Park, Run, buyer_id, parks, shop_id};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Story {
    title: String,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    say: String,
    by: Option<String>,
    call: Option<String>,
    #[serde(default)]
    body: Json,
    status: Option<u16>,
    #[serde(default)]
    expect: BTreeMap<String, Json>,
    #[serde(default)]
    keep: BTreeMap<String, String>,
    run: Option<MachineRun>,
    wait_h: Option<i64>,
    #[serde(default)]
    cash: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MachineRun {
    machine: String,
    minutes: i64,
    cycle_s: Option<i64>,
}

struct Teller<'a> {
    park: &'a Park,
    kept: BTreeMap<String, Json>,
}

impl Teller<'_> {
    async fn tell(&mut self, step: Step) {
        if let Some(call) = &step.call {
            self.call(call, &step).await;
        }
        if let Some(run) = &step.run {
            let how = if run.cycle_s.is_some() { Run { cycle_s: run.cycle_s, ..Run::making(60) } } else { Run::idle() };
            self.park.run(&run.machine, run.minutes, how).await;
        }
        if let Some(hours) = step.wait_h {
            self.park.wait(Duration::from_hours(hours)).await;
        }
        for (who, expected) in &step.cash {
            let id = if who == "shop" { shop_id() } else { buyer_id() };
            let cash = self.park.cash(id).await;
            assert_eq!(format!("{}.{:02}", cash / 100, cash % 100), *expected, "{}: cash of {who}", step.say);
        }
    }

    async fn call(&mut self, call: &str, step: &Step) {
        let by = match step.by.as_deref() {
            Some("shop") => &self.park.shop,
            Some("works") => &self.park.works,
            Some("buyer") => &self.park.buyer,
            other => panic!("{}: nobody is called {other:?}", step.say),
        };
        let (method, path) = call.split_once(' ').unwrap();
        let path = self.text(path);
        let body = (method != "GET").then(|| self.fill(&step.body));
        let answer = by.call(Method::from_bytes(method.as_bytes()).unwrap(), &path, body).await;
        self.park.harness.host.settle().await.unwrap();
        assert_eq!(answer.status.as_u16(), step.status.unwrap_or(200), "{}: {:#}", step.say, answer.body);
        for (pointer, expected) in &step.expect {
            let expected = self.fill(expected);
            let found = answer.body.pointer(pointer).cloned().unwrap_or(Json::Null);
            assert_eq!(found, expected, "{}: {pointer} of {:#}", step.say, answer.body);
        }
        for (name, pointer) in &step.keep {
            let found = answer.body.pointer(pointer).unwrap_or_else(|| panic!("{}: no {pointer}", step.say));
            self.kept.insert(name.clone(), found.clone());
        }
    }

    fn fill(&self, value: &Json) -> Json {
        match value {
            Json::String(text) => match text.strip_prefix('$').and_then(|name| self.kept.get(name)) {
                Some(kept) => kept.clone(),
                None => json!(self.text(text)),
            },
            Json::Array(items) => items.iter().map(|item| self.fill(item)).collect(),
            Json::Object(fields) => {
                Json::Object(fields.iter().map(|(name, value)| (name.clone(), self.fill(value))).collect::<Map<_, _>>())
            }
            other => other.clone(),
        }
    }

    fn text(&self, text: &str) -> String {
        if let Some(minutes) = text.strip_prefix('+').and_then(|rest| rest.strip_suffix(" min")) {
            return (START + Duration::from_mins(minutes.parse().unwrap())).to_string();
        }
        let mut text = text.to_owned();
        for (name, value) in &self.kept {
            text = text.replace(&format!("${name}"), value.as_str().unwrap_or_default());
        }
        text
    }
}

#[tokio::test]
async fn s20_a_shop_shares_its_five_axis_mill() {
    for park in parks().await {
        let story: Story = serde_json::from_str(include_str!("../../scenarios/s20.json")).unwrap();
        println!("{} ({})", story.title, park.harness.engine);
        let mut teller = Teller { park: &park, kept: BTreeMap::new() };
        for name in ["mill", "lathe", "grinder"] {
            teller.kept.insert(name.into(), json!(park.machine(name).asset));
        }
        for step in story.steps {
            println!("- {}", step.say);
            teller.tell(step).await;
        }
        park.sound().await;
    }
}
