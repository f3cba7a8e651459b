//! Escapes that stand in a text as they were written, such as `\n` in the JSON of a tool's arguments.
//!
//! Owns where such an escape ends: what follows begins a word of its own. It must never look further
//! back than a context reaches.

/// More backslashes in a row are not counted.
const MOST: usize = 64;

/// Whether the byte is the letter of an escape: the `n` of `\n`, the `u` of `\u0041`.
pub(super) fn is_letter(bytes: &[u8], at: usize) -> bool {
    matches!(bytes.get(at), Some(b'b' | b'f' | b'n' | b'r' | b't' | b'u')) && is_escaped(bytes, at)
}

/// Whether an escape ends directly before this place.
pub(super) fn end_before(bytes: &[u8], at: usize) -> bool {
    let Some(last) = at.checked_sub(1) else { return false };
    let is_short = bytes.get(last) != Some(&b'u') && is_letter(bytes, last);
    is_short || {
        let Some(u) = at.checked_sub(5) else { return false };
        let digits = bytes.get(u + 1..at).unwrap_or_default();
        bytes.get(u) == Some(&b'u')
            && digits.iter().all(u8::is_ascii_hexdigit)
            && is_escaped(bytes, u)
    }
}

/// Whether an odd number of backslashes stands before it.
fn is_escaped(bytes: &[u8], at: usize) -> bool {
    let before = bytes.get(..at).unwrap_or_default();
    let backslashes = before.iter().rev().take(MOST).take_while(|byte| **byte == b'\\').count();
    backslashes % 2 == 1
}
