use std::{process::ExitCode, sync::Arc};

use appkit::{OsChance, SystemClock};
use contracts::telemetry::TelemetryStore;
use kernel::Result;
use serde_json::json;

use crate::{config::Config, platform::Platform};

/// What the platform honestly does not survive (P17).
const LIMITS: &[&str] = &[
    "the loss of the only disk: copy the data directory while the server is stopped",
    "a disk that says it has synced and has not",
    "an operator who can write the data directory can delete it (but cannot change it unnoticed: `baigong verify`)",
];

/// Opens everything as the server would and says what it finds.
pub async fn run(config: Config, as_json: bool) -> Result<ExitCode> {
    let platform = Platform::open(&config, Arc::new(SystemClock), Arc::new(OsChance), false).await?;
    let engine = if platform.host.db().is_sqlite() { "sqlite" } else { "postgresql" };
    let stats = platform.telemetry.stats();
    let jobs = appkit::jobs::failing(&platform.host).await?;
    let routes = platform.host.route_table().len();
    platform.close().await;
    let warnings = config.warnings();
    let report = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "data": config.data,
        "database": engine,
        "telemetry": stats,
        "routes": routes,
        "failing_jobs": jobs,
        "warnings": warnings,
        "limits": LIMITS,
    });
    if as_json {
        super::print_json(&report);
    } else {
        println!("version       {}", env!("CARGO_PKG_VERSION"));
        println!("data          {}", config.data.display());
        println!("database      {engine}");
        println!(
            "telemetry     {} points in {} series, {} segments, {} conflicts",
            stats.points, stats.series, stats.segments, stats.conflicts
        );
        println!("routes        {routes}, each with a policy");
        println!("failing jobs  {jobs}");
        for warning in &warnings {
            println!("warning       {warning}");
        }
        for limit in LIMITS {
            println!("not survived  {limit}");
        }
    }
    Ok(if warnings.is_empty() && jobs == 0 { ExitCode::SUCCESS } else { ExitCode::from(2) })
}
