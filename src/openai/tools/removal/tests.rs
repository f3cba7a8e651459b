//! Taking tools out of calls, of all shapes and of the lines of a batch.

use crate::openai::{Call, ReadOptions, find};
use crate::types::{Governed, Refusal};
use bytes::Bytes;
use proptest::prelude::*;

const CHAT: &str = "/chat/completions";

fn read(path: &str, body: &str) -> Result<Call, Refusal> {
    let route = find("POST", path, false).unwrap();
    let options =
        ReadOptions { request_stream_usage: true, collect_references: false, collect_texts: true };
    Call::read(route, None, None, Bytes::from(body.to_owned()), options)
}

fn without(path: &str, body: &str, denied: &[&str]) -> Result<Call, Refusal> {
    let denied: Vec<Box<str>> = denied.iter().map(|name| (*name).into()).collect();
    read(path, body).unwrap().without_tools(&denied)
}

fn sent(path: &str, body: &str, denied: &[&str]) -> String {
    let call = without(path, body, denied).unwrap();
    let sent = String::from_utf8(call.outgoing_body().to_vec()).unwrap();
    let facts = read(path, &sent).unwrap();
    assert_eq!(call.facts().tool_names, facts.facts().tool_names, "{sent}");
    assert_eq!(call.facts().has_tools, facts.facts().has_tools, "{sent}");
    // A choice that allows nothing any more is our own word.
    let texts = |call: &Call| {
        let texts = call.texts().spans().iter().map(|span| span.text(call.body()).into_owned());
        texts.filter(|text| text != "none").collect::<Vec<String>>()
    };
    assert_eq!(texts(&call), texts(&facts), "{sent}");
    sent
}

/// A chat body with these members behind the first two.
fn chat(members: &str) -> String {
    format!(r#"{{ "model":"m" , "messages":[]{members} }}"#)
}

const A: &str = r#"{"type":"function","function":{"name":"a","parameters":{}}}"#;
const B: &str = r#"{"type":"custom","custom":{"name":"b"}}"#;
const WEB: &str = r#"{"type":"web_search"}"#;

#[test]
fn denied_tools_go_and_the_rest_stays_byte_for_byte() {
    let body = |tools: &str, more: &str| chat(&format!(r#", "tools": [{tools}]{more}"#));
    let all = body(&format!("{A} , {B},\n {WEB}"), r#", "tool_choice":"auto""#);
    let auto = r#", "tool_choice":"auto""#;
    for (denied, left) in [
        (&["a"][..], body(&format!("{B},\n {WEB}"), auto)),
        (&["b"], body(&format!("{A},\n {WEB}"), auto)),
        (&["web_search"], body(&format!("{A} , {B}"), auto)),
        (&["a", "b"], body(WEB, auto)),
        (&["b", "web_search"], body(A, auto)),
        (&["a", "b", "web_search"], chat("")),
        (&["function", "c", "A"], all.clone()),
        (&[], all.clone()),
    ] {
        assert_eq!(sent(CHAT, &all, denied), left, "{denied:?}");
    }
    let twice = body(&format!("{A},{A},{B}"), "");
    assert_eq!(sent(CHAT, &twice, &["a"]), body(B, ""));
    let flat = r#"{"model":"m","tools":[{"type":"function","name":"a"},{"type":"function","name":"b"}],"input":"x"}"#;
    let expected = r#"{"model":"m","tools":[{"type":"function","name":"b"}],"input":"x"}"#;
    assert_eq!(sent("/responses", flat, &["a"]), expected);
    let holder = r#"{"type":"namespace","name":"n","tools":[{"type":"function","name":"a"}]}"#;
    assert_eq!(sent(CHAT, &body(&format!("{holder},{B}"), ""), &["a"]), body(B, ""));
    let both = body(r#"{"type":"function","name":"outer","function":{"name":"inner"}}"#, "");
    assert_eq!(sent(CHAT, &both, &["outer"]), chat(""));
    assert_eq!(sent(CHAT, &both, &["inner"]), chat(""));
}

#[test]
fn with_the_last_tool_goes_all_that_needs_one() {
    let first = format!(
        r#"{{"parallel_tool_calls":false, "tools":[{A}],"tool_choice":"none","model":"m","messages":[]}}"#
    );
    assert_eq!(sent(CHAT, &first, &["a"]), r#"{"model":"m","messages":[]}"#);
    let last =
        chat(&format!(r#","tool_choice":null,"n":1,"tools":[{A}],"parallel_tool_calls":true"#));
    assert_eq!(sent(CHAT, &last, &["a"]), chat(r#","n":1"#));
    let functions = chat(r#","functions":[{"name":"a"}],"function_call":"auto""#);
    assert_eq!(sent(CHAT, &functions, &["a"]), chat(""));
    let both = chat(&format!(r#","tools":[{A}],"functions":[{{"name":"a"}},{{"name":"b"}}]"#));
    assert_eq!(sent(CHAT, &both, &["a"]), chat(r#","functions":[{"name":"b"}]"#));
    let streamed = chat(&format!(r#","stream":true,"tools":[{A}]"#));
    let usage = r#","stream":true ,"stream_options":{"include_usage":true}"#;
    let expected = format!("{}}}", chat(usage).trim_end_matches(" }"));
    assert_eq!(sent(CHAT, &streamed, &["a"]), expected);
}

#[test]
fn a_forced_choice_of_a_tool_that_goes_is_refused() {
    let call = |choice: &str| chat(&format!(r#","tools":[{A},{B},{WEB}],"tool_choice":{choice}"#));
    for (choice, denied) in [
        (r#"{"type":"function","function":{"name":"a"}}"#, &["a"][..]),
        (r#"{"type":"custom","custom":{"name":"b"}}"#, &["b"]),
        (r#"{"type":"function","name":"a"}"#, &["a"]),
        (r#"{"type":"function","n\u0061me":"\u0061"}"#, &["a"]),
        (r#"{"name":"a"}"#, &["a", "b"]),
        (r#"{"type":"web_search"}"#, &["web_search"]),
        (r#"{"type":"web_search","name":"x"}"#, &["web_search"]),
        (r#""required""#, &["a", "b", "web_search"]),
        (
            r#"{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"a"}}]}}"#,
            &["a"],
        ),
    ] {
        let refusal = without(CHAT, &call(choice), denied).unwrap_err();
        assert_eq!(refusal, Refusal::ToolNotAllowed, "{choice}");
        assert_eq!((refusal.status(), refusal.code()), (403, "tool_not_allowed"));
        let other = without(CHAT, &call(choice), &["c"]).unwrap();
        assert_eq!(other.outgoing_body(), call(choice));
    }
    assert!(without(CHAT, &call(r#""required""#), &["a"]).is_ok());
    assert!(without(CHAT, &call(r#"{"type":"function","function":{"name":"a"}}"#), &["b"]).is_ok());
    let old = chat(r#","functions":[{"name":"a"},{"name":"b"}],"function_call":{"name":"a"}"#);
    assert_eq!(without(CHAT, &old, &["a"]).unwrap_err(), Refusal::ToolNotAllowed);
    assert_eq!(sent(CHAT, &old, &["b"]), old.replace(r#",{"name":"b"}"#, ""));
}

#[test]
fn the_tools_that_a_choice_allows_are_filtered_too() {
    let body = |tools: &str, choice: &str| {
        format!(r#"{{"model":"m","input":"x","tools":[{tools}],"tool_choice":{choice}}}"#)
    };
    let allowed =
        |tools: &str| format!(r#"{{"type":"allowed_tools","mode":"auto","tools":[{tools}]}}"#);
    let (a, b) = (r#"{"type":"function","name":"a"}"#, r#"{"type":"function","name":"b"}"#);
    let all = format!("{a},{b},{WEB}");
    let call = body(&all, &allowed(&format!("{a}, {b}")));
    assert_eq!(sent("/responses", &call, &["a"]), body(&format!("{b},{WEB}"), &allowed(b)));
    assert_eq!(sent("/responses", &call, &["a", "b"]), body(WEB, "\"none\""));
    let expected = r#"{"model":"m","input":"x"}"#;
    assert_eq!(sent("/responses", &call, &["a", "b", "web_search"]), expected);
}

#[test]
fn fields_that_go_with_tools_have_one_spelling() {
    for field in ["Tool_choice", "tool_choiCe", "Functions", "function_Call", "Parallel_tool_calls"]
    {
        let body = chat(&format!(r#","{field}":"auto""#));
        assert_eq!(read(CHAT, &body).unwrap_err().status(), 400, "{field}");
    }
}

#[test]
fn redactions_and_removals_and_usage_are_made_together() {
    let body = chat(&format!(r#","stream":true,"tools":[{A},{B}],"user":"x\u0041y""#));
    let call = read(CHAT, &body).unwrap();
    let spans = call.texts().spans().to_vec();
    let place = |text: &str| spans.iter().find(|span| span.text(call.body()) == text).unwrap();
    let mut edits = place("xAy").redact(call.body(), [(1..2, "[R]")]);
    edits.extend(place("a").redact(call.body(), [(0..1, "[gone]")]));
    let call = call.redact(edits).without_tools(&["a".into()]);
    // The name was redacted before, so no such tool is offered any more.
    assert_eq!(call.unwrap().facts().tool_names, ["[gone]".into(), "b".into()]);

    let call = read(CHAT, &body).unwrap().without_tools(&["a".into()]).unwrap();
    let spans = call.texts().spans();
    assert!(spans.iter().all(|span| span.text(call.body()) != "a"));
    let user = spans.iter().find(|span| span.text(call.body()) == "xAy").unwrap();
    let edits = user.redact(call.body(), [(1..2, "[R]")]);
    let sent = String::from_utf8(call.redact(edits).outgoing_body().to_vec()).unwrap();
    let usage = r#" ,"stream_options":{"include_usage":true}}"#;
    let members = format!(r#","stream":true,"tools":[{B}],"user":"x[R]y""#);
    assert_eq!(sent, chat(&members).trim_end_matches(" }").to_owned() + usage);
}

#[test]
fn tools_leave_the_lines_of_a_batch() {
    let line = |id: &str, tools: &str| {
        format!(
            r#"{{"custom_id":"{id}","method":"POST","url":"/v1/chat/completions","body":{{"model":"m","messages":[]{tools}}}}}"#
        )
    };
    let form = |lines: &[String], length: &str| {
        let part = "--XX\r\nContent-Disposition: form-data; name=";
        format!(
            "{part}\"purpose\"\r\n\r\nbatch\r\n{part}\"file\"; filename=\"file\"\r\n{length}Content-Type: text/plain\r\n\r\n{}\r\n--XX--\r\n",
            lines.join("\r\n")
        )
    };
    let read = |body: &str| {
        let route = find("POST", "/files", false).unwrap();
        let options = ReadOptions {
            request_stream_usage: true,
            collect_references: false,
            collect_texts: true,
        };
        let kind = Some("multipart/form-data; boundary=XX");
        Call::read(route, None, kind, Bytes::from(body.to_owned()), options)
    };
    let lines = [
        line("x", &format!(r#","tools":[{A},{B}]"#)),
        line("y", &format!(r#","tools":[{A}],"tool_choice":"auto""#)),
        line("z", ""),
    ];
    let left = [line("x", &format!(r#","tools":[{B}]"#)), line("y", ""), line("z", "")];
    let length = format!("Content-Length: {}\r\n", lines.join("\r\n").len());
    for length in ["", &length] {
        let call = read(&form(&lines, length)).unwrap();
        assert_eq!(call.facts().tool_names, ["a".into(), "b".into()]);
        assert_eq!(call.facts().has_tools, Some(true));
        let call = call.without_tools(&["a".into()]).unwrap();
        assert_eq!(call.outgoing_body(), form(&left, ""));
        assert_eq!(call.facts().tool_names, ["b".into()]);
        let texts: Vec<_> =
            call.texts().spans().iter().map(|span| span.text(call.body())).collect();
        assert_eq!(texts, ["x", "b", "y", "z"]);
        let span = call.texts().spans()[2].clone();
        let edits = span.redact(call.body(), [(0..1, "Y")]);
        let redacted = call.redact(edits).outgoing_body();
        assert_eq!(redacted, form(&left, "").replace("\"y\"", "\"Y\""));
    }
    let forced = [line("x", &format!(r#","tools":[{A}],"tool_choice":"required""#))];
    let refused = read(&form(&forced, "")).unwrap().without_tools(&["a".into()]);
    assert_eq!(refused.unwrap_err(), Refusal::ToolNotAllowed);
}

proptest! {
    #[test]
    fn whatever_tools_go_the_other_bytes_stay(
        tools in prop::collection::vec(("[a-d]", "[ \n]{0,2}", "[ \t]{0,2}", 0u8..4), 1..9),
        denied in prop::collection::btree_set("[a-d]", 0..4),
        at in 0usize..3,
    ) {
        let tool = |(name, before, after, shape): &(String, String, String, u8)| match shape {
            0 => format!(r#"{before}{{"type":"function","function":{{"name":"{name}"}}}}{after}"#),
            1 => format!(r#"{before}{{ "type":"custom", "custom":{{"name":"{name}"}}}}{after}"#),
            2 => format!(r#"{before}{{"type":"function","name":"{name}"}}{after}"#),
            _ => format!(r#"{before}{{"type":"{name}" }}{after}"#),
        };
        let written: Vec<String> = tools.iter().map(tool).collect();
        let mut members = vec![r#""model":"m""#.to_owned(), r#" "messages" : []"#.to_owned()];
        members.insert(at, format!("\n\"tools\": [{}]", written.join(",")));
        let body = format!("{{{}}}", members.join(","));
        let denied: Vec<&str> = denied.iter().map(String::as_str).collect();
        let sent = sent(CHAT, &body, &denied);
        let stays = |tool: &&(String, String, String, u8)| !denied.contains(&tool.0.as_str());
        let mut expected: serde_json::Value = serde_json::from_str(&body).unwrap();
        let left: Vec<serde_json::Value> = tools.iter().filter(stays)
            .map(|one| serde_json::from_str(&tool(one)).unwrap()).collect();
        if left.is_empty() {
            expected.as_object_mut().unwrap().remove("tools");
        } else {
            expected["tools"] = left.into();
        }
        prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&sent).unwrap(), expected);
        // What is left is what was there, with pieces cut out: every tool as it was written.
        for one in tools.iter().filter(stays) {
            prop_assert!(sent.contains(tool(one).trim()), "{}", sent);
        }
        if tools.iter().all(|tool| stays(&tool)) {
            prop_assert_eq!(sent, body);
        }
    }
}

#[test]
fn a_tool_is_known_by_each_of_its_names_and_by_its_type() {
    let names = |path: &str, body: &str| -> Vec<String> {
        read(path, body).unwrap().facts().tool_names.iter().map(|name| name.to_string()).collect()
    };
    let body = |tool: &str| chat(&format!(r#","tools":[{B},{tool}]"#));
    for (tool, expected) in [
        (r#"{"type":"web_search","name":"ok"}"#, &["b", "ok", "web_search"][..]),
        (
            r#"{"type":"web_search_preview","function":{"name":"ok"}}"#,
            &["b", "ok", "web_search_preview"],
        ),
        (r#"{"type":"function","name":"function"}"#, &["b", "function"]),
        (
            r#"{"type":"mcp","server_label":"s","allowed_tools":["x","y"]}"#,
            &["b", "s", "x", "y", "mcp"],
        ),
        (
            r#"{"type":"mcp","server_label":"s","allowed_tools":{"tool_names":["x"]}}"#,
            &["b", "s", "x", "mcp"],
        ),
    ] {
        assert_eq!(names(CHAT, &body(tool)), expected, "{tool}");
        for name in expected.iter().filter(|name| **name != "b") {
            assert_eq!(sent(CHAT, &body(tool), &[name]), chat(&format!(r#","tools":[{B}]"#)));
        }
    }
    for odd in [r#"{"name":"a","type":7}"#, r#"{"type":"mcp","allowed_tools":[7]}"#, "{}"] {
        assert_eq!(read(CHAT, &body(odd)).unwrap_err().status(), 400, "{odd}");
    }
}

#[test]
fn the_search_options_of_a_chat_are_a_tool() {
    let body = chat(r#","web_search_options": {"search_context_size":"low"},"n":1"#);
    assert_eq!(read(CHAT, &body).unwrap().facts().tool_names, ["web_search".into()]);
    assert_eq!(sent(CHAT, &body, &["web_search"]), chat(r#","n":1"#));
    assert_eq!(sent(CHAT, &body, &["other"]), body);
    let both = chat(&format!(r#","web_search_options":{{}},"tools":[{WEB},{B}]"#));
    assert_eq!(sent(CHAT, &both, &["web_search"]), chat(&format!(r#","tools":[{B}]"#)));
}

#[test]
fn tools_that_come_with_the_input_are_tools_too() {
    let body = |input: &str, more: &str| format!(r#"{{"model":"m","input":[{input}]{more}}}"#);
    let (a, b) = (r#"{"type":"function","name":"a"}"#, r#"{"type":"function","name":"b"}"#);
    let item = |tools: &str| format!(r#"{{"type":"additional_tools","tools":[{tools}]}}"#);
    let said = r#"{"role":"user","content":"x"}"#;
    let path = "/responses";
    let call = body(&format!("{}, {said}", item(&format!("{a},{b}"))), "");
    assert_eq!(read(path, &call).unwrap().facts().tool_names, ["a".into(), "b".into()]);
    assert_eq!(sent(path, &call, &["a"]), body(&format!("{}, {said}", item(b)), ""));
    assert_eq!(sent(path, &call, &["a", "b"]), body(said, ""));
    let listed = r#"{"type":"mcp_list_tools","tools":[{"name":"a"}]}"#;
    let expected = r#"{"type":"mcp_list_tools","tools":[]}"#;
    assert_eq!(sent(path, &body(listed, ""), &["a"]), body(expected, ""));
    let forced = body(&item(&format!("{a},{b}")), &format!(r#","tool_choice":{a}"#));
    assert_eq!(without(path, &forced, &["a"]).unwrap_err(), Refusal::ToolNotAllowed);
    assert!(without(path, &forced, &["b"]).is_ok());
    assert!(read(path, &body(r#"{"type":"additional_tools","tools":{}}"#, "")).is_err());
}
