//! Everything in the order of writing, batch by batch: for exports and for verification.
//!
//! Owns what a scan sees: records, and among them, in their places, those that were set aside. It must never hold more than
//! one batch, nor pass over a row in silence: what cannot be read is named.

use super::{
    super::{
        Store, StoreError,
        connection::AnyConnection,
        records::RecordRow,
        schema::{audit_records, audit_set_aside},
    },
    Cursor, POSITION_BITS, position_at, read_document,
};
use crate::ledger::write_record;
use crate::types::{Record, UnixMillis};
use diesel::{ExpressionMethods as _, QueryDsl as _, RunQueryDsl as _, SelectableHelper as _};

/// Rows in a batch.
const BATCH: i64 = 2_000;

/// What is scanned. Times are those of writing: so a node's records are a part of its chain without a gap.
#[derive(Clone, Debug, Default)]
pub struct ScanRange {
    /// Only what was written then or later.
    pub from: Option<UnixMillis>,
    /// Only what was written before.
    pub to: Option<UnixMillis>,
    /// Only behind this place.
    pub after: Option<Cursor>,
    /// Only of this gateway.
    pub node: Option<String>,
}

/// Some records, in the order of writing; none at all where others than the node's were written.
#[derive(Clone, Debug)]
pub struct ScanBatch {
    /// What could be read.
    pub records: Vec<Record>,
    /// What could not: somebody else has changed it.
    pub unreadable: Vec<Unreadable>,
    /// When the last one was written.
    pub at: UnixMillis,
    /// Where the next batch begins.
    pub end: Cursor,
}

/// A row that holds what no record can.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unreadable {
    /// Its id, as it is stored.
    pub id: String,
    /// Its gateway, as it is stored.
    pub node: String,
    /// Its place in the chain, as it is stored.
    pub seq: i64,
}

impl Unreadable {
    /// What a row says of itself.
    pub(super) fn of(row: &RecordRow<'_>) -> Self {
        Self { id: row.id.to_string(), node: row.node.to_string(), seq: row.seq }
    }
}

/// A row with its position.
pub(super) type Placed = (i64, Result<Record, Unreadable>);

impl Store {
    /// What follows in the order of writing, also what was set aside; `None` when there is nothing more in the range.
    /// Who reads on sets `after` to the batch's `end`.
    pub fn scan_batch(&self, range: &ScanRange) -> Result<Option<ScanBatch>, StoreError> {
        let from = range.from.map_or(0, |from| position_at(from) - 1);
        let after = from.max(range.after.map_or(0, Cursor::position));
        let below = range.to.map_or(i64::MAX, position_at);
        let rows = self.record.look(|connection| read(connection, after, below))?;
        let Some((last, _)) = rows.last() else { return Ok(None) };
        let mut batch = ScanBatch {
            records: Vec::new(),
            unreadable: Vec::new(),
            at: UnixMillis(*last >> POSITION_BITS),
            end: Cursor::Written(*last),
        };
        let is_wanted = |node: &str| range.node.as_deref().is_none_or(|wanted| wanted == node);
        for (_, row) in rows {
            match row {
                Ok(record) if is_wanted(&record.node) => batch.records.push(record),
                Err(row) if is_wanted(&row.node) => batch.unreadable.push(row),
                _ => {}
            }
        }
        Ok(Some(batch))
    }
}

/// The next rows of both tables in one order.
pub(super) fn read(
    connection: &mut AnyConnection,
    after: i64,
    below: i64,
) -> Result<Vec<Placed>, StoreError> {
    let mut rows = stored(connection, after, below)?;
    let aside = set_aside(connection, after, below)?;
    if !aside.is_empty() {
        rows.extend(aside);
        rows.sort_unstable_by_key(|(position, _)| *position);
        // Behind the last of a full batch there may be rows of the other table.
        rows.truncate(usize::try_from(BATCH).unwrap_or(usize::MAX));
    }
    Ok(rows)
}

fn stored(
    connection: &mut AnyConnection,
    after: i64,
    below: i64,
) -> Result<Vec<Placed>, StoreError> {
    use audit_records::dsl;
    let rows: Vec<(i64, RecordRow<'static>)> = dsl::audit_records
        .filter(dsl::position.gt(after))
        .filter(dsl::position.lt(below))
        .order(dsl::position)
        .limit(BATCH)
        .select((dsl::position, RecordRow::as_select()))
        .load(connection)?;
    Ok(rows.into_iter().map(|(position, row)| (position, readable(row))).collect())
}

fn readable(row: RecordRow<'static>) -> Result<Record, Unreadable> {
    let unreadable = Unreadable::of(&row);
    row.into_exact_record().or(Err(unreadable))
}

fn set_aside(
    connection: &mut AnyConnection,
    after: i64,
    below: i64,
) -> Result<Vec<Placed>, StoreError> {
    use audit_set_aside::dsl;
    let rows: Vec<(i64, String, String, i64, Vec<u8>)> = dsl::audit_set_aside
        .filter(dsl::position.gt(after))
        .filter(dsl::position.lt(below))
        .order(dsl::position)
        .limit(BATCH)
        .select((dsl::position, dsl::id, dsl::node, dsl::seq, dsl::document))
        .load(connection)?;
    let read = |document: &[u8], id, node, seq| {
        let record = read_document(document).ok();
        record.filter(|record| is_exact(record, document)).ok_or(Unreadable { id, node, seq })
    };
    Ok(rows
        .into_iter()
        .map(|(position, id, node, seq, document)| (position, read(&document, id, node, seq)))
        .collect())
}

/// Whether a document is, byte for byte, what is written of its record.
fn is_exact(record: &Record, document: &[u8]) -> bool {
    let mut written = Vec::new();
    write_record(record, &mut written);
    written == document
}
