//! What is scanned on which endpoint, on the way in and on the way out.
//!
//! Owns nothing of its own: specimens of calls and answers, one of each kind, are read by the very code that reads
//! calls and answers, and what it finds in them is what is said here. A new endpoint is covered by its row; a new
//! kind of body does not compile without its specimen.

mod specimens;

use super::UNREAD;
use crate::openai::{
    AnswerKind, BodyKind, Call, ENDPOINTS, Endpoint, ReadOptions, StreamMarker, Texts,
    UNKNOWN_ENDPOINT, answer_texts, find,
};
use crate::types::{Refusal, TextSurface};
use bytes::Bytes;
use schemars::JsonSchema;
use serde::Serialize;

/// What is scanned of all that is served.
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Coverage {
    /// One entry for each endpoint that is served.
    pub endpoints: Vec<EndpointCoverage>,
}

/// What is scanned of one endpoint's calls and answers.
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq, Serialize)]
pub struct EndpointCoverage {
    /// Its name in records.
    pub endpoint: String,
    /// The method.
    pub method: String,
    /// The path behind the base URL.
    pub path: String,
    /// The texts of a call.
    pub ingress: Vec<Covered>,
    /// The texts of an answer.
    pub egress: Vec<Covered>,
    /// How a streamed answer is judged; null where the endpoint does not stream.
    pub stream: Option<String>,
    /// What is not read, and why; null where everything is.
    pub not_screened: Option<String>,
}

/// A text that is scanned.
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Covered {
    /// The surface under which rules meet it.
    pub surface: TextSurface,
    /// What it is.
    pub note: String,
}

/// What is scanned under these settings. `inline`: streams are judged before they go on (`detection.stream`);
/// `forward_unknown`: endpoints that are not known are let through (`endpoints.unknown`).
pub fn coverage(inline: bool, forward_unknown: bool) -> Coverage {
    let mut endpoints: Vec<_> = ENDPOINTS.iter().map(|row| of(row, inline)).collect();
    let reason = match forward_unknown {
        true => UNREAD,
        false => "refused: only the endpoints above are served (endpoints.unknown)",
    };
    endpoints.push(EndpointCoverage {
        endpoint: UNKNOWN_ENDPOINT.to_owned(),
        method: "*".to_owned(),
        path: "/*".to_owned(),
        ingress: Vec::new(),
        egress: Vec::new(),
        stream: None,
        not_screened: Some(reason.to_owned()),
    });
    Coverage { endpoints }
}

fn of(endpoint: &'static Endpoint, inline: bool) -> EndpointCoverage {
    let (ingress, mut unread) = call_of(endpoint).unwrap_or_default();
    let answer = specimens::answer(endpoint);
    let answer_texts = answer_texts(endpoint, &answer).map(|it| it.texts).unwrap_or_default();
    let egress = covered(&answer, &answer_texts);
    for reason in reasons(&answer_texts).into_iter().chain(specimens::never_text(endpoint)) {
        if !unread.contains(&reason) {
            unread.push(reason);
        }
    }
    EndpointCoverage {
        endpoint: endpoint.name.to_owned(),
        method: endpoint.method.to_owned(),
        path: endpoint.path.to_owned(),
        ingress,
        egress,
        stream: stream_of(endpoint, inline).map(str::to_owned),
        not_screened: (!unread.is_empty()).then(|| unread.join("; ")),
    }
}

/// What is found in the specimen of a call, and what is not read in it.
fn call_of(endpoint: &'static Endpoint) -> Result<(Vec<Covered>, Vec<&'static str>), Refusal> {
    let path = endpoint.path.replace("{model}", "a-model").replace("{id}", "id_1");
    let route = find(endpoint.method, &path, false)?;
    let (content_type, body) = specimens::call(endpoint.body);
    let options =
        ReadOptions { request_stream_usage: false, collect_references: false, collect_texts: true };
    let query = Some(specimens::QUERY);
    let call = Call::read(route, query, content_type, Bytes::from(body), options)?;
    let mut found = covered(call.body(), call.texts());
    if let Some(note) = call.query_text() {
        found.push(Covered { surface: TextSurface::Other, note: note.into_owned() });
    }
    Ok((found, reasons(call.texts())))
}

/// A specimen's texts say themselves what they are. What is no sentence is a name or an id around them.
fn covered(body: &[u8], texts: &Texts) -> Vec<Covered> {
    let mut found: Vec<Covered> = Vec::new();
    for span in texts.spans() {
        let note = span.text(body).into_owned();
        let covered = Covered { surface: span.surface, note };
        if covered.note.contains(' ') && !found.contains(&covered) {
            found.push(covered);
        }
    }
    found
}

fn reasons(texts: &Texts) -> Vec<&'static str> {
    texts.unread().iter().map(|it| it.as_str()).collect()
}

fn stream_of(endpoint: &Endpoint, inline: bool) -> Option<&'static str> {
    if endpoint.stream_end == StreamMarker::None {
        return None;
    }
    if endpoint.body == BodyKind::Speech || endpoint.answer == AnswerKind::Opaque {
        return Some("its events carry sound, which is not read");
    }
    Some(match inline {
        true => {
            "judged before it goes on: only what may still become a match is held back, and a tool call until it is whole"
        }
        false => "judged as it passes: nothing is taken out or cut, everything is recorded",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_endpoint_is_covered_or_says_why_not() {
        let coverage = coverage(true, false);
        assert_eq!(coverage.endpoints.len(), ENDPOINTS.len() + 1);
        for (endpoint, it) in ENDPOINTS.iter().zip(&coverage.endpoints) {
            let name = format!("{} {}", endpoint.method, endpoint.path);
            let call = call_of(endpoint);
            assert!(call.is_ok(), "{name}: the specimen of its call cannot be read: {call:?}");
            let answer = specimens::answer(endpoint);
            assert!(answer_texts(endpoint, &answer).is_some(), "{name}: nor of its answer");
            let has_texts = endpoint.body == BodyKind::None || it.ingress.len() > 1;
            assert!(has_texts, "{name}: nothing is found in its call");
            assert!(
                !it.egress.is_empty() || it.not_screened.is_some(),
                "{name}: nor in its answer"
            );
            assert_eq!(it.stream.is_some(), endpoint.stream_end != StreamMarker::None, "{name}");
        }
    }

    #[test]
    fn every_surface_is_met_somewhere() {
        let coverage = coverage(true, false);
        for surface in TextSurface::ALL.iter().filter(|it| **it != TextSurface::Logprobs) {
            let meets = |it: &EndpointCoverage| {
                it.ingress.iter().chain(&it.egress).any(|covered| covered.surface == *surface)
            };
            assert!(coverage.endpoints.iter().any(meets), "{surface}");
        }
    }

    #[test]
    fn what_the_readers_find_is_what_is_said() {
        let coverage = coverage(true, true);
        let chat = coverage.endpoints.first().unwrap();
        let note = |surface| {
            chat.ingress.iter().find(|it| it.surface == surface).map(|it| it.note.as_str())
        };
        assert_eq!(note(TextSurface::System), Some("system and developer messages"));
        assert_eq!(note(TextSurface::ToolArguments), Some("arguments of tool calls"));
        assert!(chat.not_screened.as_ref().unwrap().contains("images"));
        let speech = coverage.endpoints.iter().find(|it| it.endpoint == "audio/speech").unwrap();
        assert!(speech.stream.as_ref().unwrap().contains("sound"));
        assert!(speech.egress.is_empty());
        assert_eq!(coverage.endpoints.last().unwrap().not_screened.as_deref(), Some(UNREAD));
    }
}
