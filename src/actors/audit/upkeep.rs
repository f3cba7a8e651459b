//! What the database of records needs now and then.
//!
//! Owns the end of what was kept long enough, and the move of what earlier releases wrote. It must never remove a
//! record without a checkpoint that says so.

use super::Desk;
use crate::config::Audit;
use crate::ledger::CheckpointKind;
use crate::store::{Retention, Sealer, StoreError};
use crate::types::UnixMillis;

const DAY_SECS: i64 = 86_400;
/// Rows of an earlier release that are moved at once.
const MOVED_AT_ONCE: u32 = 1_000;

/// Does all of it; what fails is tried again the next time.
pub(super) fn keep_up(desk: &Desk) {
    desk.journal.rest();
    if let Err(error) = move_old(desk).and_then(|()| sweep(desk)) {
        tracing::warn!(error = error.with_causes(), "the record's upkeep waits for the database");
    }
}

fn move_old(desk: &Desk) -> Result<(), StoreError> {
    let mut moved = 0;
    loop {
        let now_moved = desk.store.move_old_records(MOVED_AT_ONCE, crate::clock::now())?;
        if now_moved == 0 {
            break;
        }
        moved += now_moved;
    }
    if moved > 0 {
        desk.notary.note(desk.store.chain_heads()?);
        tracing::info!(moved, "records of an earlier release are in the chain now");
    }
    Ok(())
}

fn sweep(desk: &Desk) -> Result<(), StoreError> {
    let now = crate::clock::now();
    let retention = retention(&desk.settings, now);
    if retention.before.is_none() && retention.most_bytes.is_none() {
        return Ok(());
    }
    let trusted = desk.notary.trusted(&desk.store)?;
    let sealer = Sealer {
        node: desk.notary.node(),
        sign: &|node, head| desk.notary.sign(node, head, CheckpointKind::Retention),
        trusts: &|checkpoint| trusted.check(checkpoint).is_ok(),
    };
    let (mut records, mut partitions) = (0, 0);
    loop {
        let swept = desk.store.sweep(&retention, &sealer, now)?;
        records += swept.records;
        partitions += swept.partitions;
        if !swept.more {
            break;
        }
    }
    if records > 0 || partitions > 0 {
        tracing::info!(records, partitions, "records were removed: their time was over");
    }
    Ok(())
}

/// What may not stay any longer.
pub(super) fn retention(settings: &Audit, now: UnixMillis) -> Retention {
    let days = i64::from(settings.retention_days);
    Retention {
        before: (days > 0).then(|| now.plus_secs(-days * DAY_SECS)),
        most_bytes: Some(settings.retention_bytes).filter(|bytes| *bytes > 0),
    }
}
