//! The split of the bytes says nothing.

use super::*;
use proptest::prelude::*;

/// What a stream says, whatever its events are: all strings under each path and index, joined.
fn texts(seen: &Seen) -> Vec<(String, String)> {
    let mut texts: Vec<(String, String)> = Vec::new();
    for event in seen.events() {
        let kind = event["type"].as_str().unwrap_or_default();
        collect(&format!("{kind}{}", event["output_index"]), &event, &mut texts);
    }
    texts
}

fn collect(path: &str, value: &Value, texts: &mut Vec<(String, String)>) {
    match value {
        Value::String(text) => match texts.iter_mut().find(|known| known.0 == path) {
            Some(known) => known.1.push_str(text),
            None => texts.push((path.to_owned(), text.clone())),
        },
        Value::Array(items) => items.iter().for_each(|item| {
            collect(&format!("{path}/{}", item["index"]), item, texts);
        }),
        Value::Object(members) => members.iter().for_each(|(key, member)| {
            collect(&format!("{path}/{key}"), member, texts);
        }),
        _ => {}
    }
}

/// The same stream with these words in all its texts.
fn stream(which: usize, words: &[&str]) -> (&'static str, String) {
    let mut all = String::new();
    if which < 2 {
        all += &delta(0, json!({"role": "assistant", "content": ""}));
        for (number, word) in words.iter().enumerate() {
            all += &content(0, word);
            all += &delta(1, json!({"reasoning_content": word}));
            all += &delta(1, json!({"refusal": word}));
            all += ": ping\n\n";
            if which == 1 {
                let index = number / 3;
                let name = (number % 3 == 0).then_some("search");
                all += &delta(
                    2,
                    json!({"tool_calls": [{"index": index,
                    "function": {"name": name, "arguments": word}}]}),
                );
            }
        }
        for (choice, reason) in [(0, "stop"), (1, "length"), (2, "tool_calls")] {
            all += &finish(choice, reason);
        }
        return ("chat/completions", all + DONE);
    }
    let text = words.concat();
    for word in words {
        all += &typed(
            json!({"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": word}),
        );
        all += &typed(
            json!({"type": "response.reasoning_text.delta", "output_index": 1, "content_index": 0, "delta": word}),
        );
        all += &typed(
            json!({"type": "response.function_call_arguments.delta", "output_index": 2, "delta": word}),
        );
    }
    all += &typed(
        json!({"type": "response.output_text.done", "output_index": 0, "content_index": 0, "text": text}),
    );
    all += &typed(json!({"type": "response.output_item.done", "output_index": 2,
        "item": {"type": "function_call", "name": "f", "arguments": text}}));
    all += &typed(
        json!({"type": "response.completed", "response": {"output": [{"type": "message", "content": [{"text": text}]}]}}),
    );
    ("responses", all)
}

fn chunks<'s>(stream: &'s str, sizes: &[usize]) -> Vec<&'s [u8]> {
    let mut rest = stream.as_bytes();
    let mut chunks = Vec::new();
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (one, other) = rest.split_at(rest.len().min(*size));
        chunks.push(one);
        rest = other;
    }
    chunks
}

const WORDS: &[&str] =
    &["a ", "se", "cret", "secret", " bo", "mb", "\"ü\\\n", "s", "e", "word ", ""];

fn screen(name: &str) -> StreamScreen {
    StreamScreen::new(
        acting(),
        None,
        endpoint(name),
        StreamSettings { held_bytes: 1 << 20, ..INLINE },
    )
}

proptest! {
    #[test]
    fn any_split_says_the_same_as_the_whole(
        which in 0..3_usize,
        words in prop::collection::vec(prop::sample::select(WORDS), 0..12),
        sizes in prop::collection::vec(1..90_usize, 1..8),
        line_end in prop::sample::select(vec!["\n", "\r\n", "\r"]),
    ) {
        let (name, stream) = stream(which, &words);
        let stream = stream.replace('\n', line_end);
        let whole = screen_with(screen(name), [&stream]);
        let split = screen_with(screen(name), chunks(&stream, &sizes));
        prop_assert_eq!(&split.bytes, &whole.bytes);
        prop_assert_eq!(split.stop, whole.stop);
        prop_assert_eq!(split.count(), whole.count());
        let text = words.concat();
        if text.contains("bomb") {
            prop_assert_eq!(whole.stop, Some(StreamStop::Violation));
            prop_assert!(!texts(&whole).iter().any(|(_, text)| text.contains("bomb")));
        } else {
            prop_assert_eq!(whole.stop, None);
            let unscreened = Seen { bytes: stream, stop: None, report: whole.report };
            let expected: Vec<_> = texts(&unscreened)
                .into_iter()
                .map(|(path, text)| (path, redacted(&text)))
                .collect();
            let seen = Seen { bytes: whole.bytes, report: split.report, ..unscreened };
            let told: Vec<_> = texts(&seen).into_iter().filter(|(path, _)| is_text(path)).collect();
            let expected: Vec<_> = expected.into_iter().filter(|(path, _)| is_text(path)).collect();
            prop_assert_eq!(told, expected);
        }
    }

    #[test]
    fn without_anything_to_hold_the_bytes_are_the_same(
        which in 0..3_usize,
        words in prop::collection::vec(prop::sample::select(vec!["a ", "\"ü\\\n", "word ", ""]), 0..12),
        sizes in prop::collection::vec(1..90_usize, 1..8),
        line_end in prop::sample::select(vec!["\n", "\r\n", "\r"]),
    ) {
        let (name, stream) = stream(which, &words);
        let stream = stream.replace('\n', line_end);
        let seen = screen_with(screen(name), chunks(&stream, &sizes));
        prop_assert_eq!((seen.count(), seen.bytes), (0, stream));
    }
}

/// Values that touch become one.
fn redacted(text: &str) -> String {
    let mut text = text.replace("secret", "[REDACTED:SECRET]");
    while text.contains("][REDACTED:SECRET]") {
        text = text.replace("][REDACTED:SECRET]", "]");
    }
    text
}

/// Words that a copied event says again are none.
fn is_text(path: &str) -> bool {
    ["content", "refusal", "arguments", "delta", "text"].iter().any(|end| path.ends_with(end))
}
