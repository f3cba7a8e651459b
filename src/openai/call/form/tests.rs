//! Forms: when they may stream on, and what is known of them.

use super::*;
use crate::openai::{Call, ReadOptions, find};
use crate::types::Governed;
use bytes::Bytes;

const OPTIONS: ReadOptions =
    ReadOptions { request_stream_usage: true, collect_references: true, collect_texts: true };
const TYPE: &str = "multipart/form-data; boundary=XX";

fn field(name: &str, value: &str) -> String {
    format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
}

fn file(content: &str) -> String {
    format!(
        "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n{content}\r\n"
    )
}

fn read(path: &str, parts: &[String]) -> Result<Call, Refusal> {
    let route = find("POST", path, false).unwrap();
    let body = Bytes::from(format!("{}--XX--\r\n", parts.concat()));
    let call = Call::read(route, None, Some(TYPE), body.clone(), OPTIONS)?;
    assert_eq!((call.outgoing_body(), call.content_type()), (body, Some(TYPE)));
    Ok(call)
}

fn fed(path: &str, head: &str) -> (crate::openai::Route, FormReader) {
    let route = find("POST", path, false).unwrap();
    let mut form = FormReader::new("XX", watched_fields(route.endpoint));
    form.feed(head.as_bytes()).unwrap();
    (route, form)
}

#[test]
fn a_forms_fields_are_read_and_its_bytes_go_on() {
    let path = "/audio/transcriptions";
    let call = read(path, &[file("abc"), field("model", "whisper-1"), field("stream", "true")]);
    let call = call.unwrap();
    assert_eq!((call.facts().model.as_deref(), call.facts().stream), (Some("whisper-1"), true));
    assert!(read(path, &[file("abc")]).is_err());
    assert!(read(path, &[file("abc"), field("model", " m")]).is_err());
    assert!(read(path, &[field("model", "a"), field("model", "b")]).is_err());
    let call = read("/images/edits", &[field("prompt", "a")]).unwrap();
    let implied: Vec<&str> = call.facts().implied_models.iter().map(AsRef::as_ref).collect();
    assert_eq!(implied, ["dall-e-2", "gpt-image-1"]);
    let route = find("POST", path, false).unwrap();
    let json = Some("application/json");
    let refusal = Call::read(route, None, json, Bytes::from_static(b"{}"), OPTIONS).unwrap_err();
    assert_eq!(refusal.status(), 415);
}

#[test]
fn a_form_streams_on_once_what_it_is_authorised_on_is_known() {
    let begun = "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nabc";
    let path = "/audio/transcriptions";
    let (route, form) = fed(path, begun);
    assert_eq!(must_be_held(route.endpoint, &form), None);
    assert!(Call::read_form(route, None, Some(TYPE), &form, Bytes::new(), OPTIONS).is_err());
    let head = format!("{}{begun}", field("model", "whisper-1"));
    let (route, form) = fed(path, &head);
    assert_eq!(must_be_held(route.endpoint, &form), Some(false));
    let call =
        Call::read_form(route, Some("a=b"), Some(TYPE), &form, Bytes::from(head), OPTIONS).unwrap();
    assert_eq!(call.facts().model.as_deref(), Some("whisper-1"));
    assert_eq!(call.target(), "/audio/transcriptions?a=b");

    for (purpose, held) in [("assistants", Some(false)), ("batch", Some(true))] {
        let head = format!("{}{begun}", field("purpose", purpose));
        let (route, form) = fed("/files", &head);
        assert_eq!(must_be_held(route.endpoint, &form), held);
        let call = Call::read_form(route, None, Some(TYPE), &form, Bytes::from(head), OPTIONS);
        assert_eq!(call.is_ok(), held == Some(false));
    }
}

#[test]
fn a_batchs_file_is_authorised_for_all_that_it_asks_for() {
    let line = |id: u8, model: &str| {
        format!(
            r#"{{"custom_id":"{id}","method":"POST","url":"/v1/embeddings","body":{{"model":"{model}","input":"x"}}}}"#
        )
    };
    let lines = [line(1, "a"), line(2, "b")].join("\n");
    let call = read("/files", &[file(&lines), field("purpose", "batch")]).unwrap();
    let implied: Vec<&str> = call.facts().implied_models.iter().map(AsRef::as_ref).collect();
    assert_eq!((implied, call.facts().message_count), (vec!["a", "b"], Some(2)));
    let input = call.batch_input().unwrap();
    assert_eq!((input.requests, input.endpoint), (2, Some("/v1/embeddings")));
    assert!(call.stores_answer() && call.references().is_empty());
    let line = r#"{"custom_id":"1","method":"POST","url":"/v1/responses","body":{"model":"a","previous_response_id":"r"}}"#;
    let call = read("/files", &[file(line), field("purpose", "batch")]).unwrap();
    assert_eq!(call.references()[0].param, "previous_response_id");
    assert!(read("/files", &[file("not json"), field("purpose", "batch")]).is_err());
    assert!(read("/files", &[field("purpose", "batch")]).is_err());
    assert!(read("/files", &[file(&lines)]).is_err());
    let call = read("/files", &[file("not json"), field("purpose", "user_data")]).unwrap();
    assert!(call.batch_input().is_none() && call.facts().implied_models.is_empty());
}

#[test]
fn the_fields_of_a_form_are_texts_and_its_files_are_not() {
    use crate::openai::{TextSpan, Unread};
    let path = "/audio/transcriptions";
    let picture = file("abc").replace("name=\"file\"", "name=\"image\"");
    let parts = [
        field("model", "whisper-1"),
        field("prompt", "Dr. \"Q\" \\ \u{e9}"),
        field("language", "odd"),
        field("response_format", "json"),
        field("user", "u"),
        field("timestamp_granularities[]", "word"),
        picture,
        file("abc"),
    ];
    let call = read(path, &parts).unwrap();
    let shown = |call: &Call| -> Vec<String> {
        let shown = |span: &TextSpan| format!("{}: {}", span.surface, span.text(call.body()));
        call.texts().spans().iter().map(shown).collect()
    };
    let of_heads = ["other: a", "other: a"];
    let of_fields = ["user: Dr. \"Q\" \\ \u{e9}", "other: odd", "end_user: u"];
    assert_eq!(shown(&call), [&of_heads[..], &of_fields].concat());
    assert_eq!(call.texts().unread(), [Unread::Upload]);
    let span = call.texts().spans()[2].clone();
    let edits = span.redact(call.body(), [(4..7, "[X]")]);
    let sent = call.redact(edits).outgoing_body();
    assert!(String::from_utf8_lossy(&sent).contains("\r\n\r\nDr. [X] \\ \u{e9}\r\n--XX"));

    let claimed = field("prompt", "a secret").replacen(
        "\r\n\r\n",
        "\r\ncontent-length: 8\r\nContent-Type: text/plain\r\n\r\n",
        1,
    );
    let call = read(path, &[claimed, field("model", "m")]).unwrap();
    let span = call.texts().spans()[0].clone();
    let edits = span.redact(call.body(), [(2..8, "[LONG LABEL]")]);
    let sent = call.redact(edits).outgoing_body();
    let call = Call::read(find("POST", path, false).unwrap(), None, Some(TYPE), sent, OPTIONS);
    assert_eq!(shown(&call.unwrap()), ["user: a [LONG LABEL]"]);

    // Of a form that streams on, only what was read is known.
    let head = format!("{}{}", field("model", "m"), field("prompt", "p"));
    let (route, form) = fed(path, &format!("{head}{}", file("abc").split_at(90).0));
    let call = Call::read_form(route, None, Some(TYPE), &form, Bytes::from(head), OPTIONS).unwrap();
    assert_eq!(
        (shown(&call), call.texts().unread()),
        (vec!["user: p".to_owned()], &[Unread::Upload][..])
    );
}

#[test]
fn names_and_files_of_other_fields_are_texts() {
    let part = |place: &str, data: &str| {
        format!(
            "--XX\r\nContent-Type: text/plain\r\nContent-Disposition: form-data; {place}\r\n\r\n{data}\r\n"
        )
    };
    let parts = [
        field("model", "m"),
        part("name=\"prompt\"; filename=\"p.txt\"", "hidden"),
        part("name=\"my key[]\"", "auto"),
        part("name=\"file\"; filename=\"ann.wav\"; filename*=UTF-8'en'ann%20lee", "abc"),
    ];
    let call = read("/audio/transcriptions", &parts).unwrap();
    let shown =
        |span: &crate::openai::TextSpan| format!("{}: {}", span.surface, span.text(call.body()));
    let texts: Vec<String> = call.texts().spans().iter().map(shown).collect();
    assert_eq!(
        texts,
        [
            "other: p.txt",
            "other: my key[]",
            "other: ann.wav",
            "other: ann%20lee",
            "tool_result: hidden"
        ]
    );
    assert_eq!(call.texts().unread(), [crate::openai::Unread::Upload]);
    let span = &call.texts().spans()[2];
    let edits = span.redact(call.body(), [(0..3, "[REDACTED:X]")]);
    let sent = call.clone().redact(edits).outgoing_body();
    assert!(String::from_utf8_lossy(&sent).contains("filename=\"[REDACTED:X].wav\"; "));
}
