//! What the store does not have yet: the newest in memory, and where memory ends, the rest in the journal.
//!
//! Owns the order in which records go to the store, and the bound on memory. It must never lose a record that the
//! journal has, nor give one twice while nothing failed.
//!
//! Workers write and tell without waiting for each other, so a record can be told a little later than one that was
//! written after it. What counts is where it was written: the mark's number.

use crate::journal::{Mark, Place};
use crate::types::Record;
use std::{collections::VecDeque, sync::Arc};

/// Records in one queue, at most, and roughly their bytes.
const MOST_RECORDS: usize = 16_384;
const MOST_BYTES: usize = 32 << 20;

/// A record and where it stands in the journal.
pub(super) type Waiting = (Arc<Record>, Mark);

/// What goes to the store next. `bool`: it may be there already.
pub(super) enum Batch {
    /// These.
    Told(Vec<Waiting>, bool),
    /// What stands behind this place in the journal.
    Read(Place, bool),
}

/// Records on their way to the store.
pub(super) struct Outbox {
    /// Before what is read.
    pending: Queue,
    /// The pending records may be in the store already.
    is_repeated: bool,
    reading: Option<Reading>,
    /// Told while the journal is read, and behind it.
    behind: Queue,
    /// What was read last: who is told of it is told twice.
    read: (u64, u64),
}

/// Records that are read from the journal.
struct Reading {
    next: Place,
    /// The first number that is read.
    from: u64,
    /// The last one that was told and not kept.
    unkept: u64,
    is_repeated: bool,
}

impl Outbox {
    /// Begins with what stands behind a place in the journal, which the store may have already.
    pub(super) fn after(place: Place) -> Self {
        let reading = Reading { next: place, from: 0, unkept: 0, is_repeated: true };
        Self {
            pending: Queue::default(),
            is_repeated: false,
            reading: Some(reading),
            behind: Queue::default(),
            read: (1, 0),
        }
    }

    /// Takes a record whose end is in the journal.
    pub(super) fn tell(&mut self, waiting: Waiting) {
        let (_, mark) = &waiting;
        let number = mark.number();
        let (read_from, read_to) = self.read;
        if !mark.is_written() {
            // Nobody else has it.
            self.pending.push(waiting);
            return;
        }
        match &mut self.reading {
            _ if (read_from..=read_to).contains(&number) => {}
            Some(reading) if number < reading.from => self.pending.push(waiting),
            Some(reading) if self.behind.is_full() => reading.unkept = reading.unkept.max(number),
            Some(_) => self.behind.push(waiting),
            None => match self.pending.last().filter(|_| self.pending.is_full()) {
                Some(last) if number > last.number() => self.begin_reading(last, number),
                Some(_) | None => self.pending.push(waiting),
            },
        }
    }

    /// Memory ends: from behind its last record on, the journal has the rest.
    fn begin_reading(&mut self, last: Mark, unkept: u64) {
        let (next, from) = (last.after(), last.number() + 1);
        self.reading = Some(Reading { next, from, unkept, is_repeated: false });
    }

    /// Records in memory that go next.
    pub(super) fn in_memory(&self) -> usize {
        self.pending.records.len()
    }

    /// Whether the journal has more than memory.
    pub(super) fn has_backlog(&self) -> bool {
        self.reading.is_some()
    }

    /// Whether everything told was given out, and nothing came back.
    pub(super) fn is_empty(&self) -> bool {
        self.pending.records.is_empty() && self.reading.is_none()
    }

    /// What goes next.
    pub(super) fn take(&mut self, most: usize) -> Option<Batch> {
        if self.pending.records.is_empty() {
            return self.reading.as_ref().map(|it| Batch::Read(it.next, it.is_repeated));
        }
        Some(Batch::Told(self.pending.take(most), self.is_repeated))
    }

    /// The store has the records that were given out.
    pub(super) fn told_is_stored(&mut self) {
        self.is_repeated = false;
    }

    /// The store has what was read from the journal: up to this place, and this number.
    pub(super) fn read_is_stored(&mut self, next: Place, last: Option<u64>, caught_up: bool) {
        let Some(reading) = &mut self.reading else { return };
        reading.next = next;
        if reading.from > self.read.0 || self.read.1 < self.read.0 {
            self.read = (reading.from, 0);
        }
        self.read.1 = self.read.1.max(last.unwrap_or_default());
        // Where nothing more is found there is nothing more to wait for.
        let is_all = reading.unkept <= self.read.1 || last.is_none();
        if caught_up && is_all {
            self.reading = None;
            let (_, read_to) = self.read;
            let mut behind = std::mem::take(&mut self.behind);
            behind.drop_up_to(read_to);
            behind.records.into_iter().for_each(|waiting| self.pending.push(waiting));
        }
    }

    /// What was read from the journal may, or may not, be in the store.
    pub(super) fn read_is_in_doubt(&mut self) {
        if let Some(reading) = &mut self.reading {
            reading.is_repeated = true;
        }
    }

    /// The store did not take these: they go again, first.
    pub(super) fn put_back(&mut self, records: Vec<Waiting>) {
        self.is_repeated = true;
        self.pending.put_back(records);
    }
}

/// Records in memory.
#[derive(Default)]
struct Queue {
    records: VecDeque<Waiting>,
    bytes: usize,
    last: Option<Mark>,
}

impl Queue {
    fn is_full(&self) -> bool {
        self.records.len() >= MOST_RECORDS || self.bytes >= MOST_BYTES
    }

    /// The one that was written last, as far as they have come by.
    fn last(&self) -> Option<Mark> {
        self.last
    }

    fn push(&mut self, waiting: Waiting) {
        let (record, mark) = &waiting;
        self.bytes += weight(record);
        if mark.is_written() && self.last.is_none_or(|last| last.number() < mark.number()) {
            self.last = Some(*mark);
        }
        self.records.push_back(waiting);
    }

    fn take(&mut self, most: usize) -> Vec<Waiting> {
        let length = self.records.len().min(most);
        let taken: Vec<_> = self.records.drain(..length).collect();
        self.bytes -= taken.iter().map(|(record, _)| weight(record)).sum::<usize>();
        taken
    }

    fn put_back(&mut self, records: Vec<Waiting>) {
        self.bytes += records.iter().map(|(record, _)| weight(record)).sum::<usize>();
        records.into_iter().rev().for_each(|waiting| self.records.push_front(waiting));
    }

    fn drop_up_to(&mut self, number: u64) {
        self.records.retain(|(_, mark)| mark.number() > number);
    }
}

/// What a record takes in memory, roughly: what a caller can make long.
fn weight(record: &Record) -> usize {
    const REST: usize = 1_024;
    const FINDING: usize = 256;
    let names = record.tool_names.iter().chain(&record.tools_removed);
    REST + names.map(|name| 16 + name.len()).sum::<usize>() + FINDING * record.findings.len()
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
        let ended = it.end(MOST_RECORDS + 500);
        ended.iter().cloned().for_each(|waiting| outbox.tell(waiting));
        assert_eq!(outbox.in_memory(), MOST_RECORDS);
        assert!(outbox.has_backlog());
        assert_eq!(it.drain(&mut outbox), ids(&ended));
        assert!(outbox.is_empty());
    }

    #[test]
    fn a_record_that_is_told_late_is_neither_lost_nor_given_twice() {
        let it = Fixture::new();
        let mut outbox = Outbox::after(Place::START);
        it.drain(&mut outbox);
        let ended = it.end(MOST_RECORDS + 2);
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

    #[test]
    fn a_late_one_that_makes_memory_overflow_is_not_lost() {
        let it = Fixture::new();
        let mut outbox = Outbox::after(Place::START);
        it.drain(&mut outbox);
        let ended = it.end(MOST_RECORDS + 1);
        let (late, early) = ended.split_first().unwrap();
        early.iter().cloned().for_each(|waiting| outbox.tell(waiting));
        outbox.tell(late.clone());
        let more = it.end(3);
        more.iter().cloned().for_each(|waiting| outbox.tell(waiting));
        let mut stored = it.drain(&mut outbox);
        stored.sort_unstable();
        assert!(outbox.is_empty());
        assert_eq!(stored.len(), ended.len() + more.len());
    }

    #[test]
    fn a_read_whose_fate_is_unknown_goes_again_in_doubt() {
        let it = Fixture::new();
        let mut outbox = Outbox::after(Place::START);
        it.drain(&mut outbox);
        let ended = it.end(MOST_RECORDS + 5);
        ended.iter().cloned().for_each(|waiting| outbox.tell(waiting));
        while outbox.in_memory() > 0 {
            outbox.take(1_000);
            outbox.told_is_stored();
        }
        let Some(Batch::Read(_, false)) = outbox.take(9) else { panic!("not read") };
        outbox.read_is_in_doubt();
        let Some(Batch::Read(_, again)) = outbox.take(9) else { panic!("not read") };
        assert!(again, "the second reading is not in doubt");
    }

    #[test]
    fn a_successor_has_everything_that_is_not_settled() {
        let it = Fixture::new();
        let ended = it.end(3);
        let mut first = Outbox::after(Place::START);
        it.drain(&mut first);
        // The keeper died; what was told to it is in the journal alone, and one is told late.
        let mut outbox = Outbox::after(Place::START);
        let late = it.end(1);
        outbox.tell(late[0].clone());
        assert_eq!(it.drain(&mut outbox), ids(&[ended, late].concat()));
        assert!(outbox.is_empty());
    }

    #[test]
    fn what_was_written_before_the_reading_began_and_is_told_after_it_is_not_lost() {
        let it = Fixture::new();
        let mut outbox = Outbox::after(Place::START);
        it.drain(&mut outbox);
        let ended = it.end(MOST_RECORDS + 10);
        let (late, early) = ended.split_first().unwrap();
        early.iter().cloned().for_each(|waiting| outbox.tell(waiting));
        let mut stored = it.drain(&mut outbox);
        outbox.tell(late.clone());
        stored.extend(it.drain(&mut outbox));
        stored.sort_unstable();
        assert_eq!(stored, ids(&ended));
    }

    #[test]
    fn reading_ends_under_load() {
        let it = Fixture::new();
        it.end(3);
        let mut outbox = Outbox::after(Place::START);
        let mut reads = 0;
        while let Some(Batch::Read(place, _)) = outbox.take(1_000) {
            let chunk = it.journal.read(place, 4_096).unwrap();
            // One exchange ends while the batch is being committed.
            it.end(1).into_iter().for_each(|waiting| outbox.tell(waiting));
            let last = chunk.records.iter().map(|(_, mark)| mark.number()).max();
            outbox.read_is_stored(chunk.next, last, chunk.caught_up);
            reads += 1;
            assert!(reads < 2_000, "it reads one by one for as long as there is load");
        }
    }
}
