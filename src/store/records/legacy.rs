//! The records of the releases before: moved from their table `records` to where records are now.
//!
//! Owns the reading of the old table. It must never lose a row: what was moved is removed in the same transaction, and
//! what cannot be read stays where it is.

use super::{
    super::{Store, StoreError, connection::AnyConnection},
    insert::COLUMNS,
    row::RecordRow,
};
use crate::types::{Record, UnixMillis};
use diesel::{
    RunQueryDsl as _, sql_query,
    sql_types::{Array, BigInt, Text},
};
use std::sync::Arc;

impl Store {
    /// Moves the oldest records of the releases before, at most this many; they join their nodes' chains now. Returns
    /// how many were moved: 0 when there are no more. Gateways of the release before may go on writing meanwhile.
    pub fn move_old_records(&self, most: u32, now: UnixMillis) -> Result<usize, StoreError> {
        let mut records: Vec<Arc<Record>> = self
            .record
            .run(|connection| read(connection, most))?
            .into_iter()
            .filter_map(|row| row.into_record().ok().map(Arc::new))
            .collect();
        if records.is_empty() {
            return Ok(0);
        }
        let ids: Vec<String> = records.iter().map(|record| record.id.to_string()).collect();
        // Another gateway may move the same ones.
        self.append_and(&mut records, true, now, |connection| remove(connection, &ids))?;
        Ok(ids.len())
    }
}

fn read(connection: &mut AnyConnection, most: u32) -> Result<Vec<RecordRow<'static>>, StoreError> {
    Ok(match connection {
        AnyConnection::Sqlite(sqlite) => {
            sql_query(select("x''", "?")).bind::<BigInt, _>(i64::from(most)).load(sqlite)?
        }
        AnyConnection::Postgres(postgres) => sql_query(select("''::bytea", "$1"))
            .bind::<BigInt, _>(i64::from(most))
            .load(postgres)?,
    })
}

/// The old table's columns under their names of today. It was not chained.
fn select(no_bytes: &str, limit: &str) -> String {
    let columns: Vec<String> = COLUMNS
        .iter()
        .map(|column| match *column {
            "token_id" | "actor" | "detail" | "cached_tokens" | "reasoning_tokens"
            | "receipt_hash" => format!("NULL AS {column}"),
            "seq" => "CAST(0 AS BIGINT) AS seq".to_owned(),
            "previous_hash" | "event_hash" => format!("{no_bytes} AS {column}"),
            same => same.to_owned(),
        })
        .collect();
    format!("SELECT {} FROM records ORDER BY position LIMIT {limit}", columns.join(", "))
}

fn remove(connection: &mut AnyConnection, ids: &[String]) -> Result<(), StoreError> {
    match connection {
        AnyConnection::Sqlite(sqlite) => {
            sql_query("DELETE FROM records WHERE id IN (SELECT value FROM json_each(?))")
                .bind::<Text, _>(serde_json::to_string(ids).unwrap_or_default())
                .execute(sqlite)?
        }
        AnyConnection::Postgres(postgres) => sql_query("DELETE FROM records WHERE id = ANY($1)")
            .bind::<Array<Text>, _>(ids)
            .execute(postgres)?,
    };
    Ok(())
}
