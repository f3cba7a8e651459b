//! How many requests callers have made in a month, so that their quotas survive a restart.
//!
//! Owns the counts of agents and AppContexts. They are no administrative changes: no row tells of them.

use super::{
    Store, StoreError, clean,
    connection::AnyConnection,
    schema::usage_counts::{self, dsl},
};
use crate::types::{UnixMillis, text_enum};
use diesel::{
    ExpressionMethods as _, Insertable, QueryDsl as _, RunQueryDsl as _, dsl::max, upsert::excluded,
};
use std::collections::HashMap;

/// Most rows in one statement of Postgres: its bind limit is 65,535.
const ROWS_PER_STATEMENT: usize = 1_000;

text_enum! {
    /// What has a count of its own.
    UsageOf {
        /// An agent.
        Agent = "agent",
        /// An AppContext.
        AppContext = "app_context",
    }
}

/// How much of a month's quota is used.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UsageCount {
    /// Whether `id` is an agent's or an AppContext's.
    pub of: UsageOf,
    /// Whose count.
    pub id: String,
    /// The calendar month (UTC): 202611 is November 2026.
    pub month: u32,
    /// Requests: those of the month when read, those since the last time when added.
    pub requests: u64,
    /// How much of the limit per minute was used when this was counted.
    pub minute_used: u32,
    /// When this was counted.
    pub at: UnixMillis,
}

#[derive(Insertable)]
#[diesel(table_name = usage_counts)]
struct Row {
    kind: &'static str,
    id: String,
    month: i64,
    requests: i64,
    minute_used: i64,
    at: i64,
}

/// The columns in their order.
type StoredRow = (String, String, i64, i64, i64, i64);

impl Store {
    /// Adds to the counts of requests and replaces the rest. Returns what stood there before, in no order: other
    /// gateways may have counted too. Not idempotent: after an error that may have come behind the commit,
    /// counting twice is safer than not at all.
    pub fn add_usage(&self, counts: &[UsageCount]) -> Result<Vec<UsageCount>, StoreError> {
        let rows = in_order(counts);
        let before = self.state.write(None, |connection| {
            let mut before = Vec::new();
            for chunk in rows.chunks(ROWS_PER_STATEMENT) {
                before.extend(stored(connection, chunk)?);
            }
            let added = || {
                (
                    dsl::requests.eq(dsl::requests + excluded(dsl::requests)),
                    dsl::minute_used.eq(excluded(dsl::minute_used)),
                    dsl::at.eq(excluded(dsl::at)),
                )
            };
            let key = (dsl::kind, dsl::id, dsl::month);
            match connection {
                // Prepared once; a statement costs no round trip.
                AnyConnection::Sqlite(sqlite) => {
                    for row in &rows {
                        diesel::insert_into(usage_counts::table)
                            .values(row)
                            .on_conflict(key)
                            .do_update()
                            .set(added())
                            .execute(sqlite)?;
                    }
                }
                AnyConnection::Postgres(postgres) => {
                    for chunk in rows.chunks(ROWS_PER_STATEMENT) {
                        diesel::insert_into(usage_counts::table)
                            .values(chunk)
                            .on_conflict(key)
                            .do_update()
                            .set(added())
                            .execute(postgres)?;
                    }
                }
            }
            Ok(before)
        })?;
        before.into_iter().map(count_of).collect()
    }

    /// When each was let in last, as far as it is saved: who never was is not among them. Of `id` alone, or of all.
    pub(super) fn last_calls(
        &self,
        of: UsageOf,
        id: Option<&str>,
    ) -> Result<HashMap<String, UnixMillis>, StoreError> {
        let rows: Vec<(String, Option<i64>)> = self.state.run(|connection| {
            let counts = dsl::usage_counts.filter(dsl::kind.eq(of.as_str())).group_by(dsl::id);
            let latest = counts.select((dsl::id, max(dsl::at)));
            Ok(match id {
                Some(id) => latest.filter(dsl::id.eq(id)).load(connection)?,
                None => latest.load(connection)?,
            })
        })?;
        Ok(rows.into_iter().filter_map(|(id, at)| Some((id, UnixMillis(at?)))).collect())
    }

    /// The counts of a month, in no order.
    pub fn usage(&self, month: u32) -> Result<Vec<UsageCount>, StoreError> {
        let rows: Vec<StoredRow> = self.state.run(|connection| {
            Ok(dsl::usage_counts.filter(dsl::month.eq(i64::from(month))).load(connection)?)
        })?;
        rows.into_iter().map(count_of).collect()
    }
}

/// Those of these rows that are there.
fn stored(connection: &mut AnyConnection, rows: &[Row]) -> Result<Vec<StoredRow>, StoreError> {
    let ids = rows.iter().map(|row| &row.id);
    let mut months: Vec<i64> = rows.iter().map(|row| row.month).collect();
    months.sort_unstable();
    months.dedup();
    let known = dsl::usage_counts.filter(dsl::id.eq_any(ids)).filter(dsl::month.eq_any(months));
    Ok(known.load(connection)?)
}

fn count_of(row: StoredRow) -> Result<UsageCount, StoreError> {
    let (kind, id, month, requests, minute_used, at) = row;
    let corrupt = |what| StoreError::Corrupt { what };
    Ok(UsageCount {
        of: UsageOf::parse(&kind).ok_or(corrupt("usage_counts.kind"))?,
        id,
        month: month.try_into().or(Err(corrupt("usage_counts.month")))?,
        requests: requests.try_into().or(Err(corrupt("usage_counts.requests")))?,
        minute_used: minute_used.try_into().or(Err(corrupt("usage_counts.minute_used")))?,
        at: UnixMillis(at),
    })
}

/// One row per key, since a statement may touch a row only once; and in order, since gateways that lock the
/// same rows in the same order cannot deadlock.
fn in_order(counts: &[UsageCount]) -> Vec<Row> {
    let mut rows: Vec<Row> = counts
        .iter()
        .map(|count| Row {
            kind: count.of.as_str(),
            id: clean(&count.id),
            month: i64::from(count.month),
            requests: i64::try_from(count.requests).unwrap_or(i64::MAX),
            minute_used: i64::from(count.minute_used),
            at: count.at.0,
        })
        .collect();
    rows.sort_by(|one, other| {
        (one.kind, &one.id, one.month).cmp(&(other.kind, &other.id, other.month))
    });
    rows.dedup_by(|later, kept| {
        let is_same = (later.kind, &later.id, later.month) == (kept.kind, &kept.id, kept.month);
        if is_same {
            kept.requests = kept.requests.saturating_add(later.requests);
            (kept.minute_used, kept.at) = (later.minute_used, later.at);
        }
        is_same
    });
    rows
}

#[cfg(test)]
mod tests {
    use super::{
        super::testing::{new_agent, on_both_databases},
        *,
    };

    on_both_databases!(
        requests_add_up_and_the_rest_is_the_latest,
        counts_of_more_callers_than_one_statement_takes_are_kept,
        usage_is_no_administrative_change,
        a_callers_last_call_is_that_of_its_latest_month,
    );

    fn count(of: UsageOf, id: &str, month: u32, requests: u64, at: i64) -> UsageCount {
        let minute_used = u32::try_from(at).unwrap() * 10;
        UsageCount { of, id: id.to_owned(), month, requests, minute_used, at: UnixMillis(at) }
    }

    fn requests_add_up_and_the_rest_is_the_latest(store: &Store) {
        use UsageOf::{Agent, AppContext};
        let first = [
            count(AppContext, "x", 202_611, 7, 1),
            count(Agent, "x", 202_611, 2, 1),
            count(Agent, "x", 202_611, 3, 2),
            count(Agent, "x", 202_610, 9, 1),
        ];
        assert_eq!(store.add_usage(&first).unwrap(), []);
        let before = store.add_usage(&[count(Agent, "x", 202_611, 4, 5)]).unwrap();
        assert!(before.contains(&count(Agent, "x", 202_611, 5, 2)), "{before:?}");
        assert_eq!(store.add_usage(&[]).unwrap(), []);
        let mut november = store.usage(202_611).unwrap();
        november.sort_by_key(|count| count.of.as_str());
        let all = [count(Agent, "x", 202_611, 9, 5), count(AppContext, "x", 202_611, 7, 1)];
        assert_eq!(november, all);
        assert_eq!(store.usage(202_610).unwrap(), first[3..]);
        assert_eq!(store.usage(202_612).unwrap(), []);
    }

    fn counts_of_more_callers_than_one_statement_takes_are_kept(store: &Store) {
        let many: Vec<UsageCount> = (0..2 * ROWS_PER_STATEMENT + 1)
            .map(|number| count(UsageOf::Agent, &number.to_string(), 202_611, 1, 1))
            .collect();
        store.add_usage(&many).unwrap();
        assert_eq!(store.add_usage(&many).unwrap().len(), many.len());
        let usage = store.usage(202_611).unwrap();
        assert_eq!(usage.len(), many.len());
        assert!(usage.iter().all(|count| count.requests == 2));
    }

    fn usage_is_no_administrative_change(store: &Store) {
        store.add_usage(&[count(UsageOf::Agent, "x", 202_611, u64::MAX, 1)]).unwrap();
        assert_eq!(store.latest_change().unwrap(), 0);
    }

    fn a_callers_last_call_is_that_of_its_latest_month(store: &Store) {
        let counts = [
            count(UsageOf::Agent, "x", 202_610, 1, 5),
            count(UsageOf::Agent, "x", 202_611, 1, 7),
            count(UsageOf::Agent, "y", 202_611, 1, 6),
            count(UsageOf::AppContext, "x", 202_611, 1, 9),
        ];
        store.add_usage(&counts).unwrap();
        let agent = store.create_agent(&new_agent("bot"), "cli", counts[0].at).unwrap();
        store.add_usage(&[UsageCount { id: agent.id, ..counts[0].clone() }]).unwrap();
        assert_eq!(store.agents().unwrap()[0].last_call_at, None);
        let listed = store.agents_with_last_calls().unwrap();
        assert_eq!(listed[0].last_call_at, Some(counts[0].at));
        let all = store.last_calls(UsageOf::Agent, None).unwrap();
        assert_eq!(all.len(), 3);
        assert_eq!((all["x"], all["y"]), (counts[1].at, counts[2].at));
        let one = store.last_calls(UsageOf::AppContext, Some("x")).unwrap();
        assert_eq!(one, HashMap::from([("x".to_owned(), counts[3].at)]));
        assert!(store.last_calls(UsageOf::AppContext, Some("y")).unwrap().is_empty());
    }
}
