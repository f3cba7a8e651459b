//! Which parser reads an answer.
//!
//! Owns the choice: event streams are read event by event, JSON is skimmed, anything else passes with
//! only its length known. It must never keep what it reads.

use super::Plan;
use crate::openai::{
    AnswerFacts, AnswerKind, AnswerReader, BodyKind, StreamEditor, StreamEnd, StreamFault,
    StreamMarker,
};
use actix_web::http::header::{self, HeaderMap};
use bytes::Bytes;

const EVENT_STREAM: &str = "text/event-stream";
const JSON: &str = "application/json";

/// Whether the answer calls itself an event stream.
pub(in crate::pipeline) fn is_event_stream(headers: &HeaderMap) -> bool {
    media_type(headers).is_some_and(|said| said.eq_ignore_ascii_case(EVENT_STREAM))
}

/// Whether the answer calls itself text.
pub(super) fn is_text(headers: &HeaderMap) -> bool {
    media_type(headers).is_some_and(|said| said.to_ascii_lowercase().starts_with("text/"))
}

/// Whether the answer calls itself JSON.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    media_type(headers).is_some_and(|said| said.eq_ignore_ascii_case(JSON))
}

/// What the answer calls itself, without parameters.
fn media_type(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    value.split(';').next().map(str::trim)
}

/// The parser of one answer.
pub(super) enum Reader {
    Events {
        editor: Box<StreamEditor>,
    },
    /// With an announced length the transport tells a cut; without one the JSON's own end does.
    Json {
        reader: Box<AnswerReader>,
        length_known: bool,
    },
    Opaque {
        facts: AnswerFacts,
        complete: bool,
    },
}

impl Reader {
    pub(super) fn for_answer(headers: &HeaderMap, failed: bool, plan: &Plan) -> Self {
        // An error passes as it came, so it need not be the JSON that it says.
        let length_known = failed || headers.contains_key(header::CONTENT_LENGTH);
        let endpoint = plan.endpoint;
        // What is a caller's own content says nothing of the call, whatever it calls itself.
        let is_content = !failed && endpoint.answer == AnswerKind::Opaque;
        let marker = match endpoint.stream_end {
            StreamMarker::None | StreamMarker::Unknown => None,
            marker => Some(marker).filter(|_| !failed),
        };
        let is_known = endpoint.body != BodyKind::Unread;
        if is_event_stream(headers) && is_known && (marker.is_some() || !is_content) {
            // A stream that nobody expects ends with its body.
            let marker = marker.unwrap_or(StreamMarker::Unknown);
            let editor = StreamEditor::new(marker, plan.strip_usage && !failed);
            Self::Events { editor: Box::new(editor) }
        } else if is_json(headers) && !is_content {
            let is_of_earlier_call = !failed && endpoint.addresses.is_some();
            let reader = if is_of_earlier_call {
                AnswerReader::of_earlier_call()
            } else {
                AnswerReader::default()
            };
            Self::Json { reader: Box::new(reader), length_known }
        } else {
            Self::Opaque { facts: AnswerFacts::default(), complete: false }
        }
    }

    /// Takes a chunk and releases what may go on.
    pub(super) fn feed(&mut self, chunk: Bytes, out: &mut Vec<Bytes>) -> Result<(), StreamFault> {
        match self {
            Self::Events { editor } => editor.feed(chunk, out),
            Self::Json { reader, .. } => {
                reader.feed(&chunk);
                out.push(chunk);
                Ok(())
            }
            Self::Opaque { .. } => {
                out.push(chunk);
                Ok(())
            }
        }
    }

    /// At the end of the provider's body: whether the answer is whole.
    pub(super) fn finish(&mut self, out: &mut Vec<Bytes>) -> bool {
        match self {
            Self::Events { editor } => editor.finish(out) == StreamEnd::Complete,
            Self::Json { reader, length_known } => *length_known || reader.is_complete(),
            Self::Opaque { complete, .. } => {
                *complete = true;
                true
            }
        }
    }

    pub(super) fn facts(&self) -> &AnswerFacts {
        match self {
            Self::Events { editor } => editor.facts(),
            Self::Json { reader, .. } => reader.facts(),
            Self::Opaque { facts, .. } => facts,
        }
    }

    /// Whether the answer's own end has been seen.
    pub(super) fn is_complete(&self) -> bool {
        match self {
            Self::Events { editor } => editor.is_complete(),
            Self::Json { reader, .. } => reader.is_complete(),
            Self::Opaque { complete, .. } => *complete,
        }
    }

    pub(super) fn is_event_stream(&self) -> bool {
        matches!(self, Self::Events { .. })
    }

    /// Whether a comment or an event of ours may be put in now.
    pub(super) fn at_boundary(&self) -> bool {
        matches!(self, Self::Events { editor } if editor.at_boundary())
    }
}
