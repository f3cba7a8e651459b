//! Connections, pools and transactions on both databases.
//!
//! Owns how a connection is opened and set up, and what a write is: `BEGIN IMMEDIATE` on SQLite, so
//! that a transaction never fails half-way for a lock; on Postgres a lock per ordered table, so that
//! its numbers become visible in order. It must never let an address with a password out.

use super::{error::StoreError, postgres::PostgresAddress};
use diesel::{
    Connection as _, MultiConnection, PgConnection, RunQueryDsl as _, SqliteConnection,
    connection::{AnsiTransactionManager, SimpleConnection as _, TransactionManager as _},
    dsl::sql,
    r2d2::{self, ManageConnection, R2D2Connection as _},
    sql_query,
    sql_types::{BigInt, Text},
};
use std::{path::PathBuf, time::Duration};

/// How long a caller waits for a free or new connection; also SQLite's wait for a lock.
const WAIT: Duration = Duration::from_secs(5);

/// SQLite: wait for locks as long as [`WAIT`]; a commit is on the disk (`FULL`), since the journal forgets what is
/// committed.
const SQLITE_SETUP: &str = "PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON; \
                            PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864;";

/// How long SQLite's log becomes before it is copied back.
const LOG_BYTES: i64 = 16 * 1024 * 1024;

/// Postgres: a statement that hangs fails instead, and an abandoned transaction frees its locks. A page is read along one
/// index, in its order: a bitmap of all matches, sorted afterwards, is what a wrong estimate leads to.
const POSTGRES_SETUP: &str = "SET enable_bitmapscan = off; SET random_page_cost = 1.1; \
                              SET lock_timeout = '10s'; SET statement_timeout = '30s'; \
                              SET idle_in_transaction_session_timeout = '30s';";

/// A connection to either database. What Diesel cannot say for both is a `match` on it.
#[derive(MultiConnection)]
pub(super) enum AnyConnection {
    /// Embedded.
    Sqlite(SqliteConnection),
    /// A server.
    Postgres(PgConnection),
}

/// Where connections come from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// A file, absolute.
    Sqlite(PathBuf),
    /// A server.
    Postgres(PostgresAddress),
}

impl ManageConnection for Source {
    type Connection = AnyConnection;
    type Error = StoreError;

    fn connect(&self) -> Result<AnyConnection, StoreError> {
        match self {
            Self::Sqlite(path) => {
                let path = path.to_str().ok_or(StoreError::Address {
                    reason: "the data directory's path must be valid UTF-8",
                })?;
                let mut connection = SqliteConnection::establish(path).map_err(|error| {
                    let reason = format!("{path}: {error}: check that the directory is writable");
                    StoreError::Unavailable { reason, source: Some(error.into()) }
                })?;
                connection.batch_execute(SQLITE_SETUP)?;
                checkpoint_rarely(&mut connection)?;
                Ok(AnyConnection::Sqlite(connection))
            }
            Self::Postgres(address) => {
                let mut connection = PgConnection::establish(address.url())
                    .map_err(|error| address.explain(&error.to_string()))?;
                connection.batch_execute(POSTGRES_SETUP)?;
                Ok(AnyConnection::Postgres(connection))
            }
        }
    }

    fn is_valid(&self, connection: &mut AnyConnection) -> Result<(), StoreError> {
        connection.ping().map_err(StoreError::from)
    }

    fn has_broken(&self, connection: &mut AnyConnection) -> bool {
        std::thread::panicking() || connection.is_broken()
    }
}

/// Lets SQLite's log grow to [`LOG_BYTES`] before it is copied back. SQLite counts pages, and those of a file keep the size
/// that they were made with.
pub(super) fn checkpoint_rarely(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let page_bytes: i64 = sql::<BigInt>("PRAGMA page_size").get_result(connection)?;
    let pages = LOG_BYTES / page_bytes.max(1);
    connection.batch_execute(&format!("PRAGMA wal_autocheckpoint = {pages};"))?;
    Ok(())
}

/// The connections to one database.
#[derive(Clone)]
pub(super) struct Pool {
    connections: r2d2::Pool<Source>,
}

impl Pool {
    /// A pool that opens connections when they are needed.
    pub(super) fn new(source: Source, size: u32) -> Self {
        let connections = r2d2::Pool::builder()
            .max_size(size.max(1))
            .min_idle(Some(0))
            .connection_timeout(WAIT)
            .error_handler(Box::new(r2d2::NopErrorHandler))
            .build_unchecked(source);
        Self { connections }
    }

    /// Runs queries that change nothing, or one statement that needs no transaction.
    pub(super) fn run<T>(
        &self,
        work: impl FnOnce(&mut AnyConnection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        // r2d2's error holds the text of the last StoreError, which is scrubbed.
        let mut connection = self
            .connections
            .get()
            .map_err(|error| StoreError::Unavailable { reason: error.to_string(), source: None })?;
        work(&mut connection)
    }

    /// Runs queries that change nothing and all see the same moment.
    pub(super) fn look<T>(
        &self,
        work: impl FnOnce(&mut AnyConnection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.run(|connection| {
            begin(connection, "BEGIN", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
            let done = work(connection);
            let ended = Manager::rollback_transaction(connection);
            let value = done?;
            ended?;
            Ok(value)
        })
    }

    /// Runs `work` in one transaction that writes. Where `ordered` names a table, transactions that
    /// append to it follow each other, so that a reader who has seen number n never finds a smaller
    /// one later.
    pub(super) fn write<T>(
        &self,
        ordered: Option<&str>,
        work: impl FnOnce(&mut AnyConnection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.run(|connection| transaction(connection, ordered, work))
    }

    /// Finds out whether the database would take `work`: runs it in a transaction that is rolled back.
    pub(super) fn try_out<T>(
        &self,
        work: impl FnOnce(&mut AnyConnection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.run(|connection| {
            begin(connection, WRITE_ON_SQLITE, "BEGIN")?;
            let done = work(connection);
            Manager::rollback_transaction(connection)?;
            done
        })
    }
}

type Manager = <AnyConnection as diesel::Connection>::TransactionManager;

/// One transaction that writes; see [`Pool::write`].
pub(super) fn transaction<T>(
    connection: &mut AnyConnection,
    ordered: Option<&str>,
    work: impl FnOnce(&mut AnyConnection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    begin(connection, WRITE_ON_SQLITE, "BEGIN")?;
    let done = lock(connection, ordered).and_then(|()| work(connection));
    match done {
        Ok(value) => {
            Manager::commit_transaction(connection)?;
            Ok(value)
        }
        Err(error) => {
            // The first error is the one that explains; a connection that cannot roll back counts
            // as broken and leaves the pool.
            let _ = Manager::rollback_transaction(connection);
            Err(error)
        }
    }
}

/// Takes the lock at once, so that the transaction never fails half-way for it.
const WRITE_ON_SQLITE: &str = "BEGIN IMMEDIATE";

fn begin(
    connection: &mut AnyConnection,
    on_sqlite: &str,
    on_postgres: &str,
) -> Result<(), StoreError> {
    match connection {
        AnyConnection::Sqlite(sqlite) => {
            AnsiTransactionManager::begin_transaction_sql(sqlite, on_sqlite)?;
        }
        AnyConnection::Postgres(postgres) => {
            AnsiTransactionManager::begin_transaction_sql(postgres, on_postgres)?;
        }
    }
    Ok(())
}

/// Holds back other appenders until the commit. An advisory lock on the table's identity, since a
/// lock of the table itself would chase autovacuum away each time. SQLite has one writer anyway.
fn lock(connection: &mut AnyConnection, ordered: Option<&str>) -> Result<(), StoreError> {
    if let (AnyConnection::Postgres(postgres), Some(table)) = (connection, ordered) {
        sql_query("SELECT pg_advisory_xact_lock($1::regclass::oid::bigint)")
            .bind::<Text, _>(table)
            .execute(postgres)?;
    }
    Ok(())
}
