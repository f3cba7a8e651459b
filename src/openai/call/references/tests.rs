//! Whatever names an object is found, wherever and however it is written.

use super::*;
use crate::openai::{Call, ReadOptions, find};
use bytes::Bytes;

fn references(path: &str, body: &str, collect_references: bool) -> Result<Vec<Reference>, Refusal> {
    let route = find("POST", path, false).unwrap();
    let options =
        ReadOptions { request_stream_usage: false, collect_references, collect_texts: false };
    let body = Bytes::copy_from_slice(body.as_bytes());
    Call::read(route, None, None, body, options).map(|call| call.references().to_vec())
}

fn found(body: &str) -> Vec<(ObjectKind, String)> {
    let body = format!(r#"{{"model":"m",{body}}}"#);
    let mut found: Vec<_> = references("/responses", &body, true)
        .unwrap()
        .into_iter()
        .map(|reference| (reference.kind, reference.id.to_string()))
        .collect();
    found.sort_by(|one, other| one.1.cmp(&other.1));
    found
}

fn only(kind: ObjectKind, ids: &[&str]) -> Vec<(ObjectKind, String)> {
    ids.iter().map(|id| (kind, (*id).to_owned())).collect()
}

#[test]
fn every_naming_field_is_found_at_any_depth() {
    use ObjectKind::{Conversation, File, Other, Response};
    for (body, expected) in [
        (r#""previous_response_id":"r""#, only(Response, &["r"])),
        (r#""conversation":"c""#, only(Conversation, &["c"])),
        (r#""conversation":{"id":"c"}"#, only(Conversation, &["c"])),
        (
            r#""input":[{"role":"user","content":[{"type":"input_file","file_id":"f"}]}]"#,
            only(File, &["f"]),
        ),
        (
            r#""tools":[{"type":"code_interpreter","container":{"type":"auto","file_ids":["a","b","a"]}}]"#,
            only(File, &["a", "b"]),
        ),
        (r#""tools":[{"type":"code_interpreter","container":"k"}]"#, only(Other, &["k"])),
        (r#""tools":[{"type":"file_search","vector_store_ids":["v"]}]"#, only(Other, &["v"])),
        (r#""a":[[{"b":{"file\u005fid":"\u0066"}}]]"#, only(File, &["f"])),
        (r#""FILE_ID":"f""#, only(File, &["f"])),
        (r#""file_id":null,"previous_response_id":null"#, vec![]),
        (
            r#""input":[{"type":"item_reference","id":"i"},{"id":"j"},{"type":null,"id":"k"}]"#,
            only(Other, &["i", "j", "k"]),
        ),
        (
            r#""input":[{"role":"assistant","id":"m"},{"type":"reasoning","id":"n"},{"ID":"o"}]"#,
            only(Other, &["m", "n", "o"]),
        ),
        (
            r#""input":[{"type":"mcp_approval_response","approval_request_id":"a","approve":true},
                {"type":"code_interpreter_call","id":"c","container_id":"d","code":"","status":"completed"}]"#,
            only(Other, &["a", "c", "d"]),
        ),
        (r#""prompt":{"id":"p","variables":{}}"#, only(Other, &["p"])),
        (r#""messages":[{"role":"assistant","audio":{"id":"a"}}]"#, only(Other, &["a"])),
        (r#""audio":{"format":"wav","voice":"alloy"}"#, vec![]),
    ] {
        assert_eq!(found(body), expected, "{body}");
    }
}

#[test]
fn words_of_the_callers_own_name_nothing() {
    for body in [
        r#""metadata":{"conversation":"weekly","file_id":"f","id":"i"}"#,
        r#""tools":[{"type":"function","name":"ship","parameters":{"properties":{"container":"box"},"container":"k"}}]"#,
        r#""tools":[{"type":"function","function":{"name":"ship","parameters":{"container":{"type":"string"},"file_ids":["f"]}}}]"#,
        r#""tools":[{"type":"mcp","server_label":"s","headers":{"container":"k"}}]"#,
        r#""text":{"format":{"type":"json_schema","name":"n","schema":{"conversation":"c"}}}"#,
        r#""response_format":{"type":"json_schema","json_schema":{"schema":{"file_id":"f"}}}"#,
        r#""prompt":"p""#,
        r#""prompt":["p","id"]"#,
        r#""input":[{"type":"function_call","call_id":"c","arguments":"{\"file_id\":\"f\"}"}]"#,
        r#""input":[{"content":[{"type":"output_text","annotations":[{"type":"file_citation","file_id":"f"}]}]}]"#,
    ] {
        assert_eq!(found(body), [], "{body}");
    }
    assert_eq!(found(r#""Metadata":{"file_id":"f"}"#), only(ObjectKind::File, &["f"]));
}

#[test]
fn without_being_asked_only_the_path_and_a_batchs_file_are_looked_at() {
    let body = r#"{"model":"m","previous_response_id":"r"}"#;
    assert_eq!(references("/responses", body, false), Ok(vec![]));
    let batch = r#"{"input_file_id":"f","endpoint":"/v1/embeddings"}"#;
    let file = Reference { kind: ObjectKind::File, id: "f".into(), param: "input_file_id" };
    for collect in [false, true] {
        assert_eq!(references("/batches", batch, collect), Ok(vec![file.clone()]));
    }
    let batch = Reference { kind: ObjectKind::Batch, id: "b_1".into(), param: "id" };
    assert_eq!(references("/batches/b_1/cancel", "", false), Ok(vec![batch]));
}

#[test]
fn the_number_of_objects_is_bounded() {
    let body = |count: u32| {
        let ids: Vec<String> = (0..count).map(|number| format!("\"f{number}\"")).collect();
        format!(r#"{{"model":"m","file_ids":[{}]}}"#, ids.join(","))
    };
    assert_eq!(references("/responses", &body(4096), true).unwrap().len(), 4096);
    assert_eq!(references("/responses", &body(4097), true).unwrap_err().status(), 400);
}
