//! Retention: what is older than it may be, or more than there may be, goes.
//!
//! Owns the removal of records, the only one there is. It must never remove a record before a signed statement of where
//! its chain was is stored, and it removes in the order of writing alone: so what remains is the whole end of each chain,
//! and still verifies.
//!
//! A gateway signs for its own chain, and for one that nobody has written to for a day. What is not signed for stays.
//!
//! A sweep does one piece of work: a week's tables are dropped on Postgres, or a chunk of records is deleted.

mod chunks;
mod seal;
mod size;
mod weeks;

use super::{
    super::{
        Store, StoreError,
        connection::AnyConnection,
        records::{HOUR_MS, MINUTE_MS, lock_order},
        schema::{anonymous_counts, audit_chains, audit_records, audit_set_aside, audit_sums},
    },
    POSITION_BITS, position_at,
};
use crate::{
    ledger::{Checkpoint, Head},
    types::UnixMillis,
};
use diesel::{ExpressionMethods as _, OptionalExtension as _, QueryDsl as _, RunQueryDsl as _};

/// Rows of a chain that go at once.
const CHUNK: i64 = 5_000;

/// What was written so recently stays, however much it is.
const KEPT_MS: i64 = 3_600_000;

/// After this time without a record, another gateway signs for a chain.
const SILENT_MS: i64 = 24 * 3_600_000;

/// How long sums per minute are kept.
const MINUTES_KEPT_MS: i64 = 48 * 3_600_000;

/// What may stay.
#[derive(Clone, Copy, Debug, Default)]
pub struct Retention {
    /// What was written before goes.
    pub before: Option<UnixMillis>,
    /// When the record takes more than this, the oldest goes: on SQLite as many records as it needs, but not the last
    /// hour's; on Postgres whole weeks, but not the one that is being written.
    pub most_bytes: Option<u64>,
}

/// Who signs for what goes.
pub struct Sealer<'a> {
    /// The gateway that sweeps.
    pub node: &'a str,
    /// Signs the end of what goes of a node's chain.
    pub sign: &'a dyn Fn(&str, Head) -> Checkpoint,
    /// Whether a key that is known signed this: the database may hold anything.
    pub trusts: &'a dyn Fn(&Checkpoint) -> bool,
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
    /// Chains of which nothing goes until somebody has looked at them.
    pub refused: Vec<Refused>,
    /// Whether there may be more to do at once.
    pub more: bool,
}

/// A chain of which nothing goes, for it is not as it was written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refused {
    /// Whose chain.
    pub node: String,
    /// The record at which it shows.
    pub seq: i64,
    /// What is wrong there.
    pub why: Why,
}

/// Why a record does not go.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Why {
    /// It is not the one behind its forerunner.
    #[error("the records before it are not all there, or not in their order")]
    NotNext,
    /// Its content, or a hash, is not what was written.
    #[error("it was altered, or does not follow on the one before it")]
    Altered,
    /// It stands among older ones.
    #[error("it is younger than its place says")]
    TooYoung,
    /// There is a checkpoint already that no known key signed.
    #[error("a forged checkpoint has its place")]
    Taken,
}

impl Store {
    /// Removes one piece of what may not stay. Several gateways may sweep at the same time: they follow each other.
    pub fn sweep(
        &self,
        retention: &Retention,
        sealer: &Sealer<'_>,
        now: UnixMillis,
    ) -> Result<Swept, StoreError> {
        let (mut swept, week) = self.record.write(Some("audit_checkpoints"), |connection| {
            patience(connection)?;
            remove(connection, retention, sealer, now)
        })?;
        if let Some(week) = week {
            // Apart, so that what is signed stays signed when a table cannot be locked.
            self.record.write(Some("audit_checkpoints"), |connection| week.drop(connection))?;
            swept.partitions = 1;
        }
        if swept.more {
            return Ok(swept);
        }
        let more = self.record.write(None, |connection| sums(connection, retention.before, now))?;
        Ok(Swept { more, ..swept })
    }
}

/// Seals, and deletes a chunk, or says which week may be dropped.
fn remove(
    connection: &mut AnyConnection,
    retention: &Retention,
    sealer: &Sealer<'_>,
    now: UnixMillis,
) -> Result<(Swept, Option<weeks::Week>), StoreError> {
    let by_age = retention.before.map_or(0, position_at);
    let is_over = size::is_over(connection, retention.most_bytes)?;
    let below = match weeks::oldest(connection)? {
        Some(week) if week.below <= by_age || (is_over && week.is_over(now)) => {
            let at = moment(week.below.max(by_age));
            return weeks::seal_all(connection, week, at, sealer, now);
        }
        None if is_over => position_at(UnixMillis(now.0 - KEPT_MS)).max(by_age),
        _ => by_age,
    };
    Ok((chunks::remove(connection, below, sealer, now)?, None))
}

/// Reading a chain may take longer than a page may.
fn patience(connection: &mut AnyConnection) -> Result<(), StoreError> {
    use diesel::connection::SimpleConnection as _;
    if let AnyConnection::Postgres(postgres) = connection {
        postgres.batch_execute("SET LOCAL statement_timeout = '10min'")?;
    }
    Ok(())
}

/// When a record was written that has this position.
const fn moment(position: i64) -> UnixMillis {
    UnixMillis(position >> POSITION_BITS)
}

/// The chains that the gateway signs for: its own, and those of others that nobody has written to for long.
fn ours(
    connection: &mut AnyConnection,
    below: i64,
    sealer: &Sealer<'_>,
    now: UnixMillis,
) -> Result<Vec<String>, StoreError> {
    let mut ours = vec![sealer.node.to_owned()];
    let others: Vec<String> = audit_chains::table
        .filter(audit_chains::node.ne(sealer.node))
        .select(audit_chains::node)
        .order(audit_chains::node)
        .load(connection)?;
    let silent_from = position_at(UnixMillis(now.0 - SILENT_MS));
    for node in others {
        if has_written(connection, &node, 0, below)?
            && !has_written(connection, &node, silent_from, i64::MAX)?
        {
            ours.push(node);
        }
    }
    Ok(ours)
}

/// Whether there are records of a gateway between two positions.
fn has_written(
    connection: &mut AnyConnection,
    node: &str,
    from: i64,
    below: i64,
) -> Result<bool, StoreError> {
    let stored: Option<i64> = audit_records::table
        .filter(audit_records::node.eq(node))
        .filter(audit_records::position.ge(from))
        .filter(audit_records::position.lt(below))
        .select(audit_records::position)
        .first(connection)
        .optional()?;
    if stored.is_some() {
        return Ok(true);
    }
    let aside: Option<i64> = audit_set_aside::table
        .filter(audit_set_aside::node.eq(node))
        .filter(audit_set_aside::position.ge(from))
        .filter(audit_set_aside::position.lt(below))
        .select(audit_set_aside::position)
        .first(connection)
        .optional()?;
    Ok(aside.is_some())
}

/// Sums per minute go after two days, all others and the counts of calls without an identity with the records. Says
/// whether there may be more.
fn sums(
    connection: &mut AnyConnection,
    before: Option<UnixMillis>,
    now: UnixMillis,
) -> Result<bool, StoreError> {
    use audit_sums::dsl;
    // Writers read a sum before they add to it: it must not go in between.
    lock_order(connection)?;
    let minutes = now.0 - MINUTES_KEPT_MS;
    let mut more = false;
    for (width, end) in [(MINUTE_MS, Some(minutes)), (HOUR_MS, before.map(|at| at.0))] {
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
