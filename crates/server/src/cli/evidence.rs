use std::{path::PathBuf, process::ExitCode, sync::Arc};

use appkit::{OsChance, SystemClock};
use clap::{Args, Subcommand};
use kernel::{Error, Result, id::ReadingId};
use serde_json::json;

use crate::{config::Config, platform::Platform};

/// Export and verify the evidence of a sealed reading.
#[derive(Debug, Args)]
pub struct Evidence {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Write everything that is needed to compute a reading again into one file.
    Export {
        /// The reading, `rdg_…`.
        reading: String,
        /// The file.
        #[arg(short, long)]
        output: PathBuf,
    },
    /// Check such a file: needs no data directory.
    Verify {
        /// The file.
        file: PathBuf,
    },
}

impl Evidence {
    pub async fn run(self, config: Config, as_json: bool) -> Result<ExitCode> {
        match self.action {
            Action::Export { reading, output } => export(config, &reading, &output, as_json).await,
            Action::Verify { file } => verify(&file, as_json),
        }
    }
}

async fn export(config: Config, reading: &str, output: &PathBuf, as_json: bool) -> Result<ExitCode> {
    let id: ReadingId = reading.parse()?;
    let platform = Platform::open(&config, Arc::new(SystemClock), Arc::new(OsChance), false).await?;
    let bundle = record::meter::reading_export(&platform.host, id).await;
    platform.close().await;
    let bundle = bundle?;
    let unwritable = |error: std::io::Error| {
        Error::unavailable("server.evidence.unwritable", format!("{} cannot be written", output.display()))
            .because(error)
    };
    let mut file = std::fs::File::create(output).map_err(unwritable)?;
    std::io::Write::write_all(&mut file, &bundle).and_then(|()| file.sync_all()).map_err(unwritable)?;
    if as_json {
        super::print_json(&json!({ "reading": id, "file": output, "bytes": bundle.len() }));
    } else {
        println!("{id}: {} bytes in {}", bundle.len(), output.display());
    }
    Ok(ExitCode::SUCCESS)
}

fn verify(file: &PathBuf, as_json: bool) -> Result<ExitCode> {
    let bytes = std::fs::read(file).map_err(|error| {
        Error::not_found("server.evidence.unreadable", format!("{} cannot be read", file.display())).because(error)
    })?;
    match record::evidence::evidence_verify(&bytes) {
        Ok(report) => {
            let report = json!(report);
            if as_json {
                super::print_json(&json!({ "ok": true, "report": report }));
            } else {
                println!("OK {report:#}");
            }
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            if as_json {
                super::print_json(&json!({ "ok": false, "code": error.code, "detail": error.message }));
            } else {
                super::complain(&error);
            }
            Ok(ExitCode::from(2))
        }
    }
}
