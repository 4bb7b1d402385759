use kernel::{
    Id, Result, Timestamp,
    id::{Kind, PartyId},
};
use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseTransaction, IsolationLevel, SqliteTransactionMode, Statement,
    TransactionOptions, TransactionTrait, Value,
};
use serde::Serialize;
use tokio::sync::OwnedMutexGuard;

use super::{Row, refused};
use crate::{Caller, Host, journal};

type AfterCommit = Box<dyn FnOnce(&Host) + Send>;

/// The one write transaction of the moment. Dropping it without [`commit`](Tx::commit) leaves nothing behind.
pub struct Tx {
    host: Host,
    caller: Caller,
    now: Timestamp,
    inner: DatabaseTransaction,
    outbox: Vec<journal::Draft>,
    after: Vec<AfterCommit>,
    _turn: OwnedMutexGuard<()>,
}

impl Tx {
    pub(crate) async fn begin(host: &Host, caller: &Caller) -> Result<Self> {
        let turn = host.db().turn.clone().lock_owned().await;
        let options = TransactionOptions {
            isolation_level: (!host.db().is_sqlite()).then_some(IsolationLevel::Serializable),
            access_mode: (!host.db().is_sqlite()).then_some(AccessMode::ReadWrite),
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        };
        let inner = host.db().writer.begin_with_options(options).await.map_err(refused)?;
        Ok(Self {
            host: host.clone(),
            caller: caller.clone(),
            now: host.now(),
            inner,
            outbox: Vec::new(),
            after: Vec::new(),
            _turn: turn,
        })
    }

    /// Runs a statement; the number of rows it touched.
    pub async fn exec(&mut self, sql: &str, params: Vec<Value>) -> Result<u64> {
        let statement = Statement::from_sql_and_values(self.inner.get_database_backend(), sql, params);
        Ok(self.inner.execute_raw(statement).await.map_err(refused)?.rows_affected())
    }

    /// Reads rows, including this transaction's own changes.
    pub async fn rows(&mut self, sql: &str, params: Vec<Value>) -> Result<Vec<Row>> {
        let statement = Statement::from_sql_and_values(self.inner.get_database_backend(), sql, params);
        Ok(self.inner.query_all_raw(statement).await.map_err(refused)?.into_iter().map(Row).collect())
    }

    /// Reads at most one row, including this transaction's own changes.
    pub async fn one(&mut self, sql: &str, params: Vec<Value>) -> Result<Option<Row>> {
        let statement = Statement::from_sql_and_values(self.inner.get_database_backend(), sql, params);
        Ok(self.inner.query_one_raw(statement).await.map_err(refused)?.map(Row))
    }

    pub(crate) async fn batch(&mut self, sql: &str) -> Result<()> {
        self.inner.execute_unprepared(sql).await.map_err(refused)?;
        Ok(())
    }

    /// The moment this transaction began: one for everything it records.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// A new id.
    pub fn new_id<K: Kind>(&self) -> Id<K> {
        Id::at(self.now, &**self.host.chance())
    }

    /// Who is acting.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The host, for ports and clock.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// States a fact: it becomes a journal entry in this commit and reaches its handlers afterwards.
    ///
    /// `kind` is past tense and dotted (`record.reading.sealed`), `subject` the id it is about, `tenant` whose fact it is.
    ///
    /// # Errors
    /// When the payload cannot be written as JSON.
    pub fn publish<T: Serialize>(
        &mut self,
        kind: &'static str,
        version: u32,
        subject: impl Into<String>,
        tenant: PartyId,
        payload: &T,
    ) -> Result<()> {
        self.outbox.push(journal::Draft::new(kind, version, subject.into(), tenant, payload)?);
        Ok(())
    }

    /// Does something in this process right after the commit, before anybody else hears of it: refreshing a cache.
    pub fn after_commit(&mut self, effect: impl FnOnce(&Host) + Send + 'static) {
        self.after.push(Box::new(effect));
    }

    /// Makes everything durable at once: changes, journal entries, idempotency key, jobs.
    ///
    /// # Errors
    /// Then nothing has happened.
    pub async fn commit(mut self) -> Result<()> {
        let drafts = std::mem::take(&mut self.outbox);
        let entries = journal::append(&mut self, drafts).await?;
        self.inner.commit().await.map_err(refused)?;
        for effect in self.after {
            effect(&self.host);
        }
        drop(self._turn);
        self.host.committed(&entries);
        Ok(())
    }
}
