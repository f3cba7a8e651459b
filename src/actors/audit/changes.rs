//! Administrative changes on their way into the record.
//!
//! Owns how often they are looked for, by whomever they were made: this gateway, another one, or the command line. What
//! cannot be recorded now waits in the list of changes; it must never hold up the records of calls.

use super::Desk;
use crate::types::Record;
use std::{sync::Arc, time::Duration};

/// How often they are looked for.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A look at a database that is away takes a writer's time.
pub(super) const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(5);
/// How many get their records at once.
const AT_ONCE: u32 = 500;

/// What came of a look.
#[derive(Default)]
pub(super) struct Looked {
    /// The new records.
    pub(super) records: Vec<Arc<Record>>,
    /// Whether there may be more.
    pub(super) more: bool,
    /// Whether the database could not be asked.
    pub(super) failed: bool,
}

/// Gives the next changes their records.
pub(super) fn look(desk: &Desk) -> Looked {
    let node = desk.notary.node().into();
    let audited = match desk.store.audit_changes(&node, AT_ONCE, crate::clock::now()) {
        Ok(audited) => audited,
        Err(error) => {
            if desk.gauge.note_changes_wait(true) {
                let error = error.with_causes();
                tracing::warn!(error, "administrative changes cannot be recorded yet");
            }
            return Looked { failed: true, ..Looked::default() };
        }
    };
    desk.gauge.note_changes_wait(false);
    if audited.list_was_replaced {
        tracing::warn!(
            "the list of administrative changes is not the one of before: was a backup restored? \
             what of it is not in the record yet is recorded now"
        );
    }
    if audited.set_aside > 0 {
        tracing::error!(
            records = audited.set_aside,
            "records of changes were set aside: `portcullis audit set-aside` shows them and why"
        );
    }
    desk.notary.note(audited.heads);
    Looked { records: audited.records, more: audited.more, failed: false }
}
