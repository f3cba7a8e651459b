//! Tests of the journal: what it keeps, what it forgets, what it says no to.

mod damage;
mod disks;
mod forgetting;
mod histories;
mod order;

use super::*;
use crate::types::{ExchangeId, Outcome, Surface, UnixMillis};
use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use uuid::Uuid;

/// Segments of a few frames, which nothing is allocated for: a test makes a great many.
const SMALL: u64 = 3 * 1024;

/// A directory in memory, where there is one.
fn scratch() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

fn settings(dir: &TempDir) -> JournalSettings {
    JournalSettings {
        dir: dir.path().join("journal"),
        segment_bytes: SMALL,
        most_bytes: 256 << 20,
        durability: Durability::Process,
    }
}

fn open_with(disk: Disk, settings: JournalSettings) -> Result<Journal, JournalError> {
    Journal::open_on(disk, settings, |record| record.outcome = Some(Outcome::Interrupted))
}

fn open(dir: &TempDir) -> Journal {
    let disk = Disk { allocate: |_file, _bytes| Ok(()), ..Disk::default() };
    open_with(disk, settings(dir)).unwrap()
}

/// The record of the exchange with this number, as it is when it begins.
fn begun(number: u64) -> Record {
    let id = ExchangeId(Uuid::from_u64_pair(number, 0));
    Record::new(id, UnixMillis(1), "node".into(), Surface::Agent)
}

fn ended(number: u64) -> Record {
    Record { outcome: Some(Outcome::Completed), latency_ms: Some(number), ..begun(number) }
}

fn interrupted(number: u64) -> Record {
    Record { outcome: Some(Outcome::Interrupted), ..begun(number) }
}

fn number(record: &Record) -> u64 {
    record.id.0.as_u64_pair().0
}

/// A whole exchange.
fn pass(journal: &Journal, number: u64) -> Mark {
    let room = begin(journal, number);
    room.end(&ended(number))
}

fn pass_all(journal: &Journal, numbers: std::ops::Range<u64>) -> Vec<Mark> {
    numbers.map(|number| pass(journal, number)).collect()
}

fn begin(journal: &Journal, number: u64) -> Room {
    let mut room = journal.reserve().unwrap();
    room.begin(&begun(number)).unwrap();
    room
}

fn all(journal: &Journal) -> Vec<(Record, Mark)> {
    let chunk = journal.read(Place::START, usize::MAX).unwrap();
    assert!(chunk.caught_up);
    chunk.records
}

/// The store takes all that is there.
fn settle_all(journal: &Journal) {
    let marks: Vec<Mark> = all(journal).into_iter().map(|(_, mark)| mark).collect();
    journal.settle(&marks);
}

fn records(journal: &Journal) -> Vec<Record> {
    all(journal).into_iter().map(|(record, _)| record).collect()
}

fn numbers(journal: &Journal) -> Vec<u64> {
    records(journal).iter().map(number).collect()
}

/// The files of a journal that is not open, in order.
fn segment_files(dir: &TempDir) -> Vec<PathBuf> {
    let files = fs::read_dir(dir.path().join("journal")).unwrap();
    let mut files: Vec<_> = files.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "journal"));
    files.retain(|path| path.metadata().unwrap().len() > 0);
    files.sort();
    files
}

/// What a process that is killed now would leave.
fn killed(dir: &TempDir) -> TempDir {
    let copy = scratch();
    fs::create_dir(copy.path().join("journal")).unwrap();
    for entry in fs::read_dir(dir.path().join("journal")).unwrap() {
        let file = entry.unwrap();
        let copied = fs::copy(file.path(), copy.path().join("journal").join(file.file_name()));
        // The journal's thread may have deleted one meanwhile.
        assert!(copied.is_ok() || !file.path().exists(), "{copied:?}");
    }
    copy
}

fn until(mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < end, "it never was");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

#[test]
fn what_ended_is_read_in_order_by_this_process_and_by_the_next_until_it_is_settled() {
    let dir = scratch();
    let journal = open(&dir);
    let marks = pass_all(&journal, 0..50);
    assert_eq!(records(&journal), (0..50).map(ended).collect::<Vec<_>>());
    assert!(marks.is_sorted_by_key(Mark::number) && marks.iter().all(Mark::is_written));
    assert!(all(&journal).iter().map(|(_, mark)| *mark).eq(marks));
    drop(journal);

    let journal = open(&dir);
    assert_eq!(records(&journal), (0..50).map(ended).collect::<Vec<_>>());
    assert!(journal.status().segments > 3);
    settle_all(&journal);
    let status = journal.status();
    assert!(status.segments <= 1);
    assert_eq!((status.unsettled, status.open), (0, 0));
}

#[test]
fn reading_goes_on_from_a_place_and_stops_where_it_is_told() {
    let dir = scratch();
    let journal = open(&dir);
    let marks = pass_all(&journal, 0..20);
    let (mut place, mut read) = (Place::START, Vec::new());
    loop {
        let chunk = journal.read(place, 3).unwrap();
        assert!(chunk.records.len() <= 3);
        read.extend(chunk.records.iter().map(|(record, _)| number(record)));
        place = chunk.next;
        if chunk.caught_up {
            break;
        }
    }
    assert_eq!(read, (0..20).collect::<Vec<_>>());
    assert!(journal.read(place, 3).unwrap().records.is_empty());
    pass(&journal, 20);
    assert_eq!(number(&journal.read(place, 3).unwrap().records[0].0), 20);
    let behind = journal.read(marks[4].after(), 1).unwrap();
    assert_eq!(number(&behind.records[0].0), 5);
}

#[test]
fn what_began_and_did_not_end_is_interrupted_once() {
    let dir = scratch();
    let journal = open(&dir);
    let rooms = [begin(&journal, 1), begin(&journal, 2)];
    pass(&journal, 3);
    assert_eq!(journal.status().open, 2);
    drop((rooms, journal));
    for _ in 0..3 {
        let journal = open(&dir);
        assert_eq!(records(&journal), [ended(3), interrupted(1), interrupted(2)]);
        assert_eq!(journal.status().open, 0);
    }
}

#[test]
fn an_end_without_a_beginning_is_an_end() {
    let dir = scratch();
    let journal = open(&dir);
    journal.reserve().unwrap().end(&ended(1));
    assert_eq!(records(&journal), [ended(1)]);
    drop(journal);
    assert_eq!(records(&open(&dir)), [ended(1)]);
}

#[test]
fn a_long_exchange_holds_the_file_with_its_beginning_and_no_other() {
    let dir = scratch();
    let journal = open(&dir);
    let long = begin(&journal, 1_000);
    let marks = pass_all(&journal, 0..50);
    let segments = journal.status().segments;
    assert!(segments > 5);
    journal.settle(&marks);
    assert!(journal.status().segments <= 2, "the first, and the last unless it was over");
    let mark = long.end(&ended(1_000));
    journal.settle(&[mark]);
    assert!(journal.status().segments <= 1);
}

#[test]
fn an_exchange_whose_end_was_deleted_before_its_beginning_gets_another_and_then_is_gone() {
    let dir = scratch();
    let journal = open(&dir);
    let long = begin(&journal, 1_000);
    let split = begin(&journal, 1_001);
    let marks = pass_all(&journal, 0..20);
    let split = split.end(&ended(1_001));
    let later = pass_all(&journal, 20..40);
    journal.settle(&[marks, vec![split], later].concat());
    drop((long, journal));
    let journal = open(&dir);
    let open_ones = [interrupted(1_000), interrupted(1_001)];
    assert!(records(&journal).ends_with(&open_ones), "{:?}", numbers(&journal));
    settle_all(&journal);
    drop(journal);
    assert!(records(&open(&dir)).is_empty());
    assert!(segment_files(&dir).is_empty());
}

#[test]
fn a_mark_that_is_settled_twice_counts_once() {
    let dir = scratch();
    let journal = open(&dir);
    let held = begin(&journal, 1_000);
    let first = pass(&journal, 0);
    let marks = pass_all(&journal, 1..30);
    for _ in 0..40 {
        journal.settle(&[first]);
    }
    assert_eq!(journal.status().unsettled, 29);
    assert_eq!(numbers(&journal), (0..30).collect::<Vec<_>>());
    journal.settle(&[marks.clone(), marks].concat());
    assert!(journal.status().segments <= 2);
    drop((held, journal));
    assert!(numbers(&open(&dir)).contains(&1_000));
}

#[test]
fn a_directory_is_open_once_and_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let dir = scratch();
    let journal = open(&dir);
    pass(&journal, 1);
    let second = open_with(Disk::default(), settings(&dir)).unwrap_err();
    assert!(matches!(second, JournalError::InUse { .. }), "{second}");
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir.path().join("journal")), 0o700);
    assert!(segment_files(&dir).iter().all(|path| mode(path) == 0o600));
    drop(journal);
    open(&dir);
}

#[test]
fn files_of_others_are_left_alone() {
    let dir = scratch();
    drop(open(&dir));
    let other = dir.path().join("journal/0000000001-zz.journal");
    fs::write(&other, "mine").unwrap();
    let journal = open(&dir);
    journal.settle(&[pass(&journal, 1)]);
    assert_eq!(fs::read(other).unwrap(), b"mine");
}

#[test]
fn a_journal_of_another_segment_size_is_read_and_written_on() {
    let dir = scratch();
    let journal = open(&dir);
    pass_all(&journal, 0..9);
    drop(journal);
    for (first, segment_bytes) in [(10, 1_000_000), (20, 2_000)] {
        let journal =
            open_with(Disk::default(), JournalSettings { segment_bytes, ..settings(&dir) });
        let journal = journal.unwrap();
        pass_all(&journal, first..first + 9);
        assert!(numbers(&journal).is_sorted());
    }
    assert_eq!(numbers(&open(&dir)).len(), 27);
}
