//! Events in any split, and what stands in them.

use super::*;
use crate::openai::{ENDPOINTS, Edit};
use bytes::Bytes;

fn read(name: &str, data: &str) -> EventTexts {
    let endpoint = ENDPOINTS.iter().find(|row| row.name == name).unwrap();
    read_event(endpoint, data.as_bytes()).unwrap()
}

/// Surface, whether it is a piece, and the text.
fn texts(name: &str, data: &str) -> Vec<(&'static str, bool, String)> {
    let found = read(name, data);
    let text = |it: &EventText| {
        (it.surface.as_str(), it.key.is_some(), it.text(data.as_bytes()).into_owned())
    };
    found.texts.iter().map(text).collect()
}

#[test]
fn a_stream_is_cut_at_the_same_places_in_any_split() {
    let events =
        ["data: 1\n\n", ": c\r\n\r\n", "event: x\rdata: 2\r\r", "\n", "data: 3\ndata: 4\n\n"];
    let stream = Bytes::from(events.concat());
    for size in 1..=stream.len() {
        let mut cutter = EventCutter::default();
        let (mut seen, mut data) = (Vec::new(), Vec::new());
        for start in (0..stream.len()).step_by(size) {
            let chunk = stream.slice(start..stream.len().min(start + size));
            let mut at = 0;
            while let Some(cut) = cutter.next(&chunk, &mut at) {
                match cut {
                    Cut::Event(event) => {
                        data.push(String::from_utf8(event.data().to_vec()).unwrap());
                        seen.extend_from_slice(event.raw());
                    }
                    Cut::Newline(newline) => seen.extend_from_slice(&newline),
                    Cut::TooLarge => panic!(),
                }
            }
        }
        assert!(cutter.finish().is_none());
        assert_eq!(seen, stream);
        data.retain(|data| !data.is_empty());
        assert_eq!(data, ["1", "2", "3\n4"]);
    }
}

#[test]
fn an_event_over_the_bound_is_skipped_and_told_once() {
    let mut cutter = EventCutter::default();
    let mut kinds = Vec::new();
    for chunk in
        ["data: ".to_owned(), "x".repeat(MAX_EVENT_BYTES), "y".into(), "\n\ndata: 1\n\n".into()]
    {
        let (chunk, mut at) = (Bytes::from(chunk), 0);
        while let Some(cut) = cutter.next(&chunk, &mut at) {
            kinds.push(matches!(cut, Cut::TooLarge));
        }
    }
    assert_eq!(kinds, [true, false]);
    assert_eq!(cutter.held_bytes(), 0);
}

#[test]
fn splices_change_their_own_bytes_alone() {
    let event =
        Event::new(Bytes::from_static(b"id: 1\ndata:{\"a\":\"b\",\"c\":1}\r\nevent: e\n\n"));
    let edit = |range, with: &'static str| Edit::replacement(range, with);
    let edited = event.edited(&[edit(13..14, "22"), edit(6..7, "x"), edit(6..6, "")]);
    assert_eq!(edited, "id: 1\ndata:{\"a\":\"x\",\"c\":22}\r\nevent: e\n\n");
    let within = event.edited(&[edit(6..7, "x"), edit(5..8, "null")]);
    assert_eq!(within, "id: 1\ndata:{\"a\":null,\"c\":1}\r\nevent: e\n\n");
}

#[test]
fn labels_are_no_texts_as_long_as_they_look_like_labels() {
    let data = r#"{"type":"response.in_progress","response":{"id":"resp_1","status":"in_progress","model":"gpt-4o",
        "instructions":"be kind","metadata":{"k":"v"},"user":"u1","tools":[{"type":"function","name":"f","description":"d"}],
        "error":{"code":"c","message":"m"},"service_tier":"not a label"}}"#;
    let expected = [
        ("system", false, "be kind"),
        ("metadata", false, "k"),
        ("metadata", false, "v"),
        ("end_user", false, "u1"),
        ("tool_definition", false, "f"),
        ("tool_definition", false, "d"),
        ("other", false, "c"),
        ("other", false, "m"),
        ("other", false, "not a label"),
    ];
    let expected = expected.map(|(surface, piece, text)| (surface, piece, text.to_owned()));
    assert_eq!(texts("responses", data), expected);
}

#[test]
fn items_say_by_their_type_what_their_strings_are() {
    let data = r#"{"type":"response.output_item.done","output_index":1,"item":{"type":"reasoning","id":"rs_1",
        "summary":[{"type":"summary_text","text":"s"}],"encrypted_content":"%"}}"#.replace('%', &"A".repeat(64));
    let data = data.as_str();
    assert_eq!(texts("responses", data), [("reasoning", false, "s".to_owned())]);
    let data = r#"{"type":"response.output_item.done","output_index":1,"item":{"type":"local_shell_call_output","output":"o"}}"#;
    assert_eq!(texts("responses", data), [("tool_result", false, "o".to_owned())]);
    let data = r#"{"type":"response.output_item.added","output_index":1,"item":{"type":"function_call","name":"f","arguments":""}}"#;
    let found = read("responses", data);
    assert_eq!(found.calls[0].name.as_deref(), Some("f"));
    assert!(found.calls[0].is_open);
}

#[test]
fn images_are_told_of_and_not_read() {
    let data = r#"{"type":"image_generation.partial_image","b64_json":"aGFsbG8=","partial_image_index":0}"#;
    let found = read("images/generations", data);
    assert!(found.unread == [Unread::Binary] && found.texts.is_empty());
    let data = r#"{"type":"image_generation.completed","b64_json":"not base64"}"#;
    assert_eq!(texts("images/generations", data), [("assistant", false, "not base64".to_owned())]);
}

#[test]
fn the_head_of_a_stream_is_its_answers_own() {
    let head = stream_head(br#"{"id":"chatcmpl-1","created":5,"model":"m"}"#).unwrap();
    assert_eq!((head.id.as_deref(), head.created_secs), (Some("chatcmpl-1"), Some(5)));
    let head =
        stream_head(br#"{"type":"response.created","response":{"id":"r","created_at":5.5}}"#)
            .unwrap();
    assert_eq!((head.id.as_deref(), head.model, head.created_secs), (Some("r"), None, Some(5)));
    assert!(stream_head(b"{}").is_none());
}
