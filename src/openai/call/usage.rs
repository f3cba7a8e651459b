//! Asking a stream for its usage.
//!
//! Owns the one change that we make to a body on our own account. It must never touch a byte more
//! than that takes.

use crate::openai::{
    edits::Edit,
    fields::{any_field, flag, malformed},
    json::{Kind, Value},
};
use crate::types::Refusal;
use std::ops::Range;

/// What asks for usage, where the caller does not.
pub(super) fn usage_splice(root: Value<'_>) -> Result<Option<Edit>, Refusal> {
    let Some(options) = any_field(root, "stream_options")? else {
        let text = r#","stream_options":{"include_usage":true}"#;
        return Ok(Some(Edit::replacement(before_brace(root), text)));
    };
    match options.kind() {
        Kind::Null => Ok(Some(Edit::replacement(options.span(), r#"{"include_usage":true}"#))),
        Kind::Object if flag(options, "include_usage")? => Ok(None),
        Kind::Object => Ok(Some(match any_field(options, "include_usage")? {
            Some(value) => Edit::replacement(value.span(), "true"),
            None if options.entries().next().is_some() => {
                Edit::replacement(before_brace(options), r#","include_usage":true"#)
            }
            None => Edit::replacement(before_brace(options), r#""include_usage":true"#),
        })),
        _ => Err(malformed("The field must be an object.", "stream_options")),
    }
}

/// The empty place before an object's closing brace.
fn before_brace(object: Value<'_>) -> Range<usize> {
    let brace = object.span().end.saturating_sub(1);
    brace..brace
}
