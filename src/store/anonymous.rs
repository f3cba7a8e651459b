//! Calls without an identity: counted per address, minute and error code, never one by one.
//!
//! Owns the table of counts. It must never hold anything of a call but these four facts.

use super::{
    Store, StoreError, clean,
    connection::AnyConnection,
    schema::anonymous_counts::{self, dsl},
};
use crate::types::UnixMillis;
use diesel::{ExpressionMethods as _, QueryDsl as _, RunQueryDsl as _, upsert::excluded};

/// How many calls without an identity came from an address in a minute.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct AnonymousCount {
    /// The client's address.
    pub address: String,
    /// The beginning of the minute.
    pub minute: UnixMillis,
    /// The error code that they got.
    pub code: String,
    /// How many.
    pub count: i64,
}

impl Store {
    /// Adds to the counts. Not idempotent: after an error that may have come behind the commit,
    /// counting twice is better than not at all.
    pub fn count_anonymous(&self, counts: &[AnonymousCount]) -> Result<(), StoreError> {
        let mut in_order: Vec<&AnonymousCount> = counts.iter().collect();
        // Gateways that lock the same rows in the same order cannot deadlock.
        in_order.sort();
        self.record.write(None, |connection| {
            for row in in_order {
                let insert = diesel::insert_into(anonymous_counts::table)
                    .values((
                        dsl::address.eq(clean(&row.address)),
                        dsl::minute.eq(row.minute.0),
                        dsl::code.eq(clean(&row.code)),
                        dsl::count.eq(row.count),
                    ))
                    .on_conflict((dsl::address, dsl::minute, dsl::code))
                    .do_update()
                    .set(dsl::count.eq(dsl::count + excluded(dsl::count)));
                match connection {
                    AnyConnection::Sqlite(sqlite) => insert.execute(sqlite)?,
                    AnyConnection::Postgres(postgres) => insert.execute(postgres)?,
                };
            }
            Ok(())
        })
    }

    /// The counts of minutes from `since` on, oldest first.
    pub fn anonymous_counts(&self, since: UnixMillis) -> Result<Vec<AnonymousCount>, StoreError> {
        let rows: Vec<(String, i64, String, i64)> = self.record.run(|connection| {
            Ok(dsl::anonymous_counts
                .filter(dsl::minute.ge(since.0))
                .order((dsl::minute.asc(), dsl::address.asc(), dsl::code.asc()))
                .load(connection)?)
        })?;
        Ok(rows
            .into_iter()
            .map(|(address, minute, code, count)| AnonymousCount {
                address,
                minute: UnixMillis(minute),
                code,
                count,
            })
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::{super::testing::on_both_databases, *};

    on_both_databases!(counts_add_up_per_address_minute_and_code);

    fn counted(address: &str, minute: i64, count: i64) -> AnonymousCount {
        let code = "invalid_agent_token".to_owned();
        AnonymousCount { address: address.to_owned(), minute: UnixMillis(minute), code, count }
    }

    fn counts_add_up_per_address_minute_and_code(store: &Store) {
        store.count_anonymous(&[counted("::1", 60_000, 2), counted("10.0.0.1", 0, 1)]).unwrap();
        store.count_anonymous(&[counted("::1", 60_000, 3), counted("::1", 60_000, 4)]).unwrap();
        let all = [counted("10.0.0.1", 0, 1), counted("::1", 60_000, 9)];
        assert_eq!(store.anonymous_counts(UnixMillis(0)).unwrap(), all);
        assert_eq!(store.anonymous_counts(UnixMillis(1)).unwrap(), all[1..]);
    }
}
