//! Endpoints without a row, where an administrator lets them pass unread.
//!
//! Owns which of their paths are plain enough to be passed on. It must never let a path pass that a
//! provider could take for one that has a row, where its call would have been read.

use super::{AnswerKind, BodyKind, ENDPOINTS, Endpoint, ModelPlace, Route, StreamMarker, path};
use crate::types::Permission;
use std::borrow::Cow;

/// What an endpoint without a row is called in facts and records.
pub const UNKNOWN_ENDPOINT: &str = "unknown";

static ROWS: [Endpoint; 5] = [
    Endpoint { permission: Permission::WebRead, ..row("GET") },
    row("POST"),
    row("PUT"),
    row("PATCH"),
    row("DELETE"),
];

const fn row(method: &'static str) -> Endpoint {
    Endpoint {
        name: UNKNOWN_ENDPOINT,
        permission: Permission::WebWrite,
        stream_end: StreamMarker::Unknown,
        answer: AnswerKind::Opaque,
        ..Endpoint::new(method, "/*", BodyKind::Unread)
    }
}

/// The route to a path that has no row.
pub(super) fn route(method: &str, path: &str) -> Option<Route> {
    let endpoint = ROWS.iter().find(|row| row.method == method)?;
    (is_plain(path) && !is_served(path)).then(|| Route {
        endpoint,
        path_model: None,
        object_id: None,
        upstream_path: Cow::Owned(path.to_owned()),
    })
}

/// Whether a provider could take the path for one that has a row. Some serve what names a model under
/// further prefixes too (`/v1/v1/…`, `/engines/…`).
fn is_served(path: &str) -> bool {
    let folded = path.to_ascii_lowercase();
    ENDPOINTS.iter().any(|row| {
        let mut places = folded.match_indices('/').map(|(at, _)| at);
        let is_at = |at: usize| {
            (at == 0 || row.model != ModelPlace::None)
                && folded.get(at..).and_then(|rest| path::matched(row.path, rest)).is_some()
        };
        places.any(is_at)
    })
}

/// Segments that mean the same to every server: none is empty, nothing is encoded, no dots lead
/// elsewhere.
fn is_plain(path: &str) -> bool {
    let is_plain = |segment: &str| {
        !segment.is_empty()
            && segment.bytes().any(|byte| byte != b'.')
            && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte))
    };
    path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(is_plain))
}
