//! The endpoint table: what we serve, and what each endpoint looks like.
//!
//! Owns the mapping from a caller's method and path to a row, and the rendering of the upstream
//! path from that row. It must never pass a caller's path on, nor have a row for what we cannot read.

use crate::types::{Permission, Refusal};
use std::{borrow::Cow, sync::Arc};

/// Where the model of a call stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ModelPlace {
    /// The top-level field `model` of the JSON body, required.
    JsonField,
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
}

/// How a stream says that it is complete.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StreamMarker {
    /// `data: [DONE]`.
    Done,
    /// The endpoint does not stream.
    None,
}

/// What a successful answer that is not a stream is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AnswerKind {
    /// A JSON object.
    Json,
    /// A JSON object whose `data[]` is to be filtered to what the principal may use.
    ModelList,
}

/// One row of the table.
#[derive(Debug, Eq, PartialEq)]
pub struct Endpoint {
    /// The name in facts and records.
    pub name: &'static str,
    /// The HTTP method.
    pub method: &'static str,
    /// The path after the base URL. `{model}` stands for a model's name.
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
}

/// The table.
pub static ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        name: "chat/completions",
        method: "POST",
        path: "/chat/completions",
        permission: Permission::WebWrite,
        body: BodyKind::Chat,
        model: ModelPlace::JsonField,
        stream_end: StreamMarker::Done,
        answer: AnswerKind::Json,
    },
    Endpoint {
        name: "completions",
        method: "POST",
        path: "/completions",
        permission: Permission::WebWrite,
        body: BodyKind::Completion,
        model: ModelPlace::JsonField,
        stream_end: StreamMarker::Done,
        answer: AnswerKind::Json,
    },
    Endpoint {
        name: "embeddings",
        method: "POST",
        path: "/embeddings",
        permission: Permission::WebWrite,
        body: BodyKind::Embedding,
        model: ModelPlace::JsonField,
        stream_end: StreamMarker::None,
        answer: AnswerKind::Json,
    },
    Endpoint {
        name: "models",
        method: "GET",
        path: "/models",
        permission: Permission::WebRead,
        body: BodyKind::None,
        model: ModelPlace::None,
        stream_end: StreamMarker::None,
        answer: AnswerKind::ModelList,
    },
    Endpoint {
        name: "models/{model}",
        method: "GET",
        path: "/models/{model}",
        permission: Permission::WebRead,
        body: BodyKind::None,
        model: ModelPlace::Path,
        stream_end: StreamMarker::None,
        answer: AnswerKind::Json,
    },
];

/// A row together with what stood in the caller's path.
#[derive(Clone, Debug)]
pub struct Route {
    /// The row.
    pub endpoint: &'static Endpoint,
    /// The model, where the path names one.
    pub path_model: Option<Arc<str>>,
    /// The path to ask upstream for, rendered from the row.
    pub upstream_path: Cow<'static, str>,
}

/// Finds the row for what follows a surface's base, e.g. `/chat/completions`, as it stood in the
/// request line (not decoded).
pub fn find(method: &str, path: &str) -> Result<Route, Refusal> {
    let mut refusal = Refusal::UnknownEndpoint;
    for endpoint in ENDPOINTS {
        if let Some(path_model) = match_path(endpoint.path, path) {
            if endpoint.method == method {
                return Ok(route(endpoint, path_model));
            }
            refusal = Refusal::MethodNotAllowed;
        }
    }
    Err(refusal)
}

fn route(endpoint: &'static Endpoint, path_model: Option<Arc<str>>) -> Route {
    let upstream_path = match &path_model {
        Some(model) => Cow::Owned(endpoint.path.replace("{model}", model)),
        None => Cow::Borrowed(endpoint.path),
    };
    Route { endpoint, path_model, upstream_path }
}

/// Matches segment by segment. Fixed segments match byte for byte, so that an encoded slash, an
/// empty segment or `..` matches nothing.
fn match_path(pattern: &str, path: &str) -> Option<Option<Arc<str>>> {
    let mut model = None;
    let mut segments = path.split('/');
    for expected in pattern.split('/') {
        let segment = segments.next()?;
        if expected == "{model}" {
            model = Some(decode_model(segment)?.into());
        } else if segment != expected {
            return None;
        }
    }
    segments.next().is_none().then_some(model)
}

/// A model's name in a path. Fine-tuned models are `ft:gpt-4o:org::id`, and SDKs send the colon as
/// `%3A`. What may stand in a name needs no encoding in a path, so the decoded name is also its
/// rendering. A slash is refused even when encoded: not every server upstream keeps it encoded.
fn decode_model(segment: &str) -> Option<String> {
    let mut name = String::with_capacity(segment.len());
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        let byte = if byte == b'%' {
            let mut digit = || char::from(bytes.next()?).to_digit(16);
            u8::try_from(digit()? * 16 + digit()?).ok()?
        } else {
            byte
        };
        let is_allowed = byte.is_ascii_alphanumeric() || b"-._~:@+".contains(&byte);
        name.push(char::from(Some(byte).filter(|_| is_allowed)?));
    }
    let is_name = (1..=super::fields::MAX_NAME_BYTES).contains(&name.len());
    (is_name && name.bytes().any(|byte| byte != b'.')).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(path: &str) -> (&'static str, Option<String>, String) {
        let method = if path.starts_with("/models") { "GET" } else { "POST" };
        let route = find(method, path).unwrap();
        let model = route.path_model.map(|model| model.to_string());
        (route.endpoint.name, model, route.upstream_path.into_owned())
    }

    #[test]
    fn every_row_is_found_by_its_own_path() {
        for endpoint in ENDPOINTS {
            let path = endpoint.path.replace("{model}", "gpt-4o");
            let route = find(endpoint.method, &path).unwrap();
            assert_eq!((route.endpoint, route.upstream_path.as_ref()), (endpoint, path.as_str()));
            assert_eq!(route.path_model.is_some(), endpoint.model == ModelPlace::Path);
            assert_eq!(endpoint.permission == Permission::WebRead, endpoint.method == "GET");
        }
    }

    #[test]
    fn a_model_in_the_path_is_decoded_and_rendered_anew() {
        let ft = "ft:gpt-4o:acme::9x".to_owned();
        let path = "/models/ft:gpt-4o:acme::9x".to_owned();
        assert_eq!(
            found("/models/ft%3Agpt-4o%3aacme::9x"),
            ("models/{model}", Some(ft.clone()), path.clone())
        );
        assert_eq!(found(&path), ("models/{model}", Some(ft), path));
        assert_eq!(found("/models/%67pt-3.5").2, "/models/gpt-3.5");
    }

    #[test]
    fn a_path_that_is_not_plainly_one_of_ours_is_unknown() {
        for path in [
            "",
            "/",
            "chat/completions",
            "//chat/completions",
            "/chat//completions",
            "/chat",
            "/chat/completions/",
            "/chat%2Fcompletions",
            "/chat/../completions",
            "/Completions",
            "/models/",
            "/models/..",
            "/models/.",
            "/models/%2e%2e",
            "/models/a/b",
            "/models/a%2Fb",
            "/models/a%5Cb",
            "/models/a%",
            "/models/a%4",
            "/models/a%zz",
            "/models/a%00",
            "/models/a%20b",
            "/models/a%3Fb",
            "/models/gpt%E2%80%8B",
            "/realtime",
            "/models/{model}",
            "/chat/completions?x",
            "/organization/admin_api_keys",
        ] {
            for method in ["GET", "POST"] {
                assert_eq!(find(method, path).unwrap_err(), Refusal::UnknownEndpoint, "{path}");
            }
        }
        let long = format!("/models/{}", "a".repeat(257));
        assert_eq!(find("GET", &long).unwrap_err(), Refusal::UnknownEndpoint);
    }

    #[test]
    fn a_known_path_with_another_method_is_not_allowed() {
        for (method, path) in [
            ("GET", "/chat/completions"),
            ("post", "/chat/completions"),
            ("HEAD", "/models"),
            ("DELETE", "/models/ft:gpt-4o:acme::9x"),
            ("CONNECT", "/embeddings"),
        ] {
            assert_eq!(find(method, path).unwrap_err(), Refusal::MethodNotAllowed);
        }
    }

    proptest! {
        #[test]
        fn an_upstream_path_is_always_plain(path in "/(models/)?[ -~]{0,24}") {
            if let Ok(route) = find("GET", &path) {
                prop_assert!(!route.upstream_path.contains(['%', '?', '#', '\\', ' ']));
                prop_assert_eq!(
                    route.upstream_path.matches('/').count(),
                    route.endpoint.path.matches('/').count()
                );
            }
        }
    }
}
