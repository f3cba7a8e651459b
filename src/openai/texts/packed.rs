//! What a string of base64 holds.
//!
//! Owns the choice between text and other bytes. It must never go by what a file says that it is:
//! only its content counts.

use crate::openai::run::run_before;
use base64::{
    Engine,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

/// Whether it is padded does not matter.
const CONFIG: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const PLAIN: GeneralPurpose = GeneralPurpose::new(&STANDARD, CONFIG);
const FOR_URLS: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, CONFIG);

/// What is shorter is read as it stands, even where bytes are expected.
const MIN_PAYLOAD_BYTES: usize = 64;

/// So much of it tells whether it could be text.
const SAMPLE: usize = 1_024;

/// What a string is where base64 is expected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Content {
    /// Base64 of text.
    Text,
    /// Base64 of something else.
    Bytes,
    /// No base64 that we take for such.
    Other,
}

/// What a string holds.
pub(super) fn content_of(base64: &str) -> Content {
    if text_of(base64).is_some() {
        return Content::Text;
    }
    let is_other = |byte: u8| {
        !(byte.is_ascii_alphanumeric() | matches!(byte, b'+' | b'/' | b'-' | b'_' | b'='))
    };
    let is_payload = base64.len() >= MIN_PAYLOAD_BYTES
        && run_before(base64.as_bytes(), is_other) == base64.len();
    if is_payload { Content::Bytes } else { Content::Other }
}

/// The text that base64 stands for; `None` if it is none.
pub(super) fn text_of(base64: &str) -> Option<String> {
    let engine = if base64.contains(['-', '_']) { FOR_URLS } else { PLAIN };
    let sample = engine.decode(base64.get(..SAMPLE).unwrap_or(base64)).ok()?;
    let is_cut = base64.len() > SAMPLE;
    let length = match str::from_utf8(&sample) {
        Err(error) if !is_cut || error.error_len().is_some() => return None,
        Err(error) => error.valid_up_to(),
        Ok(text) => text.len(),
    };
    let sample = str::from_utf8(sample.get(..length)?).ok()?;
    if !is_readable(sample) {
        return None;
    }
    let text = String::from_utf8(engine.decode(base64).ok()?).ok()?;
    is_readable(&text).then_some(text)
}

/// A text as base64.
pub(super) fn packed(text: &str) -> String {
    PLAIN.encode(text)
}

/// At most one character in ten is a control character.
fn is_readable(text: &str) -> bool {
    let is_odd = |c: &char| c.is_control() && !c.is_whitespace();
    let odd = text.chars().filter(is_odd).count();
    !text.is_empty() && odd * 10 <= text.chars().count()
}
