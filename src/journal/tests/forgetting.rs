//! What is settled is not read again, and its place on the disk is used again.

use super::{
    disks::{disk_settings, wait},
    *,
};
use std::{
    os::fd::AsRawFd,
    sync::atomic::{AtomicBool, AtomicU32},
};

const LARGE: u64 = 1 << 20;

fn large(dir: &TempDir) -> JournalSettings {
    JournalSettings { segment_bytes: LARGE, ..settings(dir) }
}

/// The files of a journal, spare ones too.
fn files_beside(file: &File) -> usize {
    let path = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).unwrap();
    let names = fs::read_dir(path.parent().unwrap()).unwrap();
    names.filter(|name| name.as_ref().unwrap().file_name() != "lock").count()
}

/// A disk with room for one file.
fn tiny() -> Disk {
    let allocate = |file: &File, _| match files_beside(file) {
        0..=1 => Ok(()),
        _ => Err(io::ErrorKind::StorageFull.into()),
    };
    Disk { allocate, ..Disk::default() }
}

#[test]
fn what_was_settled_before_a_clean_stop_is_not_read_again() {
    let dir = scratch();
    let journal = open(&dir);
    journal.settle(&pass_all(&journal, 0..3));
    drop(journal);
    assert!(segment_files(&dir).is_empty());
    let journal = open(&dir);
    assert!(records(&journal).is_empty());
    let mark = pass(&journal, 3);
    assert_eq!(records(&journal), [ended(3)]);
    journal.settle(&[mark]);
}

#[test]
fn what_was_settled_before_a_rest_is_not_read_again_although_the_process_is_killed() {
    let dir = scratch();
    let journal = open(&dir);
    let mut before = 0;
    for number in 0..3 {
        let mark = pass(&journal, number);
        assert!(mark.number() > before);
        before = mark.number();
        journal.settle(&[mark]);
        journal.rest();
        journal.rest();
        assert_eq!(journal.status().segments, 0);
        assert!(records(&open(&killed(&dir))).is_empty());
    }
    let kept = pass(&journal, 3);
    assert_eq!(number(&journal.read(Place::START, 9).unwrap().records[0].0), 3);
    assert_eq!(records(&open(&killed(&dir))), [ended(3)]);
    assert_eq!(journal.status().reserved_bytes, 0);
    journal.settle(&[kept, kept]);
}

#[test]
fn a_rest_forgets_nothing_that_is_open_or_that_the_store_does_not_have() {
    let dir = scratch();
    let journal = open(&dir);
    let open_one = begin(&journal, 1);
    let settled = pass(&journal, 2);
    journal.settle(&[settled]);
    journal.rest();
    assert!(records(&open(&killed(&dir))).ends_with(&[interrupted(1)]));
    let mark = open_one.end(&ended(1));
    journal.rest();
    assert!(records(&open(&killed(&dir))).ends_with(&[ended(1)]));
    journal.settle(&[mark]);
    journal.rest();
    assert!(records(&open(&killed(&dir))).is_empty());
}

#[test]
fn a_rest_leaves_its_place_to_every_exchange_that_reserved_one() {
    static IS_FULL: AtomicBool = AtomicBool::new(false);
    let allocate = |file: &File, bytes| match IS_FULL.load(Ordering::SeqCst) {
        true => Err(io::ErrorKind::StorageFull.into()),
        false => (tiny().allocate)(file, bytes),
    };
    let dir = scratch();
    let journal = open_with(Disk { allocate, ..Disk::default() }, large(&dir)).unwrap();
    IS_FULL.store(true, Ordering::SeqCst);
    journal.settle(&[pass(&journal, 0)]);
    let mut rooms: Vec<Room> = std::iter::from_fn(|| journal.reserve().ok()).collect();
    assert!(!rooms.is_empty());
    journal.rest();
    journal.prepare();
    for (number, room) in (1..).zip(&mut rooms) {
        room.begin(&begun(number)).unwrap();
    }
    let long = Record { tool_names: vec!["t".repeat(60).into(); 1_000], ..ended(1) };
    let marks: Vec<Mark> = rooms.into_iter().take(5).map(|room| room.end(&long)).collect();
    assert!(marks.iter().all(Mark::is_written));
}

#[test]
fn a_segment_that_is_settled_and_half_full_goes_without_being_asked_to() {
    let dir = scratch();
    let journal = open_with(Disk::default(), large(&dir)).unwrap();
    let first = pass(&journal, 0);
    journal.settle(&[first]);
    journal.prepare();
    assert_eq!(journal.status().segments, 1, "it is hardly begun");
    let long = Record { tool_names: vec!["t".repeat(60).into(); 1_000], ..ended(1) };
    while journal.status().bytes <= LARGE / 2 {
        let mark = journal.reserve().unwrap().end(&long);
        journal.settle(&[mark]);
    }
    until(|| journal.status().segments == 0);
    assert!(records(&open(&killed(&dir))).is_empty());
    assert_eq!(journal.status().reserved_bytes, 0);
    pass(&journal, 2);
}

#[test]
fn on_a_full_disk_calls_go_on_in_the_place_of_what_the_store_has() {
    let dir = scratch();
    let journal = open_with(tiny(), large(&dir)).unwrap();
    let mut first_file = None;
    for number in 0..3_000 {
        until(|| journal.reserve().is_ok());
        let mark = pass(&journal, number);
        assert!(mark.is_written());
        first_file.get_or_insert(mark.after().segment);
        journal.settle(&[mark]);
    }
    let last = pass(&journal, 3_000);
    assert!(last.after().segment > first_file.unwrap() + 1);
    let status = journal.status();
    assert_eq!((status.segments, status.unsettled, status.reserved_bytes), (1, 1, 0));
    assert!(records(&open(&killed(&dir))).ends_with(&[ended(3_000)]));
}

#[test]
fn who_waits_for_the_disk_does_not_wait_for_a_file_that_has_gone() {
    static HANGS: AtomicBool = AtomicBool::new(true);
    let sync = |_: &File| {
        until(|| !HANGS.load(Ordering::SeqCst));
        Ok(())
    };
    let dir = scratch();
    let journal = open_with(Disk { sync, ..Disk::default() }, disk_settings(&dir)).unwrap();
    let first = pass(&journal, 1);
    let second = pass(&journal, 2);
    journal.settle(&[first, second]);
    journal.rest();
    assert_eq!(journal.status().segments, 0);
    HANGS.store(false, Ordering::SeqCst);
    wait(journal.durable(first.written())).unwrap();
    wait(journal.durable(second.written())).unwrap();
}

#[test]
fn the_journal_sees_to_room_by_itself_and_is_silent_when_it_has_it() {
    static IS_FULL: AtomicBool = AtomicBool::new(false);
    static ASKED: AtomicU32 = AtomicU32::new(0);
    let allocate = |_: &File, _| {
        ASKED.fetch_add(1, Ordering::SeqCst);
        match IS_FULL.load(Ordering::SeqCst) {
            true => Err(io::ErrorKind::StorageFull.into()),
            false => Ok(()),
        }
    };
    let dir = scratch();
    let journal = open_with(Disk { allocate, ..Disk::default() }, settings(&dir)).unwrap();
    IS_FULL.store(true, Ordering::SeqCst);
    let rooms: Vec<Room> = std::iter::from_fn(|| journal.reserve().ok()).collect();
    let asked = ASKED.load(Ordering::SeqCst);
    until(|| ASKED.load(Ordering::SeqCst) > asked + 2);
    IS_FULL.store(false, Ordering::SeqCst);
    until(|| !journal.status().disk_full);
    let more: Vec<Room> = (0..50).map(|_| journal.reserve().unwrap()).collect();
    drop((rooms, more));
    until(|| {
        let asked = ASKED.load(Ordering::SeqCst);
        std::thread::park_timeout(Duration::from_millis(200));
        asked == ASKED.load(Ordering::SeqCst)
    });
}
