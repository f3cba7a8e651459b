//! `/v1/batches`.
//!
//! Owns the batch object. A batch is done when it is created: its output stands in a file at once.

use super::{
    chat, completions, embeddings,
    files::keep_file,
    images, moderations,
    page::Page,
    problem::Problem,
    request::object_in,
    responses,
    shelf::{Kept, Shelves},
};
use crate::clock;
use actix_web::{HttpRequest, HttpResponse, ResponseError, body::MessageBody, web::Bytes};
use serde_json::{Value, json};
use uuid::Uuid;

const DEFAULT_LIMIT: usize = 20;
const A_DAY: i64 = 24 * 60 * 60;
const ENDPOINTS: &str = "/v1/chat/completions, /v1/completions, /v1/embeddings, /v1/moderations, \
                         /v1/responses or /v1/images/generations";

type Answering = fn(&Shelves, &[u8]) -> Result<HttpResponse, Problem>;

/// `POST /v1/batches`.
pub(super) fn create_batch(shelves: &Shelves, body: &[u8]) -> Result<HttpResponse, Problem> {
    let request = object_in(body)?;
    let endpoint = text(&request, "endpoint", "the path of an endpoint")?;
    let answering =
        answering(endpoint).ok_or(Problem::Invalid { param: "endpoint", expected: ENDPOINTS })?;
    if text(&request, "completion_window", "24h")? != "24h" {
        return Err(Problem::Invalid { param: "completion_window", expected: "24h" });
    }
    let input = shelves.files.find(text(&request, "input_file_id", "the id of a file")?)?;
    if input.get("purpose") != "batch" {
        let expected = "a file with the purpose batch";
        return Err(Problem::Invalid { param: "input_file_id", expected });
    }
    let done = Done::of(shelves, endpoint, answering, &input.content);
    let batch = done.batch(shelves, &request);
    shelves.batches.put(Kept { object: batch.clone(), content: Bytes::new(), items: Vec::new() });
    Ok(HttpResponse::Ok().json(batch))
}

/// `GET /v1/batches`.
pub(super) fn list_batches(
    shelves: &Shelves,
    request: &HttpRequest,
) -> Result<HttpResponse, Problem> {
    shelves.batches.list(&Page::read(request, DEFAULT_LIMIT, true)?, |_batch| true)
}

fn text<'r>(
    request: &'r Value,
    param: &'static str,
    expected: &'static str,
) -> Result<&'r str, Problem> {
    let value = request.get(param).ok_or(Problem::Missing(param))?;
    value.as_str().ok_or(Problem::Invalid { param, expected })
}

fn answering(endpoint: &str) -> Option<Answering> {
    Some(match endpoint {
        "/v1/chat/completions" => chat::create_chat_completion,
        "/v1/completions" => |_, body| completions::create_completion(body),
        "/v1/embeddings" => |_, body| embeddings::create_embeddings(body),
        "/v1/moderations" => |_, body| moderations::create_moderation(body),
        "/v1/responses" => responses::create_response,
        "/v1/images/generations" => |_, body| images::generate_images(body),
        _ => return None,
    })
}

/// What came of a batch: lines of its two files, and what is wrong with its input.
#[derive(Default)]
struct Done {
    answers: Vec<Value>,
    failures: Vec<Value>,
    faults: Vec<Value>,
}

impl Done {
    fn of(shelves: &Shelves, endpoint: &str, answering: Answering, input: &[u8]) -> Self {
        let mut done = Self::default();
        let lines = input.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).enumerate();
        for (at, line) in lines.filter(|(_, line)| !line.is_empty()) {
            match object_in(line).ok().filter(|line| line["url"] == endpoint) {
                Some(line) => done.answer(shelves, answering, &line),
                None => done.faults.push(json!({
                    "code": "invalid_request", "line": at + 1, "param": null,
                    "message": "This line is not a request for the endpoint of the batch.",
                })),
            }
        }
        done
    }

    fn answer(&mut self, shelves: &Shelves, answering: Answering, line: &Value) {
        let mut body = line["body"].clone();
        if let Some(members) = body.as_object_mut() {
            // Nobody listens while a batch runs.
            members.remove("stream");
            members.remove("stream_options");
        }
        let answered = answering(shelves, body.to_string().as_bytes());
        let response = answered.unwrap_or_else(|problem| problem.error_response());
        let status = response.status();
        let body = response.into_body().try_into_bytes().unwrap_or_default();
        let told = json!({
            "id": format!("batch_req_{}", Uuid::now_v7().simple()),
            "custom_id": line["custom_id"],
            "response": {
                "status_code": status.as_u16(),
                "request_id": format!("req_{}", Uuid::now_v7().simple()),
                "body": serde_json::from_slice::<Value>(&body).unwrap_or_default(),
            },
            "error": null,
        });
        if status.is_success() { &mut self.answers } else { &mut self.failures }.push(told);
    }

    /// The batch's object; its files are kept on the way.
    fn batch(self, shelves: &Shelves, request: &Value) -> Value {
        let id = format!("batch_{}", Uuid::now_v7().simple());
        let valid = self.faults.is_empty();
        let keep = |kind: &str, lines: &[Value]| {
            let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
            let wanted = valid && !lines.is_empty();
            let name = format!("{id}_{kind}.jsonl");
            let file = wanted.then(|| keep_file(shelves, &name, "batch_output", lines.into()));
            file.and_then(|file| file.get("id").cloned())
        };
        let now = clock::now().as_secs();
        let at = |happened: bool| happened.then_some(now);
        json!({
            "id": id,
            "object": "batch",
            "endpoint": request["endpoint"],
            "input_file_id": request["input_file_id"],
            "completion_window": "24h",
            "status": if valid { "completed" } else { "failed" },
            "errors": (!valid).then(|| json!({ "object": "list", "data": self.faults })),
            "output_file_id": keep("output", &self.answers),
            "error_file_id": keep("error", &self.failures),
            "created_at": now,
            "in_progress_at": at(valid),
            "finalizing_at": at(valid),
            "completed_at": at(valid),
            "failed_at": at(!valid),
            "expires_at": now + A_DAY,
            "expired_at": null,
            "cancelling_at": null,
            "cancelled_at": null,
            "request_counts": {
                "total": self.answers.len() + self.failures.len(),
                "completed": self.answers.len(),
                "failed": self.failures.len(),
            },
            "metadata": request.get("metadata"),
        })
    }
}
