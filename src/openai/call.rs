//! A call: what we read of a request, together with the very bytes that will be forwarded.
//!
//! Owns what the gate knows of a request. It must never let facts and bytes drift apart: both are
//! private and made together.

mod body;
mod edit;
mod form;
mod head;
mod prompt;
mod reading;
mod references;
mod response;
mod usage;

pub use form::{must_be_held, watched_fields};
pub use prompt::{Prompt, PromptPiece};
pub use references::Reference;

pub(in crate::openai) use body::read_object;
pub(in crate::openai) use reading::Reading;

use super::{
    batch_file::BatchInput,
    edits::Edit,
    endpoint::{BodyKind, Endpoint, Route, StreamMarker, is_id},
    fields::refuse,
    multipart::FormReader,
};
use crate::types::{CallFacts, Governed, Refusal, Sensitive};
use bytes::Bytes;
use std::{borrow::Cow, sync::Arc};

/// How calls are read.
#[derive(Clone, Copy, Debug)]
pub struct ReadOptions {
    /// Whether to ask streams for their usage where the caller did not
    /// (`upstream.request_stream_usage`).
    pub request_stream_usage: bool,
    /// Whether to look for all objects that the body names, which takes a walk over all of it. The
    /// path's object and a batch's input file are always known.
    pub collect_references: bool,
    /// Whether to look for all texts, which takes a walk over all of the body too.
    pub collect_texts: bool,
}

/// A call that has been read.
#[derive(Clone, Debug)]
pub struct Call {
    endpoint: &'static Endpoint,
    target: Cow<'static, str>,
    content_type: Option<Cow<'static, str>>,
    body: Sensitive<Bytes>,
    reading: Reading,
    batch_input: Option<BatchInput>,
    /// What is changed on its way, but for the usage.
    edits: Sensitive<Vec<Edit>>,
}

impl Call {
    /// Reads a request whose route is known and whose body is whole. `query` is what follows the
    /// `?`, as it came.
    pub fn read(
        route: Route,
        query: Option<&str>,
        content_type: Option<&str>,
        body: Bytes,
        options: ReadOptions,
    ) -> Result<Self, Refusal> {
        let endpoint = route.endpoint;
        let has_body = !body.is_empty();
        let (reading, content_type) = match endpoint.body {
            BodyKind::None if has_body => {
                return Err(refuse("This request must not have a body."));
            }
            BodyKind::None | BodyKind::Json if !has_body => (Reading::of(endpoint), None),
            BodyKind::Form(_) => {
                let form = form::read_whole(endpoint, content_type, &body)?;
                return Self::read_form(route, query, content_type, &form, body, options);
            }
            BodyKind::Unread => (Reading::of(endpoint), content_type.map(own)),
            _ => {
                head::check_content_type(content_type)?;
                let reading = body::read_json(endpoint, &body, options)?;
                // What was read as JSON must be read as JSON upstream, also where the caller sent
                // no type.
                (reading, Some(Cow::Borrowed("application/json")))
            }
        };
        Self::new(route, query, content_type, body, reading)
    }

    /// Reads a form. `body` is what its reader has been fed with: all of it, or as much as it takes
    /// to know that the form [need not be held](must_be_held). In that case all that follows must
    /// be fed to the reader too before it goes on.
    pub fn read_form(
        route: Route,
        query: Option<&str>,
        content_type: Option<&str>,
        form: &FormReader,
        body: Bytes,
        options: ReadOptions,
    ) -> Result<Self, Refusal> {
        let mut reading = form::read_fields(route.endpoint, form, &body)?;
        let batch_input = form::read_batch(form, &body, &mut reading, options)?;
        if options.collect_texts {
            form::read_texts(form, &body, &mut reading);
        }
        let call = Self::new(route, query, content_type.map(own), body, reading)?;
        Ok(Self { batch_input, ..call })
    }

    fn new(
        route: Route,
        query: Option<&str>,
        content_type: Option<Cow<'static, str>>,
        body: Bytes,
        mut reading: Reading,
    ) -> Result<Self, Refusal> {
        let endpoint = route.endpoint;
        reading.note_addressed(endpoint.addresses, route.object_id);
        if route.path_model.is_some() {
            reading.facts.model = route.path_model;
        }
        if endpoint.body == BodyKind::None && endpoint.stream_end != StreamMarker::None {
            reading.facts.stream = head::asks_for_stream(query);
        }
        let target = head::target(route.upstream_path, query)?;
        let body = Sensitive::new(body);
        let edits = Sensitive::new(Vec::new());
        Ok(Self { endpoint, target, content_type, body, reading, batch_input: None, edits })
    }

    /// Adds what was recorded when the batch's input file was uploaded, so that the batch is
    /// authorised on it again.
    #[must_use]
    pub fn with_batch_models(mut self, models: Vec<Arc<str>>) -> Self {
        models.into_iter().for_each(|model| self.reading.imply_model(model));
        self
    }

    /// The same call for what comes after an entry of its list.
    pub fn after(&self, id: &str) -> Option<Self> {
        let target = head::target_after(&self.target, id);
        is_id(id).then(|| Self { target: Cow::Owned(target), ..self.clone() })
    }

    /// The endpoint's row.
    pub const fn endpoint(&self) -> &'static Endpoint {
        self.endpoint
    }

    /// Path and query to ask upstream for, after its base URL.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// What the query says, without its escapes; `None` where there is none.
    pub fn query_text(&self) -> Option<Cow<'_, str>> {
        self.target.split_once('?').map(|(_, query)| head::query_text(query))
    }

    /// The content type to send with the body: ours for JSON, the caller's own, with its boundary,
    /// for a form.
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// The objects of the provider's account that the call names, each once. Those in a body only
    /// where they [were asked for](ReadOptions::collect_references).
    pub fn references(&self) -> &[Reference] {
        self.reading.references.as_slice()
    }

    /// The file whose lines a new batch is to run.
    pub fn input_file(&self) -> Option<&Arc<str>> {
        self.reading.batch.as_ref().map(|batch| &batch.input_file)
    }

    /// The endpoint that those lines must ask for, e.g. `/v1/chat/completions`.
    pub fn batch_endpoint(&self) -> Option<&'static str> {
        self.reading.batch.as_ref().map(|batch| batch.url)
    }

    /// What an uploaded batch file asks for.
    pub const fn batch_input(&self) -> Option<&BatchInput> {
        self.batch_input.as_ref()
    }

    /// Whether the call leaves in the provider's account what its row
    /// creates.
    pub const fn stores_answer(&self) -> bool {
        self.reading.stores_answer
    }

    /// The body as it came.
    pub const fn body(&self) -> &Bytes {
        self.body.expose()
    }
}

impl Governed for Call {
    fn facts(&self) -> &CallFacts {
        &self.reading.facts
    }
}

fn own(content_type: &str) -> Cow<'static, str> {
    Cow::Owned(content_type.to_owned())
}

#[cfg(test)]
mod tests;
