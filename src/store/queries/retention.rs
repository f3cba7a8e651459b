//! Retention: what is older than it may be, or more than there may be, goes.
//!
//! Owns the removal of records, the only one there is. It must never remove a record before a signed statement of where
//! its chain was is stored in the same transaction, and it removes in the order of writing alone: so what remains is the
//! whole end of each chain, and still verifies.
//!
//! A sweep does one piece of work: a week's tables are dropped on Postgres, or a chunk of records is deleted.

mod size;
mod weeks;

use super::{
    super::{
        Store, StoreError,
        checkpoints::put_checkpoint,
        connection::AnyConnection,
        schema::{
            anonymous_counts, audit_chains, audit_checkpoints, audit_findings, audit_records,
            audit_set_aside, audit_sums,
        },
    },
    position_at,
};
use crate::{
    ledger::{Checkpoint, CheckpointKind, Hash, Head, parse_hash},
    types::{Record, UnixMillis},
};
use diesel::{
    ExpressionMethods as _, OptionalExtension as _, QueryDsl as _, RunQueryDsl as _, dsl::max,
};

/// Rows that go at once.
const CHUNK: i64 = 5_000;

/// What was written so recently stays, however much it is.
const KEPT_MS: i64 = 3_600_000;

/// How long sums per minute are kept.
const MINUTES_KEPT_MS: i64 = 48 * 3_600_000;
const MINUTE_MS: i64 = 60_000;

/// What may stay.
#[derive(Clone, Copy, Debug, Default)]
pub struct Retention {
    /// What was written before goes.
    pub before: Option<UnixMillis>,
    /// When the record takes more than this, the oldest goes: on SQLite as many records as it needs, but not the last
    /// hour's; on Postgres whole weeks, but not the one that is being written.
    pub most_bytes: Option<u64>,
}

/// What a sweep did.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Swept {
    /// Records that are gone, with those that had been set aside.
    pub records: u64,
    /// Weeks that were dropped whole.
    pub partitions: u64,
    /// What was signed for them.
    pub checkpoints: Vec<Checkpoint>,
    /// Whether there may be more to do at once.
    pub more: bool,
}

/// Signs the end of what goes of a node's chain.
type Sign<'a> = &'a dyn Fn(&str, Head) -> Checkpoint;

impl Store {
    /// Removes one piece of what may not stay. Several gateways may sweep at the same time: they follow each other.
    pub fn sweep(
        &self,
        retention: &Retention,
        sign: Sign<'_>,
        now: UnixMillis,
    ) -> Result<Swept, StoreError> {
        let swept = self.record.write(Some("audit_checkpoints"), |connection| {
            patience(connection)?;
            remove(connection, retention, sign, now)
        })?;
        if swept.more {
            return Ok(swept);
        }
        let more = self.record.write(None, |connection| sums(connection, retention.before, now))?;
        Ok(Swept { more, ..swept })
    }
}

fn remove(
    connection: &mut AnyConnection,
    retention: &Retention,
    sign: Sign<'_>,
    now: UnixMillis,
) -> Result<Swept, StoreError> {
    let by_age = retention.before.map_or(0, position_at);
    let is_over = size::is_over(connection, retention.most_bytes)?;
    match weeks::oldest(connection)? {
        Some(week) if week.below <= by_age || (is_over && week.is_over(now)) => {
            weeks::drop(connection, &week, sign)
        }
        None if is_over => {
            let recent = position_at(UnixMillis(now.0 - KEPT_MS));
            chunk(connection, recent.max(by_age), sign)
        }
        _ => chunk(connection, by_age, sign),
    }
}

/// Looking for a chain's last record may take longer than a page may.
fn patience(connection: &mut AnyConnection) -> Result<(), StoreError> {
    use diesel::connection::SimpleConnection as _;
    if let AnyConnection::Postgres(postgres) = connection {
        postgres.batch_execute("SET LOCAL statement_timeout = '10min'")?;
    }
    Ok(())
}

/// The oldest records below a position, as many as go at once.
fn chunk(connection: &mut AnyConnection, below: i64, sign: Sign<'_>) -> Result<Swept, StoreError> {
    use audit_records::dsl;
    let next: Option<i64> = dsl::audit_records
        .filter(dsl::position.lt(below))
        .order(dsl::position)
        .select(dsl::position)
        .offset(CHUNK)
        .first(connection)
        .optional()?;
    let end = next.unwrap_or(below);
    let checkpoints = seal(connection, end, sign)?;
    let gone = dsl::audit_records.filter(dsl::position.lt(end));
    let records = diesel::delete(gone).execute(connection)?;
    let findings = audit_findings::table.filter(audit_findings::position.lt(end));
    diesel::delete(findings).execute(connection)?;
    let aside = set_aside_below(connection, end)?;
    let records = u64::try_from(records + aside).unwrap_or_default();
    Ok(Swept { records, partitions: 0, checkpoints, more: next.is_some() })
}

fn set_aside_below(connection: &mut AnyConnection, end: i64) -> Result<usize, StoreError> {
    let aside = audit_set_aside::table.filter(audit_set_aside::position.lt(end));
    Ok(diesel::delete(aside).execute(connection)?)
}

/// Signs and stores where each chain is, of which something goes.
fn seal(
    connection: &mut AnyConnection,
    end: i64,
    sign: Sign<'_>,
) -> Result<Vec<Checkpoint>, StoreError> {
    let chains: Vec<(String, i64)> = audit_chains::table
        .select((audit_chains::node, audit_chains::seq))
        .order(audit_chains::node)
        .load(connection)?;
    let mut checkpoints = Vec::new();
    for (node, last_seq) in chains {
        if sealed(connection, &node)? == Some(last_seq) {
            continue;
        }
        let Some(head) = last_below(connection, &node, end)? else { continue };
        let checkpoint = sign(&node, head);
        put_checkpoint(connection, &checkpoint)?;
        checkpoints.push(checkpoint);
    }
    Ok(checkpoints)
}

/// Up to where a chain is gone already.
fn sealed(connection: &mut AnyConnection, node: &str) -> Result<Option<i64>, StoreError> {
    Ok(audit_checkpoints::table
        .filter(audit_checkpoints::node.eq(node))
        .filter(audit_checkpoints::kind.eq(CheckpointKind::Retention.as_str()))
        .select(max(audit_checkpoints::seq))
        .first(connection)?)
}

/// How many records of all chains are gone already.
fn sealed_in_all(connection: &mut AnyConnection) -> Result<i64, StoreError> {
    let nodes: Vec<String> = audit_chains::table.select(audit_chains::node).load(connection)?;
    nodes.iter().try_fold(0, |sum, node| Ok(sum + sealed(connection, node)?.unwrap_or(0)))
}

/// The last record of a chain below a position, stored or set aside.
fn last_below(
    connection: &mut AnyConnection,
    node: &str,
    end: i64,
) -> Result<Option<Head>, StoreError> {
    let stored: Option<(i64, Vec<u8>)> = audit_records::table
        .filter(audit_records::node.eq(node))
        .filter(audit_records::position.lt(end))
        .order(audit_records::position.desc())
        .select((audit_records::seq, audit_records::event_hash))
        .first(connection)
        .optional()?;
    let aside: Option<(i64, Vec<u8>)> = audit_set_aside::table
        .filter(audit_set_aside::node.eq(node))
        .filter(audit_set_aside::position.lt(end))
        .order(audit_set_aside::position.desc())
        .select((audit_set_aside::seq, audit_set_aside::document))
        .first(connection)
        .optional()?;
    let stored = stored.map(|(seq, hash)| (seq, hash.try_into().ok().map(Hash)));
    let aside = aside.map(|(seq, document)| {
        let record: Option<Record> = serde_json::from_slice(&document).ok();
        (seq, record.and_then(|record| record.event_hash).and_then(|hash| parse_hash(&hash)))
    });
    let last = stored.into_iter().chain(aside).max_by_key(|(seq, _)| *seq);
    let Some((seq, event_hash)) = last else { return Ok(None) };
    let corrupt = StoreError::Corrupt { what: "audit_records.event_hash" };
    Ok(Some(Head { seq, event_hash: event_hash.ok_or(corrupt)? }))
}

/// Sums per minute go after two days, all others and the counts of calls without an identity with the records. Says
/// whether there may be more.
fn sums(
    connection: &mut AnyConnection,
    before: Option<UnixMillis>,
    now: UnixMillis,
) -> Result<bool, StoreError> {
    use audit_sums::dsl;
    let minutes = now.0 - MINUTES_KEPT_MS;
    let mut more = false;
    for (width, end) in [(MINUTE_MS, Some(minutes)), (60 * MINUTE_MS, before.map(|at| at.0))] {
        let Some(end) = end else { continue };
        // Whole buckets, about as many rows as go at once.
        let next: Option<i64> = dsl::audit_sums
            .filter(dsl::width.eq(width))
            .filter(dsl::bucket.lt(end))
            .order(dsl::bucket)
            .select(dsl::bucket)
            .offset(CHUNK)
            .first(connection)
            .optional()?;
        let gone = dsl::audit_sums
            .filter(dsl::width.eq(width))
            .filter(dsl::bucket.lt(next.map_or(end, |next| next + 1).min(end)));
        diesel::delete(gone).execute(connection)?;
        more |= next.is_some();
    }
    if let Some(before) = before {
        let gone = anonymous_counts::table.filter(anonymous_counts::minute.lt(before.0));
        diesel::delete(gone).execute(connection)?;
    }
    Ok(more)
}

#[cfg(test)]
mod tests;
