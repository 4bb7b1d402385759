use std::{collections::BTreeMap, time::Duration};

use axum::{
    extract::{
        State, WebSocketUpgrade,
        ws::{Message, WebSocket},
    },
    http::{HeaderMap, Method},
    response::Response,
};
use kernel::Error;
use serde::Deserialize;
use serde_json::json;

use crate::{Caller, Host, Policy, identity};

/// How often a tab is served.
const PERIOD: Duration = Duration::from_millis(200);
/// How often the credential is looked at again: a session that ended stops the stream (P14).
const RECHECK_TICKS: u32 = 10;
/// Topics per tab.
const TOPICS_MAX: usize = 256;

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
enum Wish {
    Subscribe { topics: Vec<String> },
    Unsubscribe { topics: Vec<String> },
}

/// One WebSocket per tab. Send `{"op":"subscribe","topics":["machine/<id>","park","alarms","changes"]}`; receive
/// `{"topic","data"}`: the newest message of each topic, at most five times a second, decided on at every delivery.
#[utoipa::path(get, path = "/api/v1/live", tag = "platform", responses((status = 101, description = "WebSocket")))]
pub(super) async fn live(
    State(host): State<Host>,
    caller: Caller,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> crate::Result<Response> {
    // Browsers send cookies with cross-site sockets: the origin must be ours.
    if let (Some(origin), Some(own)) = (text(&headers, "origin"), text(&headers, "host"))
        && origin.split_once("://").map(|(_, host)| host) != Some(own)
    {
        return Err(Error::denied("appkit.live.foreign-origin", "another site may not open this stream").into());
    }
    Ok(upgrade.max_message_size(64 * 1024).on_upgrade(move |socket| serve(host, caller, headers, socket)))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

async fn serve(host: Host, caller: Caller, headers: HeaderMap, mut socket: WebSocket) {
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    let mut changes_seen = i64::MAX;
    let mut ticks = tokio::time::interval(PERIOD);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let mut count = 0u32;
    loop {
        tokio::select! {
            received = socket.recv() => match received {
                Some(Ok(Message::Text(text))) => match serde_json::from_str::<Wish>(&text) {
                    Ok(Wish::Subscribe { topics }) => {
                        for topic in topics {
                            if topic == "changes" {
                                changes_seen = host.live().changes_after(caller.tenant, 0).last().map_or(0, |(seq, _)| *seq);
                            } else if seen.len() < TOPICS_MAX {
                                seen.insert(topic, 0);
                            }
                        }
                    }
                    Ok(Wish::Unsubscribe { topics }) => seen.retain(|topic, _| !topics.contains(topic)),
                    Err(_) => {
                        let refusal = json!({ "error": { "code": "appkit.live.malformed" } }).to_string();
                        if socket.send(Message::Text(refusal.into())).await.is_err() { return }
                    }
                },
                Some(Ok(Message::Close(_))) | None | Some(Err(_)) => return,
                Some(Ok(_)) => {}
            },
            _ = ticks.tick() => {
                count += 1;
                if count.is_multiple_of(RECHECK_TICKS) {
                    match identity::authenticate(&host, &Method::GET, &headers).await {
                        Ok(again) if again.subject == caller.subject && again.tenant == caller.tenant => {}
                        _ => return,
                    }
                }
                if deliver(&host, &caller, &mut socket, &mut seen, &mut changes_seen).await.is_err() { return }
            }
        }
    }
}

async fn deliver(
    host: &Host,
    caller: &Caller,
    socket: &mut WebSocket,
    seen: &mut BTreeMap<String, u64>,
    changes_seen: &mut i64,
) -> Result<(), axum::Error> {
    for (topic, version) in seen.iter_mut() {
        let Some(message) = host.live().newer(caller.tenant, topic, *version) else { continue };
        *version = message.version;
        // A grant may cover the whole object or only some of its values: what is left may be nothing.
        let whole = host.access().permits(caller, Policy::view("appkit.live.read"), &message.object, host.now());
        let data = host.access().visible(caller, &message.object, message.data, host.now());
        let some = data.get("values").and_then(serde_json::Value::as_object).is_some_and(|values| !values.is_empty());
        if !whole && (message.object.owner() == caller.tenant || !some) {
            continue;
        }
        let text = json!({ "topic": topic, "data": data }).to_string();
        socket.send(Message::Text(text.into())).await?;
    }
    let changes = host.live().changes_after(caller.tenant, *changes_seen);
    if let Some((last, _)) = changes.last() {
        *changes_seen = *last;
        let list: Vec<_> = changes.into_iter().map(|(_, change)| change).collect();
        let text = json!({ "topic": "changes", "data": list }).to_string();
        socket.send(Message::Text(text.into())).await?;
    }
    Ok(())
}
