//! How much room the record takes.
//!
//! Owns what counts. It must never count what a removed record has left free, or all would go.

use super::super::super::{StoreError, connection::AnyConnection};
use diesel::{QueryableByName, RunQueryDsl as _, sql_query, sql_types::BigInt};

#[derive(QueryableByName)]
struct Size {
    #[diesel(sql_type = BigInt)]
    bytes: i64,
}

/// On SQLite the pages of `record.db` that are in use; on Postgres the weeks with their indexes.
const ON_SQLITE: &str = "SELECT (page_count - freelist_count) * page_size AS bytes \
                         FROM pragma_page_count, pragma_freelist_count, pragma_page_size";
const ON_POSTGRES: &str = "SELECT COALESCE(SUM(pg_total_relation_size(inhrelid)), 0)::bigint AS bytes \
                           FROM pg_inherits WHERE inhparent IN \
                           ('audit_records'::regclass, 'audit_findings'::regclass)";

/// Whether the record takes more than it may.
pub(super) fn is_over(
    connection: &mut AnyConnection,
    most: Option<u64>,
) -> Result<bool, StoreError> {
    let Some(most) = most else { return Ok(false) };
    let size: Size = match connection {
        AnyConnection::Sqlite(sqlite) => sql_query(ON_SQLITE).get_result(sqlite)?,
        AnyConnection::Postgres(postgres) => sql_query(ON_POSTGRES).get_result(postgres)?,
    };
    Ok(u64::try_from(size.bytes).unwrap_or_default() > most)
}
