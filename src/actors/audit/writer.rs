//! Writing a batch, on a blocking thread.
//!
//! Owns the order: the store has a batch before the journal forgets it, and a checkpoint is signed for what is
//! committed alone. It must never keep a database transaction across batches.

use super::{
    Batch, Desk,
    changes::{self, Looked},
    outbox::Waiting,
    upkeep,
};
use crate::journal::{Mark, Place};
use crate::store::{AnonymousCount, StoreError};
use crate::types::{Record, UnixMillis};
use std::{
    net::IpAddr,
    sync::{Arc, atomic::Ordering},
};

/// Records that are read from the journal for one batch.
const READ_AT_ONCE: usize = 4_096;

/// What calls without an identity are counted by: address, minute, code.
pub(super) type AnonymousKey = (IpAddr, UnixMillis, &'static str);

/// What is to be written.
pub(super) struct Job {
    pub(super) keeper: u64,
    pub(super) batch: Option<Batch>,
    pub(super) anonymous: Vec<(AnonymousKey, i64)>,
    /// Whether everything stored is to be signed for, due or not.
    pub(super) sign_all: bool,
    /// Whether administrative changes are to be looked for.
    pub(super) look_for_changes: bool,
}

/// What became of it. When the store is away, everything not yet written comes back.
pub(super) struct Written {
    pub(super) store_away: Option<StoreError>,
    pub(super) batch: Fate,
    pub(super) anonymous: Vec<(AnonymousKey, i64)>,
    pub(super) changes: Looked,
}

/// What became of a batch.
pub(super) enum Fate {
    /// There was none.
    None,
    ToldStored,
    ReadStored {
        next: Place,
        last: Option<u64>,
        caught_up: bool,
    },
    Back(Vec<Waiting>),
    /// What was read may or may not be stored.
    Unread,
}

/// Writes records, those of changes too, then counts, and signs for what is stored.
pub(super) fn write(desk: &Desk, job: Job) -> Written {
    let Job { keeper, batch, anonymous, sign_all, look_for_changes } = job;
    let _pen = desk.pen();
    // Its successor has given, or will give, the same records.
    let is_late = desk.keeper.load(Ordering::Acquire) != keeper;
    let batch = match batch.map(|batch| write_batch(desk, batch, is_late)) {
        None => Fate::None,
        Some(Ok(fate)) => fate,
        Some(Err((error, fate))) => {
            let changes = Looked::default();
            return Written { store_away: Some(error), batch: fate, anonymous, changes };
        }
    };
    let changes = if look_for_changes { changes::look(desk) } else { Looked::default() };
    if sign_all {
        // Nobody may come after this: what is settled is not read again at the next start.
        desk.journal.rest();
    }
    let (store_away, anonymous) = match write_anonymous(desk, anonymous) {
        Err((error, anonymous)) => (Some(error), anonymous),
        Ok(()) => (desk.notary.sign_due(&desk.store, sign_all).err(), Vec::new()),
    };
    Written { store_away, batch, anonymous, changes }
}

impl Desk {
    /// What the journal still has, and the store may have removed again since: its time is over.
    fn by_retention(&self, records: Vec<(Record, Mark)>) -> (Vec<(Record, Mark)>, Vec<Mark>) {
        let before = upkeep::retention(&self.settings, crate::clock::now()).before;
        let is_over = |record: &Record| before.is_some_and(|before| record.started_at < before);
        let (over, kept): (Vec<_>, Vec<_>) =
            records.into_iter().partition(|(record, _)| is_over(record));
        (kept, over.into_iter().map(|(_, mark)| mark).collect())
    }
}

fn write_batch(desk: &Desk, batch: Batch, is_late: bool) -> Result<Fate, (StoreError, Fate)> {
    match batch {
        Batch::Told(waiting, is_repeated) => {
            let (mut records, marks): (Vec<_>, Vec<_>) = waiting.into_iter().unzip();
            match append(desk, &mut records, &marks, is_repeated || is_late) {
                Ok(()) => Ok(Fate::ToldStored),
                Err(error) => Err((error, Fate::Back(records.into_iter().zip(marks).collect()))),
            }
        }
        Batch::Read(place, is_repeated) => {
            let chunk = desk.journal.read(place, READ_AT_ONCE).map_err(unread)?;
            let last = chunk.records.iter().map(|(_, mark)| mark.number()).max();
            let (kept, over) = desk.by_retention(chunk.records);
            let (records, marks): (Vec<_>, Vec<_>) = kept.into_iter().unzip();
            let mut records: Vec<_> = records.into_iter().map(Arc::new).collect();
            append(desk, &mut records, &marks, is_repeated || is_late)
                .map_err(|error| (error, Fate::Unread))?;
            desk.journal.settle(&over);
            Ok(Fate::ReadStored { next: chunk.next, last, caught_up: chunk.caught_up })
        }
    }
}

fn append(
    desk: &Desk,
    records: &mut [Arc<Record>],
    marks: &[Mark],
    is_repeated: bool,
) -> Result<(), StoreError> {
    if records.is_empty() {
        return Ok(());
    }
    let appended = desk.store.append_records(records, is_repeated, crate::clock::now())?;
    if appended.set_aside > 0 {
        tracing::error!(
            records = appended.set_aside,
            "records were set aside: `portcullis audit set-aside` shows them and why"
        );
    }
    // In this order: whoever reads the gauge meanwhile may count a record twice, as waiting and as stored, but never not.
    desk.gauge.note_stored(count(records.len()), count(appended.set_aside));
    desk.journal.settle(marks);
    desk.notary.note(appended.heads);
    Ok(())
}

/// The journal's own files cannot be read: as if the store were away, since the records are still there.
fn unread(error: std::io::Error) -> (StoreError, Fate) {
    let reason = format!("the journal cannot be read: {error}");
    (StoreError::Unavailable { reason, source: Some(error.into()) }, Fate::Unread)
}

type Unwritten = (StoreError, Vec<(AnonymousKey, i64)>);

fn write_anonymous(desk: &Desk, anonymous: Vec<(AnonymousKey, i64)>) -> Result<(), Unwritten> {
    if anonymous.is_empty() {
        return Ok(());
    }
    let counts: Vec<_> = anonymous.iter().map(anonymous_count).collect();
    match desk.store.count_anonymous(&counts) {
        Err(error) if !error.concerns_the_row() => Err((error, anonymous)),
        Err(error) => {
            let error = error.with_causes();
            tracing::error!(error, "counts of calls without an identity were not stored");
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

fn anonymous_count(((address, minute, code), count): &(AnonymousKey, i64)) -> AnonymousCount {
    AnonymousCount {
        address: address.to_string(),
        minute: *minute,
        code: (*code).to_owned(),
        count: *count,
    }
}

fn count(records: usize) -> u64 {
    u64::try_from(records).unwrap_or(u64::MAX)
}
