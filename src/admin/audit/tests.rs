//! Exports, verification and proofs of a record that is really stored.

use super::*;
use crate::admin::testing;
use crate::export::Format;
use crate::ledger::{
    CheckpointKind, ExportVerifier, Head, ProblemKind, PublicKey, Signer, TrustedKeys, Verdict,
    receipt_hash,
};
use crate::store::{RecordQuery, Retention, Sealer};
use crate::types::{ExchangeId, Record, Surface, UnixMillis};
use std::sync::Arc;
use tempfile::TempDir;
use uuid::Uuid;

const NOW: UnixMillis = UnixMillis(1_795_233_600_000);
/// When the other gateway is silent, and any gateway may sweep for it.
const LATER: i64 = 30 * 86_400;
const RECEIPT: &str = "0123456789abcdef0123456789abcdef";

/// A store with the chains of two nodes; a checkpoint stands at the fourth record of each.
struct Stored {
    store: Store,
    signer: Signer,
    ids: Vec<ExchangeId>,
    _directory: TempDir,
}

fn record(node: &str, number: i64) -> Arc<Record> {
    let id = ExchangeId(Uuid::now_v7());
    let mut record = Record::new(id, UnixMillis(NOW.0 + number), node.into(), Surface::Agent);
    record.agent_name = Some(if number % 2 == 0 { "even" } else { "odd" }.into());
    record.receipt_hash = Some(receipt_hash(RECEIPT).into());
    Arc::new(record)
}

fn stored() -> Stored {
    let (directory, store) = testing::store();
    let (signer, _) = Signer::generate().unwrap();
    let mut ids = Vec::new();
    for batch in [0..8, 8..12] {
        let node = |number: i64| if number % 2 == 0 { "a" } else { "b" };
        let mut records: Vec<_> = batch.map(|number| record(node(number), number)).collect();
        ids.extend(records.iter().map(|record| record.id));
        let now = UnixMillis(NOW.0 + i64::try_from(ids.len()).unwrap());
        let appended = store.append_records(&mut records, false, now).unwrap();
        if ids.len() == 8 {
            appended.heads.iter().for_each(|(node, head)| sign(&store, &signer, node, *head));
        }
    }
    let public = signer.public_key().to_string();
    store.register_audit_key(signer.key_id(), &public, "a", NOW).unwrap();
    Stored { store, signer, ids, _directory: directory }
}

fn sign(store: &Store, signer: &Signer, node: &str, head: Head) {
    let checkpoint = signer.sign(node, head, CheckpointKind::Regular, NOW);
    store.insert_checkpoint(&checkpoint).unwrap();
}

fn export(store: &Store, query: RecordQuery, node: Option<&str>) -> (Vec<u8>, u64) {
    let node = node.map(str::to_owned);
    let request = ExportRequest { format: Format::JsonLines, query, node };
    let (mut export, mut text) = (Export::new(request), Vec::new());
    while let Some(chunk) = export.next_chunk(store, "a").unwrap() {
        assert!(!chunk.is_empty());
        text.extend(chunk);
    }
    (text, export.records())
}

fn verify_export(signer: &Signer, text: &[u8]) -> Verdict {
    let keys: TrustedKeys = [signer.public_key()].into_iter().collect();
    let mut verifier = ExportVerifier::new(keys, Vec::new());
    verifier.feed(text).unwrap();
    verifier.finish().unwrap()
}

fn verify_all(stored: &Stored, known: Vec<PublicKey>, kept: Vec<Checkpoint>) -> Verdict {
    let trust = Trust::new(known, &stored.store, "a").unwrap();
    look(stored, (None, None), &trust, &kept, NOW)
}

fn look(
    stored: &Stored,
    range: (Option<i64>, Option<i64>),
    trust: &Trust,
    kept: &[Checkpoint],
    now: UnixMillis,
) -> Verdict {
    let moment = |millis: Option<i64>| millis.map(|millis| UnixMillis(NOW.0 + millis));
    let range = (moment(range.0), moment(range.1));
    let mut verification = verify(&stored.store, trust, now);
    (verification.range, verification.kept) = (range, kept.to_vec());
    verification.run(&mut |_, _| Ok(())).unwrap()
}

fn kinds(verdict: &Verdict) -> Vec<ProblemKind> {
    verdict.problems.iter().map(|problem| problem.kind).collect()
}

#[test]
fn an_export_of_everything_verifies_from_its_beginning() {
    let stored = stored();
    let (text, records) = export(&stored.store, RecordQuery::default(), None);
    assert_eq!(records, 12);
    let verdict = verify_export(&stored.signer, &text);
    assert_eq!(verdict.problems, []);
    assert_eq!(verdict.records, 12);
    let [a, b] = verdict.nodes.as_slice() else { panic!("{:?}", verdict.nodes) };
    assert_eq!((&*a.node, a.last_seq, a.last_checkpoint, a.unprotected), ("a", 6, Some(4), 2));
    assert_eq!((&*b.node, b.last_seq, b.last_checkpoint), ("b", 6, Some(4)));
}

#[test]
fn an_export_of_one_node_or_of_a_filter_says_what_it_is_and_verifies_too() {
    let stored = stored();
    let (text, records) = export(&stored.store, RecordQuery::default(), Some("b"));
    assert_eq!(records, 6);
    assert!(verify_export(&stored.signer, &text).is_sound());
    let odd = RecordQuery { agent: Some("odd".to_owned()), ..RecordQuery::default() };
    let (text, records) = export(&stored.store, odd, None);
    assert_eq!(records, 6);
    assert!(String::from_utf8_lossy(&text).contains("\"scope\":\"picked\""));
    assert!(verify_export(&stored.signer, &text).is_sound());
    let until =
        RecordQuery { agent: Some("odd".to_owned()), to: Some(NOW), ..RecordQuery::default() };
    assert_eq!(export(&stored.store, until, None).1, 0);
}

#[test]
fn the_database_is_verified_with_what_was_kept_outside_of_it() {
    let stored = stored();
    let known = vec![stored.signer.public_key()];
    let verdict = verify_all(&stored, known.clone(), Vec::new());
    assert_eq!((verdict.records, verdict.problems), (12, Vec::new()));
    let later = Head { seq: 9, event_hash: crate::ledger::Hash::ZERO };
    let kept = stored.signer.sign("a", later, CheckpointKind::Regular, NOW);
    let verdict = verify_all(&stored, known, vec![kept]);
    let problem = verdict.problems.first().unwrap().to_string();
    assert!(problem.contains("7 to 9"), "{problem}");
}

#[test]
fn the_database_does_not_vouch_for_a_key_of_the_gateway_that_asks() {
    let stored = stored();
    let (stranger, _) = Signer::generate().unwrap();
    let verdict = verify_all(&stored, vec![stranger.public_key()], Vec::new());
    assert!(!verdict.is_sound());
    let other = stranger.public_key().to_string();
    stored.store.register_audit_key(stranger.key_id(), &other, "b", NOW).unwrap();
    let trust = Trust::new(vec![stored.signer.public_key()], &stored.store, "a").unwrap();
    assert_eq!(trust.of_others, [("b".to_owned(), stranger.public_key())]);
}

#[test]
fn a_key_that_the_database_has_of_another_gateway_excuses_nothing_of_ours() {
    let stored = stored();
    let (stranger, _) = Signer::generate().unwrap();
    let public = stranger.public_key().to_string();
    stored.store.register_audit_key(stranger.key_id(), &public, "gw-eu-2", NOW).unwrap();
    let head = stored.store.checkpoint_from("a", 1).unwrap().unwrap().head().unwrap();
    let forged = stranger.sign("a", head, CheckpointKind::Retention, NOW);
    stored.store.insert_checkpoint(&forged).unwrap();
    let verdict = verify_all(&stored, vec![stored.signer.public_key()], Vec::new());
    assert_eq!(kinds(&verdict), [ProblemKind::NotItsKey]);
}

#[test]
fn a_range_holds_what_was_signed_before_its_end_and_follows_on_what_was_signed_before_its_beginning()
 {
    let stored = stored();
    let trust = Trust { known: vec![stored.signer.public_key()], of_others: Vec::new() };
    // Written at 8 and 12; signed for at 0, as if that clock were behind.
    for range in [(None, Some(1)), (Some(1), None), (Some(10), Some(20)), (Some(5), Some(6))] {
        assert_eq!(kinds(&look(&stored, range, &trust, &[], NOW)), [], "{range:?}");
    }
    let head = Head { seq: 9, event_hash: crate::ledger::Hash::ZERO };
    let at =
        |millis| stored.signer.sign("a", head, CheckpointKind::Regular, UnixMillis(NOW.0 + millis));
    let truncated = [ProblemKind::Truncated { from: 7, to: 9 }];
    assert_eq!(kinds(&look(&stored, (Some(1), None), &trust, &[at(50)], NOW)), truncated);
    assert_eq!(kinds(&look(&stored, (Some(1), Some(51)), &trust, &[at(50)], NOW)), truncated);
    assert_eq!(kinds(&look(&stored, (Some(1), Some(50)), &trust, &[at(50)], NOW)), []);
    let sweep = Retention { before: Some(UnixMillis(NOW.0 + 9)), most_bytes: None };
    let (stranger, _) = Signer::generate().unwrap();
    let sign = |node: &str, head| stranger.sign(node, head, CheckpointKind::Retention, NOW);
    let sealer = Sealer { node: "a", sign: &sign, trusts: &|_| true };
    while stored.store.sweep(&sweep, &sealer, NOW.plus_secs(LATER)).unwrap().more {}
    let told = kinds(&look(&stored, (Some(-1), None), &trust, &[], NOW));
    let gone = ProblemKind::BeginningMissing;
    assert_eq!(told, [ProblemKind::UnknownKey, ProblemKind::UnknownKey, gone, gone]);
}

#[test]
fn what_retention_removes_while_it_is_verified_is_not_missing() {
    let stored = stored();
    let trust = Trust { known: vec![stored.signer.public_key()], of_others: Vec::new() };
    let store = &stored.store;
    let sweep = Retention { before: Some(UnixMillis(NOW.0 + 9)), most_bytes: None };
    let sign = |node: &str, head| stored.signer.sign(node, head, CheckpointKind::Retention, NOW);
    let sealer = Sealer { node: "a", sign: &sign, trusts: &|_| true };
    let mut passes = 0;
    let sweep_between = || {
        passes += 1;
        if passes == 1 {
            while store.sweep(&sweep, &sealer, NOW.plus_secs(LATER)).unwrap().more {}
        }
    };
    let verification = verify(store, &trust, NOW);
    let verdict = verification.run_with(sweep_between, &mut |_, _| Ok(())).unwrap();
    assert_eq!((kinds(&verdict), verdict.records), (vec![], 4));
    assert_eq!(passes, 2);
}

#[test]
fn an_old_chain_that_nobody_signed_for_is_a_problem_and_a_young_one_is_not() {
    let stored = stored();
    let mut forged = vec![record("c", 1)];
    let written = UnixMillis(NOW.0 + 100);
    stored.store.append_records(&mut forged, false, written).unwrap();
    let trust = Trust { known: vec![stored.signer.public_key()], of_others: Vec::new() };
    let at = |secs| kinds(&look(&stored, (None, None), &trust, &[], written.plus_secs(secs)));
    assert_eq!(at(600), []);
    assert_eq!(at(601), [ProblemKind::NeverSigned]);
}

#[test]
fn a_receipt_proves_its_call_and_no_other() {
    let stored = stored();
    let (first, last) = (stored.ids[0], stored.ids[11]);
    let keys: TrustedKeys = [stored.signer.public_key()].into_iter().collect();
    let proof = prove(&stored.store, first, RECEIPT, 100).unwrap().unwrap();
    assert_eq!((proof.following.len(), proof.checkpoint.as_ref().map(|it| it.seq)), (3, Some(4)));
    assert_eq!(proof.public_key, Some(stored.signer.public_key().to_string()));
    proof.verify(&keys, Some(RECEIPT)).unwrap();
    let unsigned = prove(&stored.store, last, RECEIPT, 100).unwrap().unwrap();
    assert_eq!((unsigned.checkpoint, unsigned.following.len()), (None, 0));
    let too_far = prove(&stored.store, first, RECEIPT, 2).unwrap().unwrap();
    assert_eq!(too_far.checkpoint, None);
    assert!(prove(&stored.store, first, &RECEIPT.replace('0', "1"), 100).unwrap().is_none());
    let unknown = ExchangeId(Uuid::now_v7());
    assert!(prove(&stored.store, unknown, RECEIPT, 100).unwrap().is_none());
}
