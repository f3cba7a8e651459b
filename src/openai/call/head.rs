//! What a call's head says about its body and its target.
//!
//! Owns the check of the content type and the rendering of the query. It must never let anything be
//! authorised on a query.

use crate::openai::fields::refuse;
use crate::types::Refusal;
use std::borrow::Cow;

/// A missing type is taken as JSON, because the body must be JSON and is forwarded as JSON. A
/// form, which OpenAI would read differently from us, is refused like any other type.
pub(super) fn check_content_type(content_type: Option<&str>) -> Result<(), Refusal> {
    let Some(content_type) = content_type else { return Ok(()) };
    let mut parts = content_type.split(';').map(str::trim);
    let is_json = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
    let is_utf8 = parts.all(|parameter| match parameter.split_once('=') {
        Some((key, value)) if key.trim().eq_ignore_ascii_case("charset") => {
            value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    });
    if is_json && is_utf8 {
        return Ok(());
    }
    Err(Refusal::UnsupportedMedia {
        message: Cow::Borrowed(
            "The body must be JSON in UTF-8. Send 'Content-Type: application/json'.",
        ),
    })
}

/// Path and query. The query passes as it came if it is one by RFC 3986 (and the brackets that SDKs
/// send in it).
pub(super) fn target(
    path: Cow<'static, str>,
    query: Option<&str>,
) -> Result<Cow<'static, str>, Refusal> {
    let Some(query) = query.filter(|query| !query.is_empty()) else { return Ok(path) };
    let mut pieces = query.split('%');
    let is_plain = |piece: &str| {
        let allowed = b"-._~!$&'()*+,;=:@/?[]";
        piece.bytes().all(|byte| byte.is_ascii_alphanumeric() || allowed.contains(&byte))
    };
    let is_first_plain = pieces.next().is_some_and(is_plain);
    let is_encoded = |piece: &str| {
        piece.get(..2).is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
            && is_plain(piece)
    };
    if is_first_plain && pieces.all(is_encoded) {
        return Ok(Cow::Owned(format!("{path}?{query}")));
    }
    Err(refuse("The query is not a valid URL query."))
}

/// A query without its escapes, as servers read it. What is not UTF-8 is replaced.
pub(super) fn query_text(query: &str) -> Cow<'_, str> {
    if !query.contains(['%', '+']) {
        return Cow::Borrowed(query);
    }
    let mut text = Vec::with_capacity(query.len());
    let mut rest = query.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let escaped = after
            .get(..2)
            .filter(|_| *byte == b'%')
            .and_then(|digits| u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok());
        text.push(escaped.unwrap_or(if *byte == b'+' { b' ' } else { *byte }));
        rest = if escaped.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    Cow::Owned(String::from_utf8_lossy(&text).into_owned())
}

/// A list's target for what comes after the entry with this id.
pub(super) fn target_after(target: &str, id: &str) -> String {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let is_other = |parameter: &&str| !parameter.is_empty() && !parameter.starts_with("after=");
    let mut parameters: Vec<&str> = query.split('&').filter(is_other).collect();
    let after = format!("after={id}");
    parameters.push(&after);
    format!("{path}?{}", parameters.join("&"))
}

/// Whether a query asks for a stream, as `GET /responses/{id}?stream=true` does. Only the record
/// depends on it: how an answer is read, its own content type decides.
pub(super) fn asks_for_stream(query: Option<&str>) -> bool {
    query.is_some_and(|query| query.split('&').any(|parameter| parameter == "stream=true"))
}
