//! Texts that look like something else, and bytes that look like text.

use super::*;

#[test]
fn bytes_in_base64_are_said_to_be_unread_and_what_only_looks_so_is_text() {
    let bytes = "iVBORw0KGgoA".repeat(10);
    let part =
        |part: Value| json!({"model": "m", "messages": [{"role": "user", "content": [part]}]});
    let chat = "/chat/completions";
    let picture = format!("data:image/png;base64,{bytes}");
    for unread in [
        json!({"type": "image_url", "image_url": {"url": picture}}),
        json!({"type": "input_image", "image_url": picture}),
        json!({"type": "input_audio", "input_audio": {"data": bytes, "format": "wav"}}),
        json!({"type": "file", "file": {"file_data": format!("data:application/pdf;base64,{bytes}")}}),
        json!({"type": "file", "file": {"file_data": bytes}}),
        json!({"type": "file", "file": {"file_data": format!("data:text/plain;charset=utf-16;base64,{bytes}")}}),
    ] {
        check(chat, part(unread), &[], &[Unread::Binary]);
    }
    for (text, expected) in [
        (
            json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,my secret"}}),
            "user: data:image/png;base64,my secret",
        ),
        (json!({"type": "input_audio", "input_audio": {"data": "sk-canary"}}), "user: sk-canary"),
        (
            json!({"type": "input_audio", "input_audio": {"data": format!("{bytes} secret")}}),
            &*format!("user: {bytes} secret"),
        ),
        (
            json!({"type": "input_file", "file_data": "data:text/csv;base64,YSxiCjEsMg=="}),
            "tool_result: a,b\n1,2",
        ),
        (
            json!({"type": "input_file", "file_data": "data:text/plain;charset=UTF-8;base64,w6k"}),
            "tool_result: é",
        ),
        // What it calls itself does not count, and an escape hides nothing.
        (
            json!({"type": "input_file", "file_data": "data:application/yaml;charset=us-ascii;BASE64,YTogc2VjcmV0"}),
            "tool_result: a: secret",
        ),
        (
            json!({"type": "image_url", "image_url": {"url": "DATA:image/png;base64,YTogc2VjcmV0"}}),
            "tool_result: a: secret",
        ),
        (
            json!({"type": "input_audio", "input_audio": {"data": "dGhlIHNlY3JldCBpcyBpbiBoZXJl"}}),
            "user: the secret is in here",
        ),
        (
            json!({"type": "thinking", "signature": format!("sk-proj-{}", "aB3_".repeat(15) + "x")}),
            &*format!("user: sk-proj-{}x", "aB3_".repeat(15)),
        ),
        (json!({"type": "text", "text": picture}), &*format!("user: {picture}")),
        (json!({"type": "input_file", "filename": "a.pdf"}), "user: a.pdf"),
    ] {
        check(chat, part(text), &[expected], &[]);
    }
}

#[test]
fn escapes_hide_neither_a_key_nor_a_role_nor_a_text() {
    let call = read(
        "/chat/completions",
        r#"{"model":"m","messages":[{"cont\u0065nt":"\ud83d\ude00 h\u0069","r\u006fle":"syste\u006d"}],"met\u0061data":{"\u00e9":"\n"}}"#,
    );
    let body = call.body();
    let texts: Vec<_> =
        call.texts().spans().iter().map(|span| (span.surface, span.text(body))).collect();
    let expected = [
        (crate::types::TextSurface::System, "😀 hi"),
        (crate::types::TextSurface::Metadata, "é"),
        (crate::types::TextSurface::Metadata, "\n"),
    ];
    assert_eq!(texts, expected.map(|(surface, text)| (surface, text.into())));
}

#[test]
fn a_key_that_could_be_bytes_is_judged_and_said_to_be_unread() {
    let key = format!("sk-proj-{}", "aB3_".repeat(15));
    let body =
        json!({"model": "m", "messages": [{"role": "user", "content": [{"signature": key}]}]});
    check("/chat/completions", body, &[&format!("user: {key}")], &[Unread::Encrypted]);
}

#[test]
fn long_numbers_are_texts_but_for_those_of_the_format() {
    let body = r#"{"model":"m","seed":123456789012,"created":1234567890,"prompt_tokens":12345678,
        "x":{"created_at":1234567890, "n":-123456789.5e1},
        "messages":[{"role":"user","content": 4111111111111111 }],"prompt":[1234567890,[1234567890]]}"#;
    let call = read("/chat/completions", body);
    let shown: Vec<String> = call
        .texts()
        .spans()
        .iter()
        .map(|span| format!("{}: {}", span.surface, span.text(call.body())))
        .collect();
    assert_eq!(shown, ["other: -123456789.5e1", "user: 4111111111111111"]);
    assert_eq!(call.texts().unread(), [Unread::Tokens]);
    let card = &call.texts().spans()[1].clone();
    assert_eq!(card.raw(call.body(), 2..5), card.range);
    let edits = card.redact(call.body(), [(0..16, "[REDACTED:PII_CREDIT_CARD]")]);
    let expected = body.replace("4111111111111111", "\"[REDACTED:PII_CREDIT_CARD]\"");
    assert_eq!(call.redact(edits).outgoing_body(), expected);
}

#[test]
fn nothing_is_collected_that_is_not_asked_for() {
    let route = find("POST", "/chat/completions", false).unwrap();
    let options = ReadOptions { collect_texts: false, ..OPTIONS };
    let body = Bytes::from_static(br#"{"model":"m","messages":[{"role":"user","content":"a"}]}"#);
    assert_eq!(Call::read(route, None, None, body, options).unwrap().texts(), &Texts::default());
}
