//! What a skim finds.
//!
//! Owns the facts that are recorded and the traits of one document that an edit is decided on. It
//! must never gain a field for content.

use crate::types::Usage;
use std::ops::Range;

/// What an answer says about itself.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AnswerFacts {
    /// The id of what was made or asked for.
    pub id: Option<Box<str>>,
    /// The model that the provider says it used.
    pub model: Option<Box<str>>,
    /// Why choice 0 ended, or the status of a response: `completed`, `incomplete`, …
    pub finish_reason: Option<Box<str>>,
    /// What else the answer holds that a later call may name: the items that a response has put
    /// out with their containers, and the sound of a chat message.
    pub inner_ids: Vec<Box<str>>,
    /// Token counts.
    pub usage: Usage,
    /// The error's `code`.
    pub error_code: Option<Box<str>>,
    /// The error's `type`.
    pub error_type: Option<Box<str>>,
}

impl AnswerFacts {
    /// Whether the provider tells of an error. Its `code` may be null, its `type` is not.
    pub const fn has_error(&self) -> bool {
        self.error_code.is_some() || self.error_type.is_some()
    }
}

/// What was seen of one document.
#[derive(Clone, Debug, Default)]
pub(in crate::openai) struct Seen {
    /// The outermost value is closed.
    pub(in crate::openai) is_complete: bool,
    /// There is an `error` that is not null, or the document itself is an event of type `error`.
    pub(in crate::openai) has_error: bool,
    /// There is a `choices` array and it is empty.
    pub(in crate::openai) has_empty_choices: bool,
    /// `usage` is an object.
    pub(in crate::openai) has_usage: bool,
    /// What to cut so that the member `"usage":null` was never there.
    pub(in crate::openai) null_usage: Option<Range<usize>>,
}
