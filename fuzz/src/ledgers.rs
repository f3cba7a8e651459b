//! An export of the record, and what somebody did to it.

use portcullis::{
    ledger::{
        CheckpointKind, ExportError, ExportHeader, ExportReader, ExportVerifier, ExportWriter,
        Head, Line, Scope, Signer, TrustedKeys, Verdict, Verifier,
    },
    types::{Record, Surface, UnixMillis},
};
use std::sync::LazyLock;

/// RFC 8032 §7.1, test 1: signatures must be the same in each run.
const PRIVATE_KEY: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----";

/// More than this many changes could make any export of any other.
const MOST_EDITS: usize = 8;

static SIGNER: LazyLock<Signer> = LazyLock::new(|| Signer::from_pem(PRIVATE_KEY).unwrap());

/// Two records and a checkpoint at each.
static EXPORT: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let (mut head, mut checkpoints, mut records) = (Head::GENESIS, Vec::new(), Vec::new());
    for second in 1..=2 {
        let id = serde_json::from_str("\"0193a5b2-0000-7000-8000-000000000001\"").unwrap();
        let mut record = Record::new(id, UnixMillis(second * 1_000), "a".into(), Surface::Agent);
        record.model = Some("gpt-4o \"\u{1}é".into());
        head.append(&mut record);
        records.push(record);
        checkpoints.push(SIGNER.sign("a", head, CheckpointKind::Regular, UnixMillis(0)));
    }
    let mut out = Vec::new();
    let mut writer = ExportWriter::begin(ExportHeader::new("a".into(), Scope::Whole), &mut out);
    checkpoints.into_iter().for_each(|it| writer.checkpoint(it, &mut out));
    records.iter().for_each(|record| writer.record(record, &mut out));
    writer.end(&mut out);
    out
});

/// As an export, the input is read the same in any pieces. As a list of edits, it does nothing to an export that is
/// not found, whether its end is left as it was or made to fit.
pub fn check(input: &[u8]) {
    let (first, second) = input.split_at(input.len() / 2);
    assert_eq!(verify(&[first, second]), verify(&[input]));

    let edited = edit(&EXPORT, input);
    let sound = verify(&[&edited]).is_ok_and(|verdict| verdict.is_sound());
    assert_eq!(sound, edited == *EXPORT);

    let begin = EXPORT.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let end = EXPORT.windows(7).rposition(|bytes| bytes == b"{\"end\":").unwrap();
    let edited = [&EXPORT[..begin], &edit(&EXPORT[begin..end], input)].concat();
    assert_eq!(is_sound_chain(&edited), edited == EXPORT[..end]);
}

fn keys() -> TrustedKeys {
    [SIGNER.public_key()].into_iter().collect()
}

fn verify(pieces: &[&[u8]]) -> Result<Verdict, ExportError> {
    let mut verifier = ExportVerifier::new(keys(), Vec::new());
    pieces.iter().try_for_each(|piece| verifier.feed(piece))?;
    verifier.finish()
}

/// Whether the lines are those of an export, whatever its end would say.
fn is_sound_chain(lines: &[u8]) -> bool {
    let Some(lines) = lines.strip_suffix(b"\n") else { return false };
    let (mut reader, mut verifier) =
        (ExportReader::default(), Verifier::new(keys(), Vec::new(), Scope::Whole));
    for line in lines.split(|byte| *byte == b'\n') {
        match reader.feed_line(line) {
            Ok(Line::Header(_)) => {}
            Ok(Line::Checkpoint(checkpoint)) => verifier.add_checkpoint(&checkpoint),
            Ok(Line::Record(record)) => verifier.feed(&record),
            Ok(Line::End(_)) | Err(_) => return false,
        }
    }
    verifier.finish().is_sound()
}

/// Takes each four bytes of the input as what to do, where (two bytes), and with which byte.
fn edit(bytes: &[u8], input: &[u8]) -> Vec<u8> {
    let mut edited = bytes.to_vec();
    for edit in input.chunks_exact(4).take(MOST_EDITS) {
        let at = usize::from(u16::from_le_bytes([edit[1], edit[2]])) % edited.len();
        match edit[0] % 3 {
            0 => edited[at] = edit[3],
            1 => edited.insert(at, edit[3]),
            _ => drop(edited.remove(at)),
        }
    }
    edited
}
