//! Where a chain may begin and end, and whose word counts for it.

use super::{super::super::testing::sign, *};
use crate::types::UnixMillis;

fn retention(record: &Record) -> Checkpoint {
    sign(&SIGNER, record, CheckpointKind::Retention)
}

#[test]
fn what_retention_removed_is_not_missing() {
    let records = chain("node-1", 9);
    let signed = || [checkpoints(&records, &[3, 9]), vec![retention(&records[4])]].concat();
    assert!(verdict(&records[5..], signed(), Scope::Whole).is_sound());
    assert!(verdict(&records, signed(), Scope::Whole).is_sound());
    assert!(verdict(&records[2..], signed(), Scope::Whole).is_sound());
    let removed_more = verdict(&records[6..], signed(), Scope::Whole);
    assert_eq!(found(&removed_more), [(Some(7), ProblemKind::BeginningMissing)]);
    let all_gone = verdict(&[], vec![retention(&records[8])], Scope::Whole);
    assert!(all_gone.is_sound() && all_gone.nodes.is_empty());
    let more_gone = verdict(&[], signed(), Scope::Whole);
    assert_eq!(found(&more_gone), [(None, ProblemKind::Truncated { from: 6, to: 9 })]);
}

#[test]
fn retention_excuses_nothing_that_is_missing_behind_a_record() {
    let records = chain("node-1", 9);
    let signed = || vec![retention(&records[6])];
    let gap = [&records[1..3], &records[4..]].concat();
    let missing = (Some(5), ProblemKind::Missing { from: 4, to: 4 });
    assert_eq!(found(&verdict(&gap, signed(), Scope::Whole)), [missing]);
    let only_old_left = verdict(&records[..2], signed(), Scope::Whole);
    assert_eq!(found(&only_old_left), [(None, ProblemKind::Truncated { from: 3, to: 7 })]);
}

#[test]
fn what_retention_has_not_removed_yet_may_not_be_altered() {
    let mut records = chain("node-1", 9);
    let signed = vec![retention(&records[4])];
    records[2].target = "/x".into();
    let head = testing::head_at(&records[1]);
    rehash(&mut records[2..], head);
    let seen = verdict(&records[2..], signed, Scope::Whole);
    assert_eq!(found(&seen), [(Some(5), ProblemKind::CheckpointDiffers)]);
}

#[test]
fn a_regular_checkpoint_does_not_excuse_a_missing_beginning() {
    let records = chain("node-1", 6);
    let verdict = verdict(&records[3..], checkpoints(&records, &[3, 6]), Scope::Whole);
    assert_eq!(found(&verdict), [(Some(4), ProblemKind::BeginningMissing)]);
}

#[test]
fn a_retention_checkpoint_and_a_regular_one_may_say_the_same() {
    let records = chain("node-1", 6);
    for signed in [
        vec![retention(&records[2]), checkpoint(&SIGNER, &records[2])],
        vec![checkpoint(&SIGNER, &records[2]), retention(&records[2]), retention(&records[2])],
    ] {
        assert!(verdict(&records[3..], signed, Scope::Whole).is_sound());
    }
}

#[test]
fn a_beginning_that_does_not_follow_on_what_was_signed_is_unlinked() {
    let (records, other) = (chain("node-1", 6), chain("node-1", 7));
    for scope in [Scope::Whole, Scope::Part, Scope::Picked] {
        let verdict = verdict(&records[3..], vec![retention(&other[2])], scope);
        assert_eq!(found(&verdict), [(Some(4), ProblemKind::Unlinked)], "{scope}");
    }
    let mut first = records[..1].to_vec();
    first[0].previous_hash = records[1].previous_hash.clone();
    let mut head = Head { seq: 0, ..testing::head_at(&records[0]) };
    head.append(&mut first[0]);
    let verdict = verdict(&first, Vec::new(), Scope::Whole);
    assert_eq!(found(&verdict), [(Some(1), ProblemKind::Unlinked)]);
}

#[test]
fn a_part_holds_what_was_signed_within_its_time() {
    let records = chain("node-1", 9);
    let cut = |from, to| (None, ProblemKind::Truncated { from, to });
    let part = |kept: &[Record], begin, to: Option<i64>| {
        found(&part(kept, &hourly(&records), begin, to.map(UnixMillis)))
    };
    let begins = [Begin::Signed(UnixMillis(4)), Begin::Written(UnixMillis(3))];
    for begin in begins {
        assert_eq!(part(&records[3..7], begin, Some(7)), []);
        assert_eq!(part(&records[2..9], begin, Some(7)), []);
        let gap = [&records[1..3], &records[5..7]].concat();
        let missing = (Some(6), ProblemKind::Missing { from: 4, to: 5 });
        assert_eq!(part(&gap, begin, Some(7)), [missing]);
        assert_eq!(part(&records[3..5], begin, Some(7)), [cut(6, 6)]);
        assert_eq!(part(&records[3..8], begin, None), [cut(9, 9)]);
        assert_eq!(part(&[], begin, None), [cut(4, 9)]);
        assert_eq!(part(&[], begin, Some(4)), []);
        let beginning = (Some(5), ProblemKind::BeginningMissing);
        assert_eq!(part(&records[4..7], begin, Some(7)), [beginning]);
    }
    let beginning = (Some(2), ProblemKind::BeginningMissing);
    assert_eq!(part(&records[1..], Begin::Signed(UnixMillis(1)), None), [beginning]);
    assert_eq!(part(&records[8..], Begin::Written(UnixMillis(10)), None), []);
}

#[test]
fn retention_excuses_the_missing_beginning_of_a_part() {
    let records = chain("node-1", 9);
    let mut signed = hourly(&records);
    signed.push(SIGNER.sign(
        "node-1",
        testing::head_at(&records[4]),
        CheckpointKind::Retention,
        UnixMillis(20),
    ));
    for begin in [Begin::Signed(UnixMillis(3)), Begin::Written(UnixMillis(2))] {
        assert_eq!(found(&part(&records[5..], &signed, begin, None)), []);
        let beginning = (Some(7), ProblemKind::BeginningMissing);
        assert_eq!(found(&part(&records[6..], &signed, begin, None)), [beginning]);
    }
}

#[test]
fn a_scan_begins_where_every_chain_that_goes_on_was_signed_for() {
    let (one, two) = (chain("a", 9), chain("b", 4));
    let signed = [hourly(&one), hourly(&two)].concat();
    let verifier = Verifier::new(trusting(&SIGNER), signed, Scope::Whole);
    let start = |from| verifier.signed_before(UnixMillis(from)).0;
    assert_eq!((start(3), start(7), start(1), start(20)), (2, 6, 1, 20));
}

#[test]
fn a_key_that_is_trusted_for_one_node_signs_for_no_other() {
    let (records, other) = (chain("node-1", 6), signer());
    let forged = sign(&other, &records[2], CheckpointKind::Retention);
    let look = |node: &str| {
        let mut keys = trusting(&SIGNER);
        keys.trust_for(other.public_key(), node);
        keys.trust_for(other.public_key(), "node-3");
        keys.trust_for(SIGNER.public_key(), "node-4");
        let mut signed = checkpoints(&records, &[6]);
        signed.push(forged.clone());
        let mut verifier = Verifier::new(keys, signed, Scope::Whole);
        records[3..].iter().for_each(|record| verifier.feed(record));
        found(&verifier.finish())
    };
    assert_eq!(look("node-1"), []);
    let beginning = (Some(4), ProblemKind::BeginningMissing);
    assert_eq!(look("node-2"), [(Some(3), ProblemKind::NotItsKey), beginning]);
}

#[test]
fn a_chain_that_nobody_signed_for_is_told() {
    let (records, forged) = (chain("node-1", 3), chain("node-2", 2));
    let mut verifier = Verifier::new(trusting(&SIGNER), checkpoints(&records, &[2]), Scope::Whole);
    records.iter().chain(&forged).for_each(|record| verifier.feed(record));
    assert_eq!(verifier.never_signed(), [("node-2".to_owned(), false)]);
}

/// A checkpoint at each record, signed at the moment of its number.
fn hourly(records: &[Record]) -> Vec<Checkpoint> {
    let sign = |record: &Record| {
        let head = testing::head_at(record);
        SIGNER.sign(&record.node, head, CheckpointKind::Regular, UnixMillis(head.seq))
    };
    records.iter().map(sign).collect()
}

fn part(
    records: &[Record],
    signed: &[Checkpoint],
    begin: Begin,
    to: Option<UnixMillis>,
) -> Verdict {
    let mut verifier = Verifier::new(trusting(&SIGNER), signed.to_vec(), Scope::Part);
    verifier.look_at(Scope::Part, Span { begin, to });
    records.iter().for_each(|record| verifier.feed(record));
    verifier.finish()
}

#[test]
fn picked_records_may_have_gaps_and_only_covered_ones_are_protected() {
    let records = chain("node-1", 9);
    let signed = || checkpoints(&records, &[3, 6]);
    // 2 and 3 lead to a checkpoint, as does 6; nothing stands behind 5, 8 and 9.
    let picked = [&records[1..3], &records[7..]].concat();
    let seen = verdict(&picked, signed(), Scope::Picked);
    assert!(seen.is_sound(), "{seen:?}");
    assert_eq!((seen.nodes[0].unprotected, seen.nodes[0].last_checkpoint), (2, Some(3)));
    let alone = [&records[4..5], &records[7..]].concat();
    let seen = verdict(&alone, signed(), Scope::Picked);
    assert_eq!((seen.nodes[0].unprotected, seen.nodes[0].last_checkpoint), (3, None));
    let moved = [records[3].clone(), records[1].clone()];
    let seen = verdict(&moved, signed(), Scope::Picked);
    assert_eq!(found(&seen), [(Some(2), ProblemKind::Repeated)]);
}

#[test]
fn checkpoints_that_are_not_to_be_believed_are_named_and_do_not_count() {
    let records = chain("node-1", 9);
    let mut wrong = checkpoint(&SIGNER, &records[2]);
    wrong.kind = CheckpointKind::Retention;
    let other = signer();
    let unknown = [4, 5].map(|at: usize| checkpoint(&other, &records[at]));
    let signed = [&[wrong], &unknown[..]].concat();
    let seen = verdict(&records[..4], signed, Scope::Whole);
    assert_eq!(
        found(&seen),
        [(Some(3), ProblemKind::BadSignature), (Some(5), ProblemKind::UnknownKey)]
    );
    assert_eq!(seen.nodes[0].last_checkpoint, None);
    assert_eq!(seen.nodes[0].unprotected, 4);
}

#[test]
fn two_words_for_one_place_are_a_fork() {
    let (records, other) = (chain("node-1", 6), chain("node-1", 7));
    let later = |checkpoint: Checkpoint| {
        let at = UnixMillis(checkpoint.signed_at.0 + 1);
        SIGNER.sign(&checkpoint.node, checkpoint.head().unwrap(), checkpoint.kind, at)
    };
    let signed = vec![later(checkpoint(&SIGNER, &other[2])), checkpoint(&SIGNER, &records[2])];
    let seen = verdict(&records, signed, Scope::Whole);
    assert_eq!(found(&seen), [(Some(3), ProblemKind::Fork)]);
}

#[test]
fn checkpoints_come_in_any_order_and_more_than_once() {
    let records = chain("node-1", 6);
    let signed = checkpoints(&records, &[6, 2, 4, 2, 6]);
    let seen = verdict(&records, signed, Scope::Whole);
    assert!(seen.is_sound());
    assert_eq!(seen.nodes[0].last_checkpoint, Some(6));
}

#[test]
fn what_is_not_yet_signed_can_be_cut_unseen_and_is_told_as_unprotected() {
    let records = chain("node-1", 9);
    let seen = verdict(&records, checkpoints(&records, &[6]), Scope::Whole);
    assert_eq!(seen.nodes[0].unprotected, 3);
    assert!(verdict(&records[..6], checkpoints(&records, &[6]), Scope::Whole).is_sound());
    let cut = verdict(&records[..5], checkpoints(&records, &[6]), Scope::Whole);
    assert_eq!(found(&cut), [(None, ProblemKind::Truncated { from: 6, to: 6 })]);
}
