//! Reading a call that is a form.
//!
//! Owns which fields of a form we act on, and when enough of it is known to let the rest stream on.
//! It must never let a batch's file, or a model that is not yet known, pass unread.

use super::{ReadOptions, reading::Reading, references::References};
use crate::openai::{
    batch_file::{BatchInput, BatchReading, read_lines},
    endpoint::{BodyKind, Endpoint, FormKind, ModelPlace},
    fields::{malformed, refuse},
    multipart::{FormReader, boundary},
    texts::{form_texts, length_headers},
};
use crate::types::Refusal;
use std::sync::Arc;

/// The `purpose` of files that are read line by line.
const BATCH: &str = "batch";

/// The fields that a [`FormReader`] has to watch in a call to `endpoint`.
pub const fn watched_fields(endpoint: &Endpoint) -> &'static [&'static str] {
    match endpoint.body {
        BodyKind::Form(FormKind::Transcription | FormKind::ImageEdit) => &["model", "stream"],
        BodyKind::Form(FormKind::Translation | FormKind::ImageVariation) => &["model"],
        BodyKind::Form(FormKind::File) => &["purpose"],
        _ => &[],
    }
}

/// Whether the whole form has to be held before it is read (`Some(true)`), or may stream on with
/// what is known of it (`Some(false)`). `None`: that is not known yet. The file of a batch is always
/// held; any other form may go on once what it is authorised on has been seen.
pub fn must_be_held(endpoint: &Endpoint, form: &FormReader) -> Option<bool> {
    match endpoint.model {
        ModelPlace::FormField { .. } => form.field("model").map(|_| false),
        _ => form.field("purpose").map(|purpose| purpose == BATCH),
    }
}

/// A reader that has read all of `body`.
pub(super) fn read_whole(
    endpoint: &Endpoint,
    content_type: Option<&str>,
    body: &[u8],
) -> Result<FormReader, Refusal> {
    let boundary = boundary(content_type.unwrap_or_default())?;
    let mut form = FormReader::new(&boundary, watched_fields(endpoint));
    form.feed(body)?;
    form.finish()?;
    Ok(form)
}

/// Reads what the watched fields say.
pub(super) fn read_fields(
    endpoint: &'static Endpoint,
    form: &FormReader,
    body: &[u8],
) -> Result<Reading, Refusal> {
    if !form.is_complete() && must_be_held(endpoint, form) != Some(false) {
        return Err(refuse("The form ends too early."));
    }
    let mut reading = Reading::of(endpoint);
    reading.length_headers = length_headers(form, body);
    if let ModelPlace::FormField { defaults } = endpoint.model {
        reading.note_model(form.field("model"), defaults)?;
    }
    if endpoint.body == BodyKind::Form(FormKind::File) {
        let purpose = form.field("purpose");
        let purpose =
            purpose.ok_or_else(|| malformed("You must provide a purpose parameter.", "purpose"))?;
        // A server that ignores case would run what nobody has read.
        if purpose != BATCH && purpose.eq_ignore_ascii_case(BATCH) {
            return Err(malformed("Write the purpose in lower case.", "purpose"));
        }
    }
    reading.facts.stream = match form.field("stream") {
        None | Some("false" | "False") => false,
        Some("true" | "True") => true,
        Some(_) => return Err(malformed("The field must be true or false.", "stream")),
    };
    Ok(reading)
}

/// Reads the file of an upload for batches; the upload is authorised for all that it asks for.
pub(super) fn read_batch(
    form: &FormReader,
    body: &[u8],
    reading: &mut Reading,
    options: ReadOptions,
) -> Result<Option<BatchInput>, Refusal> {
    if form.field("purpose") != Some(BATCH) {
        return Ok(None);
    }
    let place = form
        .file()
        .and_then(|file| Some(usize::try_from(file.start).ok()?..usize::try_from(file.end).ok()?));
    let place = place.ok_or_else(|| malformed("You must provide a file.", "file"))?;
    let file = body.get(place.clone()).unwrap_or_default();
    let offset = options.collect_texts.then_some(place.start);
    let BatchReading { input: batch, tool_names, texts } = read_lines(file, offset)?;
    (reading.batch_file, reading.texts) = (Some(place), texts);
    reading.facts.has_tools = Some(!tool_names.is_empty());
    reading.facts.tool_names = tool_names;
    reading.facts.message_count = Some(batch.requests);
    reading.references = References::of(batch.references.clone());
    batch.models.iter().for_each(|model| reading.imply_model(Arc::clone(model)));
    Ok(Some(batch))
}

/// Looks for the texts of all other parts.
pub(super) fn read_texts(form: &FormReader, body: &[u8], reading: &mut Reading) {
    form_texts(form, body, reading.batch_file.is_some(), &mut reading.texts);
}

#[cfg(test)]
mod tests;
