//! A streamed answer in any pieces.

use super::{json, splits};
use bytes::Bytes;
use portcullis::openai::{AnswerFacts, PING, StreamEditor, StreamEnd, StreamMarker};
use serde_json::Value;

const MARKERS: [StreamMarker; 2] =
    [StreamMarker::Done, StreamMarker::Events(&["response.completed", "speech.audio.done"])];

/// What came out of an editor.
#[derive(Debug, Eq, PartialEq)]
struct Passed {
    bytes: Vec<u8>,
    facts: AnswerFacts,
    end: StreamEnd,
    is_complete: bool,
}

/// Pieces do not matter; nothing changes but where usage is removed, and there only usage; a ping disturbs no event.
pub fn check(input: &[u8]) {
    // One of them for each input: the fuzzer finds the other by a byte more.
    let marker = MARKERS[input.len() % MARKERS.len()];
    let plain = pass(marker, false, [input]);
    assert_eq!(plain.bytes, input);
    let stripped = pass(marker, true, [input]);
    assert_eq!((&stripped.facts, stripped.end), (&plain.facts, plain.end));
    check_stripped(input, &stripped.bytes);
    for pieces in splits::of(input) {
        assert_eq!(pass(marker, false, pieces.iter().copied()), plain);
        assert_eq!(pass(marker, true, pieces.iter().copied()), stripped);
    }
}

/// Feeds the pieces. Beside what comes out stands the same with a ping wherever one may be sent; both hold the same
/// events.
fn pass<'i>(
    marker: StreamMarker,
    strips: bool,
    pieces: impl IntoIterator<Item = &'i [u8]>,
) -> Passed {
    let mut editor = StreamEditor::new(marker, strips);
    let (mut bytes, mut pinged) = (Vec::new(), Vec::new());
    let mut out = Vec::new();
    for piece in pieces {
        editor.feed(Bytes::copy_from_slice(piece), &mut out).unwrap();
        for part in out.drain(..) {
            bytes.extend_from_slice(&part);
            pinged.extend_from_slice(&part);
        }
        if editor.at_boundary() {
            pinged.extend_from_slice(PING);
        }
    }
    let end = editor.finish(&mut out);
    bytes.extend(out.concat());
    pinged.extend(out.concat());
    assert_eq!(events(&pinged), events(&bytes), "a ping stands in an event");
    Passed { bytes, facts: editor.facts().clone(), end, is_complete: editor.is_complete() }
}

/// The data of each event, as the specification of server-sent events reads it; an event that is not ended counts.
fn events(stream: &[u8]) -> Vec<Vec<u8>> {
    let mut events = vec![Vec::new()];
    let mut rest = stream;
    while !rest.is_empty() {
        let length = rest.iter().position(|byte| b"\r\n".contains(byte)).unwrap_or(rest.len());
        let (line, after) = rest.split_at(length);
        rest = after.strip_prefix(b"\r\n").unwrap_or(after.get(1..).unwrap_or_default());
        if line.is_empty() {
            events.push(Vec::new());
        } else if let (Some(data), Some(event)) = (line.strip_prefix(b"data:"), events.last_mut()) {
            event.extend_from_slice(data.strip_prefix(b" ").unwrap_or(data));
            event.push(b'\n');
        }
    }
    events.retain(|event| !event.is_empty());
    events
}

/// Where serde_json can read all events, usage is gone and everything else is there.
fn check_stripped(input: &[u8], output: &[u8]) {
    let read = |event: &Vec<u8>| match event.trim_ascii() {
        b"[DONE]" => Some(Value::Null),
        text => Some(text)
            .filter(|it| json::is_unambiguous(it) && !it.contains(&b'\\'))
            .and_then(|it| serde_json::from_slice(it).ok().filter(Value::is_object)),
    };
    let Some(mut expected) = events(input).iter().map(read).collect::<Option<Vec<Value>>>() else {
        return;
    };
    expected.retain(|event| {
        !(event["choices"] == Value::Array(Vec::new()) && event["usage"].is_object())
    });
    for event in &mut expected {
        if let Some(members) =
            event.as_object_mut().filter(|members| members.get("usage") == Some(&Value::Null))
        {
            members.remove("usage");
        }
    }
    let passed = events(output).iter().map(read).collect::<Option<Vec<Value>>>();
    assert_eq!(passed, Some(expected));
}
