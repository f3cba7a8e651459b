//! Runs each test of the store on both databases, every time in tables of its own.
//!
//! Owns the throw-away directories and Postgres schemas. It must never skip: a test that cannot run
//! fails and says why.

use super::{Agent, NewAgent, Store, StoreOptions};
use crate::types::{CallerLimits, Sensitive, UnixMillis};
use diesel::{Connection as _, PgConnection, connection::SimpleConnection as _};
use std::path::PathBuf;
use uuid::Uuid;

/// Makes of each `fn name(store: &Store)` one test per database.
macro_rules! on_both_databases {
    ($($name:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[test] fn $name() { crate::store::testing::on_sqlite(super::$name); })+
        }
        mod on_postgres {
            $(#[test] fn $name() { crate::store::testing::on_postgres(super::$name); })+
        }
    };
}
pub(super) use on_both_databases;

/// Runs a test on fresh SQLite files.
pub(super) fn on_sqlite(test: fn(&Store)) {
    let dir = tempfile::tempdir().unwrap();
    test(&Store::open(&sqlite_options(dir.path().to_owned())).unwrap());
}

/// Runs a test in a fresh schema of the Postgres database.
pub(super) fn on_postgres(test: fn(&Store)) {
    let schema = PostgresSchema::create();
    test(&Store::open(&postgres_options(schema.url())).unwrap());
}

pub(super) fn sqlite_options(data_dir: PathBuf) -> StoreOptions {
    StoreOptions { database_url: None, data_dir, pool_size: 4 }
}

pub(super) fn postgres_options(url: String) -> StoreOptions {
    let database_url = Some(Sensitive::new(url));
    StoreOptions { database_url, data_dir: PathBuf::new(), pool_size: 4 }
}

/// What an agent of this name needs.
pub(super) fn new_agent(name: &str) -> NewAgent {
    NewAgent {
        id: Uuid::now_v7().to_string(),
        name: name.to_owned(),
        agent_type: "autonomous".to_owned(),
        client_id: format!("client-{name}"),
        secret_hash: [7; 32],
        roles: vec!["developer".to_owned(), "o'neil \"x\"".to_owned()],
        owner: None,
        identity: None,
        limits: CallerLimits::default(),
    }
}

/// An agent of this name.
pub(super) fn create_agent(store: &Store, name: &str) -> Agent {
    store.create_agent(&new_agent(name), "cli", UnixMillis(1)).unwrap()
}

/// The Postgres server for tests.
#[expect(clippy::disallowed_methods, reason = "tests are told by tests/run where Postgres is")]
pub(super) fn postgres_url() -> String {
    std::env::var("PORTCULLIS_TEST_POSTGRES_URL").expect(
        "these tests need Postgres: start them with tests/run, or set \
         PORTCULLIS_TEST_POSTGRES_URL to a database that they may use",
    )
}

/// Adds a parameter to a Postgres address.
pub(super) fn with_parameter(url: &str, parameter: &str) -> String {
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}{parameter}")
}

/// A schema that is dropped at the end of the test.
pub(super) struct PostgresSchema(String);

impl PostgresSchema {
    pub(super) fn create() -> Self {
        let name = format!("test_{}", Uuid::now_v7().simple());
        let mut connection = PgConnection::establish(&postgres_url()).unwrap();
        connection.batch_execute(&format!("CREATE SCHEMA {name}")).unwrap();
        Self(name)
    }

    /// The address at which this schema is the current one.
    pub(super) fn url(&self) -> String {
        with_parameter(&postgres_url(), &format!("options=-csearch_path%3D{}", self.0))
    }
}

impl Drop for PostgresSchema {
    fn drop(&mut self) {
        if let Ok(mut connection) = PgConnection::establish(&postgres_url()) {
            let _ = connection.batch_execute(&format!("DROP SCHEMA {} CASCADE", self.0));
        }
    }
}
