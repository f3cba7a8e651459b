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
    let half_way = [&records[1..3], &records[4..]].concat();
    assert!(verdict(&half_way, signed(), Scope::Whole).is_sound());
    let removed_more = verdict(&records[6..], signed(), Scope::Whole);
    assert_eq!(found(&removed_more), [(Some(7), ProblemKind::BeginningMissing)]);
    let all_gone = verdict(&[], vec![retention(&records[8])], Scope::Whole);
    assert!(all_gone.is_sound() && all_gone.nodes.is_empty());
    let only_old_left = verdict(&records[..2], vec![retention(&records[8])], Scope::Whole);
    assert!(only_old_left.is_sound());
    let more_gone = verdict(&[], signed(), Scope::Whole);
    assert_eq!(found(&more_gone), [(None, ProblemKind::Truncated { from: 6, to: 9 })]);
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
fn a_part_may_begin_and_end_anywhere_but_has_no_gaps() {
    let records = chain("node-1", 9);
    let signed = || checkpoints(&records, &[3, 6, 9]);
    assert!(verdict(&records[4..7], signed(), Scope::Part).is_sound());
    let gap = [&records[1..3], &records[5..7]].concat();
    let missing = (Some(6), ProblemKind::Missing { from: 4, to: 5 });
    assert_eq!(found(&verdict(&gap, signed(), Scope::Part)), [missing]);
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
