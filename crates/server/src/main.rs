//! `baigong`: the whole platform in one program.

use std::process::ExitCode;

use clap::Parser;
use server::cli;

fn main() -> ExitCode {
    let args = cli::Args::parse();
    cli::logging(&args);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: the runtime cannot start: {error}");
            return ExitCode::from(70);
        }
    };
    match runtime.block_on(cli::run(args)) {
        Ok(code) => code,
        Err(error) => {
            cli::complain(&error);
            ExitCode::from(1)
        }
    }
}
