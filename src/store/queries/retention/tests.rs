//! What retention removes, and that what remains still verifies, on both databases.

use super::{
    super::{
        super::{AnonymousCount, testing::on_both_databases},
        ScanRange, SumsGroup, SumsQuery, SumsWidth,
        tests::{DAY_MS, HOUR_MS, at, put_aside, record, write},
    },
    *,
};
use crate::ledger::{Scope, Signer, Verdict, Verifier};

on_both_databases!(
    what_is_too_old_goes_and_the_rest_still_verifies,
    nothing_goes_when_nothing_is_too_old,
    a_chain_that_ended_long_ago_goes_whole,
    the_oldest_go_when_there_is_too_much,
    sums_and_counts_go_with_the_records,
);

fn signer() -> Signer {
    Signer::generate().unwrap().0
}

/// Sweeps until nothing is left to do.
fn sweep(store: &Store, retention: &Retention, signer: &Signer, now: UnixMillis) -> Vec<Swept> {
    let sign = |node: &str, head| signer.sign(node, head, CheckpointKind::Retention, now);
    let mut done = Vec::new();
    loop {
        done.push(store.sweep(retention, &sign, now).unwrap());
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
    assert_eq!(swept, [Swept::default()]);
}

fn nothing_goes_when_nothing_is_too_old(store: &Store) {
    a_month(store);
    let signer = signer();
    for retention in [Retention::default(), before(-DAY_MS)] {
        assert_eq!(sweep(store, &retention, &signer, at(30 * DAY_MS)), [Swept::default()]);
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
    assert_eq!(sweep(store, &most(1 << 40), &signer, now), [Swept::default()]);
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
            group: Some(SumsGroup::Time),
            agent: None,
            model: None,
            app_context: None,
            endpoint: None,
        };
        store.sums(&query).unwrap().len()
    };
    assert_eq!((days(SumsWidth::Day), days(SumsWidth::Minute)), (20, 3));
}
