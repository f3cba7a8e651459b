//! The list of changes: who changed what, and when.
//!
//! Owns the table by which a running server notices the command line and other gateways. A change is
//! written in the transaction that it describes, and must never hold a secret.

use super::{
    Store, StoreError, clean,
    connection::AnyConnection,
    schema::changes::{self, dsl},
};
use crate::types::UnixMillis;
use diesel::{ExpressionMethods as _, QueryDsl as _, RunQueryDsl as _, dsl::max};
use serde::Serialize;
use serde_json::Value;

/// One administrative change.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// Its number; later changes have greater ones.
    pub seq: i64,
    /// When.
    pub at: UnixMillis,
    /// What kind: `agent.created`, `key.revoked`, `user.password`, …; newer versions may add kinds.
    pub kind: String,
    /// What was changed: the id of an agent, AppContext or key, a user's or gateway's name.
    pub subject: String,
    /// Who did it.
    pub actor: String,
    /// What is different now: an object without secrets.
    pub detail: Value,
}

impl Store {
    /// The number of the latest change, 0 when there is none.
    pub fn latest_change(&self) -> Result<i64, StoreError> {
        self.state.run(|connection| {
            let latest: Option<i64> = dsl::changes.select(max(dsl::seq)).first(connection)?;
            Ok(latest.unwrap_or_default())
        })
    }

    /// At most `limit` changes after number `seq`, in order.
    pub fn changes_after(&self, seq: i64, limit: u32) -> Result<Vec<Change>, StoreError> {
        let rows: Vec<(i64, i64, String, String, String, String)> =
            self.state.run(|connection| {
                Ok(dsl::changes
                    .filter(dsl::seq.gt(seq))
                    .order(dsl::seq.asc())
                    .limit(i64::from(limit))
                    .load(connection)?)
            })?;
        rows.into_iter()
            .map(|(seq, at, kind, subject, actor, detail)| {
                let detail = serde_json::from_str(&detail)
                    .or(Err(StoreError::Corrupt { what: "changes.detail" }))?;
                Ok(Change { seq, at: UnixMillis(at), kind, subject, actor, detail })
            })
            .collect()
    }

    /// Runs `work` and writes down what it did, both or neither. `work` returns the change's detail.
    pub(super) fn change(
        &self,
        what: (&str, &str),
        actor: &str,
        now: UnixMillis,
        work: impl FnOnce(&mut AnyConnection) -> Result<Value, StoreError>,
    ) -> Result<(), StoreError> {
        self.change_if(what, actor, now, |connection| work(connection).map(Some))
    }

    /// Like [`change`](Self::change) for `work` that may find everything as it should be: then it returns
    /// `None`, and nothing is written down.
    pub(super) fn change_if(
        &self,
        what: (&str, &str),
        actor: &str,
        now: UnixMillis,
        work: impl FnOnce(&mut AnyConnection) -> Result<Option<Value>, StoreError>,
    ) -> Result<(), StoreError> {
        self.state.write(Some("changes"), |connection| {
            let Some(detail) = work(connection)? else { return Ok(()) };
            note(connection, what, actor, now, &detail)
        })
    }
}

/// Writes a change down within the transaction that makes it, which must be one that writes `changes`.
pub(super) fn note(
    connection: &mut AnyConnection,
    (kind, subject): (&str, &str),
    actor: &str,
    now: UnixMillis,
    detail: &Value,
) -> Result<(), StoreError> {
    diesel::insert_into(changes::table)
        .values((
            dsl::at.eq(now.0),
            dsl::kind.eq(kind),
            dsl::subject.eq(clean(subject)),
            dsl::actor.eq(clean(actor)),
            dsl::detail.eq(detail.to_string()),
        ))
        .execute(connection)?;
    Ok(())
}
