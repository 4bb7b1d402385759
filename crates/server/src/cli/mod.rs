//! The command line. One file per command; errors end with a hint and a code to search for.

mod admin;
mod demo;
mod doctor;
mod evidence;
mod ledger;
mod serve;
mod simulate;
mod story;
mod verify;

use std::{io::Write, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use kernel::{Error, Result};

use crate::config::Config;

/// Industrial internet platform: from a machine's signal to a settled invoice.
#[derive(Debug, Parser)]
#[command(name = "baigong", version, about)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
    /// Folder of everything that is kept.
    #[arg(long, global = true, env = "BAIGONG_DATA", default_value = "data")]
    data: PathBuf,
    /// Answer in JSON, where a program may read it.
    #[arg(long, global = true)]
    json: bool,
    /// Say more (repeat for even more).
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the platform on this data directory.
    Serve(serve::Serve),
    /// Serve a demo park: fictional companies whose simulated machines speak the real protocols.
    Demo(demo::Demo),
    /// Run simulated machines, or replay recorded series, against a running platform.
    Simulate(simulate::Simulate),
    /// Run the whole chain headless in an empty directory and print its digest.
    Story(story::Story),
    /// Re-check every invariant on the data directory; exits 2 when one does not hold.
    Verify,
    /// Export and verify the evidence of a sealed reading.
    Evidence(evidence::Evidence),
    /// Look at the installation: versions, settings, limits.
    Doctor,
    /// Administration.
    Admin(admin::Admin),
}

/// Logs go to standard error; answers to standard output.
pub fn logging(args: &Args) {
    let level = match args.verbose {
        0 => "warn",
        1 => "info",
        2 => "debug",
        _ => "trace",
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("BAIGONG_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(format!("{level},sqlx=warn,sea_orm=warn")));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}

/// Does what was asked.
///
/// # Errors
/// What could not be done, for people.
pub async fn run(args: Args) -> Result<ExitCode> {
    let config = Config::load(&args.data)?;
    match args.command {
        Command::Serve(command) => command.run(config).await,
        Command::Demo(command) => command.run(config).await,
        Command::Simulate(command) => command.run(&config, args.json).await,
        Command::Story(command) => command.run(config, args.json).await,
        Command::Verify => verify::run(config, args.json).await,
        Command::Evidence(command) => command.run(config, args.json).await,
        Command::Doctor => doctor::run(config, args.json).await,
        Command::Admin(command) => command.run(config, args.json).await,
    }
}

/// What happened, what to do, and the code to search for.
pub fn complain(error: &Error) {
    eprintln!("error: {}", error.message);
    for field in &error.fields {
        eprintln!("       {}: {}", field.pointer, field.message);
    }
    if let Some(hint) = &error.hint {
        eprintln!("hint:  {hint}");
    }
    if let Some(internal) = &error.internal {
        eprintln!("cause: {internal}");
    }
    eprintln!("code:  {}", error.code);
}

/// Prints a JSON answer.
fn print_json(value: &serde_json::Value) {
    // A reader that has seen enough closes the pipe: no reason to complain.
    let _ = writeln!(std::io::stdout(), "{value:#}");
}
