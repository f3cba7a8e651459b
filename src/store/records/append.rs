//! Appending a batch: one transaction that gives each record its place, in its chain and among all others.
//!
//! Owns the order of writing. It must never overwrite a record, store one twice when it is asked again, or let one bad
//! record stop the rest.
//!
//! Writers follow each other: they lock the one row of `audit_order` until they commit, so that positions become
//! visible in order, and each continues the chains where the one before it ended.

use super::{
    super::{
        Store, StoreError,
        connection::AnyConnection,
        schema::audit_order::{self, dsl},
        set_aside,
    },
    chains, findings,
    insert::{self, Placed},
    partitions::POSITION_BITS,
    row::RecordRow,
    sums,
};
use crate::{
    ledger::Head,
    types::{ExchangeId, Record, UnixMillis},
};
use diesel::{
    ExpressionMethods as _, QueryDsl as _, QueryableByName, RunQueryDsl as _, sql_query,
    sql_types::{Array, BigInt, Text},
};
use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};
use uuid::Uuid;

/// How far a clock may have been set back between a record's beginning and its writing.
const SET_BACK_MS: i64 = 24 * 60 * 60 * 1_000;

/// Records that the database does not take, and why.
type Faults = BTreeMap<ExchangeId, String>;

/// What became of a batch.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Appended {
    /// How many were stored now.
    pub stored: usize,
    /// How many were there already.
    pub known: usize,
    /// How many the database did not take: they are set aside, with the reason.
    pub set_aside: usize,
    /// Where the chains of the batch's nodes end now; empty when all were known.
    pub heads: Vec<(String, Head)>,
}

impl Store {
    /// Appends records in one transaction: chains them, each to its node's last, and stores them in this order. They
    /// carry their places in their chains afterwards. When `again`, those that are there already are left out: so a
    /// batch whose fate is unknown is given again.
    pub fn append_records(
        &self,
        records: &mut [Arc<Record>],
        again: bool,
        now: UnixMillis,
    ) -> Result<Appended, StoreError> {
        if records.is_empty() {
            return Ok(Appended::default());
        }
        self.append_and(records, again, now, |_| Ok(()))
    }

    /// Appends records, and does something else in the same transaction.
    pub(super) fn append_and(
        &self,
        records: &mut [Arc<Record>],
        mut again: bool,
        now: UnixMillis,
        also: impl Fn(&mut AnyConnection) -> Result<(), StoreError>,
    ) -> Result<Appended, StoreError> {
        let mut faults = Faults::new();
        loop {
            self.partitions.ensure(&self.record, now)?;
            let done = self.record.write(None, |connection| {
                let appended = append(connection, records, again, now, &faults)?;
                also(connection)?;
                Ok(appended)
            });
            let Err(error) = done else { return done };
            self.partitions.forget();
            let faults_before = faults.len();
            if error.concerns_the_row() {
                self.find_faults(records, again, now, &mut faults)?;
            }
            let may_be_known = !again && error.is_a_duplicate();
            again |= may_be_known;
            if faults.len() == faults_before && !may_be_known {
                return Err(error);
            }
        }
    }

    /// Finds the records at fault by halving the batch, in transactions that are rolled back.
    fn find_faults(
        &self,
        records: &mut [Arc<Record>],
        again: bool,
        now: UnixMillis,
        faults: &mut Faults,
    ) -> Result<(), StoreError> {
        let tried =
            self.record.try_out(|connection| append(connection, records, again, now, faults));
        match (tried, records) {
            (Ok(_), _) => Ok(()),
            (Err(error), _) if !error.concerns_the_row() => Err(error),
            (Err(error), [record]) => {
                faults.insert(record.id, error.to_string());
                Ok(())
            }
            (Err(_), records) => {
                let (first, second) = records.split_at_mut(records.len() / 2);
                self.find_faults(first, again, now, faults)?;
                self.find_faults(second, again, now, faults)
            }
        }
    }
}

fn append(
    connection: &mut AnyConnection,
    records: &mut [Arc<Record>],
    again: bool,
    now: UnixMillis,
    faults: &Faults,
) -> Result<Appended, StoreError> {
    let last = lock_order(connection)?;
    let given = records.len();
    let mut seen = if again { known_ids(connection, records, now)? } else { HashSet::new() };
    let mut fresh: Vec<&mut Arc<Record>> =
        records.iter_mut().filter(|record| seen.insert(record.id)).collect();
    if fresh.is_empty() {
        return Ok(Appended { known: given, ..Appended::default() });
    }
    let heads = chains::chain(connection, &mut fresh)?;

    let first = (last + 1).max(now.0 << POSITION_BITS);
    let (aside, placed): (Vec<_>, Vec<_>) = (first..)
        .zip(fresh.iter().map(|record| &***record))
        .partition(|(_, record)| faults.contains_key(&record.id));
    for (position, record) in &aside {
        let reason = faults.get(&record.id).map_or("", String::as_str);
        set_aside::put(connection, *position, record, reason)?;
    }
    write(connection, &placed)?;

    for (node, head) in &heads {
        chains::write(connection, node, *head)?;
    }
    let last = aside.last().into_iter().chain(placed.last()).map(|(position, _)| *position).max();
    diesel::update(audit_order::table)
        .set(dsl::last_position.eq(last.unwrap_or(first)))
        .execute(connection)?;
    let known = given - placed.len() - aside.len();
    Ok(Appended { stored: placed.len(), known, set_aside: aside.len(), heads })
}

/// The position of the last record; other writers wait until we commit.
pub(in crate::store) fn lock_order(connection: &mut AnyConnection) -> Result<i64, StoreError> {
    let order = dsl::audit_order.select(dsl::last_position);
    Ok(match connection {
        AnyConnection::Sqlite(sqlite) => order.first(sqlite)?,
        AnyConnection::Postgres(postgres) => order.for_update().first(postgres)?,
    })
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = Text)]
    id: String,
}

/// Those of the ids that are there already.
fn known_ids(
    connection: &mut AnyConnection,
    records: &[Arc<Record>],
    now: UnixMillis,
) -> Result<HashSet<ExchangeId>, StoreError> {
    let ids: Vec<String> = records.iter().map(|record| record.id.to_string()).collect();
    let rows: Vec<Id> = match connection {
        AnyConnection::Sqlite(sqlite) => sql_query(
            "WITH given AS (SELECT value AS id FROM json_each(?)) \
             SELECT id FROM audit_records WHERE id IN (SELECT id FROM given) \
             UNION ALL SELECT id FROM audit_set_aside WHERE id IN (SELECT id FROM given)",
        )
        .bind::<Text, _>(serde_json::to_string(&ids).unwrap_or_default())
        .load(sqlite)?,
        AnyConnection::Postgres(postgres) => {
            // A record is written after it began: weeks that were over before that are not searched.
            let first = records.iter().map(|record| record.started_at).min().unwrap_or(now);
            let from = (first.min(now).0 - SET_BACK_MS) << POSITION_BITS;
            sql_query(
                "SELECT id FROM audit_records WHERE id = ANY($1) AND position >= $2 \
                 UNION ALL SELECT id FROM audit_set_aside WHERE id = ANY($1)",
            )
            .bind::<Array<Text>, _>(ids)
            .bind::<BigInt, _>(from)
            .load(postgres)?
        }
    };
    Ok(rows.iter().filter_map(|row| Uuid::try_parse(&row.id).ok().map(ExchangeId)).collect())
}

/// The records, and what is derived from them.
fn write(connection: &mut AnyConnection, records: &[(i64, &Record)]) -> Result<(), StoreError> {
    let rows: Vec<Placed<'_>> =
        records.iter().map(|(position, record)| (*position, RecordRow::of(record))).collect();
    match connection {
        AnyConnection::Sqlite(sqlite) => insert::into_sqlite(sqlite, &rows)?,
        AnyConnection::Postgres(postgres) => insert::into_postgres(postgres, &rows)?,
    }
    findings::write(connection, records.iter().copied())?;
    sums::write(connection, records.iter().map(|(_, record)| *record))?;
    Ok(())
}

#[cfg(test)]
pub(super) mod tests;
