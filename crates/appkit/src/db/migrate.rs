use kernel::{Error, Result, sha256};

use super::Tx;
use crate::{Caller, Host};

/// Numbered SQL files, forward only: `("0001_journal", include_str!("../migrations/0001_journal.sql"))`.
pub type Migrations = &'static [(&'static str, &'static str)];

const HISTORY: &str = "CREATE TABLE IF NOT EXISTS appkit_migration (
    module TEXT NOT NULL, name TEXT NOT NULL, digest TEXT NOT NULL, applied_at BIGINT NOT NULL,
    PRIMARY KEY (module, name))";

/// Applies what has not been applied; refuses a file that changed after it was applied.
pub(crate) async fn run(host: &Host, module: &str, migrations: Migrations) -> Result<()> {
    let mut tx = Tx::begin(host, &Caller::system()).await?;
    tx.batch(HISTORY).await?;
    for (name, sql) in migrations {
        let digest = sha256(&[sql.as_bytes()]).hex();
        let found = tx
            .one("SELECT digest FROM appkit_migration WHERE module = $1 AND name = $2", crate::params![module, *name])
            .await?;
        match found {
            Some(row) if row.get::<String>("digest")? == digest => continue,
            Some(_) => {
                return Err(Error::corrupt(
                    "appkit.migration.changed",
                    format!("migration {module}/{name} differs from the one that was applied"),
                )
                .hint("migrations are forward only: restore the file and add a new one"));
            }
            None => {}
        }
        let portable = if host.db().is_sqlite() { (*sql).to_owned() } else { sql.replace(" BLOB", " BYTEA") };
        for statement in statements(&portable) {
            tx.batch(&statement).await.map_err(|error| {
                let cause = error.internal.clone().unwrap_or_default();
                Error::internal("appkit.migration.failed", format!("migration {module}/{name} failed"))
                    .because(format!("{statement}: {cause}"))
            })?;
        }
        let now = tx.now();
        tx.exec(
            "INSERT INTO appkit_migration (module, name, digest, applied_at) VALUES ($1, $2, $3, $4)",
            crate::params![module, *name, digest, now],
        )
        .await?;
    }
    tx.commit().await
}

/// Splits a file at its semicolons; comments (`--`) go first, so that a semicolon in one does no harm.
fn statements(sql: &str) -> Vec<String> {
    let bare: Vec<&str> = sql.lines().map(|line| line.split("--").next().unwrap_or_default()).collect();
    bare.join("\n").split(';').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}
