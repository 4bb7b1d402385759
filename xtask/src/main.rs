//! Chores of the repository: `cargo xtask tidy | new-room NAME | openapi`.

mod new_room;
mod tidy;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Chores of the repository")]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Checks that the map is true and the rules that the compiler cannot see hold.
    Tidy,
    /// Makes a room with the same doors as the others: it builds, passes and shows an empty page.
    NewRoom {
        /// Crate, URL segment and page id: lower-case letters and hyphens.
        name: String,
        /// Title of its page in Chinese.
        #[arg(long, default_value = "新房间")]
        zh: String,
        /// Title of its page in English.
        #[arg(long, default_value = "New room")]
        en: String,
    },
    /// Writes docs/reference/openapi.json and docs/reference/routes.md from the program itself.
    Openapi,
}

fn main() -> anyhow::Result<()> {
    let root = root();
    match Args::parse().task {
        Task::Tidy => tidy::run(&root),
        Task::NewRoom { name, zh, en } => new_room::run(&root, &name, &zh, &en),
        Task::Openapi => openapi(&root),
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn openapi(root: &std::path::Path) -> anyhow::Result<()> {
    let status = std::process::Command::new("cargo")
        .args(["run", "-q", "-p", "server", "--", "admin", "reference", "--out", "docs/reference"])
        .current_dir(root)
        .status()?;
    anyhow::ensure!(status.success(), "the program did not write its reference");
    Ok(())
}
