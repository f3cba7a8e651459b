//! Facts and refusals of batch files.

use super::*;
use proptest::prelude::*;

const URL: &str = "/v1/chat/completions";

fn line(custom_id: &str, url: &str, body: &str) -> String {
    format!(r#"{{"custom_id":"{custom_id}","method":"POST","url":"{url}","body":{body}}}"#)
}

fn chat(custom_id: &str, model: &str) -> String {
    line(custom_id, URL, &format!(r#"{{"model":"{model}","messages":[]}}"#))
}

fn read(text: &str) -> Result<BatchInput, Refusal> {
    read_batch_file(text.as_bytes())
}

/// The text and `param` of a 400.
fn refused(text: &str) -> (String, Option<String>) {
    let refusal = read(text).unwrap_err();
    assert_eq!(refusal.status(), 400);
    (refusal.message().into_owned(), refusal.param().map(str::to_owned))
}

#[test]
fn models_requests_and_the_endpoint_are_read() {
    let text = [chat("a", "gpt-4o"), chat("b", "o3"), String::new(), chat("c", "gpt-4o")];
    for line_end in ["\n", "\r\n"] {
        let input = read(&(text.join(line_end) + line_end)).unwrap();
        let models: Vec<&str> = input.models.iter().map(AsRef::as_ref).collect();
        assert_eq!((models, input.requests, input.endpoint), (vec!["gpt-4o", "o3"], 3, Some(URL)));
        assert!(input.references.is_empty());
    }
}

#[test]
fn every_line_is_read_by_the_reader_of_its_endpoint() {
    let input = read(&line("a", "/v1/moderations", r#"{"input":"x"}"#)).unwrap();
    assert_eq!(input.models, ["omni-moderation-latest".into()]);

    let body = r#"{"model":"o3","input":[{"role":"user","content":[{"type":"input_file","file_id":"file-1"}]}],"previous_response_id":"resp_1","tools":[{"type":"image_generation"}]}"#;
    let text = [line("a", "/v1/responses", body), line("b", "/v1/responses", body)].join("\n");
    let input = read(&text).unwrap();
    assert_eq!(input.models, ["o3".into(), "gpt-image-1".into()]);
    let mut ids: Vec<&str> = input.references.iter().map(|named| named.id.as_ref()).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["file-1", "resp_1"]);

    for (url, body, param) in [
        (URL, r#"{"messages":[]}"#, Some("model")),
        (URL, r#"{"model":7,"messages":[]}"#, Some("model")),
        (URL, r#"{"model":"m","Model":"n","messages":[]}"#, Some("model")),
        (URL, r#"{"model":"m","models":["n"],"messages":[]}"#, Some("models")),
        (URL, r#"{"model":"m"}"#, Some("messages")),
        (URL, r#"{"model":"m","messages":[],"stream":true}"#, Some("stream")),
        (URL, r#"{"model":"m","messages":[],"Stream":true}"#, Some("stream")),
        ("/v1/embeddings", r#"{"model":"m","input":"x","stream":true}"#, Some("stream")),
        (URL, r#"[]"#, None),
        (URL, r#""{}""#, None),
        (URL, r#"{"model":"m","model":"n","messages":[]}"#, None),
    ] {
        let (message, found) = refused(&[chat("a", "m"), line("b", url, body)].join("\n"));
        assert!(message.starts_with("Line 2: "), "{message}");
        // A line of another endpoint than the first is refused for that.
        let expected = if url == URL { param } else { Some("url") };
        assert_eq!(found.as_deref(), expected, "{body}");
        assert_eq!(refused(&line("b", url, body)).1.as_deref(), param, "{body}");
    }
}

#[test]
fn a_line_that_two_readers_would_read_differently_is_refused() {
    let good = chat("a", "m");
    assert!(read(&good).is_ok());
    for (old, new, param) in [
        ("\"custom_id\":\"a\",", "", Some("custom_id")),
        ("\"a\"", "7", Some("custom_id")),
        ("\"a\"", "\"\"", Some("custom_id")),
        ("\"method\":\"POST\",", "", Some("method")),
        ("POST", "post", Some("method")),
        ("POST", "GET", Some("method")),
        ("\"POST\"", "null", Some("method")),
        ("\"url\":\"/v1/chat/completions\",", "", Some("url")),
        ("/v1/chat/completions", "/chat/completions", Some("url")),
        ("/v1/chat/completions", "/v1/chat/completions/", Some("url")),
        ("/v1/chat/completions", "/v1/files", Some("url")),
        ("/v1/chat/completions", "/v1/batches", Some("url")),
        ("/v1/chat/completions", "https://example.com/v1/chat/completions", Some("url")),
        ("\"method\"", "\"Method\":\"GET\",\"method\"", None),
        ("\"method\"", "\"model\":\"n\",\"method\"", None),
        ("\"method\"", "\"url\":\"/v1/embeddings\",\"method\"", None),
        ("\"method\"", "\r\"method\"", None),
        ("{\"custom_id\"", "\u{feff}{\"custom_id\"", None),
        ("{\"custom_id\"", "[{\"custom_id\"", None),
        ("{\"custom_id\"", "{}{\"custom_id\"", None),
        ("{\"custom_id\"", " \n{\"custom_id\"", None),
        ("\"body\":", "\"body\":\n", None),
        ("\"body\":", "\"bodies\":", None),
    ] {
        let text = good.replacen(old, new, 1);
        assert_ne!(text, good);
        let (message, found) = refused(&text);
        assert!(message.starts_with("Line 1: "), "{message}");
        assert_eq!(found.as_deref(), param, "{text}");
    }
    assert!(read(&good.replace("custom_id", "custom\\u005fid")).is_ok());
    assert!(read(&format!("{}\r\r\n", good)).is_err());
}

#[test]
fn a_file_has_one_endpoint_and_different_ids() {
    let other = line("b", "/v1/embeddings", r#"{"model":"m","input":"x"}"#);
    assert_eq!(refused(&[chat("a", "m"), other].join("\n")).1.as_deref(), Some("url"));
    let (message, param) = refused(&[chat("a", "m"), chat("\\u0061", "m")].join("\n"));
    assert!(message.starts_with("Line 2: "), "{message}");
    assert_eq!(param.as_deref(), Some("custom_id"));
}

#[test]
fn a_file_holds_something_but_not_too_much() {
    for nothing in ["", "\n", "\r\n\n"] {
        assert_eq!(refused(nothing).1.as_deref(), Some("file"));
    }
    let lines = |count: u32, model: fn(u32) -> String| {
        let lines = (0..count).map(|n| chat(&n.to_string(), &model(n)));
        lines.collect::<Vec<String>>().join("\n")
    };
    assert_eq!(read(&lines(50_000, |_| "m".to_owned())).unwrap().requests, 50_000);
    assert!(refused(&lines(50_001, |_| "m".to_owned())).0.starts_with("Line 50001: "));
    assert_eq!(read(&lines(64, |n| n.to_string())).unwrap().models.len(), 64);
    assert_eq!(refused(&lines(65, |n| n.to_string())).1.as_deref(), Some("model"));
}

#[test]
fn a_refusal_does_not_repeat_the_line() {
    for text in ["canary", r#"{"canary":1}"#, &chat("canary", "m").replace("POST", "canary")] {
        assert!(!format!("{:?}", read(text).unwrap_err()).contains("canary"));
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "\\PC{0,40}") {
        let _ = read_batch_file(&bytes);
        let _ = read(&line(&text, URL, &text));
        let _ = read(&chat(&text, &text));
    }
}
