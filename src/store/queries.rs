//! Reading the record: pages, single records, scans, sums, sessions, and what retention removes.
//!
//! Owns the order in which readers see records, and how long a page may take. It must never change a record, nor remove
//! one before a signed statement of what went is stored.
//!
//! Readers page by `position`, the order of writing, not by id. An id is made when an exchange begins, its row is written
//! when it ends: a reader who polls for "everything after the last id" would miss a long exchange that ends after a short
//! one that began later. Positions only grow in the order of commits.

mod combinations;
mod filters;
mod lead;
mod pages;
mod retention;
mod scan;
mod sessions;
mod statement;
mod sums;
#[cfg(test)]
mod tests;

pub use combinations::{Combination, CombinationRange, Combinations};
pub use filters::RecordKind;
pub use retention::{Refused, Retention, Sealer, Swept, Why};
pub use scan::{ScanBatch, ScanRange, Unreadable};
pub use sessions::{SessionPage, SessionQuery, SessionSummary};
pub use sums::{
    Counts, Figures, FindingSums, FindingTotals, Percentiles, Summed, Sums, SumsGroup, SumsQuery,
    SumsWidth,
};

use super::{
    Store, StoreError,
    connection::AnyConnection,
    records::{POSITION_BITS, RecordRow},
    schema::{
        audit_records::{self, dsl},
        audit_set_aside,
    },
};
use crate::types::{ExchangeId, Outcome, PolicyResult, Record, Surface, UnixMillis};
use diesel::{
    ExpressionMethods as _, OptionalExtension as _, QueryDsl as _, RunQueryDsl as _,
    SelectableHelper as _,
};
use std::fmt;

/// By how much the clocks of two gateways may differ.
const CLOCKS_DIFFER_MS: i64 = 60_000;

/// What is written longer after its beginning is found by an index of its own, `audit_records_late`.
const LATE_MS: i64 = 3_600_000;

/// Where a reader stands. Opaque to clients: they give back what they got.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cursor {
    /// At the record with this position.
    Written(i64),
    /// Among those that were written long after they began, which a query that ends at a time reads apart.
    Late {
        /// When the exchange began.
        started_at: i64,
        /// Its record's position.
        position: i64,
    },
}

impl Cursor {
    /// Reads what [`Display`](fmt::Display) wrote; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let number = |text: &str| text.parse().ok().filter(|number| *number > 0);
        match text.split_once('-') {
            None => number(text).map(Self::Written),
            Some((started_at, position)) => {
                Some(Self::Late { started_at: number(started_at)?, position: number(position)? })
            }
        }
    }
}

impl Cursor {
    const fn position(self) -> i64 {
        match self {
            Self::Written(position) | Self::Late { position, .. } => position,
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Written(position) => position.fmt(f),
            Self::Late { started_at, position } => write!(f, "{started_at}-{position}"),
        }
    }
}

/// Which records, and from where on.
#[derive(Clone, Debug, Default)]
pub struct RecordQuery {
    /// At most this many, 1 to 1,000; other values are moved into these bounds.
    pub limit: u32,
    /// Go on behind this place; `None` begins at the end that the order says.
    pub after: Option<Cursor>,
    /// The latest first; otherwise in the order of their ends. With `to`, those that were written more than an hour
    /// after that moment come last (first, when the latest come first), in the order of their beginnings.
    pub newest_first: bool,
    /// Only what began then or later.
    pub from: Option<UnixMillis>,
    /// Only what began before.
    pub to: Option<UnixMillis>,
    /// Only of this agent: its id when it has the form of a UUID, its name otherwise.
    pub agent: Option<String>,
    /// Only of this AppContext.
    pub app_context: Option<String>,
    /// Only for this endpoint.
    pub endpoint: Option<String>,
    /// Only for this model, as it was asked for.
    pub model: Option<String>,
    /// Only of this session.
    pub session: Option<String>,
    /// Only with a finding of this type.
    pub finding: Option<String>,
    /// Only with a finding of the rule with this id.
    pub finding_rule: Option<String>,
    /// Only what the policy answered so.
    pub policy_result: Option<PolicyResult>,
    /// Only what ended so.
    pub outcome: Option<Outcome>,
    /// Only what came through this door.
    pub surface: Option<Surface>,
    /// Only of this sort.
    pub kind: Option<RecordKind>,
}

/// Records, and where to go on.
#[derive(Clone, Debug)]
pub struct RecordPage {
    /// The records in the order asked for. Fewer than the limit, even none, while there may be more: where filters match
    /// next to nothing, a page ends when its time is over.
    pub events: Vec<Record>,
    /// Rows in between that could not be read: somebody else has changed them. Verification finds all that were changed.
    pub unreadable: Vec<Unreadable>,
    /// Where the next page begins; `None` when there is nothing more.
    pub next: Option<Cursor>,
    /// The place up to which has been read, also on the last page: who polls goes on from there.
    pub end: Option<Cursor>,
}

impl Store {
    /// One page of records. What was set aside is not among them.
    pub fn records(&self, query: &RecordQuery) -> Result<RecordPage, StoreError> {
        let filters = self.filters(query)?;
        let page = self.record.look(|connection| pages::page(connection, query, &filters))?;
        for Unreadable { id, node, seq } in &page.unreadable {
            tracing::warn!(%id, %node, seq, "a record that somebody changed cannot be read");
        }
        Ok(page)
    }

    /// The record of one exchange, also when it was set aside.
    pub fn record(&self, id: ExchangeId) -> Result<Option<Record>, StoreError> {
        self.record.run(|connection| match find(connection, id)? {
            Some((_, row)) => row.into_record().map(Some),
            None => Ok(set_aside(connection, id)?.map(|(_, record)| record)),
        })
    }

    /// The place of one exchange's record, behind which [`scan_batch`](Self::scan_batch) goes on.
    pub fn place(&self, id: ExchangeId) -> Result<Option<Cursor>, StoreError> {
        let position = self.record.run(|connection| match find(connection, id)? {
            Some((position, _)) => Ok(Some(position)),
            None => Ok(set_aside(connection, id)?.map(|(position, _)| position)),
        })?;
        Ok(position.map(Cursor::Written))
    }
}

/// The first position of what is written at this moment.
fn position_at(at: UnixMillis) -> i64 {
    at.0.clamp(0, i64::MAX >> POSITION_BITS) << POSITION_BITS
}

/// The id says when the exchange began, and most are written soon after: that is one week, or two. All are looked
/// through when it is not there.
fn find(
    connection: &mut AnyConnection,
    id: ExchangeId,
) -> Result<Option<(i64, RecordRow<'static>)>, StoreError> {
    let by_id = || {
        let by_id = audit_records::table.filter(dsl::id.eq(id.to_string()));
        by_id.select((dsl::position, RecordRow::as_select()))
    };
    if let Some(began) = began_at(id) {
        let soon = by_id()
            .filter(dsl::position.ge(position_at(UnixMillis(began.0 - CLOCKS_DIFFER_MS))))
            .filter(dsl::position.lt(position_at(UnixMillis(began.0 + LATE_MS))));
        if let Some(found) = soon.first(connection).optional()? {
            return Ok(Some(found));
        }
    }
    Ok(by_id().first(connection).optional()?)
}

/// The moment in a UUID of version 7.
fn began_at(id: ExchangeId) -> Option<UnixMillis> {
    let (secs, nanos) = id.0.get_timestamp()?.to_unix();
    let millis = i64::try_from(secs).ok()?.checked_mul(1_000)?;
    millis.checked_add(i64::from(nanos / 1_000_000)).map(UnixMillis)
}

fn set_aside(
    connection: &mut AnyConnection,
    id: ExchangeId,
) -> Result<Option<(i64, Record)>, StoreError> {
    let row: Option<(i64, Vec<u8>)> = audit_set_aside::table
        .filter(audit_set_aside::id.eq(id.to_string()))
        .select((audit_set_aside::position, audit_set_aside::document))
        .first(connection)
        .optional()?;
    row.map(|(position, document)| Ok((position, read_document(&document)?))).transpose()
}

/// A record as it was set aside.
fn read_document(document: &[u8]) -> Result<Record, StoreError> {
    serde_json::from_slice(document)
        .or(Err(StoreError::Corrupt { what: "audit_set_aside.document" }))
}
