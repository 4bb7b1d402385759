//! The host's promises, on every engine.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use appkit::{Caller, Db, DbConfig, Host, IdemKey, Module, jobs, journal, params};
use kernel::{Clock, Duration, ManualClock, SeededChance};
use serde_json::json;
use testkit::{START, admin, hosts, party};

const TABLES: &[(&str, &str)] =
    &[("0001_note", "CREATE TABLE note_note (id BIGINT NOT NULL PRIMARY KEY, text TEXT NOT NULL, bytes BLOB)")];

fn note() -> Module {
    Module::named("note").migrations(TABLES)
}

async fn count(host: &Host, table: &str) -> i64 {
    let row = host.db().one(&format!("SELECT COUNT(*) AS n FROM {table}"), params![]).await.unwrap().unwrap();
    row.get("n").unwrap()
}

#[tokio::test]
async fn a_dropped_transaction_leaves_nothing() {
    for h in hosts(|b| b.module(note())).await {
        let mut tx = h.host.begin(&admin(party(1))).await.unwrap();
        tx.exec("INSERT INTO note_note (id, text) VALUES ($1, $2)", params![1, "gone"]).await.unwrap();
        tx.publish("note.note.written", 1, "1", party(1), &json!({})).unwrap();
        drop(tx);
        assert_eq!((count(&h.host, "note_note").await, count(&h.host, "appkit_journal").await), (0, 0), "{}", h.engine);
    }
}

#[tokio::test]
async fn effect_journal_and_key_are_one_commit_and_a_key_answers_once() {
    for h in hosts(|b| b.module(note())).await {
        let (caller, key) = (admin(party(1)), IdemKey(Some("k-1".into())));
        for round in 0..3 {
            let mut command = h.host.command(&caller, "note.write", &key, &json!({ "n": 1 })).await.unwrap();
            if let Some(reply) = command.replay() {
                assert!(round > 0 && reply.replayed);
                assert_eq!(reply.body, json!({ "id": 1 }));
                continue;
            }
            assert_eq!(round, 0);
            let tx = command.tx();
            tx.exec("INSERT INTO note_note (id, text) VALUES ($1, $2)", params![1, "once"]).await.unwrap();
            tx.publish("note.note.written", 1, "1", party(1), &json!({ "n": 1 })).unwrap();
            command.reply(201, &json!({ "id": 1 })).await.unwrap();
        }
        let other = h.host.command(&caller, "note.write", &key, &json!({ "n": 2 })).await.err().unwrap();
        assert_eq!(other.code, "appkit.idempotency.key-reused");
        assert_eq!((count(&h.host, "note_note").await, count(&h.host, "appkit_journal").await), (1, 1), "{}", h.engine);
    }
}

#[tokio::test]
async fn facts_are_chained_and_a_changed_one_is_named() {
    for h in hosts(|b| b.module(note())).await {
        for n in 0..5 {
            let mut tx = h.host.begin(&admin(party(1))).await.unwrap();
            tx.publish("note.note.written", 1, n.to_string(), party(1), &json!({ "n": n })).unwrap();
            tx.commit().await.unwrap();
        }
        assert_eq!(journal::verify(&h.host).await.unwrap(), (5, vec![]));
        let entry = journal::entries_after(&h.host, 2, 1).await.unwrap().remove(0);
        let mut tx = h.host.begin(&Caller::system()).await.unwrap();
        tx.exec("UPDATE appkit_journal SET payload = $1 WHERE seq = 3", params!["{\"n\":9}"]).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(journal::verify(&h.host).await.unwrap().1, vec![entry.id.to_string()], "{}", h.engine);
    }
}

#[tokio::test]
async fn a_handler_sees_each_fact_once_and_its_effect_moves_with_the_cursor() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let make = move |b: appkit::HostBuilder| {
        let counted = counted.clone();
        b.module(note().on("note.copy", &["note.note.written"], move |_, entry, tx| {
            let counted = counted.clone();
            Box::pin(async move {
                let first = counted.fetch_add(1, Ordering::SeqCst) == 0;
                tx.exec("INSERT INTO note_note (id, text) VALUES ($1, $2)", params![entry.seq, &entry.kind]).await?;
                // Fails after its effect: the effect must not stay.
                if first { Err(kernel::Error::unavailable("note.flaky", "not yet")) } else { Ok(()) }
            })
        }))
    };
    for h in hosts(make).await {
        calls.store(0, Ordering::SeqCst);
        for n in 0..3 {
            let mut tx = h.host.begin(&admin(party(1))).await.unwrap();
            tx.publish(if n == 1 { "note.other" } else { "note.note.written" }, 1, "x", party(1), &json!({})).unwrap();
            tx.commit().await.unwrap();
        }
        assert!(h.host.settle().await.is_err());
        assert_eq!(count(&h.host, "note_note").await, 0);
        h.host.settle().await.unwrap();
        h.host.settle().await.unwrap();
        assert_eq!(count(&h.host, "note_note").await, 2, "{}", h.engine);
    }
}

#[tokio::test]
async fn a_job_runs_when_it_is_due_and_once() {
    let make = |b: appkit::HostBuilder| {
        b.module(note().job("note.later", |_, payload, tx| {
            Box::pin(async move {
                tx.exec("INSERT INTO note_note (id, text) VALUES ($1, $2)", params![7, payload]).await?;
                Ok(())
            })
        }))
    };
    for h in hosts(make).await {
        let mut tx = h.host.begin(&admin(party(1))).await.unwrap();
        let at = tx.now() + Duration::from_mins(5);
        jobs::job_schedule(&mut tx, "note.later", at, &json!({ "a": 1 })).await.unwrap();
        tx.commit().await.unwrap();
        h.host.settle().await.unwrap();
        assert_eq!(count(&h.host, "note_note").await, 0);
        h.clock.advance(Duration::from_mins(6));
        h.host.settle().await.unwrap();
        h.host.settle().await.unwrap();
        assert_eq!(count(&h.host, "note_note").await, 1, "{}", h.engine);
    }
}

#[tokio::test]
async fn bytes_and_nulls_survive() {
    for h in hosts(|b| b.module(note())).await {
        let mut tx = h.host.begin(&Caller::system()).await.unwrap();
        tx.exec("INSERT INTO note_note (id, text, bytes) VALUES ($1, $2, $3)", params![1, "百工", vec![0u8, 255]])
            .await
            .unwrap();
        tx.exec("INSERT INTO note_note (id, text, bytes) VALUES ($1, $2, $3)", params![2, "", None::<Vec<u8>>])
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let rows = h.host.db().rows("SELECT * FROM note_note ORDER BY id", params![]).await.unwrap();
        assert_eq!(rows[0].get::<String>("text").unwrap(), "百工");
        assert_eq!(rows[0].get::<Option<Vec<u8>>>("bytes").unwrap(), Some(vec![0, 255]));
        assert_eq!(rows[1].get::<Option<Vec<u8>>>("bytes").unwrap(), None);
        assert_eq!(rows[0].get::<i64>("text").unwrap_err().code, "appkit.row.damaged");
    }
}

#[tokio::test]
async fn an_applied_migration_may_not_change() {
    let folder = tempfile::tempdir().unwrap();
    let config = DbConfig::Sqlite(folder.path().join("baigong.db"));
    let build = async |tables: appkit::db::Migrations| {
        let db = Db::open(&config).await.unwrap();
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(START));
        let builder = Host::builder(db, clock, Arc::new(SeededChance::new(1)));
        builder.module(Module::named("note").migrations(tables)).build().await
    };
    assert!(build(TABLES).await.is_ok());
    assert!(build(TABLES).await.is_ok());
    let error = build(&[("0001_note", "CREATE TABLE note_note (id BIGINT)")]).await.err().unwrap();
    assert_eq!(error.code, "appkit.migration.changed");
}

#[tokio::test]
async fn problems_speak_the_callers_language() {
    let h = testkit::host(|b| b).await;
    let api = testkit::Api::new(&h.host);
    let english = api.get("/api/v1/history/x").await.expect(401);
    assert_eq!(english.code(), "appkit.caller.unknown");
    let chinese = api.with("accept-language", "zh-CN,zh").get("/api/v1/history/x").await.expect(401);
    assert_eq!(chinese.body["title"], "请求没有有效的身份凭证");
    assert_eq!(chinese.header("content-type"), Some("application/problem+json"));
    assert!(chinese.header("content-security-policy").unwrap().contains("script-src 'self'"));
    api.get("/healthz").await.expect(200);
    let document = api.get("/api/openapi.json").await.expect(200);
    assert!(document.body["openapi"].as_str().unwrap().starts_with("3.1"));
}
