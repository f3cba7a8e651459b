//! Whatever is done to a chain is found.

mod ends;
mod fields;

use super::super::{
    testing::{chain, checkpoint, rehash, signer, trusting},
    *,
};
use crate::types::ExchangeId;
use proptest::prelude::*;
use std::sync::LazyLock;

static SIGNER: LazyLock<Signer> = LazyLock::new(signer);

/// What is found in these records, with checkpoints at the places of the untouched chain of the same node.
fn verdict(records: &[Record], checkpoints: Vec<Checkpoint>, scope: Scope) -> Verdict {
    let mut verifier = Verifier::new(trusting(&SIGNER), checkpoints, scope);
    records.iter().for_each(|record| verifier.feed(record));
    verifier.finish()
}

fn checkpoints(records: &[Record], seqs: &[usize]) -> Vec<Checkpoint> {
    seqs.iter().map(|seq| checkpoint(&SIGNER, &records[seq - 1])).collect()
}

/// Places and kinds of the problems.
fn found(verdict: &Verdict) -> Vec<(Option<i64>, ProblemKind)> {
    verdict.problems.iter().map(|problem| (problem.seq, problem.kind)).collect()
}

/// What is found in a chain of nine with checkpoints at 3, 6 and 9 after this was done to it.
fn after(change: impl FnOnce(&mut Vec<Record>)) -> Vec<(Option<i64>, ProblemKind)> {
    let mut records = chain("node-1", 9);
    let signed = checkpoints(&records, &[3, 6, 9]);
    change(&mut records);
    found(&verdict(&records, signed, Scope::Whole))
}

#[test]
fn an_untouched_chain_is_sound() {
    assert_eq!(after(|_| {}), []);
}

#[test]
fn the_chains_of_several_nodes_are_told_apart() {
    let (one, two) = (chain("a", 4), chain("b", 2));
    let signed = [checkpoints(&one, &[3]), checkpoints(&two, &[2])].concat();
    let mixed = [&one[0], &two[0], &one[1], &one[2], &two[1], &one[3]].map(Clone::clone);
    let verdict = verdict(&mixed, signed, Scope::Whole);
    assert!(verdict.is_sound(), "{verdict:?}");
    let node = |node: &str, last_seq, last_checkpoint, unprotected| NodeVerdict {
        node: node.to_owned(),
        first_seq: 1,
        last_seq,
        records: last_seq.try_into().unwrap(),
        last_checkpoint: Some(last_checkpoint),
        unprotected,
    };
    assert_eq!(verdict.nodes, [node("a", 4, 3, 1), node("b", 2, 2, 0)]);
    assert_eq!(verdict.records, 6);
}

#[test]
fn an_altered_record_is_named_and_nothing_else() {
    assert_eq!(after(|it| it[4].target = "/x".into()), [(Some(5), ProblemKind::Altered)]);
}

#[test]
fn an_altered_place_does_not_confuse_the_rest() {
    for seq in [1, 4, 6, 500, i64::MAX] {
        assert_eq!(after(|it| it[4].seq = Some(seq)), [(Some(seq), ProblemKind::Altered)]);
    }
    let far =
        after(|it| (it[4].seq, it[4].previous_hash) = (Some(500), it[0].previous_hash.clone()));
    assert_eq!(
        far,
        [(Some(500), ProblemKind::Altered), (Some(6), ProblemKind::Missing { from: 5, to: 5 })]
    );
}

#[test]
fn a_record_without_a_place_is_named() {
    let unchained =
        |seq| [(seq, ProblemKind::Unchained), (Some(6), ProblemKind::Missing { from: 5, to: 5 })];
    assert_eq!(after(|it| it[4].seq = None), unchained(None));
    assert_eq!(after(|it| it[4].seq = Some(0)), unchained(Some(0)));
    assert_eq!(after(|it| it[4].previous_hash = None), unchained(Some(5)));
    assert_eq!(after(|it| it[4].event_hash = Some("00".into())), unchained(Some(5)));
}

#[test]
fn a_record_altered_together_with_its_hash_breaks_the_link_behind_it() {
    let rehash_one = |records: &mut Vec<Record>| {
        records[4].target = "/x".into();
        let head = testing::head_at(&records[3]);
        rehash(&mut records[4..5], head);
    };
    assert_eq!(after(rehash_one), [(Some(6), ProblemKind::Unlinked)]);
}

#[test]
fn a_chain_made_anew_from_somewhere_on_differs_from_the_next_checkpoint() {
    let rehash_all = |records: &mut Vec<Record>| {
        records[4].target = "/x".into();
        let head = testing::head_at(&records[3]);
        rehash(&mut records[4..], head);
    };
    let differs = |seq| (Some(seq), ProblemKind::CheckpointDiffers);
    assert_eq!(after(rehash_all), [differs(6), differs(9)]);
}

#[test]
fn removed_records_are_named() {
    let missing = |from, to| ProblemKind::Missing { from, to };
    assert_eq!(after(|it| drop(it.remove(4))), [(Some(6), missing(5, 5))]);
    assert_eq!(after(|it| drop(it.drain(3..6))), [(Some(7), missing(4, 6))]);
    assert_eq!(after(|it| drop(it.remove(0))), [(Some(2), ProblemKind::BeginningMissing)]);
    assert_eq!(after(|it| drop(it.pop())), [(None, ProblemKind::Truncated { from: 9, to: 9 })]);
    assert_eq!(after(Vec::clear), [(None, ProblemKind::Truncated { from: 1, to: 9 })]);
}

#[test]
fn removed_records_are_found_when_the_rest_was_numbered_and_linked_anew() {
    let found = after(|records| {
        records.remove(4);
        rehash(records, Head::GENESIS);
    });
    let differs = (Some(6), ProblemKind::CheckpointDiffers);
    assert_eq!(found, [differs, (None, ProblemKind::Truncated { from: 9, to: 9 })]);
}

#[test]
fn repeated_and_inserted_records_are_named() {
    assert_eq!(after(|it| it.insert(4, it[2].clone())), [(Some(3), ProblemKind::Repeated)]);
    assert_eq!(after(|it| it.insert(9, it[8].clone())), [(Some(9), ProblemKind::Repeated)]);
    let forged = after(|records| {
        records.insert(4, records[0].clone());
        let head = testing::head_at(&records[3]);
        rehash(&mut records[4..5], head);
    });
    assert_eq!(forged, [(Some(5), ProblemKind::Repeated), (Some(6), ProblemKind::Unlinked)]);
}

#[test]
fn exchanged_records_are_named() {
    let found = after(|it| it.swap(3, 4));
    assert_eq!(
        found,
        [(Some(5), ProblemKind::Missing { from: 4, to: 4 }), (Some(4), ProblemKind::Repeated)]
    );
}

#[test]
fn a_row_that_cannot_be_read_counts_as_altered_in_its_place() {
    let records = chain("node-1", 3);
    let mut verifier = Verifier::new(trusting(&SIGNER), Vec::new(), Scope::Whole);
    verifier.feed(&records[0]);
    let (before, here) = (testing::head_at(&records[0]), testing::head_at(&records[1]));
    verifier.feed_unreadable("node-1", 2, None, before.event_hash, here.event_hash);
    verifier.feed(&records[2]);
    assert_eq!(found(&verifier.finish()), [(Some(2), ProblemKind::Altered)]);
}

#[test]
fn places_that_no_chain_reaches_are_found_too() {
    let found =
        after(|records| rehash(records, Head { seq: i64::MAX - 2, event_hash: Hash::ZERO }));
    assert_eq!(found[0], (Some(i64::MAX - 1), ProblemKind::BeginningMissing));
    let mut verifier = Verifier::new(trusting(&SIGNER), Vec::new(), Scope::Whole);
    verifier.feed_unreadable("node-1", i64::MIN, None, Hash::ZERO, Hash::ZERO);
    assert_eq!(verifier.finish().problems[0].kind, ProblemKind::Unchained);
}

#[test]
fn after_a_hundred_problems_the_rest_is_counted() {
    let mut records = chain("node-1", 250);
    records.iter_mut().for_each(|record| record.target = "/x".into());
    let verdict = verdict(&records, Vec::new(), Scope::Whole);
    assert_eq!((verdict.problems.len(), verdict.further_problems), (100, 150));
    assert_eq!(verdict.problems[0].seq, Some(1));
    assert!(!verdict.is_sound());
}

#[test]
fn each_problem_is_one_sentence_that_names_the_record() {
    let id = ExchangeId(uuid::Uuid::nil());
    let mut said = Vec::new();
    let missing =
        [ProblemKind::Missing { from: 5, to: 6 }, ProblemKind::Missing { from: 6, to: 6 }];
    let others = [
        ProblemKind::Altered,
        ProblemKind::Unlinked,
        ProblemKind::Repeated,
        ProblemKind::BeginningMissing,
        ProblemKind::CheckpointDiffers,
        ProblemKind::Unchained,
    ];
    for kind in missing.into_iter().chain(others) {
        let problem = Problem { node: "a".into(), seq: Some(7), id: Some(id), kind };
        let sentence = problem.to_string();
        assert!(sentence.contains(&format!("record 7 of node a ({id})")), "{sentence}");
        said.push(sentence);
    }
    assert!(said[0].starts_with("missing before record 7 of node a"), "{}", said[0]);
    assert!(said[0].ends_with(": records 5 to 6") && said[1].ends_with(": record 6"), "{said:?}");
    for kind in [
        ProblemKind::BadSignature,
        ProblemKind::UnknownKey,
        ProblemKind::NotItsKey,
        ProblemKind::Fork,
    ] {
        let problem = Problem { node: "a".into(), seq: Some(7), id: None, kind };
        let sentence = problem.to_string();
        assert!(
            sentence.starts_with("the checkpoint at record 7 of node a was")
                || sentence.starts_with("the checkpoint at record 7 of node a has"),
            "{sentence}"
        );
    }
    let kind = ProblemKind::Truncated { from: 8, to: 9 };
    let cut = Problem { node: "a".into(), seq: None, id: None, kind };
    assert_eq!(
        cut.to_string(),
        "missing at the end of node a: records 8 to 9, which a signed checkpoint knows"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_other_order_of_the_records_is_found(
        order in Just((0..8usize).collect::<Vec<_>>()).prop_shuffle()
    ) {
        let records = chain("node-1", 8);
        let moved: Vec<_> = order.iter().map(|at| records[*at].clone()).collect();
        let verdict = verdict(&moved, Vec::new(), Scope::Whole);
        prop_assert_eq!(verdict.is_sound(), order.is_sorted());
    }

    #[test]
    fn any_choice_of_the_records_is_found(kept in prop::collection::vec(0..3usize, 8)) {
        let records = chain("node-1", 8);
        let chosen: Vec<_> = records.iter().zip(&kept)
            .flat_map(|(record, times)| std::iter::repeat_n(record.clone(), *times))
            .collect();
        let verdict = verdict(&chosen, checkpoints(&records, &[8]), Scope::Whole);
        prop_assert_eq!(verdict.is_sound(), kept.iter().all(|times| *times == 1));
    }
}
