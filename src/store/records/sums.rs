//! Sums per minute and per hour, written with the records that they sum up.
//!
//! Owns what is counted. A batch is summed up in memory first, so that a busy minute costs a few rows per batch. Slots of
//! times are added to those that are stored: writers follow each other, so nobody changes a sum in between.

mod known;

use super::super::{connection::AnyConnection, slots::Slots};
use crate::types::{Outcome, PolicyResult, Record, Surface};
use diesel::{
    QueryResult, RunQueryDsl,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    sql_query,
    sql_types::{Array, BigInt, Nullable, Text},
    sqlite::Sqlite,
};
use std::{collections::BTreeMap, sync::LazyLock};

/// The widths of sums, in milliseconds.
pub(in crate::store) const MINUTE_MS: i64 = 60_000;
pub(in crate::store) const HOUR_MS: i64 = 60 * MINUTE_MS;

/// What a sum is of, behind its width and its bucket in the order of the key.
pub(in crate::store) const NAMES: [&str; 4] = ["agent_name", "model", "app_context", "endpoint"];

/// The columns that are summed up.
pub(in crate::store) const COUNTS: [&str; 11] = [
    "calls",
    "denied",
    "blocked",
    "failed",
    "findings",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "reasoning_tokens",
    "latency_ms",
    "gateway_us",
];

/// The columns from which percentiles are told. NULL in a sum that is older than they are, and stays so.
const SLOTS: [&str; 2] = ["latency_slots", "gateway_slots"];

/// What a sum is of, and of which time.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
struct Key<'a> {
    width: i64,
    bucket: i64,
    /// In the order of [`NAMES`]; empty where a record says nothing.
    names: [&'a str; NAMES.len()],
}

/// In the order of [`COUNTS`].
type Counts = [i64; COUNTS.len()];

/// In the order of [`SLOTS`], as they are written down.
type Written = [Option<String>; SLOTS.len()];

#[derive(Default)]
struct Sum {
    counts: Counts,
    /// In the order of [`SLOTS`].
    slots: [Slots; SLOTS.len()],
}

/// Adds these records to the sums.
pub(super) fn write<'a>(
    connection: &mut AnyConnection,
    records: impl Iterator<Item = &'a Record>,
) -> QueryResult<()> {
    let mut sums: BTreeMap<Key<'_>, Sum> = BTreeMap::new();
    // An administrator's change is no call.
    for record in records.filter(|record| record.surface != Surface::Admin) {
        let counts = counts(record);
        for width in [MINUTE_MS, HOUR_MS] {
            let sum = sums.entry(key(record, width)).or_default();
            for (sum, count) in sum.counts.iter_mut().zip(counts) {
                *sum = sum.saturating_add(count);
            }
            for (slots, time) in sum.slots.iter_mut().zip([record.latency_ms, record.gateway_us]) {
                time.into_iter().for_each(|time| slots.add(time));
            }
        }
    }
    let keys: Vec<&Key<'_>> = sums.keys().collect();
    let known = known::slots(connection, &keys)?;
    let rows: Vec<Row<'_>> = sums
        .iter()
        .zip(known)
        .map(|((key, sum), known)| Row { key, counts: &sum.counts, slots: add(&sum.slots, known) })
        .collect();
    match connection {
        AnyConnection::Sqlite(sqlite) => {
            for row in rows {
                row.execute(sqlite)?;
            }
        }
        AnyConnection::Postgres(postgres) => {
            let mut upsert = sql_query(INTO_POSTGRES.as_str())
                .into_boxed()
                .bind::<Array<BigInt>, _>(column(&rows, |row| row.key.width))
                .bind::<Array<BigInt>, _>(column(&rows, |row| row.key.bucket));
            for place in 0..NAMES.len() {
                upsert = upsert.bind::<Array<Text>, _>(column(&rows, |row| row.key.name(place)));
            }
            for place in 0..COUNTS.len() {
                let counts =
                    column(&rows, |row| row.counts.get(place).copied().unwrap_or_default());
                upsert = upsert.bind::<Array<BigInt>, _>(counts);
            }
            for place in 0..SLOTS.len() {
                let slots = column(&rows, |row| row.slots.get(place).and_then(Option::as_deref));
                upsert = upsert.bind::<Array<Nullable<Text>>, _>(slots);
            }
            upsert.execute(postgres)?;
        }
    }
    Ok(())
}

/// New slots with those of the same sum that are stored already, if it is. What cannot be read is not known.
fn add(new: &[Slots; SLOTS.len()], known: Option<Written>) -> Written {
    let Some(known) = known else { return new.each_ref().map(|slots| Some(slots.to_string())) };
    let mut new = new.iter();
    known.map(|known| {
        // Taken whatever is known, so that each column gets its own.
        let new = new.next()?;
        let mut slots = Slots::read(&known?)?;
        slots.add_all(new);
        Some(slots.to_string())
    })
}

fn column<'a, R, T>(rows: &'a [R], value: impl Fn(&'a R) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}

impl<'a> Key<'a> {
    fn name(&self, place: usize) -> &'a str {
        self.names.get(place).copied().unwrap_or_default()
    }
}

fn key(record: &Record, width: i64) -> Key<'_> {
    let began = record.started_at.0;
    Key {
        width,
        bucket: began - began.rem_euclid(width),
        names: [
            record.agent_name.as_deref().unwrap_or_default(),
            record.model.as_deref().unwrap_or_default(),
            record.app_context.as_deref().unwrap_or_default(),
            record.endpoint.as_deref().unwrap_or_default(),
        ],
    }
}

fn counts(record: &Record) -> Counts {
    let failed = matches!(record.outcome, Some(Outcome::UpstreamError | Outcome::Interrupted));
    let known =
        |count: Option<u64>| count.map_or(0, |count| i64::try_from(count).unwrap_or(i64::MAX));
    [
        1,
        i64::from(record.policy_result == Some(PolicyResult::Deny)),
        i64::from(record.outcome == Some(Outcome::Blocked)),
        i64::from(failed),
        record.findings.iter().map(|finding| i64::from(finding.count)).sum(),
        known(record.input_tokens),
        known(record.output_tokens),
        known(record.cached_tokens),
        known(record.reasoning_tokens),
        known(record.latency_ms),
        known(record.gateway_us),
    ]
}

static INTO: LazyLock<String> = LazyLock::new(|| {
    let columns = [&NAMES[..], &COUNTS, &SLOTS].concat().join(", ");
    format!("INSERT INTO audit_sums (width, bucket, {columns})")
});

static ON_CONFLICT: LazyLock<String> = LazyLock::new(|| {
    let names = NAMES.join(", ");
    let add = COUNTS.map(|count| format!("{count} = audit_sums.{count} + excluded.{count}"));
    let set = SLOTS.map(|slots| format!("{slots} = excluded.{slots}"));
    let change = [&add[..], &set].concat().join(", ");
    format!(" ON CONFLICT (width, bucket, {names}) DO UPDATE SET {change}")
});

static INTO_POSTGRES: LazyLock<String> = LazyLock::new(|| {
    let columns = 2 + NAMES.len() + COUNTS.len() + SLOTS.len();
    let arrays: Vec<String> = (1..=columns).map(|number| format!("${number}")).collect();
    format!("{} SELECT * FROM unnest({}){}", *INTO, arrays.join(", "), *ON_CONFLICT)
});

/// One row; on SQLite always the same statement, so it is kept prepared.
struct Row<'a> {
    key: &'a Key<'a>,
    counts: &'a Counts,
    slots: Written,
}

impl QueryFragment<Sqlite> for Row<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql(&INTO);
        out.push_sql(" VALUES (");
        out.push_bind_param::<BigInt, _>(&self.key.width)?;
        out.push_sql(", ");
        out.push_bind_param::<BigInt, _>(&self.key.bucket)?;
        for name in &self.key.names {
            out.push_sql(", ");
            out.push_bind_param::<Text, _>(name)?;
        }
        for count in self.counts {
            out.push_sql(", ");
            out.push_bind_param::<BigInt, _>(count)?;
        }
        for slots in &self.slots {
            out.push_sql(", ");
            out.push_bind_param::<Nullable<Text>, _>(slots)?;
        }
        out.push_sql(")");
        out.push_sql(&ON_CONFLICT);
        Ok(())
    }
}

impl QueryId for Row<'_> {
    type QueryId = Row<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for Row<'_> {
    type SqlType = ();
}

impl<C> RunQueryDsl<C> for Row<'_> {}
