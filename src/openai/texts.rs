//! Where text stands in a body.
//!
//! Owns the list of a body's texts, each with its surface and its place in the bytes, and of what in
//! it is no text that can be read. It must never hold text itself.

mod form;
mod packed;
mod shape;
mod span;
mod walk;
mod words;

pub(super) use form::{form_texts, length_headers};
pub(super) use shape::{Place, Shape};
pub(super) use walk::Walk;
pub(super) use words::is_own_word;

pub use span::TextSpan;

use crate::types::text_enum;

/// The texts of a body in the order in which they stand there.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Texts {
    pub(super) spans: Vec<TextSpan>,
    pub(super) unread: Vec<Unread>,
}

text_enum! {
    /// What a body holds besides its texts: why not all of it can be scanned.
    Unread {
        /// Pictures, sound and files within a JSON body.
        Binary = "images, audio and files are not read",
        /// A prompt or an input as numbers.
        Tokens = "token numbers are not text",
        /// The file of a form, and what stands behind it.
        Upload = "the uploaded file is not read",
        /// Reasoning that only the provider can read.
        Encrypted = "encrypted reasoning is not read",
        /// A field of a form that is not UTF-8.
        Encoding = "a field is not UTF-8",
    }
}

impl Texts {
    /// The texts.
    pub fn spans(&self) -> &[TextSpan] {
        &self.spans
    }

    /// What is not read, each reason once.
    pub fn unread(&self) -> &[Unread] {
        &self.unread
    }

    pub(super) fn skip(&mut self, reason: Unread) {
        if !self.unread.contains(&reason) {
            self.unread.push(reason);
        }
    }
}

#[cfg(test)]
mod tests;
