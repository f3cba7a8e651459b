//! Files and batches.

use super::{Sandbox, start};
use crate::sandbox::shelf::{Kept, Shelves};
use serde_json::{Value, json};

fn upload(sandbox: &Sandbox, purpose: &str, content: &str) -> String {
    let reply = sandbox.post_form("/files", &[("purpose", purpose)], ("file", content));
    assert_eq!(reply.status, 200, "{}", reply.text);
    let file = reply.json();
    assert_eq!((&file["object"], &file["bytes"]), (&json!("file"), &json!(content.len())));
    file["id"].as_str().unwrap().to_owned()
}

fn ids(list: &Value) -> Vec<&str> {
    list["data"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap()).collect()
}

fn batch_line(model: &str) -> String {
    let body = json!({ "model": model, "messages": [{"role": "user", "content": "Hi"}],
                       "stream": true });
    let line = json!({ "custom_id": model, "method": "POST", "url": "/v1/chat/completions",
                       "body": body });
    line.to_string()
}

#[test]
fn a_file_is_kept_byte_for_byte_until_it_is_deleted() {
    let sandbox = start().unwrap();
    let content = "one\r\n--xy\r\n\r\ntwo";
    let id = upload(&sandbox, "user_data", content);
    let path = format!("/files/{id}");
    assert_eq!(sandbox.get(&path).json()["filename"], "a.bin");
    assert_eq!(sandbox.get(&format!("{path}/content")).text, content);
    assert_eq!(sandbox.delete(&path).json()["deleted"], true);
    let gone = sandbox.get(&path);
    assert_eq!(gone.status, 404);
    assert_eq!(gone.json()["error"]["message"], format!("No such File object: {id}"));
}

#[test]
fn files_are_listed_in_pages_by_order_and_purpose() {
    let sandbox = start().unwrap();
    let [first, second, third] =
        ["user_data", "batch", "user_data"].map(|purpose| upload(&sandbox, purpose, "x"));
    let newest = sandbox.get("/files?limit=2").json();
    assert_eq!(ids(&newest), [&*third, &*second]);
    assert_eq!((&newest["has_more"], &newest["last_id"]), (&json!(true), &json!(second)));
    let rest = sandbox.get(&format!("/files?after={second}")).json();
    assert_eq!((ids(&rest), &rest["has_more"]), (vec![&*first], &json!(false)));
    let oldest = sandbox.get("/files?order=asc&purpose=user_data").json();
    assert_eq!(ids(&oldest), [&*first, &*third]);
    for wrong in ["limit=0", "limit=x", "order=up", "after=file-none"] {
        assert_eq!(sandbox.get(&format!("/files?{wrong}")).status, 400, "{wrong}");
    }
}

#[test]
fn what_is_no_form_or_lacks_something_is_refused() {
    let sandbox = start().unwrap();
    assert_eq!(sandbox.post("/files", &json!({})).status, 400);
    let table = [
        (&[][..], "file", "purpose"),
        (&[("purpose", "batch")], "other", "file"),
        (&[("purpose", "x")], "file", "purpose"),
    ];
    for (fields, file, param) in table {
        let reply = sandbox.post_form("/files", fields, (file, "x"));
        assert_eq!((reply.status, &reply.json()["error"]["param"]), (400, &json!(param)));
    }
}

#[test]
fn a_batch_is_done_at_once_with_a_line_for_each_request() {
    let sandbox = start().unwrap();
    let input = format!("{}\n{}\n", batch_line("gpt-4o"), batch_line("gpt-unknown"));
    let input = upload(&sandbox, "batch", &input);
    let request = json!({ "input_file_id": input, "endpoint": "/v1/chat/completions",
                          "completion_window": "24h", "metadata": { "a": "b" } });
    let batch = sandbox.post("/batches", &request).json();
    assert_eq!(batch["status"], "completed");
    assert_eq!(batch["request_counts"], json!({ "total": 2, "completed": 1, "failed": 1 }));
    for (file, custom_id, status) in
        [("output_file_id", "gpt-4o", 200), ("error_file_id", "gpt-unknown", 404)]
    {
        let content = format!("/files/{}/content", batch[file].as_str().unwrap());
        let line: Value = serde_json::from_str(&sandbox.get(&content).text).unwrap();
        assert_eq!(line["custom_id"], custom_id);
        assert_eq!(line["response"]["status_code"], status);
        assert!(line["response"]["body"].is_object());
    }
    let path = format!("/batches/{}", batch["id"].as_str().unwrap());
    assert_eq!(sandbox.get(&path).json(), batch);
    assert_eq!(sandbox.post(&format!("{path}/cancel"), &json!({})).json(), batch);
    assert_eq!(sandbox.get("/batches").json()["data"], json!([batch]));
}

#[test]
fn a_batch_of_other_lines_fails_and_an_unknown_one_is_not_found() {
    let sandbox = start().unwrap();
    let create = |input: &str, endpoint: &str, window: &str| {
        let request = json!({ "input_file_id": input, "endpoint": endpoint,
                              "completion_window": window });
        sandbox.post("/batches", &request)
    };
    let input = upload(&sandbox, "batch", &batch_line("gpt-4o"));
    let failed = create(&input, "/v1/responses", "24h").json();
    assert_eq!((&failed["status"], &failed["output_file_id"]), (&json!("failed"), &Value::Null));
    assert_eq!(failed["errors"]["data"][0]["line"], 1);
    let other = upload(&sandbox, "user_data", "x");
    assert_eq!(create(&input, "/v1/nowhere", "24h").status, 400);
    assert_eq!(create(&input, "/v1/responses", "1h").status, 400);
    assert_eq!(create(&other, "/v1/responses", "24h").status, 400);
    assert_eq!(create("file-none", "/v1/responses", "24h").status, 404);
    assert_eq!(sandbox.get("/batches/batch_none").status, 404);
}

#[test]
fn the_oldest_make_room_when_there_is_too_much() {
    let shelves = Shelves::new();
    let put = |id: usize, bytes: usize| {
        let object = json!({ "id": id.to_string() });
        shelves.files.put(Kept { object, content: vec![0; bytes].into(), items: Vec::new() });
    };
    (0..=1_000).for_each(|id| put(id, 1));
    assert!(shelves.files.find("0").is_err());
    assert!(shelves.files.find("1").is_ok());
    put(1_001, 128 * 1_024 * 1_024 - 1);
    assert!(shelves.files.find("999").is_err());
    assert!(shelves.files.find("1000").is_ok());
    assert!(shelves.files.find("1001").is_ok());
}
