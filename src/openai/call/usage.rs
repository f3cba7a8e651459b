//! Asking a stream for its usage.
//!
//! Owns the one change that we make to a body on our own account. It must never touch a byte more
//! than that takes.

use crate::openai::{
    fields::{any_field, flag, malformed},
    json::{Kind, Value},
};
use crate::types::Refusal;
use bytes::{Bytes, BytesMut};
use std::ops::Range;

/// A replacement of some bytes of the body.
#[derive(Clone, Debug)]
pub(super) struct Splice {
    place: Range<usize>,
    text: &'static str,
}

impl Splice {
    /// The body with the replacement made.
    pub(super) fn apply(&self, body: &[u8]) -> Bytes {
        let before = body.get(..self.place.start).unwrap_or_default();
        let after = body.get(self.place.end..).unwrap_or_default();
        let mut outgoing = BytesMut::with_capacity(body.len() + self.text.len());
        outgoing.extend_from_slice(before);
        outgoing.extend_from_slice(self.text.as_bytes());
        outgoing.extend_from_slice(after);
        outgoing.freeze()
    }
}

/// What asks for usage, where the caller does not.
pub(super) fn usage_splice(root: Value<'_>) -> Result<Option<Splice>, Refusal> {
    let Some(options) = any_field(root, "stream_options")? else {
        let text = r#","stream_options":{"include_usage":true}"#;
        return Ok(Some(Splice { place: before_brace(root), text }));
    };
    match options.kind() {
        Kind::Null => Ok(Some(Splice { place: options.span(), text: r#"{"include_usage":true}"# })),
        Kind::Object if flag(options, "include_usage")? => Ok(None),
        Kind::Object => Ok(Some(match any_field(options, "include_usage")? {
            Some(value) => Splice { place: value.span(), text: "true" },
            None if options.entries().next().is_some() => {
                Splice { place: before_brace(options), text: r#","include_usage":true"# }
            }
            None => Splice { place: before_brace(options), text: r#""include_usage":true"# },
        })),
        _ => Err(malformed("The field must be an object.", "stream_options")),
    }
}

/// The empty place before an object's closing brace.
fn before_brace(object: Value<'_>) -> Range<usize> {
    let brace = object.span().end.saturating_sub(1);
    brace..brace
}
