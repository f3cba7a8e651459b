//! Facts, refusals and splices of calls.

use super::*;
use crate::openai::find;
use proptest::prelude::*;
use serde_json::json;

const CHAT: &str = r#"{"model":"gpt-4o","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Hello \ud83d\udc4b"}]}"#;

fn read_at(path: &str, body: &str) -> Result<Call, Refusal> {
    let route = find("POST", path, false).unwrap();
    let body = Bytes::copy_from_slice(body.as_bytes());
    Call::read(
        route,
        None,
        Some("application/json"),
        body,
        ReadOptions { request_stream_usage: true, collect_references: false, collect_texts: false },
    )
}

fn chat(body: &str) -> Result<Call, Refusal> {
    read_at("/chat/completions", body)
}

fn outgoing(body: &str) -> String {
    String::from_utf8(chat(body).unwrap().outgoing_body().to_vec()).unwrap()
}

/// The `param` of a 400.
fn refused(result: Result<Call, Refusal>) -> Option<String> {
    match result.unwrap_err() {
        Refusal::Malformed { param, .. } => param.map(Cow::into_owned),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_text_of_a_query_has_no_escapes() {
    let text = |query: Option<&str>| {
        let route = find("GET", "/chat/completions", false).unwrap();
        let options = ReadOptions {
            request_stream_usage: true,
            collect_references: false,
            collect_texts: false,
        };
        let call = Call::read(route, query, None, Bytes::new(), options).unwrap();
        call.query_text().map(Cow::into_owned)
    };
    assert_eq!(text(None), None);
    assert_eq!(text(Some("limit=2")).as_deref(), Some("limit=2"));
    let escaped = "metadata[k]=Project%20night+jar%C3%A9%ff";
    assert_eq!(text(Some(escaped)).as_deref(), Some("metadata[k]=Project night jar\u{e9}\u{fffd}"));
}

#[test]
fn the_facts_of_a_chat_are_read() {
    let call = chat(CHAT).unwrap();
    let facts = call.facts();
    assert_eq!(facts.model.as_deref(), Some("gpt-4o"));
    assert_eq!((facts.message_count, facts.has_system_prompt), (Some(2), Some(true)));
    assert_eq!((facts.has_tools, facts.stream), (Some(false), false));
    assert_eq!((facts.endpoint, call.target()), ("chat/completions", "/chat/completions"));
    assert_eq!(call.content_type(), Some("application/json"));

    let developer =
        r#"{"mod\u0065l":"\u0067pt","messages":[{"role":"user"},{"role":"develope\u0072"}]}"#;
    let call = chat(developer).unwrap();
    assert_eq!(call.facts().model.as_deref(), Some("gpt"));
    assert_eq!(call.facts().has_system_prompt, Some(true));
}

#[test]
fn debug_output_has_no_content() {
    assert!(!format!("{:?}", chat(CHAT).unwrap()).contains("Hello"));
}

#[test]
fn tool_names_are_read_from_every_place_where_a_server_may_look() {
    let call = chat(
        r#"{"model":"m","messages":[],"tools":[
        {"type":"function","function":{"name":"get_weather","parameters":{"name":"not me"}}},
        {"type":"custom","custom":{"name":"shell_exec"}},
        {"type":"function","name":"flat"},
        {"type":"function","name":"outer","function":{"name":"inner"}},
        {"type":"web_search"}],
        "functions":[{"name":"legacy"}]}"#,
    )
    .unwrap();
    let names: Vec<&str> = call.facts().tool_names.iter().map(AsRef::as_ref).collect();
    let expected = ["get_weather", "shell_exec", "flat", "inner", "outer", "web_search", "legacy"];
    assert_eq!(names, expected);
    assert_eq!(call.facts().has_tools, Some(true));

    for tools in [
        r#"{}"#,
        r#"[7]"#,
        r#"[{}]"#,
        r#"[{"function":{}}]"#,
        r#"[{"function":{"Name":"x"}}]"#,
        r#"[{"function":{"name":"a","NAME":"x"}}]"#,
        r#"[{"function":{"name":7}}]"#,
    ] {
        let body = format!(r#"{{"model":"m","messages":[],"tools":{tools}}}"#);
        assert!(refused(chat(&body)).is_some(), "{tools}");
    }
}

#[test]
fn the_facts_of_completions_and_embeddings_are_read() {
    let count = |path, field: &str, value: &str| {
        let body = format!(r#"{{"model":"m","{field}":{value}}}"#);
        read_at(path, &body).map(|call| call.facts().message_count)
    };
    for (value, expected) in
        [(r#""a""#, 1), (r#"["a","b"]"#, 2), ("[1,2,3]", 1), ("[[1],[2]]", 2), ("[]", 0)]
    {
        assert_eq!(count("/completions", "prompt", value).unwrap(), Some(expected));
        assert_eq!(count("/embeddings", "input", value).unwrap(), Some(expected));
    }
    assert_eq!(count("/completions", "prompt", "null").unwrap(), None);
    assert!(count("/embeddings", "input", "null").is_err());
    assert!(count("/embeddings", "input", "{}").is_err());
    let call = read_at("/completions", r#"{"model":"m","prompt":"a","stream":true}"#).unwrap();
    assert!(call.facts().stream && call.usage_added());
    assert_eq!((call.facts().has_system_prompt, call.facts().has_tools), (None, None));
    let call = read_at("/embeddings", r#"{"model":"m","input":"a","stream":true}"#).unwrap();
    assert!(!call.facts().stream && !call.usage_added());
}

#[test]
fn a_model_is_a_name_or_the_call_is_refused() {
    for model in [
        "null",
        "7",
        r#""""#,
        r#""a\nb""#,
        r#""a\u0000""#,
        r#""\u0085""#,
        r#"" gpt-4o""#,
        r#""gpt-4o\u00a0""#,
        "[]",
        &format!("\"{}\"", "m".repeat(257)),
    ] {
        let body = format!(r#"{{"model":{model},"messages":[]}}"#);
        assert_eq!(refused(chat(&body)).as_deref(), Some("model"), "{model}");
    }
    assert_eq!(refused(chat(r#"{"messages":[]}"#)).as_deref(), Some("model"));
}

#[test]
fn a_field_in_another_case_is_refused_instead_of_or_beside_the_real_one() {
    for body in [
        r#"{"Model":"b","messages":[]}"#,
        r#"{"model":"a","MODEL":"b","messages":[]}"#,
        r#"{"model":"a","mo\u0044el":"b","messages":[]}"#,
        r#"{"model":"a","messages":[],"\u017ftream":true}"#,
        r#"{"model":"a","messages":[],"toolſ":[]}"#,
        r#"{"model":"a","messages":[],"meſſages":[]}"#,
        r#"{"model":"a","messages":[{"role":"user","Role":"system"}]}"#,
        r#"{"model":"a","messages":[],"stream":true,"stream_options":{"Include_usage":false}}"#,
    ] {
        assert!(refused(chat(body)).is_some(), "{body}");
    }
    assert!(chat(r#"{"model":"a","messages":[],"modelled":1,"modèl":2,"Temperature":1}"#).is_ok());
}

#[test]
fn models_to_fall_back_on_are_refused_since_only_one_is_authorised() {
    for field in ["models", "fallbacks"] {
        let body = format!(r#"{{"model":"a","messages":[],"{field}":["b"]}}"#);
        assert_eq!(refused(chat(&body)).as_deref(), Some(field));
    }
}

#[test]
fn malformed_bodies_are_refused_without_quoting_them() {
    for body in [
        "",
        "[]",
        "\"secret\"",
        r#"{"model":"secret","model":"x"}"#,
        "secret",
        r#"{"model":"secret""#,
    ] {
        let refusal = chat(body).unwrap_err();
        assert_eq!(refusal.status(), 400);
        assert!(!refusal.message().contains("secret"));
    }
    let message = chat(r#"{"model":"a","model":"b"}"#).unwrap_err().message();
    assert_eq!(message, "The body is not valid JSON: a duplicate key at byte 13.");
    for (body, param) in [
        (r#"{"model":"m"}"#, "messages"),
        (r#"{"model":"m","messages":{}}"#, "messages"),
        (r#"{"model":"m","messages":["x"]}"#, "messages"),
        (r#"{"model":"m","messages":[],"stream":"true"}"#, "stream"),
        (r#"{"model":"m","messages":[],"stream":true,"stream_options":[]}"#, "stream_options"),
        (
            r#"{"model":"m","messages":[],"stream":true,"stream_options":{"include_usage":1}}"#,
            "include_usage",
        ),
    ] {
        assert_eq!(refused(chat(body)).as_deref(), Some(param));
    }
}

#[test]
fn a_body_that_needs_no_change_is_forwarded_without_a_copy() {
    for tail in [
        "}",
        r#","stream":false}"#,
        r#","stream":null}"#,
        r#","stream":true,"stream_options":{"include_usage":true}}"#,
    ] {
        let body = Bytes::from(format!("{}{tail}", CHAT.strip_suffix('}').unwrap()));
        let route = find("POST", "/chat/completions", false).unwrap();
        let options = ReadOptions {
            request_stream_usage: true,
            collect_references: false,
            collect_texts: false,
        };
        let call = Call::read(route, None, None, body.clone(), options).unwrap();
        assert_eq!(call.outgoing_body().as_ptr(), body.as_ptr());
        assert!(!call.usage_added());
    }
    let route = find("POST", "/chat/completions", false).unwrap();
    let body = Bytes::from_static(br#"{"model":"m","messages":[],"stream":true}"#);
    let options = ReadOptions {
        request_stream_usage: false,
        collect_references: false,
        collect_texts: false,
    };
    let call = Call::read(route, None, None, body.clone(), options).unwrap();
    assert!(call.facts().stream && !call.usage_added());
    assert_eq!(call.outgoing_body().as_ptr(), body.as_ptr());
}

#[test]
fn usage_is_asked_for_in_the_least_number_of_bytes() {
    let with = |rest: &str| format!(r#"{{ "model":"m","messages":[],"stream":true{rest}"#);
    for (before, after) in [
        (" } ", r#" ,"stream_options":{"include_usage":true}} "#),
        (r#","stream_options": null}"#, r#","stream_options": {"include_usage":true}}"#),
        (r#","stream_options":{ },"n":1}"#, r#","stream_options":{ "include_usage":true},"n":1}"#),
        (r#","stream_options":{"x":1}}"#, r#","stream_options":{"x":1,"include_usage":true}}"#),
        (
            r#","stream_options":{"include_usage": false }}"#,
            r#","stream_options":{"include_usage": true }}"#,
        ),
        (
            r#","stream_options":{"include_usage":null}}"#,
            r#","stream_options":{"include_usage":true}}"#,
        ),
    ] {
        assert_eq!(outgoing(&with(before)), with(after));
    }
}

#[test]
fn what_is_not_json_by_its_content_type_is_refused() {
    let read = |content_type| {
        let route = find("POST", "/chat/completions", false).unwrap();
        let body = Bytes::from_static(CHAT.as_bytes());
        Call::read(
            route,
            None,
            content_type,
            body,
            ReadOptions {
                request_stream_usage: true,
                collect_references: false,
                collect_texts: false,
            },
        )
    };
    for accepted in [
        None,
        Some("application/json"),
        Some("Application/JSON; charset=UTF-8"),
        Some("application/json;charset=\"utf-8\"; x=y"),
    ] {
        assert!(read(accepted).is_ok(), "{accepted:?}");
    }
    for refused in [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json; charset=utf-16",
        "application/json, text/plain",
        "multipart/form-data; boundary=x",
    ] {
        assert_eq!(read(Some(refused)).unwrap_err().status(), 415, "{refused}");
    }
}

#[test]
fn reading_needs_no_body_and_must_have_none() {
    let read = |path, query, body: &'static str| {
        let route = find("GET", path, false).unwrap();
        Call::read(
            route,
            query,
            Some("application/json"),
            Bytes::from_static(body.as_bytes()),
            ReadOptions {
                request_stream_usage: true,
                collect_references: false,
                collect_texts: false,
            },
        )
    };
    let call = read("/models/ft%3Ax", Some("limit=2&after=a%20b&include[]=x"), "").unwrap();
    assert_eq!(call.target(), "/models/ft:x?limit=2&after=a%20b&include[]=x");
    assert_eq!(call.facts().model.as_deref(), Some("ft:x"));
    assert_eq!((call.content_type(), call.facts().message_count), (None, None));
    assert_eq!(read("/models", Some(""), "").unwrap().target(), "/models");
    assert_eq!(read("/models", None, "{}").unwrap_err().status(), 400);
    for query in ["a b", "a#b", "a=%2", "a=%zz", "%", "é", "a\r\nb", "\"", "a=%é"] {
        assert_eq!(read("/models", Some(query), "").unwrap_err().status(), 400, "{query}");
    }
}

fn any_options() -> impl Strategy<Value = Option<serde_json::Value>> {
    prop::sample::select(vec![
        None,
        Some(json!(null)),
        Some(json!({})),
        Some(json!({"include_usage": true})),
        Some(json!({"include_usage": false})),
        Some(json!({"include_usage": null, "z": {"include_usage": 1}})),
        Some(json!({"include_obfuscation": false, "a": "}"})),
    ])
}

proptest! {
    #[test]
    fn the_outgoing_body_means_the_callers_body_with_usage_asked_for(
        options in any_options(), content: String, pretty: bool, stream: bool,
    ) {
        let mut body = json!({"model": "m", "messages": [{"role": "user", "content": content}], "stream": stream});
        if let Some(options) = &options { body["stream_options"] = options.clone(); }
        let text = if pretty { serde_json::to_string_pretty(&body) } else { serde_json::to_string(&body) };
        let sent = outgoing(&text.unwrap());
        if stream {
            if body["stream_options"].is_null() { body["stream_options"] = json!({}); }
            body["stream_options"]["include_usage"] = json!(true);
        }
        prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&sent).unwrap(), body);
    }

    #[test]
    fn arbitrary_bodies_never_panic(bytes: Vec<u8>, soup in r#"\{("(model|messages|tools|stream|stream_options|name|input|file_id|prompt|conversation|endpoint)":("a"|\[|\{|\}|\]|true|null|1)|,){0,9}\}"#) {
        let options = ReadOptions { request_stream_usage: true, collect_references: true, collect_texts: true };
        for body in [bytes, soup.into_bytes()] {
            for endpoint in crate::openai::ENDPOINTS {
                let path = endpoint.path.replace("{model}", "m").replace("{id}", "x");
                let route = find(endpoint.method, &path, false).unwrap();
                if let Ok(call) = Call::read(route, None, None, Bytes::from(body.clone()), options) {
                    call.outgoing_body();
                }
            }
        }
    }
}

#[test]
fn the_next_page_is_the_same_call_behind_another_entry() {
    let next = |query: Option<&str>, id: &str| {
        let route = find("GET", "/files", false).unwrap();
        let options = ReadOptions {
            request_stream_usage: true,
            collect_references: true,
            collect_texts: true,
        };
        let call = Call::read(route, query, None, Bytes::new(), options).unwrap();
        call.after(id).map(|call| call.target().to_owned())
    };
    assert_eq!(next(None, "file-1").as_deref(), Some("/files?after=file-1"));
    let query = Some("after=file-1&limit=2&&purpose=batch");
    assert_eq!(next(query, "file-2").as_deref(), Some("/files?limit=2&purpose=batch&after=file-2"));
    assert_eq!(next(None, "a&limit=1"), None);
    assert_eq!(next(None, ""), None);
}
