use std::{future::Future, pin::Pin};

use kernel::Result;

use crate::{
    Host, JournalEntry, Routes, Tx,
    db::Migrations,
    host::{Handler, HandlerFn, JobFn},
};

type Task = Box<dyn FnOnce(Host) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

/// A floor or room as the host sees it: the only thing its crate shows.
pub struct Module {
    pub(crate) name: &'static str,
    pub(crate) migrations: Migrations,
    pub(crate) routes: Option<Routes>,
    pub(crate) handlers: Vec<Handler>,
    pub(crate) jobs: Vec<(&'static str, JobFn)>,
    pub(crate) tasks: Vec<(&'static str, Task)>,
    pub(crate) texts: Vec<&'static str>,
}

impl Module {
    /// A module without anything yet. The name is also its table prefix.
    pub fn named(name: &'static str) -> Self {
        Self {
            name,
            migrations: &[],
            routes: None,
            handlers: Vec::new(),
            jobs: Vec::new(),
            tasks: Vec::new(),
            texts: Vec::new(),
        }
    }

    /// Its tables.
    pub fn migrations(mut self, migrations: Migrations) -> Self {
        self.migrations = migrations;
        self
    }

    /// Its endpoints.
    pub fn routes(mut self, routes: Routes) -> Self {
        self.routes = Some(routes);
        self
    }

    /// Reacts to facts: `.on("record.claims", &["record.reading.sealed"], |host, entry, tx| Box::pin(handler(host, entry, tx)))`.
    pub fn on<F>(mut self, name: &'static str, kinds: &'static [&'static str], handle: F) -> Self
    where
        F: for<'a> Fn(Host, JournalEntry, &'a mut Tx) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>
            + Send
            + Sync
            + 'static,
    {
        let handle: HandlerFn = Box::new(handle);
        self.handlers.push(Handler { name, kinds, handle });
        self
    }

    /// Runs jobs of a kind; the payload is JSON text.
    pub fn job<F>(mut self, kind: &'static str, run: F) -> Self
    where
        F: for<'a> Fn(Host, String, &'a mut Tx) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>
            + Send
            + Sync
            + 'static,
    {
        self.jobs.push((kind, Box::new(run)));
        self
    }

    /// Something that goes on as long as the server runs. It is ended by dropping its future.
    pub fn task<F, Fut>(mut self, name: &'static str, task: F) -> Self
    where
        F: FnOnce(Host) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.tasks.push((name, Box::new(move |host| Box::pin(task(host)))));
        self
    }

    /// Chinese texts of its error codes: `{"room.noun.problem": {"message": "…", "hint": "…"}}`.
    pub fn texts(mut self, json: &'static str) -> Self {
        self.texts.push(json);
        self
    }
}
