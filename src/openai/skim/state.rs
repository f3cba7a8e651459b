//! Where a skim stands between two bytes.
//!
//! Owns what has to be remembered from one chunk to the next. It must never hold content: captured
//! names are kept, bounded, by the skimmer itself.

use super::{
    place::{Field, Place},
    seen::Seen,
};

/// What the next byte belongs to.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Inside {
    #[default]
    Structure,
    Text(Capture),
    Scalar,
    Skipped,
}

/// What a text is kept for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Capture {
    Nothing,
    Key,
    Value,
}

/// What starts anew with each document.
#[derive(Default)]
pub(super) struct State {
    pub(super) seen: Seen,
    pub(super) inside: Inside,
    pub(super) place: Place,
    pub(super) field: Field,
    /// `place` is the response that an event carries, or within it.
    pub(super) is_in_response: bool,
    /// The `code` at the top level, which counts if the document is an error.
    pub(super) own_code: Option<Box<str>>,
    /// The `status` at the top level, which counts if the document is a response.
    pub(super) own_status: Option<Box<str>>,
    /// The `object` at the top level says so.
    pub(super) is_response: bool,
    pub(super) expects_key: bool,
    pub(super) is_escaped: bool,
    /// Containers open below `place`.
    pub(super) skipped_depth: usize,
    /// The scalar being read, as far as it is a whole number.
    pub(super) number: Option<u64>,
    /// The value being read is null.
    pub(super) is_null: bool,
    pub(super) choice_index: Option<u64>,
    pub(super) choice_finish: Option<Box<str>>,
    /// Where the last comma at the top level stands.
    pub(super) comma: Option<usize>,
    /// Where the current top-level member begins, its comma included.
    pub(super) member: usize,
    /// The cut member is the first one, so the comma to cut is the one after it.
    pub(super) cuts_to_next_key: bool,
}
