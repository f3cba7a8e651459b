//! Sums per minute and per hour, written with the records that they sum up.
//!
//! Owns what is counted. A batch is summed up in memory first, so that a busy minute costs a few rows per batch.

use super::super::connection::AnyConnection;
use crate::types::{Outcome, PolicyResult, Record, Surface};
use diesel::{
    QueryResult, RunQueryDsl,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    sql_query,
    sql_types::{Array, BigInt, Text},
    sqlite::Sqlite,
};
use std::{collections::BTreeMap, sync::LazyLock};

/// The widths of sums, in milliseconds.
pub(in crate::store) const MINUTE_MS: i64 = 60_000;
pub(in crate::store) const HOUR_MS: i64 = 60 * MINUTE_MS;

const NAMES: [&str; 4] = ["agent_name", "model", "app_context", "endpoint"];

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

/// Adds these records to the sums.
pub(super) fn write<'a>(
    connection: &mut AnyConnection,
    records: impl Iterator<Item = &'a Record>,
) -> QueryResult<()> {
    let mut sums: BTreeMap<Key<'_>, Counts> = BTreeMap::new();
    // An administrator's change is no call.
    for record in records.filter(|record| record.surface != Surface::Admin) {
        let counts = counts(record);
        for width in [MINUTE_MS, HOUR_MS] {
            let sum = sums.entry(key(record, width)).or_default();
            for (sum, count) in sum.iter_mut().zip(counts) {
                *sum = sum.saturating_add(count);
            }
        }
    }
    match connection {
        AnyConnection::Sqlite(sqlite) => {
            for (key, counts) in &sums {
                Add { key, counts }.execute(sqlite)?;
            }
        }
        AnyConnection::Postgres(postgres) => {
            let mut upsert = sql_query(INTO_POSTGRES.as_str())
                .into_boxed()
                .bind::<Array<BigInt>, _>(column(&sums, |key, _| key.width))
                .bind::<Array<BigInt>, _>(column(&sums, |key, _| key.bucket));
            for place in 0..NAMES.len() {
                let names = column(&sums, |key, _| key.names.get(place).copied().unwrap_or(""));
                upsert = upsert.bind::<Array<Text>, _>(names);
            }
            for place in 0..COUNTS.len() {
                let counts = column(&sums, |_, sum| sum.get(place).copied().unwrap_or_default());
                upsert = upsert.bind::<Array<BigInt>, _>(counts);
            }
            upsert.execute(postgres)?;
        }
    }
    Ok(())
}

fn column<'a, T>(
    sums: &BTreeMap<Key<'a>, Counts>,
    value: impl Fn(&Key<'a>, &Counts) -> T,
) -> Vec<T> {
    sums.iter().map(|(key, counts)| value(key, counts)).collect()
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
    format!("INSERT INTO audit_sums (width, bucket, {}, {})", NAMES.join(", "), COUNTS.join(", "))
});

static ON_CONFLICT: LazyLock<String> = LazyLock::new(|| {
    let add = COUNTS.map(|count| format!("{count} = audit_sums.{count} + excluded.{count}"));
    let names = NAMES.join(", ");
    format!(" ON CONFLICT (width, bucket, {names}) DO UPDATE SET {}", add.join(", "))
});

static INTO_POSTGRES: LazyLock<String> = LazyLock::new(|| {
    let arrays: Vec<String> =
        (1..=2 + NAMES.len() + COUNTS.len()).map(|number| format!("${number}")).collect();
    format!("{} SELECT * FROM unnest({}){}", *INTO, arrays.join(", "), *ON_CONFLICT)
});

/// One row on SQLite: always the same statement, so it is kept prepared.
struct Add<'a> {
    key: &'a Key<'a>,
    counts: &'a Counts,
}

impl QueryFragment<Sqlite> for Add<'_> {
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
        out.push_sql(")");
        out.push_sql(&ON_CONFLICT);
        Ok(())
    }
}

impl QueryId for Add<'_> {
    type QueryId = Add<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for Add<'_> {
    type SqlType = ();
}

impl<C> RunQueryDsl<C> for Add<'_> {}
