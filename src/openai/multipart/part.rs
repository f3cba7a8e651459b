//! A form's part: what it may be, and what is kept of it.
//!
//! Owns the rules for watched fields and for names that occur twice. It must never keep the data of
//! a part that nobody asked for.

use super::head::{PartHead, is_look_alike};
use crate::{
    openai::fields::{malformed, refuse},
    types::{Refusal, Sensitive},
};
use std::ops::Range;

/// The longest value of a watched field.
const MAX_VALUE_BYTES: u64 = 64 * 1024;
/// The field whose place in the body is kept.
const FILE: &str = "file";

/// The part that is being read.
pub(super) struct Part {
    /// Where its data begins in the body.
    pub(super) start: u64,
    /// What its own `Content-Length` says.
    claimed_bytes: Option<u64>,
    pub(super) is_file: bool,
    role: Role,
}

/// Where a part lies.
pub(in crate::openai) struct FormPart {
    /// The field's name.
    pub(in crate::openai) name: Box<str>,
    /// Its data in the body.
    pub(in crate::openai) data: Range<u64>,
    /// Whether it has a filename.
    pub(in crate::openai) is_file: bool,
    /// Whether its headers say how long it is.
    pub(in crate::openai) claims_length: bool,
}

/// What is left of a part that has been read.
pub(super) enum Ended {
    /// A field whose value is asked for.
    Watched {
        /// Its name.
        name: &'static str,
        /// Its value.
        value: Sensitive<String>,
    },
    /// The part `file`: where its data lies in the body.
    File(Range<u64>),
    /// Nothing.
    Other,
}

enum Role {
    Watched { name: &'static str, value: Vec<u8> },
    File,
    Other,
}

impl Part {
    /// A part whose data begins at `start`, after parts with the `earlier` names.
    pub(super) fn new(
        head: &PartHead<'_>,
        start: u64,
        watched: &'static [&'static str],
        earlier: &[Box<str>],
    ) -> Result<Self, Refusal> {
        let kept = || watched.iter().copied().chain([FILE]);
        if let Some(name) = kept().find(|name| is_look_alike(head.name, name)) {
            return Err(malformed("The field's name must be written exactly so.", name));
        }
        let kept_name = kept().find(|name| *name == head.name);
        let may_repeat = head.name.ends_with("[]") || head.name == "image";
        if (kept_name.is_some() || !may_repeat) && earlier.iter().any(|name| **name == *head.name) {
            let message = "A field must not occur twice.";
            return Err(kept_name.map_or_else(|| refuse(message), |name| malformed(message, name)));
        }
        let role = match kept_name {
            None => Role::Other,
            Some(FILE) if head.filename.is_some() => Role::File,
            Some(FILE) => return Err(malformed("The field must be a file with a filename.", FILE)),
            Some(name) if head.is_text && head.filename.is_none() => {
                Role::Watched { name, value: Vec::new() }
            }
            Some(name) => {
                return Err(malformed("The field must be plain text, not a file.", name));
            }
        };
        let (claimed_bytes, is_file) = (head.claimed_bytes, head.filename.is_some());
        Ok(Self { start, claimed_bytes, is_file, role })
    }

    /// Where it lies, with this name and this many bytes of data.
    pub(super) fn place(&self, name: Box<str>, data_bytes: u64) -> FormPart {
        let data = self.start..self.start + data_bytes;
        FormPart { name, data, is_file: self.is_file, claims_length: self.claimed_bytes.is_some() }
    }

    /// Takes the next bytes, some of which may belong to the delimiter already: `data_bytes` are
    /// known to be data by now.
    pub(super) fn keep(&mut self, bytes: &[u8], data_bytes: u64) -> Result<(), Refusal> {
        if let Role::Watched { name, value } = &mut self.role {
            if data_bytes > MAX_VALUE_BYTES {
                return Err(malformed("The field's value is too long.", name));
            }
            value.extend_from_slice(bytes);
        }
        Ok(())
    }

    /// The part has ended and had this many bytes of data.
    pub(super) fn end(self, data_bytes: u64) -> Result<Ended, Refusal> {
        if self.claimed_bytes.is_some_and(|claimed| claimed != data_bytes) {
            return Err(refuse("A part's Content-Length is not the length of its data."));
        }
        Ok(match self.role {
            Role::Watched { name, mut value } => {
                value.truncate(usize::try_from(data_bytes).unwrap_or(usize::MAX));
                Ended::Watched { name, value: Sensitive::new(plain_line(value, name)?) }
            }
            Role::File => Ended::File(self.start..self.start + data_bytes),
            Role::Other => Ended::Other,
        })
    }
}

/// Whether a field of this name holds a file that is no text to anybody but the provider.
pub(in crate::openai) fn is_file_field(name: &str) -> bool {
    matches!(name, "file" | "image" | "image[]" | "mask")
}

/// A watched value: what a reader might trim, normalise or decode in its own way is refused.
fn plain_line(value: Vec<u8>, name: &'static str) -> Result<String, Refusal> {
    let is_plain = |text: &String| {
        !text.chars().any(char::is_control)
            && text.trim().len() == text.len()
            && !text.starts_with('\u{feff}')
    };
    String::from_utf8(value).ok().filter(is_plain).ok_or_else(|| {
        let message = "The field must be one line of UTF-8 without control characters and without space around it.";
        malformed(message, name)
    })
}
