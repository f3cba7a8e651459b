//! The slots of sums that are stored already.
//!
//! Owns how they are found by their keys: one statement on Postgres, a prepared one for each on SQLite.

use super::{super::super::connection::AnyConnection, Key, NAMES, SLOTS, Written, column};
use diesel::{
    OptionalExtension as _, PgConnection, QueryResult, QueryableByName, RunQueryDsl,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    sql_query,
    sql_types::{Array, BigInt, Nullable, Text},
    sqlite::Sqlite,
};
use std::{collections::BTreeMap, sync::LazyLock};

/// For each key, in their order; `None` where there is no sum yet.
pub(super) fn slots(
    connection: &mut AnyConnection,
    keys: &[&Key<'_>],
) -> QueryResult<Vec<Option<Written>>> {
    match connection {
        AnyConnection::Sqlite(sqlite) => keys
            .iter()
            .map(|key| {
                let slots = Known { key }.get_result::<(Option<String>, Option<String>)>(sqlite);
                Ok(slots.optional()?.map(<[_; SLOTS.len()]>::from))
            })
            .collect(),
        AnyConnection::Postgres(postgres) => from_postgres(postgres, keys),
    }
}

/// Each key is looked up by the index, however many rows Postgres believes there to be.
static FROM_POSTGRES: LazyLock<String> = LazyLock::new(|| {
    let names = NAMES.join(", ");
    let arrays: Vec<String> = (1..=2 + NAMES.len()).map(|number| format!("${number}")).collect();
    let same = ["width", "bucket"].into_iter().chain(NAMES);
    let same: Vec<String> = same.map(|name| format!("audit_sums.{name} = given.{name}")).collect();
    format!(
        "SELECT place, latency_slots, gateway_slots \
         FROM unnest({}) WITH ORDINALITY AS given (width, bucket, {names}, place), \
         LATERAL (SELECT latency_slots, gateway_slots FROM audit_sums WHERE {} LIMIT 1) AS known",
        arrays.join(", "),
        same.join(" AND "),
    )
});

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = BigInt)]
    place: i64,
    #[diesel(sql_type = Nullable<Text>)]
    latency_slots: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    gateway_slots: Option<String>,
}

fn from_postgres(
    connection: &mut PgConnection,
    keys: &[&Key<'_>],
) -> QueryResult<Vec<Option<Written>>> {
    let mut query = sql_query(FROM_POSTGRES.as_str())
        .into_boxed()
        .bind::<Array<BigInt>, _>(column(keys, |key| key.width))
        .bind::<Array<BigInt>, _>(column(keys, |key| key.bucket));
    for place in 0..NAMES.len() {
        query = query.bind::<Array<Text>, _>(column(keys, |key| key.name(place)));
    }
    let found: Vec<Found> = query.load(connection)?;
    let mut found: BTreeMap<i64, Written> =
        found.into_iter().map(|row| (row.place, [row.latency_slots, row.gateway_slots])).collect();
    Ok((1..).zip(keys).map(|(place, _)| found.remove(&place)).collect())
}

/// One sum's slots on SQLite: always the same statement, so it is kept prepared.
struct Known<'a> {
    key: &'a Key<'a>,
}

impl QueryFragment<Sqlite> for Known<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql("SELECT latency_slots, gateway_slots FROM audit_sums WHERE width = ");
        out.push_bind_param::<BigInt, _>(&self.key.width)?;
        out.push_sql(" AND bucket = ");
        out.push_bind_param::<BigInt, _>(&self.key.bucket)?;
        for (column, name) in NAMES.into_iter().zip(&self.key.names) {
            out.push_sql(" AND ");
            out.push_sql(column);
            out.push_sql(" = ");
            out.push_bind_param::<Text, _>(name)?;
        }
        Ok(())
    }
}

impl QueryId for Known<'_> {
    type QueryId = Known<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for Known<'_> {
    type SqlType = (Nullable<Text>, Nullable<Text>);
}

impl<C> RunQueryDsl<C> for Known<'_> {}
