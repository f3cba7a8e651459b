//! A file of the journal with any bytes in it.

use portcullis::{
    config::Durability,
    journal::{Journal, JournalSettings, Mark, Place},
    types::{ExchangeId, Outcome, Record, Surface, UnixMillis},
};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

/// Bytes that are no journal are none; bytes within a journal take the frames that they stand in, and no other.
pub fn check(input: &[u8]) {
    let directory = Directory::new();
    fs::create_dir(&directory.0).unwrap();
    fs::write(directory.0.join("0000000007-00000000.journal"), input).unwrap();
    let found = read(&open(&directory.0));
    assert_eq!(read(&open(&directory.0)), found, "it is read otherwise the second time");
    assert!(
        found.iter().all(|(record, _)| record.outcome.is_some()),
        "an open exchange has no end"
    );
    check_within(input);
}

/// Three exchanges, the second of which is open; the input stands in the middle of one of their frames, or between.
fn check_within(input: &[u8]) {
    let directory = Directory::new();
    let journal = open(&directory.0);
    for number in 1..=3 {
        let mut room = journal.reserve().unwrap();
        room.begin(&record(number, None)).unwrap();
        if number != 2 {
            room.end(&record(number, Some(Outcome::Completed)));
        }
    }
    drop(journal);
    let file = fs::read_dir(&directory.0).unwrap().map(|entry| entry.unwrap().path());
    let file = file.max_by_key(|path| path.metadata().unwrap().len()).unwrap();
    let mut bytes = fs::read(&file).unwrap();
    let at = input.iter().map(|byte| usize::from(*byte)).sum::<usize>() * 7 % bytes.len();
    bytes.splice(at..at, input.iter().copied());
    fs::write(&file, bytes).unwrap();

    let journal = open(&directory.0);
    let found = read(&journal);
    let is_known = |found: &Record| {
        [(1, Outcome::Completed), (1, Outcome::Interrupted), (2, Outcome::Interrupted)]
            .into_iter()
            .chain([(3, Outcome::Completed), (3, Outcome::Interrupted)])
            .any(|(number, outcome)| record(number, Some(outcome)) == *found)
    };
    assert!(found.iter().all(|(record, _)| is_known(record)), "a record was invented");
    // One frame was hit at most, so an exchange that had two is there.
    for number in [1, 3] {
        let id = record(number, None).id;
        assert_eq!(found.iter().filter(|(record, _)| record.id == id).count(), 1);
    }
    let marks: Vec<Mark> = found.into_iter().map(|(_, mark)| mark).collect();
    journal.settle(&marks);
    assert_eq!(journal.status().unsettled, 0);
}

fn record(number: u64, outcome: Option<Outcome>) -> Record {
    let id = format!("\"00000000-0000-0000-0000-{number:012}\"");
    let id: ExchangeId = serde_json::from_str(&id).unwrap();
    Record { outcome, ..Record::new(id, UnixMillis(1), "node".into(), Surface::Agent) }
}

fn open(directory: &Path) -> Journal {
    let settings = JournalSettings {
        dir: directory.to_owned(),
        segment_bytes: 16 * 1024,
        most_bytes: 16 << 20,
        durability: Durability::Process,
    };
    Journal::open(settings, |record| record.outcome = Some(Outcome::Interrupted)).unwrap()
}

fn read(journal: &Journal) -> Vec<(Record, Mark)> {
    journal.read(Place::START, usize::MAX).unwrap().records
}

/// A place for a directory, in memory if there is one; gone when it is dropped.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let memory = PathBuf::from("/dev/shm");
        let parent = if memory.is_dir() { memory } else { std::env::temp_dir() };
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Self(parent.join(format!("portcullis-journal-{}-{count}", std::process::id())))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
