//! Events that say by their type what they are.

use super::*;

fn created() -> String {
    typed(json!({"type": "response.created", "sequence_number": 0, "response":
        {"id": "resp_1", "object": "response", "created_at": 9, "status": "in_progress", "model": "m", "output": []}}))
}

fn text_delta(sequence: u64, piece: &str) -> String {
    typed(
        json!({"type": "response.output_text.delta", "sequence_number": sequence, "item_id": "msg_1",
        "output_index": 0, "content_index": 0, "delta": piece, "logprobs": []}),
    )
}

/// A message that ends with these words, and everything that repeats it.
fn message(words: &[&str]) -> String {
    let text = words.concat();
    let part = json!({"type": "output_text", "text": text, "annotations": []});
    let item = json!({"id": "msg_1", "type": "message", "status": "completed", "role": "assistant", "content": [part]});
    let mut stream = created();
    let mut sequence = 0;
    for word in words {
        sequence += 1;
        stream += &text_delta(sequence, word);
    }
    let rest = [
        json!({"type": "response.output_text.done", "output_index": 0, "content_index": 0, "item_id": "msg_1", "text": text, "logprobs": []}),
        json!({"type": "response.content_part.done", "output_index": 0, "content_index": 0, "part": part}),
        json!({"type": "response.output_item.done", "output_index": 0, "item": item}),
        json!({"type": "response.completed", "response": {"id": "resp_1", "status": "completed", "output": [item]}}),
    ];
    for mut event in rest {
        sequence += 1;
        event["sequence_number"] = sequence.into();
        stream += &typed(event);
    }
    stream
}

fn deltas(seen: &Seen) -> String {
    seen.events().iter().filter_map(|event| event["delta"].as_str().map(str::to_owned)).collect()
}

#[test]
fn every_repetition_of_a_text_is_redacted_and_counted_once() {
    let seen = inline("responses", &message(&["a se", "cret ", "here"]));
    assert_eq!(deltas(&seen), "a [REDACTED:SECRET] here");
    assert!(!seen.bytes.contains("secret"));
    assert_eq!(seen.bytes.matches("a [REDACTED:SECRET] here").count(), 4);
    assert_eq!((seen.count(), seen.stop), (1, None));
}

#[test]
fn what_is_left_gets_a_number_of_its_own_and_the_numbers_stay_increasing() {
    let clean = message(&["a ", "word. "]);
    assert_eq!(inline("responses", &clean).bytes, clean);
    let seen = inline("responses", &message(&["a ", "se"]));
    let numbers: Vec<_> =
        seen.events().iter().map(|event| event["sequence_number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (0..8).collect::<Vec<_>>());
    assert_eq!(deltas(&seen), "a se");
}

#[test]
fn a_stopped_response_is_incomplete_under_its_own_id() {
    let seen = inline("responses", &message(&["a bo", "mb "]));
    let last = seen.events().pop().unwrap();
    assert_eq!(
        (&last["type"], &last["sequence_number"]),
        (&json!("response.incomplete"), &json!(2))
    );
    assert_eq!(
        (&last["blocked"], &last["message"]),
        (&json!(true), &json!(openai::BLOCKED_MESSAGE))
    );
    assert_eq!(last["response"]["id"], "resp_1");
    assert_eq!(last["response"]["incomplete_details"]["reason"], "content_filter");
    assert!(!seen.bytes.contains("bo"));
}

fn call(output: u64, name: &str, pieces: &[&str]) -> String {
    let item = |arguments: &str| {
        json!({"type": "function_call", "id": format!("fc_{output}"),
        "call_id": format!("call_{output}"), "name": name, "arguments": arguments})
    };
    let mut stream = typed(
        json!({"type": "response.output_item.added", "output_index": output, "item": item("")}),
    );
    for piece in pieces {
        stream += &typed(
            json!({"type": "response.function_call_arguments.delta", "output_index": output, "delta": piece}),
        );
    }
    let whole = pieces.concat();
    stream += &typed(
        json!({"type": "response.function_call_arguments.done", "output_index": output, "arguments": whole}),
    );
    stream += &typed(
        json!({"type": "response.output_item.done", "output_index": output, "item": item(&whole)}),
    );
    stream
}

#[test]
fn function_calls_are_held_until_their_item_is_done() {
    let stream = call(0, "search", &["{\"a\":", "1}"]);
    let mut screen = StreamScreen::new(acting(), None, endpoint("responses"), INLINE);
    let mut out = Vec::new();
    let last = stream.rfind("event: response.output_item.done").unwrap();
    screen.feed(stream[..last].to_owned().into(), &mut out).unwrap();
    assert!(out.is_empty());
    screen.feed(stream[last..].to_owned().into(), &mut out).unwrap();
    assert_eq!(out.concat(), stream.as_bytes());

    let seen = inline("responses", &call(0, "search", &["{\"a\":\"se", "cret\"}"]));
    assert!(!seen.bytes.contains("se\"") && !seen.bytes.contains("secret"), "{}", seen.bytes);
    assert_eq!(deltas(&seen), "{\"a\":\"[REDACTED:SECRET]\"}");
    assert_eq!(seen.count(), 1);
}

#[test]
fn a_denied_function_call_leaves_no_trace_but_its_name_in_the_report() {
    let listed = |name: &str| json!({"type": "function_call", "name": name, "arguments": "{}"});
    let stream = [
        call(0, "shell", &["{}"]),
        call(1, "search", &["{}"]),
        typed(json!({"type": "response.completed", "response":
            {"id": "resp_1", "output": [listed("shell"), listed("search"), listed("shell")]}})),
    ]
    .concat();
    let screen = StreamScreen::new(acting(), no_shell(), endpoint("responses"), INLINE);
    let seen = screen_with(screen, [stream]);
    assert!(!seen.bytes.contains("shell") && !seen.bytes.contains("fc_0"));
    assert_eq!(seen.report.tools_removed, ["shell".into()]);
    let events = seen.events();
    assert!(events.iter().all(|event| event["output_index"].as_u64().unwrap_or(0) == 0));
    let last = events.last().unwrap();
    assert_eq!(last["response"]["output"], json!([listed("search")]));
}

#[test]
fn provider_run_tools_report_their_progress_at_once() {
    let stream = typed(json!({"type": "response.output_item.added", "output_index": 0,
        "item": {"type": "web_search_call", "id": "ws_1", "status": "in_progress"}}));
    let seen = inline("responses", &stream);
    assert_eq!(seen.bytes, stream);
    let mut screen = StreamScreen::new(acting(), None, endpoint("responses"), INLINE);
    let mut out = Vec::new();
    screen.feed(stream.clone().into(), &mut out).unwrap();
    assert_eq!(out.concat(), stream.as_bytes());
}

#[test]
fn reasoning_refusals_and_code_are_texts_of_their_own() {
    let piece = |kind: &str, index: &str, text: &str| {
        typed(json!({"type": kind, "output_index": 0, index: 0, "delta": text}))
    };
    let kinds = [
        ("response.reasoning_text.delta", "content_index"),
        ("response.reasoning_summary_text.delta", "summary_index"),
        ("response.refusal.delta", "content_index"),
        ("response.code_interpreter_call_code.delta", "output_no"),
        ("response.audio.transcript.delta", "content_index"),
        ("response.something_new.delta", "x_index"),
    ];
    let stream: String = kinds
        .iter()
        .map(|(kind, index)| piece(kind, index, "se"))
        .chain(kinds.iter().map(|(kind, index)| piece(kind, index, "cret")))
        .collect();
    let seen = inline("responses", &stream);
    assert_eq!(seen.count(), 6);
    assert_eq!(deltas(&seen), "[REDACTED:SECRET]".repeat(6));
}

#[test]
fn transcripts_are_read_and_sound_is_not() {
    let stream = [
        typed(
            json!({"type": "transcript.text.delta", "delta": "a se", "logprobs": [{"token": "se"}]}),
        ),
        typed(json!({"type": "transcript.text.delta", "delta": "cret"})),
        typed(
            json!({"type": "transcript.text.segment", "id": "1", "speaker": "A", "text": "a secret"}),
        ),
        typed(json!({"type": "transcript.text.done", "text": "a secret"})),
    ];
    let seen = inline("audio/transcriptions", &stream.concat());
    assert_eq!(deltas(&seen), "a [REDACTED:SECRET]");
    assert_eq!((seen.count(), seen.bytes.contains("token")), (2, false));
    let sound = typed(json!({"type": "speech.audio.delta", "audio": "c2VjcmV0"}));
    let seen = inline("audio/speech", &sound);
    assert_eq!(seen.report.scan.reason.as_deref(), Some("images, audio and files are not read"));
    assert_eq!(seen.bytes, sound);
}

#[test]
fn images_of_some_megabytes_pass_and_are_told_of() {
    let image = "aGFs".repeat(400_000);
    let stream = typed(json!({"type": "image_generation.completed", "b64_json": image}));
    let seen = inline("images/generations", &stream);
    assert_eq!((seen.stop, seen.bytes == stream), (None, true));
    assert_eq!(seen.report.scan.reason.as_deref(), Some("images, audio and files are not read"));
}

#[test]
fn labels_are_only_labels_where_the_provider_writes_them() {
    let event = typed(json!({"type": "response.created", "response": {"id": "resp_1",
        "metadata": {"id": "start-secret", "status": "secret", "a secret": "x", "logprobs": "secret"},
        "prompt": {"id": "pmpt_1", "variables": {"type": "secret", "model": "secret"}}}}));
    let seen = inline("responses", &event);
    assert!(!seen.bytes.contains("secret") && seen.bytes.contains("pmpt_1"), "{}", seen.bytes);
}

#[test]
fn deltas_of_events_that_nobody_knows_are_running_texts() {
    let events = |piece: fn(&str) -> Value| {
        ["se", "cret"].map(|text| format!("data: {}\n\n", piece(text))).concat()
    };
    for stream in [
        events(
            |text| json!({"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": text}}),
        ),
        events(
            |text| json!({"object": "thread.message.delta", "delta": {"content": [{"index": 0, "type": "text", "text": {"value": text}}]}}),
        ),
        events(|text| json!({"type": "anything", "delta": text})),
        events(|text| json!({"delta": {"project": text}})),
    ] {
        let seen = inline("responses", &stream);
        assert_eq!(seen.count(), 1, "{stream}");
        assert!(seen.bytes.contains("[REDACTED:SECRET]"));
    }
    let key = typed(json!({"type": "anything", "delta": {"a secret": 1}}));
    assert_eq!(inline("responses", &key).count(), 1);
}

#[test]
fn a_value_in_arguments_that_pass_is_counted_once() {
    for settings in [INLINE, AFTER] {
        let stream = call(0, "search", &["{\"a\":\"se", "cret\"}"]);
        for tools in [no_shell(), None] {
            let screen = StreamScreen::new(watching(), tools, endpoint("responses"), settings);
            let seen = screen_with(screen, [&stream]);
            assert_eq!((seen.count(), seen.bytes == stream), (1, true));
        }
    }
}
