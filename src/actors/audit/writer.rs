//! Writing a batch, on a blocking thread.
//!
//! Owns what happens to rows that the store does not take: a store that is away or broken gets the same
//! batch again; a single bad row is set apart so that it does not stop the rest. It must never keep a
//! database transaction across batches.

use crate::bus::audit::Closed;
use crate::store::{AnonymousCount, Store, StoreError};
use crate::types::{Record, UnixMillis};
use std::{net::IpAddr, sync::Arc};

/// What calls without an identity are counted by: address, minute, code.
pub(super) type AnonymousKey = (IpAddr, UnixMillis, &'static str);

/// What became of a batch. When the store is away, everything not yet written comes back.
pub(super) struct Written {
    pub(super) store_away: Option<StoreError>,
    pub(super) records: Vec<Closed>,
    pub(super) anonymous: Vec<(AnonymousKey, i64)>,
}

/// Writes records, then counts. Writing a record twice is harmless: the id decides.
pub(super) fn write(
    store: &Store,
    records: Vec<Closed>,
    anonymous: Vec<(AnonymousKey, i64)>,
) -> Written {
    let rows: Vec<Arc<Record>> = records.iter().map(|told| Arc::clone(&told.record)).collect();
    if let Err(error) = insert(store, &rows) {
        return Written { store_away: Some(error), records, anonymous };
    }
    let counts: Vec<_> = anonymous.iter().map(anonymous_count).collect();
    match store.count_anonymous(&counts) {
        Err(error) if !error.concerns_the_row() => {
            Written { store_away: Some(error), records: Vec::new(), anonymous }
        }
        Err(error) => {
            tracing::error!(
                error = error.with_causes(),
                "counts of calls without an identity were not stored"
            );
            Written { store_away: None, records: Vec::new(), anonymous: Vec::new() }
        }
        Ok(()) => Written { store_away: None, records: Vec::new(), anonymous: Vec::new() },
    }
}

fn anonymous_count(((address, minute, code), count): &(AnonymousKey, i64)) -> AnonymousCount {
    AnonymousCount {
        address: address.to_string(),
        minute: *minute,
        code: (*code).to_owned(),
        count: *count,
    }
}

/// Inserts the batch, or, when a row in it is at fault, row by row.
fn insert(store: &Store, rows: &[Arc<Record>]) -> Result<(), StoreError> {
    match store.insert_records(rows) {
        Err(error) if error.concerns_the_row() => {
            let error = error.with_causes();
            tracing::error!(error, "a batch of records was refused; writing it row by row");
        }
        done => return done,
    }
    for row in rows {
        match store.insert_records(std::slice::from_ref(row)) {
            Err(error) if error.concerns_the_row() => {
                let error = error.with_causes();
                tracing::error!(error, id = %row.id, "a record was refused by the store");
            }
            Err(error) => return Err(error),
            Ok(()) => {}
        }
    }
    Ok(())
}
