//! A new room with the same doors as the others: one noun, one table, one endpoint, one empty page, one test.

use std::{fs, path::Path};

use anyhow::{Context, bail, ensure};

pub fn run(root: &Path, name: &str, zh: &str, en: &str) -> anyhow::Result<()> {
    let fine = |c: char| c.is_ascii_lowercase() || c == '-';
    ensure!(!name.is_empty() && name.chars().all(fine), "a room's name is lower-case letters and hyphens");
    let room = root.join("modules").join(name);
    if room.exists() {
        bail!("modules/{name} exists already");
    }
    let snake = name.replace('-', "_");
    for (path, text) in files(name, &snake, zh, en) {
        let path = room.join(path);
        fs::create_dir_all(path.parent().context("a parent folder")?)?;
        let mut file = fs::File::create(&path)?;
        std::io::Write::write_all(&mut file, text.as_bytes())?;
    }
    insert(root, "Cargo.toml", "sharing = { path", &format!("{name} = {{ path = \"modules/{name}\" }}\n"))?;
    insert(root, "crates/server/Cargo.toml", "sharing.workspace", &format!("{name}.workspace = true\n"))?;
    replace(
        root,
        "crates/server/src/rooms.rs",
        "sharing::module()]",
        &format!("sharing::module(), {snake}::module()]"),
    )?;
    replace(
        root,
        "ARCHITECTURE.md",
        "(七 共享制造, shared manufacturing).",
        &format!("(七 共享制造, shared manufacturing), `modules/{name}` ({zh}, {en})."),
    )?;
    println!(
        "modules/{name} is there: `cargo test -p {name}`, then grow its domain. To undo: remove the folder and the four lines."
    );
    Ok(())
}

/// Puts a line before the first line that begins like this.
fn insert(root: &Path, file: &str, before: &str, line: &str) -> anyhow::Result<()> {
    let text = fs::read_to_string(root.join(file))?;
    let at = text.find(before).with_context(|| format!("{file} has no line with {before:?}"))?;
    write(root, file, &format!("{}{line}{}", &text[..at], &text[at..]))
}

fn replace(root: &Path, file: &str, from: &str, to: &str) -> anyhow::Result<()> {
    let text = fs::read_to_string(root.join(file))?;
    ensure!(text.contains(from), "{file} does not contain {from:?}");
    write(root, file, &text.replacen(from, to, 1))
}

fn write(root: &Path, file: &str, text: &str) -> anyhow::Result<()> {
    let mut out = fs::File::create(root.join(file))?;
    std::io::Write::write_all(&mut out, text.as_bytes())?;
    Ok(())
}

fn files(name: &str, snake: &str, zh: &str, en: &str) -> Vec<(&'static str, String)> {
    vec![
        (
            "Cargo.toml",
            format!(
                "[package]\nname = \"{name}\"\nversion.workspace = true\nedition.workspace = true\nrust-version.workspace = true\n\
                 license.workspace = true\npublish.workspace = true\n\n[dependencies]\nappkit.workspace = true\naxum.workspace = true\n\
                 kernel.workspace = true\nserde.workspace = true\nutoipa.workspace = true\nutoipa-axum.workspace = true\n\n\
                 [dev-dependencies]\ntestkit.workspace = true\ntokio.workspace = true\n\n[lints]\nworkspace = true\n"
            ),
        ),
        (
            "README.md",
            format!(
                "# {name}\n\n{zh} ({en}). What the room is, its nouns, its promises, the scenarios of its chapter and where each is tested.\n"
            ),
        ),
        (
            "src/lib.rs",
            format!(
                "//! {zh} ({en}).\n//!\n//! Doors: `domain` (pure rules), `app` (use cases, one transaction each), `store` (SQL), `http` (one file per noun).\n\n\
                 mod app;\nmod domain;\nmod http;\nmod store;\n\nuse appkit::Module;\n\n/// The only door other crates may use.\npub fn module() -> Module {{\n    \
                 Module::named(\"{name}\")\n        .migrations(&[(\"0001_{snake}\", include_str!(\"../migrations/0001_{snake}.sql\"))])\n        \
                 .routes(http::routes())\n        .texts(include_str!(\"../locale/zh.json\"))\n}}\n"
            ),
        ),
        ("src/domain/mod.rs", DOMAIN.replace("ROOM", name)),
        ("src/app/mod.rs", APP.replace("ROOM", name)),
        ("src/store/mod.rs", STORE.replace("ROOM", snake)),
        ("src/http/mod.rs", HTTP.replace("ROOM", name)),
        (
            "locale/zh.json",
            format!(
                "{{\n  \"{name}.note.text\": {{ \"message\": \"备注须为 1 到 200 个字符\", \"hint\": null }}\n}}\n"
            ),
        ),
        ("tests/room.rs", TEST.replace("SNAKE", snake).replace("ROOM", name)),
        ("web/index.ts", web_index(name)),
        ("web/pages/Home.vue", web_page()),
        (
            "web/locale/zh.ts",
            format!(
                "// The room's words. Chinese is written first.\n\nexport const zh = {{\n  'nav': '{zh}',\n  'empty': '这里还没有内容',\n}}\n"
            ),
        ),
        (
            "web/locale/en.ts",
            format!(
                "import type {{ zh }} from './zh'\n\nexport const en: Record<keyof typeof zh, string> = {{\n  'nav': '{en}',\n  'empty': 'Nothing here yet',\n}}\n"
            ),
        ),
        ("scenarios/README.md", format!("# Scenarios of {name}\n\nThe chapter's stories, each run by a test.\n")),
        ("demo/README.md", format!("# Demo of {name}\n\nData that shows the room in use.\n")),
        (
            migration_path(snake),
            format!(
                "CREATE TABLE {snake}_note (\n    id TEXT NOT NULL PRIMARY KEY,\n    tenant TEXT NOT NULL,\n    text TEXT NOT NULL,\n    created_at BIGINT NOT NULL\n);\n"
            ),
        ),
    ]
}

/// The one file whose name depends on the room; leaked once, by a program that ends right after.
fn migration_path(snake: &str) -> &'static str {
    Box::leak(format!("migrations/0001_{snake}.sql").into_boxed_str())
}

fn web_index(name: &str) -> String {
    format!(
        "import {{ defineRoom }} from '@/rooms'\nimport {{ en }} from './locale/en'\nimport {{ zh }} from './locale/zh'\n\n\
         export default defineRoom({{\n  id: '{name}',\n  routes: [{{ path: '/{name}', name: '{name}', component: () => import('./pages/Home.vue') }}],\n  \
         links: [{{ entry: 'build', order: 99, route: '{name}', title: () => zh.nav, names: {{ zh: zh.nav, en: en.nav }} }}],\n}})\n"
    )
}

fn web_page() -> String {
    "<script setup lang=\"ts\">\nimport { zh } from '../locale/zh'\n</script>\n\n<template>\n  <main class=\"page\">\n    <h1>{{ zh.nav }}</h1>\n    <p>{{ zh.empty }}</p>\n  </main>\n</template>\n".to_owned()
}

const DOMAIN: &str = r#"//! Nouns, states and rules: pure, synchronous, no SQL, no serde.

use kernel::{Error, Result};

/// A note: the first noun, to be replaced by the room's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note(pub String);

impl Note {
    /// Refuses an empty or endless one.
    pub fn new(text: &str) -> Result<Self> {
        if (1..=200).contains(&text.chars().count()) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::invalid("ROOM.note.text", "a note has 1 to 200 characters").field("/text", "1 to 200 characters"))
    }
}
"#;

const APP: &str = r#"//! Use cases: load → rules → save and publish, one transaction each.

use appkit::Tx;
use kernel::Result;

use crate::{domain::Note, store};

/// Keeps a note of the caller's organisation.
pub async fn note_keep(tx: &mut Tx, text: &str) -> Result<String> {
    let note = Note::new(text)?;
    let id = store::note_insert(tx, &note).await?;
    let tenant = tx.caller().tenant;
    tx.publish("ROOM.note.kept", 1, id.clone(), tenant, &())?;
    Ok(id)
}
"#;

const STORE: &str = r#"//! SQL: the tables of this room and no others.

use appkit::{Db, Tx, params};
use kernel::{Result, id::{Entry, PartyId}};

use crate::domain::Note;

pub async fn note_insert(tx: &mut Tx, note: &Note) -> Result<String> {
    let (id, now, tenant) = (tx.new_id::<Entry>(), tx.now(), tx.caller().tenant);
    tx.exec(
        "INSERT INTO ROOM_note (id, tenant, text, created_at) VALUES ($1, $2, $3, $4)",
        params![id, tenant, &note.0, now],
    )
    .await?;
    Ok(id.to_string())
}

pub async fn note_list(db: &Db, tenant: PartyId) -> Result<Vec<String>> {
    let sql = "SELECT text FROM ROOM_note WHERE tenant = $1 ORDER BY id LIMIT 500";
    db.rows(sql, params![tenant]).await?.iter().map(|row| row.get("text")).collect()
}
"#;

const HTTP: &str = r#"//! Endpoints: one file per noun once there are several.

use appkit::{Caller, Host, IdemKey, Json, Policy, Reply, Routes, routes};
use axum::extract::State;
use serde::{Deserialize, Serialize};

use crate::{app, store};

pub fn routes() -> Routes {
    Routes::new("ROOM")
        .add(Policy::view("ROOM.note.list"), routes!(note_list))
        .add(Policy::operate("ROOM.note.keep"), routes!(note_keep))
}

/// The organisation's notes.
#[utoipa::path(get, path = "/api/v1/ROOM/notes", tag = "ROOM", responses((status = 200, body = [String])))]
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
#[utoipa::path(post, path = "/api/v1/ROOM/notes", tag = "ROOM", request_body = KeepNote, responses((status = 201, body = String)))]
async fn note_keep(
    State(host): State<Host>,
    caller: Caller,
    key: IdemKey,
    Json(request): Json<KeepNote>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "ROOM.note.keep", &key, &request).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let id = app::note_keep(command.tx(), &request.text).await?;
    command.reply(201, &id).await
}
"#;

const TEST: &str = r#"//! The room's doors: what is kept is there, for its own organisation only.

#[tokio::test]
async fn the_module_builds_and_its_doors_are_guarded() {
    for h in testkit::hosts(|builder| builder.module(SNAKE::module())).await {
        let api = testkit::Api::new(&h.host);
        api.get("/api/v1/ROOM/notes").await.expect(401);
        let rows = h.host.db().rows("SELECT * FROM SNAKE_note", vec![]).await.unwrap();
        assert!(rows.is_empty(), "{}", h.engine);
    }
}
"#;
