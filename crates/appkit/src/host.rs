//! The host: one per process, shared by every room. Cheap to clone.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    future::Future,
    pin::Pin,
    sync::{Arc, OnceLock, Weak},
    time::Duration,
};

use kernel::{Chance, Clock, Error, Id, Result, Timestamp, id::Kind};
use serde::Serialize;
use tokio::{sync::Notify, task::JoinSet};

use crate::{
    Access, Caller, Command, Db, IdemKey, JournalEntry, Live, Module, Tx, db, http, identity, jobs, journal,
    texts::Texts,
};

pub(crate) type HandlerFn = Box<
    dyn for<'a> Fn(Host, JournalEntry, &'a mut Tx) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>
        + Send
        + Sync,
>;
pub(crate) type JobFn = Box<
    dyn for<'a> Fn(Host, String, &'a mut Tx) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>> + Send + Sync,
>;

/// A reaction to facts.
pub(crate) struct Handler {
    pub name: &'static str,
    pub kinds: &'static [&'static str],
    pub handle: HandlerFn,
}

/// What rooms share.
#[derive(Clone)]
pub struct Host(Arc<Inner>);

/// A host that does not keep itself alive: what the host's own parts hold.
pub(crate) struct WeakHost(Weak<Inner>);

impl WeakHost {
    pub(crate) fn upgrade(&self) -> Option<Host> {
        self.0.upgrade().map(Host)
    }
}

struct Inner {
    db: Db,
    clock: Arc<dyn Clock>,
    chance: Arc<dyn Chance>,
    live: Live,
    access: Access,
    ports: HashMap<TypeId, Box<dyn Any + Send + Sync>>,
    handlers: Vec<Handler>,
    jobs: HashMap<&'static str, JobFn>,
    tasks: std::sync::Mutex<Vec<(&'static str, BoxedTask)>>,
    texts: Texts,
    api: OnceLock<http::Api>,
    committed: Notify,
    demo: bool,
}

type BoxedTask = Box<dyn FnOnce(Host) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

impl Host {
    /// Starts to put a host together.
    pub fn builder(db: Db, clock: Arc<dyn Clock>, chance: Arc<dyn Chance>) -> HostBuilder {
        HostBuilder { db, clock, chance, ports: HashMap::new(), modules: Vec::new(), demo: false }
    }

    /// Now, by the host's clock.
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }
    /// The clock.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }
    /// Where randomness comes from.
    pub fn chance(&self) -> &Arc<dyn Chance> {
        &self.0.chance
    }
    /// A new id.
    pub fn new_id<K: Kind>(&self) -> Id<K> {
        Id::new(&*self.0.clock, &*self.0.chance)
    }
    /// The database, for reading.
    pub fn db(&self) -> &Db {
        &self.0.db
    }
    /// Live data.
    pub fn live(&self) -> &Live {
        &self.0.live
    }
    /// Decisions at delivery time.
    pub fn access(&self) -> &Access {
        &self.0.access
    }
    /// Whether this installation shows demo data; pages carry a stripe then.
    pub fn is_demo(&self) -> bool {
        self.0.demo
    }

    /// A port that the binary wired.
    ///
    /// # Panics
    /// When it was not wired: a mistake of the binary, found at the first start.
    pub fn port<T: ?Sized + Send + Sync + 'static>(&self) -> Arc<T> {
        self.try_port().unwrap_or_else(|| panic!("port {} is wired", std::any::type_name::<T>()))
    }

    /// A port, if it was wired.
    pub fn try_port<T: ?Sized + Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.0.ports.get(&TypeId::of::<Arc<T>>()).and_then(|any| any.downcast_ref::<Arc<T>>()).cloned()
    }

    /// Begins the one write transaction; waits for its turn.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn begin(&self, caller: &Caller) -> Result<Tx> {
        Tx::begin(self, caller).await
    }

    /// Begins a command that has its effect once per idempotency key.
    ///
    /// # Errors
    /// `appkit.idempotency.key-reused` (422) when the key was used with another body.
    pub async fn command<B: Serialize>(
        &self,
        caller: &Caller,
        operation: &'static str,
        key: &IdemKey,
        body: &B,
    ) -> Result<Command> {
        Command::begin(self, caller, operation, key, body).await
    }

    /// The HTTP router of everything, with policies, problem details and live data.
    pub fn router(&self) -> axum::Router {
        http::router(self, axum::Router::new())
    }

    /// The same, with a router whose fallback answers every other address under the same headers.
    pub fn router_with(&self, rest: axum::Router) -> axum::Router {
        http::router(self, rest)
    }

    /// The OpenAPI 3.1 document.
    pub fn openapi(&self) -> &utoipa::openapi::OpenApi {
        &self.api().openapi
    }

    /// Every route with its policy: what the isolation tests are generated from.
    pub fn route_table(&self) -> &[http::routes::RouteInfo] {
        &self.api().table
    }

    pub(crate) fn api(&self) -> &http::Api {
        self.0.api.get().expect("the builder sets it")
    }

    pub(crate) fn texts(&self) -> &Texts {
        &self.0.texts
    }

    pub(crate) fn job_runner(&self, kind: &str) -> Option<&JobFn> {
        self.0.jobs.get(kind)
    }

    pub(crate) fn committed(&self, entries: &[JournalEntry]) {
        if !entries.is_empty() {
            self.0.live.changed(entries);
            self.0.committed.notify_waiters();
        }
    }

    /// Delivers facts and runs due jobs until nothing is left to do: what tests and the story use instead of background tasks.
    ///
    /// # Errors
    /// The first error of a handler.
    pub async fn settle(&self) -> Result<()> {
        loop {
            let mut moved = jobs::run_due(self).await?;
            for handler in &self.0.handlers {
                moved += journal::deliver(self, handler).await?;
            }
            if moved == 0 {
                return Ok(());
            }
        }
    }

    /// Starts delivery, jobs and the modules' own tasks. Dropping the set ends them.
    pub fn start(&self) -> JoinSet<()> {
        let mut set = JoinSet::new();
        for index in 0..self.0.handlers.len() {
            set.spawn(deliver_for_ever(self.clone(), index));
        }
        set.spawn(run_jobs_for_ever(self.clone()));
        let tasks = std::mem::take(&mut *self.0.tasks.lock().unwrap_or_else(|p| p.into_inner()));
        for (name, task) in tasks {
            tracing::debug!(name, "task started");
            set.spawn(task(self.clone()));
        }
        set
    }
}

async fn deliver_for_ever(host: Host, index: usize) {
    let handler = &host.0.handlers[index];
    let mut pause = Duration::from_millis(100);
    loop {
        let woken = host.0.committed.notified();
        match journal::deliver(&host, handler).await {
            Ok(0) => {
                pause = Duration::from_millis(100);
                // The timeout only covers a wake-up that came between the read and the wait.
                let _ = tokio::time::timeout(Duration::from_secs(2), woken).await;
            }
            Ok(_) => pause = Duration::from_millis(100),
            Err(error) => {
                tracing::error!(handler = handler.name, ?error, "handling a fact failed; trying again");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(30));
            }
        }
    }
}

async fn run_jobs_for_ever(host: Host) {
    loop {
        if let Err(error) = jobs::run_due(&host).await {
            tracing::error!(?error, "running jobs failed");
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Puts a host together: ports, modules, then [`build`](HostBuilder::build).
pub struct HostBuilder {
    db: Db,
    clock: Arc<dyn Clock>,
    chance: Arc<dyn Chance>,
    ports: HashMap<TypeId, Box<dyn Any + Send + Sync>>,
    modules: Vec<Module>,
    demo: bool,
}

impl HostBuilder {
    /// Wires an implementation of a port: `.port::<dyn TelemetryStore>(store)`.
    pub fn port<T: ?Sized + Send + Sync + 'static>(mut self, implementation: Arc<T>) -> Self {
        self.ports.insert(TypeId::of::<Arc<T>>(), Box::new(implementation));
        self
    }

    /// Adds a floor or room.
    pub fn module(mut self, module: Module) -> Self {
        self.modules.push(module);
        self
    }

    /// Marks the installation as showing demo data.
    pub fn demo(mut self, demo: bool) -> Self {
        self.demo = demo;
        self
    }

    /// Applies migrations, loads grants, builds the API.
    ///
    /// # Errors
    /// `appkit.migration.*`, `appkit.texts.malformed`, or the database's refusal.
    pub async fn build(self) -> Result<Host> {
        let own = Module::named("appkit")
            .migrations(&[("0001_journal", include_str!("../migrations/0001_journal.sql"))])
            .routes(http::own_routes())
            .texts(include_str!("../locale/zh.json"));
        let mut modules = vec![own, identity::module()];
        modules.extend(self.modules);

        let (mut handlers, mut jobs, mut tasks, mut texts) = (Vec::new(), HashMap::new(), Vec::new(), Texts::default());
        let (mut migrations, mut routes) = (Vec::new(), Vec::new());
        for module in modules {
            migrations.push((module.name, module.migrations));
            handlers.extend(module.handlers);
            tasks.extend(module.tasks);
            routes.extend(module.routes);
            for (kind, run) in module.jobs {
                jobs.insert(kind, run);
            }
            for json in module.texts {
                texts.add(module.name, json)?;
            }
        }
        refuse_twins(handlers.iter().map(|handler| handler.name))?;

        let host = Host(Arc::new(Inner {
            db: self.db,
            clock: self.clock,
            chance: self.chance,
            live: Live::default(),
            access: Access::new()?,
            ports: self.ports,
            handlers,
            jobs,
            tasks: std::sync::Mutex::new(tasks),
            texts,
            api: OnceLock::new(),
            committed: Notify::new(),
            demo: self.demo,
        }));
        for (name, files) in migrations {
            db::migrate(&host, name, files).await?;
        }
        let api = http::Api::assemble(&host, routes)?;
        host.0.api.set(api).map_err(|_| Error::internal("appkit.host.twice", "the host was built twice"))?;
        host.access().bind(WeakHost(Arc::downgrade(&host.0)));
        host.access().load(&host).await?;
        Ok(host)
    }
}

fn refuse_twins(names: impl Iterator<Item = &'static str>) -> Result<()> {
    let mut seen = std::collections::HashSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(Error::internal("appkit.handler.twice", format!("two handlers are named {name}")));
        }
    }
    Ok(())
}
