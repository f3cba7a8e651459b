//! Bringing a database to this program's version.
//!
//! Owns the embedded migrations and the check that the tables are ours and not newer. It must never
//! touch a database that belongs to something else.

use super::{
    connection::{AnyConnection, checkpoint_rarely, transaction},
    error::StoreError,
};
use diesel::{
    QueryableByName, RunQueryDsl as _, backend::Backend, connection::SimpleConnection as _,
    migration::MigrationSource, sql_query, sql_types::Text,
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

const SQLITE_STATE: EmbeddedMigrations = embed_migrations!("migrations/sqlite_state");
const SQLITE_RECORD: EmbeddedMigrations = embed_migrations!("migrations/sqlite_record");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// Tables that a new Postgres schema must not have: they would be another application's.
const OURS: &[&str] = &[
    "agents",
    "anonymous_counts",
    "app_contexts",
    "audit_chains",
    "audit_checkpoints",
    "audit_findings",
    "audit_keys",
    "audit_order",
    "audit_records",
    "audit_set_aside",
    "audit_sums",
    "audited_changes",
    "changes",
    "detection_keys",
    "detection_versions",
    "objects",
    "oidc_sign_ins",
    "policy_versions",
    "records",
    "revoked_sessions",
    "sessions",
    "usage_counts",
    "users",
    "verifying_keys",
];

/// Which tables a database holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Part {
    /// `state.db`: everything but the next.
    State,
    /// `record.db`: records and anonymous counts.
    Record,
    /// Both, in one Postgres database.
    Everything,
}

#[derive(QueryableByName)]
struct Setting {
    #[diesel(sql_type = Text)]
    value: String,
}

/// Of a new file; one that is there keeps its own. Rows of the record come in batches and go to the end: a quarter less
/// time than with 4 KiB.
const RECORD_PAGES: &str = "PRAGMA page_size = 16384;";

/// Checks and migrates in one transaction, so that processes starting together do it once.
pub(super) fn migrate(connection: &mut AnyConnection, part: Part) -> Result<(), StoreError> {
    match connection {
        AnyConnection::Sqlite(sqlite) => {
            if part == Part::Record {
                sqlite.batch_execute(RECORD_PAGES).map_err(no_database)?;
            }
            sqlite.batch_execute("PRAGMA journal_mode = WAL;").map_err(no_database)?;
            checkpoint_rarely(sqlite)?;
        }
        AnyConnection::Postgres(postgres) => {
            let encoding: Setting = sql_query("SELECT current_setting('server_encoding') AS value")
                .get_result(postgres)?;
            if encoding.value != "UTF8" {
                return Err(unusable("the Postgres database must have the encoding UTF8"));
            }
        }
    }
    transaction(connection, None, |connection| {
        lock(connection)?;
        let tables = table_names(connection)?;
        let is_new = !tables.iter().any(|table| table == "__diesel_schema_migrations");
        let is_foreign = match part {
            Part::State | Part::Record => is_new && !tables.is_empty(),
            Part::Everything => is_new && tables.iter().any(|table| OURS.contains(&table.as_str())),
        };
        if is_foreign {
            return Err(foreign());
        }
        match connection {
            AnyConnection::Sqlite(sqlite) => {
                let source =
                    if matches!(part, Part::Record) { SQLITE_RECORD } else { SQLITE_STATE };
                apply(sqlite, source)
            }
            AnyConnection::Postgres(postgres) => apply(postgres, POSTGRES),
        }
    })
}

fn apply<DB: Backend>(
    connection: &mut impl MigrationHarness<DB>,
    source: EmbeddedMigrations,
) -> Result<(), StoreError> {
    let known: Vec<String> = MigrationSource::<DB>::migrations(&source)
        .map_err(failed)?
        .iter()
        .map(|migration| migration.name().version().to_string())
        .collect();
    let applied = connection.applied_migrations().map_err(failed)?;
    let strangers = applied.iter().filter(|version| !known.contains(&version.to_string())).count();
    if strangers > 0 && strangers == applied.len() {
        return Err(foreign());
    }
    if strangers > 0 {
        return Err(unusable(
            "a newer Portcullis has migrated it: start that version, or restore a backup",
        ));
    }
    connection.run_pending_migrations(source).map_err(failed)?;
    Ok(())
}

/// Lets one process migrate at a time, for as long as it takes; SQLite's write lock already does.
fn lock(connection: &mut AnyConnection) -> Result<(), StoreError> {
    if let AnyConnection::Postgres(postgres) = connection {
        postgres.batch_execute("SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0;")?;
        sql_query("SELECT pg_advisory_xact_lock(hashtext('portcullis.migrate'))")
            .execute(postgres)?;
    }
    Ok(())
}

fn table_names(connection: &mut AnyConnection) -> Result<Vec<String>, StoreError> {
    let rows: Vec<Setting> = match connection {
        AnyConnection::Sqlite(sqlite) => sql_query(
            "SELECT name AS value FROM sqlite_master WHERE type = 'table' \
             AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
        )
        .load(sqlite)?,
        AnyConnection::Postgres(postgres) => sql_query(
            "SELECT table_name::text AS value FROM information_schema.tables \
             WHERE table_schema = current_schema()",
        )
        .load(postgres)?,
    };
    Ok(rows.into_iter().map(|row| row.value).collect())
}

/// The first statement that reads the file is the one that finds out.
fn no_database(error: diesel::result::Error) -> StoreError {
    match StoreError::from(error) {
        StoreError::Refused { reason, source } => StoreError::Schema {
            reason: format!("state.db or record.db in the data directory is unusable: {reason}"),
            source: Some(source),
        },
        passing => passing,
    }
}

fn foreign() -> StoreError {
    unusable(
        "it holds tables of another application: give Portcullis a database (or schema) of its own",
    )
}

fn unusable(reason: &str) -> StoreError {
    StoreError::Schema { reason: reason.to_owned(), source: None }
}

fn failed(error: Box<dyn std::error::Error + Send + Sync>) -> StoreError {
    let reason = "a migration failed; nothing was changed".to_owned();
    StoreError::Schema { reason, source: Some(error) }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            ExternalIdentity, NewAgent, RecordQuery, Store,
            connection::Source,
            postgres::PostgresAddress,
            schema,
            testing::{PostgresSchema, new_agent, postgres_options, sqlite_options},
        },
        *,
    };
    use crate::types::{AgentStatus, CallerLimits, Role, Sensitive, UnixMillis};
    use diesel::{Connection as _, QueryDsl as _, SqliteConnection, r2d2::ManageConnection as _};
    use std::path::Path;

    /// An agent, a user and a session as the first release wrote them.
    const AN_AGENT: &str = "INSERT INTO agents (id, name, agent_type, client_id, secret_hash, roles, \
                            owner, status, risk_score, created_at, updated_at) VALUES \
                            ('id-1', 'old-hand', 'autonomous', 'client-1', $SECRET, '[\"reader\"]', \
                            NULL, 'suspended', 7, 11, 12);
                            INSERT INTO users (username, role, password_hash, created_at, updated_at) VALUES
                            ('root', 'admin', 'x', 11, 12);
                            INSERT INTO sessions (token_hash, username, role, created_at, expires_at) VALUES
                            ($SECRET, 'root', 'admin', 11, 99)";

    fn state_db_of_the_first_release(data_dir: &Path) {
        let mut connection = Source::Sqlite(data_dir.join("state.db")).connect().unwrap();
        let AnyConnection::Sqlite(sqlite) = &mut connection else { panic!("not SQLite") };
        sqlite.run_next_migration(SQLITE_STATE).unwrap();
        sqlite.batch_execute(&AN_AGENT.replace("$SECRET", "zeroblob(32)")).unwrap();
    }

    fn schema_of_the_first_release(schema: &PostgresSchema) {
        let address = PostgresAddress::parse(&Sensitive::new(schema.url())).unwrap();
        let mut connection = Source::Postgres(address).connect().unwrap();
        let AnyConnection::Postgres(postgres) = &mut connection else { panic!("not Postgres") };
        postgres.run_next_migration(POSTGRES).unwrap();
        postgres.run_next_migration(POSTGRES).unwrap();
        let secret = "decode(repeat('00', 32), 'hex')";
        postgres.batch_execute(&AN_AGENT.replace("$SECRET", secret)).unwrap();
    }

    fn the_old_agent_is_there_and_can_be_given_what_is_new(store: &Store) {
        let agent = store.agent("old-hand").unwrap().unwrap();
        assert_eq!((agent.id.as_str(), agent.secret_hash), ("id-1", [0; 32]));
        assert_eq!(
            (agent.roles, agent.status),
            (vec!["reader".to_owned()], AgentStatus::Suspended)
        );
        assert_eq!((agent.reputation.risk.score, agent.created_at), (7, UnixMillis(11)));
        assert_eq!((agent.identity, agent.limits), (None, CallerLimits::default()));

        let root = store.user("root").unwrap().unwrap();
        assert!(root.configured && !root.disabled && root.role == Role::Admin);
        let session = store.session(&[0; 32], UnixMillis(10), UnixMillis(98)).unwrap().unwrap();
        assert_eq!((session.username.as_str(), session.last_used_at), ("root", UnixMillis(11)));

        let limits = CallerLimits { requests_per_minute: Some(60), ..CallerLimits::default() };
        store.set_agent_limits("id-1", limits, "cli", UnixMillis(13)).unwrap();
        assert_eq!(store.agent("id-1").unwrap().unwrap().limits, limits);
        let identity = ExternalIdentity { issuer: "corp".to_owned(), subject: "1".to_owned() };
        let new = NewAgent { identity: Some(identity), ..new_agent("new-hand") };
        let created = store.create_agent(&new, "cli", UnixMillis(14)).unwrap();
        assert_eq!(store.agent("new-hand").unwrap(), Some(created));
        store.revoke_session("id-1", "s", UnixMillis(99), "cli", UnixMillis(15)).unwrap();
    }

    /// Records as the release before wrote them; the last one's findings can no longer be read.
    const OLD_RECORDS: &str = "INSERT INTO records (id, started_at, agent_name, model, roles, surface, tool_name, \
         mcp_server, action, target, tool_names, findings, scan_extent, tools_removed, latency_ms, outcome, node) \
         SELECT '0193a5b2-0000-7000-8000-00000000000' || n, 1795000000000 + n, 'old-hand', NULL, '[\"reader\"]', \
         'agent', 'openai-api', 'openai-proxy', 'POST', '/openai/v1/chat/completions', '[]', \
         CASE WHEN n = 3 THEN 'x' ELSE '[]' END, 'none', '[]', n, 'completed', 'node-' || (n % 2) \
         FROM (SELECT 1 AS n UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5) AS numbers ORDER BY n";

    /// Applies migrations up to the one before the record that survives.
    fn migrate_to_the_release_before<DB: Backend>(
        connection: &mut impl MigrationHarness<DB>,
        source: EmbeddedMigrations,
    ) {
        for migration in connection.pending_migrations(source).unwrap() {
            if migration.name().to_string().ends_with("audit_record") {
                break;
            }
            connection.run_migration(&*migration).unwrap();
        }
    }

    fn old_records_are_moved_and_chained(store: &Store) {
        let now = UnixMillis(1_795_435_200_000);
        assert_eq!(store.move_old_records(2, now).unwrap(), 2);
        assert_eq!(store.move_old_records(9, now).unwrap(), 2);
        assert_eq!(store.move_old_records(9, now).unwrap(), 0, "what cannot be read stays");

        let verdict = crate::store::records::verify(store);
        let nodes: Vec<_> =
            verdict.nodes.iter().map(|node| (node.node.as_str(), node.records)).collect();
        assert_eq!(nodes, [("node-0", 2), ("node-1", 2)]);
        let query = RecordQuery { limit: 9, ..RecordQuery::default() };
        let moved = store.records(&query).unwrap().events;
        let latencies: Vec<_> = moved.iter().map(|record| record.latency_ms).collect();
        assert_eq!(latencies, [Some(1), Some(2), Some(4), Some(5)]);
        assert_eq!(moved[0].started_at, UnixMillis(1_795_000_000_001));
        assert_eq!(
            (moved[0].agent_name.as_deref(), &*moved[0].roles[0]),
            (Some("old-hand"), "reader")
        );
        let left: i64 = store
            .record
            .run(|connection| Ok(schema::records::table.count().get_result(connection)?))
            .unwrap();
        assert_eq!(left, 1);
    }

    #[test]
    fn sqlite_files_of_the_release_before_keep_their_records() {
        let dir = tempfile::tempdir().unwrap();
        let mut connection = Source::Sqlite(dir.path().join("record.db")).connect().unwrap();
        let AnyConnection::Sqlite(sqlite) = &mut connection else { panic!("not SQLite") };
        migrate_to_the_release_before(sqlite, SQLITE_RECORD);
        sqlite.batch_execute(OLD_RECORDS).unwrap();
        drop(connection);
        let options = sqlite_options(dir.path().to_owned());
        old_records_are_moved_and_chained(&Store::open(&options).unwrap());
    }

    #[test]
    fn a_postgres_schema_of_the_release_before_keeps_its_records() {
        let schema = PostgresSchema::create();
        let address = PostgresAddress::parse(&Sensitive::new(schema.url())).unwrap();
        let mut connection = Source::Postgres(address).connect().unwrap();
        let AnyConnection::Postgres(postgres) = &mut connection else { panic!("not Postgres") };
        migrate_to_the_release_before(postgres, POSTGRES);
        postgres.batch_execute(OLD_RECORDS).unwrap();
        old_records_are_moved_and_chained(&Store::open(&postgres_options(schema.url())).unwrap());
    }

    #[test]
    fn the_log_of_sqlite_may_become_as_long_whatever_the_size_of_pages() {
        let dir = tempfile::tempdir().unwrap();
        let check = |record_pages: i64| {
            let store = Store::open(&sqlite_options(dir.path().to_owned())).unwrap();
            for (pool, size) in [(&store.state, 4_096), (&store.record, record_pages)] {
                let number = |pragma: &str| {
                    let pragma = diesel::dsl::sql::<diesel::sql_types::BigInt>(pragma);
                    let get =
                        |connection: &mut AnyConnection| Ok(pragma.get_result::<i64>(connection)?);
                    pool.run(get).unwrap()
                };
                assert_eq!(number("PRAGMA page_size"), size);
                assert_eq!(number("PRAGMA wal_autocheckpoint") * size, 16 * 1024 * 1024);
            }
        };
        check(16_384);
        let path = dir.path().join("record.db");
        std::fs::remove_file(&path).unwrap();
        let mut old = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        old.batch_execute("PRAGMA page_size = 4096; PRAGMA journal_mode = WAL;").unwrap();
        check(4_096);
    }

    #[test]
    fn sqlite_files_of_the_first_release_keep_their_agents() {
        let dir = tempfile::tempdir().unwrap();
        state_db_of_the_first_release(dir.path());
        let options = sqlite_options(dir.path().to_owned());
        the_old_agent_is_there_and_can_be_given_what_is_new(&Store::open(&options).unwrap());
        Store::open(&options).unwrap().agent("old-hand").unwrap().unwrap();
    }

    #[test]
    fn a_postgres_schema_of_the_first_release_keeps_its_agents() {
        let schema = PostgresSchema::create();
        schema_of_the_first_release(&schema);
        let options = postgres_options(schema.url());
        the_old_agent_is_there_and_can_be_given_what_is_new(&Store::open(&options).unwrap());
        Store::open(&options).unwrap().agent("old-hand").unwrap().unwrap();
    }
}
