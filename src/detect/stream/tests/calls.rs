//! Tool calls in pieces.

use super::*;

fn screen(tools: Option<Arc<ToolPolicy>>) -> StreamScreen {
    StreamScreen::new(acting(), tools, endpoint("chat/completions"), INLINE)
}

fn begin(index: u64, name: &str) -> String {
    delta(
        0,
        json!({"tool_calls": [{"index": index, "id": format!("call_{index}"), "type": "function",
            "function": {"name": name, "arguments": ""}}]}),
    )
}

fn arguments(index: u64, piece: &str) -> String {
    delta(0, json!({"tool_calls": [{"index": index, "function": {"arguments": piece}}]}))
}

/// The calls as a client puts them together.
fn calls(seen: &Seen) -> Vec<(u64, String, String)> {
    let mut calls: Vec<(u64, String, String)> = Vec::new();
    for event in seen.events() {
        let pieces = event["choices"][0]["delta"]["tool_calls"].as_array().cloned();
        for piece in pieces.unwrap_or_default() {
            let index = piece["index"].as_u64().unwrap();
            if !calls.iter().any(|call| call.0 == index) {
                calls.push((index, String::new(), String::new()));
            }
            let call = calls.iter_mut().find(|call| call.0 == index).unwrap();
            call.1.push_str(piece["function"]["name"].as_str().unwrap_or_default());
            call.2.push_str(piece["function"]["arguments"].as_str().unwrap_or_default());
        }
    }
    calls
}

fn two_calls(first: &str, second: &str) -> String {
    let parts = [
        content(0, "I look."),
        begin(0, first),
        arguments(0, "{\"q\":"),
        arguments(0, "\"x\"}"),
        begin(1, second),
        arguments(1, "{\"k\":\"se"),
        arguments(1, "cret\"}"),
        finish(0, "tool_calls"),
        DONE.into(),
    ];
    parts.concat()
}

#[test]
fn a_call_is_held_until_it_is_whole_and_then_goes_out_as_it_came() {
    let mut screen = screen(None);
    let mut out = Vec::new();
    let parts = [begin(0, "search"), arguments(0, "{\"q\":"), arguments(0, "1}")];
    let other = content(1, "meanwhile ");
    for part in parts.iter().chain([&other]) {
        screen.feed(part.clone().into(), &mut out).unwrap();
        assert!(out.is_empty());
    }
    let end = finish(0, "tool_calls");
    screen.feed(end.clone().into(), &mut out).unwrap();
    assert_eq!(out.concat(), [parts.concat(), other, end].concat().as_bytes());
}

#[test]
fn calls_whose_pieces_alternate_are_told_apart() {
    let both = delta(
        0,
        json!({"tool_calls": [
            {"index": 0, "id": "c0", "type": "function", "function": {"name": "a", "arguments": ""}},
            {"index": 1, "id": "c1", "type": "function", "function": {"name": "b", "arguments": ""}}]}),
    );
    let pieces = [(0, "{\"k\":"), (1, "{\"k\":\"se"), (0, "1}"), (1, "cret\"}")];
    let pieces: String = pieces.iter().map(|(index, piece)| arguments(*index, piece)).collect();
    let stream = [both, pieces, finish(0, "tool_calls"), DONE.into()].concat();
    let seen = screen_with(screen(None), [stream]);
    let expected = [
        (0, "a".into(), "{\"k\":1}".into()),
        (1, "b".into(), "{\"k\":\"[REDACTED:SECRET]\"}".into()),
    ];
    assert_eq!((seen.stop, calls(&seen)), (None, expected.to_vec()));
}

#[test]
fn redacted_arguments_stand_whole_in_the_first_piece() {
    let seen = screen_with(screen(None), [two_calls("search", "store")]);
    let expected = [
        (0, "search".into(), "{\"q\":\"x\"}".into()),
        (1, "store".into(), "{\"k\":\"[REDACTED:SECRET]\"}".into()),
    ];
    assert_eq!((calls(&seen), seen.count()), (expected.to_vec(), 1));
    assert!(seen.bytes.contains("call_1"));
    assert!(seen.bytes.contains("\"finish_reason\":\"tool_calls\""));
}

#[test]
fn a_denied_call_is_taken_out_and_the_next_one_takes_its_index() {
    let seen = screen_with(screen(no_shell()), [two_calls("shell", "store")]);
    assert_eq!(calls(&seen), [(0, "store".into(), "{\"k\":\"[REDACTED:SECRET]\"}".into())]);
    assert_eq!(seen.report.tools_removed, ["shell".into()]);
    assert!(!seen.bytes.contains("call_0"));
    assert!(seen.bytes.contains("\"finish_reason\":\"tool_calls\""));
}

#[test]
fn where_no_call_is_left_the_choice_was_filtered() {
    let role = json!({"role": "assistant", "content": null, "tool_calls": [
        {"index": 0, "id": "call_0", "type": "function", "function": {"name": "shell", "arguments": "{}"}}]});
    let stream = [delta(0, role), finish(0, "tool_calls"), DONE.into()].concat();
    let seen = screen_with(screen(no_shell()), [stream]);
    let expected = [
        delta(0, json!({"role": "assistant", "content": null, "tool_calls": null})),
        finish(0, "content_filter"),
        DONE.into(),
    ];
    assert_eq!(seen.bytes, expected.concat());
    let older = json!({"function_call": {"name": "shell", "arguments": "{}"}});
    let seen = screen_with(screen(no_shell()), [delta(0, older), finish(0, "function_call")]);
    assert_eq!(seen.bytes, finish(0, "content_filter"));
}

#[test]
fn several_calls_in_one_event_are_taken_apart() {
    let call = |index: u64, name: &str| {
        json!({"index": index, "id": format!("c{index}"), "type": "function",
        "function": {"name": name, "arguments": "{}"}})
    };
    let all =
        json!({"tool_calls": [call(0, "shell"), call(1, "a"), call(2, "shell"), call(3, "b")]});
    let seen = screen_with(screen(no_shell()), [delta(0, all), finish(0, "tool_calls")]);
    let expected = [(0, "a".into(), "{}".into()), (1, "b".into(), "{}".into())];
    assert_eq!(calls(&seen), expected);
}

#[test]
fn a_rule_in_the_arguments_cuts_before_any_of_the_call_leaves() {
    let stream =
        [begin(0, "search"), arguments(0, "a bo"), arguments(0, "mb"), finish(0, "tool_calls")];
    let seen = screen_with(screen(None), [stream.concat()]);
    assert_eq!(seen.stop, Some(StreamStop::Violation));
    assert!(!seen.bytes.contains("call_0"));
    assert!(seen.bytes.starts_with("data: "));
}

#[test]
fn a_call_that_goes_on_after_its_end_or_changes_its_name_cuts_the_stream() {
    for bad in [arguments(0, "more"), begin(0, "other")] {
        let stream = [begin(0, "search"), finish(0, "tool_calls"), bad];
        let seen = screen_with(screen(None), [stream.concat()]);
        assert_eq!(seen.stop, Some(StreamStop::Unreadable));
    }
    let item = |kind: &str, name: &str| {
        let item = json!({"type": "function_call", "name": name, "arguments": ""});
        typed(json!({"type": kind, "output_index": 0, "item": item}))
    };
    let stream = [item("response.output_item.added", "a"), item("response.output_item.done", "b")];
    assert_eq!(inline("responses", &stream.concat()).stop, Some(StreamStop::Unreadable));
}

#[test]
fn a_name_in_pieces_is_judged_as_whatever_a_client_may_take_for_it() {
    let named = |pieces: &[&str]| -> String {
        let names = pieces.iter().map(|piece| begin(0, piece));
        let end = [arguments(0, "{}"), finish(0, "tool_calls")];
        names.chain(end).collect()
    };
    for denied in [&["sh", "ell"][..], &["shell", "shell"], &["shell", "s"], &["x", "shell"]] {
        for screen in [screen(no_shell()), tools_only()] {
            let seen = screen_with(screen, [named(denied)]);
            assert_eq!((calls(&seen), seen.stop), (vec![], None), "{denied:?}");
            assert!(!seen.bytes.contains("call_0"));
        }
    }
    for allowed in [&["sea", "rch"][..], &["search", "search"]] {
        let seen = screen_with(tools_only(), [named(allowed)]);
        assert_eq!(calls(&seen), [(0, allowed.concat(), "{}".into())]);
    }
    let late = [begin(0, "sh"), arguments(0, "{"), begin(0, "ell")];
    assert_eq!(screen_with(tools_only(), [late.concat()]).stop, Some(StreamStop::Unreadable));
}

/// A stream whose tools may be denied and whose texts no rule acts on.
fn tools_only() -> StreamScreen {
    StreamScreen::new(watching(), no_shell(), endpoint("chat/completions"), INLINE)
}

/// A call with long arguments in small pieces.
fn long_call(bytes: usize) -> (String, Vec<String>) {
    let whole = format!("{{\"text\":\"{}\"}}", "word \\n".repeat(bytes / 7));
    let pieces = whole.as_bytes().chunks(4).map(|piece| std::str::from_utf8(piece).unwrap());
    let mut stream = vec![begin(0, "write_file")];
    stream.extend(pieces.map(|piece| arguments(0, piece)));
    (whole, stream)
}

#[test]
fn long_arguments_in_small_pieces_come_out_whole() {
    let (whole, mut stream) = long_call(100_000);
    stream.push(finish(0, "tool_calls"));
    let seen = screen_with(screen(no_shell()), &stream);
    assert_eq!((seen.stop, calls(&seen)), (None, vec![(0, "write_file".into(), whole.clone())]));
    stream.insert(stream.len() - 1, arguments(0, "secret"));
    let seen = screen_with(screen(None), &stream);
    assert_eq!(calls(&seen)[0].2, whole + "[REDACTED:SECRET]");
}

#[test]
fn long_arguments_of_an_item_come_out_whole() {
    let item = |kind: &str, arguments: &str| {
        let item =
            json!({"type": "function_call", "id": "fc", "name": "write", "arguments": arguments});
        typed(json!({"type": kind, "output_index": 0, "item": item}))
    };
    let kind = "response.function_call_arguments";
    let whole = "word ".repeat(20_000);
    let mut stream = vec![item("response.output_item.added", "")];
    stream.extend(std::iter::repeat_n(
        typed(json!({"type": format!("{kind}.delta"), "output_index": 0, "delta": "word "})),
        20_000,
    ));
    stream.push(typed(
        json!({"type": format!("{kind}.done"), "output_index": 0, "arguments": whole}),
    ));
    stream.push(item("response.output_item.done", &whole));
    let screen = StreamScreen::new(acting(), no_shell(), endpoint("responses"), INLINE);
    let seen = screen_with(screen, &stream);
    let deltas = seen
        .events()
        .iter()
        .filter_map(|it| it["delta"].as_str().map(str::to_owned))
        .collect::<String>();
    assert_eq!((seen.stop, deltas), (None, whole));
}

#[test]
fn a_call_that_may_be_made_does_not_wait_where_no_rule_acts_on_arguments() {
    let mut screen = tools_only();
    let mut out = Vec::new();
    screen.feed(begin(0, "search").into(), &mut out).unwrap();
    assert!(out.is_empty());
    let pieces = [arguments(0, "{\"k\":\"se"), arguments(0, "cret"), arguments(0, "\"}")];
    screen.feed(pieces[0].clone().into(), &mut out).unwrap();
    assert_eq!(out.concat(), [begin(0, "search"), pieces[0].clone()].concat().as_bytes());
    for piece in &pieces[1..] {
        out.clear();
        screen.feed(piece.clone().into(), &mut out).unwrap();
        assert_eq!(out.concat(), piece.as_bytes());
    }
    let last = delta(0, json!({"tool_calls": [{"index": 0, "function": {"arguments": "cret"}}]}))
        .replace("null}]", "\"tool_calls\"}]");
    screen.feed(arguments(0, "se").into(), &mut out).unwrap();
    screen.feed(last.into(), &mut out).unwrap();
    assert_eq!(screen.report().tally.violations(), 2);
}

#[test]
fn held_arguments_are_bounded() {
    let screen = StreamScreen::new(acting(), None, endpoint("chat/completions"), INLINE);
    let pieces = std::iter::repeat_n(arguments(0, &"x".repeat(1_000)), 1_050);
    let seen = screen_with(screen, [begin(0, "search")].into_iter().chain(pieces));
    assert_eq!((seen.stop, seen.bytes.as_str()), (Some(StreamStop::TooMuchHeld), ""));
    assert_eq!(seen.report.scan.extent, ScanExtent::Partial);
    assert_eq!(seen.report.scan.reason.as_deref(), Some("held text reached its bound"));
}

#[test]
fn events_that_wait_are_bounded() {
    let words = std::iter::repeat_n(content(1, &"word ".repeat(200)), 4_000);
    let seen = screen_with(screen(None), [begin(0, "search")].into_iter().chain(words));
    assert_eq!((seen.stop, seen.bytes.as_str()), (Some(StreamStop::TooMuchHeld), ""));
}

#[test]
fn a_denied_call_in_a_whole_message_is_taken_out() {
    let call = |name: &str| json!({"id": "c", "type": "function", "function": {"name": name, "arguments": "{}"}});
    let message = |calls: Value| {
        chunk(json!([{"index": 0, "message": {"role": "assistant", "tool_calls": calls}}]))
    };
    let seen = screen_with(screen(no_shell()), [message(json!([call("shell"), call("a")]))]);
    assert_eq!(seen.bytes, message(json!([call("a")])));
    let older = |call: Value| chunk(json!([{"index": 0, "message": {"function_call": call}}]));
    let seen = screen_with(screen(no_shell()), [older(json!({"name": "shell"}))]);
    assert_eq!(seen.bytes, older(Value::Null));
}

#[test]
fn tools_are_held_even_where_no_rule_acts() {
    let screen = StreamScreen::new(watching(), no_shell(), endpoint("chat/completions"), AFTER);
    let seen = screen_with(screen, [two_calls("shell", "store")]);
    assert_eq!(calls(&seen), [(0, "store".into(), "{\"k\":\"secret\"}".into())]);
    assert_eq!((seen.count(), seen.report.tools_removed.len()), (1, 1));
}
