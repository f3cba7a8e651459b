//! The end of what goes of a chain, signed.
//!
//! Owns what must be true before anything of a chain goes: all of it is read once more, link by link. It must never sign
//! because the database says so: who can write to it would have a gap of his own making excused.

use super::{
    super::{
        super::{
            StoreError,
            checkpoints::{Stored, put_checkpoint, retained},
            connection::AnyConnection,
        },
        scan,
        statement::Statement,
    },
    Refused, Sealer, Swept, Why,
};
use crate::{
    ledger::Head,
    types::{Record, UnixMillis},
};
use diesel::{OptionalExtension as _, RunQueryDsl as _, sql_types::BigInt};

/// How far a clock may have been set back between an exchange's end and its writing.
const SET_BACK_MS: i64 = 3_600_000;

/// Where something ends: what stands there stays.
#[derive(Clone, Copy)]
pub(super) struct End {
    pub(super) position: i64,
    /// Exchanges that go must have ended before, by what their hashes cover.
    pub(super) at: UnixMillis,
}

/// Up to which place of a chain everything may go: signs for what may go now. `None` when something is wrong with it.
pub(super) fn seal(
    connection: &mut AnyConnection,
    node: &str,
    end: End,
    sealer: &Sealer<'_>,
    swept: &mut Swept,
) -> Result<Option<i64>, StoreError> {
    let sealed = sealed(connection, node, sealer)?;
    let refused = match walk(connection, node, sealed.head, end)? {
        Ok(head) if head == sealed.head => return Ok(Some(head.seq)),
        // A checkpoint is never replaced.
        Ok(head) if sealed.false_seqs.contains(&head.seq) => refused(node, head.seq, Why::Taken),
        Ok(head) => {
            let checkpoint = (sealer.sign)(node, head);
            put_checkpoint(connection, &checkpoint)?;
            swept.checkpoints.push(checkpoint);
            return Ok(Some(head.seq));
        }
        Err(refused) => refused,
    };
    let Refused { node, seq, why } = &refused;
    tracing::error!(%node, seq, %why, "the record was changed: nothing of this gateway's records is removed");
    swept.refused.push(refused);
    Ok(None)
}

fn refused(node: &str, seq: i64, why: Why) -> Refused {
    Refused { node: node.to_owned(), seq, why }
}

/// Where a chain begins now.
struct Sealed {
    head: Head,
    /// Where retention checkpoints stand that nobody trusted signed.
    false_seqs: Vec<i64>,
}

/// The last retention checkpoint that is trusted.
fn sealed(
    connection: &mut AnyConnection,
    node: &str,
    sealer: &Sealer<'_>,
) -> Result<Sealed, StoreError> {
    let mut sealed = Sealed { head: Head::GENESIS, false_seqs: Vec::new() };
    for Stored { seq, checkpoint } in retained(connection, node)? {
        let trusted = checkpoint.filter(|checkpoint| (sealer.trusts)(checkpoint));
        match trusted.and_then(|checkpoint| checkpoint.head()) {
            Some(head) => sealed.head = head,
            None => sealed.false_seqs.push(seq),
        }
    }
    Ok(sealed)
}

/// Up to where a chain is gone already, or may go.
pub(super) fn sealed_to(
    connection: &mut AnyConnection,
    node: &str,
    sealer: &Sealer<'_>,
) -> Result<i64, StoreError> {
    Ok(sealed(connection, node, sealer)?.head.seq)
}

/// Follows a chain up to its last record that goes.
fn walk(
    connection: &mut AnyConnection,
    node: &str,
    mut head: Head,
    end: End,
) -> Result<Result<Head, Refused>, StoreError> {
    let gone = head.seq;
    let Some(first) = first_behind(connection, node, gone, end.position)? else {
        return Ok(Ok(head));
    };
    let mut after = first - 1;
    loop {
        let rows = scan::read(connection, after, end.position)?;
        let Some((last, _)) = rows.last() else { return Ok(Ok(head)) };
        after = *last;
        for (_, row) in rows {
            let (of, seq) = match &row {
                Ok(record) => (&*record.node, record.seq.unwrap_or_default()),
                Err(row) => (&*row.node, row.seq),
            };
            if of != node || seq <= gone {
                continue;
            }
            match row.or(Err(Why::Altered)).and_then(|record| follow(head, &record, end.at)) {
                Ok(next) => head = next,
                Err(why) => return Ok(Err(refused(node, seq, why))),
            }
        }
    }
}

/// The chain's end after this record.
fn follow(mut head: Head, record: &Record, end: UnixMillis) -> Result<Head, Why> {
    if record.seq != Some(head.seq + 1) {
        return Err(Why::NotNext);
    }
    let mut appended = record.clone();
    head.append(&mut appended);
    if appended != *record {
        return Err(Why::Altered);
    }
    let took = i64::try_from(record.latency_ms.unwrap_or_default()).unwrap_or(i64::MAX);
    let ended = record.started_at.0.saturating_add(took);
    if ended >= end.0.saturating_add(SET_BACK_MS) {
        return Err(Why::TooYoung);
    }
    Ok(head)
}

/// Where the first record stands of what is still to go, also one that was set aside.
fn first_behind(
    connection: &mut AnyConnection,
    node: &str,
    seq: i64,
    end: i64,
) -> Result<Option<i64>, StoreError> {
    let mut first: Option<i64> = None;
    for table in ["audit_records", "audit_set_aside"] {
        let mut statement: Statement<BigInt> =
            Statement::new(format!("SELECT position FROM {table} WHERE position < "));
        statement.number(end).sql(" AND node = ").text(node).sql(" AND seq > ").number(seq);
        statement.sql(" ORDER BY position LIMIT 1");
        let found: Option<i64> = statement.get_result(connection).optional()?;
        first = first.into_iter().chain(found).min();
    }
    Ok(first)
}
