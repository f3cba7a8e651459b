//! Chunks of chat and of plain completions.

use super::*;

#[test]
fn what_is_not_touched_goes_on_byte_for_byte_and_at_once() {
    let stream = [
        &delta(0, json!({"role": "assistant", "content": "", "refusal": null})),
        ": ping\n\n",
        "id: 4\nevent: x\nretry: 10\ndata:  { \"choices\" : [ ]\ndata: , \"usage\": null }\n\n",
        &content(0, "Gr\u{fc}\u{df}e \\ \"quoted\" "),
        &finish(0, "stop"),
        DONE,
    ]
    .concat();
    for line_end in ["\n", "\r\n", "\r"] {
        let stream = stream.replace('\n', line_end);
        let seen = inline("chat/completions", &stream);
        assert_eq!((seen.bytes.as_str(), seen.stop), (stream.as_str(), None));
        assert_eq!(seen.report.scan.extent, ScanExtent::Full);
    }
    let mut screen = StreamScreen::new(acting(), None, endpoint("chat/completions"), INLINE);
    for event in stream.split_inclusive("\n\n") {
        let mut out = Vec::new();
        screen.feed(Bytes::copy_from_slice(event.as_bytes()), &mut out).unwrap();
        assert_eq!(out.concat(), event.as_bytes());
        assert!(screen.at_boundary());
    }
}

#[test]
fn a_value_in_pieces_is_redacted_and_only_its_string_changes() {
    let pieces = ["my se", "c", "ret is ", "safe"];
    let events: Vec<String> = pieces.iter().map(|piece| content(0, piece)).collect();
    let stream = [events.concat(), finish(0, "stop"), DONE.into()].concat();
    let seen = inline("chat/completions", &stream);
    let expected = ["my ", "", "[REDACTED:SECRET] is ", ""].map(|piece| content(0, piece));
    assert!(seen.bytes.starts_with(&expected[..3].concat()), "{}", seen.bytes);
    assert_eq!(seen.field(0, "content"), "my [REDACTED:SECRET] is safe");
    assert_eq!((seen.count(), seen.stop), (1, None));
}

#[test]
fn text_that_cannot_become_a_value_leaves_before_the_next_event_comes() {
    let mut screen = StreamScreen::new(acting(), None, endpoint("chat/completions"), INLINE);
    let mut out = Vec::new();
    screen.feed(content(0, "my dear se").into(), &mut out).unwrap();
    assert_eq!(out.concat(), content(0, "my dear ").as_bytes());
}

#[test]
fn what_is_left_of_a_text_goes_out_before_its_end_in_a_copy_that_says_nothing_else() {
    let first = chunk(json!([
        {"index": 0, "delta": {"role": "assistant", "content": "a se"}, "finish_reason": null},
        {"index": 1, "delta": {"content": "other"}, "finish_reason": "stop"},
    ]));
    let seen = inline("chat/completions", &[&first, &finish(0, "stop"), DONE].concat());
    let events = seen.events();
    assert_eq!(events.len(), 3);
    assert_eq!(
        events[1]["choices"],
        json!([
            {"index": 0, "delta": {"role": null, "content": "se"}, "finish_reason": null},
            {"index": 1, "delta": {"content": ""}, "finish_reason": null},
        ])
    );
    assert_eq!(events[2]["choices"][0]["finish_reason"], "stop");
    // Without any end, and without the blank line.
    let whole = content(0, "a se");
    assert_eq!(inline("chat/completions", &whole).field(0, "content"), "a se");
    assert_eq!(inline("chat/completions", whole.trim_end()).bytes, whole.trim_end());
}

#[test]
fn a_last_piece_in_the_event_that_ends_its_choice_needs_no_copy() {
    let last =
        chunk(json!([{"index": 0, "delta": {"content": "a se"}, "finish_reason": "length"}]));
    let seen = inline("chat/completions", &last);
    assert_eq!(seen.bytes, last);
}

#[test]
fn choices_and_fields_are_texts_of_their_own() {
    let stream = [
        content(0, "se"),
        content(1, "cret"),
        delta(0, json!({"reasoning_content": "cret", "x_notes": [{"t": "se"}]})),
        delta(0, json!({"refusal": "cret", "x_notes": [{"t": "cret"}]})),
        delta(1, json!({"audio": {"id": "a", "transcript": "se"}})),
        delta(1, json!({"audio": {"transcript": "cret", "data": "c2VjcmV0"}})),
    ]
    .concat();
    let seen = inline("chat/completions", &stream);
    assert_eq!(seen.count(), 2);
    assert!(seen.bytes.contains(r#""x_notes":[{"t":"[REDACTED:SECRET]"}]"#));
    assert!(seen.bytes.contains(r#""transcript":"[REDACTED:SECRET]""#));
    assert_eq!((seen.field(0, "content"), seen.field(1, "content")), ("se".into(), "cret".into()));
    assert_eq!(seen.report.scan.reason.as_deref(), Some("images, audio and files are not read"));
}

#[test]
fn a_stopped_stream_ends_with_one_event_that_is_both_blocked_and_a_chunk() {
    let begun = delta(0, json!({"role": "assistant", "content": ""}));
    let stream = [&begun, &content(0, "the bo"), &content(0, "mb is"), DONE].concat();
    let seen = inline("chat/completions", &stream);
    assert_eq!(seen.stop, Some(StreamStop::Violation));
    let expected = [begun, content(0, "the ")].concat();
    let last = seen.bytes.strip_prefix(&expected).unwrap();
    let data = last.strip_prefix("data: ").unwrap().strip_suffix("\n\ndata: [DONE]\n\n").unwrap();
    let last: Value = serde_json::from_str(data).unwrap();
    assert_eq!(
        last,
        json!({
            "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 5, "model": "gpt-4o",
            "blocked": true, "message": openai::BLOCKED_MESSAGE,
            "choices": [{"index": 0, "delta": {}, "logprobs": null, "finish_reason": "content_filter"}],
        })
    );
}

#[test]
fn a_choice_without_text_gets_the_message_and_a_finished_one_nothing() {
    let stream = [
        delta(0, json!({"role": "assistant", "content": ""})),
        content(1, "text "),
        content(2, "text "),
        finish(2, "stop"),
        content(0, "bo"),
        content(0, "mb "),
    ]
    .concat();
    let seen = inline("chat/completions", &stream);
    let last = seen.events().pop().unwrap();
    let choice = |index, delta| json!({"index": index, "delta": delta, "logprobs": null, "finish_reason": "content_filter"});
    let message = json!({"content": openai::BLOCKED_MESSAGE});
    assert_eq!(last["choices"], json!([choice(0, message), choice(1, json!({}))]));
    // Before anything was sent it is the whole answer.
    let seen = inline("chat/completions", &content(0, "bomb "));
    let delta = &seen.events()[0]["choices"][0]["delta"];
    assert_eq!(*delta, json!({"role": "assistant", "content": openai::BLOCKED_MESSAGE}));
    assert_eq!(seen.events()[0]["id"], "chatcmpl-dec1");
}

#[test]
fn token_probabilities_are_emptied_where_texts_are_held() {
    let event = chunk(json!([{"index": 0, "delta": {"content": "a "},
        "logprobs": {"content": [{"token": "secret", "top_logprobs": []}]}, "finish_reason": null}]));
    let seen = inline("chat/completions", &event);
    assert_eq!(seen.bytes, content(0, "a "));
}

#[test]
fn plain_completions_are_read_too() {
    let piece = |text: &str| {
        let it = json!({"id": "cmpl-1", "object": "text_completion", "created": 5, "model": "m",
            "choices": [{"index": 0, "text": text, "logprobs": null, "finish_reason": null}]});
        format!("data: {it}\n\n")
    };
    let seen = inline("completions", &[&piece("a sec"), &piece("ret"), DONE].concat());
    assert_eq!(seen.field(0, "text"), "a [REDACTED:SECRET]");
    let seen = inline("completions", &[piece("a "), piece("bomb")].concat());
    let last = seen.events().pop().unwrap();
    assert_eq!((&last["choices"][0]["text"], &last["blocked"]), (&json!(""), &json!(true)));
}

#[test]
fn an_event_that_cannot_be_read_or_held_cuts_the_stream() {
    for bad in [
        "data: {\"a\":1,\"a\":2}\n\n",
        "data: {\n\n",
        "data: secret\n\n",
        "data: [DONE] secret\n\n",
    ] {
        let seen = inline("chat/completions", &[&content(0, "hi "), bad].concat());
        assert_eq!(seen.stop, Some(StreamStop::Unreadable));
        assert_eq!(seen.bytes, content(0, "hi "));
        assert_eq!(seen.report.scan.reason.as_deref(), Some("an event could not be read"));
    }
    let long = content(0, &"x".repeat(openai::MAX_EVENT_BYTES));
    let seen = inline("chat/completions", &long);
    assert_eq!((seen.stop, seen.bytes.as_str()), (Some(StreamStop::Unreadable), ""));
    let seen = inline("chat/completions", &format!("\u{feff}{}", content(0, "bomb")));
    assert_eq!(seen.stop, Some(StreamStop::Violation));
}

#[test]
fn strings_outside_of_deltas_are_whole_texts() {
    let event =
        "data: {\"choices\":[],\"note\":\"a s\\u0065cret\",\"error\":{\"message\":\"secret\"}}\n\n";
    let seen = inline("chat/completions", event);
    let expected = "data: {\"choices\":[],\"note\":\"a [REDACTED:SECRET]\",\"error\":{\"message\":\"[REDACTED:SECRET]\"}}\n\n";
    assert_eq!(seen.bytes, expected);
}

#[test]
fn data_in_several_lines_becomes_one_line_where_it_is_changed() {
    let event = "id: 1\ndata: {\"choices\":[\ndata: ],\"note\":\ndata: \"secret\"}\n\n";
    let seen = inline("chat/completions", event);
    let expected = "id: 1\ndata: {\"choices\":[ ],\"note\": \"[REDACTED:SECRET]\"}\n\n";
    assert_eq!(seen.bytes, expected);
}

#[test]
fn a_long_answer_word_by_word_comes_out_whole() {
    let words = [
        "hello ",
        "se",
        "word",
        " and ",
        "\n",
        "12",
        ".5 a@b",
        "=",
        "x",
        "% ",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ];
    let text: Vec<&str> = (0..3_000).map(|n| words[n * n % 7 + n % 5]).collect();
    let stream: String = text.iter().map(|word| content(0, word)).collect();
    let seen = inline("chat/completions", &[stream, finish(0, "stop")].concat());
    assert_eq!((seen.stop, seen.field(0, "content")), (None, text.concat()));
}

#[test]
fn the_report_of_an_answer_that_was_stopped_says_that_the_rest_is_unread() {
    let seen = inline("chat/completions", &content(0, "bomb "));
    assert_eq!(seen.report.scan.extent, ScanExtent::Partial);
    assert_eq!(seen.report.scan.reason.as_deref(), Some("the answer was stopped before its end"));
}

#[test]
fn nothing_of_a_chunk_passes_because_nobody_expects_it_there() {
    for data in [
        json!({"choices": [{"index": 0, "delta": "a secret"}]}),
        json!({"choices": [{"index": 0, "delta": ["a secret"]}]}),
        json!({"choices": [{"index": 0, "delta": {"a secret": 1}}]}),
        json!({"choices": [{"index": 0, "delta": {"content": "se", "a secret": 1}}]}),
        json!({"choices": [{"index": 0, "delta": {"x": {"a secret": 1}}}]}),
        json!({"choices": ["a secret"]}),
        json!({"choices": [["a secret"]]}),
        json!({"choices": [{"index": "a secret"}]}),
        json!({"choices": [{"index": 0, "finish_reason": "secret"}]}),
        json!({"choices": [{"index": 0, "a secret": null}]}),
        json!({"choices": [{"index": 0, "logprobs": "secret"}]}),
        json!({"choices": [{"index": 0, "message": {"x": {"id": "secret"}}}]}),
        json!({"choices": [{"index": 0, "delta": {"tool_calls": "secret"}}]}),
        json!({"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "secret": 1}]}}]}),
        json!({"choices": [{"index": 0, "delta": {"tool_calls": ["secret"]}}]}),
        json!({"choices": [{"index": 0, "delta": {"tool_calls": [{"function": {"name": "f", "secret": 1, "arguments": ""}}]}}]}),
        json!({"choices": [], "usage": {"note": "secret", "type": "secret"}}),
        json!({"choices": [], "metadata": {"id": "secret", "status": "secret", "type": "secret"}}),
    ] {
        let seen = inline("chat/completions", &format!("data: {data}\n\n"));
        assert!(seen.stop.is_none() && !seen.bytes.contains("secret"), "{data} {}", seen.bytes);
        assert!(seen.bytes.contains("[REDACTED:SECRET]"), "{}", seen.bytes);
        let noted = screen_with(noting(), [format!("data: {data}\n\n")]);
        assert!(noted.count() > 0, "{data}");
    }
}

fn noting() -> StreamScreen {
    StreamScreen::new(watching(), None, endpoint("chat/completions"), INLINE)
}

#[test]
fn lines_beside_the_data_are_judged_and_what_is_no_line_of_an_event_is_dropped() {
    let kept = [": a comment\n\n", "event: x\nid: 5\nretry: 10\n\n", ":\r\n\r\n"].concat();
    let stream = [
        ": a secret\n\n",
        &kept,
        "{\"error\": 1}\n\n",
        "event: secret\nid: 1\ndata: {}\nx\n\n",
        "secret",
    ];
    let seen = inline("chat/completions", &stream.concat());
    let expected = ["\n", &kept, "\n", "id: 1\ndata: {}\n\n"].concat();
    assert_eq!((seen.bytes, seen.stop), (expected, None));
    assert_eq!(inline("chat/completions", ": bomb\n\n").stop, Some(StreamStop::Violation));
    assert_eq!(screen_with(noting(), [": a secret\n\n"]).count(), 1);
}
