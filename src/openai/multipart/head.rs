//! The headers of a form's part.
//!
//! Owns what a part may say of itself. It must never let a part have two names, or one that readers
//! would decode, trim or fold in their own ways, nor let its data mean more than its bytes.

use super::parameters;
use crate::{openai::fields::refuse, types::Refusal};

/// The longest name of a field.
const MAX_NAME_BYTES: usize = 256;

/// What the headers of a part say.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct PartHead<'t> {
    /// The field's name.
    pub(super) name: &'t str,
    /// What it calls the file, where it is one.
    pub(super) filename: Option<&'t str>,
    /// Whether its type is plain text, as it is where none is named.
    pub(super) is_text: bool,
    /// What its `Content-Length` says.
    pub(super) claimed_bytes: Option<u64>,
}

/// Reads a block of headers, without the empty line that ends it.
pub(super) fn read(block: &[u8]) -> Result<PartHead<'_>, Refusal> {
    let text =
        str::from_utf8(block).ok().ok_or_else(|| refuse("A part's headers must be UTF-8."))?;
    let mut disposition = None;
    let mut kind = None;
    let mut encoding = None;
    let mut length = None;
    for line in text.split("\r\n") {
        let (name, value) = header(line)?;
        let place = match name.to_ascii_lowercase().as_str() {
            "content-disposition" => &mut disposition,
            "content-type" => &mut kind,
            "content-transfer-encoding" => &mut encoding,
            "content-length" => &mut length,
            _ => return Err(refuse("A part has a header that the gate does not know.")),
        };
        if place.replace(value).is_some() {
            return Err(refuse("A part has the same header twice."));
        }
    }
    if encoding.is_some_and(|encoding| !is_identity(encoding)) {
        return Err(refuse("A part must be sent as it is, without a transfer encoding."));
    }
    let (name, filename) = disposition.and_then(field).ok_or_else(|| {
        refuse("Each part needs a Content-Disposition of form-data with a quoted, plain name, then at most a filename.")
    })?;
    Ok(PartHead {
        name,
        filename,
        is_text: kind.map_or(Ok(true), is_text)?,
        claimed_bytes: length.map(claimed_bytes).transpose()?,
    })
}

/// Whether `name` is not `other`, but a reader that folds case, trims, or reads brackets and dots as
/// structure would find `other` in it.
pub(super) fn is_look_alike(name: &str, other: &str) -> bool {
    let first = name.split(['[', ']', '.', ' ']).find(|piece| !piece.is_empty());
    name != other && first.is_some_and(|first| first.eq_ignore_ascii_case(other))
}

/// One header. A folded line begins with a blank, which no name does.
fn header(line: &str) -> Result<(&str, &str), Refusal> {
    line.split_once(':')
        .filter(|(name, value)| parameters::is_token(name) && !value.contains(char::is_control))
        .map(|(name, value)| (name, value.trim_matches(' ')))
        .ok_or_else(|| {
            refuse("A part's headers must be single lines that end in CRLF, without control characters.")
        })
}

/// The name that a `Content-Disposition` gives, and that of the file if it is one. The name stands
/// first: a reader that searches for `name=` would also find it in `filename=`.
fn field(disposition: &str) -> Option<(&str, Option<&str>)> {
    let (kind, parameters) = parameters::parse(disposition)?;
    let mut parameters = parameters.into_iter();
    let name = parameters.next().filter(|first| first.name == "name" && first.is_quoted)?.value;
    let mut plain = None;
    let mut extended = None;
    for parameter in parameters {
        let seen = match parameter.name {
            "filename" if parameter.is_quoted && !parameter.value.is_empty() => &mut plain,
            "filename*" if is_extended(parameter.value) => &mut extended,
            _ => return None,
        };
        if seen.replace(parameter.value).is_some() {
            return None;
        }
    }
    (kind == "form-data" && is_name(name)).then_some((name, extended.or(plain)))
}

/// Printable ASCII that no reader unescapes or splits. `_charset_` would say how to read the other fields.
fn is_name(name: &str) -> bool {
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~') && !b"%;".contains(&byte);
    (1..=MAX_NAME_BYTES).contains(&name.len())
        && name.bytes().all(is_plain)
        && !name.trim_matches(' ').is_empty()
        && name != "_charset_"
        && !is_look_alike(name, "_charset_")
}

/// The value of `filename*` (RFC 8187) in UTF-8.
fn is_extended(value: &str) -> bool {
    let charset = value.split('\'').next().unwrap_or_default();
    charset.eq_ignore_ascii_case("utf-8") && value.matches('\'').count() == 2
}

/// Whether a `Content-Type` is plain text. Types that hold parts of their own, and texts that are
/// not UTF-8, would be read otherwise than we read them.
fn is_text(kind: &str) -> Result<bool, Refusal> {
    let unclear =
        || refuse("A part's Content-Type must be one plain type, and text must be UTF-8.");
    let (kind, parameters) = parameters::parse(kind).ok_or_else(unclear)?;
    let is_charset = |name: &str| name.to_ascii_lowercase().starts_with("charset");
    let mut charsets = parameters.iter().filter(|parameter| is_charset(parameter.name));
    let is_utf8 = match (charsets.next(), charsets.next()) {
        (None, _) => true,
        (Some(charset), None) => charset.name.len() == "charset".len() && charset.is_utf8(),
        _ => false,
    };
    let (main, sub) = kind.split_once('/').ok_or_else(unclear)?;
    let holds_parts = ["multipart", "message"].iter().any(|other| main.eq_ignore_ascii_case(other));
    if !is_utf8 || holds_parts || !parameters::is_token(main) || !parameters::is_token(sub) {
        return Err(unclear());
    }
    Ok(kind.eq_ignore_ascii_case("text/plain"))
}

fn is_identity(encoding: &str) -> bool {
    ["binary", "8bit", "7bit"].iter().any(|identity| encoding.eq_ignore_ascii_case(identity))
}

fn claimed_bytes(length: &str) -> Result<u64, Refusal> {
    let digits = Some(length).filter(|length| length.bytes().all(|byte| byte.is_ascii_digit()));
    digits
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| refuse("A part's Content-Length is not a number."))
}
