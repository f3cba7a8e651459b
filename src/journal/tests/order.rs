//! Many threads at once.

use super::*;
use std::thread;

#[test]
fn what_many_threads_write_is_all_there_each_threads_own_in_its_order() {
    let dir = scratch();
    let journal = open(&dir);
    thread::scope(|scope| {
        for thread in 0..4 {
            let journal = &journal;
            scope.spawn(move || {
                for number in 0..200 {
                    let mark = pass(journal, thread * 1_000 + number);
                    if number % 2 == 0 {
                        journal.settle(&[mark]);
                    }
                }
            });
        }
        let journal = &journal;
        scope.spawn(move || {
            for _ in 0..20 {
                journal.prepare();
                let chunk = journal.read(Place::START, usize::MAX).unwrap();
                assert!(chunk.records.iter().all(|(record, _)| *record == ended(number(record))));
            }
        });
    });
    let read = numbers(&journal);
    for thread in 0..4 {
        let own: Vec<u64> =
            read.iter().copied().filter(|number| number / 1_000 == thread).collect();
        let kept = own.iter().filter(|number| *number % 2 == 1).count();
        assert!(own.is_sorted() && kept == 100, "{own:?}");
    }
    let status = journal.status();
    assert_eq!((status.unsettled, status.open, status.reserved_bytes), (400, 0, 0));
}

#[test]
fn a_reader_follows_writers_and_settles_while_files_vanish() {
    let dir = scratch();
    let journal = open(&dir);
    let wanted = 600;
    let read = thread::scope(|scope| {
        for thread in 0..2 {
            let journal = &journal;
            scope.spawn(move || pass_all(journal, thread * 300..(thread + 1) * 300));
        }
        let (mut place, mut read) = (Place::START, Vec::new());
        while read.len() < wanted {
            let chunk = journal.read(place, 7).unwrap();
            let marks: Vec<Mark> = chunk.records.iter().map(|(_, mark)| *mark).collect();
            journal.settle(&marks);
            read.extend(chunk.records.iter().map(|(record, _)| number(record)));
            place = chunk.next;
            journal.prepare();
        }
        read
    });
    let mut each = read;
    each.sort_unstable();
    assert_eq!(each, (0..600).collect::<Vec<_>>());
    assert!(journal.status().segments <= 1);
}
