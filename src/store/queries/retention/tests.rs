//! What retention removes, and that what remains still verifies, on both databases.

use super::{
    super::{
        super::{AnonymousCount, testing::on_both_databases},
        ScanRange, SumsGroup, SumsQuery, SumsWidth,
        tests::{DAY_MS, HOUR_MS, at, put_aside, record, write},
    },
    *,
};
use crate::{
    ledger::{CheckpointKind, Scope, Signer, TrustedKeys, Verdict, Verifier},
    types::Record,
};
use diesel::connection::SimpleConnection as _;

on_both_databases!(
    what_is_too_old_goes_and_the_rest_still_verifies,
    nothing_goes_when_nothing_is_too_old,
    a_chain_that_ended_long_ago_goes_whole,
    the_oldest_go_when_there_is_too_much,
    sums_and_counts_go_with_the_records,
    no_sum_goes_while_a_writer_adds_to_it,
    what_was_changed_does_not_go,
    young_records_in_old_places_do_not_go,
    a_forged_checkpoint_excuses_nothing,
    each_gateway_signs_for_its_own_chain_until_it_is_silent_for_a_day,
    a_week_that_cannot_be_locked_goes_later,
);

fn signer() -> Signer {
    Signer::generate().unwrap().0
}

/// Both gateways sweep in turn, until they find nothing to do.
fn sweep(store: &Store, retention: &Retention, signer: &Signer, now: UnixMillis) -> Vec<Swept> {
    let mut done = Vec::new();
    loop {
        let before = done.len();
        for node in ["node-1", "node-2"] {
            let swept = sweep_as(node, store, retention, signer, now);
            done.extend(swept.into_iter().filter(|swept| *swept != Swept::default()));
        }
        if done.len() == before || done.iter().any(|swept| !swept.refused.is_empty()) {
            return done;
        }
    }
}

/// Sweeps until nothing is left to do for this gateway.
fn sweep_as(
    node: &str,
    store: &Store,
    retention: &Retention,
    signer: &Signer,
    now: UnixMillis,
) -> Vec<Swept> {
    let trusted: TrustedKeys = [signer.public_key()].into_iter().collect();
    let sealer = Sealer {
        node,
        sign: &|node, head| signer.sign(node, head, CheckpointKind::Retention, now),
        trusts: &|checkpoint| trusted.check(checkpoint).is_ok(),
    };
    let mut done = Vec::new();
    loop {
        done.push(store.sweep(retention, &sealer, now).unwrap());
        if !done.last().unwrap().more {
            return done;
        }
        assert!(done.len() < 100, "it must come to an end");
    }
}

fn before(millis: i64) -> Retention {
    Retention { before: Some(at(millis)), most_bytes: None }
}

/// All that is there, as the whole of its chains.
fn verdict(store: &Store, signer: &Signer) -> Verdict {
    let keys = [signer.public_key()].into_iter().collect();
    let checkpoints = store.checkpoints(None, None, 10_000).unwrap();
    let mut verifier = Verifier::new(keys, checkpoints, Scope::Whole);
    let mut range = ScanRange::default();
    while let Some(batch) = store.scan_batch(&range).unwrap() {
        batch.records.iter().for_each(|record| verifier.feed(record));
        range.after = Some(batch.end);
    }
    verifier.finish()
}

fn of(node: &str, millis: i64) -> Record {
    Record { node: node.into(), ..record(millis) }
}

/// 200 records a day for thirty days, of two gateways in turn.
fn a_month(store: &Store) {
    for day in 0..30 {
        let nodes = ["node-1", "node-2"].into_iter().cycle();
        let records = nodes.take(200).map(|node| of(node, day * DAY_MS));
        write(store, day * DAY_MS, records);
    }
}

fn what_is_too_old_goes_and_the_rest_still_verifies(store: &Store) {
    a_month(store);
    let first = store.scan_batch(&ScanRange::default()).unwrap().unwrap().records;
    // The last that goes of one chain, and one that stays.
    put_aside(store, first[1_999].id);
    let later = ScanRange { from: Some(at(12 * DAY_MS)), ..ScanRange::default() };
    put_aside(store, store.scan_batch(&later).unwrap().unwrap().records[0].id);
    let signer = signer();
    let now = at(30 * DAY_MS);

    let swept = sweep(store, &before(10 * DAY_MS), &signer, now);
    assert_eq!(swept.iter().map(|swept| swept.records).sum::<u64>(), 2_000);
    let weeks = swept.iter().map(|swept| swept.partitions).sum::<u64>();
    assert_eq!(weeks, if store.backend() == "postgres" { 1 } else { 0 });
    let sealed: Vec<_> = swept.iter().flat_map(|swept| &swept.checkpoints).collect();
    assert!(sealed.iter().any(|sealed| (&*sealed.node, sealed.seq) == ("node-2", 1_000)));

    let verdict = verdict(store, &signer);
    assert_eq!((verdict.problems, verdict.records), (Vec::new(), 4_000));
    assert_eq!(verdict.nodes.iter().map(|node| node.first_seq).collect::<Vec<_>>(), [1_001; 2]);
    assert_eq!(store.record(first[0].id).unwrap(), None);
    assert_eq!(store.record(first[1_999].id).unwrap(), None);
    assert_eq!(store.set_aside(10, 0).unwrap().len(), 1);

    let swept = sweep(store, &before(10 * DAY_MS), &signer, now);
    assert_eq!(swept, []);
}

fn nothing_goes_when_nothing_is_too_old(store: &Store) {
    a_month(store);
    let signer = signer();
    for retention in [Retention::default(), before(-DAY_MS)] {
        assert_eq!(sweep(store, &retention, &signer, at(30 * DAY_MS)), []);
    }
    assert_eq!(verdict(store, &signer).records, 6_000);
}

fn a_chain_that_ended_long_ago_goes_whole(store: &Store) {
    write(store, 0, (0..12_000).map(|_| of("node-old", 0)));
    write(store, DAY_MS, (0..3).map(|_| of("node-1", DAY_MS)));
    let signer = signer();
    let swept = sweep(store, &before(DAY_MS), &signer, at(2 * DAY_MS));
    assert_eq!(swept.iter().map(|swept| swept.records).collect::<Vec<_>>(), [5_000, 5_000, 2_000]);
    let last = swept.last().unwrap();
    assert_eq!((&*last.checkpoints[0].node, last.checkpoints[0].seq), ("node-old", 12_000));
    let verdict = verdict(store, &signer);
    assert_eq!((verdict.problems, verdict.records), (Vec::new(), 3));
    write(store, 3 * DAY_MS, [of("node-old", 3 * DAY_MS)]);
    assert_eq!(self::verdict(store, &signer).problems, Vec::new());
}

fn the_oldest_go_when_there_is_too_much(store: &Store) {
    a_month(store);
    let signer = signer();
    // The last record is an hour old; on Postgres the week of day 28 is still written to.
    let now = at(29 * DAY_MS + HOUR_MS);
    let most = |most_bytes| Retention { before: None, most_bytes: Some(most_bytes) };
    assert_eq!(sweep(store, &most(1 << 40), &signer, now), []);
    let swept = sweep(store, &most(1_000), &signer, now);
    let gone = swept.iter().map(|swept| swept.records).sum::<u64>();
    let verdict = verdict(store, &signer);
    assert_eq!((verdict.problems, verdict.records), (Vec::new(), 6_000 - gone));
    assert_eq!(gone, if store.backend() == "postgres" { 28 * 200 } else { 29 * 200 });
}

fn sums_and_counts_go_with_the_records(store: &Store) {
    a_month(store);
    let counted = |millis| AnonymousCount {
        address: "::1".to_owned(),
        minute: at(millis),
        code: "invalid_agent_token".to_owned(),
        count: 1,
    };
    store.count_anonymous(&[counted(0), counted(20 * DAY_MS)]).unwrap();
    sweep(store, &before(10 * DAY_MS), &signer(), at(29 * DAY_MS));
    assert_eq!(store.anonymous_counts(at(0)).unwrap(), [counted(20 * DAY_MS)]);
    let days = |width| {
        let query = SumsQuery {
            from: at(0),
            to: at(30 * DAY_MS),
            width,
            every: 1,
            group: SumsGroup::Time,
            agent: None,
            model: None,
            app_context: None,
            endpoint: None,
        };
        store.sums(&query).unwrap().sums.len()
    };
    assert_eq!((days(SumsWidth::Day), days(SumsWidth::Minute)), (20, 3));
}

fn no_sum_goes_while_a_writer_adds_to_it(store: &Store) {
    write(store, 0, [record(0)]);
    let sweep_sums = || {
        let sweep = |connection: &mut AnyConnection| sums(connection, None, at(3 * DAY_MS));
        store.record.write(None, sweep).unwrap()
    };
    std::thread::scope(|scope| {
        let sweep = store.record.write(None, |connection| {
            lock_order(connection)?;
            let sweep = scope.spawn(sweep_sums);
            std::thread::park_timeout(std::time::Duration::from_millis(300));
            assert!(!sweep.is_finished(), "it waits");
            Ok(sweep)
        });
        assert!(!sweep.unwrap().join().unwrap(), "that was all");
    });
}

fn sql(store: &Store, sql: &str) {
    store.record.run(|connection| Ok(connection.batch_execute(sql)?)).unwrap();
}

/// Two days of ten records each, and more three days later.
fn few(store: &Store) {
    for day in [0, 1, 4] {
        write(store, day * DAY_MS, (0..10).map(|_| record(day * DAY_MS)));
    }
}

/// Nothing goes, for this reason; afterwards the records are all there.
fn is_refused(store: &Store, seq: i64, why: Why) {
    let signer = signer();
    let count = || verdict(store, &signer).records;
    let before_it = count();
    for _ in 0..2 {
        let swept = sweep_as("node-1", store, &before(2 * DAY_MS), &signer, at(5 * DAY_MS));
        let refused = Refused { node: "node-1".to_owned(), seq, why };
        assert_eq!(swept, [Swept { refused: vec![refused], ..Swept::default() }]);
    }
    assert_eq!(count(), before_it);
    assert_eq!(store.checkpoints(None, None, 9).unwrap().len(), 0);
}

fn what_was_changed_does_not_go(store: &Store) {
    few(store);
    let all = store.scan_batch(&ScanRange::default()).unwrap().unwrap().records;
    let change = |change: &str, back: &str, seq: usize, why| {
        let of = |change| format!("UPDATE audit_records SET {change} WHERE seq = {seq}");
        sql(store, &of(change));
        is_refused(store, i64::try_from(seq).unwrap(), why);
        sql(store, &of(back));
    };
    change("target = 'x'", "target = ''", 20, Why::Altered);
    change("outcome = 'x'", "outcome = NULL", 7, Why::Altered);
    let hash = all[4].previous_hash.as_deref().unwrap();
    let bytes = |hash: &str| match store.backend() {
        "postgres" => format!("previous_hash = decode('{hash}', 'hex')"),
        _ => format!("previous_hash = x'{hash}'"),
    };
    change(&bytes(&"00".repeat(32)), &bytes(hash), 5, Why::Altered);
    // The last that goes, as a copy with all before it gone.
    put_aside(store, all[19].id);
    sql(store, "DELETE FROM audit_records WHERE seq < 20");
    is_refused(store, 20, Why::NotNext);
}

fn young_records_in_old_places_do_not_go(store: &Store) {
    few(store);
    let end = store.place(store.records(&Default::default()).unwrap().events[0].id).unwrap();
    let first = end.unwrap().position();
    sql(store, &format!("UPDATE audit_records SET position = {first} + seq WHERE seq > 20"));
    // Moved before those of the second day.
    is_refused(store, 21, Why::NotNext);
    sql(store, &format!("UPDATE audit_records SET position = {first} + seq WHERE seq > 10"));
    is_refused(store, 21, Why::TooYoung);
}

fn a_forged_checkpoint_excuses_nothing(store: &Store) {
    few(store);
    let all = store.scan_batch(&ScanRange::default()).unwrap().unwrap().records;
    let head = |seq: usize| Head {
        seq: i64::try_from(seq).unwrap(),
        event_hash: crate::ledger::parse_hash(all[seq - 1].event_hash.as_deref().unwrap()).unwrap(),
    };
    let forger = signer();
    let forged = |seq| forger.sign("node-1", head(seq), CheckpointKind::Retention, at(0));
    let signer = signer();
    let swept = |why, seq| {
        let swept = sweep(store, &before(2 * DAY_MS), &signer, at(5 * DAY_MS));
        assert_eq!(swept[0].refused, [Refused { node: "node-1".to_owned(), seq, why }]);
        assert_eq!((swept.len(), swept[0].records, swept[0].checkpoints.len()), (1, 0, 0));
    };
    // In the place of the one that would be signed.
    store.insert_checkpoint(&forged(20)).unwrap();
    swept(Why::Taken, 20);
    sql(store, "DELETE FROM audit_checkpoints");
    store.insert_checkpoint(&forged(5)).unwrap();
    sql(store, "DELETE FROM audit_records WHERE seq <= 5");
    swept(Why::NotNext, 6);
}

fn each_gateway_signs_for_its_own_chain_until_it_is_silent_for_a_day(store: &Store) {
    for day in [0, 1, 20] {
        let records = ["node-1", "node-2"].into_iter().cycle().take(20);
        write(store, day * DAY_MS, records.map(|node| of(node, day * DAY_MS)));
    }
    let signer = signer();
    let now = at(20 * DAY_MS + HOUR_MS);
    let is_postgres = store.backend() == "postgres";
    let gone = |swept: &[Swept]| swept.iter().map(|swept| swept.records).sum::<u64>();
    let nodes = |swept: &[Swept]| -> Vec<(String, i64)> {
        let signed = swept.iter().flat_map(|swept| &swept.checkpoints);
        signed.map(|signed| (signed.node.clone(), signed.seq)).collect()
    };
    // A week with something in it that is not signed for stays whole.
    let swept = sweep_as("node-1", store, &before(10 * DAY_MS), &signer, now);
    assert_eq!(nodes(&swept), [("node-1".to_owned(), 20)]);
    assert_eq!(gone(&swept), if is_postgres { 0 } else { 20 });
    assert_eq!(verdict(store, &signer).problems, Vec::new());
    let again = sweep_as("node-1", store, &before(10 * DAY_MS), &signer, now);
    assert_eq!(again, [Swept::default()]);
    let swept = sweep_as("node-2", store, &before(10 * DAY_MS), &signer, now);
    assert_eq!(nodes(&swept), [("node-2".to_owned(), 20)]);
    assert_eq!(gone(&swept), if is_postgres { 40 } else { 20 });
    assert_eq!(verdict(store, &signer).problems, Vec::new());
    // Nobody has written for a day.
    let now = at(40 * DAY_MS);
    let swept = sweep_as("node-3", store, &before(30 * DAY_MS), &signer, now);
    assert_eq!(nodes(&swept), [("node-1".to_owned(), 30), ("node-2".to_owned(), 30)]);
    assert_eq!((gone(&swept), verdict(store, &signer).records), (20, 0));
}

fn a_week_that_cannot_be_locked_goes_later(store: &Store) {
    if store.backend() != "postgres" {
        return;
    }
    few(store);
    let signer = signer();
    let now = at(30 * DAY_MS);
    let trusted: TrustedKeys = [signer.public_key()].into_iter().collect();
    let sealer = Sealer {
        node: "node-1",
        sign: &|node, head| signer.sign(node, head, CheckpointKind::Retention, now),
        trusts: &|checkpoint| trusted.check(checkpoint).is_ok(),
    };
    let began = std::time::Instant::now();
    let failed = store.record.look(|connection| {
        connection.batch_execute("SELECT count(*) FROM audit_records")?;
        Ok(store.sweep(&before(20 * DAY_MS), &sealer, now))
    });
    assert!(failed.unwrap().is_err());
    assert!(began.elapsed() < std::time::Duration::from_secs(9));
    assert_eq!(verdict(store, &signer).problems, Vec::new());
    let swept = sweep(store, &before(20 * DAY_MS), &signer, now);
    assert_eq!((swept[0].records, swept[0].partitions, swept[0].checkpoints.len()), (30, 1, 0));
}
