//! Any history against a model of what the journal promises.

use super::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug)]
enum Step {
    Begin,
    /// Ends one that has begun.
    End(prop::sample::Index),
    /// An exchange without a beginning.
    EndAtOnce,
    Drop(prop::sample::Index),
    /// Settles some of what a reading gives, from the front or not.
    Settle {
        skip: usize,
        most: usize,
    },
    SettleAgain,
    Read {
        most: usize,
    },
    Prepare,
    Rest,
    /// Ends in order, with exchanges open.
    Stop,
    Kill,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => Just(Step::Begin),
        4 => any::<prop::sample::Index>().prop_map(Step::End),
        2 => Just(Step::EndAtOnce),
        1 => any::<prop::sample::Index>().prop_map(Step::Drop),
        3 => (0..3_usize, 1..30_usize).prop_map(|(skip, most)| Step::Settle { skip, most }),
        1 => Just(Step::SettleAgain),
        1 => (1..5_usize).prop_map(|most| Step::Read { most }),
        1 => Just(Step::Prepare),
        1 => Just(Step::Rest),
        1 => Just(Step::Stop),
        1 => Just(Step::Kill),
    ];
    prop::collection::vec(step, 1..120)
}

/// The journal, and what it should hold.
struct Model {
    dir: TempDir,
    journal: Option<Journal>,
    next: u64,
    open: BTreeMap<u64, Room>,
    /// Begun, and dropped without an end.
    forgotten: BTreeSet<u64>,
    /// Ended and not settled, in order.
    waiting: Vec<Record>,
    settled: BTreeSet<u64>,
    settled_marks: Vec<Mark>,
}

impl Model {
    fn new() -> Self {
        let dir = scratch();
        Self {
            journal: Some(open(&dir)),
            dir,
            next: 0,
            open: BTreeMap::new(),
            forgotten: BTreeSet::new(),
            waiting: Vec::new(),
            settled: BTreeSet::new(),
            settled_marks: Vec::new(),
        }
    }

    fn journal(&self) -> &Journal {
        self.journal.as_ref().unwrap()
    }

    fn take_open(&mut self, index: prop::sample::Index) -> Option<(u64, Room)> {
        let numbers: Vec<u64> = self.open.keys().copied().collect();
        let number = (!numbers.is_empty()).then(|| *index.get(&numbers))?;
        self.open.remove_entry(&number)
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Begin => {
                let room = begin(self.journal(), self.next);
                self.open.insert(self.next, room);
                self.next += 1;
            }
            Step::End(index) => {
                if let Some((number, room)) = self.take_open(index) {
                    assert!(room.end(&ended(number)).is_written());
                    self.waiting.push(ended(number));
                }
            }
            Step::EndAtOnce => {
                self.journal().reserve().unwrap().end(&ended(self.next));
                self.waiting.push(ended(self.next));
                self.next += 1;
            }
            Step::Drop(index) => {
                let dropped = self.take_open(index);
                self.forgotten.extend(dropped.map(|(number, _room)| number));
            }
            Step::Settle { skip, most } => {
                let read = all(self.journal()).into_iter().skip(skip).take(most);
                let (records, marks): (Vec<Record>, Vec<Mark>) = read.unzip();
                self.journal().settle(&marks);
                self.settled.extend(records.iter().map(number));
                self.waiting.retain(|record| !self.settled.contains(&number(record)));
                self.settled_marks.extend(marks);
            }
            Step::SettleAgain => self.journal().settle(&self.settled_marks),
            Step::Read { most } => self.read_in_chunks(most),
            Step::Prepare => self.journal().prepare(),
            Step::Rest => self.journal().rest(),
            Step::Stop => self.stop(),
            Step::Kill => {
                let left = killed(&self.dir);
                let before = std::mem::replace(&mut self.dir, left);
                self.stop();
                drop(before);
            }
        }
    }

    /// Another process goes on.
    fn stop(&mut self) {
        let open_ones = std::mem::take(&mut self.open);
        let mut interrupted_ones = std::mem::take(&mut self.forgotten);
        interrupted_ones.extend(open_ones.keys());
        drop(open_ones);
        drop(self.journal.take());
        self.journal = Some(open(&self.dir));
        self.waiting.extend(interrupted_ones.into_iter().map(interrupted));
        // Marks are of one process.
        self.settled_marks.clear();
    }

    fn read_in_chunks(&self, most: usize) {
        let (mut place, mut read) = (Place::START, Vec::new());
        loop {
            let chunk = self.journal().read(place, most).unwrap();
            read.extend(chunk.records.into_iter().map(|(record, _)| record));
            place = chunk.next;
            if chunk.caught_up {
                break;
            }
        }
        self.assert_is_waiting(read);
    }

    fn assert_is_waiting(&self, mut read: Vec<Record>) {
        read.retain(|record| !self.settled.contains(&number(record)));
        assert_eq!(read, self.waiting);
    }

    /// What the store does not have is read once and in order; it drops the rest by its ids.
    fn check(&self) {
        self.assert_is_waiting(records(self.journal()));
        let status = self.journal().status();
        assert!(status.unsettled >= u64::try_from(self.waiting.len()).unwrap());
        assert_eq!(status.unwritten, 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_happens_what_the_store_does_not_have_is_read_once_and_in_order(steps in steps()) {
        let mut model = Model::new();
        for step in steps {
            model.step(step);
            model.check();
        }
        model.step(Step::Kill);
        model.check();
        // And when the store has it all, nothing stays but the file that is written to.
        settle_all(model.journal());
        prop_assert!(model.journal().status().segments <= 1);
        prop_assert_eq!(model.journal().status().unsettled, 0);
        model.stop();
        prop_assert!(records(model.journal()).is_empty());
    }
}
