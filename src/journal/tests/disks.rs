//! Disks that are full, that fail, and that are waited for.

use super::*;
use std::{
    pin::pin,
    sync::{
        Barrier,
        atomic::{AtomicBool, AtomicU32},
    },
    task::{Context, Poll, Waker},
    thread,
};

pub(super) fn disk_settings(dir: &TempDir) -> JournalSettings {
    JournalSettings { durability: Durability::Disk, ..settings(dir) }
}

pub(super) fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// Reserves until there is no room.
fn fill(journal: &Journal) -> (Vec<Room>, Full) {
    let mut rooms = Vec::new();
    loop {
        match journal.reserve() {
            Ok(room) => rooms.push(room),
            Err(full) => return (rooms, full),
        }
    }
}

#[test]
fn on_a_full_disk_every_exchange_that_was_let_in_ends_and_no_other_is_let_in() {
    static IS_FULL: AtomicBool = AtomicBool::new(false);
    let allocate = |_: &File, _| match IS_FULL.load(Ordering::SeqCst) {
        true => Err(io::ErrorKind::StorageFull.into()),
        false => Ok(()),
    };
    let dir = scratch();
    let journal = open_with(Disk { allocate, ..Disk::default() }, settings(&dir)).unwrap();
    IS_FULL.store(true, Ordering::SeqCst);
    let (mut rooms, full) = fill(&journal);
    assert_eq!(full, Full::Disk);
    assert!(journal.status().disk_full && !rooms.is_empty());
    journal.prepare();
    assert!(matches!(journal.reserve(), Err(Full::Disk)));
    let count = u64::try_from(rooms.len()).unwrap();
    for (number, room) in (0..).zip(&mut rooms) {
        room.begin(&begun(number)).unwrap();
    }
    let marks: Vec<Mark> =
        (0..).zip(rooms).map(|(number, room)| room.end(&ended(number))).collect();
    assert!(marks.iter().all(Mark::is_written));
    assert_eq!(numbers(&journal), (0..count).collect::<Vec<_>>());
    // Room comes back by itself when the disk has some.
    IS_FULL.store(false, Ordering::SeqCst);
    journal.prepare();
    assert!(!journal.status().disk_full);
    pass(&journal, count);
    assert_eq!(journal.status().unwritten, 0);
}

#[test]
fn on_a_disk_that_is_full_at_the_start_open_exchanges_still_get_their_ends() {
    let dir = scratch();
    let journal = open(&dir);
    let rooms: Vec<Room> = (0..30).map(|number| begin(&journal, number)).collect();
    drop((rooms, journal));
    // What was allocated is still there: only new files are refused.
    let mut full = settings(&dir);
    full.most_bytes = 1;
    let journal =
        Journal::open(full, |record| record.outcome = Some(Outcome::Interrupted)).unwrap();
    assert_eq!(records(&journal), (0..30).map(interrupted).collect::<Vec<_>>());
}

#[test]
fn at_the_cap_calls_are_refused_until_the_store_has_taken_something() {
    let dir = scratch();
    let capped =
        JournalSettings { most_bytes: 16 << 20, segment_bytes: 16 << 20, ..settings(&dir) };
    let journal = open_with(Disk::default(), capped).unwrap();
    let mut marks = Vec::new();
    let full = loop {
        match journal.reserve() {
            Ok(room) => marks.push(room.end(&ended(1))),
            Err(full) => break full,
        }
        journal.prepare();
    };
    assert_eq!(full, Full::Cap);
    assert!(marks.iter().all(Mark::is_written));
    let status = journal.status();
    assert!(!status.disk_full && status.bytes <= status.most_bytes);
    journal.settle(&marks);
    journal.prepare();
    pass(&journal, 2);
}

#[test]
fn an_end_may_be_far_longer_than_its_beginning() {
    static IS_FULL: AtomicBool = AtomicBool::new(false);
    let allocate = |_: &File, _| match IS_FULL.load(Ordering::SeqCst) {
        true => Err(io::ErrorKind::StorageFull.into()),
        false => Ok(()),
    };
    let dir = scratch();
    let large = JournalSettings { segment_bytes: 1 << 20, ..settings(&dir) };
    let journal = open_with(Disk { allocate, ..Disk::default() }, large).unwrap();
    IS_FULL.store(true, Ordering::SeqCst);
    let (rooms, _full) = fill(&journal);
    let long = Record { tool_names: vec!["t".repeat(60).into(); 1_000], ..ended(1) };
    let marks: Vec<Mark> = rooms.into_iter().take(5).map(|room| room.end(&long)).collect();
    assert!(marks.iter().all(Mark::is_written));
    let read = records(&journal);
    assert!(read.len() == 5 && read.iter().all(|record| *record == long), "{}", read.len());
}

#[test]
fn a_record_beyond_all_measure_is_refused_and_its_end_marked_as_unwritten() {
    let dir = scratch();
    let journal = open(&dir);
    let huge = Record { tool_names: vec!["t".repeat(60).into(); 10_000], ..ended(1) };
    let mut room = journal.reserve().unwrap();
    assert!(room.begin(&huge).is_err());
    let mark = room.end(&huge);
    assert!(!mark.is_written());
    assert_eq!((journal.status().unwritten, journal.status().reserved_bytes), (2, 0));
    assert_eq!(wait(journal.durable(mark.written())), Err(SyncFailed));
    journal.settle(&[mark]);
}

#[test]
fn a_write_that_fails_halfway_is_written_over() {
    static FAILS: AtomicBool = AtomicBool::new(false);
    let write = |file: &File, bytes: &[u8], at| {
        if FAILS.load(Ordering::SeqCst) {
            std::os::unix::fs::FileExt::write_all_at(file, &bytes[..bytes.len() / 2], at)?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        std::os::unix::fs::FileExt::write_all_at(file, bytes, at)
    };
    let dir = scratch();
    let journal = open_with(Disk { write, ..Disk::default() }, settings(&dir)).unwrap();
    let first = begin(&journal, 1);
    let mut refused = journal.reserve().unwrap();
    FAILS.store(true, Ordering::SeqCst);
    assert_eq!(refused.begin(&begun(2)), Err(Full::Disk));
    let lost = first.end(&ended(1));
    assert!(!lost.is_written());
    FAILS.store(false, Ordering::SeqCst);
    let last = pass(&journal, 3);
    assert_eq!(records(&journal), [ended(3)]);
    journal.settle(&[last]);
    assert_eq!(records(&open(&killed(&dir))), [ended(3), interrupted(1)]);
    // The store has got it from whoever had it.
    journal.settle(&[lost]);
    drop((refused, journal));
    assert!(records(&open(&dir)).is_empty());
}

#[test]
fn what_is_durable_has_been_synced_and_all_who_wait_share_a_sync() {
    static SYNCS: AtomicU32 = AtomicU32::new(0);
    let sync = |file: &File| {
        SYNCS.fetch_add(1, Ordering::SeqCst);
        thread::park_timeout(Duration::from_millis(20));
        file.sync_data()
    };
    let dir = scratch();
    let journal = open_with(Disk { sync, ..Disk::default() }, disk_settings(&dir)).unwrap();
    let before = SYNCS.load(Ordering::SeqCst);
    let ready = Barrier::new(16);
    thread::scope(|scope| {
        for number in 0..16 {
            let (journal, ready) = (&journal, &ready);
            scope.spawn(move || {
                ready.wait();
                let mut room = journal.reserve().unwrap();
                wait(journal.durable(room.begin(&begun(number)).unwrap())).unwrap();
                wait(journal.durable(room.end(&ended(number)).written())).unwrap();
            });
        }
    });
    let syncs = SYNCS.load(Ordering::SeqCst) - before;
    assert!((2..=24).contains(&syncs), "{syncs}");
}

#[test]
fn a_process_waits_for_no_disk_but_the_disk_follows_soon() {
    static SYNCS: AtomicU32 = AtomicU32::new(0);
    let sync = |_: &File| {
        SYNCS.fetch_add(1, Ordering::SeqCst);
        Ok(())
    };
    let dir = scratch();
    let journal = open_with(Disk { sync, ..Disk::default() }, settings(&dir)).unwrap();
    let before = SYNCS.load(Ordering::SeqCst);
    let written = pass(&journal, 1).written();
    let durable = pin!(journal.durable(written));
    assert_eq!(durable.poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(Ok(())));
    until(|| SYNCS.load(Ordering::SeqCst) > before);
}

#[test]
fn a_sync_that_fails_condemns_what_waited_for_it_and_nothing_later() {
    static FAILS: AtomicBool = AtomicBool::new(false);
    let sync = |_: &File| match FAILS.load(Ordering::SeqCst) {
        true => Err(io::Error::other("the disk is on fire")),
        false => Ok(()),
    };
    let dir = scratch();
    let journal = open_with(Disk { sync, ..Disk::default() }, disk_settings(&dir)).unwrap();
    wait(journal.durable(pass(&journal, 1).written())).unwrap();
    FAILS.store(true, Ordering::SeqCst);
    let written = pass(&journal, 2).written();
    assert_eq!(wait(journal.durable(written)), Err(SyncFailed));
    FAILS.store(false, Ordering::SeqCst);
    wait(journal.durable(pass(&journal, 3).written())).unwrap();
    assert_eq!(wait(journal.durable(written)), Err(SyncFailed));
    // A beginning and an end, synced together or not.
    assert!((1..=2).contains(&journal.status().sync_failures));
}
