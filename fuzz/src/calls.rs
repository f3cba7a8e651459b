//! A body as the call of every endpoint.

use super::json::{self, Members};
use bytes::Bytes;
use portcullis::{
    openai::{
        BodyKind, Call, ENDPOINTS, Endpoint, ModelPlace, ReadOptions, Route, StreamMarker, find,
    },
    types::Governed,
};
use std::sync::LazyLock;

static ROUTES: LazyLock<Vec<Route>> = LazyLock::new(|| {
    let path = |row: &Endpoint| row.path.replace("{model}", "m").replace("{id}", "x");
    ENDPOINTS.iter().map(|row| find(row.method, &path(row), false).unwrap()).collect()
});

/// The body that goes on is the one that came, or that with usage asked for; and the facts are what serde_json
/// finds in it.
pub fn check(input: &[u8]) {
    let body = Bytes::copy_from_slice(input);
    for route in ROUTES.iter() {
        let is_form = matches!(route.endpoint.body, BodyKind::Form(_));
        let content_type = is_form.then_some("multipart/form-data; boundary=xyz");
        let options = ReadOptions {
            request_stream_usage: true,
            collect_references: true,
            collect_texts: true,
        };
        let Ok(call) = Call::read(route.clone(), None, content_type, body.clone(), options) else {
            continue;
        };
        assert_eq!(call.body(), &body);
        if call.usage_added() {
            check_added_usage(&body, &call.outgoing_body());
        } else {
            assert_eq!(call.outgoing_body(), body);
        }
        if !is_form && !body.is_empty() {
            check_facts(&call, &body);
        }
    }
}

/// What serde_json finds in a JSON body.
fn check_facts(call: &Call, body: &[u8]) {
    assert!(json::is_unambiguous(body), "another reader finds a key twice, or no JSON");
    let members = Members::parse(body).unwrap();
    let facts = call.facts();
    let endpoint = call.endpoint();
    if matches!(endpoint.model, ModelPlace::JsonField { .. }) {
        assert_eq!(facts.model.as_deref(), members.text("model").as_deref());
        assert!(facts.model.is_some() || members.get("model").is_none());
    }
    if endpoint.stream_end != StreamMarker::None && endpoint.body != BodyKind::Speech {
        assert_eq!(facts.stream, members.get("stream") == Some("true"));
    }
}

/// Nothing but `stream_options.include_usage` has changed.
fn check_added_usage(body: &[u8], outgoing: &[u8]) {
    assert!(json::is_unambiguous(outgoing));
    let [before, after] = [body, outgoing].map(|text| Members::parse(text).unwrap());
    assert_eq!(others(&before, "stream_options"), others(&after, "stream_options"));
    let asked = after.object("stream_options").unwrap();
    assert_eq!(asked.get("include_usage"), Some("true"));
    let options = before.object("stream_options").unwrap_or(Members(Vec::new()));
    assert_ne!(options.get("include_usage"), Some("true"));
    assert_eq!(others(&options, "include_usage"), others(&asked, "include_usage"));
}

fn others<'m>(members: &'m Members<'_>, left_out: &str) -> Vec<&'m (String, &'m str)> {
    members.0.iter().filter(|(key, _)| key != left_out).collect()
}
