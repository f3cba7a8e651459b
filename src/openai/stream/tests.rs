//! Streams in any split: what reaches the client, what is known, how it ends.

use super::*;
use crate::types::Usage;
use proptest::prelude::*;

const WITH_USAGE: &str = include_str!("../testdata/stream_usage.sse");
const PLAIN: &str = include_str!("../testdata/stream_plain.sse");
const RESPONSES: &str = include_str!("../testdata/responses.sse");
const RESPONSE_ENDS: StreamMarker =
    StreamMarker::Events(&["response.completed", "response.incomplete", "response.failed"]);

/// What the client gets, what is known, and how it ended.
fn edit(removes_usage: bool, chunks: &[&[u8]]) -> (String, AnswerFacts, StreamEnd) {
    edit_until(StreamMarker::Done, removes_usage, chunks)
}

fn edit_until(
    marker: StreamMarker,
    removes_usage: bool,
    chunks: &[&[u8]],
) -> (String, AnswerFacts, StreamEnd) {
    let mut editor = StreamEditor::new(marker, removes_usage);
    let mut out = Vec::new();
    for chunk in chunks {
        editor.feed(Bytes::copy_from_slice(chunk), &mut out).unwrap();
    }
    let end = editor.finish(&mut out);
    (String::from_utf8_lossy(&out.concat()).into_owned(), editor.facts().clone(), end)
}

fn whole(removes_usage: bool, stream: &str) -> (String, AnswerFacts, StreamEnd) {
    edit(removes_usage, &[stream.as_bytes()])
}

fn facts() -> AnswerFacts {
    AnswerFacts {
        id: Some("chatcmpl-B9".into()),
        model: Some("gpt-4o-2024-08-06".into()),
        finish_reason: Some("stop".into()),
        usage: Usage {
            input_tokens: Some(19),
            output_tokens: Some(10),
            cached_tokens: Some(0),
            ..Usage::default()
        },
        ..AnswerFacts::default()
    }
}

#[test]
fn the_client_sees_the_stream_that_it_asked_for_at_every_split() {
    for line_end in ["\n", "\r\n", "\r"] {
        let stream = WITH_USAGE.replace('\n', line_end);
        let plain = PLAIN.replace('\n', line_end);
        for at in 0..=stream.len() {
            let (one, other) = stream.as_bytes().split_at(at);
            let expected = (plain.clone(), facts(), StreamEnd::Complete);
            assert_eq!(edit(true, &[one, other]), expected, "split at {at} of {line_end:?}");
        }
        let bytes: Vec<&[u8]> = stream.as_bytes().chunks(1).collect();
        assert_eq!(edit(true, &bytes).0, plain);
        assert_eq!(edit(false, &bytes), (stream.clone(), facts(), StreamEnd::Complete));
    }
}

#[test]
fn a_chunk_that_is_not_edited_goes_on_at_once_without_a_copy() {
    let chunk = Bytes::from_static(&WITH_USAGE.as_bytes()[..100]);
    let mut out = Vec::new();
    StreamEditor::new(StreamMarker::Done, false).feed(chunk.clone(), &mut out).unwrap();
    assert_eq!((out.len(), out[0].as_ptr(), out[0].len()), (1, chunk.as_ptr(), 100));

    let plain = Bytes::from_static(PLAIN.as_bytes());
    let mut out = Vec::new();
    StreamEditor::new(StreamMarker::Done, true).feed(plain.clone(), &mut out).unwrap();
    assert_eq!((out.len(), out[0].as_ptr(), out[0].len()), (1, plain.as_ptr(), plain.len()));
}

#[test]
fn a_whole_event_leaves_before_the_next_one_arrives() {
    let mut editor = StreamEditor::new(StreamMarker::Done, true);
    for event in WITH_USAGE.split_inclusive("\n\n").take(3) {
        let mut out = Vec::new();
        editor.feed(Bytes::copy_from_slice(event.as_bytes()), &mut out).unwrap();
        assert!(out.concat().ends_with(b"\n\n"));
        assert!(editor.at_boundary());
    }
}

#[test]
fn a_stream_without_its_marker_is_truncated_and_nothing_is_lost() {
    let cut = &WITH_USAGE[..WITH_USAGE.find("data: [DONE]").unwrap()];
    assert_eq!(whole(true, cut).2, StreamEnd::Truncated);
    assert_eq!(whole(false, "").2, StreamEnd::Truncated);
    assert_eq!(whole(true, "data: [DONE").2, StreamEnd::Truncated);
    assert_eq!(whole(true, "data: {\"x\":[\"[DONE]\"]}\n\n").2, StreamEnd::Truncated);
    assert_eq!(whole(true, ": [DONE]\n\n").2, StreamEnd::Truncated);
    let half = r#"data: {"usage":null,"choi"#;
    assert_eq!(whole(true, half).0, half);
}

#[test]
fn a_missing_last_blank_line_does_not_matter() {
    for end in
        ["data: [DONE]", "data:[DONE]", "data: [DONE]\n", "data: [DONE]\r", "data: [DONE]\r\n\r\n"]
    {
        assert_eq!(whole(true, end).2, StreamEnd::Complete);
        assert_eq!(whole(true, end).0, end);
    }
    let last = "data: {\"a\":1,\"usage\":null}";
    assert_eq!(whole(true, last).0, "data: {\"a\":1}");
}

#[test]
fn an_error_event_of_the_provider_ends_a_stream_too() {
    let stream = "event: error\ndata: {\"error\":{\"message\":\"x\",\"type\":\"server_error\",\"code\":\"overloaded\"}}\n\n";
    let (out, facts, end) = whole(true, stream);
    assert_eq!((out.as_str(), end), (stream, StreamEnd::Complete));
    assert_eq!(facts.error_code.as_deref(), Some("overloaded"));
    assert_eq!(whole(false, "data: {\"error\":null}\n\n").2, StreamEnd::Truncated);
    assert_eq!(whole(false, "data: {\"error\":{\"message\":\"x\"\n\n").2, StreamEnd::Truncated);
}

#[test]
fn a_responses_stream_is_read_alike_at_every_split() {
    let expected = AnswerFacts {
        id: Some("resp_67c9".into()),
        model: Some("gpt-4.1-2025-04-14".into()),
        finish_reason: Some("completed".into()),
        inner_ids: vec!["msg_67c9".into()],
        usage: Usage {
            input_tokens: Some(37),
            output_tokens: Some(11),
            reasoning_tokens: Some(0),
            ..Usage::default()
        },
        ..AnswerFacts::default()
    };
    for removes_usage in [false, true] {
        for at in 0..=RESPONSES.len() {
            let (one, other) = RESPONSES.as_bytes().split_at(at);
            let (out, facts, end) = edit_until(RESPONSE_ENDS, removes_usage, &[one, other]);
            assert_eq!((facts, end), (expected.clone(), StreamEnd::Complete), "split at {at}");
            assert_eq!(out, RESPONSES);
        }
    }
    let bytes: Vec<&[u8]> = RESPONSES.as_bytes().chunks(1).collect();
    assert_eq!(edit_until(RESPONSE_ENDS, true, &bytes).1, expected);
    let cut = &RESPONSES[..RESPONSES.find("event: response.completed").unwrap()];
    let (_, facts, end) = edit_until(RESPONSE_ENDS, false, &[cut.as_bytes()]);
    assert_eq!((facts.finish_reason.as_deref(), end), (Some("in_progress"), StreamEnd::Truncated));
}

#[test]
fn a_stream_ends_with_one_of_its_own_events() {
    let ends = |marker, stream: &str| edit_until(marker, false, &[stream.as_bytes()]).2;
    let done = StreamMarker::Events(&["speech.audio.done"]);
    for (stream, end) in [
        ("data: {\"type\":\"speech.audio.done\",\"usage\":{}}\n\n", StreamEnd::Complete),
        ("data: {\"usage\":{},\"type\":\"speech.audio.done\"}", StreamEnd::Complete),
        ("data: {\"type\":\"speech.audio.delta\"}\n\n", StreamEnd::Truncated),
        ("data: {\"type\":\"speech.audio.done\"\n\n", StreamEnd::Truncated),
        ("data: {\"x\":{\"type\":\"speech.audio.done\"}}\n\n", StreamEnd::Truncated),
        ("event: speech.audio.done\ndata: {}\n\n", StreamEnd::Truncated),
        ("data: {\"type\":\"speech.audio.done\"}\n\ndata: {}\n\n", StreamEnd::Complete),
        ("data: [DONE]\n\n", StreamEnd::Complete),
        ("data: {\"type\":\"error\"}\n\n", StreamEnd::Complete),
    ] {
        assert_eq!(ends(done, stream), end, "{stream}");
    }
    let speech = "data: {\"type\":\"speech.audio.done\"}\n\n";
    assert_eq!(ends(StreamMarker::Done, speech), StreamEnd::Truncated);
    assert_eq!(ends(StreamMarker::Unknown, "data: {}\n\n"), StreamEnd::Complete);
}

#[test]
fn each_of_several_images_has_an_end_of_its_own() {
    let marker = StreamMarker::EachOf { begun: "image.partial", ends: "image.completed" };
    let (partial, completed) =
        ("data: {\"type\":\"image.partial\"}\n\n", "data: {\"type\":\"image.completed\"}\n\n");
    for (events, end) in [
        (vec![completed], StreamEnd::Complete),
        (vec![partial, completed, partial, completed], StreamEnd::Complete),
        (vec![completed, completed], StreamEnd::Complete),
        (vec![], StreamEnd::Truncated),
        (vec![partial], StreamEnd::Truncated),
        (vec![partial, completed, partial], StreamEnd::Truncated),
        (vec![completed, partial, "data: {\"type\":\"error\"}\n\n"], StreamEnd::Complete),
    ] {
        let stream = events.concat();
        assert_eq!(edit_until(marker, false, &[stream.as_bytes()]).2, end, "{stream}");
    }
}

#[test]
fn errors_of_a_responses_stream_are_known_by_their_codes() {
    let failed = "data: {\"type\":\"response.failed\",\"response\":{\"id\":\"r\",\"status\":\"failed\",\"error\":{\"code\":\"server_error\",\"message\":\"x\"}}}\n\n";
    let error = "data: {\"type\":\"error\",\"code\":\"rate_limit_exceeded\",\"message\":\"x\",\"param\":null}\n\n";
    for (stream, code) in [(failed, "server_error"), (error, "rate_limit_exceeded")] {
        for at in 0..=stream.len() {
            let (one, other) = stream.as_bytes().split_at(at);
            let (_, facts, end) = edit_until(RESPONSE_ENDS, false, &[one, other]);
            assert_eq!((facts.error_code.as_deref(), end), (Some(code), StreamEnd::Complete));
        }
    }
}

#[test]
fn data_over_several_lines_is_one_event() {
    let stream = "data: {\"model\":\"m\",\ndata: \"choices\":[],\ndata:\"usage\":null\ndata: }\n\n";
    let (out, facts, _) = whole(true, stream);
    assert_eq!(out, "data: {\"model\":\"m\",\ndata: \"choices\":[]\ndata: }\n\n");
    assert_eq!(facts.model.as_deref(), Some("m"));
    let usage = "data: {\"choices\":[],\ndata: \"usage\":{\"prompt_tokens\":1\ndata: }}\n\n";
    assert_eq!(whole(true, usage).0, "");
    assert_eq!(whole(true, usage).1.usage.input_tokens, Some(1));
}

#[test]
fn usage_beside_choices_and_empty_choices_without_usage_stay() {
    for event in [
        "data: {\"choices\":[{\"index\":0}],\"usage\":{\"prompt_tokens\":1}}\n\n",
        "data: {\"choices\":[],\"prompt_filter_results\":[]}\n\n",
        "data: {\"choices\":[null],\"usage\":{\"prompt_tokens\":1}}\n\n",
        "data: {\"usage\":{\"prompt_tokens\":1}}\n\n",
        "data: {\"x\":{\"choices\":[],\"usage\":null}}\n\n",
        "data: not json, \"usage\":null\n\n",
    ] {
        assert_eq!(whole(true, event).0, event);
    }
}

#[test]
fn a_ping_fits_only_between_events() {
    let mut editor = StreamEditor::new(StreamMarker::Done, false);
    let mut at_boundary = |chunk: &'static str| {
        editor.feed(Bytes::from_static(chunk.as_bytes()), &mut Vec::new()).unwrap();
        editor.at_boundary()
    };
    for (chunk, expected) in [
        ("", true),
        ("d", false),
        ("ata: {}", false),
        ("\n", false),
        ("\n", true),
        (": comment", false),
        ("\n", false),
        ("\r", false),
        ("\n", true),
        ("event: x\n", false),
    ] {
        assert_eq!(at_boundary(chunk), expected, "{chunk:?}");
    }
}

#[test]
fn a_held_event_is_bounded_and_others_are_not() {
    let chunk = Bytes::from(vec![b'x'; 600_000]);
    let feed = |removes_usage| {
        let mut editor = StreamEditor::new(StreamMarker::Done, removes_usage);
        let mut out = Vec::new();
        editor.feed(Bytes::from_static(b"data: \""), &mut out)?;
        editor.feed(chunk.clone(), &mut out)?;
        editor.feed(chunk.clone(), &mut out)
    };
    assert_eq!(feed(true), Err(StreamFault::EventTooLarge));
    assert_eq!(feed(false), Ok(()));
}

fn any_stream() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("data: ".to_owned()),
        Just("data:".to_owned()),
        Just("\n".to_owned()),
        Just("\r".to_owned()),
        Just("\r\n".to_owned()),
        Just("\n\n".to_owned()),
        Just("[DONE]".to_owned()),
        Just("{}".to_owned()),
        Just(": ping\n\n".to_owned()),
        Just("event: x\n".to_owned()),
        Just(r#"{"usage":null,"a":1}"#.to_owned()),
        Just(r#"{"a":[1,{"b":"\"}"}] , "usage" : null }"#.to_owned()),
        Just(r#"{"choices":[],"usage":{"prompt_tokens":3}}"#.to_owned()),
        Just(r#"{"error":{"code":7}}"#.to_owned()),
        Just(r#"{"type":"error","code":"c"}"#.to_owned()),
        Just(r#"{"type":"response.completed","response":{"id":"r","status":"s","usage":{"input_tokens":3},"error":{"code":"x"}}}"#.to_owned()),
        "[ -~]{0,8}",
        any::<String>(),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_split_changes_output_facts_or_verdict(stream in any_stream(), sizes in prop::collection::vec(1usize..40, 1..8), removes: bool) {
        let mut rest = stream.as_bytes();
        let mut chunks = Vec::new();
        for size in sizes.iter().cycle() {
            if rest.is_empty() { break }
            let (chunk, after) = rest.split_at(rest.len().min(*size));
            chunks.push(chunk);
            rest = after;
        }
        prop_assert_eq!(edit(removes, &chunks), whole(removes, &stream));
        let one = edit_until(RESPONSE_ENDS, removes, &[stream.as_bytes()]);
        prop_assert_eq!(edit_until(RESPONSE_ENDS, removes, &chunks), one);
        if !removes { prop_assert_eq!(whole(false, &stream).0, stream); }
    }

    #[test]
    fn arbitrary_bytes_never_panic(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..12), removes: bool) {
        let chunks: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
        edit(removes, &chunks);
    }

    #[test]
    fn removing_usage_from_a_chunk_restores_it(chunk in prop::collection::btree_map("[a-z]{1,9}", "[ -~é]{0,20}", 0..8), place: prop::sample::Index) {
        let members: Vec<String> = chunk.iter().filter(|(key, _)| *key != "usage" && *key != "error")
            .map(|(key, value)| format!("{}:{}", serde_json::json!(key), serde_json::json!(value))).collect();
        let mut with = members.clone();
        with.insert(place.index(members.len() + 1), "\"usage\":null".to_owned());
        let event = |members: Vec<String>| format!("data: {{{}}}\n\n", members.join(","));
        prop_assert_eq!(whole(true, &event(with)).0, event(members));
    }
}
