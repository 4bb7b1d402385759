//! The program as a stranger runs it.

#![expect(clippy::disallowed_methods, reason = "the tests damage files on purpose")]

use std::{
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;

fn baigong(arguments: &[&str], data: &Path, environment: &[(&str, String)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_baigong"));
    command.args(arguments).arg("--data").arg(data).envs(environment.iter().map(|(name, value)| (*name, value)));
    command.output().unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("no JSON: {}", String::from_utf8_lossy(&output.stderr)))
}

fn story(data: &Path, environment: &[(&str, String)]) -> Value {
    let output = baigong(&["story", "--seed", "1", "--json"], data, environment);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    json(&output)
}

/// Puts a story into a folder and says where its parts are.
fn told() -> (tempfile::TempDir, Value) {
    let folder = tempfile::tempdir().unwrap();
    let told = story(&folder.path().join("data"), &[]);
    (folder, told)
}

#[test]
fn the_same_seed_tells_the_same_story_on_both_databases() {
    let (folder, first) = told();
    let second = story(&folder.path().join("again"), &[]);
    assert_eq!(first["digest"], second["digest"]);
    for line in first["trial_balance"].as_array().unwrap() {
        assert_eq!(line["sum"], "0", "{line}");
    }
    let kinds = first["trace"].to_string();
    for part in ["trf_", "inv_", "clm_", "rdg_", "ni:///sha-256;", "ast_"] {
        assert!(kinds.contains(part), "the trace does not reach {part}: {:#}", first["trace"]);
    }
    assert_eq!(first["readings"].as_array().unwrap().len(), 6);
    match std::env::var("BAIGONG_TEST_PG") {
        Ok(url) => {
            let schema = format!("story_{}", std::process::id());
            let environment = [("BAIGONG_DATABASE_URL", url), ("BAIGONG_DATABASE_SCHEMA", schema)];
            let third = story(&folder.path().join("postgres"), &environment);
            assert_eq!(first["digest"], third["digest"]);
            let verified = baigong(&["verify", "--json"], &folder.path().join("postgres"), &environment);
            assert!(verified.status.success(), "{:#}", json(&verified));
        }
        Err(_) => eprintln!("BAIGONG_TEST_PG is not set: this run covers SQLite only"),
    }
    let other = baigong(&["story", "--seed", "2", "--json"], &folder.path().join("other"), &[]);
    assert_ne!(json(&other)["digest"], first["digest"]);
}

#[test]
fn verify_holds_after_the_story_and_names_what_was_changed() {
    let (folder, told) = told();
    let data = folder.path().join("data");
    let sound = baigong(&["verify", "--json"], &data, &[]);
    assert_eq!((sound.status.code(), &json(&sound)["ok"]), (Some(0), &Value::Bool(true)), "{:#}", json(&sound));

    let changed = |what: &str, change: &dyn Fn(&Path), record: &str| {
        let place = folder.path().join(what);
        copy(&data, &place);
        change(&place);
        let output = baigong(&["verify", "--json"], &place, &[]);
        assert_eq!(output.status.code(), Some(2), "{what}: {}", String::from_utf8_lossy(&output.stderr));
        let report = json(&output);
        let named = report["breaches"].to_string();
        assert!(named.contains(record), "{what}: {record} is not named in {named}");
    };
    let reading = told["readings"][0]["id"].as_str().unwrap().to_owned();
    changed("a byte of a segment", &flip_a_segment, "telemetry/seg-");
    changed("a byte of the list of segments", &flip_the_manifest, "telemetry/manifest.json");
    changed(
        "a posting",
        &|place| sql(place, "UPDATE record_transfer SET amount_minor = amount_minor + 1 WHERE seq = 2"),
        "trf_",
    );
    let edit = format!("UPDATE record_reading SET quantity = '999' WHERE id = '{reading}'");
    changed("a reading", &|place| sql(place, &edit), &reading);
    changed("a fact", &|place| sql(place, "UPDATE appkit_journal SET payload = '{}' WHERE seq = 5"), "jrn_");
}

#[test]
fn the_reference_in_docs_is_the_program_s_own() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("reference");
    let written = baigong(&["admin", "reference", "--out", out.to_str().unwrap()], &folder.path().join("data"), &[]);
    assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference");
    for name in ["openapi.json", "routes.md"] {
        let (kept, now) = (std::fs::read(docs.join(name)).unwrap(), std::fs::read(out.join(name)).unwrap());
        assert!(kept == now, "docs/reference/{name} is not current: run `cargo xtask openapi`");
    }
}

#[test]
fn evidence_is_verified_elsewhere_and_refused_when_a_byte_changed() {
    let (folder, told) = told();
    let reading = told["readings"][0]["id"].as_str().unwrap();
    let file = folder.path().join("evidence.json");
    let name = file.to_str().unwrap();
    let exported = baigong(&["evidence", "export", reading, "-o", name], &folder.path().join("data"), &[]);
    assert!(exported.status.success(), "{}", String::from_utf8_lossy(&exported.stderr));
    let elsewhere = folder.path().join("nothing-here");
    let verified = baigong(&["evidence", "verify", name, "--json"], &elsewhere, &[]);
    assert_eq!((verified.status.code(), &json(&verified)["ok"]), (Some(0), &Value::Bool(true)));
    let bytes = std::fs::read(&file).unwrap();
    for part in 1..20 {
        let mut forged = bytes.clone();
        let at = bytes.len() * part / 20;
        forged[at] = if forged[at] == b'1' { b'2' } else { b'1' };
        std::fs::write(&file, forged).unwrap();
        let refused = baigong(&["evidence", "verify", name, "--json"], &elsewhere, &[]);
        assert_eq!(refused.status.code(), Some(2), "byte {at} of {}", bytes.len());
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target)
        } else {
            drop(std::fs::copy(entry.path(), target))
        }
    }
}

/// Flips a byte inside the first block of the newest segment.
fn flip_a_segment(data: &Path) {
    let mut segments: Vec<_> =
        std::fs::read_dir(data.join("telemetry")).unwrap().map(|entry| entry.unwrap().path()).collect();
    segments.retain(|path| path.extension().is_some_and(|extension| extension == "bts"));
    segments.sort();
    let path = segments.first().unwrap();
    let mut bytes = std::fs::read(path).unwrap();
    bytes[200] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

fn flip_the_manifest(data: &Path) {
    let path = data.join("telemetry/manifest.json");
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).unwrap();
}

/// Changes the database as somebody with access to the file could.
fn sql(data: &Path, statement: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let db = appkit::DbConfig::Sqlite(data.join("baigong.db"));
        let db = appkit::Db::open(&db).await.unwrap();
        let clock: std::sync::Arc<dyn kernel::Clock> = std::sync::Arc::new(appkit::SystemClock);
        let host = appkit::Host::builder(db, clock, std::sync::Arc::new(appkit::OsChance)).build().await.unwrap();
        let mut tx = host.begin(&appkit::Caller::system()).await.unwrap();
        assert_eq!(tx.exec(statement, vec![]).await.unwrap(), 1, "{statement}");
        tx.commit().await.unwrap();
        host.db().close().await;
    });
}
