use std::{process::ExitCode, sync::Arc};

use appkit::{OsChance, SystemClock};
use contracts::telemetry::TelemetryStore;
use kernel::Result;
use serde_json::{Value, json};

use crate::{config::Config, platform::Platform};

/// Re-checks everything: the record's invariants, the journal's chain, every telemetry file.
pub async fn run(config: Config, as_json: bool) -> Result<ExitCode> {
    let platform = match Platform::open(&config, Arc::new(SystemClock), Arc::new(OsChance), false).await {
        Ok(platform) => platform,
        // So damaged that nothing more can be checked.
        Err(error) if error.code == "telemetry.store.damaged" => {
            let detail = error.internal.as_deref().unwrap_or(&error.message);
            let file = detail.split(':').next().unwrap_or_default();
            let breach = json!({ "rule": "P9", "record": format!("telemetry/{file}"), "detail": detail });
            return Ok(answer(&json!({}), &[breach], as_json));
        }
        Err(error) => return Err(error),
    };
    let store: Arc<dyn TelemetryStore> = platform.telemetry.clone();
    let report = record::verify::verify(&platform.host, Some(store.clone())).await?;
    let mut checked = json!(report.checked);
    let mut breaches: Vec<Value> = report
        .breaches
        .iter()
        .map(|breach| json!({ "rule": breach.rule, "record": breach.record, "detail": breach.detail }))
        .collect();
    let scrubbing = store.clone();
    let damage = tokio::task::spawn_blocking(move || scrubbing.scrub()).await.map_err(|error| {
        kernel::Error::internal("server.verify.failed", "the check of telemetry failed").because(error)
    })??;
    let stats = store.stats();
    checked["telemetry-points"] = json!(stats.points);
    checked["telemetry-segments"] = json!(stats.segments);
    for found in damage {
        let series = found.series.map(|key| format!(" ({}/{})", key.asset, key.property)).unwrap_or_default();
        breaches.push(json!({
            "rule": "P9",
            "record": format!("telemetry/{}@{}", found.file, found.offset),
            "detail": format!("{}{series}", found.what),
        }));
    }
    platform.close().await;
    Ok(answer(&checked, &breaches, as_json))
}

fn answer(checked: &Value, breaches: &[Value], as_json: bool) -> ExitCode {
    let ok = breaches.is_empty();
    if as_json {
        super::print_json(&json!({ "ok": ok, "checked": checked, "breaches": breaches }));
    } else {
        for (rule, count) in checked.as_object().into_iter().flatten() {
            println!("{rule:<20} {count} checked");
        }
        for breach in breaches {
            println!("BREACH {} {}: {}", breach["rule"], breach["record"], breach["detail"]);
        }
        println!("{}", if ok { "everything holds" } else { "something does not hold" });
    }
    if ok { ExitCode::SUCCESS } else { ExitCode::from(2) }
}
