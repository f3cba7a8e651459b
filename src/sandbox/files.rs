//! `/v1/files`.
//!
//! Owns the file object. What is uploaded stays in memory until the sandbox ends.

use super::{
    form::Form,
    page::{Page, parameter},
    problem::Problem,
    shelf::{Kept, Shelves},
};
use crate::clock;
use actix_web::{HttpRequest, HttpResponse, web::Bytes};
use serde_json::{Value, json};
use uuid::Uuid;

const PURPOSES: [&str; 6] = ["assistants", "batch", "evals", "fine-tune", "user_data", "vision"];
const DEFAULT_LIMIT: usize = 10_000;

/// `POST /v1/files`.
pub(super) fn upload_file(
    shelves: &Shelves,
    request: &HttpRequest,
    body: &Bytes,
) -> Result<HttpResponse, Problem> {
    let form = Form::read(request, body)?;
    let file = form.file("file")?;
    let purpose = form.fields.get("purpose").ok_or(Problem::Missing("purpose"))?.as_str();
    let purpose = purpose.filter(|purpose| PURPOSES.contains(purpose)).ok_or(Problem::Invalid {
        param: "purpose",
        expected: "assistants, batch, evals, fine-tune, user_data or vision",
    })?;
    let object = keep_file(shelves, &file.filename, purpose, file.content.clone());
    Ok(HttpResponse::Ok().json(object))
}

/// Keeps a file and tells what it is.
pub(super) fn keep_file(shelves: &Shelves, filename: &str, purpose: &str, content: Bytes) -> Value {
    let object = json!({
        "id": format!("file-{}", Uuid::now_v7().simple()),
        "object": "file",
        "bytes": content.len(),
        "created_at": clock::now().as_secs(),
        "expires_at": null,
        "filename": filename,
        "purpose": purpose,
        "status": "processed",
        "status_details": null,
    });
    shelves.files.put(Kept { object: object.clone(), content, items: Vec::new() });
    object
}

/// `GET /v1/files`.
pub(super) fn list_files(
    shelves: &Shelves,
    request: &HttpRequest,
) -> Result<HttpResponse, Problem> {
    let purpose = parameter(request, "purpose");
    let page = Page::read(request, DEFAULT_LIMIT, true)?;
    shelves
        .files
        .list(&page, |file| purpose.as_deref().is_none_or(|purpose| file["purpose"] == purpose))
}

/// `GET /v1/files/{id}/content`.
pub(super) fn show_content(shelves: &Shelves, id: &str) -> Result<HttpResponse, Problem> {
    let content = shelves.files.find(id)?.content;
    Ok(HttpResponse::Ok().content_type("application/octet-stream").body(content))
}
