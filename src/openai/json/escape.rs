//! Escape sequences in JSON strings.
//!
//! Owns their one decoder, used to check and to read. It must never accept half of a surrogate pair.

use std::borrow::Cow;

/// The text of a string's inside; `None` if an escape sequence is not valid.
pub(crate) fn unescape(raw: &str) -> Option<Cow<'_, str>> {
    let Some((plain, _)) = raw.split_once('\\') else { return Some(Cow::Borrowed(raw)) };
    let mut text = String::with_capacity(raw.len());
    text.push_str(plain);
    let mut rest = raw.get(plain.len()..)?;
    while !rest.is_empty() {
        let (character, length) = decode(rest.as_bytes())?;
        text.push(character);
        rest = rest.get(length..)?;
        let plain_bytes = memchr::memchr(b'\\', rest.as_bytes()).unwrap_or(rest.len());
        text.push_str(rest.get(..plain_bytes)?);
        rest = rest.get(plain_bytes..)?;
    }
    Some(Cow::Owned(text))
}

/// Decodes the sequence at the start of `bytes`: its character and its length in bytes.
pub(crate) fn decode(bytes: &[u8]) -> Option<(char, usize)> {
    let character = match *bytes.get(1)? {
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return decode_unicode(bytes),
        _ => return None,
    };
    Some((character, 2))
}

fn decode_unicode(bytes: &[u8]) -> Option<(char, usize)> {
    let first = hex(bytes.get(2..6)?)?;
    if let Some(character) = char::from_u32(first) {
        return Some((character, 6));
    }
    let high = first.checked_sub(0xD800).filter(|high| *high < 0x400)?;
    if bytes.get(6..8)? != b"\\u" {
        return None;
    }
    let low = hex(bytes.get(8..12)?)?.checked_sub(0xDC00).filter(|low| *low < 0x400)?;
    char::from_u32(0x1_0000 + (high << 10) + low).map(|character| (character, 12))
}

fn hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |number, &digit| Some(number * 16 + char::from(digit).to_digit(16)?))
}
