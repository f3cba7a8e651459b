//! Tests of the journal: what it keeps, what it forgets, and what it says no to.

use super::*;
use crate::types::{ExchangeId, Outcome, Surface, UnixMillis};
use uuid::Uuid;

pub(super) fn settings(dir: &std::path::Path) -> JournalSettings {
    JournalSettings {
        dir: dir.join("journal"),
        segment_bytes: 8 * 1024,
        most_bytes: 64 << 20,
        durability: Durability::Process,
    }
}

/// The record of the exchange with this number.
pub(super) fn record(number: u64) -> Record {
    let id = ExchangeId(Uuid::from_u64_pair(number, 0));
    Record::new(id, UnixMillis(1), "node".into(), Surface::Agent)
}

pub(super) fn open(dir: &std::path::Path) -> Journal {
    Journal::open(settings(dir), |record| record.outcome = Some(Outcome::Interrupted)).unwrap()
}

fn all(journal: &Journal) -> Vec<(Record, Mark)> {
    let chunk = journal.read(Place::START, usize::MAX).unwrap();
    assert!(chunk.caught_up);
    chunk.records
}

fn ids(journal: &Journal) -> Vec<u64> {
    all(journal).iter().map(|(record, _)| record.id.0.as_u64_pair().0).collect()
}

fn whole(journal: &Journal, number: u64) -> Mark {
    let mut room = journal.reserve().unwrap();
    room.begin(&record(number)).unwrap();
    room.end(&record(number))
}

#[test]
fn what_ended_is_read_back_in_order_until_it_is_settled_and_its_file_is_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path());
    let marks: Vec<Mark> = (0..50).map(|number| whole(&journal, number)).collect();
    assert_eq!(ids(&journal), (0..50).collect::<Vec<_>>());
    assert!(marks.is_sorted_by_key(Mark::number) && marks.iter().all(Mark::is_written));
    assert_eq!(all(&journal).iter().map(|(_, mark)| *mark).collect::<Vec<_>>(), marks);
    assert!(journal.status().segments > 3);
    drop(journal);
    let journal = open(dir.path());
    assert_eq!(ids(&journal), (0..50).collect::<Vec<_>>());
    let marks: Vec<Mark> = all(&journal).into_iter().map(|(_, mark)| mark).collect();
    journal.settle(&marks);
    assert_eq!(journal.status().segments, 1);
    assert_eq!(journal.status().unsettled, 0);
}

#[test]
fn an_exchange_that_began_and_did_not_end_is_interrupted_once() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path());
    let mut room = journal.reserve().unwrap();
    room.begin(&record(1)).unwrap();
    whole(&journal, 2);
    assert_eq!(journal.status().open, 1);
    drop((room, journal));
    for _ in 0..3 {
        let journal = open(dir.path());
        let ended: Vec<_> = all(&journal).into_iter().map(|(record, _)| record).collect();
        assert_eq!(
            ended.iter().map(|record| record.id.0.as_u64_pair().0).collect::<Vec<_>>(),
            [2, 1]
        );
        assert_eq!(ended[1].outcome, Some(Outcome::Interrupted));
    }
}
