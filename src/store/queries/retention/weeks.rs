//! The weeks of the record on Postgres, dropped whole when their time is over.
//!
//! Owns the reading of their bounds from the database itself. It must never drop a week that may still be written to.

use super::{
    super::{
        super::{StoreError, connection::AnyConnection},
        POSITION_BITS,
    },
    Sign, Swept, seal, sealed_in_all, set_aside_below,
};
use crate::types::UnixMillis;
use diesel::{
    PgConnection, QueryableByName, RunQueryDsl as _,
    connection::SimpleConnection as _,
    sql_query,
    sql_types::{BigInt, Text},
};

/// Writers may still have this long to do in a week that is over.
const GRACE_MS: i64 = 24 * 3_600_000;

/// Tables of one week.
pub(super) struct Week {
    /// The first position behind it.
    pub(super) below: i64,
    table: String,
}

#[derive(QueryableByName)]
struct Partition {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = BigInt)]
    below: i64,
}

impl Week {
    /// Whether nobody writes to it any more.
    pub(super) const fn is_over(&self, now: UnixMillis) -> bool {
        (self.below >> POSITION_BITS) + GRACE_MS <= now.0
    }
}

/// The oldest week that there is; on SQLite there are none.
pub(super) fn oldest(connection: &mut AnyConnection) -> Result<Option<Week>, StoreError> {
    let AnyConnection::Postgres(postgres) = connection else { return Ok(None) };
    let first = partitions(postgres, "audit_records")?.into_iter().next();
    Ok(first.map(|partition| Week { below: partition.below, table: partition.name }))
}

/// The partitions of a table, oldest first.
fn partitions(connection: &mut PgConnection, table: &str) -> Result<Vec<Partition>, StoreError> {
    Ok(sql_query(
        "SELECT inhrelid::regclass::text AS name, \
         substring(pg_get_expr(relpartbound, pg_class.oid) FROM 'TO \\(''(-?\\d+)''\\)')::bigint AS below \
         FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid \
         WHERE inhparent = $1::regclass AND pg_get_expr(relpartbound, pg_class.oid) LIKE 'FOR VALUES FROM%' \
         ORDER BY below",
    )
    .bind::<Text, _>(table)
    .load(connection)?)
}

/// Drops a week, and what was found in it.
pub(super) fn drop(
    connection: &mut AnyConnection,
    week: &Week,
    sign: Sign<'_>,
) -> Result<Swept, StoreError> {
    let before = sealed_in_all(connection)?;
    let checkpoints = seal(connection, week.below, sign)?;
    let records = sealed_in_all(connection)? - before;
    set_aside_below(connection, week.below)?;
    if let AnyConnection::Postgres(postgres) = connection {
        let findings = partitions(postgres, "audit_findings")?;
        let gone = findings.iter().filter(|partition| partition.below <= week.below);
        for name in gone.map(|partition| &partition.name).chain([&week.table]) {
            // The name comes quoted from the database.
            postgres.batch_execute(&format!("DROP TABLE {name}"))?;
        }
    }
    let records = u64::try_from(records).unwrap_or_default();
    Ok(Swept { records, partitions: 1, checkpoints, more: true })
}
