//! Every changed byte of an export is found.

use super::super::{
    testing::{chain, checkpoint, signer, trusting},
    *,
};
use crate::types::UnixMillis;
use proptest::prelude::*;
use std::sync::LazyLock;

static SIGNER: LazyLock<Signer> = LazyLock::new(signer);

/// Three records of one node and two of another, with a checkpoint at the end of each chain.
static EXPORT: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let (one, two) = (chain("a", 3), chain("b", 2));
    export(&[&one[2], &two[1]], &[&one[0], &two[0], &one[1], &two[1], &one[2]])
});

/// One record and its checkpoint.
static SMALL: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let one = chain("a", 1);
    export(&[&one[0]], &[&one[0]])
});

fn export(signed: &[&Record], records: &[&Record]) -> Vec<u8> {
    let mut header = ExportHeader::new("a".into(), Scope::Whole);
    header.public_keys.push(SIGNER.public_key().to_string());
    let mut out = Vec::new();
    let mut writer = ExportWriter::begin(header, &mut out);
    signed.iter().for_each(|it| writer.checkpoint(checkpoint(&SIGNER, it), &mut out));
    records.iter().for_each(|record| writer.record(record, &mut out));
    writer.end(&mut out);
    out
}

fn verify(export: &[u8]) -> Result<Verdict, ExportError> {
    let mut verifier = ExportVerifier::new(trusting(&SIGNER), Vec::new());
    verifier.feed(export)?;
    verifier.finish()
}

fn is_sound(export: &[u8]) -> bool {
    verify(export).is_ok_and(|verdict| verdict.is_sound())
}

fn lines(export: &[u8]) -> Vec<Vec<u8>> {
    export.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

/// The export with an end that fits what stands before it, as whoever changed that could write.
fn with_another_end(lines: &[Vec<u8>]) -> Vec<u8> {
    let body = lines[..lines.len() - 1].concat();
    let count = |begin: &[u8]| {
        body.split(|byte| *byte == b'\n').filter(|line| line.starts_with(begin)).count()
    };
    let (records, checkpoints) = (count(b"{\"action\""), count(b"{\"checkpoint\""));
    let end = format!(
        "{{\"end\":{{\"records\":{records},\"checkpoints\":{checkpoints},\"sha256\":\"{}\"}}}}\n",
        Hash::of(&body)
    );
    [body, end.into_bytes()].concat()
}

/// One byte changed, inserted or removed.
fn edit(bytes: &[u8], at: usize, byte: u8, how: u8) -> Vec<u8> {
    let mut edited = bytes.to_vec();
    match how {
        0 => edited[at] = byte,
        1 => edited.insert(at, byte),
        _ => drop(edited.remove(at)),
    }
    edited
}

#[test]
fn an_export_is_verified_with_the_public_key_alone() {
    let verdict = verify(&EXPORT).unwrap();
    assert!(verdict.is_sound(), "{verdict:?}");
    assert_eq!((verdict.records, verdict.nodes.len()), (5, 2));
    assert!(verdict.nodes.iter().all(|node| node.unprotected == 0));
    assert_eq!(with_another_end(&lines(&EXPORT)), *EXPORT);
}

#[test]
fn the_size_of_the_pieces_does_not_matter() {
    for size in [1, 2, 3, 7, 1_000] {
        let mut verifier = ExportVerifier::new(trusting(&SIGNER), Vec::new());
        EXPORT.chunks(size).for_each(|piece| verifier.feed(piece).unwrap());
        assert_eq!(verifier.header().unwrap().public_keys, [SIGNER.public_key().to_string()]);
        assert_eq!(verifier.records(), 5);
        assert!(verifier.finish().unwrap().is_sound());
    }
}

#[test]
fn every_changed_or_removed_byte_and_every_cut_is_found() {
    for at in 0..SMALL.len() {
        assert!(!is_sound(&edit(&SMALL, at, SMALL[at] ^ (1 << (at % 8)), 0)), "{at} changed");
        assert!(!is_sound(&edit(&SMALL, at, 0, 2)), "{at} removed");
        assert!(!is_sound(&SMALL[..at]), "cut at {at}");
    }
}

#[test]
fn every_changed_byte_of_the_chain_is_found_though_the_end_was_made_to_fit() {
    let lines = lines(&SMALL);
    for (line, at) in (1..3).flat_map(|line| (0..lines[line].len()).map(move |at| (line, at))) {
        let mut changed = lines.clone();
        changed[line][at] ^= 1 << (at % 8);
        assert!(!is_sound(&with_another_end(&changed)), "line {line}, byte {at}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn every_single_byte_edit_is_found(at: prop::sample::Index, byte: u8, how in 0..3u8) {
        let edited = edit(&EXPORT, at.index(EXPORT.len()), byte, how);
        prop_assert_eq!(is_sound(&edited), edited == *EXPORT);
    }

    #[test]
    fn every_single_byte_edit_of_the_chain_is_found_though_the_end_was_made_to_fit(
        line in 1..8usize, at: prop::sample::Index, byte: u8, how in 0..3u8
    ) {
        let mut lines = lines(&EXPORT);
        lines[line] = edit(&lines[line], at.index(lines[line].len()), byte, how);
        let edited = with_another_end(&lines);
        prop_assert_eq!(is_sound(&edited), edited == *EXPORT);
    }

    #[test]
    fn dropped_doubled_and_moved_records_are_found_though_the_end_was_made_to_fit(
        from in 3..8usize, to in 3..8usize, how in 0..3u8
    ) {
        let mut lines = lines(&EXPORT);
        match how {
            0 => drop(lines.remove(from)),
            1 => lines.insert(to, lines[from].clone()),
            _ => { let line = lines.remove(from); lines.insert(to, line); }
        }
        let edited = with_another_end(&lines);
        let is_whole = is_in_order(&lines, "a", 3) && is_in_order(&lines, "b", 2);
        prop_assert_eq!(is_sound(&edited), is_whole);
    }
}

/// Whether the records of a node stand in their order; those of several may be mixed in any way.
fn is_in_order(lines: &[Vec<u8>], node: &str, last: i64) -> bool {
    let records = lines.iter().filter_map(|line| serde_json::from_slice::<Record>(line).ok());
    records.filter(|it| &*it.node == node).map(|it| it.seq.unwrap()).eq(1..=last)
}

#[test]
fn each_fault_of_an_export_has_its_words() {
    let original = lines(&EXPORT);
    let changed = |change: &dyn Fn(&mut Vec<Vec<u8>>)| {
        let mut lines = original.clone();
        change(&mut lines);
        verify(&lines.concat()).map(|verdict| verdict.is_sound())
    };
    let replaced = |line: usize, from: &str, to: &str| {
        changed(&|lines| {
            let text = String::from_utf8(lines[line].clone()).unwrap();
            assert!(text.contains(from), "{text}");
            lines[line] = text.replacen(from, to, 1).into_bytes();
        })
    };
    assert_eq!(verify(b""), Err(ExportError::Cut));
    assert_eq!(verify(b"id,model\n"), Err(ExportError::NotAnExport));
    assert_eq!(changed(&|it| drop(it.remove(0))), Err(ExportError::OutOfPlace { line: 1 }));
    assert_eq!(replaced(0, "\"version\":1", "\"version\":2"), Err(ExportError::UnknownVersion(2)));
    assert_eq!(changed(&|it| drop(it.pop())), Err(ExportError::Cut));
    assert_eq!(changed(&|it| it.push(it[3].clone())), Err(ExportError::OutOfPlace { line: 10 }));
    assert_eq!(changed(&|it| it.swap(1, 3)), Err(ExportError::OutOfPlace { line: 3 }));
    assert_eq!(changed(&|it| it[3].insert(1, b' ')), Err(ExportError::Altered { line: 4 }));
    assert_eq!(replaced(3, "{", "{\"more\":1,"), Err(ExportError::Altered { line: 4 }));
    assert_eq!(replaced(0, "\"node\":\"a\"", "\"node\":\"b\""), Err(ExportError::Differs));
    assert_eq!(replaced(8, "\"records\":5", "\"records\":4"), Err(ExportError::Differs));
    // What is wrong with the record comes first.
    assert_eq!(replaced(3, "\"node\":\"a\"", "\"node\":\"b\""), Ok(false));
}

#[test]
fn a_line_without_end_is_not_kept() {
    let mut verifier = ExportVerifier::new(trusting(&SIGNER), Vec::new());
    let piece = vec![b' '; 1 << 20];
    let refused = (0..100).find_map(|_| verifier.feed(&piece).err());
    assert_eq!(refused, Some(ExportError::TooLong { line: 1 }));
}

#[test]
fn records_cut_with_their_checkpoint_are_found_by_one_that_was_kept_elsewhere() {
    let mut lines = lines(&EXPORT);
    lines.remove(7);
    lines.remove(1);
    let cut = with_another_end(&lines);
    assert!(is_sound(&cut));
    let kept = checkpoint(&SIGNER, &chain("a", 3)[2]);
    let mut verifier = ExportVerifier::new(trusting(&SIGNER), vec![kept]);
    verifier.feed(&cut).unwrap();
    let verdict = verifier.finish().unwrap();
    assert_eq!(verdict.problems[0].kind, ProblemKind::Truncated { from: 3, to: 3 });
}

#[test]
fn a_part_says_so_in_its_header_and_holds_what_was_signed_within_its_time() {
    let records = chain("a", 6);
    let minutes = |minutes: i64| UnixMillis(1_795_233_600_000).plus_secs(60 * minutes);
    // Records are signed for in the minutes of their numbers.
    let signed: Vec<_> = (1..)
        .zip(&records)
        .map(|(minute, record)| {
            let head = testing::head_at(record);
            SIGNER.sign("a", head, CheckpointKind::Regular, minutes(minute))
        })
        .collect();
    let look = |kept: &[Record], to: Option<i64>| {
        let mut header = ExportHeader::new("a".into(), Scope::Part);
        header.filters.insert("from".into(), minutes(1).to_string());
        to.map(|to| header.filters.insert("to".into(), minutes(to).to_string()));
        let mut out = Vec::new();
        let mut writer = ExportWriter::begin(header, &mut out);
        kept.iter().for_each(|record| writer.record(record, &mut out));
        writer.end(&mut out);
        let mut verifier = ExportVerifier::new(trusting(&SIGNER), signed.clone());
        verifier.feed(&out).unwrap();
        let verdict = verifier.finish().unwrap();
        verdict.problems.iter().map(|problem| problem.kind).collect::<Vec<_>>()
    };
    assert_eq!(look(&records[1..4], Some(5)), []);
    // Clocks may differ by a minute.
    assert_eq!(look(&records[2..3], Some(5)), []);
    assert_eq!(look(&records[3..4], Some(5)), [ProblemKind::BeginningMissing]);
    assert_eq!(look(&records[1..2], Some(5)), [ProblemKind::Truncated { from: 3, to: 3 }]);
    assert_eq!(look(&[], Some(5)), [ProblemKind::Truncated { from: 3, to: 3 }]);
    assert_eq!(look(&records[1..5], None), [ProblemKind::Truncated { from: 6, to: 6 }]);
}

#[test]
fn checkpoints_of_other_gateways_say_nothing_of_an_export_of_one() {
    let (one, two) = (chain("a", 3), chain("b", 2));
    let mut header = ExportHeader::new("a".into(), Scope::Whole);
    header.filters.insert("node".into(), "a".into());
    let mut out = Vec::new();
    let mut writer = ExportWriter::begin(header, &mut out);
    one.iter().for_each(|record| writer.record(record, &mut out));
    writer.end(&mut out);
    let kept = vec![checkpoint(&SIGNER, &one[2]), checkpoint(&SIGNER, &two[1])];
    let mut verifier = ExportVerifier::new(trusting(&SIGNER), kept);
    verifier.feed(&out).unwrap();
    assert!(verifier.finish().unwrap().is_sound());
}

#[test]
fn an_old_chain_that_nobody_signed_for_is_not_sound() {
    let mut records = chain("a", 2);
    (records[1].started_at, records[1].latency_ms) = (UnixMillis(1_000_000), Some(60_000));
    (records[0].started_at, records[0].latency_ms) = (UnixMillis(0), None);
    testing::rehash(&mut records, Head::GENESIS);
    let unsigned = export(&[], &[&records[0], &records[1]]);
    let look = |now: i64, kept: Vec<Checkpoint>| {
        let verifier = ExportVerifier::new(trusting(&SIGNER), kept);
        let mut verifier = verifier.expect_signed(UnixMillis(now));
        verifier.feed(&unsigned).unwrap();
        verifier.finish().unwrap().problems.iter().map(|it| it.kind).collect::<Vec<_>>()
    };
    assert_eq!(look(1_660_000, Vec::new()), []);
    assert_eq!(look(1_660_001, Vec::new()), [ProblemKind::NeverSigned]);
    assert_eq!(look(1_660_001, vec![checkpoint(&SIGNER, &records[0])]), []);
}
