//! The texts of whole answers, and the edits that take parts of them out.

use super::*;
use crate::openai::{apply, find};
use bytes::Bytes;
use serde_json::{Value, json};

const CHAT: &str = include_str!("../testdata/chat.json");

fn read(method: &str, path: &str, answer: &[u8]) -> Option<AnswerTexts> {
    answer_texts(find(method, path, false).unwrap().endpoint, answer)
}

/// `surface: text` of each text in order; a key with a colon behind it.
fn shown(found: &AnswerTexts, answer: &[u8]) -> Vec<String> {
    let shown = |span: &TextSpan| {
        let colon = if span.is_key { ":" } else { "" };
        format!("{}: {}{colon}", span.surface, span.text(answer))
    };
    found.texts.spans().iter().map(shown).collect()
}

fn check(method: &str, path: &str, answer: &Value, expected: &[&str], unread: &[Unread]) {
    let answer = answer.to_string().into_bytes();
    let found = read(method, path, &answer).unwrap();
    let mut texts = shown(&found, &answer);
    let mut expected = expected.to_vec();
    texts.sort_unstable();
    expected.sort_unstable();
    assert_eq!(texts, expected, "{path}");
    assert_eq!(found.texts.unread(), unread, "{path}");
}

fn without(path: &str, answer: &str, going: &[usize]) -> String {
    let found = read("POST", path, answer.as_bytes()).unwrap();
    let edits = found.remove_tool_calls(answer.as_bytes(), going);
    let answer = Bytes::from(answer.to_owned());
    String::from_utf8(apply(&answer, &edits).to_vec()).unwrap()
}

#[test]
fn the_texts_of_a_chat_answer_are_found_with_its_tool_calls() {
    let found = read("POST", "/chat/completions", CHAT.as_bytes()).unwrap();
    let texts = shown(&found, CHAT.as_bytes());
    let expected = [
        "assistant: He said \"[hello]\" \\ and {left} 👋🏽 é",
        "tool_arguments: get_weather",
        "tool_arguments: {\n\"location\": \"London\"\n}",
    ];
    assert_eq!(texts, expected);
    let [call] = &found.tool_calls[..] else { panic!() };
    assert_eq!((&*call.name, call.choice), ("get_weather", 0));
    assert!(CHAT[call.range.clone()].starts_with('{') && CHAT[call.range.clone()].ends_with('}'));
    assert_eq!(&CHAT[call.arguments.clone().unwrap()], r#"{\n\"location\": \"London\"\n}"#);
    assert_eq!(&CHAT[found.choices[0].finish_reason.clone().unwrap()], "\"tool_calls\"");
    assert_eq!(found.choice_of(&call.range), Some(0));
    assert!(found.null_logprobs(0).is_empty());
}

#[test]
fn every_part_of_a_choice_has_its_surface() {
    let answer = json!({"id": "chatcmpl-1", "object": "chat.completion", "model": "a/b c", "created": 1,
        "system_fingerprint": "fp_1", "choices": [{"index": 0, "finish_reason": "stop",
            "message": {"role": "assistant", "content": "a", "refusal": "b", "reasoning": "c",
                "reasoning_content": "d", "audio": {"id": "audio_1", "data": "A".repeat(100), "transcript": "e"},
                "annotations": [{"type": "url_citation", "url_citation": {"url": "https://f", "title": "g"}}],
                "tool_calls": [{"id": "x y", "type": "custom", "custom": {"name": "h", "input": "i"}}]},
            "logprobs": {"content": [{"token": "j", "logprob": -1, "bytes": [106], "top_logprobs": []}]}}]});
    let expected = [
        "assistant: a",
        "refusal: b",
        "reasoning: c",
        "reasoning: d",
        "transcript: e",
        "assistant: https://f",
        "assistant: g",
        "tool_arguments: h",
        "tool_arguments: i",
        "other: x y",
        "logprobs: j",
    ];
    check("POST", "/chat/completions", &answer, &expected, &[Unread::Binary]);
    let list =
        json!({"object": "list", "data": [answer], "first_id": "chatcmpl-1", "has_more": false});
    let mut listed = expected.to_vec();
    listed.push("other: chatcmpl-1");
    check("GET", "/chat/completions", &list, &listed, &[Unread::Binary]);
}

#[test]
fn the_texts_of_the_other_endpoints_answers_are_found() {
    let text = json!({"choices": [{"text": "a", "index": 0, "logprobs": {"tokens": ["b"]}}]});
    check("POST", "/completions", &text, &["assistant: a", "logprobs: b"], &[]);
    let answer = json!({"text": "a", "language": "english", "segments": [{"id": 0, "text": "b"}],
        "words": [{"word": "c"}], "logprobs": [{"token": "d"}], "usage": {"type": "tokens"}});
    let expected =
        ["transcript: a", "transcript: english", "transcript: b", "transcript: c", "logprobs: d"];
    check("POST", "/audio/transcriptions", &answer, &expected, &[]);
    let image = json!({"created": 1, "data": [{"b64_json": "A".repeat(100), "revised_prompt": "a"},
        {"url": "https://b"}], "size": "1024x1024"});
    let expected = ["assistant: a", "other: https://b"];
    check("POST", "/images/generations", &image, &expected, &[Unread::Binary]);
    let verdict = json!({"id": "modr-1", "model": "m", "results": [{"flagged": true,
        "categories": {"self-harm/intent": false, "odd": true}}]});
    check("POST", "/moderations", &verdict, &["other: odd:"], &[]);
    let models = json!({"object": "list", "data": [{"id": "gpt-4o", "object": "model", "owned_by": "acme"}]});
    check("GET", "/models", &models, &["other: acme"], &[]);
    let items = json!({"data": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "a"}]}]});
    check("GET", "/responses/x/input_items", &items, &["user: a"], &[]);
    let error = json!({"error": {"message": "a", "type": "invalid_request_error", "code": null}});
    let expected = ["other: a", "other: invalid_request_error"];
    check("POST", "/chat/completions", &error, &expected, &[]);
}

#[test]
fn the_items_of_a_response_have_their_surfaces() {
    let answer = json!({"id": "resp_1", "object": "response", "status": "completed", "instructions": "a",
        "output": [
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "b"}]},
            {"type": "message", "id": "msg_1", "role": "assistant", "content": [
                {"type": "output_text", "text": "c", "annotations": [], "logprobs": [{"token": "d"}]},
                {"type": "refusal", "refusal": "e"}]},
            {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": "g"},
            {"type": "web_search_call", "id": "ws_1", "action": {"type": "search", "query": "h"}},
            {"type": "code_interpreter_call", "code": "i", "outputs": [{"type": "logs", "logs": "j"}]},
            {"type": "image_generation_call", "result": "A".repeat(100), "revised_prompt": "k"},
            {"type": "mcp_approval_request", "name": "l", "arguments": "m"},
        ],
        "text": {"format": {"type": "text"}}, "tools": [{"type": "function", "name": "n"}],
        "metadata": {"o": "p"}});
    let expected = [
        "system: a",
        "reasoning: b",
        "assistant: c",
        "logprobs: d",
        "refusal: e",
        "tool_arguments: f",
        "tool_arguments: g",
        "tool_arguments: h",
        "tool_arguments: i",
        "tool_result: j",
        "assistant: k",
        "tool_arguments: l",
        "tool_arguments: m",
        "tool_definition: n",
        "metadata: o:",
        "metadata: p",
    ];
    check("POST", "/responses", &answer, &expected, &[Unread::Binary]);
    check("GET", "/responses/resp_1", &answer, &expected, &[Unread::Binary]);
    let answer = answer.to_string();
    let found = read("POST", "/responses", answer.as_bytes()).unwrap();
    let calls: Vec<_> = found.tool_calls.iter().map(|call| (&*call.name, call.choice)).collect();
    assert_eq!(
        calls,
        [("f", 2), ("web_search", 3), ("code_interpreter", 4), ("image_generation", 5), ("l", 6)]
    );
    assert_eq!(found.null_logprobs(1).len(), 1);
    assert_eq!(found.null_logprobs(1)[0].with, "[]");
}

#[test]
fn what_is_not_json_is_a_text_or_unread() {
    let texts = |method, path, answer: &[u8]| {
        read(method, path, answer)
            .map(|found| (shown(&found, answer), found.texts.unread().to_vec()))
    };
    let none = Vec::new;
    let subtitles = b"1\n00:00:00,000 --> 00:00:01,000\nhello\n";
    let (shown, _) = texts("POST", "/audio/transcriptions", subtitles).unwrap();
    assert_eq!(shown, [format!("transcript: {}", str::from_utf8(subtitles).unwrap())]);
    assert_eq!(texts("POST", "/audio/translations", b"\xff"), None);
    assert_eq!(texts("POST", "/chat/completions", b"{"), None);
    assert_eq!(texts("POST", "/embeddings", b"anything"), Some((none(), Vec::new())));
    assert_eq!(texts("POST", "/audio/speech", b"\xff"), Some((none(), vec![Unread::Binary])));
    let content = "/files/file-1/content";
    assert_eq!(texts("GET", content, b"\xff"), Some((none(), vec![Unread::Binary])));
    assert_eq!(texts("GET", content, b"a\nb").unwrap().0, ["other: a\nb"]);
    let lines = b"{\"id\":\"b_1\",\"custom_id\":\"a\",\"response\":{\"status_code\":200,\"body\":{\"choices\":[{\"message\":{\"content\":\"b\"}}]}}}\n{\"custom_id\":\"c\"}\n";
    assert_eq!(
        texts("GET", content, lines).unwrap().0,
        ["metadata: a", "assistant: b", "metadata: c"]
    );
}

#[test]
fn tool_calls_leave_with_their_commas_and_the_last_one_ends_the_choice() {
    let call = |name: &str| {
        format!(
            r#"{{"id":"c","type":"function","function":{{"name":"{name}","arguments":"{{}}"}}}}"#
        )
    };
    let answer = |calls: &str, reason: &str| {
        format!(
            r#"{{"choices": [ {{"index":0,"message":{{"role":"assistant", {calls}"content":null}},"finish_reason": "{reason}"}}]}}"#
        )
    };
    let list = |names: &[&str]| {
        let calls: Vec<String> = names.iter().map(|name| call(name)).collect();
        format!(r#""tool_calls": [{}], "#, calls.join(" , "))
    };
    let path = "/chat/completions";
    let all = answer(&list(&["a", "b", "c"]), "tool_calls");
    assert_eq!(without(path, &all, &[]), all);
    assert_eq!(without(path, &all, &[1]), answer(&list(&["a", "c"]), "tool_calls"));
    assert_eq!(without(path, &all, &[0, 1]), answer(&list(&["c"]), "tool_calls"));
    assert_eq!(without(path, &all, &[0, 1, 2]), answer("", "content_filter"));
    let old = answer(r#""function_call": {"name":"a","arguments":"{}"}, "#, "function_call");
    assert_eq!(without(path, &old, &[0]), answer("", "content_filter"));
    let stopped = answer(&list(&["a"]), "stop");
    assert_eq!(without(path, &stopped, &[0]), answer("", "stop"));
    let response = r#"{"output":[{"type":"message"}, {"type":"function_call","name":"a"},{"type":"function_call","name":"b"}]}"#;
    assert_eq!(
        without("/responses", response, &[0]),
        r#"{"output":[{"type":"message"},{"type":"function_call","name":"b"}]}"#
    );
    assert_eq!(without("/responses", response, &[0, 1]), r#"{"output":[{"type":"message"}]}"#);
}

#[test]
fn of_many_choices_only_the_one_in_question_is_edited() {
    let answer = r#"{"choices":[{"message":{"content":"a","tool_calls":[{"function":{"name":"x","arguments":""}}]},"logprobs":{"content":[{"token":"a"}]},"finish_reason":"tool_calls"},
        {"message":{"content":"b","tool_calls":[{"function":{"name":"y","arguments":""}}]},"logprobs":{"content":[{"token":"b"}]},"finish_reason":"tool_calls"}]}"#;
    let found = read("POST", "/chat/completions", answer.as_bytes()).unwrap();
    let mut edits = found.remove_tool_calls(answer.as_bytes(), &[1]);
    edits.extend(found.null_logprobs(1));
    let edited = apply(&Bytes::from_static(answer.as_bytes()), &edits);
    let expected: Value = serde_json::from_slice(&edited).unwrap();
    assert_eq!(expected["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!(expected["choices"][0]["logprobs"]["content"][0]["token"], "a");
    assert_eq!(
        expected["choices"][1],
        json!({"message": {"content": "b"}, "logprobs": null, "finish_reason": "content_filter"})
    );
}

#[test]
fn the_tool_calls_in_the_lines_of_a_batchs_output_are_found_and_removed() {
    let line = |id: &str, message: &str, reason: &str| {
        format!(
            r#"{{"custom_id":"{id}","response":{{"status_code":200,"body":{{"choices":[{{"message":{{"role":"assistant"{message}}},"logprobs":{{}},"finish_reason":"{reason}"}}]}}}}}}"#
        )
    };
    let calls = |names: &[&str]| {
        let call = |name: &&str| format!(r#"{{"function":{{"name":"{name}","arguments":"x"}}}}"#);
        let calls: Vec<String> = names.iter().map(call).collect();
        format!(r#","tool_calls":[{}]"#, calls.join(","))
    };
    let lines = [
        line("a", &calls(&["f", "g"]), "tool_calls"),
        line("b", "", "stop"),
        line("c", &calls(&["g"]), "tool_calls"),
    ];
    let file = lines.join("\r\n");
    let found = read("GET", "/files/file-1/content", file.as_bytes()).unwrap();
    let names: Vec<_> = found.tool_calls.iter().map(|call| (&*call.name, call.choice)).collect();
    assert_eq!(names, [("f", 0), ("g", 0), ("g", 2)]);
    for call in &found.tool_calls {
        assert!(file[call.range.clone()].starts_with("{\"function\""));
        assert_eq!(&file[call.arguments.clone().unwrap()], "x");
        assert_eq!(found.choice_of(&call.range), Some(call.choice));
    }
    let mut edits = found.remove_tool_calls(file.as_bytes(), &[1, 2]);
    let left = [
        line("a", &calls(&["f"]), "tool_calls"),
        line("b", "", "stop"),
        line("c", "", "content_filter"),
    ];
    assert_eq!(apply(&Bytes::from(file.clone()), &edits), left.join("\r\n"));
    assert_eq!(found.all_logprobs().len(), 3);
    edits.extend(found.all_logprobs());
    let nulled = left.join("\r\n").replace("\"logprobs\":{}", "\"logprobs\":null");
    assert_eq!(apply(&Bytes::from(file), &edits), nulled);
}

#[test]
fn a_call_that_stands_without_its_list_is_one_call() {
    let answer = r#"{"choices":[{"message":{"content":null,"tool_calls":{"function":{"name":"f","arguments":"{}"}}},"finish_reason":"tool_calls"}]}"#;
    let found = read("POST", "/chat/completions", answer.as_bytes()).unwrap();
    assert_eq!(found.tool_calls.len(), 1);
    let expected = r#"{"choices":[{"message":{"content":null},"finish_reason":"content_filter"}]}"#;
    assert_eq!(without("/chat/completions", answer, &[0]), expected);
}
