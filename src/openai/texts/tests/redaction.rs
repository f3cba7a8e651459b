//! Redactions replace what they name and nothing else.

use super::*;
use crate::openai::edits::{Edit, apply};

/// A text as JSON, with some of its characters escaped in one of the ways that there are.
fn written(text: &str, ways: &mut impl Iterator<Item = u8>) -> String {
    let short = |character| match character {
        '"' => Some("\\\""),
        '\\' => Some("\\\\"),
        '/' => Some("\\/"),
        '\n' => Some("\\n"),
        '\t' => Some("\\t"),
        '\u{8}' => Some("\\b"),
        _ => None,
    };
    let mut written = String::from("\"");
    for character in text.chars() {
        let must = character.is_control() || "\"\\".contains(character);
        match (ways.next().unwrap_or(0) % 4, short(character)) {
            (0 | 1, None) if !must => written.push(character),
            (0 | 1, Some(_)) if !must => written.push(character),
            (0..=2, Some(short)) => written.push_str(short),
            _ => {
                let units = character.encode_utf16(&mut [0; 2]).to_vec();
                written.extend(units.iter().map(|unit| format!("\\u{unit:04X}")));
            }
        }
    }
    written + "\""
}

/// The character boundaries of a text.
fn boundary(text: &str, index: &prop::sample::Index) -> usize {
    let places: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    places[index.index(places.len())]
}

proptest! {
    #[test]
    fn a_redacted_piece_is_replaced_and_all_else_stays_as_it_was_written(
        texts in prop::collection::vec("[a-z\"/\\\\\n\t\u{8}\u{1}é\u{2028}😀👋🏽]{0,12}", 1..4),
        ways in prop::collection::vec(any::<u8>(), 1..40),
        which: prop::sample::Index, from: prop::sample::Index, to: prop::sample::Index,
    ) {
        let mut ways = ways.into_iter().cycle();
        let parts: Vec<String> = texts.iter().map(|text| written(text, &mut ways)).collect();
        let body = format!(r#"{{ "model":"m","messages":[{{"role":"user","content":[{}]}}]}}"#, parts.join(" ,\n"));
        let call = read("/chat/completions", &body);
        let full: Vec<&str> = texts.iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
        let found: Vec<_> = call.texts().spans().iter().map(|span| span.text(call.body())).collect();
        prop_assert_eq!(&found, &full);
        prop_assume!(!full.is_empty());
        let place = which.index(full.len());
        let span = call.texts().spans()[place].clone();
        let (from, to) = (boundary(full[place], &from), boundary(full[place], &to));
        let piece = from.min(to)..from.max(to);

        let raw = span.raw(call.body(), piece.clone());
        let decoded: String = serde_json::from_str(&format!("\"{}\"", &body[raw.clone()])).unwrap();
        prop_assert_eq!(&decoded, &full[place][piece.clone()]);
        let edits = span.redact(call.body(), [(piece.clone(), "[REDACTED:X]")]);
        prop_assert_eq!(&edits, &[Edit::replacement(raw.clone(), "[REDACTED:X]")]);
        let sent = call.redact(edits).outgoing_body();
        let expected = format!("{}[REDACTED:X]{}", &body[..raw.start], &body[raw.end..]);
        prop_assert_eq!(&sent[..], expected.as_bytes());
        let read_again = read("/chat/completions", &expected);
        let mut redacted = full[place].to_owned();
        redacted.replace_range(piece, "[REDACTED:X]");
        prop_assert_eq!(read_again.texts().spans()[place].text(&sent), redacted);
    }
}

#[test]
fn several_pieces_of_one_text_are_redacted_together() {
    let body = r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"\u0061b\ncd\ud83d\ude00e"}]}"#;
    let call = read("/chat/completions", body);
    let span = call.texts().spans()[0].clone();
    let edits = span.redact(call.body(), [(0..1, "[A]"), (2..4, "[B]"), (5..9, "[C]")]);
    let sent = call.redact(edits).outgoing_body();
    let expected = r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"[A]b[B]d[C]e"}],"stream_options":{"include_usage":true}}"#;
    assert_eq!(sent, expected);
}

#[test]
fn a_text_file_in_base64_is_redacted_within() {
    let body = r#"{"model":"m","input":[{"type":"input_file","file_data":"data:text/plain;base64,YSBzZWNyZXQgaXMgYSBzZWNyZXQ"}]}"#;
    let call = read("/responses", body);
    let span = call.texts().spans()[0].clone();
    assert_eq!(span.text(call.body()), "a secret is a secret");
    assert!(span.redact(call.body(), []).is_empty());
    let edits = span.redact(call.body(), [(2..8, "[X]"), (14..20, "[Y]")]);
    let sent = call.redact(edits).outgoing_body();
    let again = read("/responses", str::from_utf8(&sent).unwrap());
    assert_eq!(again.texts().spans()[0].text(&sent), "a [X] is a [Y]");
}

#[test]
fn escapes_in_a_files_address_do_not_hide_its_text() {
    let body = r#"{"model":"m","input":[{"type":"input_file","file_data":"data:text\/plain;base64,YSBzZWNyZXQ\/IGlzIGEg\u0063w=="}]}"#;
    let call = read("/responses", body);
    let span = call.texts().spans()[0].clone();
    assert_eq!(call.texts().unread(), []);
    assert_eq!(span.text(call.body()), "a secret? is a s");
    let edits = span.redact(call.body(), [(2..8, "[X]")]);
    let sent = call.redact(edits).outgoing_body();
    assert!(sent.starts_with(&body.as_bytes()[..body.find("YSBz").unwrap()]));
    let again = read("/responses", str::from_utf8(&sent).unwrap());
    assert_eq!(again.texts().spans()[0].text(&sent), "a [X]? is a s");
}

#[test]
fn a_redacted_tools_name_is_what_the_facts_say() {
    let call = read(
        "/chat/completions",
        r#"{"model":"m","messages":[],"tools":[{"type":"function","function":{"name":"a_secret"}}]}"#,
    );
    let span = call.texts().spans()[0].clone();
    let edits = span.redact(call.body(), [(2..8, "X")]);
    let call = call.redact(edits);
    assert_eq!(crate::types::Governed::facts(&call).tool_names, ["a_X".into()]);
}

proptest! {
    #[test]
    fn edits_leave_all_other_bytes(body in prop::collection::vec(any::<u8>(), 0..60), cuts in prop::collection::vec(0usize..60, 0..8)) {
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(body.len())).collect();
        cuts.sort_unstable();
        let edits: Vec<Edit> = cuts.chunks_exact(2).map(|pair| Edit::replacement(pair[0]..pair[1], "+")).collect();
        let mut expected = body.clone();
        let unique: Vec<&Edit> = edits.iter().collect();
        for edit in unique.iter().rev() { expected.splice(edit.range.clone(), *b"+"); }
        prop_assert_eq!(&apply(&Bytes::from(body), &edits)[..], &expected[..]);
    }
}
