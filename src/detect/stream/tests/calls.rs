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
fn the_next_call_releases_the_one_before() {
    let mut screen = screen(None);
    let mut out = Vec::new();
    let first = [begin(0, "search"), arguments(0, "{}")].concat();
    screen.feed([first.clone(), begin(1, "search")].concat().into(), &mut out).unwrap();
    assert_eq!(out.concat(), first.as_bytes());
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
        let stream = [begin(0, "search"), begin(1, "search"), bad];
        let seen = screen_with(screen(None), [stream.concat()]);
        assert_eq!(seen.stop, Some(StreamStop::Unreadable));
    }
}

#[test]
fn held_text_is_bounded() {
    let settings = StreamSettings { held_bytes: 2_000, ..INLINE };
    let screen = StreamScreen::new(acting(), None, endpoint("chat/completions"), settings);
    let pieces = std::iter::repeat_n(arguments(0, "x"), 100);
    let seen = screen_with(screen, [begin(0, "search")].into_iter().chain(pieces));
    assert_eq!((seen.stop, seen.bytes.as_str()), (Some(StreamStop::TooMuchHeld), ""));
    assert_eq!(seen.report.scan.extent, ScanExtent::Partial);
    assert_eq!(seen.report.scan.reason.as_deref(), Some("held text reached its bound"));
}

#[test]
fn tools_are_held_even_where_no_rule_acts() {
    let screen = StreamScreen::new(watching(), no_shell(), endpoint("chat/completions"), AFTER);
    let seen = screen_with(screen, [two_calls("shell", "store")]);
    assert_eq!(calls(&seen), [(0, "store".into(), "{\"k\":\"secret\"}".into())]);
    assert_eq!((seen.count(), seen.report.tools_removed.len()), (1, 1));
}
