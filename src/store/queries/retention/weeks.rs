//! The weeks of the record on Postgres, dropped whole when their time is over.
//!
//! Owns the reading of their bounds from the database itself. It must never drop a week that may still be written to,
//! nor one of which something is not signed for.

use super::{
    super::{
        super::{StoreError, connection::AnyConnection},
        POSITION_BITS,
    },
    Sealer, Swept,
    chunks::remove_set_aside,
    ours,
    seal::{End, seal, sealed_to},
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

#[derive(QueryableByName)]
struct Chain {
    #[diesel(sql_type = Text)]
    node: String,
    #[diesel(sql_type = BigInt)]
    last: i64,
    #[diesel(sql_type = BigInt)]
    records: i64,
}

impl Week {
    /// Drops it, and what was found in it.
    pub(super) fn drop(&self, connection: &mut AnyConnection) -> Result<(), StoreError> {
        let AnyConnection::Postgres(postgres) = connection else { return Ok(()) };
        // It locks everybody out of the whole record: rather later than behind a long query, with all others waiting.
        postgres.batch_execute("SET LOCAL lock_timeout = '2s'")?;
        let findings = partitions(postgres, "audit_findings")?;
        let gone = findings.iter().filter(|partition| partition.below <= self.below);
        for name in gone.map(|partition| &partition.name).chain([&self.table]) {
            // The name comes quoted from the database.
            postgres.batch_execute(&format!("DROP TABLE {name}"))?;
        }
        Ok(())
    }

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

/// Signs for what is ours in a week. Returns the week when all that stands in it is signed for: then it may be dropped.
pub(super) fn seal_all(
    connection: &mut AnyConnection,
    week: Week,
    at: UnixMillis,
    sealer: &Sealer<'_>,
    now: UnixMillis,
) -> Result<(Swept, Option<Week>), StoreError> {
    let mut swept = Swept::default();
    let end = End { position: week.below, at };
    for node in ours(connection, week.below, sealer, now)? {
        if let Some(sealed) = seal(connection, &node, end, sealer, &mut swept)? {
            let aside = remove_set_aside(connection, &node, sealed, week.below)?;
            swept.records += u64::try_from(aside).unwrap_or_default();
        }
    }
    let mut records = 0;
    for chain in chains(connection, &week)? {
        if sealed_to(connection, &chain.node, sealer)? < chain.last {
            tracing::debug!(
                node = chain.node,
                table = week.table,
                "a week stays until it is signed for"
            );
            return Ok((swept, None));
        }
        records += u64::try_from(chain.records).unwrap_or_default();
    }
    swept.records += records;
    swept.more = true;
    Ok((swept, Some(week)))
}

/// Whose records stand in a week, and up to which place.
fn chains(connection: &mut AnyConnection, week: &Week) -> Result<Vec<Chain>, StoreError> {
    let AnyConnection::Postgres(postgres) = connection else { return Ok(Vec::new()) };
    // The name comes quoted from the database.
    let table = &week.table;
    let sql = format!("SELECT node, MAX(seq) AS last, COUNT(*) AS records FROM {table} GROUP BY 1");
    Ok(sql_query(sql).load(postgres)?)
}
