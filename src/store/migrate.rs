//! Bringing a database to this program's version.
//!
//! Owns the embedded migrations and the check that the tables are ours and not newer. It must never
//! touch a database that belongs to something else.

use super::{
    connection::{AnyConnection, transaction},
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

/// Which tables a database holds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    /// `state.db`: agents, users, sessions, changes.
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

/// Checks and migrates in one transaction, so that processes starting together do it once.
pub(super) fn migrate(connection: &mut AnyConnection, part: Part) -> Result<(), StoreError> {
    match connection {
        AnyConnection::Sqlite(sqlite) => {
            sqlite.batch_execute("PRAGMA journal_mode = WAL;").map_err(no_database)?;
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
            Part::Everything => {
                is_new
                    && ["agents", "users", "sessions", "changes", "records", "anonymous_counts"]
                        .iter()
                        .any(|ours| tables.iter().any(|table| table == ours))
            }
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
