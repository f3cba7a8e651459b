//! The endpoint table: what we serve, and what each endpoint looks like.
//!
//! Owns the words of a row and the mapping from a caller's method and path to one. It must never
//! pass a caller's path on, nor have a row for what we cannot read.

mod path;
mod table;
mod unknown;

pub use unknown::UNKNOWN_ENDPOINT;

pub use table::ENDPOINTS;

pub(super) use path::is_id;

use crate::types::{ObjectKind, Permission, Refusal};
use std::{borrow::Cow, sync::Arc};

/// Where the model of a call stands. Where the caller may leave it out, the provider's documented
/// `defaults` take its place; without any it is required.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ModelPlace {
    /// The top-level field `model` of the JSON body.
    JsonField {
        /// What the provider takes where there is none.
        defaults: &'static [&'static str],
    },
    /// The field `model` of the form.
    FormField {
        /// What the provider takes where there is none.
        defaults: &'static [&'static str],
    },
    /// The path.
    Path,
    /// Nowhere: the call needs only its permission.
    None,
}

/// What the body of a call is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BodyKind {
    /// There must be none.
    None,
    /// JSON with `messages`.
    Chat,
    /// JSON with `prompt`.
    Completion,
    /// JSON with `input`.
    Embedding,
    /// JSON with `input`, which may hold images too.
    Moderation,
    /// JSON with an `input` to be spoken.
    Speech,
    /// JSON with the `prompt` of an image.
    Image,
    /// JSON with `input` items and `instructions`.
    Response,
    /// JSON with `input_file_id` and `endpoint`.
    Batch,
    /// Any JSON object, or nothing.
    Json,
    /// Anything; nobody reads it.
    Unread,
    /// `multipart/form-data`.
    Form(FormKind),
}

/// What a form is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FormKind {
    /// A recording to write down.
    Transcription,
    /// A recording to write down in English.
    Translation,
    /// Images to edit.
    ImageEdit,
    /// An image to vary.
    ImageVariation,
    /// A file to keep.
    File,
}

/// How a stream says that it is complete.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StreamMarker {
    /// The endpoint does not stream.
    None,
    /// `data: [DONE]`, which ends every other stream too.
    Done,
    /// An event of one of these types.
    Events(&'static [&'static str]),
    /// An event of the type `ends`, one for each of the things that were asked for. How many there
    /// are, no event says: a cut between two of them is known only where the next one was `begun`,
    /// or by the transport.
    EachOf {
        /// The type of the events that come before it.
        begun: &'static str,
        /// Its type.
        ends: &'static str,
    },
    /// Nobody knows: the end of the answer's body counts.
    Unknown,
}

impl StreamMarker {
    /// Whether an event of this type is the last one (`Some(true)`), or tells that there is another
    /// to come (`Some(false)`).
    pub(super) fn is_ended_by(self, event_type: &[u8]) -> Option<bool> {
        let is = |one: &&str| one.as_bytes() == event_type;
        match self {
            Self::Events(types) => types.iter().any(is).then_some(true),
            Self::EachOf { ends, .. } if is(&ends) => Some(true),
            Self::EachOf { begun, .. } if is(&begun) => Some(false),
            _ => None,
        }
    }
}

/// What a successful answer that is not a stream is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AnswerKind {
    /// A JSON object.
    Json,
    /// A JSON object whose `data[]` is to be filtered to what the principal may use.
    ModelList,
    /// A JSON object whose `data[]` is to be filtered to what the principal made, where the
    /// provider's account is not the caller's own.
    ObjectList,
    /// Bytes that are nobody's business but the caller's: sound, a file's content.
    Opaque,
}

/// One row of the table.
#[derive(Debug, Eq, PartialEq)]
pub struct Endpoint {
    /// The name in facts and records: the path without its first slash.
    pub name: &'static str,
    /// The HTTP method.
    pub method: &'static str,
    /// The path after the base URL. `{model}` stands for a model's name, `{id}` for an object's.
    pub path: &'static str,
    /// What the caller's roles must hold.
    pub permission: Permission,
    /// What the body is.
    pub body: BodyKind,
    /// Where the model stands.
    pub model: ModelPlace,
    /// How its stream ends.
    pub stream_end: StreamMarker,
    /// What its plain answer is.
    pub answer: AnswerKind,
    /// What a successful call leaves in the provider's account, and the answer's `id` names.
    /// Whether this very call does is [`Call::stores_answer`](super::Call::stores_answer).
    pub creates: Option<ObjectKind>,
    /// What the `{id}` of the path is.
    pub addresses: Option<ObjectKind>,
    /// What the entries of the answer's list are.
    pub lists: Option<ObjectKind>,
}

/// A row together with what stood in the caller's path.
#[derive(Clone, Debug)]
pub struct Route {
    /// The row.
    pub endpoint: &'static Endpoint,
    /// The model, where the path names one.
    pub path_model: Option<Arc<str>>,
    /// The object, where the path names one.
    pub object_id: Option<Arc<str>>,
    /// The path to ask upstream for, rendered from the row.
    pub upstream_path: Cow<'static, str>,
}

/// Finds the row for what follows a surface's base, e.g. `/chat/completions`, as it stood in the
/// request line (not decoded). `forward_unknown`: an administrator lets pass what has no row
/// (`endpoints.unknown = "forward_unscreened"`).
pub fn find(method: &str, path: &str, forward_unknown: bool) -> Result<Route, Refusal> {
    let mut is_known = false;
    for endpoint in ENDPOINTS {
        if let Some(named) = path::matched(endpoint.path, path) {
            if endpoint.method == method {
                return Ok(named.route_to(endpoint));
            }
            is_known = true;
        }
    }
    if is_known {
        return Err(Refusal::MethodNotAllowed);
    }
    if path::is_forbidden(path) {
        return Err(Refusal::EndpointForbidden);
    }
    let unknown = unknown::route(method, path).filter(|_| forward_unknown);
    unknown.ok_or(Refusal::UnknownEndpoint)
}

/// The methods that a known path may be asked with.
pub fn methods_of(path: &str) -> Vec<&'static str> {
    let rows = ENDPOINTS.iter().filter(|row| path::matched(row.path, path).is_some());
    rows.map(|row| row.method).collect()
}

/// What the lines of a batch may ask for, as they write it.
const BATCHABLE: [&str; 6] = [
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/embeddings",
    "/v1/moderations",
    "/v1/responses",
    "/v1/images/generations",
];

/// The row that the lines of a batch name by `url`, and that url.
pub(super) fn batchable(url: &str) -> Option<(&'static str, &'static Endpoint)> {
    let url = *BATCHABLE.iter().find(|known| **known == url)?;
    let path = url.strip_prefix("/v1")?;
    let is_asked = |row: &&Endpoint| row.path == path && row.method == "POST";
    Some((url, ENDPOINTS.iter().find(is_asked)?))
}

#[cfg(test)]
mod tests;
