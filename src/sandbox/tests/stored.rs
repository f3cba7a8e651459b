//! Stored chat completions.

use super::{Sandbox, start};
use serde_json::{Value, json};

fn ask(sandbox: &Sandbox, extra: Value) {
    let messages = json!([{"role": "user", "content": "Hello"}]);
    let mut body = json!({ "model": "gpt-4o", "messages": messages });
    body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    assert_eq!(sandbox.post("/chat/completions", &body).status, 200);
}

#[test]
fn a_completion_is_kept_when_asked_to_and_changed_and_deleted() {
    let sandbox = start().unwrap();
    ask(&sandbox, json!({}));
    ask(&sandbox, json!({ "store": true, "metadata": { "a": "b" } }));
    ask(&sandbox, json!({ "store": true, "stream": true, "max_tokens": 1 }));
    let list = sandbox.get("/chat/completions").json();
    assert_eq!(list["data"].as_array().unwrap().len(), 2, "the first one is forgotten");
    assert_eq!(sandbox.get("/chat/completions?model=o1").json()["data"], json!([]));
    let kept = &list["data"][0];
    assert_eq!(kept["metadata"], json!({ "a": "b" }));

    let path = format!("/chat/completions/{}", kept["id"].as_str().unwrap());
    assert_eq!(&sandbox.get(&path).json(), kept);
    let changed = sandbox.post(&path, &json!({ "metadata": { "a": "c" } })).json();
    assert_eq!(changed["metadata"], json!({ "a": "c" }));
    assert_eq!(sandbox.post(&path, &json!({})).status, 400);
    let messages = sandbox.get(&format!("{path}/messages")).json();
    assert_eq!(messages["data"][0]["content"], "Hello");
    assert_eq!(sandbox.delete(&path).json()["object"], "chat.completion.deleted");
    assert_eq!(sandbox.get(&path).status, 404);
}
