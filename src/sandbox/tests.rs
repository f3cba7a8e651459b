//! The sandbox over a real socket, as the gate and the SDKs see it.

use super::*;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::time::Instant;

mod files;
mod media;
mod responses;
mod stored;

struct Reply {
    status: u16,
    headers: header::HeaderMap,
    text: String,
    bytes: Vec<u8>,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    /// The events of a stream whose events have names.
    fn events(&self) -> Vec<Value> {
        let events = self.text.split_terminator("\n\n").map(|event| {
            let (name, data) = event.split_once("\ndata: ").unwrap();
            let event: Value = serde_json::from_str(data).unwrap();
            assert_eq!(name.strip_prefix("event: "), event["type"].as_str());
            event
        });
        events.collect()
    }

    /// The chunks before `[DONE]`, which must be there.
    fn chunks(&self) -> Vec<Value> {
        let mut events: Vec<&str> = self.text.split_terminator("\n\n").collect();
        assert_eq!(events.pop(), Some("data: [DONE]"));
        let data = events.into_iter().map(|event| event.strip_prefix("data: ").unwrap());
        data.map(|data| serde_json::from_str(data).unwrap()).collect()
    }
}

/// Sends one request to a sandbox of its own.
fn send(method: &str, path: &str, key: Option<&str>, body: &Value) -> Reply {
    let json = Some("application/json");
    exchange(&start().unwrap(), method, path, key, (json, body.to_string()))
}

fn post(path: &str, body: &Value) -> Reply {
    send("POST", path, Some("sk-any"), body)
}

/// Sends one request, with a body and its type, to this sandbox.
fn exchange(
    sandbox: &Sandbox,
    method: &str,
    path: &str,
    key: Option<&str>,
    (content_type, body): (Option<&str>, String),
) -> Reply {
    System::new().block_on(async {
        let url = format!("{}{path}", sandbox.base_url);
        let mut request = awc::Client::default().request(method.parse().unwrap(), url);
        if let Some(key) = key {
            request = request.bearer_auth(key);
        }
        if let Some(content_type) = content_type {
            request = request.content_type(content_type);
        }
        let mut response = request.send_body(body).await.unwrap();
        let bytes = response.body().await.unwrap().to_vec();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Reply {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            text,
            bytes,
        }
    })
}

impl Sandbox {
    fn get(&self, path: &str) -> Reply {
        exchange(self, "GET", path, Some("k"), (None, String::new()))
    }

    fn delete(&self, path: &str) -> Reply {
        exchange(self, "DELETE", path, Some("k"), (None, String::new()))
    }

    fn post(&self, path: &str, body: &Value) -> Reply {
        let json = Some("application/json");
        exchange(self, "POST", path, Some("k"), (json, body.to_string()))
    }

    /// Posts a form of text fields and one file.
    fn post_form(&self, path: &str, fields: &[(&str, &str)], file: (&str, &str)) -> Reply {
        let mut body = String::new();
        for (name, value) in fields {
            let head = format!("Content-Disposition: form-data; name=\"{name}\"");
            body.push_str(&format!("--xyz\r\n{head}\r\n\r\n{value}\r\n"));
        }
        let (name, content) = file;
        let head = format!("Content-Disposition: form-data; name=\"{name}\"; filename=\"a.bin\"");
        body.push_str(&format!("--xyz\r\n{head}\r\n\r\n{content}\r\n--xyz--\r\n"));
        let content_type = Some("multipart/form-data; boundary=xyz");
        exchange(self, "POST", path, Some("k"), (content_type, body))
    }
}

fn chat(extra: Value) -> Reply {
    let mut body = json!({ "model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}] });
    body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    post("/chat/completions", &body)
}

fn weather_tool() -> Value {
    let parameters = json!({
        "type": "object",
        "properties": { "city": {"type": "string"}, "unit": {"enum": ["celsius", "kelvin"]} },
    });
    json!([{"type": "function", "function": {"name": "get_weather", "parameters": parameters}}])
}

#[test]
fn a_chat_answer_names_the_sandbox_in_text_fingerprint_and_header() {
    let reply = chat(json!({}));
    assert_eq!(reply.status, 200);
    assert_eq!(reply.headers.get("x-portcullis-sandbox").unwrap(), "true");
    assert!(reply.headers.contains_key("x-request-id"));
    let completion = reply.json();
    assert_eq!(completion["object"], "chat.completion");
    assert_eq!(completion["system_fingerprint"], "portcullis-sandbox");
    let choice = &completion["choices"][0];
    let content = choice["message"]["content"].as_str().unwrap();
    assert!(content.starts_with("This answer comes from the Portcullis sandbox"), "{content}");
    assert_eq!(choice["finish_reason"], "stop");
    let usage = &completion["usage"];
    let sum =
        usage["prompt_tokens"].as_u64().unwrap() + usage["completion_tokens"].as_u64().unwrap();
    assert_eq!(usage["total_tokens"], sum);
}

#[test]
fn a_stream_comes_word_by_word_and_ends_with_done() {
    let began = Instant::now();
    let reply = chat(json!({ "stream": true }));
    assert!(began.elapsed() > Duration::from_millis(500), "a model takes its time");
    assert_eq!(reply.headers.get("content-type").unwrap(), "text/event-stream; charset=utf-8");
    let chunks = reply.chunks();
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    let words = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str());
    assert_eq!(
        words.collect::<String>(),
        chat(json!({})).json()["choices"][0]["message"]["content"]
    );
    assert_eq!(chunks.last().unwrap()["choices"][0]["finish_reason"], "stop");
    assert!(chunks.iter().all(|chunk| chunk.get("usage").is_none()), "nobody asked for usage");
}

#[test]
fn usage_on_streams_comes_only_when_asked_for_and_in_a_chunk_of_its_own() {
    let options = json!({ "stream": true, "stream_options": { "include_usage": true } });
    let mut chunks = chat(options).chunks();
    let last = chunks.pop().unwrap();
    assert_eq!(last["choices"], json!([]));
    assert!(last["usage"]["total_tokens"].as_u64().unwrap() > 10);
    assert!(chunks.iter().all(|chunk| chunk.get("usage") == Some(&Value::Null)));
    let refused = chat(json!({ "stream_options": { "include_usage": true } }));
    assert_eq!(
        (refused.status, &refused.json()["error"]["param"]),
        (400, &json!("stream_options"))
    );
}

#[test]
fn a_limit_cuts_the_answer() {
    let choice = &chat(json!({ "max_tokens": 3 })).json()["choices"][0];
    assert_eq!(choice["message"]["content"], "This answer comes ");
    assert_eq!(choice["finish_reason"], "length");
}

#[test]
fn a_tool_is_called_when_the_user_speaks_of_it() {
    let ask = |content: &str, extra: Value| {
        let messages = json!([{"role": "user", "content": [{"type": "text", "text": content}]}]);
        let mut body = json!({ "tools": weather_tool(), "messages": messages });
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        chat(body)
    };
    let choice = &ask("How is the weather?", json!({})).json()["choices"][0];
    assert_eq!(choice["finish_reason"], "tool_calls");
    let function = &choice["message"]["tool_calls"][0]["function"];
    assert_eq!(function["name"], "get_weather");
    let arguments: Value = serde_json::from_str(function["arguments"].as_str().unwrap()).unwrap();
    assert_eq!(arguments, json!({ "city": "sandbox", "unit": "celsius" }));

    let streamed = ask("How is the weather?", json!({ "stream": true })).chunks();
    let pieces = streamed.iter().filter_map(|chunk| {
        chunk.pointer("/choices/0/delta/tool_calls/0/function/arguments")?.as_str()
    });
    assert_eq!(pieces.collect::<String>(), function["arguments"]);

    assert_eq!(ask("Hello", json!({})).json()["choices"][0]["finish_reason"], "stop");
    let forced = ask("Hello", json!({ "tool_choice": "required" }));
    assert_eq!(forced.json()["choices"][0]["finish_reason"], "tool_calls");
    let forbidden = ask("weather", json!({ "tool_choice": "none" }));
    assert_eq!(forbidden.json()["choices"][0]["finish_reason"], "stop");
}

#[test]
fn a_schema_is_answered_with_an_instance() {
    let schema = json!({ "type": "object", "properties": { "age": { "type": "integer" } } });
    let format = json!({ "type": "json_schema", "json_schema": { "name": "x", "schema": schema } });
    let reply = chat(json!({ "response_format": format })).json();
    assert_eq!(reply["choices"][0]["message"]["content"], "{\"age\":1}");
}

#[test]
fn completions_are_answered_whole_and_streamed() {
    let mut body = json!({ "model": "gpt-3.5-turbo-instruct", "prompt": "Say", "max_tokens": 5 });
    let whole = post("/completions", &body).json();
    assert_eq!(whole["object"], "text_completion");
    assert_eq!(whole["choices"][0]["finish_reason"], "length");
    body["stream"] = json!(true);
    let chunks = post("/completions", &body).chunks();
    let text: String = chunks.iter().filter_map(|it| it["choices"][0]["text"].as_str()).collect();
    assert_eq!(whole["choices"][0]["text"], text);
}

#[test]
fn embeddings_are_unit_vectors_equal_for_equal_inputs_in_both_encodings() {
    let body = json!({ "model": "text-embedding-3-small", "input": ["a", "b", "a"] });
    let floats = post("/embeddings", &body).json();
    let vector = |index: usize| -> Vec<f32> {
        serde_json::from_value(floats["data"][index]["embedding"].clone()).unwrap()
    };
    assert_eq!(vector(0).len(), 1_536);
    assert_eq!(vector(0), vector(2));
    assert_ne!(vector(0), vector(1));
    let length: f32 = vector(0).iter().map(|number| number * number).sum();
    assert!((length - 1.0).abs() < 1e-3, "{length}");

    let body = json!({ "model": "text-embedding-3-small", "input": "a", "encoding_format": "base64",
                       "dimensions": 4 });
    let encoded = post("/embeddings", &body).json();
    let bytes = STANDARD.decode(encoded["data"][0]["embedding"].as_str().unwrap()).unwrap();
    assert_eq!(bytes.len(), 16);
}

#[test]
fn models_are_listed_and_shown() {
    let list = send("GET", "/models", Some("k"), &Value::Null).json();
    let ids: Vec<&str> =
        list["data"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap()).collect();
    assert!(ids.contains(&"gpt-4o") && ids.contains(&"text-embedding-3-small"));
    let dated = send("GET", "/models/gpt-4o-2024-08-06", Some("k"), &Value::Null);
    assert_eq!(dated.json()["id"], "gpt-4o-2024-08-06");
    assert_eq!(send("GET", "/models/gpt-4omni", Some("k"), &Value::Null).status, 404);
}

#[test]
fn errors_have_the_shape_of_the_real_api() {
    let chat = "/chat/completions";
    let table = [
        (chat, None, json!({}), 401, Value::Null),
        (chat, Some("k"), json!([]), 400, Value::Null),
        (chat, Some("k"), json!({}), 400, json!("missing_required_parameter")),
        (chat, Some("k"), json!({"model": 1}), 400, json!("invalid_value")),
        (chat, Some("k"), json!({"model": "gpt-x"}), 404, json!("model_not_found")),
        (chat, Some("k"), json!({"model": "gpt-4o"}), 400, json!("missing_required_parameter")),
        (chat, Some("k"), json!({"model": "gpt-4o", "messages": []}), 400, json!("invalid_value")),
        (
            "/embeddings",
            Some("k"),
            json!({"model": "o1"}),
            400,
            json!("missing_required_parameter"),
        ),
        ("/nowhere", Some("k"), json!({}), 404, Value::Null),
    ];
    for (path, key, body, status, code) in table {
        let reply = send("POST", path, key, &body);
        assert_eq!(reply.status, status, "{path} {body}");
        let error = reply.json()["error"].clone();
        assert_eq!(error["code"], code, "{path} {body}");
        assert!(error["message"].is_string() && error["type"] == "invalid_request_error");
        assert!(reply.headers.contains_key("x-portcullis-sandbox"));
    }
}

#[test]
fn a_dropped_sandbox_is_gone() {
    let sandbox = start().unwrap();
    let address = sandbox.base_url.replace("http://", "").replace("/v1", "");
    assert!(std::net::TcpStream::connect(&address).is_ok());
    drop(sandbox);
    let deadline = Instant::now() + Duration::from_secs(5);
    while std::net::TcpStream::connect(&address).is_ok() {
        assert!(Instant::now() < deadline, "still listening");
        thread::yield_now();
    }
}
