//! The weeks of the record on Postgres: tables that are made before they are needed.
//!
//! Owns their names and bounds. It must never make a writer or a reader wait: a table is made on its own and attached
//! afterwards, which locks out neither, and a week that cannot be made ahead is tried again later.

use super::super::{
    StoreError,
    connection::{AnyConnection, Pool},
};
use crate::types::UnixMillis;
use diesel::{
    PgConnection, QueryableByName, RunQueryDsl as _,
    connection::SimpleConnection as _,
    sql_query,
    sql_types::{Array, Bool, Text},
};
use std::sync::{Mutex, PoisonError};
use time::OffsetDateTime;

/// A position is the millisecond of writing times 2 to this power, plus a count.
pub(in crate::store) const POSITION_BITS: u32 = 20;

/// What is split by weeks.
const TABLES: [&str; 2] = ["audit_records", "audit_findings"];

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// After a week could not be made ahead.
const PAUSE_MS: i64 = 60_000;

/// Which weeks this process knows to be there.
#[derive(Default)]
pub(in crate::store) struct Partitions {
    known: Mutex<Known>,
}

#[derive(Clone, Copy, Default)]
struct Known {
    /// This week is there, and the one behind it.
    week: Option<i64>,
    /// Not before this moment is the next week tried again.
    retry_at: Option<UnixMillis>,
}

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    are_there: bool,
}

impl Partitions {
    /// Sees to this week's tables and the next one's. Fails only when this week's are missing.
    pub(super) fn ensure(&self, pool: &Pool, now: UnixMillis) -> Result<(), StoreError> {
        let week = week_of(now);
        let known = *self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.week == Some(week) && known.retry_at.is_none_or(|at| now < at) {
            return Ok(());
        }
        make(pool, week)?;
        let retry_at = make(pool, week + 1).is_err().then_some(UnixMillis(now.0 + PAUSE_MS));
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) =
            Known { week: Some(week), retry_at };
        Ok(())
    }

    /// After a failure nothing is taken for granted.
    pub(super) fn forget(&self) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Known::default();
    }
}

/// Weeks since the one of 1970-01-01; they begin on Monday.
fn week_of(now: UnixMillis) -> i64 {
    (now.0.div_euclid(DAY_MS) + 3).div_euclid(7)
}

/// The moment at which a week begins.
fn begin_of(week: i64) -> UnixMillis {
    UnixMillis((week * 7 - 3) * DAY_MS)
}

/// As in `audit_records_20261116`.
fn name(table: &str, week: i64) -> String {
    let monday = OffsetDateTime::from_unix_timestamp(begin_of(week).as_secs())
        .unwrap_or(OffsetDateTime::UNIX_EPOCH);
    format!("{table}_{:04}{:02}{:02}", monday.year(), u8::from(monday.month()), monday.day())
}

fn make(pool: &Pool, week: i64) -> Result<(), StoreError> {
    pool.run(|connection| {
        let AnyConnection::Postgres(postgres) = connection else { return Ok(()) };
        if are_there(postgres, week)? {
            return Ok(());
        }
        super::super::connection::transaction(connection, Some("audit_records"), |connection| {
            let AnyConnection::Postgres(postgres) = connection else { return Ok(()) };
            // Another gateway may have made them while we waited for the lock.
            if !are_there(postgres, week)? {
                postgres.batch_execute(&statements(week))?;
            }
            Ok(())
        })
    })
}

fn are_there(connection: &mut PgConnection, week: i64) -> Result<bool, StoreError> {
    let names: Vec<String> = TABLES.iter().map(|table| name(table, week)).collect();
    let answer: Answer = sql_query(
        "SELECT count(*) = 2 AS are_there FROM pg_inherits JOIN pg_class ON oid = inhrelid \
         WHERE inhparent IN ('audit_records'::regclass, 'audit_findings'::regclass) AND relname = ANY($1)",
    )
    .bind::<Array<Text>, _>(names)
    .get_result(connection)?;
    Ok(answer.are_there)
}

fn statements(week: i64) -> String {
    let (from, to) = (begin_of(week).0 << POSITION_BITS, begin_of(week + 1).0 << POSITION_BITS);
    let mut sql = "SET LOCAL lock_timeout = '2s';".to_owned();
    for table in TABLES {
        let name = name(table, week);
        sql.push_str(&format!(
            "CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS); \
             ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ({from}) TO ({to});"
        ));
    }
    sql
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weeks_begin_on_monday_and_are_named_by_it() {
        let sunday = UnixMillis::parse("2026-11-22T23:59:59.999Z").unwrap();
        let monday = UnixMillis::parse("2026-11-23T00:00:00Z").unwrap();
        assert_eq!(name("audit_records", week_of(sunday)), "audit_records_20261116");
        assert_eq!(name("audit_records", week_of(monday)), "audit_records_20261123");
        assert_eq!(begin_of(week_of(monday)), monday);
    }
}
