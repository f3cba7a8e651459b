//! Reading `multipart/form-data` as loosely as the rest of the sandbox reads.
//!
//! Owns the splitting. It judges nothing: the gate in front has read the form strictly.

use super::problem::Problem;
use actix_web::{HttpRequest, http::header, web::Bytes};
use memchr::memmem;
use serde_json::{Map, Value};

/// A form's text fields, and its files in order.
pub(super) struct Form {
    /// Texts by name; what reads as a switch or a number is one.
    pub(super) fields: Map<String, Value>,
    files: Vec<Upload>,
}

/// One file of a form.
pub(super) struct Upload {
    field: String,
    /// The caller's name for it.
    pub(super) filename: String,
    /// Its bytes.
    pub(super) content: Bytes,
}

impl Form {
    /// Splits a body at the boundary that its header names.
    pub(super) fn read(request: &HttpRequest, body: &Bytes) -> Result<Self, Problem> {
        let content_type = request.headers().get(header::CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
        let boundary = boundary_in(content_type).ok_or(Problem::NotForm)?;
        let mut form = Self { fields: Map::new(), files: Vec::new() };
        for part in parts(body, boundary).ok_or(Problem::NotForm)? {
            form.take(body, part).ok_or(Problem::NotForm)?;
        }
        Ok(form)
    }

    /// The first file of a field; a list of files is named `field[]`.
    pub(super) fn file(&self, field: &'static str) -> Result<&Upload, Problem> {
        let found = self.files.iter().find(|file| file.field.trim_end_matches("[]") == field);
        found.ok_or(Problem::Missing(field))
    }

    fn take(&mut self, body: &Bytes, part: &[u8]) -> Option<()> {
        let end = memmem::find(part, b"\r\n\r\n")?;
        let head = std::str::from_utf8(part.get(..end)?).ok()?;
        let content = part.get(end + 4..)?;
        let field = attribute(head, "name")?.to_owned();
        if let Some(filename) = attribute(head, "filename") {
            let (filename, content) = (filename.to_owned(), body.slice_ref(content));
            self.files.push(Upload { field, filename, content });
        } else {
            self.fields.insert(field, value_of(std::str::from_utf8(content).ok()?));
        }
        Some(())
    }
}

fn boundary_in(content_type: &str) -> Option<&str> {
    let (_, rest) = content_type.strip_prefix("multipart/form-data")?.split_once("boundary=")?;
    Some(rest.split(';').next()?.trim().trim_matches('"'))
}

/// What stands between the delimiters, if the last one is there.
fn parts<'b>(body: &'b [u8], boundary: &str) -> Option<Vec<&'b [u8]>> {
    let delimiter = format!("\r\n--{boundary}");
    let mut rest = body.strip_prefix(delimiter.trim_start().as_bytes())?;
    let mut found = Vec::new();
    while !rest.starts_with(b"--") {
        let part = rest.strip_prefix(b"\r\n")?;
        let end = memmem::find(part, delimiter.as_bytes())?;
        found.push(part.get(..end)?);
        rest = part.get(end + delimiter.len()..)?;
    }
    Some(found)
}

/// `name="value"` of a part's head.
fn attribute<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let (_, rest) = head.split_once(&format!("; {name}=\""))?;
    rest.split_once('"').map(|(value, _)| value)
}

fn value_of(text: &str) -> Value {
    match (text, text.parse::<u32>()) {
        ("true", _) => Value::Bool(true),
        ("false", _) => Value::Bool(false),
        (_, Ok(number)) => number.into(),
        _ => text.into(),
    }
}
