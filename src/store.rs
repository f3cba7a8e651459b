//! The store: everything that outlives the process, in SQLite files or in one Postgres database.
//!
//! Owns all SQL. Every function is synchronous and may wait for a disk, a lock or a server: callers
//! run it on blocking threads, never on a worker. It must never keep content or a plain secret, and
//! never show the database's address.

mod agents;
mod anonymous;
mod app_contexts;
mod audit_key;
mod changes;
mod checkpoint_file;
mod checkpoints;
mod connection;
mod correlation_key;
mod detection_keys;
mod detection_versions;
mod error;
mod in_force;
mod key_files;
mod limits;
mod migrate;
mod objects;
mod policy_versions;
mod postgres;
mod queries;
mod record_status;
mod records;
mod revocations;
mod schema;
mod set_aside;
mod slots;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod usage;
mod users;
mod verifying_keys;

pub use agents::{Agent, Approval, ExternalIdentity, NewAgent, Quarantine};
pub use anonymous::AnonymousCount;
pub use app_contexts::{AppContextChange, AppContextRow, NewAppContext};
pub use audit_key::{audit_signer, known_audit_signer};
pub use changes::Change;
pub use checkpoint_file::{CheckpointFile, CheckpointFileError};
pub use checkpoints::AuditKey;
pub use correlation_key::correlation_key;
pub use detection_keys::{DetectionKey, NewDetectionKey};
pub use error::StoreError;
pub use in_force::Before;
pub use key_files::{KeyFileError, KeyFiles};
pub use objects::ObjectBinding;
pub use policy_versions::{
    FILE_AUTHOR, MAX_POLICY_TEXTS, MAX_POLICY_VERSIONS, NewPolicyVersion, PolicyVersionRow,
};
pub use queries::{
    Combination, CombinationRange, Combinations, Counts, Cursor, Figures, FindingSums,
    FindingTotals, Percentiles, RecordKind, RecordPage, RecordQuery, Refused, Retention, ScanBatch,
    ScanRange, Sealer, SessionPage, SessionQuery, SessionSummary, Summed, Sums, SumsGroup,
    SumsQuery, SumsWidth, Swept, Unreadable, Why,
};
pub use record_status::{ChainStatus, RecordStatus};
pub use records::{Appended, Audited};
pub use revocations::RevokedSession;
pub use set_aside::SetAside;
pub use usage::{UsageCount, UsageOf};
pub use users::{NewSession, NewUser, PasswordChange, Session, User, UserSource};
pub use verifying_keys::VerifyingKey;

use crate::types::Sensitive;
use connection::{Pool, Source};
use diesel::r2d2::{ManageConnection as _, R2D2Connection as _};
use migrate::{Part, migrate};
use postgres::PostgresAddress;
use records::Partitions;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// Everything but the record, where the database is embedded.
const STATE_FILE: &str = "state.db";

/// Where the store is and how many connections it may hold.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// `postgres://…`; `None` means SQLite files in `data_dir`.
    pub database_url: Option<Sensitive<String>>,
    /// An existing directory; unused with Postgres.
    pub data_dir: PathBuf,
    /// Most connections to a database at the same time, at least 1.
    pub pool_size: u32,
}

/// The store. Clones share their connections.
#[derive(Clone)]
pub struct Store {
    /// Who may call and what they have used, users, sessions, changes.
    state: Pool,
    /// Records and anonymous counts: a file of its own on SQLite, so that neither blocks the other.
    record: Pool,
    partitions: Arc<Partitions>,
    backend: &'static str,
}

impl Store {
    /// Connects, refuses tables that are foreign or newer than this program, and migrates.
    pub fn open(options: &StoreOptions) -> Result<Self, StoreError> {
        match &options.database_url {
            Some(url) => {
                // First, so that OpenSSL leaves its memory alone at exit: a thread may still be in a query then,
                // and would read what is freed.
                openssl_sys::init();
                let source = Source::Postgres(PostgresAddress::parse(url)?);
                let pool = open_pool(source, Part::Everything, options.pool_size)?;
                Ok(Self {
                    state: pool.clone(),
                    record: pool,
                    partitions: Arc::default(),
                    backend: "postgres",
                })
            }
            None => {
                let state = sqlite_file(&options.data_dir, STATE_FILE)?;
                let record = sqlite_file(&options.data_dir, "record.db")?;
                Ok(Self {
                    state: open_pool(state, Part::State, options.pool_size)?,
                    record: open_pool(record, Part::Record, options.pool_size)?,
                    partitions: Arc::default(),
                    backend: "sqlite",
                })
            }
        }
    }

    /// Whether a directory holds the embedded database.
    pub fn is_in(data_dir: &Path) -> bool {
        data_dir.join(STATE_FILE).exists()
    }

    /// `sqlite` or `postgres`.
    pub const fn backend(&self) -> &'static str {
        self.backend
    }

    /// Asks each database for a sign of life; fails within seconds.
    pub fn ping(&self) -> Result<(), StoreError> {
        self.state.run(|connection| Ok(connection.ping()?))?;
        self.record.run(|connection| Ok(connection.ping()?))
    }
}

/// Absolute, so that SQLite cannot take the path for a URI and a later change of directory does
/// not matter.
fn sqlite_file(data_dir: &Path, name: &str) -> Result<Source, StoreError> {
    std::path::absolute(data_dir.join(name)).map(Source::Sqlite).map_err(|error| {
        let reason = format!("the data directory cannot be found: {error}");
        StoreError::Unavailable { reason, source: Some(error.into()) }
    })
}

/// The first connection is made here, so that a wrong address fails at once and with its reason.
fn open_pool(source: Source, part: Part, size: u32) -> Result<Pool, StoreError> {
    migrate(&mut source.connect()?, part)?;
    Ok(Pool::new(source, size))
}

/// Text as both databases take it: Postgres refuses NUL, so it becomes U+FFFD.
fn clean(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}
