//! The boundary of a form, from the `Content-Type` of the request.
//!
//! Owns its strict reading. It must never accept a header in which another reader would find another
//! boundary, and with it other parts.

use super::parameters;
use crate::{openai::fields::refuse, types::Refusal};
use std::borrow::Cow;

/// The boundary that a `Content-Type` names: 1 to 70 of the bytes that RFC 2046 allows, but no
/// space, which some readers trim.
pub fn boundary(content_type: &str) -> Result<String, Refusal> {
    let kind = content_type.split(';').next().unwrap_or_default();
    if !kind.trim_matches(' ').eq_ignore_ascii_case("multipart/form-data") {
        let message =
            "The body must be a form. Send 'Content-Type: multipart/form-data' with its boundary.";
        return Err(Refusal::UnsupportedMedia { message: Cow::Borrowed(message) });
    }
    let unclear = || {
        refuse(
            "The Content-Type must name one boundary of 1 to 70 plain characters, and nothing else.",
        )
    };
    let (_, parameters) = parameters::parse(content_type).ok_or_else(unclear)?;
    let mut found = None;
    for parameter in parameters {
        if parameter.name.eq_ignore_ascii_case("charset") {
            if !parameter.is_utf8() {
                return Err(unclear());
            }
        } else if !parameter.name.eq_ignore_ascii_case("boundary")
            || found.replace(parameter.value).is_some()
        {
            return Err(unclear());
        }
    }
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=?".contains(&byte);
    found
        .filter(|boundary| (1..=70).contains(&boundary.len()) && boundary.bytes().all(is_allowed))
        .map(str::to_owned)
        .ok_or_else(unclear)
}
