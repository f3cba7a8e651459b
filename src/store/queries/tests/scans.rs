//! What becomes of rows that are set aside, or that nobody can read.

use super::*;

on_both_databases!(
    a_scan_sees_what_was_set_aside_in_its_place_and_names_what_cannot_be_read,
    pages_pass_over_what_cannot_be_read_and_name_it,
);

fn a_scan_sees_what_was_set_aside_in_its_place_and_names_what_cannot_be_read(store: &Store) {
    let records: Vec<_> = (0..5_000).map(record).collect();
    for (number, batch) in (0..).zip(records.chunks(1_000)) {
        write(store, number * HOUR_MS, batch.iter().cloned());
    }
    let other = Record { node: "node-2".into(), ..record(0) };
    write(store, 9 * HOUR_MS, [other.clone()]);
    let wanted = ids(&records);
    for number in [0, 1_999, 2_000, 2_001, 4_999] {
        put_aside(store, wanted[number]);
    }
    let scan = |range: ScanRange| {
        let mut range = range;
        let (mut records, mut unreadable) = (Vec::new(), Vec::new());
        while let Some(batch) = store.scan_batch(&range).unwrap() {
            records.extend(batch.records);
            unreadable.extend(batch.unreadable);
            range.after = Some(batch.end);
        }
        (ids(&records), unreadable)
    };
    let of_node = |node: &str| ScanRange { node: Some(node.to_owned()), ..ScanRange::default() };
    assert_eq!(scan(of_node("node-1")), (wanted.clone(), Vec::new()));
    assert_eq!(scan(of_node("node-2")), (vec![other.id], Vec::new()));
    let hours = |from, to| ScanRange {
        from: Some(at(from * HOUR_MS)),
        to: Some(at(to * HOUR_MS)),
        ..ScanRange::default()
    };
    assert_eq!(scan(hours(1, 3)).0, wanted[1_000..3_000]);
    assert_eq!(scan(hours(20, 21)).0, []);
    let behind = ScanRange { after: store.place(wanted[1_999]).unwrap(), ..of_node("node-1") };
    assert_eq!(scan(behind).0, wanted[2_000..]);

    for (number, change) in [(10, "outcome = 'fine'"), (20, "status_code = -7")] {
        let sql = format!("UPDATE audit_records SET {change} WHERE id = '{}'", wanted[number]);
        store.record.run(|connection| Ok(connection.batch_execute(&sql)?)).unwrap();
    }
    let (found, unreadable) = scan(of_node("node-1"));
    assert_eq!(found.len(), wanted.len() - 2);
    let row = |number: usize| Unreadable {
        id: wanted[number].to_string(),
        node: "node-1".to_owned(),
        seq: i64::try_from(number).unwrap() + 1,
    };
    assert_eq!(unreadable, [row(10), row(20)]);
}

fn pages_pass_over_what_cannot_be_read_and_name_it(store: &Store) {
    let ssn = || finding("PII_SSN", Severity::High, 1);
    let records: Vec<_> =
        (0..40).map(|_| Record { findings: vec![ssn()], ..of("ant", 0, 1) }).collect();
    write(store, 0, records.iter().cloned());
    // Late ones are read in a phase of their own.
    write(store, 9 * HOUR_MS, (0..10).map(|_| record(0)));
    let change =
        "UPDATE audit_records SET outcome = 'x' WHERE seq IN (1, 2, 10, 11, 12, 40, 41, 45)";
    store.record.run(|connection| Ok(connection.batch_execute(change)?)).unwrap();
    let all = RecordQuery::default();
    let queries = [
        (all.clone(), 42),
        (RecordQuery { to: Some(at(HOUR_MS)), ..all.clone() }, 42),
        (RecordQuery { agent: Some("ant".to_owned()), ..all.clone() }, 34),
        (RecordQuery { finding: Some("PII_SSN".to_owned()), ..all.clone() }, 34),
        (
            RecordQuery { agent: Some("ant".to_owned()), model: Some("gpt-4o".to_owned()), ..all },
            34,
        ),
    ];
    for (query, readable) in queries {
        for (limit, newest_first) in [(1, false), (2, true), (7, false), (100, true)] {
            let query = RecordQuery { limit, newest_first, ..query.clone() };
            let (seen, _) = all_pages(query.clone(), |query| store.records(query).unwrap());
            let mut ids = ids(&seen);
            ids.sort();
            ids.dedup();
            assert_eq!((seen.len(), ids.len()), (readable, readable), "{query:?}");
        }
    }
    for (limit, named) in [(7, vec![1, 2]), (8, vec![1, 2, 10, 11, 12])] {
        let query = RecordQuery { limit, ..RecordQuery::default() };
        let filters = store.filters(&query).unwrap();
        // With all the time it needs: a page whose time is over ends elsewhere.
        let page = store.record.look(|connection| {
            pages::page_within(connection, &query, &filters, Duration::from_secs(60), 500)
        });
        let page = page.unwrap();
        assert_eq!(page.unreadable.iter().map(|row| row.seq).collect::<Vec<_>>(), named);
    }
}
