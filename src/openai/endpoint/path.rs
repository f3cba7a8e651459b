//! Paths of the API.
//!
//! Owns how a caller's path is compared with a row's, and which paths are never served. It must
//! never take two spellings of one path for the same, but for a model's name.

use super::{Endpoint, Route};
use crate::openai::fields::MAX_NAME_BYTES;
use std::{borrow::Cow, sync::Arc};

const MAX_ID_BYTES: usize = 128;

/// Where credentials are made, or a channel is opened that cannot be read.
const FORBIDDEN: [&str; 6] =
    ["realtime", "organization", "chatkit", "client_secrets", "admin_api_keys", "api_keys"];

/// What stood in a path that matched.
#[derive(Debug, Default)]
pub(super) struct Named {
    model: Option<Arc<str>>,
    id: Option<Arc<str>>,
}

impl Named {
    pub(super) fn route_to(self, endpoint: &'static Endpoint) -> Route {
        let upstream_path = match (&self.model, &self.id) {
            (Some(model), _) => Cow::Owned(endpoint.path.replace("{model}", model)),
            (_, Some(id)) => Cow::Owned(endpoint.path.replace("{id}", id)),
            (None, None) => Cow::Borrowed(endpoint.path),
        };
        Route { endpoint, path_model: self.model, object_id: self.id, upstream_path }
    }
}

/// Matches segment by segment. Fixed segments match byte for byte, so that an encoded slash, an
/// empty segment or `..` matches nothing.
pub(super) fn matched(pattern: &str, path: &str) -> Option<Named> {
    let mut named = Named::default();
    let mut segments = path.split('/');
    for expected in pattern.split('/') {
        let segment = segments.next()?;
        match expected {
            "{model}" => named.model = Some(decode_model(segment)?.into()),
            "{id}" => named.id = Some(Some(segment).filter(|id| is_id(id))?.into()),
            _ if segment == expected => {}
            _ => return None,
        }
    }
    segments.next().is_none().then_some(named)
}

/// An object's id needs no encoding in a path, so it has only one spelling.
pub(in crate::openai) fn is_id(segment: &str) -> bool {
    (1..=MAX_ID_BYTES).contains(&segment.len())
        && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
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
    let is_name = (1..=MAX_NAME_BYTES).contains(&name.len());
    (is_name && name.bytes().any(|byte| byte != b'.')).then_some(name)
}

/// Whether a path that no row has leads where nobody may go, however it is spelled: an administrator
/// may have unknown paths forwarded, and these not.
pub(super) fn is_forbidden(path: &str) -> bool {
    let mut pieces = path.split('%');
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let byte = piece.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        plain.push(byte.map_or('%', char::from));
        plain.push_str(piece.get(if byte.is_some() { 2.. } else { 0.. }).unwrap_or_default());
    }
    plain.make_ascii_lowercase();
    plain.split(['/', '\\', '?', '#', ';']).any(|segment| FORBIDDEN.contains(&segment.trim()))
}
