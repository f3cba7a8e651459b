//! How long exchanges took: the slots of the sums that are asked for, added up for each group.
//!
//! Owns how slots are read: page by page along the key, so that memory does not grow with the time asked for. It must
//! never have the database join them: what a year of many agents has is too long for one text.

use super::{
    super::{
        super::{StoreError, connection::AnyConnection, records::NAMES},
        statement::Statement,
    },
    SumsQuery,
    figures::{Slotted, Times},
};
use diesel::{
    RunQueryDsl as _,
    sql_types::{BigInt, Nullable, Text},
};
use std::collections::BTreeMap;

/// Sums that are read at once.
const PAGE: usize = 10_000;

/// A sum's place in the order of the key, behind the width.
struct Place {
    bucket: i64,
    names: [String; NAMES.len()],
}

type Row = (i64, (String, String, String, String), Slotted);
type RowSql = (BigInt, (Text, Text, Text, Text), (Nullable<Text>, Nullable<Text>));

/// Of each group: its name, and the step in time. Of what has no sum, nothing.
pub(super) fn of_groups(
    connection: &mut AnyConnection,
    query: &SumsQuery,
) -> Result<BTreeMap<(String, i64), Times>, StoreError> {
    let mut groups = BTreeMap::new();
    let mut after = Some(Place { bucket: query.begin() - 1, names: Default::default() });
    while let Some(place) = after.take() {
        let rows: Vec<Row> = page(query, &place).load(connection)?;
        let is_last = rows.len() < PAGE;
        for (bucket, names, slots) in rows {
            let names = <[String; NAMES.len()]>::from(names);
            let group = query.group_of(bucket, &names);
            groups.entry(group).or_insert_with(Times::none).add(&slots);
            after = Some(Place { bucket, names });
        }
        if is_last {
            break;
        }
    }
    Ok(groups)
}

/// The next sums behind this one.
fn page(query: &SumsQuery, after: &Place) -> Statement<RowSql> {
    let names = NAMES.join(", ");
    let mut statement =
        Statement::new(format!("SELECT bucket, {names}, latency_slots, gateway_slots"));
    query.among(&mut statement, after.bucket);
    statement.sql(format!(" AND (bucket, {names}) > (")).number(after.bucket);
    for name in &after.names {
        statement.sql(", ").text(name);
    }
    statement.sql(format!(") ORDER BY bucket, {names} LIMIT {PAGE}"));
    statement
}
