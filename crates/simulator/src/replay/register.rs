//! Recordings as machines of a running platform: thing model, place in the tree, device, through its API like anybody else.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use http_body_util::{BodyExt, Full, Limited};
use hyper::{Method, Request, body::Bytes, header};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use kernel::{Error, Result};
use serde_json::{Value, json};

use super::Recording;

const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// A recorded machine is unknown when its recording has said nothing for this long.
const SILENCE_MS: i64 = 10 * 60_000;

/// Registers what is missing and answers each recording, named by its machine's id, with a device token. A device that is there already, from an earlier
/// run, gets a new token.
///
/// # Errors
/// `simulator.replay.refused` with what the platform said, `simulator.replay.unanswered`.
pub async fn register(http: SocketAddr, token: &str, recordings: Vec<Recording>) -> Result<Vec<(Recording, String)>> {
    let api = Api {
        base: format!("http://{http}/api/v1"),
        token: format!("Bearer {token}"),
        client: Client::builder(TokioExecutor::new()).build_http(),
    };
    let mut nodes = api.all("/equipment", "code").await?;
    let mut devices = api.all("/devices", "name").await?;
    let site = match nodes.get("REPLAY") {
        Some(id) => id.clone(),
        None => {
            let node = json!({ "level": "site", "code": "REPLAY", "name": "Recorded series" });
            id_of(&api.call(Method::POST, "/equipment", Some(node)).await?)?
        }
    };
    let mut models: BTreeMap<String, String> = BTreeMap::new();
    let mut registered = Vec::with_capacity(recordings.len());
    for mut recording in recordings {
        let code = format!("R-{}", recording.name.to_uppercase());
        let document = recording.thing_model();
        let model = match models.get(&document) {
            Some(id) => id.clone(),
            None => {
                let id = id_of(
                    &api.call(Method::POST, "/thing-models", Some(model_of(&code, &recording, &document)?)).await?,
                )?;
                models.insert(document, id.clone());
                id
            }
        };
        let machine = match nodes.remove(&code) {
            Some(id) => id,
            None => {
                let name = recording.file.display().to_string();
                let node =
                    json!({ "parent": site, "level": "work_unit", "code": code, "name": name, "thing_model": model });
                id_of(&api.call(Method::POST, "/equipment", Some(node)).await?)?
            }
        };
        let device = match devices.remove(&code) {
            Some(id) => api.call(Method::POST, &format!("/devices/{id}/rotate"), Some(json!({}))).await?,
            None => {
                let metrics: Vec<Value> = recording
                    .properties
                    .iter()
                    .map(|p| json!({ "metric": p.id, "asset": machine, "property": p.id }))
                    .collect();
                api.call(Method::POST, "/devices", Some(json!({ "name": code, "metrics": metrics, "enabled": true })))
                    .await?
            }
        };
        let Some(token) = device["token"].as_str() else {
            return Err(refused(&format!("the device of {code} came without a token")));
        };
        recording.name = machine;
        registered.push((recording, token.to_owned()));
    }
    Ok(registered)
}

fn model_of(code: &str, recording: &Recording, document: &str) -> Result<Value> {
    let document: Value = serde_json::from_str(document)
        .map_err(|error| Error::internal("simulator.replay.model", "a thing model cannot be read").because(error))?;
    // What a recorded machine was doing is not recorded: it runs while it speaks.
    let when = recording.properties.first().map_or(String::new(), |p| format!("{0} == {0}", p.id));
    Ok(json!({
        "code": code, "name_zh": "录制序列", "name_en": "Recorded series", "kind": "recorded", "document": document,
        "state_rule": { "cases": [{ "when": when, "state": "running" }], "silence_ms": SILENCE_MS },
    }))
}

fn id_of(answer: &Value) -> Result<String> {
    answer["id"].as_str().map(str::to_owned).ok_or_else(|| refused("an answer without an id"))
}

fn refused(words: &str) -> Error {
    Error::unprocessable("simulator.replay.refused", words.to_owned())
        .hint("the API token needs the operator's right in an organisation of the platform")
}

struct Api {
    base: String,
    token: String,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Api {
    /// Every row of a list: the value of a field → id.
    async fn all(&self, path: &str, field: &str) -> Result<BTreeMap<String, String>> {
        let mut found = BTreeMap::new();
        let mut cursor: Option<String> = None;
        loop {
            let after = cursor.as_ref().map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
            let page = self.call(Method::GET, &format!("{path}?limit=500{after}"), None).await?;
            for item in page["items"].as_array().into_iter().flatten() {
                if let (Some(name), Some(id)) = (item[field].as_str(), item["id"].as_str()) {
                    found.insert(name.to_owned(), id.to_owned());
                }
            }
            match page["next"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => return Ok(found),
            }
        }
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value> {
        let unanswered = |error: &dyn std::fmt::Display| {
            Error::unavailable("simulator.replay.unanswered", format!("no answer to {path}"))
                .hint("is the platform running at this address?")
                .because(error)
        };
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header(header::AUTHORIZATION, &self.token)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body.map(|body| body.to_string()).unwrap_or_default())))
            .map_err(|error| unanswered(&error))?;
        let answer = tokio::time::timeout(ANSWER_WITHIN, self.client.request(request))
            .await
            .map_err(|error| unanswered(&error))?
            .map_err(|error| unanswered(&error))?;
        let status = answer.status();
        let bytes =
            Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await.map_err(|error| unanswered(&error))?;
        let body: Value = serde_json::from_slice(&bytes.to_bytes()).unwrap_or(Value::Null);
        if !status.is_success() {
            return Err(refused(&format!("{path}: {status} {}", body["title"].as_str().unwrap_or(""))));
        }
        Ok(body)
    }
}
