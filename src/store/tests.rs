//! Opening the store: wrong addresses, foreign and newer tables, two processes at once, TLS.

use super::{
    testing::{
        PostgresSchema, on_both_databases, on_postgres, postgres_options, postgres_url,
        sqlite_options, with_parameter,
    },
    *,
};
use diesel::{
    Connection as _, RunQueryDsl as _, SqliteConnection, connection::SimpleConnection as _,
    sql_query,
};
use std::{
    error::Error as _,
    time::{Duration, Instant},
};
use url::Url;

on_both_databases!(a_store_gives_signs_of_life, a_newer_schema_is_refused_and_left_alone);

fn a_store_gives_signs_of_life(store: &Store) {
    store.ping().unwrap();
    assert!(["sqlite", "postgres"].contains(&store.backend()));
}

fn a_newer_schema_is_refused_and_left_alone(store: &Store) {
    let newer = "INSERT INTO __diesel_schema_migrations (version) VALUES ('99990101000000')";
    let part = if store.backend() == "sqlite" { Part::State } else { Part::Everything };
    let refused = store.state.run(|connection| {
        connection.batch_execute(newer)?;
        migrate(connection, part)
    });
    assert!(refused.unwrap_err().to_string().contains("newer"));
}

/// The error of an address, with everything that a log could show of it.
fn failure(url: impl Into<String>) -> (StoreError, String) {
    let began = Instant::now();
    let Err(error) = Store::open(&postgres_options(url.into())) else { panic!("it opened") };
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    let shown = format!("{error} {error:?} {:?}", error.source());
    assert!(!shown.contains("canary"), "{shown}");
    assert!(!error.to_string().contains('\n'), "{error}");
    (error, shown)
}

#[test]
fn a_wrong_password_is_one_line_with_a_remedy_and_without_the_password() {
    let mut url = Url::parse(&postgres_url()).unwrap();
    url.set_password(Some("canary")).unwrap();
    let (error, shown) = failure(url);
    assert!(matches!(error, StoreError::Unavailable { .. }));
    assert!(shown.contains("password authentication failed"), "{shown}");
    assert!(shown.contains("check user name and password in DATABASE_URL"), "{shown}");
}

#[test]
fn an_unreachable_server_and_a_missing_database_say_what_to_check() {
    let (_, shown) = failure("postgres://u:canary@127.0.0.1:1/db");
    assert!(shown.contains("check that Postgres runs"), "{shown}");
    let (_, shown) = failure("postgres://u:canary@no-such-host.invalid/db");
    assert!(shown.contains("check the host name"), "{shown}");
    let mut url = Url::parse(&postgres_url()).unwrap();
    url.set_path("/no_such_database");
    let (_, shown) = failure(url);
    assert!(shown.contains("create it"), "{shown}");
}

#[test]
fn a_server_that_does_not_answer_is_given_up_in_seconds() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (error, shown) = failure(format!("postgres://u:canary@127.0.0.1:{port}/db"));
    assert!(matches!(error, StoreError::Unavailable { .. }));
    assert!(shown.contains("check host, port and firewall"), "{shown}");
}

#[test]
fn an_address_with_an_unescaped_password_is_refused_before_libpq_sees_it() {
    let (error, shown) = failure("postgres://u:can@nary/canary@h/db");
    assert!(matches!(error, StoreError::Address { .. }), "{shown}");
    assert!(!matches!(error, StoreError::Unavailable { .. }));
}

#[test]
fn a_required_tls_connection_is_encrypted() {
    let schema = PostgresSchema::create();
    let url = with_parameter(&schema.url(), "sslmode=require");
    let store = Store::open(&postgres_options(url)).unwrap();
    let encrypted = "SELECT 1 / count(*) FROM pg_stat_ssl WHERE ssl AND pid = pg_backend_pid()";
    store.state.run(|connection| Ok(sql_query(encrypted).execute(connection)?)).unwrap();
}

#[test]
fn tables_of_another_application_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    let mut other = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    other.batch_execute("CREATE TABLE agents (x)").unwrap();
    let error = Store::open(&sqlite_options(dir.path().to_owned())).err().unwrap();
    assert!(error.to_string().contains("another application"), "{error}");

    let schema = PostgresSchema::create();
    let mut other = diesel::PgConnection::establish(&schema.url()).unwrap();
    other.batch_execute("CREATE TABLE agents (x int)").unwrap();
    let error = Store::open(&postgres_options(schema.url())).err().unwrap();
    assert!(error.to_string().contains("another application"), "{error}");
}

#[test]
fn a_file_that_is_no_database_and_exchanged_files_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("state.db"), "this is not a database file, but text").unwrap();
    let error = Store::open(&sqlite_options(dir.path().to_owned())).err().unwrap();
    assert!(error.to_string().contains("file is not a database"), "{error}");

    let dir = tempfile::tempdir().unwrap();
    drop(Store::open(&sqlite_options(dir.path().to_owned())).unwrap());
    std::fs::rename(dir.path().join("state.db"), dir.path().join("record.db")).unwrap();
    let error = Store::open(&sqlite_options(dir.path().to_owned())).err().unwrap();
    assert!(error.to_string().contains("another application"), "{error}");
}

#[test]
fn a_missing_data_directory_is_named() {
    let error = Store::open(&sqlite_options("/no/such/directory".into())).err().unwrap();
    assert!(error.to_string().contains("/no/such/directory/state.db"), "{error}");
}

/// Server and command line start at the same moment, on a database that does not exist yet.
#[test]
fn stores_that_open_together_migrate_once() {
    let dir = tempfile::tempdir().unwrap();
    let schema = PostgresSchema::create();
    for options in [sqlite_options(dir.path().to_owned()), postgres_options(schema.url())] {
        std::thread::scope(|scope| {
            let opening: Vec<_> =
                (0..6).map(|_| scope.spawn(|| Store::open(&options).map(drop))).collect();
            for opened in opening {
                opened.join().unwrap().unwrap();
            }
        });
    }
}

#[test]
fn a_write_waits_for_another_processs_transaction() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&sqlite_options(dir.path().to_owned())).unwrap();
    let path = dir.path().join("state.db");
    let mut other = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    other.batch_execute("BEGIN IMMEDIATE").unwrap();
    std::thread::scope(|scope| {
        let password_hash = Sensitive::new("x".to_owned());
        let writing = scope.spawn(move || {
            store.set_administrator("admin", &password_hash, "cli", crate::types::UnixMillis(1))
        });
        std::thread::park_timeout(Duration::from_millis(300));
        assert!(!writing.is_finished());
        other.batch_execute("COMMIT").unwrap();
        writing.join().unwrap().unwrap();
    });
}

#[test]
fn a_lost_connection_is_replaced() {
    on_postgres(|store| {
        store.ping().unwrap();
        let suicide = "SELECT pg_terminate_backend(pg_backend_pid())";
        let lost = store.state.run(|connection| Ok(sql_query(suicide).execute(connection)?));
        assert!(matches!(lost.unwrap_err(), StoreError::Unavailable { .. }));
        store.ping().unwrap();
    });
}
