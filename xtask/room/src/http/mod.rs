//! Endpoints: one file per noun once there are several.

use appkit::{Caller, Host, IdemKey, Json, Policy, Problem, Reply, Routes, routes};
use axum::extract::State;
use serde::{Deserialize, Serialize};

use crate::{app, store};

pub fn routes() -> Routes {
    Routes::new("ROOM_NAME")
        .add(Policy::view("ROOM_NAME.note.list"), routes!(note_list))
        .add(Policy::operate("ROOM_NAME.note.keep"), routes!(note_keep))
}

/// The organisation's notes.
#[utoipa::path(get, path = "/api/v1/ROOM_NAME/notes", tag = "ROOM_NAME", responses((status = 200, body = [String])))]
async fn note_list(State(host): State<Host>, caller: Caller) -> appkit::Result<Json<Vec<String>>> {
    Ok(Json(store::note_list(host.db(), caller.tenant).await?))
}

#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct KeepNote {
    /// 1 to 200 characters.
    text: String,
}

/// Keeps a note.
#[utoipa::path(post, path = "/api/v1/ROOM_NAME/notes", tag = "ROOM_NAME", request_body = KeepNote,
    responses((status = 201, body = String), (status = 400, body = Problem)))]
async fn note_keep(
    State(host): State<Host>,
    caller: Caller,
    key: IdemKey,
    Json(request): Json<KeepNote>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "ROOM_NAME.note.keep", &key, &request).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let id = app::note_keep(command.tx(), &request.text).await?;
    command.reply(201, &id).await
}
