//! Records that the database did not take, kept as JSON with the reason.
//!
//! Owns their table. They stand in their chains all the same, and must never be lost: an administrator sees them.

use super::{
    Store, StoreError, clean,
    connection::AnyConnection,
    schema::audit_set_aside::{self, dsl},
};
use crate::ledger::write_record;
use crate::types::{ExchangeId, Record, UnixMillis};
use diesel::{ExpressionMethods as _, QueryDsl as _, RunQueryDsl as _};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

/// A record that was set aside.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
pub struct SetAside {
    /// Its place among all records; the list goes on behind it.
    #[serde(skip)]
    pub position: i64,
    /// Its id; all zeros when it was changed to something else.
    pub id: ExchangeId,
    /// The gateway that served it.
    pub node: String,
    /// Its place in the node's chain.
    pub seq: i64,
    /// When it was set aside.
    pub at: UnixMillis,
    /// What the database said.
    pub reason: String,
    /// The record as it is; null when its JSON was changed to something else.
    pub record: Option<Record>,
}

impl Store {
    /// Records that were set aside, oldest first, behind a position (0 for the first).
    pub fn set_aside(&self, limit: u32, after: i64) -> Result<Vec<SetAside>, StoreError> {
        let rows: Vec<(i64, String, String, i64, String, Vec<u8>)> =
            self.record.run(|connection| {
                Ok(dsl::audit_set_aside
                    .filter(dsl::position.gt(after))
                    .order(dsl::position)
                    .limit(i64::from(limit))
                    .load(connection)?)
            })?;
        Ok(rows
            .into_iter()
            .map(|(position, id, node, seq, reason, document)| SetAside {
                position,
                id: ExchangeId(Uuid::try_parse(&id).unwrap_or_default()),
                node,
                seq,
                at: UnixMillis(position >> super::records::POSITION_BITS),
                reason,
                record: serde_json::from_slice(&document).ok(),
            })
            .collect())
    }
}

/// Puts a chained record there.
pub(super) fn put(
    connection: &mut AnyConnection,
    position: i64,
    record: &Record,
    reason: &str,
) -> Result<(), StoreError> {
    let mut document = Vec::new();
    write_record(record, &mut document);
    diesel::insert_into(audit_set_aside::table)
        .values((
            dsl::position.eq(position),
            dsl::id.eq(record.id.to_string()),
            dsl::node.eq(&*record.node),
            dsl::seq.eq(record.seq.unwrap_or_default()),
            dsl::reason.eq(clean(reason)),
            dsl::document.eq(document),
        ))
        .execute(connection)?;
    Ok(())
}
