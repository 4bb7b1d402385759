use std::{path::PathBuf, sync::Arc, time::Duration};

use kernel::{Error, Result};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseBackend, DatabaseConnection, Statement, Value};
use tokio::sync::Mutex;

use super::{Row, refused};

/// Where business state lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DbConfig {
    /// A file; its folder must exist.
    Sqlite(PathBuf),
    /// A PostgreSQL 15+ URL and the schema to use in it.
    Postgres {
        /// `postgres://user:password@host/database`
        url: String,
        /// Schema that holds all tables; created when absent.
        schema: String,
    },
}

/// A database: one writer, several readers.
#[derive(Clone)]
pub struct Db {
    pub(super) writer: DatabaseConnection,
    readers: DatabaseConnection,
    pub(super) turn: Arc<Mutex<()>>,
}

/// Below it a WAL-reset race could corrupt a database (fixed in 3.51.3).
const SQLITE_MINIMUM: [u32; 3] = [3, 51, 3];
/// "baigong" in ASCII, cut to 63 bits: the session lock that keeps a second writer process out.
const WRITER_LOCK: i64 = 0x0062_6169_676f_6e67;

impl Db {
    /// Opens the database and takes the writer's seat.
    ///
    /// # Errors
    /// `appkit.database.unreachable`, `appkit.database.too-old`, `appkit.database.in-use` when another process writes.
    pub async fn open(config: &DbConfig) -> Result<Self> {
        let db = match config {
            DbConfig::Sqlite(path) => {
                let url = format!("sqlite://{}?mode=rwc", path.display());
                Self { writer: sqlite(&url, 1).await?, readers: sqlite(&url, 4).await?, turn: Arc::default() }
            }
            DbConfig::Postgres { url, schema } => {
                let writer = postgres(url, schema, 1).await?;
                let quoted = schema.replace('"', "\"\"");
                writer
                    .execute_unprepared(&format!("CREATE SCHEMA IF NOT EXISTS \"{quoted}\""))
                    .await
                    .map_err(refused)?;
                Self { writer, readers: postgres(url, schema, 6).await?, turn: Arc::default() }
            }
        };
        db.gate().await?;
        Ok(db)
    }

    /// Refuses an engine that cannot keep the promises, and a second writer.
    async fn gate(&self) -> Result<()> {
        if self.is_sqlite() {
            let version: String = one_on(&self.writer, "SELECT sqlite_version() AS v", vec![]).await?.get("v")?;
            let parts: Vec<u32> = version.split('.').filter_map(|part| part.parse().ok()).collect();
            if parts < SQLITE_MINIMUM.to_vec() {
                return Err(Error::unavailable("appkit.database.too-old", format!("SQLite {version} is too old"))
                    .hint("build with SQLite 3.51.3 or newer"));
            }
        } else {
            let sql = "SELECT CASE WHEN pg_try_advisory_lock($1 + hashtext(current_schema())) THEN 1 ELSE 0 END::BIGINT AS got";
            let got: i64 = one_on(&self.writer, sql, vec![WRITER_LOCK.into()]).await?.get("got")?;
            if got == 0 {
                return Err(Error::unavailable("appkit.database.in-use", "another process writes to this database")
                    .hint("stop the other server, or use another schema"));
            }
        }
        Ok(())
    }

    /// Whether the engine is SQLite.
    pub fn is_sqlite(&self) -> bool {
        self.writer.get_database_backend() == DatabaseBackend::Sqlite
    }

    /// Reads rows as last committed.
    pub async fn rows(&self, sql: &str, params: Vec<Value>) -> Result<Vec<Row>> {
        let statement = Statement::from_sql_and_values(self.readers.get_database_backend(), sql, params);
        let rows = self.readers.query_all_raw(statement).await.map_err(refused)?;
        Ok(rows.into_iter().map(Row).collect())
    }

    /// Reads at most one row as last committed.
    pub async fn one(&self, sql: &str, params: Vec<Value>) -> Result<Option<Row>> {
        let statement = Statement::from_sql_and_values(self.readers.get_database_backend(), sql, params);
        Ok(self.readers.query_one_raw(statement).await.map_err(refused)?.map(Row))
    }

    /// Closes the connections; the writer's seat is free afterwards.
    pub async fn close(&self) {
        for connection in [&self.writer, &self.readers] {
            if let Err(error) = connection.close_by_ref().await {
                tracing::warn!(%error, "closing the database failed");
            }
        }
    }
}

async fn one_on(connection: &DatabaseConnection, sql: &str, params: Vec<Value>) -> Result<Row> {
    let statement = Statement::from_sql_and_values(connection.get_database_backend(), sql, params);
    let row = connection.query_one_raw(statement).await.map_err(refused)?;
    row.map(Row).ok_or_else(|| Error::internal("appkit.database.refused", "the database gave no answer"))
}

async fn sqlite(url: &str, connections: u32) -> Result<DatabaseConnection> {
    let mut options = ConnectOptions::new(url.to_owned());
    options
        .max_connections(connections)
        .min_connections(1)
        .sqlx_logging(false)
        .acquire_timeout(Duration::from_secs(30))
        .map_sqlx_sqlite_opts(|options| {
            // FULL: a commit that was confirmed survives a power cut. NORMAL does not keep that promise in WAL mode.
            options
                .pragma("journal_mode", "WAL")
                .pragma("synchronous", "FULL")
                .pragma("foreign_keys", "ON")
                .pragma("mmap_size", "0")
                .busy_timeout(Duration::from_secs(10))
        });
    connect(options).await
}

async fn postgres(url: &str, schema: &str, connections: u32) -> Result<DatabaseConnection> {
    let mut options = ConnectOptions::new(url.to_owned());
    options
        .max_connections(connections)
        .min_connections(1)
        .sqlx_logging(false)
        .acquire_timeout(Duration::from_secs(30))
        .idle_timeout(None::<Duration>)
        .max_lifetime(None::<Duration>)
        .set_schema_search_path(schema.to_owned());
    connect(options).await
}

async fn connect(options: ConnectOptions) -> Result<DatabaseConnection> {
    Database::connect(options).await.map_err(|error| {
        Error::unavailable("appkit.database.unreachable", "the database cannot be opened")
            .hint("check the path or URL and its rights")
            .because(error)
    })
}
