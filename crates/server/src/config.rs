//! What the program needs to know before it starts: file, then environment, then flags.

use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

use appkit::{DbConfig, config};
use edge::EdgeConfig;
use kernel::{Error, Result};
use serde::Deserialize;

/// Where business state lives.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Database {
    /// `postgres://…`; absent means SQLite in the data directory.
    pub url: Option<String>,
    /// PostgreSQL schema.
    pub schema: Option<String>,
}

/// The HTTP listener.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// Address and port. Loopback unless stated otherwise.
    pub bind: SocketAddr,
}

impl Default for Http {
    fn default() -> Self {
        Self { bind: SocketAddr::from(([127, 0, 0, 1], 7400)) }
    }
}

/// Everything.
#[derive(Debug, Clone)]
pub struct Config {
    /// Folder of everything that is kept.
    pub data: PathBuf,
    /// HTTP.
    pub http: Http,
    /// Doors for machines.
    pub edge: EdgeConfig,
    /// Database.
    pub database: Database,
}

impl Config {
    /// Reads `DATA/baigong.toml` and `BAIGONG_<SECTION>_<KEY>`.
    ///
    /// # Errors
    /// `appkit.config.*` with the place of the mistake; `server.config.section-unknown`.
    pub fn load(data: &Path) -> Result<Self> {
        let mut table = config::read_file(&data.join("baigong.toml"))?;
        let known = ["http", "edge", "database"];
        let variables = std::env::vars().filter(|(name, _)| {
            known.iter().any(|section| name.starts_with(&format!("BAIGONG_{}_", section.to_uppercase())))
        });
        config::overlay_environment(&mut table, variables);
        if let Some(name) = table.keys().find(|name| !known.contains(&name.as_str())) {
            return Err(Error::invalid("server.config.section-unknown", format!("[{name}] is not a section"))
                .hint("the sections are [http], [edge] and [database]"));
        }
        Ok(Self {
            data: data.to_owned(),
            http: config::section(&table, "http")?,
            edge: config::section(&table, "edge")?,
            database: config::section(&table, "database")?,
        })
    }

    /// The database this configuration names.
    pub fn db(&self) -> DbConfig {
        match &self.database.url {
            Some(url) => DbConfig::Postgres {
                url: url.clone(),
                schema: self.database.schema.clone().unwrap_or_else(|| "baigong".into()),
            },
            None => DbConfig::Sqlite(self.data.join("baigong.db")),
        }
    }

    /// Settings that weaken the safe default, in words: shown at start and by `doctor`.
    pub fn warnings(&self) -> Vec<String> {
        let open = |what: &str, address: IpAddr| {
            format!("{what} listens on {address}, which is not loopback, without TLS: put a TLS proxy before it")
        };
        let mut warnings = Vec::new();
        if !self.http.bind.ip().is_loopback() {
            warnings.push(open("HTTP", self.http.bind.ip()));
        }
        if self.edge.mqtt && !self.edge.mqtt_bind.ip().is_loopback() {
            warnings.push(open("MQTT", self.edge.mqtt_bind.ip()));
        }
        warnings
    }
}
