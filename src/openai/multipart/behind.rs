//! What stands behind a file that streams on.
//!
//! Owns which parts may stand there although nobody judges them: files, and fields that are too short
//! to say anything. It must never keep more of a field than that takes.

use super::{head::PartHead, part::is_file_field};
use crate::openai::texts::is_own_word;

/// The longest value that is looked at.
const MAX_VALUE_BYTES: usize = 32;
/// So little hides nothing, if it is a plain word or number.
const MAX_BRIEF_BYTES: usize = 8;
/// The longest plain name of a file.
const MAX_FILENAME_BYTES: usize = 64;

/// A part behind a file that streams on, while it is read.
pub(super) struct Behind {
    /// The beginning of its data, if it is text.
    value: Option<Vec<u8>>,
    says_much: bool,
}

impl Behind {
    pub(super) fn new(head: &PartHead<'_>) -> Self {
        let is_file = is_file_field(head.name) && head.filename.is_some();
        let name_is_plain = head.name.split(['[', ']']).all(|piece| is_brief(piece.as_bytes()));
        let filename_is_plain = head.filename.is_none_or(|name| {
            name.len() <= MAX_FILENAME_BYTES
                && name.bytes().all(|byte| byte == b' ' || is_plain(byte))
        });
        let value = (!is_file).then(Vec::new);
        Self { value, says_much: !(name_is_plain && filename_is_plain) }
    }

    /// Takes the next bytes, of which `data_bytes` are known to be data by now.
    pub(super) fn keep(&mut self, bytes: &[u8], data_bytes: u64) {
        let Some(value) = &mut self.value else { return };
        let room = MAX_VALUE_BYTES.saturating_sub(value.len()).min(bytes.len());
        value.extend_from_slice(bytes.get(..room).unwrap_or_default());
        self.says_much |= usize::try_from(data_bytes).map_or(true, |count| count > MAX_VALUE_BYTES);
    }

    /// The part has ended and had this many bytes of data.
    pub(super) fn end(&mut self, data_bytes: u64) {
        let Some(value) = &mut self.value else { return };
        value.truncate(usize::try_from(data_bytes).unwrap_or(usize::MAX));
        self.says_much |= !is_brief(value);
    }

    /// Whether it says more than may go unjudged.
    pub(super) const fn says_much(&self) -> bool {
        self.says_much
    }
}

fn is_brief(word: &[u8]) -> bool {
    let is_short = word.len() <= MAX_BRIEF_BYTES && word.iter().copied().all(is_plain);
    is_short || str::from_utf8(word).is_ok_and(is_own_word)
}

const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_')
}
