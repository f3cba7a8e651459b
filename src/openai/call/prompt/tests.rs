//! What of calls the model reads.

use super::*;
use crate::openai::{ReadOptions, find};

fn call(path: &str, body: &str) -> Call {
    let options =
        ReadOptions { request_stream_usage: true, collect_references: false, collect_texts: true };
    let body = Bytes::copy_from_slice(body.as_bytes());
    Call::read(find("POST", path, false).unwrap(), None, None, body, options).unwrap()
}

/// The pieces of a prompt, one word each; `None`: the model reads more.
fn pieces(path: &str, body: &str) -> Option<Vec<String>> {
    let mut pieces = Vec::new();
    let is_all = call(path, body).prompt().unwrap().read(|piece| {
        pieces.push(match piece {
            PromptPiece::Messages(count) => format!("{count} messages"),
            PromptPiece::Text(text) => text.into_owned(),
            PromptPiece::Name(name) => format!("name {name}"),
            PromptPiece::Function(line) => format!("function {line}"),
            PromptPiece::Parameters => "parameters".to_owned(),
            PromptPiece::Parameter(line) => format!("parameter {line}"),
            PromptPiece::Choice { value, is_first: true } => format!("first {value}"),
            PromptPiece::Choice { value, is_first: false } => format!("or {value}"),
        });
    });
    is_all.then_some(pieces)
}

#[test]
fn a_chat_is_its_messages_names_and_functions() {
    let body = r#"{"model":"gpt-4o","user":"u-1","metadata":{"k":"v"},"stop":["END"],"messages":[
        {"role":"system","content":"Be \u0062rief."},{"role":"user","name":"ann","content":[{"type":"text","text":"Hi"}]},
        {"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"look","arguments":"{}"}}]},
        {"role":"tool","tool_call_id":"c","content":"found"}],
        "tools":[{"type":"function","function":{"name":"look","description":"Looks.","parameters":{"type":"object","properties":
            {"at":{"type":"string","description":"Where to.","enum":["here","there"]},
             "box":{"type":"object","properties":{"w":{"type":"number"}}}}}}},
            {"type":"function","function":{"name":"stop"}}]}"#;
    let expected = [
        "4 messages",
        "Be brief.",
        "name ann",
        "Hi",
        "look",
        "{}",
        "found",
        "function look:Looks",
        "parameters",
        "parameter at:string:Where to",
        "first here",
        "or there",
        "parameter box:object:",
        "parameter w:number:",
        "function stop:",
    ];
    let mut found = pieces("/chat/completions", body).unwrap();
    // A name stands in its message before or behind the content.
    assert_eq!(found.remove(2), "name ann");
    found.insert(2, "name ann".to_owned());
    assert_eq!(found, expected);
}

#[test]
fn a_response_is_its_instructions_and_items_and_a_completion_its_prompts() {
    let body = r#"{"model":"gpt-4o","instructions":"Be brief.","input":"Hi","stream":true}"#;
    assert_eq!(pieces("/responses", body).unwrap(), ["2 messages", "Be brief.", "Hi"]);
    let body = r#"{"model":"gpt-4o","input":[{"role":"user","content":[{"type":"input_text","text":"Hi"}]},
        {"type":"function_call_output","call_id":"c","output":"found"}]}"#;
    assert_eq!(pieces("/responses", body).unwrap(), ["2 messages", "Hi", "found"]);
    let body = r#"{"model":"gpt-3.5-turbo-instruct","prompt":["One","Two"],"suffix":"end"}"#;
    assert_eq!(pieces("/completions", body).unwrap(), ["One", "Two", "end"]);
}

#[test]
fn what_the_call_does_not_say_itself_is_not_counted() {
    for (path, more) in [
        (
            "/chat/completions",
            r#""messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://a.example/b"}}]}]"#,
        ),
        (
            "/chat/completions",
            r#""messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"AAAA"}}]}]"#,
        ),
        ("/chat/completions", r#""messages":[{"role":"assistant","audio":{"id":"audio_1"}}]"#),
        ("/responses", r#""input":"Hi","previous_response_id":"resp_1""#),
        ("/responses", r#""input":"Hi","conversation":"conv_1""#),
        ("/responses", r#""prompt":{"id":"pmpt_1"}"#),
        ("/responses", r#""input":[{"type":"item_reference","id":"msg_1"}]"#),
        ("/responses", r#""input":"Hi","tools":[{"type":"web_search"}]"#),
        ("/completions", r#""prompt":[1,2,3]"#),
    ] {
        let body = format!(r#"{{"model":"gpt-4o",{more}}}"#);
        assert_eq!(pieces(path, &body), None, "{more}");
    }
}

#[test]
fn what_is_taken_out_on_the_way_is_not_read_by_the_model() {
    let body = r#"{"model":"gpt-4o","messages":[{"role":"user","content":"my key"}]}"#;
    let at = body.find("key").unwrap();
    let call =
        call("/chat/completions", body).redact(vec![Edit::replacement(at..at + 3, "[REDACTED]")]);
    let mut texts = Vec::new();
    assert!(call.prompt().unwrap().read(|piece| {
        if let PromptPiece::Text(text) = piece {
            texts.push(text.into_owned());
        }
    }));
    assert_eq!(texts, ["my [REDACTED]"]);
    assert_eq!(call.prompt().unwrap().held_bytes(), body.len());
    assert!(!format!("{:?}", call.prompt()).contains("my"));
}

#[test]
fn only_what_a_model_answers_in_words_has_a_prompt() {
    let embedding = call("/embeddings", r#"{"model":"text-embedding-3-small","input":"Hi"}"#);
    assert!(embedding.prompt().is_none());
}
