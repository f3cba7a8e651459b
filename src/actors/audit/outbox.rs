//! What the store does not have yet: the newest in memory, and where memory ends, the rest in the journal.
//!
//! Owns the order in which records go to the store, and the bound on memory. It must never lose a record that the
//! journal has, nor give one twice while nothing failed.

use crate::journal::{Mark, Place};
use crate::types::Record;
use std::{collections::VecDeque, sync::Arc};

/// Records kept in memory; more are read from the journal again when their turn comes.
const MOST_IN_MEMORY: usize = 16_384;

/// A record and where it stands in the journal.
pub(super) type Waiting = (Arc<Record>, Mark);

/// What goes to the store next.
pub(super) enum Batch {
    /// These; in doubt whether they are there already.
    Told(Vec<Waiting>, bool),
    /// What stands behind this place in the journal; likewise.
    Read(Place, bool),
}

/// Records on their way to the store.
pub(super) struct Outbox {
    pending: VecDeque<Waiting>,
    /// The pending records may be in the store already.
    is_repeated: bool,
    backlog: Option<Backlog>,
    /// Up to here everything was read from the journal; who is told later than that is told twice.
    read_to: u64,
}

/// Records that stand in the journal alone.
struct Backlog {
    next: Place,
    /// The first number that is not kept in memory.
    from: u64,
    /// The last one that was told and not kept.
    told_to: u64,
    /// They may be in the store already.
    is_repeated: bool,
}

impl Outbox {
    /// Begins with what stands behind a place in the journal, which the store may have already.
    pub(super) fn after(place: Place) -> Self {
        let backlog = Backlog { next: place, from: 0, told_to: 0, is_repeated: true };
        Self { pending: VecDeque::new(), is_repeated: false, backlog: Some(backlog), read_to: 0 }
    }

    /// Takes a record whose end is in the journal.
    pub(super) fn tell(&mut self, (record, mark): Waiting) {
        let number = mark.number();
        if !mark.is_written() {
            // Nobody else has it.
            self.pending.push_back((record, mark));
            return;
        }
        match &mut self.backlog {
            Some(backlog) if number >= backlog.from => {
                backlog.told_to = backlog.told_to.max(number);
            }
            None if number <= self.read_to => {}
            None if self.pending.len() >= MOST_IN_MEMORY => self.overflow(number),
            Some(_) | None => self.pending.push_back((record, mark)),
        }
    }

    /// Memory ends: from behind its last record on, the journal has the rest.
    fn overflow(&mut self, number: u64) {
        let last = self.pending.iter().map(|(_, mark)| mark).max_by_key(|mark| mark.number());
        let Some(last) = last else { return };
        self.backlog = Some(Backlog {
            next: last.after(),
            from: last.number() + 1,
            told_to: number,
            is_repeated: false,
        });
    }

    /// Records in memory.
    pub(super) fn in_memory(&self) -> usize {
        self.pending.len()
    }

    /// Whether the journal has more than memory.
    pub(super) fn has_backlog(&self) -> bool {
        self.backlog.is_some()
    }

    /// Whether everything told was given out, and nothing came back.
    pub(super) fn is_empty(&self) -> bool {
        self.pending.is_empty() && self.backlog.is_none()
    }

    /// What goes next.
    pub(super) fn take(&mut self, most: usize) -> Option<Batch> {
        if self.pending.is_empty() {
            return self.backlog.as_ref().map(|it| Batch::Read(it.next, it.is_repeated));
        }
        let length = self.pending.len().min(most);
        Some(Batch::Told(self.pending.drain(..length).collect(), self.is_repeated))
    }

    /// The store has the records that were given out.
    pub(super) fn told_is_stored(&mut self) {
        self.is_repeated = false;
    }

    /// The store has what was read from the journal: up to this place, and this number.
    pub(super) fn read_is_stored(&mut self, next: Place, last: Option<u64>, caught_up: bool) {
        let Some(backlog) = &mut self.backlog else { return };
        backlog.next = next;
        self.read_to = self.read_to.max(last.unwrap_or_default());
        if caught_up && backlog.told_to <= self.read_to {
            self.backlog = None;
        }
    }

    /// The store did not take these: they go again, first.
    pub(super) fn put_back(&mut self, records: Vec<Waiting>) {
        self.is_repeated = true;
        for waiting in records.into_iter().rev() {
            self.pending.push_front(waiting);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Durability;
    use crate::journal::{Journal, JournalSettings};
    use crate::types::{ExchangeId, Surface, UnixMillis};
    use uuid::Uuid;

    struct Fixture {
        _dir: tempfile::TempDir,
        journal: Journal,
    }

    impl Fixture {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let settings = JournalSettings {
                dir: dir.path().join("journal"),
                segment_bytes: 16 << 20,
                most_bytes: 1 << 30,
                durability: Durability::Process,
            };
            Self { journal: Journal::open(settings, |_| {}).unwrap(), _dir: dir }
        }

        /// Exchanges that have ended, in the order of their ends.
        fn end(&self, count: usize) -> Vec<Waiting> {
            let ended = (0..count).map(|_| {
                let id = ExchangeId(Uuid::now_v7());
                let record = Record::new(id, UnixMillis(1), "node-1".into(), Surface::Agent);
                let mark = self.journal.reserve().unwrap().end(&record);
                (Arc::new(record), mark)
            });
            ended.collect()
        }

        /// Plays the store: takes batch after batch until nothing is left.
        fn drain(&self, outbox: &mut Outbox) -> Vec<ExchangeId> {
            let mut stored = Vec::new();
            while let Some(batch) = outbox.take(1_000) {
                match batch {
                    Batch::Told(records, _) => {
                        stored.extend(records.iter().map(|(record, _)| record.id));
                        outbox.told_is_stored();
                    }
                    Batch::Read(place, _) => {
                        let chunk = self.journal.read(place, 1_000).unwrap();
                        stored.extend(chunk.records.iter().map(|(record, _)| record.id));
                        let last = chunk.records.iter().map(|(_, mark)| mark.number()).max();
                        outbox.read_is_stored(chunk.next, last, chunk.caught_up);
                    }
                }
            }
            stored
        }
    }

    fn ids(records: &[Waiting]) -> Vec<ExchangeId> {
        records.iter().map(|(record, _)| record.id).collect()
    }

    #[test]
    fn what_an_earlier_process_left_comes_first_and_what_is_told_meanwhile_comes_once() {
        let it = Fixture::new();
        let (left, told) = (it.end(10), it.end(5));
        let mut outbox = Outbox::after(Place::START);
        told.iter().cloned().for_each(|waiting| outbox.tell(waiting));
        assert!(matches!(outbox.take(10), Some(Batch::Read(place, true)) if place == Place::START));
        assert_eq!(it.drain(&mut outbox), [ids(&left), ids(&told)].concat());
        assert!(outbox.is_empty());
        let later = it.end(3);
        later.iter().cloned().for_each(|waiting| outbox.tell(waiting));
        assert_eq!(it.drain(&mut outbox), ids(&later));
    }

    #[test]
    fn beyond_the_bound_of_memory_the_journal_has_the_rest_in_order() {
        let it = Fixture::new();
        let mut outbox = Outbox::after(Place::START);
        assert_eq!(it.drain(&mut outbox), []);
        let ended = it.end(MOST_IN_MEMORY + 500);
        ended.iter().cloned().for_each(|waiting| outbox.tell(waiting));
        assert_eq!(outbox.in_memory(), MOST_IN_MEMORY);
        assert!(outbox.has_backlog());
        assert_eq!(it.drain(&mut outbox), ids(&ended));
        assert!(outbox.is_empty());
    }

    #[test]
    fn a_record_that_is_told_late_is_neither_lost_nor_given_twice() {
        let it = Fixture::new();
        let mut outbox = Outbox::after(Place::START);
        it.drain(&mut outbox);
        let ended = it.end(MOST_IN_MEMORY + 2);
        let (late, early) = ended.split_first().unwrap();
        early.iter().cloned().for_each(|waiting| outbox.tell(waiting));
        outbox.tell(late.clone());
        let mut stored = it.drain(&mut outbox);
        stored.sort_unstable();
        assert_eq!(stored, ids(&ended));
    }

    #[test]
    fn what_the_store_did_not_take_goes_again_first_and_in_doubt() {
        let it = Fixture::new();
        let mut outbox = Outbox::after(Place::START);
        it.drain(&mut outbox);
        let ended = it.end(4);
        ended.iter().cloned().for_each(|waiting| outbox.tell(waiting));
        let Some(Batch::Told(records, false)) = outbox.take(2) else { panic!("not told") };
        outbox.put_back(records);
        let Some(Batch::Told(records, true)) = outbox.take(9) else { panic!("not repeated") };
        assert_eq!(ids(&records), ids(&ended));
    }
}
